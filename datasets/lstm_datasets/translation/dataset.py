"""Pairs of sentences as training items of a translator."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch.utils.data import Dataset

from lstm_datasets.translation.readers import SentencePair
from lstm_models.tasks.translation.features import END, normalize
from lstm_models.text.word_pieces import WordPieces

__all__ = ["TranslationPairs"]


class TranslationPairs(Dataset[dict[str, np.ndarray]]):
    """Items with ``source`` and ``target``, numbers of pieces with their ends.

    Args:
        pairs: sentences and translations; those with a side that is too long are left out.
        pieces: the vocabulary of both languages.
        longest: pieces of a side, its end counted.
        counts: how often each pair comes in an epoch; once if None.
    """

    def __init__(
        self,
        pairs: Sequence[SentencePair],
        pieces: WordPieces,
        longest: int = 100,
        counts: Sequence[int] | None = None,
    ) -> None:
        kind = np.uint16 if len(pieces) < 2**16 else np.int64
        sides = [
            [np.array([*ids, END], kind) for ids in pieces.encode_batch([normalize(pair[side]) for pair in pairs])]
            for side in (0, 1)
        ]
        given = [1] * len(pairs) if counts is None else counts
        kept = [
            (source, target, count)
            for source, target, count in zip(*sides, given, strict=True)
            if max(len(source), len(target)) <= longest
        ]
        self.items = [(source, target) for source, target, _ in kept]
        self.counts = [count for _, _, count in kept]
        self.lengths = [max(len(source), len(target)) for source, target in self.items]

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> dict[str, np.ndarray]:
        source, target = self.items[index]
        return {"source": source.astype(np.int64), "target": target.astype(np.int64)}
