"""A word that a model gave: of a caption with where it looked, of a transcript with when it was said."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Protocol

import numpy as np

__all__ = ["TextTranslator", "Word", "mean_confidence", "short_repr", "words_html"]

_SHOWN = 60  # characters of a text in a line


@dataclass(frozen=True, eq=False)
class Word:
    """One word of a caption or a transcript.

    Attributes:
        text: the word.
        confidence: the calibrated probability, 0 to 1, that the word is right; None where the model gives none.
        start: seconds from the beginning of the recording; None for a caption.
        end: likewise, where the word ends.
        attention: `[rows, columns]` float32, how much the model looked at each part of the photo; not negative, sums
            to one. Row 0 is the top of the upright photo, column 0 its left side. Copied and made read-only.

    Raises:
        ValueError: the confidence is not between 0 and 1, or the attention is not what it should be.
    """

    text: str
    confidence: float | None = None
    start: float | None = None
    end: float | None = None
    attention: np.ndarray | None = None

    def __post_init__(self) -> None:
        if self.confidence is not None:
            if not 0 <= self.confidence <= 1.0001:  # a rounded sum of probabilities; NaN fails as well
                raise ValueError(f"The confidence of “{self.text}” is {self.confidence}; it lies between 0 and 1.")
            object.__setattr__(self, "confidence", min(1.0, float(self.confidence)))
        for time in ("start", "end"):
            if (seconds := getattr(self, time)) is not None:
                if not math.isfinite(seconds):
                    raise ValueError(f"The {time} of “{self.text}” is {seconds}; it is a number of seconds.")
                object.__setattr__(self, time, float(seconds))
        if self.attention is not None:
            map_ = np.array(self.attention, dtype=np.float32)
            if map_.ndim != 2 or map_.size == 0:
                raise ValueError(f"The attention of “{self.text}” is [rows, columns], not {list(map_.shape)}.")
            if not (np.isfinite(map_).all() and map_.min() >= 0):
                raise ValueError(f"The attention of “{self.text}” has a number that is negative or not finite.")
            map_.flags.writeable = False
            object.__setattr__(self, "attention", map_)

    def as_dict(self, *, attention: bool = False) -> dict[str, Any]:
        """The word for JSON; what is None is left out, the attention too unless asked for."""
        made: dict[str, Any] = {"text": self.text}
        if self.confidence is not None:
            made["confidence"] = round(self.confidence, 4)
        made |= {key: round(time, 3) for key, time in (("start", self.start), ("end", self.end)) if time is not None}
        if attention and self.attention is not None:
            made["attention"] = [[round(value, 5) for value in row] for row in self.attention.tolist()]
        return made

    def __repr__(self) -> str:
        return short_repr(self, self.text, confidence=self.confidence, start=self.start, end=self.end)

    def _rest(self) -> tuple[Any, ...]:
        return (self.text, self.confidence, self.start, self.end)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Word):
            return NotImplemented
        if self.attention is None or other.attention is None:
            return self._rest() == other._rest() and self.attention is other.attention
        return self._rest() == other._rest() and np.array_equal(self.attention, other.attention)

    def __hash__(self) -> int:
        return hash(self._rest())


class TextTranslator(Protocol):
    """What can put captions and transcripts into another language: ``lstm_models.Translator`` is one."""

    def translate(self, text: list[str], /) -> Sequence[Any]:
        """Of each text a result with ``text``, ``notes`` and ``sentences``.

        A sentence has ``source``, ``source_words``, ``text``, and ``words`` that have ``text``, ``start`` (a character
        of the sentence's text), ``confidence`` and the number ``source`` of their source word.
        """


def short_repr(result: object, text: str, **facts: Any) -> str:
    """One line for a prompt: the kind of the result, its text, cut where it is long, and facts that are not None.

    >>> short_repr(word, "dog", confidence=0.714)
    'Word("dog", confidence=0.71)'
    """
    line = " ".join(text.split())
    cut = line if len(line) <= _SHOWN else line[: _SHOWN - 1].rstrip() + "…"
    shown = [f"{name}={value:.2f}" if isinstance(value, float) else f"{name}={value!r}" for name, value in facts.items()
            if value is not None]  # fmt: skip
    return f"{type(result).__name__}({', '.join([json.dumps(cut, ensure_ascii=False), *shown])})"


def words_html(words: Iterable[Word]) -> str:
    """Words for a notebook, each the fainter the less sure it is, with its confidence and times under the pointer."""
    parts = []
    for word in words:
        facts = [] if word.confidence is None else [f"{word.confidence:.0%} sure"]
        if word.start is not None and word.end is not None:
            facts.append(f"{word.start:.2f} to {word.end:.2f} s")
        faint = 1.0 if word.confidence is None else 0.35 + 0.65 * word.confidence
        parts.append(f'<span style="opacity: {faint:.2f}" title="{", ".join(facts)}">{escape(word.text)}</span>')
    return " ".join(parts)


def mean_confidence(words: Iterable[Word]) -> float | None:
    """The geometric mean of the words' confidences, 0 to 1; None where no word has one."""
    known = [word.confidence for word in words if word.confidence is not None]
    if not known:
        return None
    if min(known) == 0:
        return 0.0
    return math.exp(math.fsum(map(math.log, known)) / len(known))
