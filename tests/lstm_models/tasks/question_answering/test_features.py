"""Tests of tokens and their numbers."""

from __future__ import annotations

import numpy as np
import pytest

from lstm_models.tasks.question_answering.features import SHAPES, UNKNOWN, WordNumbers, match_flags, tokenize


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("It didn’t cost $1,500.50!", ["It", "did", "n't", "cost", "$", "1,500.50", "!"]),
        ("Ann's twenty-five", ["Ann", "'s", "twenty", "-", "five"]),
        ("“Yes”—he", ['"', "Yes", '"', "-", "he"]),
        ("Zoë, 2008–2010.", ["Zoë", ",", "2008", "-", "2010", "."]),
        ("", []),
    ],
)
def test_tokens(text, tokens):
    assert [token.text for token in tokenize(text)] == tokens


def test_tokens_know_their_characters():
    text = "The  fee: 3.5 %\n\tof Ann’s — “all”."
    for token in tokenize(text):
        assert text[token.start : token.end].translate(str.maketrans("’“”—", '\'""-')) == token.text
    covered = sum(token.end - token.start for token in tokenize(text))
    assert covered == sum(not character.isspace() for character in text)


def test_numbers_of_words():
    numbers = WordNumbers("the cat", 16)
    encoded = numbers.encode(["The", "dog", "CAT"])
    assert encoded.words.tolist() == [2, UNKNOWN, 3]
    assert [SHAPES[shape] for shape in encoded.shapes] == ["title", "lower", "upper"]
    assert (encoded.endings < 16).all()
    assert len(numbers) == 4


@pytest.mark.parametrize(
    ("word", "shape"),
    [
        ("I", "title"),
        ("iPhone", "mixed"),
        ("1,500", "number"),
        ("10th", "number with letters"),
        ("–", "mark"),
        ("日", "lower"),
    ],
)
def test_shapes(word, shape):
    assert SHAPES[WordNumbers("", 4).encode([word]).shapes[0]] == shape


def test_flags_are_the_same_word_in_any_case_and_alike_ones():
    numbers = WordNumbers("", 4)
    passage, question = numbers.encode(["Inventors", "invented", "It"]), numbers.encode(["it", "invented"])
    assert match_flags(passage, question).tolist() == [[0, 0, 1], [1, 1, 1], [0, 1, 1]]


def test_no_words():
    assert WordNumbers("", 4).encode([]).words.shape == (0,)
    assert match_flags(WordNumbers("", 4).encode([]), WordNumbers("", 4).encode(["a"])).dtype == np.uint8
