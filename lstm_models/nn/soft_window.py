"""The soft window of Graves (2013): an LSTM layer that slides over a text while the pen writes.

Its input at every step holds the text seen through the window at the step before, so it cannot be split into an LSTM
and an attention run one after the other. ``SoftWindowLSTM`` therefore runs both in one recurrence with
back-propagation written out by hand: two small matrix products a step, and every weight gradient gathered into one
product at the end.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from lstm_models.nn.cell_kernels import sigmoid_backward, tanh_backward
from lstm_models.nn.prepacked_linear import first_order

__all__ = ["FARTHEST", "SoftWindowLSTM", "SoftWindowState"]

# Largest exponent of the window's Gaussians, a density of 2e-35: beyond it exp leaves the normal numbers, and takes ten
# times as long.
FARTHEST = 80.0


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

    @staticmethod
    def join(states: Sequence[SoftWindowState]) -> SoftWindowState:
        """The states of all batches as those of one, in that order."""
        return SoftWindowState(*(torch.cat(tensors) for tensors in zip(*states, strict=True)))


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
        exponent = sharpness.exp()[:, :, None] * (position[:, :, None] - places) ** 2
        density = torch.exp(-exponent.clamp(max=FARTHEST))
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

    Buffers are made once and filled in place: a fresh one every step would go back to the system each time. ``gates``
    becomes the activations where its type allows.
    """

    @staticmethod
    def forward(
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
        same = gates.dtype == dtype  # no autocast: everything in one type
        places = torch.arange(1, text.size(1) + 1, device=text.device, dtype=dtype)
        real_text = text * mask[:, :, None]
        seen = gates.new_empty(steps + 1, batch, recurrent.size(1))  # h and window, the input of the next step
        seen[0, :, :hidden], seen[0, :, hidden:] = h, window
        acts = gates if same else text.new_empty(steps, batch, four)
        cells = text.new_empty(steps + 1, batch, hidden)
        cells[0] = c
        squashed = text.new_empty(steps, batch, hidden)
        positions = text.new_empty(steps + 1, batch, components)
        positions[0] = position
        params = text.new_empty(steps, batch, 3 * components)
        weights = text.new_empty(steps, batch, 1, text.size(1))
        recurrent_t, window_t = recurrent.t(), window_weight.t()
        product, scratch = gates.new_empty(batch, four), text.new_empty(batch, hidden)
        hiddens, windows = seen[:, :, :hidden].unbind(), seen[:, :, hidden:].unbind()
        sigmoids, tanhs = acts[:, :, : 3 * hidden].unbind(), acts[:, :, 3 * hidden :].unbind()
        i, f, o = (part.unbind() for part in acts[:, :, : 3 * hidden].chunk(3, 2))
        importance, sharpness, move = (part.unbind() for part in params.chunk(3, 2))
        for t, (x, act, p) in enumerate(zip(seen[:-1].unbind(), acts.unbind(), params.unbind(), strict=True)):
            if same:
                act.addmm_(x, recurrent_t)
            else:
                act.copy_(torch.addmm(gates[t], x, recurrent_t, out=product))
            sigmoids[t].sigmoid_()
            tanhs[t].tanh_()
            torch.mul(i[t], tanhs[t], out=cells[t + 1]).addcmul_(f[t], cells[t])
            torch.tanh(cells[t + 1], out=squashed[t])
            if same:
                torch.mul(o[t], squashed[t], out=hiddens[t + 1])
                torch.addmm(window_bias, hiddens[t + 1], window_t, out=p)
            else:
                hiddens[t + 1].copy_(torch.mul(o[t], squashed[t], out=scratch))
                torch.add(torch.mm(hiddens[t + 1], window_t), window_bias, out=p)
            if max_step is None:
                p.exp_()
            else:
                p[:, : 2 * components].exp_()
                move[t].sigmoid_().mul_(max_step)
            torch.add(positions[t], move[t], out=positions[t + 1])
            density = _density((positions[t + 1][:, :, None] - places).square_(), sharpness[t])
            torch.bmm(importance[t][:, None], density, out=weights[t])
            windows[t + 1].copy_(torch.bmm(weights[t], real_text)[:, 0])
        ctx.save_for_backward(
            recurrent, window_weight, real_text, mask, seen, acts, cells, squashed, params, positions, weights, places
        )
        ctx.max_step = max_step
        ctx.set_materialize_grads(False)
        return seen[1:, :, :hidden], seen[1:, :, hidden:], cells[1:], positions[1:]

    @staticmethod
    @first_order
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
        # Called under autocast, this would mix types: all of them were chosen on the way forwards
        with torch.autocast(ctx.saved_tensors[2].device.type, enabled=False):
            return _Recurrence._backward(ctx, *grads)

    @staticmethod
    def _backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
        d_hidden, d_windows, d_cells, d_positions = grads
        recurrent, window_weight, text, mask, seen, acts, cells, squashed, params, positions, weights, places = (
            ctx.saved_tensors
        )
        steps, batch, hidden = squashed.shape
        components, characters, max_step = positions.size(2), places.numel(), ctx.max_step
        same = seen.dtype == text.dtype
        text_t = text.transpose(1, 2)
        d_gates = seen.new_empty(steps, batch, 4 * hidden)
        d_params = text.new_empty(steps, batch, 3 * components)
        dws = text.new_empty(steps, batch, text.size(2))
        d_seen = text.new_zeros(batch, seen.size(2))
        dh, dw = d_seen[:, :hidden], d_seen[:, hidden:]
        dc = text.new_zeros(batch, hidden)
        dk = text.new_zeros(batch, components)
        one_step = text.new_empty(1, batch, 4 * hidden)
        gate = d_gates if same else one_step.expand(steps, -1, -1)  # under autocast, copied to d_gates
        d_sigmoids, (di, df, do, dg) = gate[:, :, : 3 * hidden].unbind(), (part.unbind() for part in gate.chunk(4, 2))
        sigmoids, (i, f, o, g) = acts[:, :, : 3 * hidden].unbind(), (part.unbind() for part in acts.chunk(4, 2))
        importance, sharpness, move = (part.unbind() for part in params.chunk(3, 2))
        slope = text.new_empty(batch, hidden)
        shares = text.new_empty(batch, components, 3, characters)  # of each Gaussian and character, times 1, d and d²
        first, second, third = shares.unbind(2)
        ones, sums = text.new_ones(characters), text.new_empty(batch, components, 3)
        total, linear, square = sums.unbind(2)
        for t in range(steps - 1, -1, -1):
            torch.add(dw, 0 if d_windows is None else d_windows[t], out=dws[t])
            distance = positions[t + 1][:, :, None] - places
            density = _density(distance.square(), sharpness[t])
            torch.mul(density, torch.bmm(dws[t][:, None], text_t), out=first)
            torch.mul(first, distance, out=second)
            torch.mul(second, distance, out=third)
            torch.mv(shares.view(-1, characters), ones, out=sums.view(-1))
            dp, weighted = d_params[t], importance[t] * sharpness[t]
            dk.addcmul_(weighted, linear, value=-2)
            if d_positions is not None:
                dk += d_positions[t]
            torch.mul(importance[t], total, out=dp[:, :components])
            torch.mul(weighted, square, out=dp[:, components : 2 * components]).neg_()
            moved = move[t] if max_step is None else torch.addcmul(move[t], move[t], move[t], value=-1 / max_step)
            torch.mul(dk, moved, out=dp[:, 2 * components :])
            if same:
                dh.addmm_(dp, window_weight)
            else:
                dh += torch.mm(dp.to(window_weight.dtype), window_weight)
            if d_hidden is not None:
                dh += d_hidden[t]
            torch.mul(dh, o[t], out=slope)
            dc += tanh_backward(slope, squashed[t], grad_input=slope)
            if d_cells is not None:
                dc += d_cells[t]
            torch.mul(dc, g[t], out=di[t])
            torch.mul(dc, cells[t], out=df[t])
            torch.mul(dh, squashed[t], out=do[t])
            sigmoid_backward(d_sigmoids[t], sigmoids[t], grad_input=d_sigmoids[t])
            torch.mul(dc, i[t], out=dg[t])
            tanh_backward(dg[t], g[t], grad_input=dg[t])
            dc *= f[t]
            if same:
                torch.mm(d_gates[t], recurrent, out=d_seen)
            else:
                d_gates[t] = one_step[0]
                d_seen.copy_(torch.mm(d_gates[t], recurrent))
        flat = d_gates.flatten(0, 1)
        d_recurrent = torch.mm(flat.t(), seen[:-1].flatten(0, 1))
        flat_params = d_params.flatten(0, 1).to(window_weight.dtype)
        d_window_weight = torch.mm(flat_params.t(), seen[1:, :, :hidden].flatten(0, 1))
        d_text = None
        if ctx.needs_input_grad[4]:
            d_text = torch.bmm(weights[:, :, 0].permute(1, 2, 0), dws.transpose(0, 1)).mul_(mask[:, :, None])
        return (
            d_gates,
            d_recurrent,
            d_window_weight,
            d_params.sum((0, 1)),
            d_text,
            None,
            dh,
            dc,
            dw,
            dk,
            None,
        )


def _density(squared: Tensor, sharpness: Tensor) -> Tensor:
    """exp(−β d²), in the memory of ``squared`` [batch, components, characters]."""
    return squared.mul_(sharpness[:, :, None]).clamp_(max=FARTHEST).neg_().exp_()
