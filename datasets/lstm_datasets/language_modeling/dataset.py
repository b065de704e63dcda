"""Texts as the streams a language model learns from, in stretches of unequal length.

All texts, in an order that differs from epoch to epoch, are one line of tokens; it is cut into as many streams as a
batch has rows, and these into stretches: variable-length back-propagation through time (Merity et al. 2018, section
4.1), so that the same token is not always at an edge. An item is a batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from lstm_models.text.word_pieces import END

__all__ = ["TokenStreams"]

_JITTER = 0.07  # standard deviation of the place of an edge, in stretches


class TokenStreams(Dataset[dict[str, Any]]):
    """Items with ``tokens`` [streams, time + 1], each stretch beginning with the last token of the one before it, and
    ``first``, whether the streams begin with it.

    Args:
        texts: the tokens of each text, without an end.
        streams: rows of a batch.
        bptt: mean length of a stretch.
        shuffle: another order of the texts, and other edges, in each epoch.
        seed: of the order.

    Raises:
        ValueError: there are not enough tokens for a stretch of every stream.
    """

    in_order = True  # the state goes on from one item to the next

    def __init__(
        self, texts: Sequence[np.ndarray], streams: int, bptt: int, *, shuffle: bool = False, seed: int = 0
    ) -> None:
        self.texts, self.streams, self.bptt, self.shuffle, self.seed = texts, streams, bptt, shuffle, seed
        self.tokens = sum(len(text) + 1 for text in texts)
        self.columns = self.tokens // streams  # predictions of each stream
        if self.columns < 1:
            raise ValueError(f"{self.tokens} tokens are not enough for {streams} streams")
        self.lengths = [streams * bptt] * max(1, round(self.columns / bptt))
        self._epoch = -1
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Another epoch, another order."""
        if epoch == self._epoch or (self._epoch >= 0 and not self.shuffle):
            return
        self._epoch = epoch
        generator = np.random.default_rng((self.seed, epoch))
        order = generator.permutation(len(self.texts)) if self.shuffle else range(len(self.texts))
        end = np.array([END], np.int32)
        line = np.concatenate([end, *(part for at in order for part in (self.texts[at], end))])
        size = self.columns * self.streams
        targets = line[1 : size + 1].reshape(self.streams, -1)
        self._rows = torch.from_numpy(np.concatenate([line[: size : self.columns, None], targets], 1))
        edges = np.linspace(0, self.columns, len(self.lengths) + 1)
        if self.shuffle:
            edges[1:-1] += np.clip(generator.normal(0, _JITTER, len(edges) - 2), -0.4, 0.4) * self.bptt
        self._edges = edges.round().astype(int)

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, index: int) -> dict[str, Tensor | bool]:
        first, last = self._edges[index], self._edges[index + 1]
        return {"tokens": self._rows[:, first : last + 1].long(), "first": index == 0}
