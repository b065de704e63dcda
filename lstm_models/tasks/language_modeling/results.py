"""What a language model finds: ``ScoredText``, ``Completion``; as JSON, plain text and HTML."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape
from typing import Any

from lstm_models.io.atomic_write import one_line

__all__ = ["Candidate", "Completion", "ScoredText", "ScoredWord"]


@dataclass(frozen=True)
class Candidate:
    """A token that could stand at a place, as it is shown, and its probability, 0 to 1."""

    text: str
    probability: float


@dataclass(frozen=True)
class ScoredWord:
    """A word or mark of a text.

    Attributes:
        text: as it stands.
        log_prob: the natural logarithm of its probability after all that stands before it.
        start: where it begins in the text, in characters.
        unlikely: whether it is less probable than the limit that was given.
        candidates: what could stand there, the most probable first: its first word piece, or the whole of a short word.
    """

    text: str
    log_prob: float
    start: int = 0
    unlikely: bool = False
    candidates: tuple[Candidate, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The word for JSON, numbers rounded."""
        made: dict[str, Any] = {"text": self.text, "log_prob": round(self.log_prob, 4), "start": self.start}
        if self.unlikely:
            made["unlikely"] = True
        if self.candidates:
            made["candidates"] = [[each.text, round(each.probability, 6)] for each in self.candidates]
        return made


@dataclass(frozen=True)
class ScoredText:
    """A text and how probable it is. All logarithms are natural.

    Attributes:
        text: the text as it came.
        words: its words and marks, in order.
        end_log_prob: of that the text ends after the last of them.
        notes: what is to be known about the result: a text unlike those the model learned from.

    >>> text = ScoredText("Hello.", (ScoredWord("Hello", -2.0), ScoredWord(".", -1.0, 5)), -0.5)
    >>> text.log_prob, round(text.perplexity, 2)
    (-3.0, 4.48)
    """

    text: str
    words: tuple[ScoredWord, ...]
    end_log_prob: float
    notes: tuple[str, ...] = ()

    @property
    def log_prob(self) -> float:
        """That a text begins so: the sum over its words."""
        return math.fsum(word.log_prob for word in self.words)

    @property
    def perplexity(self) -> float:
        """exp of minus the mean over words and marks."""
        return math.exp(min(700.0, -self.log_prob / max(1, len(self.words))))

    @property
    def bits_per_character(self) -> float:
        """Bits that a character takes, the end of the text counted in the sum."""
        return -(self.log_prob + self.end_log_prob) / math.log(2) / max(1, len(self.text))

    def __str__(self) -> str:
        return f"{self.text} ({self.log_prob:.2f})"

    def as_dict(self) -> dict[str, Any]:
        """The text as what JSON can hold."""
        made: dict[str, Any] = {"text": self.text, "log_prob": round(self.log_prob, 4)}
        made |= {"end_log_prob": round(self.end_log_prob, 4), "perplexity": round(self.perplexity, 2)}
        made |= {"bits_per_character": round(self.bits_per_character, 4)}
        made["words"] = [word.as_dict() for word in self.words]
        return {**made, "notes": list(self.notes)} if self.notes else made

    def json(self, *, source: str = "") -> str:
        """One line of JSON, so that the lines of many texts are JSON Lines; ``source`` is the name of the text."""
        about = {"format": "lstm-models scored text", "version": 1} | ({"source": source} if source else {})
        return one_line({**about, **self.as_dict()}) + "\n"

    def txt(self) -> str:
        """A line of figures, and the text with its unlikely words between asterisks."""
        figures = f"log probability {self.log_prob:.2f}, perplexity {self.perplexity:.1f} a word, "
        figures += f"{self.bits_per_character:.3f} bits a character"
        marked, place = "", 0
        for word in self.words:
            marked += self.text[place : word.start] + (f"*{word.text}*" if word.unlikely else word.text)
            place = word.start + len(word.text)
        return f"{figures}\n{marked}{self.text[place:].rstrip()}\n"

    def tsv(self) -> str:
        """A word and its log probability a line."""
        return "".join(f"{one_line_text(word.text)}\t{word.log_prob:.4f}\n" for word in self.words)

    def _repr_html_(self) -> str:
        """The text for a notebook: the less probable a word, the darker its ground."""
        parts, place = [], 0
        for word in self.words:
            parts.append(escape(self.text[place : word.start]))
            shade = min(1.0, -word.log_prob / 12)
            about = f"probability {math.exp(word.log_prob):.2g}"
            style = f"background: rgba(214, 108, 60, {0.75 * shade:.2f}); color: inherit"
            parts.append(f'<mark style="{style}" title="{about}">{escape(word.text)}</mark>')
            place = word.start + len(word.text)
        return f'<p style="white-space: pre-wrap">{"".join(parts)}</p>'


@dataclass(frozen=True)
class Completion:
    """How a text goes on.

    Attributes:
        text: what follows the prompt, with the blank before it where one is needed.
        log_prob: the natural logarithm of its probability after the prompt; nothing is stated of what comes then.
    """

    text: str
    log_prob: float

    def __str__(self) -> str:
        return self.text

    def as_dict(self) -> dict[str, Any]:
        """The completion for JSON, numbers rounded."""
        return {"text": self.text, "log_prob": round(self.log_prob, 4)}


def one_line_text(text: str) -> str:
    """A text without line breaks and tabs."""
    return " ".join(text.split())
