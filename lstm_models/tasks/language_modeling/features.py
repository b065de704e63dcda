"""Text as tokens: word pieces, or the words of a closed vocabulary (Penn Treebank).

Both vocabularies have the same methods, and the same numbers for what is no token. In a text of words, the end of a
line is END, which stands between sentences there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from lstm_models.text.word_pieces import END, Piece, WordPieces

if TYPE_CHECKING:
    from lstm_models.tasks.language_modeling.config import LanguageModelConfig

__all__ = ["TokenVocabulary", "WordList", "vocabulary_of"]

UNKNOWN = "<unk>"


class TokenVocabulary(Protocol):
    """What the model needs of a vocabulary."""

    @property
    def piece_bytes(self) -> list[bytes]: ...  # fmt: skip
    def __len__(self) -> int: ...  # fmt: skip
    def encode(self, text: str) -> list[int]: ...  # fmt: skip
    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]: ...  # fmt: skip
    def split(self, text: str) -> list[Piece]: ...  # fmt: skip
    def decode(self, ids: Iterable[int]) -> str: ...  # fmt: skip
    def piece(self, number: int) -> str: ...  # fmt: skip


class WordList:
    """Words set apart by blanks; every other word is ``<unk>``, which must be one of them.

    Args:
        words: different from each other, in the order of their numbers.

    Raises:
        ValueError: a word stands there twice, or ``<unk>`` does not.
    """

    def __init__(self, words: Sequence[str]) -> None:
        self._words = ("<padding>", "<begin>", "<end>", *words)
        self._numbers = {word: number for number, word in enumerate(self._words)}
        if len(self._numbers) < len(self._words):
            raise ValueError("the vocabulary has a word twice")
        if UNKNOWN not in self._numbers:
            raise ValueError(f"the vocabulary has no {UNKNOWN}")
        self._unknown = self._numbers[UNKNOWN]

    def __len__(self) -> int:
        return len(self._words)

    def encode(self, text: str) -> list[int]:
        """The numbers of a text's words and line breaks."""
        return [piece.id for piece in self.split(text)]

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """`encode` of each text."""
        return [self.encode(text) for text in texts]

    def split(self, text: str) -> list[Piece]:
        """The words of a text, with their places in it."""
        found = re.finditer(r"\n|\S+", text)
        return [Piece(self._number(each[0]), each[0], each.start(), each.end()) for each in found]

    def decode(self, ids: Iterable[int]) -> str:
        """The words of numbers with blanks between them; an end is a line break."""
        return "".join(self.piece_bytes[number].decode() for number in ids).replace("\n ", "\n").removeprefix(" ")

    def piece(self, number: int) -> str:
        """A word with the blank before it."""
        return self._words[number] if number <= END else f" {self._words[number]}"

    @cached_property
    def piece_bytes(self) -> list[bytes]:
        """The bytes of each word with the blank before it; a line break for the end."""
        return [b"", b"", b"\n", *(f" {word}".encode() for word in self._words[3:])]

    def _number(self, word: str) -> int:
        number = END if word == "\n" else self._numbers.get(word, self._unknown)
        return number if number > END or word == "\n" else self._unknown


def vocabulary_of(config: LanguageModelConfig) -> TokenVocabulary:
    """The vocabulary that a config describes."""
    return WordList(config.words.split("\n")) if config.words else WordPieces(config.merges)
