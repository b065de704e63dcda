"""Marks and capitals for words while they are spoken.

What follows a word decides its mark, so a sentence is final only once it has ended and eight words of the next are
there. Until then it is punctuated anew with each push, which is cheap: it is one sentence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lstm_models.results import Word
from lstm_models.tasks.speech.results import WordPunctuator

__all__ = ["LivePunctuation"]

_LOOKAHEAD = 8  # words after a sentence before it is final
_LONGEST = 60  # words of a sentence before its first part is final
_ENDS = (".", "?", "!")


class LivePunctuation:
    """Takes a stream's final and partial words, and gives them punctuated; what is final stays so.

    Args:
        punctuator: writes the marks.
    """

    def __init__(self, punctuator: WordPunctuator) -> None:
        self._punctuator = punctuator
        self._context: list[Word] = []  # bare words of a sentence whose first part is final
        self._waiting: list[Word] = []  # bare words that are final but for their marks

    def update(self, final: Sequence[Word], partial: Sequence[Word]) -> tuple[list[Word], tuple[Word, ...]]:
        """The words that became final, and those that seem to follow, some of the stream's final ones among them."""
        self._waiting += final
        words = self._punctuated(partial, complete=False)
        limit = min(len(self._waiting), len(words) - _LOOKAHEAD)
        end = max((place for place in range(1, limit + 1) if words[place - 1].text.endswith(_ENDS)), default=0)
        if end:
            self._context = []
        elif limit >= _LONGEST:
            end = limit
            self._context = [*self._context, *self._waiting[:end]][-_LONGEST:]
        self._waiting = self._waiting[end:]
        return words[:end], tuple(words[end:])

    def finish(self, final: Sequence[Word]) -> list[Word]:
        """All words that are left, at the end of the recording."""
        self._waiting += final
        words = self._punctuated((), complete=True)
        self._context, self._waiting = [], []
        return words

    def _punctuated(self, partial: Sequence[Word], *, complete: bool) -> list[Word]:
        bare = [*self._context, *self._waiting, *partial]
        if len(bare) == len(self._context):
            return []
        marked = self._punctuator.punctuate_words(bare, complete=complete)
        known = len(self._context)
        return [replace(word, text=str(one)) for word, one in zip(bare[known:], marked[known:], strict=True)]
