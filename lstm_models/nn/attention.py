"""Additive attention over a memory, such as the grid of a picture's features (Bahdanau et al. 2015)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from lstm_models.nn.prepacked_linear import PrepackedLinear

__all__ = ["AdditiveAttention"]


class AdditiveAttention(nn.Module):
    """Scores v · tanh(W k + U q) of a query q against the keys of a memory (Bahdanau et al. 2015, arXiv:1409.0473).

    Args:
        memory_size: features of a place of the memory.
        query_size: features of a query.
        size: features of the sum within the tanh.
    """

    def __init__(self, memory_size: int, query_size: int, size: int) -> None:
        super().__init__()
        self.key = nn.Linear(memory_size, size)
        self.query = PrepackedLinear(query_size, size, bias=False)
        self.score = nn.Parameter(torch.empty(size).uniform_(-1, 1) / math.sqrt(size))

    def keys(self, memory: Tensor) -> Tensor:
        """W k [batch, places, size] for a memory [batch, places, memory]: once for all queries."""
        return self.key(memory)  # type: ignore[no-any-return]

    def forward(self, query: Tensor, keys: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        """What the queries see.

        Args:
            query: [rows, query], rows a multiple of batch: as many for each entry of the memory, one after another.
            keys: of the memory, from :meth:`keys`.
            memory: [batch, places, memory].

        Returns:
            The weighted sums of the memory [rows, memory] and the weights [rows, places], which sum to 1.
        """
        batch, _, size = keys.shape
        query = self.query(query).view(batch, -1, 1, size)
        scores = torch.tanh(keys[:, None] + query.to(keys.dtype)) @ self.score.to(keys.dtype)
        weights = scores.float().softmax(-1)
        seen = weights.to(memory.dtype) @ memory
        return seen.flatten(0, 1), weights.flatten(0, 1)
