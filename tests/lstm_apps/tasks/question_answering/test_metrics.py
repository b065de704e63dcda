"""Tests of the scores of answers, by the rules of SQuAD's paper and another implementation."""

from __future__ import annotations

import numpy as np
import pytest

from lstm_apps.tasks.question_answering.metrics import best_threshold, exact_match, f1, normalized, strict_threshold


@pytest.mark.parametrize(
    ("found", "references", "wanted"),
    [
        ("the Broncos", ["Broncos", "Denver Broncos"], (1, 1)),
        ("Denver Broncos.", ["The Broncos"], (0, 2 / 3)),
        ("an apple a day", ["apple days"], (0, 0.5)),
        ("1,094 km", ["1094 km"], (1, 1)),
        ("north", ["south"], (0, 0)),
        ("the the", ["a"], (1, 0)),
    ],
)
def test_scores_by_hand(found, references, wanted):
    assert (exact_match(found, references), f1(found, references)) == pytest.approx(wanted)


def test_scores_as_torchmetrics_has_them():
    squad = pytest.importorskip("torchmetrics.text").SQuAD
    words = ["the", "a", "red", "dog", "ran.", "over,", "hills", "and", "far-away", "Dog"]
    generator = np.random.default_rng(0)
    for number in range(50):
        found, *wanted = (" ".join(generator.choice(words, generator.integers(1, 6))) for _ in range(4))
        metric = squad()
        answers = {"answer_start": [0] * len(wanted), "text": wanted}
        metric.update([{"prediction_text": found, "id": str(number)}], [{"answers": answers, "id": str(number)}])
        theirs = metric.compute()
        assert 100 * exact_match(found, wanted) == pytest.approx(float(theirs["exact_match"]))
        if normalized(found):
            assert 100 * f1(found, wanted) == pytest.approx(float(theirs["f1"]), abs=1e-3)


def test_the_threshold_tells_them_apart():
    assert 0.3 < best_threshold(np.array([0.8, 0.7, 0.4]), np.array([0.1, 0.2, 0.3])) <= 0.4


@pytest.mark.parametrize(("fraction", "wanted"), [(1.0, 0.0), (0.5, 0.16), (0.25, 0.41), (0.0, 0.91)])
def test_the_strict_threshold_lets_no_more_false_answers_through(fraction: float, wanted: float) -> None:
    assert strict_threshold(np.array([0.15, 0.055, 0.405, 0.905]), fraction) == pytest.approx(wanted)
