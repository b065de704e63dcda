"""Matrix products with a weight that is used again and again, as fast as the processor allows.

On a CPU in float32 the oneDNN library with the weight laid out for it beforehand is 1.2 to 1.4 times as fast as the
BLAS behind ``torch.mm`` (measured at 512 units and 32 sequences); torch reaches it by internal operators, so a plain
product stands in wherever those are missing, the tensors are of another kind, or the weight is too small to gain.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import torch
from torch import Tensor
from torch.utils.weak import WeakIdKeyDictionary

_SMALL = 2**18  # entries of a weight below which the plain product is as fast
_MIN_PRODUCTS = 12  # products below which laying out the weight does not pay
_LITTLE = 2**15  # entries of a weight below which laying it out for single steps gains nothing
_ROWS = 64  # rows above which a product takes so long that laying out its weight does not matter

try:
    _linear = torch.ops.mkldnn._linear_pointwise.default
    _lay_out = torch.ops.mkldnn._reorder_linear_weight.default
    _there = bool(torch.backends.mkldnn.is_available())
except (AttributeError, RuntimeError):  # a torch built without oneDNN
    _there = False


def onednn() -> bool:
    """Whether this torch has oneDNN."""
    return _there


def has_bf16() -> bool:
    """Whether this processor has bfloat16 arithmetic; without it, oneDNN's LSTM refuses such numbers."""
    try:
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    except (AttributeError, RuntimeError):
        return False


def prepacking_is_faster(weight: Tensor) -> bool:
    """Whether products with this weight are faster here than by ``torch.mm``."""
    return _gains(weight) and weight.numel() >= _SMALL and not torch.is_autocast_enabled("cpu")


def transformed() -> bool:
    """Whether torch.func (grad, vmap, jvp, …) is at work, which sees through plain operations alone."""
    active = getattr(torch._C, "_are_functorch_transforms_active", None)
    return active is not None and bool(active())


def _gains(*tensors: Tensor) -> bool:
    return (
        _there
        and not transformed()
        and all(
            tensor.device.type == "cpu"
            and tensor.dtype == torch.float32
            and type(tensor) in (Tensor, torch.nn.Parameter)
            for tensor in tensors
        )
    )


def product(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``x [rows, in]`` times the transpose of ``weight [out, in]``, plus ``bias [out]``; no gradients."""
    if _gains(x, weight) and weight.numel() >= _SMALL and len(x) > 1:
        result: Tensor = _linear(x, weight, bias, "none", [], "")
        return result
    return torch.nn.functional.linear(x, weight, bias)


_laid_out: Any = WeakIdKeyDictionary()  # weight -> (its version and some entries when it was laid out, how it lies)


def step_product(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """The product for a step of a few rows: without gradients, a weight is laid out once and kept so until it changes.

    With five rows and 1,500 × 1,000 weights that is three times as fast as ``torch.nn.functional.linear``, which lays
    the weight out anew at every step.
    """
    fits = 1 < len(x) <= _ROWS and weight.numel() >= _LITTLE and _gains(x, weight) and weight.is_contiguous()
    if torch.is_grad_enabled() or torch.is_autocast_enabled("cpu") or not fits:
        return torch.nn.functional.linear(x, weight, bias)
    # Changes through ``.data`` leave the version as it is: a few entries show them
    version, some = 0 if weight.is_inference() else weight._version, weight.view(-1)[:: weight.numel() // 31]
    kept = _laid_out.get(weight)
    if kept is None or kept[0] != version or not torch.equal(kept[1], some):
        kept = _laid_out[weight] = (version, some.clone(), _lay_out(weight.detach().contiguous(), _ROWS // 8))
    result: Tensor = _linear(x, kept[2], bias, "none", [], "")
    return result


class PrepackedLinear(torch.nn.Linear):
    """``torch.nn.Linear`` by :func:`step_product`."""

    def forward(self, x: Tensor) -> Tensor:
        """``x [rows, in]`` to ``[rows, out]``; leading axes as in ``torch.nn.Linear``."""
        return step_product(x, self.weight, self.bias) if x.dim() == 2 else super().forward(x)


class Product:
    """``x [rows, in]`` times the transpose of ``weight [out, in]`` in the precision ``dtype``, again and again."""

    def __init__(self, weight: Tensor, dtype: torch.dtype, rows: int, times: int) -> None:
        """``rows`` of the largest x and how many ``times`` to come: hints only."""
        weight = weight.detach().to(dtype)
        self._dtype, self._transposed, self._laid_out = dtype, weight.t(), None
        if _gains(weight) and weight.numel() >= _SMALL and rows > 1 and times >= _MIN_PRODUCTS:
            self._laid_out = _lay_out(weight.contiguous(), rows)

    def __call__(self, x: Tensor) -> Tensor:
        """The product, in the precision of x."""
        if self._laid_out is not None:
            result: Tensor = _linear(x, self._laid_out, None, "none", [], "")
            return result
        return torch.mm(x.to(self._dtype), self._transposed).to(x.dtype)

    def add_to(self, total: Tensor, x: Tensor) -> None:
        """Add the product to ``total [rows, out]`` in place."""
        if self._laid_out is not None or x.dtype != self._dtype:
            total.add_(self(x))
        else:
            total.addmm_(x, self._transposed)


class _Refusal(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        raise RuntimeError(
            "this gradient is written by hand and cannot be differentiated again; "
            "for second derivatives run the cells by Cell.loop"
        )


def first_order(backward: Callable[..., tuple[Any, ...]]) -> Callable[..., tuple[Any, ...]]:
    """A backward whose result refuses to be differentiated.

    torch's ``once_differentiable`` refuses only where the incoming gradient has a history; otherwise it would return
    second derivatives with parts missing, without a word.
    """

    @wraps(backward)
    def wrapped(ctx: Any, *grads: Tensor | None) -> tuple[Any, ...]:
        with torch.no_grad():
            results = backward(ctx, *grads)
        if not torch.is_grad_enabled():
            return results
        return tuple(x if x is None else _Refusal.apply(x.detach().requires_grad_()) for x in results)

    return wrapped


class Linear(torch.autograd.Function):
    """``x [rows, in]`` times the transpose of ``weight [out, in]`` plus ``bias [out]`` by :func:`product`."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.biased = bias is not None
        return product(x, weight, bias)

    @staticmethod
    @first_order
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        needs = ctx.needs_input_grad
        return (
            product(grad, weight.t()) if needs[0] else None,
            product(grad.t(), x.t()) if needs[1] else None,
            grad.sum(0) if ctx.biased and needs[2] else None,
        )


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """As ``torch.nn.functional.linear``, by :class:`Linear` where that is faster; always new memory."""
    if _gains(x) and prepacking_is_faster(weight):
        result: Tensor = Linear.apply(x, weight, bias)
        return result
    return torch.nn.functional.linear(x, weight, bias)
