"""Regularisation of language models beyond the dropout of the LSTM itself (Merity et al. 2018, arXiv:1708.02182).

- `embedding_mask`: some tokens of the vocabulary are left out of a batch, wherever they stand (Gal and Ghahramani 2016)
- `activation_penalty` and `slowness_penalty`: AR and TAR, outputs that are large or that change fast cost
- variational dropout and weight drop are ``lstm_models.nn.dropout.Dropout(input=…, hidden=…, weight=…)``
"""

from __future__ import annotations

import torch
from torch import Tensor

from lstm_models.nn.dropout import draw_mask

__all__ = ["activation_penalty", "embedding_mask", "slowness_penalty"]


def embedding_mask(tokens: Tensor, vocabulary: int, fraction: float, *, like: Tensor) -> Tensor | None:
    """The factors ``[*tokens, 1]`` of the vectors of tokens: 0 for a fraction of the vocabulary, the same in all
    places, and 1 / (1 - fraction) for the rest; None for fraction 0. Section 4.3."""
    mask = draw_mask(fraction, vocabulary, 1, like=like)
    return None if mask is None else torch.nn.functional.embedding(tokens, mask)


def activation_penalty(dropped: Tensor) -> Tensor:
    """The mean square of the outputs [batch, time, features], after dropout (AR, section 4.5)."""
    return dropped.float().square().mean()


def slowness_penalty(outputs: Tensor) -> Tensor:
    """The mean square of the changes of the outputs [batch, time, features] from one time to the next, before dropout
    (TAR, section 4.5); 0 for a single time."""
    if outputs.size(1) < 2:
        return outputs.new_zeros(())
    return (outputs[:, 1:] - outputs[:, :-1]).float().square().mean()
