"""Word n-gram language models: small enough to ship, quick enough to ask for every hypothesis of a search.

>>> model = lstm_models.load("words")
>>> log_probability, context = model.score(model.start, "the")
>>> NGram.from_arpa("model.arpa")           # any other back-off model

The n-grams lie in a trie of sorted arrays, their natural log probabilities and back-off weights in 256 steps an order
(as in KenLM's quantised tries: Heafield 2011, WMT). A word that is not in the vocabulary has the probability of the
class ``<unk>`` times that within the class: by how often it came if it is one of the listed rare words, and by its
spelling's letter trigram, so that every word has one. Estimation is in ``lstm_models.ngram.estimation``.
"""

from __future__ import annotations

import functools
import itertools
import math
import os
import re
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from lstm_models.errors import InputError
from lstm_models.io.atomic_write import shown

__all__ = ["BEGIN", "END", "UNKNOWN", "NGram", "NGramConfig", "NGrams"]

BEGIN, END, UNKNOWN = 0, 1, 2
SPECIAL = ("<s>", "</s>", "<unk>")
LETTERS = "'abcdefghijklmnopqrstuvwxyz"
_NEVER = -99.0 * math.log(10)  # what ARPA files write for “impossible”
_STEP = 1 / 24  # nats, of the spelling's table
_RARE_STEP = 1 / 16  # nats, of the rare words'
_MOST_CACHED = 100_000
_MOST_WORDS = 2**16
_MOST_ORDER = 5


@dataclass(frozen=True)
class NGramConfig:
    """Sizes of an n-gram model.

    Attributes:
        counts: how many n-grams of each order it has; the first number is the vocabulary's with the three classes
            ``<s>``, ``</s>`` and ``<unk>``.
        characters: bytes of the stored vocabulary.
        rare: words of the class ``<unk>`` that are listed.
        rare_characters: bytes of these, as stored.
        novel: P(word is not listed | word is of the class).

    Raises:
        ValueError: a number is out of its range.
    """

    counts: tuple[int, ...] = (3,)
    characters: int = 0
    rare: int = 0
    rare_characters: int = 0
    novel: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "counts", tuple(self.counts))
        if not self.counts or min(self.counts) < 0 or not len(SPECIAL) <= self.counts[0] <= _MOST_WORDS:
            raise ValueError(f"a model has 3 to {_MOST_WORDS} words, and is given counts of {list(self.counts)}")
        if self.characters < 0:
            raise ValueError(f"the vocabulary has {self.characters} bytes")
        if not 0 <= self.rare <= self.rare_characters or not 0 < self.novel <= 1:
            raise ValueError(f"{self.rare} rare words of {self.rare_characters} bytes, {self.novel} of the class novel")

    @property
    def order(self) -> int:
        """Words of the longest n-gram."""
        return len(self.counts)


@dataclass(frozen=True)
class NGrams:
    """All n-grams of one order.

    Attributes:
        ids: `[n-grams, order]` int, word numbers; sorted, first word first.
        log_probs: `[n-grams]`, ln P(last word | words before).
        backoffs: `[n-grams]`, ln of the weight of shorter contexts after these words; 0 for none.
    """

    ids: np.ndarray
    log_probs: np.ndarray
    backoffs: np.ndarray


class NGram(nn.Module):
    """A back-off n-gram model over words.

    Word numbers are 0 ``<s>``, 1 ``</s>``, 2 ``<unk>``, and from 3 the vocabulary in alphabetical order. A context is
    a tuple of up to order − 1 word numbers.
    """

    Config = NGramConfig

    def __init__(self, config: NGramConfig) -> None:
        super().__init__()
        self.config = config
        counts = config.counts
        self._buffer("words", config.characters, torch.uint8)
        self._buffer("spellings", (len(LETTERS) + 1) ** 3, torch.uint8)
        self.register_buffer("codebook", torch.zeros(len(counts), 2, 256))
        for i, count in enumerate(counts):
            self._buffer(f"log_probs_{i + 1}", count, torch.uint8)
            if i:
                self._buffer(f"last_{i + 1}", count, torch.int16)
            if i + 1 < len(counts):
                self._buffer(f"backoffs_{i + 1}", count, torch.uint8)
                self._buffer(f"children_{i + 1}", (count + counts[i + 1] + 7) // 8, torch.uint8)
        if config.rare:
            self._buffer("rare_words", config.rare_characters, torch.uint8)
            self._buffer("rare_log_probs", config.rare, torch.uint8)
        self._contexts: dict[tuple[int, ...], tuple[tuple[int, int, int, float], ...]] = {}
        self._ahead: dict[str, float] = {}

    def _buffer(self, name: str, size: int, dtype: torch.dtype) -> None:
        self.register_buffer(name, torch.zeros(size, dtype=dtype))

    @classmethod
    def from_ngrams(
        cls,
        vocabulary: Sequence[str],
        levels: Sequence[NGrams],
        *,
        unknown: Iterable[str] = (),
        rare: Mapping[str, float] | None = None,
    ) -> NGram:
        """A model of n-grams.

        Args:
            vocabulary: the words from number 3 on, in alphabetical order.
            levels: the n-grams of order 1, 2, …; those of order 1 are all words by number, and every longer one's first
                words are an n-gram, too.
            unknown: words to learn from how unknown words are spelt; by default the vocabulary.
            rare: how often words came that are not in the vocabulary; these are listed. The part of the class that is
                left to words never seen is that of the words seen once (Good 1953, Biometrika 40).

        Raises:
            InputError: there are too many words, or the n-grams are not as they should be.
        """
        words = list(vocabulary)
        if not 1 <= len(levels) <= _MOST_ORDER:
            raise InputError(f"a model has n-grams of up to {_MOST_ORDER} words, not {len(levels)}", usage=True)
        if words != sorted(set(words)) or any(not word or word in SPECIAL for word in words):
            raise InputError("the words of a vocabulary are distinct and in alphabetical order")
        if len(words) + len(SPECIAL) > _MOST_WORDS:
            raise InputError(f"a model has at most {_MOST_WORDS - len(SPECIAL):,} words, not {len(words):,}")
        if len(levels[0].ids) != len(words) + len(SPECIAL):
            raise InputError(f"{len(words)} words and three classes need as many unigrams, not {len(levels[0].ids)}")
        listed = sorted(rare or ())
        counted = np.array([(rare or {})[word] for word in listed], np.float64)
        if not set(listed).isdisjoint(words) or not all(listed) or (counted <= 0).any():
            raise InputError("rare words are not in the vocabulary, and come more than no time")
        novel = min(max(float(counted[counted <= 1].sum() / counted.sum()), 0.01), 0.99) if listed else 1.0
        spelt, rarely = _front_coded(words), _front_coded(listed)
        counts = tuple(len(level.ids) for level in levels)
        model = cls(NGramConfig(counts, len(spelt), len(listed), len(rarely), novel))
        fill = {"words": np.frombuffer(spelt, np.uint8), "spellings": _spellings(list(unknown) or words)}
        if listed:
            steps = np.rint(-np.log((1 - novel) * counted / counted.sum()) / _RARE_STEP)
            fill["rare_log_probs"] = np.clip(steps, 0, 255).astype(np.uint8)
            fill["rare_words"] = np.frombuffer(rarely, np.uint8)
        codebook = np.zeros((len(levels), 2, 256), np.float32)
        for i, level in enumerate(levels):
            fill[f"log_probs_{i + 1}"], codebook[i, 0] = _quantized(np.asarray(level.log_probs, np.float64))
            if i:
                fill[f"last_{i + 1}"] = level.ids[:, -1].astype(np.uint16).view(np.int16)
                fill[f"children_{i}"] = _children(levels[i - 1].ids, level.ids)
            if i + 1 < len(levels):
                fill[f"backoffs_{i + 1}"], codebook[i, 1] = _quantized(np.asarray(level.backoffs, np.float64))
        for name, values in {**fill, "codebook": codebook}.items():
            getattr(model, name).copy_(torch.from_numpy(np.array(values)))
        return model.eval()

    @classmethod
    def from_arpa(cls, path: str | os.PathLike[str]) -> NGram:
        """The model of an ARPA file, as SRILM, KenLM, IRSTLM and others write it.

        Raises:
            InputError: the file cannot be read, or is not a whole ARPA file.
        """
        return _read_arpa(Path(path))

    # --- asking ----------------------------------------------------------------------------------------------------

    @property
    def start(self) -> tuple[int, ...]:
        """The context at the beginning of a sentence."""
        return (BEGIN,)[: self.config.order - 1]

    @property
    def unknown(self) -> float:
        """ln P of the class of unknown words, whatever comes before."""
        log_p: float = self._tables.log_probs[0][self._tables.codes[0][UNKNOWN]]
        return log_p

    @property
    def vocabulary(self) -> list[str]:
        """The words, in alphabetical order."""
        return self._tables.words[len(SPECIAL) :]

    def __contains__(self, word: object) -> bool:
        return word in self._tables.numbers or word in self._tables.rare

    def number(self, word: str) -> int:
        """The word's number; 2 for one outside the vocabulary, also if it is listed as rare."""
        return self._tables.numbers.get(word, UNKNOWN)

    def score(self, context: tuple[int, ...], word: str) -> tuple[float, tuple[int, ...]]:
        """ln P(word | context), and the context of the next word.

        Args:
            context: what the last call gave, or `start`, or () to know nothing.
            word: any word; “</s>” is the end of a sentence.
        """
        tables = self._tables
        number = tables.numbers.get(word, END if word == SPECIAL[END] else UNKNOWN)
        total = self.spelling(word) if number == UNKNOWN else 0.0
        keep = self.config.order - 1
        after = (*context, number)[-keep:] if keep else ()
        entries = self._contexts.get(context)
        if entries is None:
            entries = self._entries(context)
        for level, begin, end, backoff in entries:
            last = tables.last[level]
            place = bisect_left(last, number, begin, end)
            if place < end and last[place] == number:
                return total + tables.log_probs[level][tables.codes[level][place]], after
            total += backoff
        return total + tables.log_probs[0][tables.codes[0][number]], after

    def spelling(self, word: str, *, whole: bool = True) -> float:
        """ln P of a spelling within the class of unknown words.

        Args:
            word: its letters.
            whole: with the end of the word, and the listed rare word that it may be; else of all words of the class
                that begin so and are not listed.
        """
        table, size = self._tables.spellings, len(LETTERS) + 1
        one = two = 0
        total = 0
        for letter in word:
            number = LETTERS.find(letter) + 1
            total += table[(one * size + two) * size + number]
            one, two = two, number
        if whole:
            total += table[(one * size + two) * size]
        spelt = self._tables.novel - _STEP * total
        place = self._tables.rare.get(word) if whole else None
        if place is None:
            return spelt
        listed = -_RARE_STEP * self._tables.rare_codes[place]
        return max(spelt, listed) + math.log1p(math.exp(-abs(spelt - listed)))

    def look_ahead(self, prefix: str) -> float:
        """ln P of the likeliest word that begins so, whatever comes before it."""
        found = self._ahead.get(prefix)
        if found is None:
            words = self._tables.words
            begin = bisect_left(words, prefix, len(SPECIAL))
            end = bisect_left(words, prefix + "\U0010ffff", begin)
            found = self.unknown + self.spelling(prefix, whole=False)
            if begin < end:
                found = float(self._tables.unigrams[begin:end].max())
            rare = self._tables.rare_words
            begin = bisect_left(rare, prefix)
            end = bisect_left(rare, prefix + "\U0010ffff", begin)
            if begin < end:
                found = max(found, self.unknown - _RARE_STEP * min(self._tables.rare_codes[begin:end]))
            if len(self._ahead) >= _MOST_CACHED:
                self._ahead.clear()
            self._ahead[prefix] = found
        return found

    def _entries(self, context: tuple[int, ...]) -> tuple[tuple[int, int, int, float], ...]:
        """For the context and its ever shorter ends: level and range of the words after it, and its back-off weight."""
        tables, entries = self._tables, []
        for start in range(len(context)):
            node, level = context[start], 0
            for level, number in enumerate(context[start + 1 :], 1):
                begin, end = tables.offsets[level - 1][node], tables.offsets[level - 1][node + 1]
                node = bisect_left(tables.last[level], number, begin, end)
                if node >= end or tables.last[level][node] != number:
                    break
            else:
                begin, end = tables.offsets[level][node], tables.offsets[level][node + 1]
                entries.append((level + 1, begin, end, tables.backoffs[level][tables.backoff_codes[level][node]]))
        if len(self._contexts) >= _MOST_CACHED:
            self._contexts.clear()
        self._contexts[context] = tuple(entries)
        return self._contexts[context]

    @functools.cached_property
    def _tables(self) -> _Tables:
        return _Tables(self)

    def load_state_dict(self, *args: Any, **kwargs: Any) -> Any:
        """As `torch.nn.Module.load_state_dict`; what was known of the old n-grams is forgotten."""
        self.__dict__.pop("_tables", None)
        self._contexts.clear()
        self._ahead.clear()
        return super().load_state_dict(*args, **kwargs)


class _Tables:
    """The buffers as what Python reads fast: bytes, arrays, lists."""

    def __init__(self, model: NGram) -> None:
        counts = model.config.counts
        buffers = {name: buffer.cpu().numpy() for name, buffer in model.named_buffers()}
        words = _unfolded(buffers["words"].tobytes())
        if len(words) + len(SPECIAL) != counts[0]:
            raise InputError(f"the language model's vocabulary is damaged: {len(words)} words in place of {counts[0]}")
        self.words = [*SPECIAL, *words]
        self.numbers = {word: number for number, word in enumerate(words, len(SPECIAL))}
        self.spellings = buffers["spellings"].tobytes()
        self.novel = math.log(model.config.novel)
        self.rare_words = _unfolded(buffers["rare_words"].tobytes()) if model.config.rare else []
        if len(self.rare_words) != model.config.rare:
            raise InputError(f"the language model's rare words are damaged: {len(self.rare_words)} are left")
        self.rare = {word: place for place, word in enumerate(self.rare_words)}
        self.rare_codes = buffers["rare_log_probs"].tobytes() if model.config.rare else b""
        self.log_probs = [row.tolist() for row in buffers["codebook"][:, 0]]
        self.backoffs = [row.tolist() for row in buffers["codebook"][:, 1]]
        self.codes = [buffers[f"log_probs_{i + 1}"].tobytes() for i in range(len(counts))]
        self.unigrams = buffers["codebook"][0, 0][buffers["log_probs_1"]]
        self.backoff_codes, self.offsets = [], []
        self.last = [array("H")]
        for i in range(1, len(counts)):
            self.backoff_codes.append(buffers[f"backoffs_{i}"].tobytes())
            bits = np.unpackbits(buffers[f"children_{i}"])[: counts[i - 1] + counts[i]]
            ends = np.flatnonzero(bits == 0)
            if len(ends) != counts[i - 1]:
                raise InputError(f"the language model's {i}-grams are damaged: {len(ends)} in place of {counts[i - 1]}")
            offsets = np.concatenate([[0], ends - np.arange(len(ends))]).astype(np.intc)
            self.offsets.append(array("i", offsets.tobytes()))
            self.last.append(array("H", buffers[f"last_{i + 1}"].tobytes()))


def _front_coded(words: Sequence[str]) -> bytes:
    """Each word as the number of first bytes it shares with the one before, the number of others, and these."""
    coded, before = bytearray(), b""
    for word in words:
        spelt = word.encode()
        if len(spelt) > 255:
            raise InputError(f"the word “{word[:20]}…” has more than 255 bytes")
        shared = len(list(itertools.takewhile(lambda pair: pair[0] == pair[1], zip(before, spelt, strict=False))))
        coded += bytes((shared, len(spelt) - shared)) + spelt[shared:]
        before = spelt
    return bytes(coded)


def _unfolded(coded: bytes) -> list[str]:
    words, before, i = [], b"", 0
    try:
        while i < len(coded):
            shared, rest = coded[i], coded[i + 1]
            before = before[:shared] + coded[i + 2 : i + 2 + rest]
            words.append(before.decode())
            i += 2 + rest
    except (IndexError, UnicodeDecodeError):
        raise InputError("the language model's vocabulary is damaged") from None
    return words


def _keys(ids: np.ndarray) -> np.ndarray:
    """Up to four word numbers as one number, in the same order."""
    keys = np.zeros(len(ids), np.uint64)
    for column in ids.T:
        keys = keys * np.uint64(_MOST_WORDS) + column.astype(np.uint64)
    return keys


def _children(parents: np.ndarray, ngrams: np.ndarray) -> np.ndarray:
    """For each parent in order a one for every n-gram that begins with it, then a zero; as bits."""
    before, last = _keys(ngrams[:, :-1]), ngrams[:, -1]
    if ((before[1:] < before[:-1]) | ((before[1:] == before[:-1]) & (last[1:] <= last[:-1]))).any():
        raise InputError("the n-grams are not sorted")
    known = _keys(parents)
    owner = np.minimum(np.searchsorted(known, before), max(len(known) - 1, 0))
    if len(before) and (not len(known) or (known[owner] != before).any()):
        raise InputError(f"a {ngrams.shape[1]}-gram begins with words that are no {parents.shape[1]}-gram")
    bits = np.zeros(len(parents) + len(ngrams), np.uint8)
    bits[np.arange(len(ngrams)) + owner] = 1
    return np.packbits(bits)


def _quantized(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Codes [values] and the 256 numbers they stand for: the values if they are so few, else Lloyd's (1982)."""
    book = np.zeros(256, np.float32)
    distinct = np.unique(values)
    if len(distinct) > 256:
        ordered = np.sort(values)
        distinct = np.unique(ordered[np.linspace(0, len(ordered) - 1, 256).astype(np.int64)])
        for _ in range(20):
            cells = np.searchsorted((distinct[1:] + distinct[:-1]) / 2, values)
            sizes = np.bincount(cells, minlength=len(distinct))
            sums = np.bincount(cells, weights=values, minlength=len(distinct))
            distinct = np.unique(np.where(sizes > 0, sums / np.maximum(sizes, 1), distinct))
    book[: len(distinct)] = distinct
    return np.searchsorted((distinct[1:] + distinct[:-1]) / 2, values).astype(np.uint8), book


def _spellings(words: Sequence[str]) -> np.ndarray:
    """−ln P(letter | two before) in steps, [28 · 28 · 28] uint8, 0 begins and ends a word; Witten–Bell smoothed."""
    size = len(LETTERS) + 1
    counts = np.zeros((size, size, size))
    for word in words:
        one = two = 0
        for letter in (*word, ""):
            number = LETTERS.find(letter) + 1 if letter else 0
            counts[one, two, number] += 1
            one, two = two, number
    counts[0, 0, 0] = 0  # no word is empty
    smoothed = np.full(size, 1 / size)
    for level in (counts.sum((0, 1)), counts.sum(0), counts):
        kinds, whole = (level > 0).sum(-1, keepdims=True), level.sum(-1, keepdims=True)
        smoothed = (level + np.maximum(kinds, 1) * smoothed) / (whole + np.maximum(kinds, 1))
    codes: np.ndarray = np.clip(np.rint(-np.log(smoothed) / _STEP), 0, 255).astype(np.uint8)
    return codes.ravel()


# --- ARPA files ------------------------------------------------------------------------------------------------------


def _read_arpa(path: Path) -> NGram:
    name = shown(path)
    try:
        with open(path, encoding="utf-8") as file:
            listed = _arpa_levels(file, name)
    except OSError as error:
        raise InputError(f"{name} cannot be read: {(error.strerror or str(error)).lower()}.") from error
    except UnicodeDecodeError:
        raise InputError(f"{name} is not an ARPA file: it is not UTF-8 text.") from None
    rename = {"<UNK>": "<unk>", "<S>": "<s>", "</S>": "</s>"}
    unigrams = {rename.get(words[0], words[0]): values for words, *values in listed[0]}
    vocabulary = sorted(word for word in unigrams if word not in SPECIAL)
    number = {word: i for i, word in enumerate([*SPECIAL, *vocabulary])}
    levels = []
    for i, entries in enumerate(listed):
        if not i:
            missing = [(_NEVER, 0.0)] * len(SPECIAL)
            rows = [[each] for each in range(len(number))]
            values = [unigrams.get(word, missing[0]) for word in (*SPECIAL, *vocabulary)]
        else:
            try:
                found = sorted((tuple(number[rename.get(w, w)] for w in words), p, b) for words, p, b in entries)
            except KeyError as error:
                raise InputError(f"{name}: the word {error} of a {i + 1}-gram is not among the unigrams.") from None
            rows, values = [list(row) for row, _, _ in found], [(p, b) for _, p, b in found]
        columns = np.array(values, np.float64).reshape(-1, 2)
        levels.append(NGrams(np.array(rows, np.int64).reshape(-1, i + 1), columns[:, 0], columns[:, 1]))
    if "<unk>" not in unigrams:  # a closed vocabulary: as improbable as the least probable word
        levels[0].log_probs[UNKNOWN] = levels[0].log_probs[len(SPECIAL) :].min(initial=-math.log(_MOST_WORDS))
    try:
        return NGram.from_ngrams(vocabulary, levels)
    except InputError as error:
        raise InputError(f"{name}: {error}.") from None


def _arpa_levels(lines: Iterable[str], name: str) -> list[list[tuple[list[str], float, float]]]:
    """For each order, words, ln P and ln back-off weight of its n-grams."""
    wanted: list[int] = []
    levels: list[list[tuple[list[str], float, float]]] = []
    state = "before"
    for line_number, line in enumerate(lines, 1):
        line = line.strip()
        if not line:
            continue
        if state == "before":
            state = "counts" if line == "\\data\\" else state
        elif line == "\\end\\":
            state = "end"
            break
        elif counted := re.fullmatch(r"ngram\s+(\d+)\s*=\s*(\d+)", line):
            wanted.append(int(counted[2]))
        elif section := re.fullmatch(r"\\(\d+)-grams:", line):
            if int(section[1]) != len(levels) + 1:
                raise InputError(
                    f"{name}, line {line_number}: {section[1]}-grams come where {len(levels) + 1}-grams should."
                )
            levels.append([])
        elif levels:
            fields = line.split()
            order = len(levels)
            try:
                if not order + 1 <= len(fields) <= order + 2:
                    raise ValueError
                probability = float(fields[0])
                backoff = float(fields[order + 1]) if len(fields) == order + 2 else 0.0
            except ValueError:
                raise InputError(f"{name}, line {line_number}: this is no {order}-gram of an ARPA file.") from None
            if not (math.isfinite(probability) and math.isfinite(backoff)):
                raise InputError(f"{name}, line {line_number}: a log probability is not a finite number.")
            levels[-1].append((fields[1 : order + 1], probability * math.log(10), backoff * math.log(10)))
    if state == "before" or not levels:
        raise InputError(f"{name} is not an ARPA file: one has the line \\data\\ and n-grams after it.")
    if state != "end" or [len(level) for level in levels] != wanted:
        raise InputError(f"{name} is truncated: it has {[len(level) for level in levels]} n-grams of {wanted}.")
    return levels
