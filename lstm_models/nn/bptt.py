"""Back-propagation through time written out by hand, for the cells whose recurrence torch has no kernel for.

Autograd through a loop records a dozen nodes a step and makes one weight-gradient product a step. Here a step is a few
calls that write into prepared buffers, and each weight has one gradient product over all steps. A cell brings its
pointwise equations as a :class:`~lstm_models.nn.cell_kernels.Pointwise`; projection, dropout of h, zoneout and unequal
lengths are common to all.

Rows are laid out as in :mod:`lstm_models.nn.packed_batch`: ``[frames, feature]``, step by step.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from lstm_models.nn.cell_kernels import Pointwise
from lstm_models.nn.prepacked_linear import Product, first_order, product


def _back(views: Sequence[Tensor], first: Tensor, sizes: Sequence[int]) -> Tensor:
    """What every step came from: ``first`` and then each step's value, cut to the rows that the next step has."""
    return torch.cat([first[: sizes[0]], *(view[:size] for view, size in zip(views, sizes[1:], strict=False))])


class Recurrence(torch.autograd.Function):
    """Run a cell over all steps; see :func:`run`."""

    @staticmethod
    def forward(
        ctx: Any,
        pointwise: type[Pointwise],
        sizes: list[int],
        gates: Tensor,
        h: Tensor,
        c: Tensor,
        weight_hh: Tensor,
        weight_hr: Tensor | None,
        mask: Tensor | None,
        keep_h: Tensor | float,
        keep_c: Tensor | float,
        *extras: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        device = gates.device.type
        dtype = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else weight_hh.dtype
        keep = any(ctx.needs_input_grad)
        with torch.autocast(device, enabled=False):
            frames, hidden = gates.size(0), c.size(1)
            cell = pointwise(hidden, *extras)
            kept = cell.buffers(frames, gates, keep)
            cell.bind(gates, sizes, kept, keep)
            weight = Product(weight_hh, dtype, sizes[0], len(sizes))
            projection = None if weight_hr is None else Product(weight_hr, dtype, sizes[0], len(sizes))
            y = gates.new_empty(frames, h.size(1))
            ys = y.split(sizes)
            h_n, c_n = h.clone(), c.clone()
            old_c = not isinstance(keep_c, float) or keep_c > 0
            if keep:
                cells, squashed = gates.new_empty(frames, hidden), gates.new_empty(frames, hidden)
                cs, tanhs = cells.split(sizes), squashed.split(sizes)
                zoned = gates.new_empty(frames, hidden) if old_c else cells  # c after zoneout
            else:  # nothing is kept: c lives in its final place, tanh in one step's memory
                scratch = gates.new_empty(2, len(c), hidden)
                cells = squashed = zoned = scratch[0]
                cs = [scratch[1, :size] for size in sizes] if old_c else [c_n[:size] for size in sizes]
                tanhs = [squashed[:size] for size in sizes]
            zs = zoned.split(sizes) if keep else [c_n[:size] for size in sizes]
            keep_hs = [keep_h] * len(sizes) if isinstance(keep_h, float) else keep_h.split(sizes)
            keep_cs = [keep_c] * len(sizes) if isinstance(keep_c, float) else keep_c.split(sizes)
            old_h = not isinstance(keep_h, float) or keep_h > 0
            previous = sizes[0]
            h_t, c_t = h, c
            for t, size in enumerate(sizes):
                if size < previous:
                    h_n[size:previous] = h_t[size:previous]
                    if keep:
                        c_n[size:previous] = c_t[size:previous]
                    previous = size
                h_t, c_t = h_t[:size], c_t[:size]
                cell.mix(t, h_t if mask is None else h_t * mask[:size], weight)
                cell.forward(t, c_t, cs[t], tanhs[t])
                if projection is None:
                    torch.mul(cell.o[t], tanhs[t], out=ys[t])
                else:
                    ys[t].copy_(projection(cell.o[t] * tanhs[t]))
                if old_h:
                    torch.lerp(ys[t], h_t, keep_hs[t], out=ys[t])
                if old_c:
                    torch.lerp(cs[t], c_t, keep_cs[t], out=zs[t])
                h_t, c_t = ys[t], zs[t]
            h_n[:previous] = h_t
            if keep:
                c_n[:previous] = c_t
        if keep:
            cell.finish()
            fractions = [k if isinstance(k, float) else 1.0 for k in (keep_h, keep_c)]
            ctx.plan = pointwise, sizes, dtype, len(extras), fractions
            drawn = [None if isinstance(k, float) else k for k in (keep_h, keep_c)]
            ctx.save_for_backward(
                gates, h, c, weight_hh, weight_hr, mask, *drawn, y, cells, zoned, squashed, *extras, *kept
            )
            ctx.set_materialize_grads(False)
        return y, h_n, c_n

    @staticmethod
    @first_order
    def backward(ctx: Any, grad_y: Tensor | None, grad_h: Tensor | None, grad_c: Tensor | None) -> tuple[Any, ...]:
        pointwise, sizes, dtype, count, (keep_h, keep_c) = ctx.plan
        gates, h, c, weight_hh, weight_hr, mask, drawn_h, drawn_c, y, cells, zoned, squashed, *rest = ctx.saved_tensors
        with torch.autocast(gates.device.type, enabled=False):
            cell = pointwise(c.size(1), *rest[:count])
            cell.bind(gates, sizes, rest[count:])
            grad = torch.empty_like(gates)
            cell.bind_gradient(grad, sizes)
            dh = torch.zeros_like(h) if grad_h is None else grad_h.to(h.dtype, copy=True)
            dc = torch.zeros_like(c) if grad_c is None else grad_c.to(c.dtype, copy=True)
            weight = Product(weight_hh.t(), dtype, sizes[0], len(sizes))
            projection = None if weight_hr is None else Product(weight_hr.t(), dtype, sizes[0], len(sizes))
            outputs = None if projection is None else torch.empty_like(y)
            ds = None if outputs is None else outputs.split(sizes)
            grads = None if grad_y is None else grad_y.split(sizes)
            ys, zs, cs, tanhs = y.split(sizes), zoned.split(sizes), cells.split(sizes), squashed.split(sizes)
            keep_hs = [keep_h] * len(sizes) if drawn_h is None else drawn_h.split(sizes)
            keep_cs = [keep_c] * len(sizes) if drawn_c is None else drawn_c.split(sizes)
            for t in range(len(sizes) - 1, -1, -1):
                size = sizes[t]
                dh_t, dc_t, c_t = dh[:size], dc[:size], (zs[t - 1] if t else c)[:size]
                if grads is not None:
                    dh_t += grads[t]
                held_h = held_c = None
                dm = dh_t
                if keep_h:
                    held_h = dh_t * keep_hs[t]
                    dm = dh_t - held_h
                if keep_c:
                    held_c = dc_t * keep_cs[t]
                    dc_t -= held_c
                if projection is not None and ds is not None:
                    ds[t].copy_(dm)
                    dm = projection(dm)
                cell.backward(t, c_t, cs[t], tanhs[t], dm, dc_t)
                cell.unmix(t, weight, dh_t)
                if mask is not None:
                    dh_t *= mask[:size]
                if held_h is not None:
                    dh_t += held_h
                if held_c is not None:
                    dc_t += held_c
            needs = ctx.needs_input_grad
            d_weight = d_projection = None
            d_mixed, scale, d_extras = cell.gradients(
                grad, _back(zs, c, sizes) if cell.looks_back else None, cells, squashed
            )
            if needs[5]:
                before = _back(ys, h, sizes)
                if mask is not None:
                    before *= torch.cat([mask[:size] for size in sizes])
                if scale is not None:
                    before *= scale
                d_weight = product(d_mixed.to(dtype).t(), before.to(dtype).t()).to(weight_hh.dtype)
            if outputs is not None and needs[6]:
                inner = torch.cat(cell.o).mul_(squashed)
                d_projection = product(outputs.to(dtype).t(), inner.to(dtype).t()).to(weight_hr.dtype)
        return None, None, grad, dh, dc, d_weight, d_projection, None, None, None, *d_extras
