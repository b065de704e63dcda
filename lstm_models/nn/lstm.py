"""``LSTM``: the one recurrent stack everything here stands on.

What it adds to ``torch.nn.LSTM``: exact results on unequal lengths in both directions without packing by the caller, a
fast single step with the same weights, an explicit state to carry, detach and reorder, dropout made for recurrence,
skip connections, and other cells::

    lstm = LSTM(80, 512, layers=3, bidirectional=True, layer_norm=True)
    output, state = lstm(x, lengths=lengths)                 # x [batch, time, 80], output [batch, time, 1024]
    writer = LSTM(3, 400, layers=3, dropout=Dropout(hidden=0.2, weight=0.3), skip="residual")
    output, state = writer.step(x[:, 0], state)              # one frame, the same weights
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

from lstm_models.nn.cells import CELLS, Cell, StandardCell, run_kernel
from lstm_models.nn.dropout import CellMasks, Dropout, DropoutMasks, draw_mask
from lstm_models.nn.initialization import SCHEMES
from lstm_models.nn.packed_batch import PackedBatch

__all__ = ["LSTM", "LSTMState"]


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
        weight, rows, cell = lstm.cells[0].weight_ih, len(lstm.cells), lstm.cells[0]
        return cls(weight.new_zeros(rows, batch, cell.output_size), weight.new_zeros(rows, batch, cell.hidden_size))

    def detach(self) -> LSTMState:
        """The same numbers without their history (truncated back-propagation through time)."""
        return LSTMState(self.h.detach(), self.c.detach())

    def select(self, index: Tensor) -> LSTMState:
        """The states of the sequences ``index [new batch]`` in that order, repeats allowed (beam search)."""
        return LSTMState(self.h.index_select(1, index), self.c.index_select(1, index))

    @staticmethod
    def join(states: Sequence[LSTMState]) -> LSTMState:
        """The states of all batches as those of one, in that order."""
        return LSTMState(*(torch.cat(tensors, 1) for tensors in zip(*states, strict=True)))


class LSTM(nn.Module):
    """A stack of LSTM layers over batches of sequences of unequal length.

    Args:
        input_size: features of the input.
        hidden_size: units of every cell.
        layers: how many layers.
        bidirectional: run every layer in both directions; outputs stand side by side, forward first.
        cell: "standard", "peephole", "coupled" or "layer_norm", or a :class:`~lstm_models.nn.cells.Cell` of one's own.
        layer_norm: short for ``cell="layer_norm"``.
        projection: outputs of every cell after a linear projection (Sak et al. 2014); 0 for none.
        skip: "residual" adds a layer's input to its output, "highway" mixes them by a learned gate that starts near the
            input (Srivastava et al. 2015, equation 3, gate bias -1), wherever the two are of one size.
        dropout: a :class:`~lstm_models.nn.dropout.Dropout`, or a share for ``Dropout(hidden=share)``.
        learned_state: learn the state before the first frame instead of starting from zeros.
        initialization: "orthogonal" (with forget bias 1), "chrono" (needs ``longest``) or "uniform" (torch's).
        longest: the longest span to remember, in steps, for "chrono".

    ``cells`` holds one cell for each layer and direction, layer by layer, the forward direction first. A state dict of
    a plain ``torch.nn.LSTM`` loads as it is. Raises ValueError where an argument cannot be.
    """

    cells: Sequence[Cell]

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        layers: int = 1,
        *,
        bidirectional: bool = False,
        cell: str | type[Cell] = "standard",
        layer_norm: bool = False,
        projection: int = 0,
        skip: Literal["residual", "highway"] | None = None,
        dropout: Dropout | float = 0.0,
        learned_state: bool = False,
        initialization: str = "orthogonal",
        longest: int | None = None,
    ) -> None:
        super().__init__()
        for name, value in (("input_size", input_size), ("hidden_size", hidden_size), ("layers", layers)):
            if value < 1:
                raise ValueError(f"{name} is {value}, but it must be at least 1")
        if not 0 <= projection < hidden_size:
            raise ValueError(f"projection is {projection}, but it must be below hidden_size ({hidden_size})")
        if layer_norm and cell not in ("standard", "layer_norm"):
            raise ValueError(f'layer_norm=True is short for cell="layer_norm" and cannot go with cell={cell!r}')
        if isinstance(cell, str) and cell not in CELLS:
            raise ValueError(f"there is no cell {cell!r}; the cells are {', '.join(CELLS)}")
        if skip not in (None, "residual", "highway"):
            raise ValueError(f'there is no skip connection {skip!r}; there are "residual" and "highway"')
        if initialization not in SCHEMES:
            raise ValueError(f"there is no initialisation {initialization!r}; there are {', '.join(SCHEMES)}")
        kind = CELLS["layer_norm" if layer_norm else cell] if isinstance(cell, str) else cell
        self.input_size, self.hidden_size, self.layers = input_size, hidden_size, layers
        self.bidirectional, self.directions = bidirectional, 2 if bidirectional else 1
        self.projection, self.skip = projection, skip
        self.output_size = (projection or hidden_size) * self.directions
        self.dropout = dropout if isinstance(dropout, Dropout) else Dropout(hidden=dropout)
        self.cells = nn.ModuleList(  # type: ignore[assignment]
            kind(input_size if layer == 0 else self.output_size, hidden_size, projection)
            for layer in range(layers)
            for _ in range(self.directions)
        )
        for one in self.cells:
            one.initialize(initialization, longest)
        self.highway = nn.ModuleDict()
        for layer in range(layers if skip == "highway" else 0):
            if layer or input_size == self.output_size:
                gate = nn.Linear(self.output_size, self.output_size)
                nn.init.constant_(gate.bias, -1.0)
                self.highway[str(layer)] = gate
        rows = len(self.cells)
        self.initial_h = nn.Parameter(torch.zeros(rows, 1, projection or hidden_size)) if learned_state else None
        self.initial_c = nn.Parameter(torch.zeros(rows, 1, hidden_size)) if learned_state else None
        self.register_load_state_dict_pre_hook(_translate)  # type: ignore[no-untyped-call]

    def initial_state(self, batch: int) -> LSTMState:
        """The state before the first frame: zeros, or what was learned."""
        if self.initial_h is None or self.initial_c is None:
            return LSTMState.zeros(self, batch)
        return LSTMState(self.initial_h.expand(-1, batch, -1), self.initial_c.expand(-1, batch, -1))

    def draw_noise(self, batch: int) -> DropoutMasks:
        """Draw every dropout mask once, to be passed to several calls that belong to the same sequences.

        Without it :meth:`forward` draws anew at every call while training, and :meth:`step` drops nothing.
        """
        p, like = self.dropout, self.cells[0].weight_ih
        return DropoutMasks(
            draw_mask(p.input, batch, self.input_size, like=like),
            tuple(draw_mask(p.hidden, batch, self.output_size, like=like) for _ in range(self.layers - 1)),
            tuple(
                CellMasks(
                    draw_mask(p.recurrent, batch, cell.output_size, like=like),
                    draw_mask(p.weight, *cell.weight_hh.shape, like=like),
                    p.zoneout_h,
                    p.zoneout_c,
                    sample=True,
                )
                for cell in self.cells
            ),
        )

    def _quiet(self) -> DropoutMasks:
        quiet = CellMasks(zoneout_h=self.dropout.zoneout_h, zoneout_c=self.dropout.zoneout_c)
        return DropoutMasks(None, (None,) * (self.layers - 1), (quiet,) * len(self.cells))

    def forward(
        self,
        x: Tensor,
        state: LSTMState | None = None,
        lengths: Tensor | Sequence[int] | None = None,
        noise: DropoutMasks | None = None,
    ) -> tuple[Tensor, LSTMState]:
        """Run over whole sequences, or over the next chunk of them.

        Args:
            x: ``[batch, time, feature]``.
            state: what the chunk before returned; None for :meth:`initial_state`.
            lengths: ``[batch]``, the number of real frames of each sequence, 0..time, in any order and on any device;
                what stands in the padding after them never matters. None: all frames are real.
            noise: masks from :meth:`draw_noise`, to keep them over several chunks.

        Returns:
            The outputs ``[batch, time, output]``, zero in padding, and the state after each sequence's last real frame
            (a sequence without frames keeps the state it came with). Under autocast the outputs may come in its
            precision; the state keeps the precision of the weights.

        Raises:
            ValueError: a shape, a type or a length does not fit.
        """
        if (
            torch.compiler.is_dynamo_compiling() and not torch.compiler.is_exporting()
        ):  # as torch.nn.LSTM: a break in the graph, the recurrence as it is
            return _uncompiled(self, x, state, lengths, noise)
        return self._forward(x, state, lengths, noise)

    def _forward(
        self, x: Tensor, state: LSTMState | None, lengths: Tensor | Sequence[int] | None, noise: DropoutMasks | None
    ) -> tuple[Tensor, LSTMState]:
        if not isinstance(x, Tensor) or x.dim() != 3 or x.size(2) != self.input_size:
            raise ValueError(f"the input is {_shape(x)}, but [batch, time, {self.input_size}] is needed")
        batch, time, _ = x.shape
        x, state = self._checked(x, state)
        frames = PackedBatch(batch, time, self._lengths(lengths, batch, time), x.device)
        if not frames.count:
            return x.new_zeros(batch, time, self.output_size), state
        if noise is None:
            noise = self.draw_noise(batch) if self.training else self._quiet()
        noise = DropoutMasks(
            None if noise.input is None else frames.sort(noise.input),
            tuple(None if mask is None else frames.sort(mask) for mask in noise.hidden),
            tuple(self._sorted(cell, frames) for cell in noise.cells),
        )
        h, c = frames.sort(state.h, 1), frames.sort(state.c, 1)
        x = frames.pack(x)
        if noise.input is not None:
            x = frames.scale(x, noise.input)
        scan: Any = self._whole if self._is_plain(x, noise) else self._layered
        y, h_n, c_n = scan(x, h, c, frames, noise)
        state = LSTMState(frames.unsort(h_n, 1).to(state.h.dtype), frames.unsort(c_n, 1).to(state.c.dtype))
        return frames.unpack(y), state

    def _layered(
        self, x: Tensor, h: Tensor, c: Tensor, frames: PackedBatch, noise: DropoutMasks
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Layer by layer and direction by direction."""
        h_n, c_n = [], []
        for layer in range(self.layers):
            outputs = []
            for direction in range(self.directions):
                row = layer * self.directions + direction
                turned = frames.reverse(x) if direction else x
                y, last_h, last_c = self.cells[row].scan(turned, h[row], c[row], frames, noise.cells[row])
                outputs.append(frames.reverse(y) if direction else y)
                h_n.append(last_h.to(h.dtype))
                c_n.append(last_c.to(c.dtype))
            x = self.join(layer, x, torch.cat(outputs, -1) if self.bidirectional else outputs[0])
            mask = noise.hidden[layer] if layer < self.layers - 1 else None
            if mask is not None:
                x = frames.scale(x, mask)
        return x, torch.stack(h_n), torch.stack(c_n)

    def _is_plain(self, x: Tensor, noise: DropoutMasks) -> bool:
        """Whether one call of torch's kernel on an accelerator does the whole stack."""
        if x.device.type == "cpu" or self.skip or any(mask is not None for mask in noise.hidden):
            return False
        cells = zip(self.cells, noise.cells, strict=True)
        return all(type(cell) is StandardCell and cell.has_kernel(x, one) for cell, one in cells)

    def _whole(
        self, x: Tensor, h: Tensor, c: Tensor, frames: PackedBatch, noise: DropoutMasks
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The whole stack by one call of torch's kernel."""
        weights = [
            weight for cell, one in zip(self.cells, noise.cells, strict=True) for weight in cell.kernel_weights(one)
        ]
        return run_kernel(x, h, c, frames, weights, self.training, self.layers, self.bidirectional)

    def join(self, layer: int, x: Tensor, y: Tensor) -> Tensor:
        """A layer's output ``y`` with its input ``x`` by the skip connection."""
        if self.skip is None or x.size(-1) != y.size(-1):
            return y
        if self.skip == "residual":
            return x + y
        return torch.lerp(x, y.to(x.dtype), self.highway[str(layer)](x).sigmoid().to(x.dtype))

    def step(
        self, x: Tensor, state: LSTMState | None = None, noise: DropoutMasks | None = None
    ) -> tuple[Tensor, LSTMState]:
        """One frame ``x [batch, feature]``: its output ``[batch, output]`` and the new state, forward direction only.

        Drops nothing unless given masks from :meth:`draw_noise`. Raises ValueError where a shape does not fit.
        """
        if self.bidirectional:
            raise ValueError("a bidirectional LSTM takes no single steps: its backward half needs the frames to come")
        if not isinstance(x, Tensor) or x.dim() != 2 or x.size(1) != self.input_size:
            raise ValueError(f"the input of a step is {_shape(x)}, but [batch, {self.input_size}] is needed")
        x, state = self._checked(x, state)
        noise = self._quiet() if noise is None else noise
        if noise.input is not None:
            x = x * noise.input
        h_n, c_n = [], []
        for layer, cell in enumerate(self.cells):
            h, c = cell.step(x, state.h[layer], state.c[layer], noise.cells[layer])
            h_n.append(h)
            c_n.append(c)
            x = self.join(layer, x, h)
            mask = noise.hidden[layer] if layer < self.layers - 1 else None
            if mask is not None:
                x = x * mask
        if self.layers == 1:
            return x, LSTMState(h_n[0][None].to(state.h.dtype), c_n[0][None].to(state.c.dtype))
        return x, LSTMState(torch.stack(h_n).to(state.h.dtype), torch.stack(c_n).to(state.c.dtype))

    def _checked(self, x: Tensor, state: LSTMState | None) -> tuple[Tensor, LSTMState]:
        weight = self.cells[0].weight_ih
        if x.device != weight.device:
            raise ValueError(f"the input is on {x.device}, but the weights are on {weight.device}")
        if x.dtype != weight.dtype:
            if not torch.is_autocast_enabled(x.device.type):
                raise ValueError(f"the input is of {x.dtype}, but the weights are of {weight.dtype}")
            x = x.to(weight.dtype)
        if state is None:
            return x, self.initial_state(x.size(0))
        rows, cell = len(self.cells), self.cells[0]
        for name, tensor, size in zip("hc", state, (cell.output_size, cell.hidden_size), strict=True):
            if tensor.shape != (rows, x.size(0), size):
                raise ValueError(f"the state's {name} is {_shape(tensor)}, but [{rows}, {x.size(0)}, {size}] is needed")
            if tensor.device != x.device or tensor.dtype != weight.dtype:
                found, wanted = f"{tensor.dtype} on {tensor.device}", f"{weight.dtype} on {x.device}"
                raise ValueError(f"the state's {name} is {found}, but {wanted} is needed")
        return x, LSTMState(*state)

    @staticmethod
    def _lengths(lengths: Tensor | Sequence[int] | None, batch: int, time: int) -> list[int] | None:
        if lengths is None:
            return None
        given = torch.as_tensor(lengths)
        if given.shape != (batch,):
            raise ValueError(f"the lengths are {_shape(given)}, but one for each sequence, [{batch}], is needed")
        if given.is_floating_point() or given.is_complex() or given.dtype == torch.bool:
            if batch:
                raise ValueError(f"the lengths are of {given.dtype}, but whole numbers are needed")
            return []
        numbers: list[int] = given.tolist()
        for row, number in enumerate(numbers):
            if not 0 <= number <= time:
                raise ValueError(f"sequence {row} has length {number}, but the input has {time} frames")
        return numbers

    @staticmethod
    def _sorted(noise: CellMasks, frames: PackedBatch) -> CellMasks:
        if noise.recurrent is None:
            return noise
        return CellMasks(frames.sort(noise.recurrent), noise.weight, noise.zoneout_h, noise.zoneout_c, noise.sample)

    @classmethod
    def from_torch(cls, lstm: nn.LSTM) -> LSTM:
        """The same network as a plain ``torch.nn.LSTM``; its dropout between layers becomes variational."""
        weight: Tensor = lstm.weight_ih_l0  # type: ignore[assignment]
        ours = cls(
            lstm.input_size,
            lstm.hidden_size,
            lstm.num_layers,
            bidirectional=lstm.bidirectional,
            projection=lstm.proj_size,
            dropout=lstm.dropout,
        ).to(weight.device, weight.dtype)
        ours.load_state_dict(lstm.state_dict())
        return ours.train(lstm.training)

    def to_torch(self) -> nn.LSTM:
        """The same network as a plain ``torch.nn.LSTM(batch_first=True)``.

        Raises ValueError for what that cannot express: another cell, skip connections, a learned state, zoneout.
        """
        for what, there in (
            ("cells other than the standard one", any(type(cell) is not StandardCell for cell in self.cells)),
            ("skip connections", self.skip is not None and (self.layers > 1 or self.input_size == self.output_size)),
            ("learned initial state", self.initial_h is not None),
            ("zoneout", self.dropout.zoneout_h or self.dropout.zoneout_c),
        ):
            if there:
                raise ValueError(f"torch.nn.LSTM has no {what}")
        weight = self.cells[0].weight_ih
        plain = nn.LSTM(
            self.input_size,
            self.hidden_size,
            self.layers,
            batch_first=True,
            bidirectional=self.bidirectional,
            proj_size=self.projection,
            dropout=self.dropout.hidden if self.layers > 1 else 0.0,
            device=weight.device,
            dtype=weight.dtype,
        )
        tensors: dict[str, Tensor] = {}
        for row, cell in enumerate(self.cells):
            suffix = f"_l{row // self.directions}" + ("_reverse" if row % self.directions else "")
            tensors["weight_ih" + suffix], tensors["weight_hh" + suffix] = cell.weight_ih, cell.weight_hh
            tensors["bias_ih" + suffix], tensors["bias_hh" + suffix] = cell.bias, torch.zeros_like(cell.bias)
            if self.projection:
                tensors["weight_hr" + suffix] = cell.weight_hr
        plain.load_state_dict(tensors)
        return plain.train(self.training)

    def extra_repr(self) -> str:
        return f"{self.input_size}, {self.hidden_size}, layers={self.layers}, bidirectional={self.bidirectional}"


@torch._compile._disable_dynamo  # torch.compiler.disable would import torch._dynamo, a second, at once
def _uncompiled(lstm: LSTM, *inputs: Any) -> tuple[Tensor, LSTMState]:
    return lstm._forward(*inputs)


def _shape(given: Any) -> str:
    return str(list(given.shape)) if isinstance(given, Tensor) else f"a {type(given).__name__}"


def _translate(module: Any, state_dict: dict[str, Any], prefix: str, *_: Any) -> None:
    """Rename the weights of a plain torch.nn.LSTM in a state dict that is about to be loaded; its two biases add up."""
    pattern = re.compile(re.escape(prefix) + r"(weight_ih|weight_hh|weight_hr|bias_ih|bias_hh)_l(\d+)(_reverse)?")
    directions = 2 if module.bidirectional else 1
    found = [match for match in map(pattern.fullmatch, list(state_dict)) if match]
    for match in found:
        name, layer, reverse = match.groups()
        target = f"{prefix}cells.{int(layer) * directions + bool(reverse)}."
        tensor = state_dict.pop(match[0])
        if name.startswith("bias"):
            key = target + "bias"
            state_dict[key] = state_dict[key] + tensor if key in state_dict else tensor
        else:
            state_dict[target + name] = tensor
        if f"{target}bias" not in state_dict and not any(other[1].startswith("bias") for other in found):
            state_dict[f"{target}bias"] = tensor.new_zeros(module.cells[0].bias.shape)
