"""A text as tokens that know their characters, and as the numbers that the network reads.

- Tokens are words, numbers with their points and commas ("137,000"), clitics ("'s", "n't") and single marks.
- A word has a number (of its lower-case form in the vocabulary), a hash of its ending, a shape, such as "Title", and
  its first characters.
- A token of the passage has three flags for a question: whether the question has this very word, this word in any
  case, or a word that begins alike (Chen et al. 2017, arXiv:1704.00051, section 3.2, has lemmas for the last).
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

__all__ = [
    "ALPHABET",
    "CHARACTERS",
    "FLAGS",
    "PADDING",
    "SHAPES",
    "UNKNOWN",
    "EncodedText",
    "Token",
    "WordNumbers",
    "content_words",
    "match_flags",
    "tokenize",
]

PADDING, UNKNOWN = 0, 1
SHAPES = ("lower", "title", "upper", "mixed", "number", "number with letters", "mark")
FLAGS = 3
CHARACTERS = 16  # of a word that are read, from its first
ALPHABET = 97  # numbers of characters: 0 is padding, 1 any that is not printable ASCII
_STEM = 5  # first letters by which "invented" and "inventor" are one word

_TOKEN = re.compile(
    r"""\d+(?:[.,]\d+)+\w*      # 137,000 3.5
      | \w+(?=n't\b) | n't\b | '(?:s|re|ve|ll|d|m)\b
      | \w+
      | [^\w\s]""",
    re.VERBOSE | re.IGNORECASE,
)
_ARTICLES = [zlib.crc32(each) for each in (b"a", b"an", b"the")]
_PLAIN = str.maketrans("’‘‚´`“”„«»–—‒", "'''''\"\"\"\"\"---")  # one character for one: places stay


class Token(NamedTuple):
    """A word or mark, and the characters ``text[start:end]`` where it stands."""

    text: str
    start: int
    end: int


class EncodedText(NamedTuple):
    """The tokens of a text as numbers, each [tokens].

    ``words``, ``endings``, ``shapes`` and ``characters`` [tokens, 16] are what the network reads; ``hashes`` [3,
    tokens] are of the word, its lower-case form and its first letters, by which a passage and a question are compared.
    """

    words: np.ndarray
    endings: np.ndarray
    shapes: np.ndarray
    hashes: np.ndarray
    characters: np.ndarray


def tokenize(text: str) -> list[Token]:
    """The tokens of a text; quotation marks and dashes come in their plain form.

    >>> [token.text for token in tokenize("It didn’t cost $1,500.50!")]
    ['It', 'did', "n't", 'cost', '$', '1,500.50', '!']
    """
    return [Token(found[0], *found.span()) for found in _TOKEN.finditer(text.translate(_PLAIN))]


class WordNumbers:
    """Numbers of words: 0 is padding, 1 every word that is not in the vocabulary, the first listed word is 2.

    Args:
        vocabulary: words in lower case, set apart by blanks.
        ending_buckets: hash buckets of endings.
    """

    def __init__(self, vocabulary: str, ending_buckets: int) -> None:
        self.numbers = {word: number for number, word in enumerate(vocabulary.split(), 2)}
        self.ending_buckets = ending_buckets

    def __len__(self) -> int:
        """All numbers, with padding and the unknown word."""
        return len(self.numbers) + 2

    def encode(self, words: Sequence[str]) -> EncodedText:
        """The numbers of words and marks."""
        rows = [(self.numbers.get(word.lower(), UNKNOWN), *_of_word(word)) for word in words]
        columns = np.array(rows, dtype=np.int64).reshape(-1, 6).T
        characters = np.frombuffer(b"".join(map(_characters, words)), np.uint8).reshape(-1, CHARACTERS)
        return EncodedText(columns[0], columns[1] % self.ending_buckets, columns[2], columns[3:], characters)


@lru_cache(1 << 17)
def _of_word(word: str) -> tuple[int, int, int, int, int]:
    """The hash of a word's ending, its shape, and the hashes it is compared by."""
    lower = word.lower()
    parts = (lower[-3:], word, lower, lower[:_STEM])
    ending, cased, plain, stem = (zlib.crc32(part.encode("utf-8", "replace")) for part in parts)
    return ending, _shape(word), cased, plain, stem


@lru_cache(1 << 17)
def _characters(word: str) -> bytes:
    """The numbers of a word's first characters."""
    numbers = (ord(each) - 30 if " " <= each <= "~" else 1 for each in word[:CHARACTERS])
    return bytes(numbers).ljust(CHARACTERS, b"\0")


def _shape(word: str) -> int:
    letters = "".join(filter(str.isalpha, word))
    if any(map(str.isdigit, word)):
        return 5 if letters else 4
    if not letters:
        return 6
    if letters == letters.lower():
        return 0
    if len(letters) > 1 and letters == letters.upper():
        return 2
    return 1 if letters[0].isupper() and letters[1:] == letters[1:].lower() else 3


def content_words(text: EncodedText) -> np.ndarray:
    """Which tokens are neither marks nor articles, and so count when answers are compared [tokens].

    >>> content_words(WordNumbers("", 8).encode(["The", "Broncos", "!"]))
    array([False,  True, False])
    """
    counts: np.ndarray = (text.shapes != SHAPES.index("mark")) & ~np.isin(text.hashes[1], _ARTICLES)
    return counts


def match_flags(passage: EncodedText, question: EncodedText) -> np.ndarray:
    """Which tokens of the passage the question has: the very word, the word in any case, one that begins alike.

    Returns:
        [tokens, 3] uint8.
    """
    flags: np.ndarray = (passage.hashes[:, :, None] == question.hashes[:, None]).any(2).T.astype(np.uint8)
    return flags
