"""What the cells of a language model keep over a text, after Karpathy et al. 2015 (arXiv:1506.02078).

Some units can be read: they are high inside a quotation or brackets, or count the words of a line. `unit_like` finds
the one that follows given values best.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lstm_models.text.word_pieces import END, Piece

if TYPE_CHECKING:
    from lstm_models.tasks.language_modeling.network import LanguageNetwork

__all__ = ["CellTrace", "inside", "sentence_place", "trace", "unit_like"]

_LONGEST = 2000  # pieces


@dataclass(frozen=True)
class CellTrace:
    """The cell states over a text.

    Attributes:
        pieces: the text's pieces.
        cells: tanh of the cell state [pieces, layers * units] after each of them, -1 to 1.
    """

    pieces: tuple[Piece, ...]
    cells: Tensor


@torch.no_grad()
def trace(network: LanguageNetwork, text: str) -> CellTrace:
    """The cell states over the first 2,000 pieces of a text."""
    pieces = network.vocabulary.split(text)[:_LONGEST]
    state = network.lstm.initial_state(1)
    _, state = network.step(torch.tensor([END], device=state.h.device), state)
    rows = []
    for piece in pieces:
        _, state = network.lstm.step(network.embedding.weight[piece.id][None], state)
        rows.append(state.c[:, 0].flatten().tanh().cpu())
    size = network.config.layers * network.config.hidden_size
    return CellTrace(tuple(pieces), torch.stack(rows) if rows else torch.zeros(0, size))


def inside(text: str, pieces: Sequence[Piece], opening: str, closing: str) -> Tensor:
    """1 for pieces after an opening mark and before its closing one, else 0 [pieces]."""
    depth, values, place = 0, [], 0
    for piece in pieces:
        for character in text[place : piece.end]:
            if character == opening and (opening != closing or not depth):
                depth += 1
            elif character == closing:
                depth = max(0, depth - 1)
        place = max(place, piece.end)
        values.append(float(depth > 0))
    return torch.tensor(values)


def sentence_place(text: str, pieces: Sequence[Piece]) -> Tensor:
    """How many pieces of its sentence have been read with each [pieces], from 1; ``.``, ``?`` and ``!`` end one."""
    values, since, place = [], 0, 0
    for piece in pieces:
        since += 1
        values.append(float(since))
        ended = any(character in ".?!" for character in text[place : piece.end])
        place = max(place, piece.end)
        if ended and not text[place : place + 1].isalnum():  # 3.5 goes on
            since = 0
    return torch.tensor(values)


def unit_like(cells: Tensor, values: Tensor) -> tuple[int, float]:
    """The unit whose state correlates best, with either sign, with ``values`` [pieces], and that correlation; 0, 0.0
    where the values do not vary."""
    if len(values) < 2 or not float(values.std()):
        return 0, 0.0
    centred, wanted = cells - cells.mean(0), values - values.mean()
    norms = centred.norm(dim=0).clamp(min=1e-6) * wanted.norm()
    correlations = wanted @ centred / norms
    best = int(correlations.abs().argmax())
    return best, float(correlations[best])
