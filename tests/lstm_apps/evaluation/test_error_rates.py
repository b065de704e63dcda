"""Error rates by hand, and against jiwer's own rate over all lines."""

from __future__ import annotations

import math

import jiwer
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_apps.evaluation.error_rates import ErrorCounts, comparable, count_errors, matches

TEXTS = st.lists(st.sampled_from(["a", "dog", "dogs", "it's", "the"]), min_size=1, max_size=8).map(" ".join)


def test_by_hand() -> None:
    counts = count_errors("THE cat, sat on", "the bat sat in on")
    assert counts == ErrorCounts(1, 4, substitutions=1, deletions=0, insertions=1, characters=14, character_errors=4)
    assert counts.wer == 50
    assert counts.cer == pytest.approx(100 * 4 / 14)
    assert count_errors("a b", "") == ErrorCounts(1, 2, 0, 2, 0, 3, 3)
    assert count_errors("a", "b c d").wer == 300


def test_compared_are_letters_and_apostrophes() -> None:
    assert comparable(" Don’t?  It's -- OK! ") == "don t it's ok"
    assert count_errors("It's, well: fine.", "IT'S WELL FINE").word_errors == 0


def test_counts_add_up() -> None:
    total = count_errors("a b", "a") + count_errors("c", "c d")
    assert (total.utterances, total.words, total.word_errors) == (2, 3, 2)
    assert total.wer == pytest.approx(200 / 3)
    assert math.isnan(ErrorCounts().wer)
    assert math.isnan(ErrorCounts().cer)


@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=5))
def test_the_sum_is_the_rate_of_all_lines(pairs: list[tuple[str, str]]) -> None:
    total = sum((count_errors(*pair) for pair in pairs), ErrorCounts())
    references, hypotheses = [list(texts) for texts in zip(*pairs, strict=True)]
    assert total.wer == pytest.approx(100 * jiwer.wer(references, hypotheses))
    assert total.cer == pytest.approx(100 * jiwer.cer(references, hypotheses))


@given(TEXTS, TEXTS)
def test_matching_words_are_equal_and_in_order(reference: str, hypothesis: str) -> None:
    said, heard = reference.split(), hypothesis.split()
    found = matches(said, heard)
    assert all(said[at] == heard[to] for at, to in found)
    assert found == sorted(found)
    assert len({at for at, _ in found}) == len({to for _, to in found}) == len(found)
    counts = count_errors(reference, hypothesis)
    assert len(found) == counts.words - counts.substitutions - counts.deletions


def test_matches_by_hand() -> None:
    assert matches(["the", "cat", "sat"], ["the", "a", "cat"]) == [(0, 0), (1, 2)]
    assert matches([], ["a"]) == matches(["a"], []) == []
