"""How far a text is from another: edits of characters, and words that are missing or too many.

Error rates of evaluations are jiwer's. These two serve the writer while it writes, and neither jiwer nor rapidfuzz has
characters that count as read whatever stands for them, or ties broken by the fewest missing words.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = ["edits", "missing_words"]


def edits(text: str, read: str, known: Sequence[bool] | None = None) -> int:
    """Least insertions, deletions and substitutions from the text to what was read (Levenshtein's distance).

    Characters of the text that are not known cost nothing, read as one character or as none; left out, all are known.
    """
    codes = np.array([ord(character) for character in read], dtype=np.int64)
    places = np.arange(len(read) + 1)
    row = places.copy()
    for character, counts in zip(text, [True] * len(text) if known is None else known, strict=True):
        longer = row + int(counts)  # the character is left out
        longer[1:] = np.minimum(longer[1:], row[:-1] + ((codes != ord(character)) if counts else 0))
        row = np.minimum.accumulate(longer - places) + places
    return int(row[-1])


def missing_words(text: str, read: str, alphabet: Any) -> tuple[int, int]:
    """Words of the text that have no counterpart in what was read, and words read that have none in the text.

    Words are aligned with the fewest changes (Levenshtein), so that a word read wrongly is not a missing one. What has
    neither letter nor digit is no word: a comma may stand by itself or not.

    Args:
        text: what should be read.
        read: what was.
        alphabet: the characters that can be read; words of the text with none of them count neither way.
    """
    every = [word for word in text.split() if any(c.isalnum() or c not in alphabet for c in word)]
    words = [word for word in every if any(c.isalnum() and c in alphabet for c in word)]
    found = [word for word in read.split() if any(map(str.isalnum, word))]
    spare = len(every) - len(words)
    # Per cell: changes, and of those the missing; of two ways alike, the one with fewer missing words
    row = [(place, 0) for place in range(len(found) + 1)]
    for word in words:
        above, row = row, [(row[0][0] + 1, row[0][1] + 1)]
        for place, other in enumerate(found):
            row.append(
                min(
                    (above[place][0] + (not _same(word, other, alphabet)), above[place][1]),
                    (above[place + 1][0] + 1, above[place + 1][1] + 1),
                    (row[place][0] + 1, row[place][1]),
                )
            )
    missing = row[-1][1]
    return missing, max(0, missing + len(found) - len(words) - spare)


def _same(word: str, other: str, alphabet: Any) -> bool:
    return len(word) == len(other) and all(a == b or a not in alphabet for a, b in zip(word, other, strict=True))
