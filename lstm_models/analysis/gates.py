"""What happens inside an LSTM: its gates, candidate, cell and hidden state at every step, exactly as it ran.

    output, _ = lstm(x, lengths=lengths)
    for one in lstm_models.gate_activations(lstm, x, lengths):     # a layer (and direction) each
        one.forget                                                 # [batch, time, hidden], 0 to 1
    one.hidden                                                     # of the last layer: `output` itself

The equations are those of Hochreiter and Schmidhuber (1997) with the forget gate of Gers et al. (2000), or what
:mod:`lstm_models.nn.cells` says of the other cells: c' = f c + i g, h' = o tanh(c').
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import linear

from lstm_models.nn.cells import Cell, CoupledCell, LayerNormCell, PeepholeCell, StandardCell
from lstm_models.nn.dropout import Dropout
from lstm_models.nn.lstm import LSTM, LSTMState
from lstm_models.nn.soft_window import SoftWindowLSTM, SoftWindowState

__all__ = ["GateActivations", "WindowActivations", "gate_activations", "window_activations"]


@dataclass(frozen=True)
class GateActivations:
    """What one layer did in one direction, ``[batch, time, hidden]`` each, in the order of time, zero in padding.

    Attributes:
        input: the input gate i, 0 to 1: how much of the candidate is written.
        forget: the forget gate f, 0 to 1: how much of the cell state is kept; 1 - i of a coupled cell.
        candidate: the candidate g, -1 to 1: what may be written.
        output: the output gate o, 0 to 1: how much of the cell state is shown.
        cell: the cell state c after the step.
        hidden: the hidden state h after the step, which the layer gives out; ``[batch, time, projection]`` where h is
            projected.
    """

    input: Tensor
    forget: Tensor
    candidate: Tensor
    output: Tensor
    cell: Tensor
    hidden: Tensor


class WindowActivations(NamedTuple):
    """What a soft-window layer did."""

    gates: GateActivations
    """Of its LSTM."""
    seen: Tensor
    """Text seen through the window [batch, time, text feature]."""
    weights: Tensor
    """How much of every character is seen [batch, time, characters], 0 or more, not normalised."""
    position: Tensor
    """Centre of every Gaussian on the text, in characters [batch, time, components]; the first stands at 1."""


@torch.no_grad()
def gate_activations(
    lstm: LSTM, x: Tensor, lengths: Tensor | Sequence[int] | None = None, state: LSTMState | None = None
) -> list[GateActivations]:
    """The gates and states of a stack while it runs over ``x``, with dropout off.

    Args:
        lstm: of standard, peephole, coupled or layer-norm cells.
        x: ``[batch, time, feature]``.
        lengths: ``[batch]``, the real frames of each sequence; None where all are real.
        state: where to go on from; None for the stack's initial state.

    Returns:
        One :class:`GateActivations` for each layer and direction, layer by layer, the forward direction first.

    Raises:
        ValueError: a shape, a type or a length does not fit, or the stack has cells of another kind.
    """
    training = lstm.training
    lstm.eval()
    try:
        lstm(x[:, :0] if x.dim() == 3 else x, state)  # says what does not fit
        batch, time = x.shape[:2]
        numbers = lstm._lengths(lengths, batch, time) or [time] * batch
        state = lstm.initial_state(batch) if state is None else state
        real = torch.arange(time, device=x.device) < torch.tensor(numbers, device=x.device)[:, None]
        found: list[GateActivations] = []
        for layer in range(lstm.layers):
            parts = []
            for direction in range(lstm.directions):
                row = layer * lstm.directions + direction
                turned = _reversed(x, numbers) if direction else x
                one = _run(lstm.cells[row], turned, state.h[row], state.c[row], real, lstm.dropout)
                if direction:
                    one = GateActivations(*(_reversed(getattr(one, f.name), numbers) for f in fields(one)))
                parts.append(one)
            found += parts
            x = lstm.join(layer, x, torch.cat([one.hidden for one in parts], -1))
        return found
    finally:
        lstm.train(training)


@torch.no_grad()
def window_activations(
    layer: SoftWindowLSTM, x: Tensor, text: Tensor, text_mask: Tensor, state: SoftWindowState | None = None
) -> WindowActivations:
    """The gates and states of a soft-window layer, and where it looks.

    Args:
        layer: the layer.
        x: ``[batch, time, feature]``.
        text: character vectors ``[batch, characters, text feature]``.
        text_mask: true where a character is real ``[batch, characters]``.
        state: where to go on from; zeros if missing.

    Raises:
        ValueError: the shapes do not fit.
    """
    _, _, state = layer(x[:, :0] if x.dim() == 3 else x, text, text_mask, state)  # says what does not fit
    steps: list[tuple[Tensor, ...]] = []
    places = torch.arange(1, text.size(1) + 1, device=text.device, dtype=text.dtype)
    for frame in x.unbind(1):
        gates = torch.addmm(layer.bias, frame, layer.weight_ih.t())
        gates = gates.addmm(state.h, layer.weight_hh.t()).addmm(state.window, layer.weight_wh.t())
        i, f, g, o = gates.chunk(4, 1)
        i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
        c = f * state.c + i * g
        h = o * c.tanh()
        state = SoftWindowState(h, c, *layer.look(h, text, text_mask, state.position))
        importance, sharpness, _ = torch.addmm(layer.window_bias, state.h, layer.window_weight.t()).exp().chunk(3, 1)
        exponent = sharpness[:, :, None] * (state.position[:, :, None] - places) ** 2
        weights = torch.bmm(importance[:, None], torch.exp(-exponent))[:, 0] * text_mask
        steps.append((i, f, g, o, c, h, state.window, weights, state.position))
    if not steps:
        sizes = [layer.hidden_size] * 6 + [layer.text_size, text.size(1), layer.components]
        tensors = [x.new_zeros(x.size(0), 0, size) for size in sizes]
    else:
        tensors = [torch.stack(parts, 1) for parts in zip(*steps, strict=True)]
    return WindowActivations(GateActivations(*tensors[:6]), *tensors[6:])


def _run(cell: Cell, x: Tensor, h: Tensor, c: Tensor, real: Tensor, dropout: Dropout) -> GateActivations:
    """One cell over ``x [batch, time, feature]``; where a sequence has ended its state stands still."""
    steps: list[tuple[Tensor, ...]] = []
    for frame, there in zip(x.unbind(1), real.unbind(1), strict=True):
        gates = cell.preactivations(frame, h, cell.weight_hh)
        squashed = _squashed(cell, gates, c)
        new_h, new_c = cell.update(gates, c)
        if cell.projection:
            new_h = linear(new_h, cell.weight_hr)
        new_h, new_c = torch.lerp(new_h, h, dropout.zoneout_h), torch.lerp(new_c, c, dropout.zoneout_c)
        there = there[:, None]
        h, c = torch.where(there, new_h, h), torch.where(there, new_c, c)
        steps.append(tuple(part.masked_fill(~there, 0) for part in (*squashed, new_c, new_h)))
    if not steps:
        none = x.new_zeros(x.size(0), 0, cell.hidden_size)
        return GateActivations(none, none, none, none, none, x.new_zeros(x.size(0), 0, cell.output_size))
    return GateActivations(*(torch.stack(parts, 1) for parts in zip(*steps, strict=True)))


def _squashed(cell: Cell, gates: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """i, f, g and o ``[batch, hidden]`` of pre-activations and the cell state before the step."""
    if type(cell) is CoupledCell:
        i, g, o = gates.chunk(3, 1)
        return i.sigmoid(), 1 - i.sigmoid(), g.tanh(), o.sigmoid()
    i, f, g, o = gates.chunk(4, 1)
    if type(cell) is PeepholeCell:
        i, f = (i + cell.peephole[0] * c).sigmoid(), (f + cell.peephole[1] * c).sigmoid()
        return i, f, g.tanh(), (o + cell.peephole[2] * (f * c + i * g.tanh())).sigmoid()
    if type(cell) in (StandardCell, LayerNormCell):
        return i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
    raise ValueError(f"the gates of a {type(cell).__name__} are not known; those of the cells of lstm_models are")


def _reversed(x: Tensor, lengths: list[int]) -> Tensor:
    """Each sequence of ``x [batch, time, feature]`` backwards within its own length."""
    return torch.stack([torch.cat([row[:n].flip(0), row[n:]]) for row, n in zip(x, lengths, strict=True)])
