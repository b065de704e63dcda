"""A language model of lower-case words as one of words as they are written: with capitals, digits and punctuation.

>>> model = CasedWords(lstm_models.load("words"))
>>> model.score(model.start, "Well,")       # the word “well”, a capital and a comma

It is what `lstm_models.decoding.ctc_search` asks of a language model. Letters are scored by the n-gram model, whatever
comes between them by fixed prices, which are the order of magnitude of their frequencies in print: they need only keep
a mark from being free where a letter is not.
"""

from __future__ import annotations

import re
from typing import Any

from lstm_models.ngram.model import NGram

__all__ = ["CasedWords"]

_PARTS = re.compile(r"[A-Za-z]+(?:'[A-Za-z]+)*|[0-9]+|[^A-Za-z0-9]")
_CAPITAL, _DIGIT, _NUMBER, _MARK = -1.5, -2.0, -5.0, -2.5  # nats
_ENDS = ".?!"  # of a sentence
_MOST_CACHED = 100_000


class CasedWords:
    """Words as they are written, scored by a model of lower-case words; see the module."""

    def __init__(self, model: NGram) -> None:
        self.model = model
        self._ahead: dict[str, float] = {}

    @property
    def start(self) -> Any:
        """The context at the beginning of a line, of which nobody knows what comes before."""
        return ()

    @property
    def unknown(self) -> float:
        """ln P of the class of unknown words."""
        return self.model.unknown

    def __contains__(self, word: object) -> bool:
        return isinstance(word, str) and word.lower() in self.model

    def spelling(self, word: str) -> float:
        """ln P of a spelling among unknown words."""
        return self.model.spelling(word.lower())

    def score(self, context: Any, word: str) -> tuple[float, Any]:
        """ln P(word | context), and the context of the next word."""
        total = 0.0
        for part in _PARTS.findall(word):
            if part[0].isalpha():
                total += _capitals(part)
                score, context = self.model.score(context, part.lower())
                total += score
            else:
                total += _price(part)
                if part in _ENDS:
                    context = self.model.start
        return total, context

    def look_ahead(self, prefix: str) -> float:
        """ln P of the likeliest word that begins so, whatever comes before it."""
        found = self._ahead.get(prefix)
        if found is not None:
            return found
        parts = _PARTS.findall(prefix)
        found = 0.0
        for number, part in enumerate(parts, 1):
            if not part[0].isalpha():
                found += _price(part)
            elif number == len(parts) or parts[number:] == ["'"]:  # it may go on
                found += _capitals(part) + self.model.look_ahead(part.lower())
            else:
                found += _capitals(part) + self.model.score((), part.lower())[0]
        if len(self._ahead) >= _MOST_CACHED:
            self._ahead.clear()
        self._ahead[prefix] = found
        return found


def _capitals(letters: str) -> float:
    """Price of capitals: that of one for a first, or for all of them; “I” has one by itself."""
    if letters[0] in "Ii" and letters[1:2] in ("", "'"):
        return 0.0 if letters[0] == "I" else 2 * _CAPITAL
    upper = sum(letter.isupper() for letter in letters)
    if not upper:
        return 0.0
    usual = (upper == 1 and letters[0].isupper()) or upper == sum(map(str.isalpha, letters))
    return _CAPITAL if usual else upper * 2 * _CAPITAL


def _price(part: str) -> float:
    return _NUMBER + _DIGIT * len(part) if part[0].isdigit() else _MARK
