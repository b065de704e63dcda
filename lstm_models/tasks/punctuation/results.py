"""``PunctuatedText``: text with the marks and capitals that a model gave it, and how sure it was of each."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

from lstm_models.io.atomic_write import one_line

__all__ = ["PunctuatedText", "PunctuatedWord"]


@dataclass(frozen=True)
class PunctuatedWord:
    """A word with the mark after it.

    Attributes:
        text: the word in its case, without the mark; brackets and quotes around it belong to it.
        mark: "," "." "?" "!" ":" ";" or "" for none.
        confidence: the probability, 0 to 1, of such a mark (or of none) after the word; 1 for a mark that was there.
        case_confidence: the probability of its case; 1 where the case was given or follows from the mark before.
        start: seconds from the beginning of the recording, where words came with times.
        end: likewise, where the word ends.
    """

    text: str
    mark: str = ""
    confidence: float = 1.0
    case_confidence: float = 1.0
    start: float | None = None
    end: float | None = None

    def __str__(self) -> str:
        return self.text + self.mark

    def as_dict(self) -> dict[str, Any]:
        """The word for JSON, numbers rounded."""
        made: dict[str, Any] = {"text": self.text, "mark": self.mark, "confidence": round(self.confidence, 4)}
        made["case_confidence"] = round(self.case_confidence, 4)
        return made | {name: round(time, 3) for name in ("start", "end") if (time := getattr(self, name)) is not None}


@dataclass(frozen=True)
class PunctuatedText:
    """Text with marks and capitals.

    Attributes:
        text: all of it, its line breaks where they were.
        words: its words, in order.
        notes: why the result may be wrong, such as a text in another language.
    """

    text: str
    words: tuple[PunctuatedWord, ...]
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.text

    def as_dict(self) -> dict[str, Any]:
        """The text as what JSON can hold."""
        made: dict[str, Any] = {"text": self.text, "words": [word.as_dict() for word in self.words]}
        return {**made, "notes": list(self.notes)} if self.notes else made

    def json(self, *, source: str = "") -> str:
        """One line of JSON, so that the lines of many texts are JSON Lines; ``source`` is the name of the text."""
        about = {"format": "lstm-models punctuated text", "version": 1} | ({"source": source} if source else {})
        return one_line({**about, **self.as_dict()}) + "\n"

    def _repr_html_(self) -> str:
        """The text for a notebook, with marks the fainter the less sure they are."""
        parts = []
        for word in self.words:
            mark = f'<b style="opacity: {0.35 + 0.65 * word.confidence:.2f}" title="{word.confidence:.0%} sure">'
            parts.append(escape(word.text) + (f"{mark}{escape(word.mark)}</b>" if word.mark else ""))
        return f"<p>{' '.join(parts)}</p>"
