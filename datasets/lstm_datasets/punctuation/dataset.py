"""Pieces of text as training items for a punctuator, cut anew in every epoch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.utils.data import Dataset

from lstm_models.tasks.punctuation.features import ENDS, LOWER, MARKS, MIXED, TITLE, ParsedWord
from lstm_models.tasks.punctuation.network import IGNORED
from lstm_models.text.word_vocabulary import ending_ids, normalize_word

if TYPE_CHECKING:
    from lstm_models.tasks.punctuation.network import PunctuationNetwork

__all__ = ["PunctuationPieces", "mixed_case_words"]

_SHORT, _SHORTEST = 0.25, 3  # fraction of items that are a few sentences, and the words they have at least


class PunctuationPieces(Dataset[dict[str, torch.Tensor]]):
    """Items ``words``, ``endings``, ``marks`` and ``cases`` [words] of documents laid end to end.

    Half of the pieces begin with a sentence, and half end with one and with the number of the text's end, so that the
    network knows a text that is over from one that goes on. The case of a sentence's first word is no evidence for the
    word and does not count, unless it is upper or mixed.

    Args:
        documents: words with marks and cases.
        network: whose vocabulary is used.
        length: words of a piece.
        seed: of the cuts.

    ``lengths`` are the most words an item may have.
    """

    def __init__(
        self, documents: Sequence[Sequence[ParsedWord]], network: PunctuationNetwork, length: int = 100, seed: int = 0
    ) -> None:
        mixed = set(network.config.mixed_case.split())
        self.end, self.length, self.seed, self.epoch = network.end, length, seed, 0
        words = [word for document in documents for word in document]
        texts = [word.text for word in words]
        self.words = np.array(network.vocabulary.ids(texts), dtype=np.int32)
        self.endings = np.array(ending_ids(texts, network.config.ending_buckets), dtype=np.int16)
        numbers = {mark: number for number, mark in enumerate(MARKS)}
        self.marks = np.array([numbers[word.mark] for word in words], dtype=np.int8)
        ends = np.array([word.mark in ENDS for word in words], dtype=bool)
        starts = np.concatenate([[True], ends[:-1]]) if len(words) else ends
        cases = np.array([word.case for word in words], dtype=np.int8)
        known = np.array([word.case != MIXED or word.text in mixed for word in words], dtype=bool)
        cases[~known] = TITLE
        cases = cases.astype(np.int16)
        single = np.array([word.text == "I" or word.text.startswith("I'") for word in words], dtype=bool)
        cases[starts & ((cases == TITLE) | (cases == LOWER)) & ~single] = IGNORED
        self.cases, self.ends = cases, np.flatnonzero(ends)
        self.lengths = [length + 1] * max(1, len(words) // length)

    def set_epoch(self, epoch: int) -> None:
        """Another epoch, other cuts."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.lengths)

    def cut(self, index: int) -> tuple[int, int, bool]:
        """First word of a piece, the word after its last, and whether the text's end follows."""
        draw = np.random.default_rng((self.seed, self.epoch, index))
        first = min(index * self.length + int(draw.integers(self.length)), max(0, len(self.words) - self.length))
        last = min(first + self.length, len(self.words))
        inside = self.ends[np.searchsorted(self.ends, first) : np.searchsorted(self.ends, last)]
        if draw.random() < 0.5 and len(inside) > 1:  # begins with a sentence
            first, inside = int(inside[0]) + 1, inside[1:]
        if draw.random() < 0.5 and len(inside):
            if draw.random() < _SHORT:
                inside = inside[inside >= first + _SHORTEST - 1][: int(draw.integers(1, 4))]
            if len(inside):
                return first, int(inside[-1]) + 1, True
        return first, last, False

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        first, last, over = self.cut(index)
        part = slice(first, last)
        columns: dict[str, np.ndarray] = {"words": self.words, "endings": self.endings}
        columns |= {"marks": self.marks, "cases": self.cases}
        end = {"words": self.end, "endings": 0, "marks": IGNORED, "cases": IGNORED}
        return {
            name: torch.tensor([*column[part].tolist(), end[name]] if over else column[part].tolist())
            for name, column in columns.items()
        }


def mixed_case_words(documents: Sequence[Sequence[ParsedWord]], size: int = 2000, min_count: int = 3) -> str:
    """Words mostly written in mixed case, the most frequent first, set apart by blanks."""
    forms: dict[str, Counter[str]] = {}
    mixed = {normalize_word(word.text) for document in documents for word in document if word.case == MIXED}
    for document in documents:
        for word in document:
            key = normalize_word(word.text)
            if key in mixed:
                forms.setdefault(key, Counter())[word.text] += 1
    best = [(count, form) for counts in forms.values() for form, count in counts.most_common(1)]
    kept = sorted((-count, form) for count, form in best if count >= min_count and _is_mixed(form))
    return " ".join(form for _, form in kept[:size])


def _is_mixed(form: str) -> bool:
    from lstm_models.tasks.punctuation.features import case_of

    return case_of(form) == MIXED
