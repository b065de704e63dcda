"""What a handwriting reader gives back: a `Reading`, and its JSON."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from html import escape
from typing import Any

from lstm_models.io.atomic_write import one_line
from lstm_models.results import Word, mean_confidence, short_repr, words_html

__all__ = ["Reading"]


@dataclass(frozen=True)
class Reading:
    """What handwriting says.

    Attributes:
        text: what was read; a line break between two lines of writing.
        words: its words, in order, with their confidences.
        characters: how sure the reader is of each character of the text, 0 to 1 (spaces and line breaks included).
        score: by which the search ranked the text, in nats; the higher, the likelier.
        alternatives: the next best readings, best first.
        source: the name of the drawing; "" where it has none.
        notes: sentences for the user, such as that it may be no handwriting.

    Raises:
        ValueError: there is not one confidence a character, or the score is not a finite number.
    """

    text: str
    words: tuple[Word, ...] = ()
    characters: tuple[float, ...] = ()
    score: float = 0.0
    alternatives: tuple[Reading, ...] = ()
    source: str = ""
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("words", "characters", "alternatives", "notes"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if len(self.characters) != len(self.text):
            raise ValueError(f"{len(self.characters)} confidences for the {len(self.text)} characters of a reading")
        if not math.isfinite(self.score):
            raise ValueError(f"The score of “{self.text}” is {self.score}.")

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return short_repr(self, self.text, confidence=self.confidence, source=self.source or None)

    def _repr_html_(self) -> str:
        """The text for a notebook, a paragraph a line, its words the fainter the less sure they are."""
        words = iter(self.words)
        lines = [words_html(itertools.islice(words, len(line.split()))) for line in self.text.split("\n")]
        lines += [f"<small>{escape(note)}</small>" for note in self.notes]
        return "".join(f"<p>{line}</p>" for line in lines)

    @property
    def confidence(self) -> float | None:
        """The geometric mean of the words' confidences, 0 to 1; None where there is no word."""
        return mean_confidence(self.words)

    def as_dict(self) -> dict[str, Any]:
        """The reading as what JSON can hold, numbers rounded."""
        made: dict[str, Any] = {"source": self.source} if self.source else {}
        made["text"] = self.text
        if self.confidence is not None:
            made["confidence"] = round(self.confidence, 4)
        made |= {"score": round(self.score, 4), "words": [word.as_dict() for word in self.words]}
        made["characters"] = [round(sure, 4) for sure in self.characters]
        if self.alternatives:
            made["alternatives"] = [other.as_dict() for other in self.alternatives]
        if self.notes:
            made["notes"] = list(self.notes)
        return made

    def json(self) -> str:
        """One line of JSON, so that the lines of many readings are JSON Lines."""
        return one_line({"format": "lstm-models reading", "version": 1, **self.as_dict()}) + "\n"
