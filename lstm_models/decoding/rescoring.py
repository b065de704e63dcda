"""An n-best list in a better order: what a recogniser, reader or captioner found, weighed by a language model.

- A model takes part by one method, ``log_probs(texts)``; ``lstm_models.load("language-model")`` has it.
- The score of a text is the sum of its own, the weighed one of the model and a bonus for each word.
- `choose_weights` finds the weights that make fewest errors on development data.

>>> class Uniform:
...     def log_probs(self, texts):
...         return [-2.0 * len(text) for text in texts]
>>> rescore(["aa", "a"], [-1.0, -2.0], Uniform(), RescoreOptions(weight=0.5, word_bonus=0.0))
[1, 0]
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from lstm_models.errors import InputError
from lstm_models.field_checks import check_kinds

__all__ = ["NBest", "RescoreOptions", "Rescorer", "SentenceScorer", "choose_weights", "rescore"]


class SentenceScorer(Protocol):
    """What rescoring needs of a language model."""

    def log_probs(self, texts: Sequence[str], /) -> list[float]:
        """The natural logarithm of each text's probability, its end included."""


@dataclass(frozen=True)
class RescoreOptions:
    """How much a language model counts.

    Attributes:
        weight: of its natural log probability of a text.
        word_bonus: nats added for each word, as a language model likes short texts.
        kept: how much stays of what a first language model added in the search, from 0 to 1.

    Raises:
        InputError: a number is out of its range (``usage=True``).
    """

    weight: float = 0.3
    word_bonus: float = 0.0
    kept: float = 1.0

    def __post_init__(self) -> None:
        check_kinds(self)
        if not 0 <= self.weight < math.inf:
            raise InputError(f"the weight must be 0 or more, and is {self.weight}", usage=True)
        if not math.isfinite(self.word_bonus):
            raise InputError(f"word_bonus must be a number, and is {self.word_bonus}", usage=True)
        if not 0 <= self.kept <= 1:
            raise InputError(f"kept must be from 0 to 1, and is {self.kept}", usage=True)


class Rescorer(NamedTuple):
    """A language model for whole texts, and how much it counts."""

    model: SentenceScorer
    options: RescoreOptions

    def gains(self, texts: Sequence[str]) -> list[float]:
        """What it adds to the score of each text."""
        return _gains(texts, self.model.log_probs(texts), self.options)


class NBest(NamedTuple):
    """The texts of an input, their scores, and the errors that each has (words, letters, or a cost)."""

    texts: Sequence[str]
    scores: Sequence[float]
    errors: Sequence[float]


def rescore(
    texts: Sequence[str], scores: Sequence[float], model: SentenceScorer, options: RescoreOptions | None = None
) -> list[int]:
    """The places of the texts, the best first; equal ones stay in their order.

    Args:
        texts: an n-best list.
        scores: natural log probabilities of the texts, as their own model gave them.
        model: the language model.
        options: how much it counts.

    Raises:
        ValueError: there are not as many scores as texts.
    """
    if len(texts) != len(scores):
        raise ValueError(f"there are {len(texts)} texts and {len(scores)} scores")
    return _order(texts, scores, model.log_probs(texts), options or RescoreOptions())


def choose_weights(
    lists: Sequence[NBest],
    model: SentenceScorer,
    weights: Sequence[float] = (0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0),
    word_bonuses: Sequence[float] = (0.0, 0.5, 1.0, 2.0),
) -> tuple[RescoreOptions, float]:
    """The weights with which the first of each list has the fewest errors over all, and these errors; of equal ones the
    first.

    Args:
        lists: development data, each input's n-best list.
        model: the language model, asked once for each list.
        weights: what is tried.
        word_bonuses: what is tried with each weight.
    """
    found = [model.log_probs(each.texts) for each in lists]

    def errors(options: RescoreOptions) -> float:
        return sum(
            each.errors[_order(each.texts, each.scores, logs, options)[0]]
            for each, logs in zip(lists, found, strict=True)
        )

    tried = [RescoreOptions(weight, bonus) for weight, bonus in itertools.product(weights, word_bonuses)]
    best = min(tried, key=errors)
    return best, errors(best)


def _gains(texts: Sequence[str], logs: Sequence[float], options: RescoreOptions) -> list[float]:
    """What log probabilities and numbers of words add to the scores of the texts."""
    return [
        options.weight * log + options.word_bonus * len(text.split()) for text, log in zip(texts, logs, strict=True)
    ]


def _order(texts: Sequence[str], scores: Sequence[float], logs: Sequence[float], options: RescoreOptions) -> list[int]:
    totals = [score + gain for score, gain in zip(scores, _gains(texts, logs, options), strict=True)]
    return sorted(range(len(totals)), key=lambda place: -totals[place])
