"""Word pieces: every text as numbers of a small vocabulary, and back, nothing lost.

- Byte-pair encoding (Sennrich et al. 2016, arXiv:1508.07909) over the bytes of a text (Radford et al. 2019, section
  2.2), so that no text has an unknown piece; by the library tokenizers.
- A piece keeps the blank before it, and a text begins as if a blank stood before it: "cat" is one piece wherever it
  stands. Pieces do not reach over words, marks or digits.
- The vocabulary is one string, its merges, which a model keeps in its config.

>>> pieces = WordPieces.train(["low lower lowest"] * 2, 263)
>>> [piece.text for piece in pieces.split("lower, lo")]
['lowe', 'r', ',', 'lo']
>>> pieces.decode(pieces.encode("slow!"))
'slow!'
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from lstm_models.errors import InputError

__all__ = ["BEGIN", "END", "PADDING", "Piece", "WordPieces"]

PADDING, BEGIN, END = 0, 1, 2
"""Numbers that are no pieces: padding, and the begin and the end of a text; `encode` gives none of them."""

_SPECIAL = ("<padding>", "<begin>", "<end>")
# Words with the blank before them, clitics, digits one by one, marks, and blanks
_PATTERN = r"['’](?:s|t|re|ve|m|ll|d)(?![\p{L}\p{M}])| ?[\p{L}\p{M}]+| ?\p{N}| ?[^\s\p{L}\p{M}\p{N}]+|\s+(?!\S)|\s"


class Piece(NamedTuple):
    """A piece of a text: its number, the characters ``text[start:end]`` it stands for, without the blank before it.

    A character of several bytes can be in several pieces; each then has the whole of it.
    """

    id: int
    text: str
    start: int
    end: int


class WordPieces:
    """A vocabulary of word pieces; ``len()`` counts all its numbers, those of padding, begin and end included.

    Args:
        merges: two pieces a line, set apart by a blank, in the order in which they are joined; see `train`.

    Raises:
        ValueError: the merges do not make a vocabulary.
    """

    def __init__(self, merges: str = "") -> None:
        from tokenizers import Tokenizer, models, pre_tokenizers

        pairs: list[Any] = [tuple(line.split(" ")) for line in merges.splitlines()]
        vocabulary = {piece: number for number, piece in enumerate((*_SPECIAL, *_byte_pieces()))}
        for pair in pairs:
            if len(pair) != 2 or not all(piece in vocabulary and piece not in _SPECIAL for piece in pair):
                raise ValueError(f"{' '.join(pair)[:40]!r} does not join two pieces")
            if (joined := "".join(pair)) in vocabulary:
                raise ValueError(f"the piece {joined!r} is made twice")
            vocabulary[joined] = len(vocabulary)
        self.merges = merges
        self._tokenizer: Any = Tokenizer(models.BPE(vocab=vocabulary, merges=pairs))
        self._tokenizer.pre_tokenizer = _splitter(pre_tokenizers)
        self._bytes = _byte_pieces()
        self._texts = list(vocabulary)

    @classmethod
    def train(cls, texts: Iterable[str], size: int, *, min_count: int = 2) -> WordPieces:
        """The vocabulary of ``size`` numbers that joins the most frequent pairs of pieces of the texts.

        Args:
            texts: any number of them; they are not kept.
            size: numbers of the vocabulary, at least 259 (the bytes, and the three that are no pieces); a small text
                gives fewer.
            min_count: pairs that are rarer are not joined.

        Raises:
            ValueError: the size is too small.
        """
        from tokenizers import Tokenizer, models, pre_tokenizers, trainers

        smallest = len(_SPECIAL) + 256
        if size < smallest:
            raise ValueError(f"a vocabulary of word pieces has at least {smallest} numbers, not {size}")
        tokenizer: Any = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = _splitter(pre_tokenizers)
        trainer = trainers.BpeTrainer(
            vocab_size=size - len(_SPECIAL),
            min_frequency=min_count,
            show_progress=False,
            initial_alphabet=list(_byte_pieces()),
        )
        tokenizer.train_from_iterator((f" {text}" for text in texts), trainer)
        merges: list[tuple[str, str]] = _trained_merges(tokenizer)
        seen = set(_byte_pieces())
        kept = []
        for first, second in merges:  # two ways to the same piece: the first is taken
            if first + second not in seen:
                seen.add(first + second)
                kept.append(f"{first} {second}")
        return cls("\n".join(kept))

    def __len__(self) -> int:
        return len(self._texts)

    def encode(self, text: str) -> list[int]:
        """The numbers of a text's pieces; none for an empty one.

        Raises:
            InputError: the text has half a surrogate pair, which is no character.
        """
        return list(self._encoding(text).ids) if text else []

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """`encode` of many texts, faster."""
        try:
            found = self._tokenizer.encode_batch_fast([f" {text}" if text else "" for text in texts])
        except (TypeError, UnicodeEncodeError):
            raise InputError(_NO_CHARACTERS) from None
        return [list(each.ids) for each in found]

    def split(self, text: str) -> list[Piece]:
        """The pieces of a text, with their places in it in characters."""
        if not text:
            return []
        found = self._encoding(text)
        pieces = []
        for number, (start, end) in zip(found.ids, found.offsets, strict=True):
            start, end = max(start - 1, 0), end - 1
            if end - start > 1 and text[start] == " ":
                start += 1
            pieces.append(Piece(number, text[start:end], start, end))
        return pieces

    def decode(self, ids: Iterable[int]) -> str:
        """The text of numbers; padding, begin and end are left out, bytes that are no character become "�"."""
        return self.decode_bytes(ids).decode("utf-8", "replace")

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """As `decode`, the text's bytes in UTF-8; the last character can be cut off."""
        return b"".join(self.piece_bytes[number] for number in ids).removeprefix(b" ")

    def piece(self, number: int) -> str:
        """How a number's piece looks, with the blank before it: " cat"."""
        return self._texts[number] if number <= END else self.piece_bytes[number].decode("utf-8", "replace")

    @cached_property
    def piece_bytes(self) -> list[bytes]:
        """The bytes of each number's piece, with the blank before it; none for padding, begin and end."""
        spelt = self._texts[len(_SPECIAL) :]
        return [b""] * len(_SPECIAL) + [bytes(self._bytes[each] for each in piece) for piece in spelt]

    def _encoding(self, text: str) -> Any:
        try:
            return self._tokenizer.encode(f" {text}")
        except (TypeError, UnicodeEncodeError):
            raise InputError(_NO_CHARACTERS) from None


_NO_CHARACTERS = "the text has half a surrogate pair in it, which is no character: expected Unicode text"


def _splitter(pre_tokenizers: Any) -> Any:
    from tokenizers import Regex

    words = pre_tokenizers.Split(Regex(_PATTERN), behavior="isolated")
    return pre_tokenizers.Sequence([words, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def _trained_merges(tokenizer: Any) -> list[tuple[str, str]]:
    import json

    found = json.loads(tokenizer.to_str())["model"]["merges"]
    pairs = [each.split(" ") if isinstance(each, str) else each for each in found]
    return [(first, second) for first, second in pairs]


def _byte_pieces() -> dict[str, int]:
    """The character that stands for each byte in the library: itself where it can be seen, else one from U+0100 on."""
    seen = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = iter(range(0x100, 0x200))
    return {chr(byte if byte in seen else next(others)): byte for byte in range(256)}
