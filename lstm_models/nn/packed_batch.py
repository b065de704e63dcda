"""The frames of a batch of unequal sequences, laid end to end without padding.

Inside the stack a batch is a matrix of rows ``[frames, feature]``: the first frame of every sequence, then the second
of every sequence that has one, and so on, the longest sequence first, so that each time step is a contiguous block that
never grows. Work is spent on real frames only, and padding is never read.
"""

from __future__ import annotations

from itertools import accumulate
from typing import Any

import torch
from torch import Tensor


class _Select(torch.autograd.Function):
    """Rows of a matrix by an index whose inverse is known, so that the gradient is a selection too, not a scatter.

    ``blank`` marks rows to be zero after the selection, ``inverse_blank`` after its inverse.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, index: Tensor, inverse: Tensor, blank: Tensor | None, inverse_blank: Tensor | None
    ) -> Tensor:
        ctx.save_for_backward(index, inverse, blank, inverse_blank)
        y = x.index_select(0, index)
        return y if blank is None else y.masked_fill_(blank, 0)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
        index, inverse, blank, inverse_blank = ctx.saved_tensors
        return _Select.apply(grad, inverse, index, inverse_blank, blank), None, None, None, None


class PackedBatch:
    """Where each frame of a batch lies; made once for a batch and shared by every layer.

    ``sizes[t]``: how many sequences are at least t+1 frames long. ``equal``: whether all sequences fill the time axis.
    """

    def __init__(self, batch: int, time: int, lengths: list[int] | None, device: torch.device) -> None:
        """``lengths``: ``batch`` numbers 0..time, or None when every sequence is ``time`` long."""
        self.batch, self.time, self.device = batch, time, device
        self.equal = lengths is None or all(length == time for length in lengths)
        if self.equal or lengths is None:
            self.sizes = [batch] * time
            return
        order = sorted(range(batch), key=lambda row: -lengths[row])
        self.lengths = [lengths[row] for row in order]  # longest first
        counts = [0] * (time + 1)
        for length in lengths:
            counts[length] += 1
        active = list(accumulate(reversed(counts)))[::-1]  # active[t]: sequences of at least t frames
        self.sizes = [size for size in active[1:] if size]
        self.sorted = order == list(range(batch))
        self._order = torch.tensor(order, device=device)
        self._unorder = torch.tensor(sorted(range(batch), key=lambda row: order[row]), device=device)
        long = torch.tensor(self.lengths, device=device)
        steps = torch.arange(time, device=device)[:, None]
        self._start = torch.tensor([0, *accumulate(self.sizes)], device=device)
        self._real = steps < long  # [time, batch], sorted
        self._step, self._row = self._real.nonzero(as_tuple=True)  # of each packed row
        self._padded = self._order[self._row] * time + self._step  # packed row -> row of [batch * time]
        self._packed = torch.zeros(batch * time, dtype=torch.long, device=device)
        self._packed[self._padded] = torch.arange(len(self._padded), device=device)
        self._padding = torch.ones(batch * time, 1, dtype=torch.bool, device=device)
        self._padding[self._padded] = False
        self._turned = self._start[long[self._row] - 1 - self._step] + self._row
        self._last = (long - 1).clamp(min=0)

    @property
    def count(self) -> int:
        """How many real frames there are."""
        return sum(self.sizes)

    def pack(self, x: Tensor) -> Tensor:
        """``x [batch, time, feature]`` as rows ``[frames, feature]``."""
        if self.equal:
            return x.transpose(0, 1).reshape(self.time * self.batch, x.size(2))
        packed: Tensor = _Select.apply(x.flatten(0, 1), self._padded, self._packed, None, self._padding)
        return packed

    def unpack(self, y: Tensor) -> Tensor:
        """Rows ``[frames, feature]`` as ``[batch, time, feature]``, zero in padding."""
        if self.equal:
            return y.view(self.time, self.batch, y.size(1)).transpose(0, 1)
        if not self.count:
            return y.new_zeros(self.batch, self.time, y.size(1))
        y = _Select.apply(y, self._packed, self._padded, self._padding, None)
        return y.view(self.batch, self.time, y.size(1))

    def reverse(self, x: Tensor) -> Tensor:
        """Rows ``[frames, feature]`` of every sequence reversed within its own length."""
        if self.equal:
            return x.view(self.time, self.batch, x.size(1)).flip(0).view_as(x)
        turned: Tensor = _Select.apply(x, self._turned, self._turned, None, None)
        return turned

    def sort(self, state: Tensor, dim: int = 0) -> Tensor:
        """Sequences in the order of the packed rows."""
        return state if self.equal or self.sorted else state.index_select(dim, self._order)

    def unsort(self, state: Tensor, dim: int = 0) -> Tensor:
        """Sequences in the order of the caller."""
        return state if self.equal or self.sorted else state.index_select(dim, self._unorder)

    def scale(self, x: Tensor, mask: Tensor) -> Tensor:
        """Every frame of ``x [frames, feature]`` times its sequence's row of ``mask [batch, feature]`` (sorted)."""
        if self.equal:
            return (x.view(self.time, self.batch, x.size(1)) * mask).view_as(x)
        return x * mask.index_select(0, self._row)

    def plan(self, overhead: int) -> list[Block]:
        """Rectangles that cover all frames, for kernels that want rectangles.

        Together they hold the fewest padded frames, where one more rectangle costs as much as ``overhead`` frames.
        """
        if self.equal:
            return [Block(self.time, self.batch, self.count)]
        edges = sorted({length for length in self.lengths if length})
        if len(edges) > 24:  # the plan need not be perfect, only quick
            edges = sorted({*edges[:: len(edges) // 24 + 1], edges[-1]})
        edges = [0, *edges]
        best: list[tuple[int, int]] = [(0, 0)]  # cost of covering up to this edge, and the edge before
        for last in range(1, len(edges)):
            costs = (
                (best[first][0] + (edges[last] - edges[first]) * self.sizes[edges[first]] + overhead, first)
                for first in range(last)
            )
            best.append(min(costs))
        plan, last = [], len(edges) - 1
        while last:
            first = best[last][1]
            plan.append(self._block(edges[first], edges[last]))
            last = first
        return plan[::-1]

    def _block(self, first: int, last: int) -> Block:
        steps, rows, count = last - first, self.sizes[first], sum(self.sizes[first:last])
        if self.sizes[last - 1] == rows:
            return Block(steps, rows, count)
        real = self._real[first:last, :rows]
        final = self._last[:rows].clamp(max=last - 1)  # of each sequence in this block
        step = torch.minimum(torch.arange(first, last, device=self.device)[:, None], final)
        index = self._start[step] - self._start[first] + torch.arange(rows, device=self.device)
        return Block(
            steps, rows, count, index.flatten(), real.flatten().nonzero()[:, 0], ~real[..., None], final - first
        )


class Block:
    """A rectangle of steps and sequences; a sequence that ends within it repeats its last frame.

    ``padding [steps, rows, 1]`` is true in such repeats, None where there are none. No gradient may flow through them.
    """

    def __init__(
        self,
        steps: int,
        rows: int,
        count: int,
        index: Tensor | None = None,
        inverse: Tensor | None = None,
        padding: Tensor | None = None,
        final: Tensor | None = None,
    ) -> None:
        self.steps, self.rows, self.count, self.padding = steps, rows, count, padding
        self._index, self._inverse, self._final = index, inverse, final

    def fill(self, x: Tensor) -> Tensor:
        """``x [count, feature]`` as ``[steps, rows, feature]``."""
        if self._index is not None:
            x = _Select.apply(x, self._index, self._inverse, None, None)
        return x.view(self.steps, self.rows, x.size(1))

    def empty(self, y: Tensor) -> Tensor:
        """The real frames of ``y [steps, rows, feature]`` as ``[count, feature]``."""
        y = y.flatten(0, 1)
        return y if self._index is None else _Select.apply(y, self._inverse, self._index, None, None)

    def last(self, y: Tensor) -> Tensor:
        """``y [steps, rows, feature]`` at each sequence's last frame in the block, ``[rows, feature]``."""
        return y[-1] if self._final is None else y[self._final, torch.arange(self.rows, device=y.device)]
