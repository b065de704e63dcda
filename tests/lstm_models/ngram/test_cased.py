"""Written words scored by a model of lower-case ones."""

from __future__ import annotations

import numpy as np
import pytest

import lstm_models
from lstm_models.decoding.ctc_search import ctc_beam_search
from lstm_models.decoding.options import SearchOptions
from lstm_models.ngram.cased import CasedWords


@pytest.fixture(scope="module")
def words() -> CasedWords:
    return CasedWords(lstm_models.load("words"))


def test_a_plain_word_scores_as_the_model_says(words: CasedWords) -> None:
    for word in ("house", "don't", "xqz"):
        assert words.score((), word) == words.model.score((), word)
    assert words.look_ahead("hou") == words.model.look_ahead("hou")


def test_capitals_marks_and_digits_have_a_price(words: CasedWords) -> None:
    def score(word: str) -> float:
        return words.score((), word)[0]

    assert score("tHe") < score("THE") == score("The") < score("the")
    assert score("the,") < score("the")
    assert score("I") > score("l")
    assert score("I") > score("1")
    assert score("I") > score("i")
    assert score("1956") < score("19") < 0
    assert score("") == 0


def test_a_sentence_ends_at_its_mark(words: CasedWords) -> None:
    assert words.score((), "home.")[1] == words.model.start
    assert words.score((), "home,")[1] == words.score((), "home")[1]


def test_the_parts_of_a_word_follow_each_other(words: CasedWords) -> None:
    price = words.score((), "-")[0]
    first, context = words.score((), "ice")
    second, after = words.score(context, "cold")
    assert words.score((), "ice-cold") == (pytest.approx(first + price + second), after)


def test_it_decides_between_letters_that_look_alike(words: CasedWords) -> None:
    alphabet = " ,Teghouz"
    spelt = "The hou?e,"
    rows = np.full((2 * len(spelt), len(alphabet) + 1), 1e-6)
    for place, letter in enumerate(spelt):
        for one in "zg" if letter == "?" else letter:
            rows[2 * place, alphabet.index(one) + 1] = 0.5
        rows[2 * place + 1, 0] = 1
    rows = np.log(rows / rows.sum(1, keepdims=True))
    letters = alphabet.replace("g", "s").replace("z", "g")  # house or hougz
    best = ctc_beam_search(rows, letters, SearchOptions(beam=8, lm_weight=0.5), words)[0]
    assert best.text == "The house,"
