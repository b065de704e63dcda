import json
import lzma

import pytest

from lstm_datasets.punctuation.readers import is_iwslt, read_documents, read_iwslt
from lstm_models.errors import InputError


def texts(path, **options):
    return [" ".join(word.text + word.mark for word in document) for document in read_documents(path, **options)]


def test_kinds_of_files(tmp_path):
    (tmp_path / "a.txt").write_text("One, two.\nThree?\n", encoding="utf-8")
    assert texts(tmp_path / "a.txt") == ["One, two.", "Three?"]
    rows = [{"text": "One.", "split": "train"}, {"text": "Two.", "split": "dev"}, {"text": "Three."}]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    assert texts(tmp_path / "a.jsonl") == ["One.", "Three."]
    assert texts(tmp_path / "a.jsonl", split="dev") == ["Two.", "Three."]
    squad = {"data": [{"paragraphs": [{"context": "One."}, {"context": "Two, three."}]}]}
    with lzma.open(tmp_path / "a.json.xz", "wt") as file:
        json.dump(squad, file)
    assert texts(tmp_path / "a.json.xz") == ["One.", "Two, three."]


def test_sentences_of_a_table_come_once_each_fifty_a_document(tmp_path):
    lines = [f"Sentence {number // 2}.\tSatz {number}." for number in range(240)]
    (tmp_path / "a.tsv").write_text("\n".join(lines), encoding="utf-8")
    found = texts(tmp_path / "a.tsv")
    assert len(found) == 3
    assert sorted(" ".join(found).split()) == sorted(word for n in range(120) for word in ("Sentence", f"{n}."))
    assert found == texts(tmp_path / "a.tsv")  # the same order again


def test_of_a_book_paragraphs_that_are_prose_are_taken(tmp_path):
    prose = "It was a bright cold day in April, and\nthe clocks were striking thirteen."
    book = "\n\n".join(
        ["THE BOOK", "CONTENTS", "CHAPTER I\n" * 100, "I. THE FIRST CHAPTER OF ALL THE BOOK HERE.", prose]
    )
    (tmp_path / "a.jsonl").write_text(json.dumps({"text": book + "\n" * 200}), encoding="utf-8")
    assert texts(tmp_path / "a.jsonl") == [prose.replace("\n", " ")]


def test_iwslt_with_its_clitics_joined(tmp_path):
    rows = ["we O", "'re O", "here COMMA", "do O", "n't O", "go PERIOD", "why QUESTION", "'s O"]
    path = tmp_path / "a.tsv"
    path.write_text("\n".join(rows).replace(" ", "\t") + "\n", encoding="utf-8")
    assert is_iwslt(path)
    assert read_iwslt(path) == [("we're", ""), ("here", ","), ("don't", ""), ("go", "."), ("why", "?"), ("'s", "")]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "x"),
        ("a.json", "{"),
        ("a.json", "[]"),
        ("a.jsonl", '{"no": 1}'),
        ("a.jsonl", "3"),
        ("a.txt.xz", "not packed"),
        ("none.txt", None),
    ],
)
def test_bad_files_are_one_sentence(tmp_path, name, content):
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=name):
        list(read_documents(tmp_path / name))


def test_iwslt_refuses_other_marks(tmp_path):
    (tmp_path / "a.tsv").write_text("we\tO\nare\tDASH\n")
    with pytest.raises(InputError, match="line 2: 'DASH'"):
        read_iwslt(tmp_path / "a.tsv")
    assert not is_iwslt(tmp_path / "none.tsv")
