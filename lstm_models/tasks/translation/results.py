"""``Translation``: a text in another language, with the word each word came from, and how sure each is."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from typing import Any

import numpy as np

from lstm_models.io.atomic_write import one_line
from lstm_models.results import mean_confidence

__all__ = ["Alternative", "TranslatedSentence", "TranslatedWord", "Translation"]


@dataclass(frozen=True)
class TranslatedWord:
    """A word or mark of a translation.

    Attributes:
        text: the word.
        confidence: the calibrated probability, 0 to 1, that a person would have the word, too.
        source: the number of the source's word that it came from; None where there is none.
        start: where it begins in the translated text, in characters.
        copied: whether it was taken from the source as it is, because the model does not know it.
    """

    text: str
    confidence: float | None = None
    source: int | None = None
    start: int = 0
    copied: bool = False

    def as_dict(self) -> dict[str, Any]:
        """The word for JSON, numbers rounded."""
        made: dict[str, Any] = {"text": self.text, "start": self.start, "source": self.source}
        if self.confidence is not None:
            made["confidence"] = round(self.confidence, 4)
        return {**made, "copied": True} if self.copied else made


@dataclass(frozen=True)
class Alternative:
    """Another translation, and its natural logarithm of a probability."""

    text: str
    log_prob: float


@dataclass(frozen=True, eq=False)
class TranslatedSentence:
    """A sentence with its translation.

    Attributes:
        source: the sentence as it was read.
        text: its translation.
        source_words: words and marks of the source.
        words: words and marks of the translation.
        attention: [words, source words] float32, how much the model looked at each word of the source for each of the
            translation; rows sum to 1, or to 0 where it looked at none.
        log_prob: the natural logarithm of the probability that the model gives the translation.
        alternatives: the next best translations.
    """

    source: str
    text: str
    source_words: tuple[str, ...] = ()
    words: tuple[TranslatedWord, ...] = ()
    attention: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    log_prob: float = 0.0
    alternatives: tuple[Alternative, ...] = ()

    @property
    def confidence(self) -> float | None:
        """The geometric mean of the words' confidences, 0 to 1."""
        return mean_confidence(self.words)  # type: ignore[arg-type]

    def as_dict(self, *, attention: bool = False) -> dict[str, Any]:
        """The sentence as what JSON can hold; with ``attention`` its matrix, too."""
        made: dict[str, Any] = {"source": self.source, "text": self.text, "log_prob": round(self.log_prob, 4)}
        if self.confidence is not None:
            made["confidence"] = round(self.confidence, 4)
        made |= {"source_words": list(self.source_words), "words": [word.as_dict() for word in self.words]}
        if attention:
            made["attention"] = [[round(value, 4) for value in row] for row in self.attention.tolist()]
        others = [{"text": other.text, "log_prob": round(other.log_prob, 4)} for other in self.alternatives]
        return {**made, "alternatives": others} if others else made


@dataclass(frozen=True, eq=False)
class Translation:
    """A text with its translation.

    Attributes:
        source: the text as it came.
        text: its translation; what stood between sentences, such as empty lines, stands there again.
        sentences: sentence by sentence.
        notes: why the result may be wrong, such as a text in another language.
    """

    source: str
    text: str
    sentences: tuple[TranslatedSentence, ...]
    notes: tuple[str, ...] = ()

    @property
    def words(self) -> tuple[TranslatedWord, ...]:
        """The words of all sentences; starts and sources count within a word's sentence."""
        return tuple(word for sentence in self.sentences for word in sentence.words)

    @property
    def attention(self) -> np.ndarray:
        """[words, source words] float32 over all sentences: a sentence looks at its own source only."""
        sizes = [sentence.attention.shape for sentence in self.sentences]
        made = np.zeros((sum(rows for rows, _ in sizes), sum(columns for _, columns in sizes)), np.float32)
        row = column = 0
        for sentence, (rows, columns) in zip(self.sentences, sizes, strict=True):
            made[row : row + rows, column : column + columns] = sentence.attention
            row, column = row + rows, column + columns
        return made

    @property
    def alternatives(self) -> tuple[Alternative, ...]:
        """The next best translations of a text of one sentence; of several, each sentence has its own."""
        return self.sentences[0].alternatives if len(self.sentences) == 1 else ()

    def __str__(self) -> str:
        return self.text

    def as_dict(self, *, attention: bool = False) -> dict[str, Any]:
        """The text as what JSON can hold."""
        made: dict[str, Any] = {"source": self.source, "text": self.text}
        made["sentences"] = [sentence.as_dict(attention=attention) for sentence in self.sentences]
        return {**made, "notes": list(self.notes)} if self.notes else made

    def json(self, *, name: str = "", attention: bool = False) -> str:
        """One line of JSON, so that the lines of many texts are JSON Lines; ``name`` is that of the text's file."""
        about = {"format": "lstm-models translation", "version": 1} | ({"name": name} if name else {})
        return one_line({**about, **self.as_dict(attention=attention)}) + "\n"

    def _repr_html_(self) -> str:
        """The sentences for a notebook: each word of the translation names its source word and how sure it is."""
        rows = []
        for sentence in self.sentences:
            words = []
            for word in sentence.words:
                about = "" if word.source is None else sentence.source_words[word.source]
                about += "" if word.confidence is None else f" · {word.confidence:.0%} sure"
                words.append(f'<span title="{escape(about)}">{escape(word.text)}</span>')
            rows.append(f"<tr><td>{escape(sentence.source)}</td><td>{' '.join(words)}</td></tr>")
        return f"<table>{''.join(rows)}</table>"
