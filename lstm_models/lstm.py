"""``LSTM``: the one recurrent stack everything here stands on.

What it adds to ``torch.nn.LSTM``: exact results on unequal lengths in both directions without packing, a fast single
step with the same weights, and an explicit state to carry, detach and reorder.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from lstm_models import initialization
from lstm_models.cells import Frames, StandardCell


class LSTMState(NamedTuple):
    """What an LSTM carries from one call to the next.

    ``h [layers * directions, batch, output]`` and ``c [layers * directions, batch, hidden]``, layer by layer, the
    forward direction first, as in ``torch.nn.LSTM``.
    """

    h: Tensor
    c: Tensor

    @classmethod
    def zeros(cls, lstm: LSTM, batch: int) -> LSTMState:
        """The state of all zeros for ``batch`` sequences, on the device and in the precision of the weights."""
        weight, rows = lstm.cells[0].weight_ih, len(lstm.cells)
        return cls(
            weight.new_zeros(rows, batch, lstm.cells[0].output_size), weight.new_zeros(rows, batch, lstm.hidden_size)
        )

    def detach(self) -> LSTMState:
        """The same numbers without their history (truncated back-propagation through time)."""
        return LSTMState(self.h.detach(), self.c.detach())

    def select(self, index: Tensor) -> LSTMState:
        """The state of the sequences ``index [new batch]`` in that order, repeats allowed (beam search)."""
        return LSTMState(self.h.index_select(1, index), self.c.index_select(1, index))


class LSTM(nn.Module):
    """A stack of LSTM layers over batches of sequences of unequal length.

    ``output, state = lstm(x, state=None, lengths=None)``: x ``[batch, time, feature]``, lengths ``[batch]`` the number
    of real frames of each sequence (the rest is padding, whose contents never matter), output
    ``[batch, time, hidden * directions]``, zero in padding, and the :class:`LSTMState` after each last real frame.
    """

    def __init__(self, input_size: int, hidden_size: int, layers: int = 1, *, bidirectional: bool = False) -> None:
        super().__init__()
        self.input_size, self.hidden_size, self.layers = input_size, hidden_size, layers
        self.bidirectional, self.directions = bidirectional, 2 if bidirectional else 1
        self.output_size = hidden_size * self.directions
        self.cells = nn.ModuleList(
            StandardCell(input_size if layer == 0 else self.output_size, hidden_size)
            for layer in range(layers)
            for _ in range(self.directions)
        )
        for cell in self.cells:
            cell.initialize(initialization.orthogonal)

    def initial_state(self, batch: int) -> LSTMState:
        """The state before the first frame."""
        return LSTMState.zeros(self, batch)

    def forward(
        self, x: Tensor, state: LSTMState | None = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, LSTMState]:
        batch, time, _ = x.shape
        state = self.initial_state(batch) if state is None else state
        frames = None
        x = x.transpose(0, 1)
        if lengths is not None:
            frames = Frames(time, torch.as_tensor(lengths, dtype=torch.long, device=x.device))
            x = x.masked_fill(frames.padding, 0)
        h_n, c_n = [], []
        for layer in range(self.layers):
            outputs = []
            for direction in range(self.directions):
                row = layer * self.directions + direction
                turned = x if direction == 0 else frames.reverse(x) if frames else x.flip(0)
                y, h, c = self.cells[row].scan(turned, state.h[row], state.c[row], frames)
                outputs.append(y if direction == 0 else frames.reverse(y) if frames else y.flip(0))
                h_n.append(h)
                c_n.append(c)
            x = torch.cat(outputs, -1) if self.bidirectional else outputs[0]
        return x.transpose(0, 1), LSTMState(torch.stack(h_n).to(state.h.dtype), torch.stack(c_n).to(state.c.dtype))

    def step(self, x: Tensor, state: LSTMState | None = None) -> tuple[Tensor, LSTMState]:
        """One frame ``x [batch, feature]``: its output ``[batch, hidden]`` and the new state (one direction only)."""
        if self.bidirectional:
            raise ValueError("a bidirectional LSTM cannot take single steps: its backward half needs the future frames")
        state = self.initial_state(len(x)) if state is None else state
        h_n, c_n = [], []
        for cell, h, c in zip(self.cells, state.h, state.c, strict=True):
            h, c = cell.step(x, h, c)
            x = h
            h_n.append(h)
            c_n.append(c)
        return x, LSTMState(torch.stack(h_n).to(state.h.dtype), torch.stack(c_n).to(state.c.dtype))
