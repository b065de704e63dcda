"""Numbers in words, beside num2words, an implementation of its own.

Run: python -m pytest tests/lstm_datasets/speech/test_number_words.py
"""

from __future__ import annotations

import random

import pytest

from lstm_models.text.number_words import number_words

SPOKEN = {
    (0, "cardinal"): "zero", (13, "cardinal"): "thirteen", (40, "cardinal"): "forty", (85, "cardinal"): "eighty five",
    (1001, "cardinal"): "one thousand and one", (2_000_100, "cardinal"): "two million one hundred",
    (3, "ordinal"): "third", (12, "ordinal"): "twelfth", (20, "ordinal"): "twentieth", (31, "ordinal"): "thirty first",
    (100, "ordinal"): "one hundredth", (1900, "year"): "nineteen hundred", (1905, "year"): "nineteen oh five",
    (2005, "year"): "two thousand and five", (2026, "year"): "twenty twenty six", (1066, "year"): "ten sixty six",
}  # fmt: skip


@pytest.mark.parametrize(("number", "kind"), SPOKEN)
def test_as_people_say_it(number, kind) -> None:
    assert number_words(number, kind) == SPOKEN[number, kind]


def test_as_another_implementation_says_it() -> None:
    other = pytest.importorskip("num2words", reason="needs num2words (the extra “test”)").num2words
    draw = random.Random(1)
    numbers = [*range(0, 3000, 7), *range(120), *(draw.randrange(10 ** draw.randrange(1, 21)) for _ in range(1000))]
    for number in numbers:
        for kind in ("cardinal", "ordinal", "year"):
            assert number_words(number, kind) == other(number, to=kind).replace("-", " ").replace(",", "")


@pytest.mark.parametrize("number", [-1, 10**27])
def test_numbers_without_words(number: int) -> None:
    with pytest.raises(ValueError, match="has no words here"):
        number_words(number)
