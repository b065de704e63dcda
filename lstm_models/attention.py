"""Attention for recurrent networks: the soft window of Graves (2013), which slides over a text while the pen writes.

The window layer is an LSTM whose input at every step holds the text seen through the window at the step before,
so it cannot be split into an LSTM and an attention run one after the other. ``SoftWindowLSTM`` therefore runs both
in one recurrence with back-propagation written out by hand: two small matrix products a step, and every weight
gradient gathered into one product at the end.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

__all__ = ["SoftWindowLSTM", "SoftWindowState"]


class SoftWindowState(NamedTuple):
    """What a soft-window layer carries from one step to the next."""

    h: Tensor
    """Hidden state [batch, hidden]."""
    c: Tensor
    """Cell state [batch, hidden]."""
    window: Tensor
    """Text seen through the window [batch, feature]."""
    position: Tensor
    """Centre of every Gaussian on the text, in characters [batch, components]; the first character stands at 1."""

    def detach(self) -> SoftWindowState:
        """The same state, cut off from the graph (truncated back-propagation)."""
        return SoftWindowState(*(tensor.detach() for tensor in self))

    def select(self, index: Tensor) -> SoftWindowState:
        """The states of the batch rows ``index`` [rows]."""
        return SoftWindowState(*(tensor[index] for tensor in self))


class SoftWindowLSTM(nn.Module):
    """LSTM layer with a Gaussian-mixture window over a text (Graves 2013, arXiv:1308.0850, equations 46–52).

    At step t the window parameters are p = W_p h_t + b_p, split into three of size ``components``:

    * importance α = exp(p₁) and sharpness β = exp(p₂);
    * a move Δ = exp(p₃), or Δ = ``max_step`` · σ(p₃) where ``max_step`` is given: positions then advance
      monotonically by a bounded number of characters, so that the window can neither jump nor run away;
    * position κ_t = κ_{t-1} + Δ, weights φ(u) = Σ_k α_k exp(−β_k (κ_k − u)²), window w_t = Σ_u φ(u) text_u.

    Args:
        input_size: features of the input.
        text_size: features of a character vector.
        hidden_size: cells.
        components: Gaussians in the window (10 in the paper).
        max_step: largest move of a Gaussian in one step, in characters; ``None`` for the paper's exp.
        step: the move the layer starts training with, in characters a step (1 / points a character).
    """

    def __init__(
        self,
        input_size: int,
        text_size: int,
        hidden_size: int,
        *,
        components: int = 10,
        max_step: float | None = None,
        step: float = 0.1,
    ) -> None:
        super().__init__()
        if min(input_size, text_size, hidden_size, components) < 1:
            raise ValueError("input_size, text_size, hidden_size and components must be at least 1")
        if max_step is not None and not 0 < step < max_step:
            raise ValueError(f"step must lie between 0 and max_step = {max_step}, not {step}")
        self.input_size, self.text_size, self.hidden_size = input_size, text_size, hidden_size
        self.components, self.max_step = components, max_step
        self.weight_ih = nn.Parameter(torch.empty(4 * hidden_size, input_size))
        self.weight_hh = nn.Parameter(torch.empty(4 * hidden_size, hidden_size))
        self.weight_wh = nn.Parameter(torch.empty(4 * hidden_size, text_size))
        self.bias = nn.Parameter(torch.zeros(4 * hidden_size))
        self.window_weight = nn.Parameter(torch.empty(3 * components, hidden_size))
        self.window_bias = nn.Parameter(torch.zeros(3 * components))
        for weight in (self.weight_ih, self.weight_wh):
            nn.init.xavier_uniform_(weight)
        for gate in self.weight_hh.data.chunk(4):
            nn.init.orthogonal_(gate)
        nn.init.normal_(self.window_weight, std=0.02)
        with torch.no_grad():
            self.bias[hidden_size : 2 * hidden_size] = 1  # forget bias 1 (Gers et al. 2000): remember at first
            self.window_bias[:components] = -math.log(components)
            self.window_bias[2 * components :] = (
                math.log(step) if max_step is None else math.log(step / (max_step - step))
            )

    def initial_state(self, text: Tensor) -> SoftWindowState:
        """Zeros for ``text`` [batch, characters, feature]."""
        batch = text.size(0)
        return SoftWindowState(
            text.new_zeros(batch, self.hidden_size),
            text.new_zeros(batch, self.hidden_size),
            text.new_zeros(batch, self.text_size),
            text.new_zeros(batch, self.components),
        )

    def forward(
        self, x: Tensor, text: Tensor, text_mask: Tensor, state: SoftWindowState | None = None
    ) -> tuple[Tensor, Tensor, SoftWindowState]:
        """Runs a whole sequence.

        Args:
            x: input [batch, time, feature].
            text: character vectors [batch, characters, text feature].
            text_mask: true where a character is real [batch, characters].
            state: where to go on from; zeros if missing.

        Returns:
            Hidden states [batch, time, hidden], windows [batch, time, text feature] and the last state.

        Raises:
            ValueError: the shapes do not fit.
        """
        if x.dim() != 3 or x.size(2) != self.input_size:
            raise ValueError(f"input must be [batch, time, {self.input_size}], not {list(x.shape)}")
        if text.dim() != 3 or text.size(0) != x.size(0) or text.size(2) != self.text_size or text.size(1) < 1:
            raise ValueError(f"text must be [{x.size(0)}, characters, {self.text_size}], not {list(text.shape)}")
        if text_mask.shape != text.shape[:2]:
            raise ValueError(f"text_mask must be {list(text.shape[:2])}, not {list(text_mask.shape)}")
        state = self.initial_state(text) if state is None else state
        if x.size(1) == 0:
            return x.new_zeros(x.size(0), 0, self.hidden_size), x.new_zeros(x.size(0), 0, self.text_size), state
        weight_ih, recurrent, bias = self._sigmoid_gates_first()
        gates = nn.functional.linear(x.transpose(0, 1), weight_ih, bias)
        matrix_dtype = gates.dtype  # bfloat16 under autocast: matrix products in it, everything else in text's type
        hidden, window, cells, positions = _Recurrence.apply(
            gates,
            recurrent.to(matrix_dtype),
            self.window_weight.to(matrix_dtype),
            self.window_bias,
            text,
            text_mask.to(text.dtype),
            *state,
            self.max_step,
        )
        last = SoftWindowState(hidden[-1].to(text.dtype), cells[-1], window[-1].to(text.dtype), positions[-1])
        return hidden.transpose(0, 1), window.transpose(0, 1), last

    def step(self, x: Tensor, text: Tensor, text_mask: Tensor, state: SoftWindowState) -> SoftWindowState:
        """One step: ``x`` [batch, feature]; the rest as in ``forward``. The output is the new state's h and window."""
        gates = torch.addmm(self.bias, x, self.weight_ih.t())
        gates = gates.addmm(state.h, self.weight_hh.t()).addmm(state.window, self.weight_wh.t())
        i, f, g, o = gates.chunk(4, 1)
        c = torch.sigmoid(f) * state.c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        window, position = self.look(h, text, text_mask, state.position)
        return SoftWindowState(h, c, window, position)

    def look(self, h: Tensor, text: Tensor, text_mask: Tensor, position: Tensor) -> tuple[Tensor, Tensor]:
        """Moves the window: the text seen [batch, text feature] and the new positions [batch, components]."""
        importance, sharpness, move = torch.addmm(self.window_bias, h, self.window_weight.t()).chunk(3, 1)
        move = move.exp() if self.max_step is None else self.max_step * torch.sigmoid(move)
        position = position + move
        places = torch.arange(1, text.size(1) + 1, device=text.device, dtype=position.dtype)
        density = torch.exp(-sharpness.exp()[:, :, None] * (position[:, :, None] - places) ** 2)
        weights = torch.bmm(importance.exp()[:, None], density)[:, 0] * text_mask
        return torch.bmm(weights[:, None], text)[:, 0], position

    def _sigmoid_gates_first(self) -> tuple[Tensor, Tensor, Tensor]:
        """Weights in gate order i, f, o, g: the three sigmoids lie side by side, one call each a step."""
        hidden = self.hidden_size

        def order(tensor: Tensor) -> Tensor:
            return torch.cat([tensor[: 2 * hidden], tensor[3 * hidden :], tensor[2 * hidden : 3 * hidden]])

        recurrent = torch.cat([self.weight_hh, self.weight_wh], 1)
        return order(self.weight_ih), order(recurrent), order(self.bias)


class _Recurrence(torch.autograd.Function):
    """The loop over time, forwards and backwards. Time-major; gates in order i, f, o, g.

    Buffers are made once and filled in place: a fresh one every step would go back to the system each time.
    """

    @staticmethod
    def forward(  # type: ignore[override]
        ctx: Any,
        gates: Tensor,  # [time, batch, 4 hidden], the input's share
        recurrent: Tensor,  # [4 hidden, hidden + feature]
        window_weight: Tensor,  # [3 components, hidden]
        window_bias: Tensor,
        text: Tensor,  # [batch, characters, feature]
        mask: Tensor,  # [batch, characters]
        h: Tensor,
        c: Tensor,
        window: Tensor,
        position: Tensor,
        max_step: float | None,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        steps, batch, four = gates.shape
        hidden, components, dtype = four // 4, position.size(1), text.dtype
        places = torch.arange(1, text.size(1) + 1, device=text.device, dtype=dtype)
        seen = gates.new_empty(steps + 1, batch, recurrent.size(1))  # h and window, the input of the next step
        seen[0, :, :hidden], seen[0, :, hidden:] = h, window
        acts = text.new_empty(steps, batch, four)
        cells = text.new_empty(steps + 1, batch, hidden)
        cells[0] = c
        squashed = text.new_empty(steps, batch, hidden)
        positions = text.new_empty(steps + 1, batch, components)
        positions[0] = position
        params = text.new_empty(steps, batch, 3 * components)
        recurrent_t, window_t = recurrent.t(), window_weight.t()
        product = gates.new_empty(batch, four)
        scratch = text.new_empty(batch, hidden)
        for t in range(steps):
            torch.addmm(gates[t], seen[t], recurrent_t, out=product)
            act = acts[t]
            act.copy_(product)
            act[:, : 3 * hidden].sigmoid_()
            act[:, 3 * hidden :].tanh_()
            i, f, o, g = act.chunk(4, 1)
            torch.mul(i, g, out=scratch)
            torch.addcmul(scratch, f, cells[t], out=cells[t + 1])
            torch.tanh(cells[t + 1], out=squashed[t])
            torch.mul(o, squashed[t], out=scratch)
            seen[t + 1, :, :hidden] = scratch
            p = params[t]
            torch.add(torch.mm(seen[t + 1, :, :hidden], window_t), window_bias, out=p)
            if max_step is None:
                p.exp_()
            else:
                p[:, : 2 * components].exp_()
                p[:, 2 * components :].sigmoid_().mul_(max_step)
            torch.add(positions[t], p[:, 2 * components :], out=positions[t + 1])
            density = (positions[t + 1][:, :, None] - places).square_()
            density.mul_(p[:, components : 2 * components, None]).neg_().exp_()
            weights = torch.bmm(p[:, None, :components], density).mul_(mask[:, None])
            seen[t + 1, :, hidden:] = torch.bmm(weights, text)[:, 0]
        ctx.save_for_backward(
            recurrent, window_weight, text, mask, seen, acts, cells, squashed, params, positions, places
        )
        ctx.max_step = max_step
        ctx.set_materialize_grads(False)
        return seen[1:, :, :hidden], seen[1:, :, hidden:], cells[1:], positions[1:]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        # Called under autocast, this would mix types: all of them were chosen on the way forwards
        with torch.autocast(ctx.saved_tensors[2].device.type, enabled=False):
            return _Recurrence._backward(ctx, *grads)

    @staticmethod
    def _backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
        d_hidden, d_windows, d_cells, d_positions = grads
        recurrent, window_weight, text, mask, seen, acts, cells, squashed, params, positions, places = ctx.saved_tensors
        steps, batch, hidden = squashed.shape
        components, max_step = positions.size(2), ctx.max_step
        text_t = text.transpose(1, 2)
        d_gates = seen.new_empty(steps, batch, 4 * hidden)
        d_params = text.new_empty(steps, batch, 3 * components)
        d_text = torch.zeros_like(text) if ctx.needs_input_grad[4] else None
        d_seen = text.new_zeros(batch, seen.size(2))
        dc = text.new_zeros(batch, hidden)
        dk = text.new_zeros(batch, components)
        gate = text.new_empty(batch, 4 * hidden)
        slope = text.new_empty(batch, hidden)
        for t in range(steps - 1, -1, -1):
            dh, dw = d_seen[:, :hidden], d_seen[:, hidden:]
            if d_windows is not None:
                dw = dw + d_windows[t]
            p = params[t]
            importance, sharpness, move = p.chunk(3, 1)
            distance = positions[t + 1][:, :, None] - places
            squared = distance.square()
            density = squared.mul(sharpness[:, :, None]).neg_().exp_()
            if d_text is not None:
                weights = torch.bmm(importance[:, None], density).mul_(mask[:, None])
                d_text.baddbmm_(weights.transpose(1, 2), dw[:, None])
            d_weights = torch.bmm(dw[:, None], text_t).mul_(mask[:, None])
            density.mul_(d_weights)  # [batch, components, characters]: each Gaussian's share of the gradient
            by_place = torch.bmm(
                torch.stack([density, density * squared, density * distance], 2).flatten(1, 2),
                density.new_ones(batch, places.numel(), 1),
            ).view(batch, components, 3)
            dk = dk - 2 * importance * sharpness * by_place[:, :, 2]
            if d_positions is not None:
                dk = dk + d_positions[t]
            dp = d_params[t]
            torch.mul(importance, by_place[:, :, 0], out=dp[:, :components])
            torch.mul(importance * sharpness, by_place[:, :, 1], out=dp[:, components : 2 * components]).neg_()
            torch.mul(dk, move if max_step is None else move * (1 - move / max_step), out=dp[:, 2 * components :])
            dh = dh + torch.mm(dp.to(window_weight.dtype), window_weight)
            if d_hidden is not None:
                dh += d_hidden[t]
            i, f, o, g = acts[t].chunk(4, 1)
            di, df, do, dg = gate.chunk(4, 1)
            tanh_c = squashed[t]
            torch.mul(tanh_c, tanh_c, out=slope).neg_().add_(1).mul_(o).mul_(dh)
            dc = dc.add_(slope)
            if d_cells is not None:
                dc += d_cells[t]
            torch.mul(dc, g, out=di)
            torch.mul(dc, cells[t], out=df)
            torch.mul(dh, tanh_c, out=do)
            sigmoids = acts[t][:, : 3 * hidden]
            gate[:, : 3 * hidden].mul_(torch.addcmul(sigmoids, sigmoids, sigmoids, value=-1))
            torch.mul(g, g, out=dg).neg_().add_(1).mul_(i).mul_(dc)
            d_gates[t] = gate
            dc.mul_(f)
            d_seen = torch.mm(d_gates[t], recurrent).to(text.dtype)
        flat = d_gates.flatten(0, 1)
        d_recurrent = torch.mm(flat.t(), seen[:-1].flatten(0, 1))
        flat_params = d_params.flatten(0, 1).to(window_weight.dtype)
        d_window_weight = torch.mm(flat_params.t(), seen[1:, :, :hidden].flatten(0, 1))
        return (
            d_gates,
            d_recurrent,
            d_window_weight,
            d_params.sum((0, 1)),
            d_text,
            None,
            d_seen[:, :hidden],
            dc,
            d_seen[:, hidden:],
            dk,
            None,
        )
