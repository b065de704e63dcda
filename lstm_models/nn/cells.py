"""The cells of an LSTM layer: their weights, their equations from the papers, and how each runs over time.

A cell runs in one direction over the frames of a batch, laid out as in :mod:`lstm_models.nn.packed_batch`.
:meth:`Cell.step` is one step in plain operations, which autograd differentiates; :meth:`Cell.scan` is the whole run,
by torch's kernel where there is one and otherwise by the hand-written back-propagation of :mod:`lstm_models.nn.bptt`.
Stacking, direction and dropout between layers belong to :mod:`lstm_models.nn.lstm`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import layer_norm, linear

from lstm_models.nn import initialization, prepacked_linear
from lstm_models.nn.bptt import Recurrence
from lstm_models.nn.cell_kernels import CoupledPointwise, LayerNormPointwise, PeepholePointwise, Pointwise
from lstm_models.nn.dropout import CellMasks
from lstm_models.nn.packed_batch import PackedBatch

_CLOSED = 1e4  # added to a gate's pre-activation: its sigmoid is exactly 0 (or 1) in every floating-point type
_SHORT = 2  # at most this many steps run faster one by one
_BLOCK = 100  # starting torch's kernel anew costs about as much as this many frames
_PLAIN = CellMasks()


class Cell(nn.Module):
    """A cell's weights; gates in the order of ``gates``, one block of ``hidden`` rows each.

    ``weight_ih [gates * hidden, input]``, ``weight_hh [gates * hidden, recurrent]``, ``bias [gates * hidden]`` and, for
    a projection (Sak et al. 2014), ``weight_hr [projection, hidden]``; recurrent = projection or hidden.

    A cell of one's own defines :meth:`update` (and :meth:`preactivations` if they differ) and gets a run over time
    under autograd; with a ``pointwise`` class it gets the fast one.
    """

    gates: ClassVar[Sequence[str]] = ("input", "forget", "cell", "output")
    pointwise: ClassVar[type[Pointwise] | None] = None

    def __init__(self, input_size: int, hidden_size: int, projection: int = 0) -> None:
        super().__init__()
        self.input_size, self.hidden_size, self.projection = input_size, hidden_size, projection
        self.output_size = projection or hidden_size
        rows = len(self.gates) * hidden_size
        self.weight_ih = nn.Parameter(torch.empty(rows, input_size))
        self.weight_hh = nn.Parameter(torch.empty(rows, self.output_size))
        self.bias = nn.Parameter(torch.empty(rows))
        if projection:
            self.weight_hr = nn.Parameter(torch.empty(projection, hidden_size))

    def initialize(self, scheme: str = "orthogonal", longest: int | None = None) -> None:
        """Draw first values by a scheme of :mod:`lstm_models.nn.initialization`."""
        initialization.SCHEMES[scheme](self, longest)
        if self.projection:
            nn.init.xavier_uniform_(self.weight_hr)

    def forget_bias(self, value: Tensor, balance: bool) -> None:
        """Set the forget gate's bias to ``value [hidden]`` and, to ``balance`` it, the input gate's to its negative."""
        with torch.no_grad():
            self.bias[self.hidden_size : 2 * self.hidden_size] = value
            if balance:
                self.bias[: self.hidden_size] = -value

    def extra_parameters(self) -> tuple[Tensor, ...]:
        """The parameters that the cell's ``pointwise`` takes."""
        return ()

    def recurrent_weight(self, noise: CellMasks) -> Tensor:
        """``weight_hh`` with DropConnect."""
        return self.weight_hh if noise.weight is None else self.weight_hh * noise.weight

    def kernel_weights(self, noise: CellMasks) -> list[Tensor]:
        """The weights in torch's order: both weights, both biases (the second is 0), the projection."""
        projection = [self.weight_hr] if self.projection else []
        return [self.weight_ih, self.recurrent_weight(noise), self.bias, torch.zeros_like(self.bias), *projection]

    def preactivations(self, x: Tensor, h: Tensor, weight_hh: Tensor) -> Tensor:
        """The gates ``[batch, gates * hidden]`` of ``x [batch, input]`` and ``h [batch, recurrent]``, not squashed."""
        if x.dtype == h.dtype and not torch.is_autocast_enabled(x.device.type):
            if not torch.is_grad_enabled() and len(x) > 1:
                return prepacked_linear.step_product(x, self.weight_ih, self.bias) + prepacked_linear.step_product(
                    h, weight_hh
                )
            return torch.addmm(linear(x, self.weight_ih, self.bias), h, weight_hh.t())
        return (linear(x, self.weight_ih, self.bias) + linear(h, weight_hh)).to(h.dtype)

    def update(self, gates: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        """From pre-activations and c ``[batch, hidden]`` to the new h (before projection) and c."""
        i, f, g, o = gates.chunk(4, 1)
        c = torch.addcmul(f.sigmoid() * c, i.sigmoid(), g.tanh())
        return o.sigmoid() * c.tanh(), c

    def step(self, x: Tensor, h: Tensor, c: Tensor, noise: CellMasks = _PLAIN) -> tuple[Tensor, Tensor]:
        """One step: ``x [batch, input]`` to the new ``h [batch, recurrent]`` and ``c [batch, hidden]``."""
        inner = h if noise.recurrent is None else h * noise.recurrent
        new_h, new_c = self.update(self.preactivations(x, inner, self.recurrent_weight(noise)), c)
        if self.projection:
            new_h = linear(new_h, self.weight_hr).to(h.dtype)
        if noise.zoneout_h:
            new_h = torch.lerp(new_h, h, noise.keep(noise.zoneout_h, h))
        if noise.zoneout_c:
            new_c = torch.lerp(new_c, c, noise.keep(noise.zoneout_c, c))
        return new_h, new_c

    def input_projections(self, x: Tensor) -> Tensor:
        """What all frames ``x [frames, input]`` add to the gates, ``[frames, gates * hidden]``, in new memory."""
        return prepacked_linear.linear(x, self.weight_ih, self.bias)

    def scan(
        self, x: Tensor, h: Tensor, c: Tensor, frames: PackedBatch, noise: CellMasks = _PLAIN
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Run over the frames ``x [frames, input]`` from ``h [batch, recurrent]`` and ``c [batch, hidden]``.

        Returns the outputs ``[frames, recurrent]`` and h and c after each sequence's last frame.
        """
        if self.pointwise is None or (frames.equal and frames.time <= _SHORT) or _in_plain_operations():
            return self.loop(x, h, c, frames, noise)
        extras = self.extra_parameters()
        return Recurrence.apply(  # type: ignore[no-any-return]
            self.pointwise,
            frames.sizes,
            self.input_projections(x).to(h.dtype),
            h,
            c,
            self._scanned_weight(noise),
            self.weight_hr if self.projection else None,
            noise.recurrent,
            noise.keep(noise.zoneout_h, h.new_empty(frames.count, h.size(1))) if noise.zoneout_h else 0.0,
            noise.keep(noise.zoneout_c, c.new_empty(frames.count, c.size(1))) if noise.zoneout_c else 0.0,
            *extras,
        )

    def _scanned_weight(self, noise: CellMasks) -> Tensor:
        return self.recurrent_weight(noise)

    def loop(
        self, x: Tensor, h: Tensor, c: Tensor, frames: PackedBatch, noise: CellMasks = _PLAIN
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The same as :meth:`scan` by single steps under autograd: slow when long, and differentiable twice."""
        outputs: list[Tensor] = []
        for x_t in x.split(frames.sizes):
            size = len(x_t)
            masks = CellMasks(
                None if noise.recurrent is None else noise.recurrent[:size],
                noise.weight,
                noise.zoneout_h,
                noise.zoneout_c,
                noise.sample,
            )
            new_h, new_c = self.step(x_t, h[:size], c[:size], masks)
            outputs.append(new_h)
            ended = size < len(h)
            h, c = (torch.cat([new_h, h[size:]]), torch.cat([new_c, c[size:]])) if ended else (new_h, new_c)
        return torch.cat(outputs), h, c

    def extra_repr(self) -> str:
        projection = f", projection={self.projection}" if self.projection else ""
        return f"{self.input_size}, {self.hidden_size}{projection}"


class StandardCell(Cell):
    """The LSTM with a forget gate (Hochreiter and Schmidhuber 1997; Gers et al. 2000), equations as torch.nn.LSTM.

    i, f, o = sigmoid(W x + R h + b), g = tanh(W x + R h + b), c' = f c + i g, h' = o tanh(c').
    """

    pointwise = Pointwise

    def scan(
        self, x: Tensor, h: Tensor, c: Tensor, frames: PackedBatch, noise: CellMasks = _PLAIN
    ) -> tuple[Tensor, Tensor, Tensor]:
        """See :meth:`Cell.scan`; torch's kernel does it unless h is masked, zoned out or projected, or is float64.

        On a CPU it wants rectangles; with large weights the padding in them costs more than the kernel gains.
        """
        short = frames.equal and frames.time <= _SHORT
        if (
            short
            or not self.has_kernel(x, noise)
            or (not frames.equal and prepacked_linear.prepacking_is_faster(self.weight_hh))
        ):
            return super().scan(x, h, c, frames, noise)
        return self._kernels(x, h, c, frames, noise)

    def has_kernel(self, x: Tensor, noise: CellMasks) -> bool:
        """Whether torch has a kernel for this run."""
        if noise.recurrent is not None or noise.zoneout_h or noise.zoneout_c or prepacked_linear.transformed():
            return False
        if x.device.type != "cpu":
            return True
        half = x.dtype == torch.bfloat16 or torch.is_autocast_enabled("cpu")
        if self.projection or x.dtype == torch.float64 or (half and not prepacked_linear.has_bf16()):
            return False
        return prepacked_linear.onednn()

    def _kernels(
        self, x: Tensor, h: Tensor, c: Tensor, frames: PackedBatch, noise: CellMasks
    ) -> tuple[Tensor, Tensor, Tensor]:
        weights = self.kernel_weights(noise)
        if x.device.type != "cpu":
            y, h_n, c_n = run_kernel(x, h[None], c[None], frames, weights, self.training)
            return y, h_n[0], c_n[0]
        blocks = frames.plan(_BLOCK)
        switched = weights
        if any(block.padding is not None for block in blocks):
            # One more input, 1 in padding, closes the input and output gates there and opens the forget gate:
            # c is carried exactly to the block's end, outputs are exactly 0, and no gradient arises.
            switch = x.new_tensor([-_CLOSED, _CLOSED, 0.0, -_CLOSED]).to(self.weight_ih.dtype)
            column = switch.repeat_interleave(self.hidden_size)[:, None]
            switched = [torch.cat([self.weight_ih, column], 1), *weights[1:]]
        outputs = []
        for block, part in zip(blocks, x.split([block.count for block in blocks]), strict=True):
            rows, rectangle = block.rows, block.fill(part)
            if block.padding is not None:
                rectangle = torch.cat([rectangle, block.padding.to(x.dtype)], -1)
            given = weights if block.padding is None else switched
            y, h_n, c_n = _layers(rectangle, h[None, :rows], c[None, :rows], given, self.training)
            new_h, new_c = (h_n[0] if block.padding is None else block.last(y)).to(h.dtype), c_n[0].to(c.dtype)
            ended = rows < len(h)
            h, c = (torch.cat([new_h, h[rows:]]), torch.cat([new_c, c[rows:]])) if ended else (new_h, new_c)
            outputs.append(block.empty(y))
        return torch.cat(outputs) if len(outputs) > 1 else outputs[0], h, c


def _in_plain_operations() -> bool:
    """Whether hand-written gradients are no use: under torch.func, and in a graph that is exported."""
    return prepacked_linear.transformed() or torch.compiler.is_exporting()


def _layers(
    x: Tensor, h: Tensor, c: Tensor, weights: list[Tensor], training: bool, layers: int = 1, bidirectional: bool = False
) -> tuple[Tensor, Tensor, Tensor]:
    """torch's kernel on ``x [time, batch, input]``."""
    return torch._VF.lstm(x, (h, c), weights, True, layers, 0.0, training, bidirectional, False)


def run_kernel(
    x: Tensor,
    h: Tensor,
    c: Tensor,
    frames: PackedBatch,
    weights: list[Tensor],
    training: bool,
    layers: int = 1,
    bidirectional: bool = False,
) -> tuple[Tensor, Tensor, Tensor]:
    """Whole layers by torch's kernel, as one packed batch: frames ``x [frames, input]``, h and c ``[rows, batch, ..]``.

    ``weights``: those of every cell in turn, as :meth:`StandardCell.kernel_weights` gives them.
    """
    cells = len(weights) // (layers * (2 if bidirectional else 1))
    if x.is_cuda:  # cuDNN wants all weights in one piece of memory: every cell's matrices, then every cell's biases
        order = [k for k in range(len(weights)) if k % cells not in (2, 3)]
        order += [k for k in range(len(weights)) if k % cells in (2, 3)]
        flat = torch.cat([weights[k].flatten() for k in order]).split([weights[k].numel() for k in order])
        joined = {k: part.view_as(weights[k]) for k, part in zip(order, flat, strict=True)}
        weights = [joined[k] for k in range(len(weights))]
    h, c = h.contiguous(), c.contiguous()  # cuDNN takes nothing else
    if frames.equal:
        y, h, c = _layers(x.view(frames.time, frames.batch, -1), h, c, weights, training, layers, bidirectional)
        return y.flatten(0, 1), h, c
    first = frames.sizes[0]  # the others have no frame and keep their state
    sizes = torch.tensor(frames.sizes)
    given = (h[:, :first].contiguous(), c[:, :first].contiguous())
    y, new_h, new_c = torch._VF.lstm(x, sizes, given, weights, True, layers, 0.0, training, bidirectional)
    if first < frames.batch:
        new_h = torch.cat([new_h.to(h.dtype), h[:, first:]], 1)
        new_c = torch.cat([new_c.to(c.dtype), c[:, first:]], 1)
    return y, new_h, new_c


class PeepholeCell(Cell):
    """Gates that see c (Gers and Schmidhuber 2000): the input and forget gates the old one, the output gate the new.

    i = sigmoid(.. + p_i c), f = sigmoid(.. + p_f c), c' = f c + i g, o = sigmoid(.. + p_o c'), h' = o tanh(c');
    ``peephole [3, hidden]`` holds p_i, p_f, p_o and starts at 0.
    """

    pointwise = PeepholePointwise

    def __init__(self, input_size: int, hidden_size: int, projection: int = 0) -> None:
        super().__init__(input_size, hidden_size, projection)
        self.peephole = nn.Parameter(torch.zeros(3, hidden_size))

    def extra_parameters(self) -> tuple[Tensor, ...]:
        return (self.peephole,)

    def update(self, gates: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        i, f, g, o = gates.chunk(4, 1)
        new = torch.addcmul(
            torch.sigmoid(f + self.peephole[1] * c) * c, torch.sigmoid(i + self.peephole[0] * c), g.tanh()
        )
        return torch.sigmoid(o + self.peephole[2] * new) * new.tanh(), new


class CoupledCell(Cell):
    """Forget exactly as much as is let in, f = 1 - i (Greff et al. 2017): three gates, a quarter fewer weights.

    c' = (1 - i) c + i g, h' = o tanh(c').
    """

    gates = ("input", "cell", "output")
    pointwise = CoupledPointwise

    def forget_bias(self, value: Tensor, balance: bool) -> None:
        with torch.no_grad():
            self.bias[: self.hidden_size] = -value

    def update(self, gates: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        i, g, o = gates.chunk(3, 1)
        c = torch.lerp(c, g.tanh(), i.sigmoid())
        return o.sigmoid() * c.tanh(), c


class LayerNormCell(Cell):
    """Layer normalisation of both projections and of what leaves c (Ba et al. 2016, equations 20 to 22).

    gates = LN(W x) gain_ih + LN(R h) gain_hh + b, c' = f c + i g, h' = o tanh(LN(c') gain_c + bias_c); each LN takes
    the mean and variance over all its units, and the c that is carried on is not normalised. The paper's three shifts
    of the gates are one, ``bias``.
    """

    pointwise = LayerNormPointwise

    def __init__(self, input_size: int, hidden_size: int, projection: int = 0) -> None:
        super().__init__(input_size, hidden_size, projection)
        self.gain_ih = nn.Parameter(torch.ones(4 * hidden_size))
        self.gain_hh = nn.Parameter(torch.ones(4 * hidden_size))
        self.gain_c = nn.Parameter(torch.ones(hidden_size))
        self.bias_c = nn.Parameter(torch.zeros(hidden_size))

    def extra_parameters(self) -> tuple[Tensor, ...]:
        return self.gain_hh, self.gain_c, self.bias_c

    def input_projections(self, x: Tensor) -> Tensor:
        projected = prepacked_linear.linear(x, self.weight_ih).to(self.bias.dtype)
        return layer_norm(projected, self.bias.shape, self.gain_ih, self.bias)

    def preactivations(self, x: Tensor, h: Tensor, weight_hh: Tensor) -> Tensor:
        inner = linear(h, weight_hh).to(self.bias.dtype)
        return self.input_projections(x) + layer_norm(inner, self.bias.shape, self.gain_hh)

    def update(self, gates: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        i, f, g, o = gates.chunk(4, 1)
        c = torch.addcmul(f.sigmoid() * c, i.sigmoid(), g.tanh())
        return o.sigmoid() * layer_norm(c, (self.hidden_size,), self.gain_c, self.bias_c).tanh(), c

    def _scanned_weight(self, noise: CellMasks) -> Tensor:
        weight = self.recurrent_weight(noise)
        return weight - weight.mean(0)


CELLS: dict[str, type[Cell]] = {
    "standard": StandardCell,
    "peephole": PeepholeCell,
    "coupled": CoupledCell,
    "layer_norm": LayerNormCell,
}
