"""Scores of a question answerer: SQuAD's F1 and exact match (Rajpurkar et al. 2016, section 6.1), when it answers."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence

import numpy as np

__all__ = ["best_threshold", "exact_match", "f1", "normalized", "strict_threshold"]

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_MARKS = str.maketrans("", "", string.punctuation)


def normalized(answer: str) -> str:
    """An answer as it is compared: lower case, no marks, no articles, single blanks.

    >>> normalized("The  Broncos' win!")
    'broncos win'
    """
    return " ".join(_ARTICLES.sub(" ", answer.lower().translate(_MARKS)).split())


def exact_match(found: str, references: Sequence[str]) -> float:
    """1 where the answer is one of the references, else 0."""
    return float(any(normalized(found) == normalized(reference) for reference in references))


def f1(found: str, references: Sequence[str]) -> float:
    """The harmonic mean of precision and recall of the answer's words, by the reference with the highest, 0 to 1."""
    return max(_f1(normalized(found).split(), normalized(reference).split()) for reference in references)


def _f1(found: Sequence[str], wanted: Sequence[str]) -> float:
    same = sum((Counter(found) & Counter(wanted)).values())
    return 2 * same / (len(found) + len(wanted)) if same else 0.0


def best_threshold(there: np.ndarray, nowhere: np.ndarray) -> float:
    """The probability that best tells questions whose answer is there from those whose is not: the fractions of the
    first at or above it and of the second below it have the highest mean.

    Args:
        there: probabilities of the answers to questions that the passage answers.
        nowhere: of those to questions that it does not.
    """
    grid = np.linspace(0, 1, 101)
    means = [((there >= at).mean() + (nowhere < at).mean()) / 2 for at in grid]
    return float(grid[int(np.argmax(means))])


def strict_threshold(nowhere: np.ndarray, fraction: float) -> float:
    """The lowest probability, in hundredths, that at most a fraction of the answers reaches whose questions the passage
    does not answer.

    >>> strict_threshold(np.array([0.05, 0.10, 0.15, 0.40]), 0.25)
    0.16
    """
    grid = np.linspace(0, 1, 101)
    return float(next((at for at in grid if (nowhere >= at).mean() <= fraction), 1.0))
