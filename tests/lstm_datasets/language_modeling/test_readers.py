import json
import lzma

import pytest

from lstm_datasets.language_modeling.readers import read_lines, read_texts
from lstm_models.errors import InputError


def test_kinds_of_files(tmp_path):
    (tmp_path / "a.txt").write_text("One\nline each.\nThird")
    assert list(read_texts(tmp_path / "a.txt")) == ["One\nline each.\nThird"]
    (tmp_path / "b.txt").write_text("A paragraph\nof two lines.\n\n Another. \n")
    assert list(read_texts(tmp_path / "b.txt")) == ["A paragraph of two lines.\nAnother."]
    (tmp_path / "c.tsv").write_text("Hello.\tHallo.\nHello.\tGuten Tag.\nBye.\tCiao.\n")
    assert list(read_texts(tmp_path / "c.tsv")) == ["Hello.", "Bye."]
    article = {"data": [{"paragraphs": [{"context": "First."}, {"context": "Second."}]}]}
    with lzma.open(tmp_path / "d.json.xz", "wt") as file:
        json.dump(article, file)
    assert list(read_texts(tmp_path / "d.json.xz")) == ["First.\nSecond."]


def test_books_give_their_prose_and_texts_with_marks_apart_are_left_out(tmp_path):
    prose = "It was a dark night; the rain fell\nin _torrents_, except at times."
    book = "CHAPTER I.\n\nContents    1\n\n" + "\n\n".join([prose] * 150)
    lines = [json.dumps({"text": text}) for text in (book, "This , is tokenised , you see .")]
    (tmp_path / "books.jsonl").write_text("\n".join(lines))
    (found,) = read_texts(tmp_path / "books.jsonl")
    assert set(found.split("\n")) == {"It was a dark night; the rain fell in torrents, except at times."}


def test_long_texts_come_in_sections_of_whole_paragraphs(tmp_path):
    paragraph = "word " * 1000 + "end."
    (tmp_path / "a.txt").write_text("\n".join([paragraph] * 7))
    found = list(read_texts(tmp_path / "a.txt"))
    assert [text.count("\n") + 1 for text in found] == [3, 3, 1]
    assert "\n".join(found) == "\n".join([paragraph] * 7)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.pdf", b"x", "expected .txt, .jsonl, .tsv, .json"),
        ("none.txt", None, "cannot be read: No such file"),
        ("a.jsonl", b"{}\n", "is not a file of texts: KeyError"),
        ("a.json", b"[]", "is not a file of texts"),
        ("a.txt", b"\xff\xfe\xff", "is not a file of texts: UnicodeDecodeError"),
        ("a.txt.xz", b"no xz", "is not a file of texts: LZMAError"),
    ],
)
def test_bad_files_are_one_sentence(tmp_path, name, content, sentence):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=sentence):
        list(read_texts(tmp_path / name))


def test_lines_of_a_treebank(tmp_path):
    (tmp_path / "ptb.txt").write_text(" the <unk> \n\n a N\n")
    assert read_lines(tmp_path / "ptb.txt") == [" the <unk> ", " a N"]
    (tmp_path / "empty.txt").write_text("\n")
    with pytest.raises(InputError, match="has no line"):
        read_lines(tmp_path / "empty.txt")
    with pytest.raises(InputError, match="cannot be read"):
        read_lines(tmp_path / "none.txt")
