"""``ConvLSTM``: an LSTM whose states are maps and whose products are convolutions (Shi et al. 2015).

- A stack like :class:`~lstm_models.nn.lstm.LSTM`: exact on unequal lengths, in one direction or both, with a state to
  carry and a single step.
- Peepholes (Shi et al., equation 3), layer normalisation (Ba et al. 2016), or the spatiotemporal memory that zigzags
  through the layers (PredRNN, Wang et al. 2017).

    lstm = ConvLSTM(16, 64, layers=2, layer_norm=True)
    output, state = lstm(x, lengths=lengths)    # x [batch, time, 16, height, width] → [batch, time, 64, height, width]
    output, state = lstm.step(frame, state)     # one more frame [batch, 16, height, width]
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d

__all__ = ["ConvLSTM", "ConvLSTMCell", "ConvLSTMState", "SpatiotemporalCell"]


class ConvLSTMState(NamedTuple):
    """What a ConvLSTM carries from one call to the next.

    ``h`` and ``c`` [layers * directions, batch, channels, height, width], layer by layer, the forward direction first;
    ``memory`` [batch, channels, height, width], the spatiotemporal memory, or None where there is none.
    """

    h: Tensor
    c: Tensor
    memory: Tensor | None = None

    def detach(self) -> ConvLSTMState:
        """The same numbers without their history (truncated back-propagation through time)."""
        return ConvLSTMState(self.h.detach(), self.c.detach(), None if self.memory is None else self.memory.detach())


class ConvLSTMCell(nn.Module):
    """One layer in one direction; gates in the order input, forget, candidate, output.

    Args:
        input_channels: channels of the input.
        hidden_channels: channels of the state.
        kernel_size: of both convolutions, odd.
        peepholes: the gates see the cell. A weight a channel, the same at all places; with ``size`` one for each place
            of a map of that height and width, as Shi et al. have it.
        layer_norm: normalise the gates' sums over channels and places, each gate by itself, and the new cell.
        size: see peepholes.
    """

    def __init__(
        self,
        input_channels: int,
        hidden_channels: int,
        kernel_size: int = 3,
        *,
        peepholes: bool = True,
        layer_norm: bool = False,
        size: tuple[int, int] | None = None,
    ) -> None:
        super().__init__()
        self.hidden_channels = hidden_channels
        self.from_input = nn.Conv2d(input_channels, 4 * hidden_channels, kernel_size, padding="same")
        self.from_state = nn.Conv2d(hidden_channels, 4 * hidden_channels, kernel_size, padding="same", bias=False)
        self.peephole = nn.Parameter(torch.zeros(3, hidden_channels, *(size or (1, 1)))) if peepholes else None
        self.gate_norm = nn.GroupNorm(4, 4 * hidden_channels) if layer_norm else None
        self.cell_norm = nn.GroupNorm(1, hidden_channels) if layer_norm else None
        with torch.no_grad():
            bias: Tensor = self.from_input.bias  # type: ignore[assignment]
            bias.zero_()
            bias[hidden_channels : 2 * hidden_channels] = 1.0  # of the forget gate (Jozefowicz et al. 2015)

    def weight(self) -> Tensor:
        """Weights of input and state side by side: one convolution of both is faster than two."""
        return torch.cat([self.from_input.weight, self.from_state.weight], 1)

    def forward(self, x: Tensor, h: Tensor, c: Tensor, weight: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The next ``h`` and ``c`` after a frame ``x`` [batch, input_channels, height, width].

        ``weight``: what `weight` gives, for all frames of a film.
        """
        weight = self.weight() if weight is None else weight
        gates = conv2d(torch.cat([x, h.to(x.dtype)], 1), weight, self.from_input.bias, padding="same")
        if self.gate_norm is not None:
            gates = self.gate_norm(gates)
        enter, forget, candidate, output = gates.float().chunk(4, 1)
        if self.peephole is not None:
            enter, forget = enter + self.peephole[0] * c, forget + self.peephole[1] * c
        c = forget.sigmoid() * c + enter.sigmoid() * candidate.tanh()
        if self.peephole is not None:
            output = output + self.peephole[2] * c
        seen = c if self.cell_norm is None else self.cell_norm(c)
        return output.sigmoid() * seen.tanh(), c


class SpatiotemporalCell(nn.Module):
    """PredRNN's cell (Wang et al. 2017, equations 3): beside ``c`` a memory that comes from the layer below.

    Args:
        input_channels: channels of the input.
        hidden_channels: channels of the state and of the memory.
        kernel_size: of the convolutions, odd.
        layer_norm: normalise the sums of the convolutions over channels and places.
    """

    def __init__(
        self, input_channels: int, hidden_channels: int, kernel_size: int = 3, *, layer_norm: bool = False
    ) -> None:
        super().__init__()
        self.hidden_channels = hidden_channels
        # i, f, g of the cell; those of the memory; the output gate
        self.from_input = nn.Conv2d(input_channels, 7 * hidden_channels, kernel_size, padding="same")
        self.from_state = nn.Conv2d(hidden_channels, 4 * hidden_channels, kernel_size, padding="same", bias=False)
        self.from_memory = nn.Conv2d(hidden_channels, 3 * hidden_channels, kernel_size, padding="same", bias=False)
        self.from_both = nn.Conv2d(2 * hidden_channels, hidden_channels, kernel_size, padding="same", bias=False)
        self.merge = nn.Conv2d(2 * hidden_channels, hidden_channels, 1, bias=False)
        self.norms = nn.ModuleList(nn.GroupNorm(1, n * hidden_channels) for n in (7, 4, 3)) if layer_norm else None

    def forward(self, gates: Tensor, h: Tensor, c: Tensor, memory: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The next ``h``, ``c`` and memory from ``gates = from_input(x)`` [batch, 7 * channels, height, width]."""
        sums = [gates, self.from_state(h), self.from_memory(memory)]
        if self.norms is not None:
            sums = [norm(each) for norm, each in zip(self.norms, sums, strict=True)]
        inputs, states, memories = (each.float().chunk(each.size(1) // self.hidden_channels, 1) for each in sums)
        enter, forget, candidate = (inputs[gate] + states[gate] for gate in range(3))
        c = forget.add(1.0).sigmoid() * c + enter.sigmoid() * candidate.tanh()
        enter, forget, candidate = (inputs[3 + gate] + memories[gate] for gate in range(3))
        memory = forget.add(1.0).sigmoid() * memory + enter.sigmoid() * candidate.tanh()
        both = torch.cat([c, memory], 1)
        output = (inputs[6] + states[3] + self.from_both(both)).sigmoid()
        return output * self.merge(both).float().tanh(), c, memory


class ConvLSTM(nn.Module):
    """A stack of convolutional LSTM layers over batches of films of unequal length.

    Args:
        input_channels: channels of a frame.
        hidden_channels: channels of every state.
        kernel_size: of the convolutions, odd; a 3 sees one place further with every frame.
        layers: how many layers.
        bidirectional: run every layer in both directions; outputs stand side by side, forward first.
        peepholes: see ConvLSTMCell.
        layer_norm: see ConvLSTMCell.
        spatiotemporal: cells of PredRNN in place of Shi's: no peepholes, one direction.
        size: height and width of the maps, for peepholes of a weight a place.

    Raises ValueError where an argument cannot be.
    """

    def __init__(
        self,
        input_channels: int,
        hidden_channels: int,
        kernel_size: int = 3,
        layers: int = 1,
        *,
        bidirectional: bool = False,
        peepholes: bool = True,
        layer_norm: bool = False,
        spatiotemporal: bool = False,
        size: tuple[int, int] | None = None,
    ) -> None:
        super().__init__()
        sizes = {"input_channels": input_channels, "hidden_channels": hidden_channels, "layers": layers}
        for name, value in sizes.items():
            if value < 1:
                raise ValueError(f"{name} is {value}, but it must be at least 1")
        if kernel_size < 1 or kernel_size % 2 == 0:
            raise ValueError(f"kernel_size is {kernel_size}, but it must be odd")
        if spatiotemporal and bidirectional:
            raise ValueError("the spatiotemporal memory goes from frame to frame: it cannot be bidirectional")
        self.hidden_channels, self.layers = hidden_channels, layers
        self.directions, self.spatiotemporal = 2 if bidirectional else 1, spatiotemporal
        self.output_channels = hidden_channels * self.directions

        def cell(channels: int) -> nn.Module:
            if spatiotemporal:
                return SpatiotemporalCell(channels, hidden_channels, kernel_size, layer_norm=layer_norm)
            options = {"peepholes": peepholes, "layer_norm": layer_norm}
            return ConvLSTMCell(channels, hidden_channels, kernel_size, size=size, **options)

        self.cells: Sequence[nn.Module] = nn.ModuleList(  # type: ignore[assignment]
            cell(self.output_channels if layer else input_channels)
            for layer in range(layers)
            for _ in range(self.directions)
        )

    def initial_state(self, frames: Tensor) -> ConvLSTMState:
        """The state of all zeros for films whose frames are like ``frames`` [batch, …, height, width]."""
        shape = (len(frames), self.hidden_channels, *frames.shape[-2:])
        zeros = frames.new_zeros(len(self.cells), *shape, dtype=torch.float32)
        return ConvLSTMState(zeros, zeros, zeros[0] if self.spatiotemporal else None)

    def forward(
        self, x: Tensor, state: ConvLSTMState | None = None, *, lengths: Tensor | None = None
    ) -> tuple[Tensor, ConvLSTMState]:
        """Outputs [batch, time, channels * directions, height, width] of the last layer, and the state after the end.

        Args:
            x: films [batch, time, input_channels, height, width].
            state: carried from the call before; zeros if None.
            lengths: frames [batch] of each film; outputs beyond them are 0 and leave the state as it was.
        """
        if x.dim() != 5 or not x.size(1):
            raise ValueError(f"films are [batch, time, channels, height, width], not {list(x.shape)}")
        state = self.initial_state(x) if state is None else state
        real = None
        if lengths is not None:
            inside = torch.arange(x.size(1), device=x.device) < lengths.to(x.device)[:, None]
            real = inside[:, :, None, None, None]
        return self._memory(x, state, real) if self.spatiotemporal else self._layers(x, state, real)

    def step(self, x: Tensor, state: ConvLSTMState | None = None) -> tuple[Tensor, ConvLSTMState]:
        """One frame [batch, input_channels, height, width]: its output, and the state after it."""
        if self.directions > 1:
            raise ValueError("a bidirectional stack reads whole films: it has no step")
        output, state = self(x[:, None], state)
        return output[:, 0], state

    def _layers(self, x: Tensor, state: ConvLSTMState, real: Tensor | None) -> tuple[Tensor, ConvLSTMState]:
        """Layer by layer, and direction by direction."""
        last_h, last_c = [], []
        for number, cell in enumerate(self.cells):
            if number % self.directions == 0:
                inputs, outputs = x, []
            weight = cell.weight()  # type: ignore[operator]
            h, c = state.h[number], state.c[number]
            found: list[Tensor] = []
            backward = number % self.directions == 1
            for time in reversed(range(x.size(1))) if backward else range(x.size(1)):
                new_h, new_c = cell(inputs[:, time], h, c, weight)
                if real is not None:
                    new_h, new_c = torch.where(real[:, time], new_h, h), torch.where(real[:, time], new_c, c)
                h, c = new_h, new_c
                found.append(h)
            outputs.append(torch.stack(found[::-1] if backward else found, 1))
            last_h.append(h)
            last_c.append(c)
            if number % self.directions == self.directions - 1:
                x = torch.cat(outputs, 2)
                x = x if real is None else x * real
        return x, ConvLSTMState(torch.stack(last_h), torch.stack(last_c))

    def _memory(self, x: Tensor, state: ConvLSTMState, real: Tensor | None) -> tuple[Tensor, ConvLSTMState]:
        """Frame by frame: the memory leaves the last layer and enters the first one of the next frame."""
        h, c, memory = list(state.h.unbind(0)), list(state.c.unbind(0)), state.memory
        outputs = []
        for time in range(x.size(1)):
            inputs, before = x[:, time], (list(h), list(c), memory)
            for layer, cell in enumerate(self.cells):
                gates = cell.from_input(inputs)  # type: ignore[operator]
                h[layer], c[layer], memory = cell(gates, h[layer], c[layer], memory)
                inputs = h[layer]
            if real is not None:
                now = real[:, time]
                h = [torch.where(now, new, old) for new, old in zip(h, before[0], strict=True)]
                c = [torch.where(now, new, old) for new, old in zip(c, before[1], strict=True)]
                memory = torch.where(now, memory, before[2])  # type: ignore[arg-type]
            outputs.append(h[-1] if real is None else h[-1] * real[:, time])
        return torch.stack(outputs, 1), ConvLSTMState(torch.stack(h), torch.stack(c), memory)
