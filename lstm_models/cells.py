"""The cells of an LSTM layer: their weights, one step of each, and their run over time.

A cell runs in one direction over a padded batch ``[time, batch, feature]``. What it must know of the unequal lengths
is in :class:`Frames`; reversal, stacking and dropout between layers belong to :mod:`lstm_models.lstm`.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from lstm_models import initialization

_CLOSED = 1e4  # added to a gate's pre-activation: its sigmoid is exactly 0 (or 1) in every floating-point type
_SHORT = 3  # at most this many steps run faster one by one than through the fused kernel


class _Permute(torch.autograd.Function):
    """Rows of ``x [time, batch, feature]`` in another order; the order is its own inverse."""

    @staticmethod
    def forward(ctx, x: Tensor, order: Tensor) -> Tensor:
        ctx.save_for_backward(order)
        return x.flatten(0, 1).index_select(0, order).view_as(x)

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor, None]:
        (order,) = ctx.saved_tensors
        return _Permute.apply(grad.contiguous(), order), None


class Frames:
    """Which frames of a padded batch ``[time, batch]`` are real, and how to reverse each sequence within its length."""

    def __init__(self, time: int, lengths: Tensor) -> None:
        """``lengths [batch]``: int64, each 0..time, on the device of the batch."""
        steps = torch.arange(time, device=lengths.device)[:, None]
        self.lengths = lengths
        self.real = steps < lengths  # [time, batch]
        self.padding = ~self.real[..., None]  # [time, batch, 1]
        columns = torch.arange(len(lengths), device=lengths.device)
        self._columns, self._last = columns, (lengths - 1).clamp(min=0)
        self._order = (torch.where(self.real, lengths - 1 - steps, steps) * len(lengths) + columns).flatten()

    def reverse(self, x: Tensor) -> Tensor:
        """Each sequence of ``x [time, batch, feature]`` reversed within its own length; the padding stays in place."""
        return _Permute.apply(x.contiguous(), self._order)

    def last(self, y: Tensor, initial: Tensor) -> Tensor:
        """``y [time, batch, feature]`` at each sequence's last frame; ``initial`` for a sequence of length zero."""
        return torch.where(self.lengths[:, None] > 0, y[self._last, self._columns], initial.to(y.dtype))


class Cell(nn.Module):
    """The weights every cell has, gates in the order i, f, g, o as in torch.

    ``weight_ih [4 hidden, input]``, ``weight_hh [4 hidden, recurrent]``, ``bias [4 hidden]`` and, with a projection
    (Sak et al. 2014), ``weight_hr [projection, hidden]``; recurrent = projection or hidden.
    """

    def __init__(self, input_size: int, hidden_size: int, projection: int = 0) -> None:
        super().__init__()
        self.input_size, self.hidden_size, self.projection = input_size, hidden_size, projection
        self.output_size = projection or hidden_size
        self.weight_ih = nn.Parameter(torch.empty(4 * hidden_size, input_size))
        self.weight_hh = nn.Parameter(torch.empty(4 * hidden_size, self.output_size))
        self.bias = nn.Parameter(torch.empty(4 * hidden_size))
        if projection:
            self.weight_hr = nn.Parameter(torch.empty(projection, hidden_size))

    def initialize(self, scheme: Callable[..., None], **options: int) -> None:
        """Draw first values with one of the functions of :mod:`lstm_models.initialization`."""
        scheme(self.weight_ih, self.weight_hh, self.bias, self.hidden_size, **options)
        if self.projection:
            nn.init.xavier_uniform_(self.weight_hr)

    def extra_repr(self) -> str:
        projection = f", projection={self.projection}" if self.projection else ""
        return f"{self.input_size}, {self.hidden_size}{projection}"


class StandardCell(Cell):
    """The LSTM with a forget gate (Hochreiter and Schmidhuber 1997; Gers et al. 2000), equations as torch.nn.LSTM::

    i, f, o = sigmoid(W x + R h + b)    g = tanh(W x + R h + b)
    c' = f c + i g                      h' = o tanh(c')
    """

    def scan(self, x: Tensor, h: Tensor, c: Tensor, frames: Frames | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """Run over ``x [time, batch, input]`` from ``h [batch, recurrent]`` and ``c [batch, hidden]``.

        Returns the outputs ``[time, batch, recurrent]``, zero in padding, and h and c after each sequence's last frame.
        """
        if frames is None and len(x) <= _SHORT:
            return self._short(x, h, c)
        if frames is None:
            y, h, c = self._fused(x, h, c, self.weight_ih)
            return y, h, c
        # One more input that is 1 in padding closes the input and output gates and opens the forget gate there:
        # outputs are exactly 0, c is carried exactly to the end, and no gradient arises.
        switch = x.new_zeros(4, self.hidden_size)
        switch[0] = switch[3] = -_CLOSED
        switch[1] = _CLOSED
        weight_ih = torch.cat([self.weight_ih, switch.view(-1, 1).to(self.weight_ih.dtype)], 1)
        y, _, c = self._fused(torch.cat([x, frames.padding.to(x.dtype)], -1), h, c, weight_ih)
        return y, frames.last(y, h), c

    def step(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        """One step: ``x [batch, input]`` to the new ``h [batch, recurrent]`` and ``c [batch, hidden]``."""
        gates = torch.addmm(torch.addmm(self.bias, x, self.weight_ih.t()), h, self.weight_hh.t())
        i, f, g, o = gates.to(c.dtype).chunk(4, 1)
        c = torch.addcmul(f.sigmoid() * c, i.sigmoid(), g.tanh())
        h = o.sigmoid() * c.tanh()
        return (nn.functional.linear(h, self.weight_hr) if self.projection else h), c

    def _short(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        outputs = []
        for frame in x:
            h, c = self.step(frame, h, c)
            outputs.append(h)
        return torch.stack(outputs), h, c

    def _fused(self, x: Tensor, h: Tensor, c: Tensor, weight_ih: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        weights = [weight_ih, self.weight_hh, self.bias, torch.zeros_like(self.bias)]
        if self.projection:
            weights.append(self.weight_hr)
        y, h, c = torch._VF.lstm(x, (h[None], c[None]), weights, True, 1, 0.0, self.training, False, False)  # type: ignore[attr-defined]
        return y, h[0], c[0]
