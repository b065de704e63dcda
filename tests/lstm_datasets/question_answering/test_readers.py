"""Tests of readers of questions, and of the items made of them."""

from __future__ import annotations

import json
import lzma
import tarfile

import pytest

from lstm_datasets.question_answering.dataset import PassageQuestions, token_span
from lstm_datasets.question_answering.readers import AskedPassage, AskedQuestion, read_squad
from lstm_datasets.question_answering.stories import Stories, read_babi
from lstm_models.errors import InputError
from lstm_models.tasks.question_answering.features import WordNumbers, tokenize
from lstm_models.tasks.question_answering.network import NOWHERE
from lstm_models.tasks.question_answering.stories import StoryAnswererConfig, StoryEncoder
from tests.helpers import tiny_questions

BABI = """1 Mary moved to the bathroom.
2 John went to the hallway.
3 Where is Mary? \tbathroom\t1
4 Mary went back to the hallway.
5 Where is Mary? \tHallway\t4
1 The office is east of the hallway.
2 How do you go?\ts,e\t1
"""


def test_squad(tmp_path):
    tiny_questions.squad(tmp_path / "a.json", 7)
    found = read_squad(tmp_path / "a.json")
    assert [passage.title for passage in found] == ["House 0"] * 5 + ["House 5"] * 2
    for passage in found:
        for question in passage.questions:
            ((answer, start),) = question.answers
            assert passage.text[start : start + len(answer)] == answer
    (tmp_path / "a.json.xz").write_bytes(lzma.compress((tmp_path / "a.json").read_bytes()))
    assert read_squad(tmp_path / "a.json.xz") == found


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "not JSON"),
        ("[]", "not of SQuAD's form"),
        ('{"data": [{"paragraphs": [{"context": "a"}]}]}', "not of SQuAD's form"),
        (
            json.dumps({"data": [{"paragraphs": [{"context": "abc", "qas": [
                {"id": "7", "question": "?", "answers": [{"text": "b", "answer_start": 0}]}]}]}]}),
            "question 7 is not where it says",
        ),
    ],
)  # fmt: skip
def test_what_is_not_squad(tmp_path, content, sentence):
    path = tmp_path / "a.json"
    path.write_text(content)
    with pytest.raises(InputError, match=sentence):
        read_squad(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_squad(tmp_path / "missing.json")


def test_answers_as_tokens():
    tokens = tokenize("It cost $1,500 then.")
    assert token_span(tokens, 9, 14) == (3, 3)
    assert token_span(tokens, 8, 14) == (2, 3)
    assert token_span(tokens, 10, 11) == (3, 3)  # within a token
    assert token_span(tokens, 7, 8) is None


def passage(title, text, *answers):
    asked = (AskedQuestion(word, f"Who {word}?", ((word, text.index(word)),)) for word in answers)
    return AskedPassage(title, text, tuple(asked))


def test_items_have_their_questions_and_others():
    passages = [
        passage("A", "one two three", "two", "three"),
        passage("A", "four five", "five"),
        passage("B", "six", "six"),
    ]
    data = PassageQuestions(passages, WordNumbers("", 4), others=2.0, at_most=1)
    assert len(data) == 4
    assert data.lengths == [3, 3, 2, 1]
    assert data[0].spans[0] == (1, 1)
    seen = set()
    for epoch in range(20):
        data.set_epoch(epoch)
        item = data[2]
        assert item.spans[0] == (1, 1)
        assert len(item.spans) == len(item.questions) == len(item.flags)
        assert all(span == (NOWHERE, NOWHERE) for span in item.spans[1:])
        seen.add(len(item.spans))
    assert len(seen) > 1
    assert data[2].spans == data[2].spans  # the same within an epoch


def test_an_answer_that_stands_again_is_one_there_too():
    passages = [passage("A", "In Rome, then rome again, not Romeo; in Rome.", "Rome", "again")]
    item = PassageQuestions(passages, WordNumbers("", 4))[0]
    assert item.spans == [(1, 1), (5, 5)]
    assert item.repeats == [(0, 4, 4), (0, 11, 11)]


def test_near_ones_are_of_the_same_article():
    passages = [passage(title, f"{title} and {word}", word) for title in "AB" for word in ("two", "three", "four")]
    numbers = WordNumbers("a b and two three four", 4)
    data = PassageQuestions(passages, numbers, others=3.0, near=1.0)
    seen = set()
    for epoch in range(10):
        data.set_epoch(epoch)
        seen |= {int(number) for asked in data[0].questions for number in asked.words}
    far = PassageQuestions(passages, numbers, others=3.0, near=0.0)
    assert {data.passage_of[number] for number in range(*data.article[0])} == {0, 1, 2}
    assert len(seen) > 3
    assert any(len(item.questions) > 1 for item in far)


def test_what_is_cut_off_is_left_out():
    passages = [passage("A", "one two three four", "two", "four", "one two three")]
    data = PassageQuestions(passages, WordNumbers("", 4), longest=3, longest_answer=2)
    assert [item.spans for item in data] == [[(1, 1)]]


def test_babi(tmp_path):
    path = tmp_path / "qa5_facts_train.txt"
    path.write_text(BABI)
    first, second, third = read_babi(path)
    assert first.sentences == ("Mary moved to the bathroom.", "John went to the hallway.")
    assert (first.question, first.answer, first.facts, first.kind) == ("Where is Mary?", "bathroom", (0,), "05")
    assert (len(second.sentences), second.answer, second.facts) == (3, "hallway", (2,))
    assert third.answer == "s,e"
    (tmp_path / "en").mkdir()
    path.rename(tmp_path / "en" / path.name)
    assert read_babi(tmp_path) == [first, second, third]
    with tarfile.open(tmp_path / "babi.tar.xz", "w:xz") as archive:
        archive.add(tmp_path / "en", "en")
    assert read_babi(tmp_path / "babi.tar.xz") == [first, second, third]
    data = Stories([first], StoryEncoder(StoryAnswererConfig("mary to", "hallway bathroom")))
    assert data[0].answer == 1
    assert data.lengths == [2]


@pytest.mark.parametrize(("content", "sentence"), [("Mary went.\n", "line 1: a line begins"), ("", "has no stories")])
def test_what_is_not_babi(tmp_path, content, sentence):
    (tmp_path / "qa1_a.txt").write_text(content)
    with pytest.raises(InputError, match=sentence):
        read_babi(tmp_path / "qa1_a.txt")
    with pytest.raises(InputError, match="cannot be read"):
        read_babi(tmp_path / "missing.txt")
