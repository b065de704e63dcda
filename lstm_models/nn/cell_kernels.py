"""The pointwise half of each cell with its hand-written derivative, in place on prepared buffers.

:class:`Pointwise` is the standard cell; the others change some of its equations, which :mod:`lstm_models.nn.cells`
states. :mod:`lstm_models.nn.bptt` runs them over time.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from lstm_models.nn.prepacked_linear import Product

sigmoid_backward = torch.ops.aten.sigmoid_backward.grad_input
tanh_backward = torch.ops.aten.tanh_backward.grad_input


class Pointwise:
    """The pointwise equations of the standard cell; a subclass changes some of them.

    One object serves one run. ``gates [frames, 4 hidden]`` come in as input projections and leave as activations
    (i, f, g, o); the ``extras`` are the cell's own parameters. Lists hold one view a step.
    """

    looks_back = False  # whether `gradients` needs the c that every step came from

    def __init__(self, hidden: int, *extras: Tensor) -> None:
        self.hidden, self.extras = hidden, extras

    def buffers(self, frames: int, like: Tensor, keep: bool) -> list[Tensor]:
        """What the cell must keep for its gradient beyond the activations, c and tanh(c)."""
        return []

    def bind(self, gates: Tensor, sizes: Sequence[int], kept: Sequence[Tensor], keep: bool = True) -> None:
        """Cut the buffers into steps."""
        h = self.hidden
        self.gates = gates.split(sizes)
        self.input_forget = gates[:, : 2 * h].split(sizes)
        self.i, self.f, self.g, self.o = (gates[:, k * h : (k + 1) * h].split(sizes) for k in range(4))

    def mix(self, t: int, h: Tensor, weight: Product) -> None:
        """Add the recurrent projection to the gates of step t."""
        weight.add_to(self.gates[t], h)

    def forward(self, t: int, c: Tensor, c_new: Tensor, squashed: Tensor) -> None:
        """Turn the gates of step t into activations, c into ``c_new`` (perhaps the same memory) and tanh(c_new)."""
        self.input_forget[t].sigmoid_()
        self.g[t].tanh_()
        self.o[t].sigmoid_()
        torch.mul(self.f[t], c, out=c_new).addcmul_(self.i[t], self.g[t])
        torch.tanh(c_new, out=squashed)

    def bind_gradient(self, grad: Tensor, sizes: Sequence[int]) -> None:
        """Cut the buffer of the gates' gradient into steps."""
        h = self.hidden
        self.d_gates = grad.split(sizes)
        self.d_input_forget = grad[:, : 2 * h].split(sizes)
        self.d_i, self.d_f, self.d_g, self.d_o = (grad[:, k * h : (k + 1) * h].split(sizes) for k in range(4))

    def backward(self, t: int, c: Tensor, c_new: Tensor, squashed: Tensor, dh: Tensor, dc: Tensor) -> None:
        """From the gradients of h and ``c_new``: fill the gates' gradient, turn ``dc`` into the gradient of c."""
        self.output_gate(t, c_new, squashed, dh, dc)
        self.inner_gates(t, c, dc)
        dc.mul_(self.f[t])

    def output_gate(self, t: int, c_new: Tensor, squashed: Tensor, dh: Tensor, dc: Tensor) -> None:
        """The gradient through h = o tanh(c_new)."""
        o, d_o = self.o[t], self.d_o[t]
        torch.mul(dh, o, out=d_o)
        tanh_backward(d_o, squashed, grad_input=d_o)
        dc.add_(d_o)
        torch.mul(dh, squashed, out=d_o)
        sigmoid_backward(d_o, o, grad_input=d_o)

    def inner_gates(self, t: int, c: Tensor, dc: Tensor) -> None:
        """The gradient through c_new = f c + i g."""
        i, g, d_g, both = self.i[t], self.g[t], self.d_g[t], self.d_input_forget[t]
        torch.mul(dc, g, out=self.d_i[t])
        torch.mul(dc, c, out=self.d_f[t])
        sigmoid_backward(both, self.input_forget[t], grad_input=both)
        torch.mul(dc, i, out=d_g)
        tanh_backward(d_g, g, grad_input=d_g)

    def unmix(self, t: int, weight: Product, dh: Tensor) -> None:
        """Replace ``dh`` by the gradient of what ``mix`` took as h; ``weight`` is the transposed one."""
        dh.copy_(weight(self.d_gates[t]))

    def gradients(
        self, grad: Tensor, c: Tensor | None, c_new: Tensor, squashed: Tensor
    ) -> tuple[Tensor, Tensor | None, list[Tensor]]:
        """After the last step: the gradient of all recurrent projections, and those of the extras.

        Between them a factor for each row ``[frames, 1]`` that the first one still lacks, or None.
        """
        return grad, None, []

    def finish(self) -> None:
        """After the last step forward, where something is kept."""


class PeepholePointwise(Pointwise):
    looks_back = True

    def forward(self, t: int, c: Tensor, c_new: Tensor, squashed: Tensor) -> None:
        (peephole,) = self.extras
        self.i[t].addcmul_(c, peephole[0])
        self.f[t].addcmul_(c, peephole[1])
        self.input_forget[t].sigmoid_()
        self.g[t].tanh_()
        torch.mul(self.f[t], c, out=c_new).addcmul_(self.i[t], self.g[t])
        self.o[t].addcmul_(c_new, peephole[2]).sigmoid_()
        torch.tanh(c_new, out=squashed)

    def backward(self, t: int, c: Tensor, c_new: Tensor, squashed: Tensor, dh: Tensor, dc: Tensor) -> None:
        (peephole,) = self.extras
        self.output_gate(t, c_new, squashed, dh, dc)
        dc.addcmul_(self.d_o[t], peephole[2])
        self.inner_gates(t, c, dc)
        dc.mul_(self.f[t]).addcmul_(self.d_i[t], peephole[0]).addcmul_(self.d_f[t], peephole[1])

    def gradients(
        self, grad: Tensor, c: Tensor | None, c_new: Tensor, squashed: Tensor
    ) -> tuple[Tensor, Tensor | None, list[Tensor]]:
        assert c is not None
        seen = ((torch.cat(self.d_i), c), (torch.cat(self.d_f), c), (torch.cat(self.d_o), c_new))
        return grad, None, [torch.stack([(gate * cell).sum(0) for gate, cell in seen])]


class CoupledPointwise(Pointwise):
    def bind(self, gates: Tensor, sizes: Sequence[int], kept: Sequence[Tensor], keep: bool = True) -> None:
        h = self.hidden
        self.gates = gates.split(sizes)
        self.i, self.g, self.o = (gates[:, k * h : (k + 1) * h].split(sizes) for k in range(3))

    def bind_gradient(self, grad: Tensor, sizes: Sequence[int]) -> None:
        h = self.hidden
        self.d_gates = grad.split(sizes)
        self.d_i, self.d_g, self.d_o = (grad[:, k * h : (k + 1) * h].split(sizes) for k in range(3))

    def forward(self, t: int, c: Tensor, c_new: Tensor, squashed: Tensor) -> None:
        self.i[t].sigmoid_()
        self.g[t].tanh_()
        self.o[t].sigmoid_()
        torch.lerp(c, self.g[t], self.i[t], out=c_new)
        torch.tanh(c_new, out=squashed)

    def inner_gates(self, t: int, c: Tensor, dc: Tensor) -> None:
        i, g, d_i, d_g = self.i[t], self.g[t], self.d_i[t], self.d_g[t]
        torch.sub(g, c, out=d_i).mul_(dc)
        sigmoid_backward(d_i, i, grad_input=d_i)
        torch.mul(dc, i, out=d_g)
        dc.sub_(d_g)
        tanh_backward(d_g, g, grad_input=d_g)

    def backward(self, t: int, c: Tensor, c_new: Tensor, squashed: Tensor, dh: Tensor, dc: Tensor) -> None:
        self.output_gate(t, c_new, squashed, dh, dc)
        self.inner_gates(t, c, dc)


class LayerNormPointwise(Pointwise):
    """``mix`` takes weights whose columns sum to 0, so that the mean over the gates is 0 and need not be taken off."""

    epsilon = 1e-5

    def buffers(self, frames: int, like: Tensor, keep: bool) -> list[Tensor]:
        if not keep:
            return []
        return [torch.empty_like(like), *(like.new_empty(frames, 1) for _ in range(3))]

    def bind(self, gates: Tensor, sizes: Sequence[int], kept: Sequence[Tensor], keep: bool = True) -> None:
        super().bind(gates, sizes, kept, keep)
        self.kept = kept
        if keep:
            self.normed, self.scale, self.mean, self.spread = (buffer.split(sizes) for buffer in kept)
        else:
            scratch, scale = gates.new_empty(sizes[0], gates.size(1)), gates.new_empty(sizes[0], 1)
            self.normed = [scratch[:size] for size in sizes]
            self.scale = [scale[:size] for size in sizes]
        self.means: list[Tensor] = []
        self.spreads: list[Tensor] = []

    def mix(self, t: int, h: Tensor, weight: Product) -> None:
        projected, normed = weight(h), self.normed[t]
        power = torch.linalg.vector_norm(projected, dim=1, keepdim=True).square_()
        scale = torch.rsqrt(power.div_(projected.size(1)).add_(self.epsilon), out=self.scale[t])
        torch.mul(projected, scale, out=normed)
        self.gates[t].addcmul_(normed, self.extras[0])

    def forward(self, t: int, c: Tensor, c_new: Tensor, squashed: Tensor) -> None:
        self.input_forget[t].sigmoid_()
        self.g[t].tanh_()
        self.o[t].sigmoid_()
        torch.mul(self.f[t], c, out=c_new).addcmul_(self.i[t], self.g[t])
        normed, mean, spread = torch.native_layer_norm(
            c_new, (self.hidden,), self.extras[1], self.extras[2], self.epsilon
        )
        if self.kept:
            self.means.append(mean)
            self.spreads.append(spread)
        torch.tanh(normed, out=squashed)

    def finish(self) -> None:
        _, _, mean, spread = self.kept
        torch.cat(self.means, out=mean)
        torch.cat(self.spreads, out=spread)

    def bind_gradient(self, grad: Tensor, sizes: Sequence[int]) -> None:
        super().bind_gradient(grad, sizes)
        self.d_mixed = torch.empty_like(grad)
        self.d_normed_c = grad.new_empty(grad.size(0), self.hidden)
        self.d_mixes, self.d_norms = self.d_mixed.split(sizes), self.d_normed_c.split(sizes)
        self.d_gain = grad.new_zeros(sizes[0], grad.size(1))

    def output_gate(self, t: int, c_new: Tensor, squashed: Tensor, dh: Tensor, dc: Tensor) -> None:
        o, d_o, d_norm = self.o[t], self.d_o[t], self.d_norms[t]
        torch.mul(dh, o, out=d_norm)
        tanh_backward(d_norm, squashed, grad_input=d_norm)
        dc.add_(self._norm_backward(d_norm, c_new, self.mean[t], self.spread[t], [True, False, False])[0])
        torch.mul(dh, squashed, out=d_o)
        sigmoid_backward(d_o, o, grad_input=d_o)

    def _norm_backward(
        self, grad: Tensor, c: Tensor, mean: Tensor, spread: Tensor, wanted: list[bool]
    ) -> tuple[Tensor, Tensor, Tensor]:
        _, gain, bias = self.extras
        backward = torch.ops.aten.native_layer_norm_backward
        of_c, of_gain, of_bias = backward(grad, c, (self.hidden,), mean, spread, gain, bias, wanted)
        return of_c, of_gain, of_bias

    def unmix(self, t: int, weight: Product, dh: Tensor) -> None:
        grad, normed, mixed, gain = self.d_gates[t], self.normed[t], self.d_mixes[t], self.extras[0]
        torch.mul(grad, normed, out=mixed)
        self.d_gain[: len(grad)] += mixed
        along = torch.mv(mixed, gain).unsqueeze_(1)
        torch.mul(grad, gain, out=mixed)
        mixed.addcmul_(normed, along, value=-1 / grad.size(1))
        torch.mul(weight(mixed), self.scale[t], out=dh)  # the factor is cheaper here than on the gates

    def gradients(
        self, grad: Tensor, c: Tensor | None, c_new: Tensor, squashed: Tensor
    ) -> tuple[Tensor, Tensor | None, list[Tensor]]:
        _, scale, mean, spread = self.kept
        _, d_gain, d_bias = self._norm_backward(self.d_normed_c, c_new, mean, spread, [False, True, True])
        return self.d_mixed, scale, [self.d_gain.sum(0), d_gain, d_bias]
