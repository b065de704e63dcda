"""Words as numbers: a closed vocabulary of frequent words, and hashed endings for all the others.

A word is looked up in lower case, with typographic apostrophes made plain and digits as 0 ("1995" and "2012" are
"0000"), so that case is no evidence. Its ending tells something of a word that is not in the vocabulary; endings are
hashed by CRC-32, which is the same on every machine.

>>> vocabulary = WordVocabulary("the cat 0000")
>>> vocabulary.ids(["The", "cat", "sat", "in", "1995"])
[2, 3, 1, 1, 4]
"""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence

__all__ = ["PADDING", "UNKNOWN", "WordVocabulary", "ending_ids", "normalize_word"]

PADDING, UNKNOWN = 0, 1
_DIGIT = re.compile(r"\d")
_ENDING = 3  # letters of an ending
_MIN_WORDS, _MAX_UNKNOWN = 4, 0.4  # words that say nothing about a text's language; fraction of unknown words that does


def normalize_word(word: str) -> str:
    """The form under which a word is looked up."""
    return _DIGIT.sub("0", word.lower().replace("’", "'"))


def ending_ids(words: Iterable[str], buckets: int) -> list[int]:
    """The hash of each word's last three characters, from 0 to below ``buckets``."""
    return [zlib.crc32(normalize_word(word)[-_ENDING:].encode()) % buckets for word in words]


class WordVocabulary:
    """Numbers of words; 0 is padding and 1 every word that is not in the vocabulary.

    Args:
        words: normalized words, set apart by blanks; the first is number 2.

    Raises:
        ValueError: a word stands there twice.
    """

    def __init__(self, words: str) -> None:
        listed = words.split()
        self._numbers = {word: number for number, word in enumerate(listed, 2)}
        if len(self._numbers) < len(listed):
            raise ValueError("the vocabulary has a word twice")

    @classmethod
    def count(cls, words: Iterable[str], size: int, *, min_count: int = 2, first: Sequence[str] = ()) -> str:
        """The ``size`` most frequent words of a text, as the constructor takes them.

        Args:
            words: the text's words as they stand.
            size: words at most.
            min_count: a rarer word is left out.
            first: normalized words that come before all others, such as those with known vectors that may be needed.
        """
        counts = Counter(map(normalize_word, words))
        kept = dict.fromkeys(word for word in first if word.split() == [word])
        for word, count in counts.most_common():
            if len(kept) >= size or count < min_count:
                break
            if word.split() == [word]:  # blanks of other scripts can be in words that were split at a tab
                kept[word] = None
        return " ".join(list(kept)[:size])

    def __len__(self) -> int:
        """All numbers, with padding and the unknown word."""
        return len(self._numbers) + 2

    def __contains__(self, word: str) -> bool:
        return normalize_word(word) in self._numbers

    def doubts(self, words: Sequence[str]) -> tuple[str, ...]:
        """A sentence that says so where so many words are not in the vocabulary that the text may not be English."""
        letters = [word for word in words if any(map(str.isalpha, word))]
        unknown = sum(word not in self for word in letters)
        if len(letters) < _MIN_WORDS or unknown < _MAX_UNKNOWN * len(letters):
            return ()
        return (f"{unknown} of {len(letters)} words are unknown: the model reads English, so the result may be wrong",)

    def ids(self, words: Iterable[str]) -> list[int]:
        """The number of each word."""
        return [self._numbers.get(normalize_word(word), UNKNOWN) for word in words]
