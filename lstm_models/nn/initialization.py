"""First values of a cell's weights: ``scheme(cell, longest)`` fills them in place."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor, nn


class Cell(Protocol):
    """What a scheme fills: the weights of one cell, gate by gate (`lstm_models.nn.cells.Cell` is one)."""

    hidden_size: int
    weight_ih: nn.Parameter
    weight_hh: nn.Parameter
    bias: nn.Parameter

    def forget_bias(self, value: Tensor, balance: bool) -> None:
        """Set the forget gate's bias to ``value [hidden]`` and, to ``balance`` it, the input gate's to its negative."""


@torch.no_grad()
def orthogonal(cell: Cell, longest: int | None = None) -> None:
    """Glorot-uniform input weights, an orthogonal recurrent block for every gate, forget bias 1.

    Sources: Saxe et al. 2014 (orthogonal), Jozefowicz et al. 2015 (forget bias).
    """
    for gate in cell.weight_ih.split(cell.hidden_size):
        nn.init.xavier_uniform_(gate)
    for gate in cell.weight_hh.split(cell.hidden_size):
        nn.init.orthogonal_(gate)
    cell.bias.zero_()
    cell.forget_bias(torch.ones(cell.hidden_size), balance=False)


@torch.no_grad()
def chrono(cell: Cell, longest: int | None = None) -> None:
    """As :func:`orthogonal`, but forget biases log(u) with u uniform in 1..longest-1, and input biases their negative.

    A unit with forget bias b remembers for about exp(b) steps, so memories of every span up to ``longest`` steps exist
    from the start. Source: Tallec and Ollivier 2018, equation 16. Raises ValueError without ``longest`` of at least 2.
    """
    if longest is None or longest < 2:
        raise ValueError("chrono initialisation needs the longest span to remember, longest=... of at least 2 steps")
    orthogonal(cell)
    cell.forget_bias(torch.empty(cell.hidden_size).uniform_(1, longest - 1).log_(), balance=True)


@torch.no_grad()
def uniform(cell: Cell, longest: int | None = None) -> None:
    """Every weight uniform in ±1/sqrt(hidden), as torch.nn.LSTM does; the bias is a sum of two such numbers."""
    bound = 1 / math.sqrt(cell.hidden_size)
    cell.weight_ih.uniform_(-bound, bound)
    cell.weight_hh.uniform_(-bound, bound)
    cell.bias.uniform_(-bound, bound).add_(torch.empty_like(cell.bias).uniform_(-bound, bound))


SCHEMES: dict[str, Callable[..., None]] = {"orthogonal": orthogonal, "chrono": chrono, "uniform": uniform}
