"""``Answer``: what a text says to a question, where, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from typing import Any

import numpy as np

from lstm_models.io.atomic_write import one_line

__all__ = ["Answer", "AnswerSpan"]


@dataclass(frozen=True)
class AnswerSpan:
    """An answer as it stands in a text.

    Attributes:
        text: the answer, ``passage[start:end]`` of its text.
        start: its first character.
        end: the character after its last.
        confidence: the calibrated probability, 0 to 1, that it is right.
        document: which text it is in, counted from 0, where there are several.
        sentence: the sentence that it stands in, as characters (start, end).
    """

    text: str
    start: int
    end: int
    confidence: float
    document: int = 0
    sentence: tuple[int, int] = (0, 0)

    def as_dict(self) -> dict[str, Any]:
        """The answer for JSON, numbers rounded."""
        return {
            "text": self.text,
            "start": self.start,
            "end": self.end,
            "confidence": round(self.confidence, 4),
            "document": self.document,
        }


@dataclass(frozen=True, eq=False)
class Answer:
    """The answer to a question, or that the text has none.

    Attributes:
        question: as it was put.
        found: the best answer; None where the texts are not likely enough to have one.
        alternatives: the next likeliest; where there is no answer, also the best.
        documents: the texts that were read.
        question_words: words and marks of the question.
        passage_words: characters (start, end) of the words and marks of the passage that the answer, or the likeliest
            one, stands in.
        attention: [question words, passage words] float32, how much the model looked at each word of the question for
            each of the passage; columns sum to 1.
        notes: why the result may be wrong, such as a text in another language.
        presence: the calibrated probability, 0 to 1, that the passage has an answer.
    """

    question: str
    found: AnswerSpan | None
    alternatives: tuple[AnswerSpan, ...] = ()
    documents: tuple[str, ...] = ()
    question_words: tuple[str, ...] = ()
    passage_words: tuple[tuple[int, int], ...] = ()
    attention: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    notes: tuple[str, ...] = ()
    presence: float = 1.0

    @property
    def text(self) -> str:
        """The answer; "" where the text has none."""
        return self.found.text if self.found else ""

    @property
    def start(self) -> int | None:
        """The first character of the answer in its text; None where there is none."""
        return self.found.start if self.found else None

    @property
    def end(self) -> int | None:
        """The character after the answer's last; None where there is none."""
        return self.found.end if self.found else None

    @property
    def document(self) -> int | None:
        """Which text the answer is in, from 0; None where there is none."""
        return self.found.document if self.found else None

    @property
    def confidence(self) -> float:
        """The calibrated probability, 0 to 1, that the answer is right; without one, that the text has none."""
        return self.found.confidence if self.found else 1 - self.presence

    @property
    def sentence(self) -> str:
        """The sentence that the answer stands in, on one line; "" where there is none."""
        if not self.found:
            return ""
        first, last = self.found.sentence
        return " ".join(self.documents[self.found.document][first:last].split())

    def line(self, span: AnswerSpan | None = None) -> int | None:
        """The line of the text, from 1, that an answer begins on; of the found one if None."""
        span = span or self.found
        return None if span is None else self.documents[span.document].count("\n", 0, span.start) + 1

    def __str__(self) -> str:
        return self.text

    def as_dict(self, *, attention: bool = False) -> dict[str, Any]:
        """The answer as what JSON can hold; with ``attention`` its matrix and the words it belongs to, too."""
        made: dict[str, Any] = {"question": self.question, "text": self.text, "confidence": round(self.confidence, 4)}
        made["presence"] = round(self.presence, 4)
        if self.found:
            made |= {key: value for key, value in self.found.as_dict().items() if key not in made}
            made |= {"line": self.line(), "sentence": self.sentence}
        made["alternatives"] = [{**other.as_dict(), "line": self.line(other)} for other in self.alternatives]
        if attention:
            made["question_words"] = list(self.question_words)
            made["passage_words"] = [list(span) for span in self.passage_words]
            made["attention"] = [[round(value, 4) for value in row] for row in self.attention.tolist()]
        return {**made, "notes": list(self.notes)} if self.notes else made

    def json(self, *, attention: bool = False) -> str:
        """One line of JSON, so that the lines of many answers are JSON Lines."""
        about = {"format": "lstm-models answer", "version": 1}
        return one_line({**about, **self.as_dict(attention=attention)}) + "\n"

    def _repr_html_(self) -> str:
        """The question, and the answer in its sentence, for a notebook."""
        if not self.found:
            return f"<p><b>{escape(self.question)}</b> Not in the text ({self.confidence:.0%} sure).</p>"
        first, last = self.found.sentence
        text = self.documents[self.found.document]
        before, after = escape(text[first : self.found.start]), escape(text[self.found.end : last])
        mark = f'<mark title="{self.confidence:.0%} sure">{escape(self.text)}</mark>'
        return f"<p><b>{escape(self.question)}</b> {before}{mark}{after}</p>"
