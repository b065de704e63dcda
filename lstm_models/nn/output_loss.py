"""Cross-entropy of a large output layer, its gradient made on the way forward, a block of rows at a time.

Logits of thousands of outputs are the largest tensor of a training step, and each operation of autograd on them
(softmax, its gradient, each change of precision) goes through memory once more. Here a block of rows stays in the cache
from logits to gradients; on one core a step with 8,000 outputs becomes a fifth shorter.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from lstm_models.nn.prepacked_linear import first_order

__all__ = ["output_loss"]

_ROWS = 256


class _OutputLoss(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, features: Tensor, weight: Tensor, bias: Tensor, wanted: Tensor, smoothing: float) -> Tensor:
        device = features.device.type
        dtype = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else features.dtype
        with torch.autocast(device, enabled=False):
            x, w, outputs = features.detach().to(dtype), weight.detach().to(dtype), len(weight)
            total = bias.new_zeros((), dtype=torch.float32)
            d_x, d_w, d_b = torch.empty_like(x), torch.zeros_like(weight), torch.zeros_like(bias)
            for start in range(0, len(x), _ROWS):
                part, right = x[start : start + _ROWS], wanted[start : start + _ROWS, None]
                logits = (part @ w.t()).float() + bias
                log_sum = logits.logsumexp(1, keepdim=True)
                loss = log_sum - (1 - smoothing) * logits.gather(1, right)
                total += loss.sum() - smoothing * logits.mean(1).sum()
                grad = logits.sub_(log_sum).exp_()
                if smoothing:
                    grad -= smoothing / outputs
                grad.scatter_add_(1, right, grad.new_full((), smoothing - 1).expand_as(right))
                d_b += grad.sum(0)
                grad = grad.to(dtype)
                d_x[start : start + _ROWS] = grad @ w
                d_w += grad.t() @ part
        ctx.save_for_backward(d_x.to(features.dtype), d_w, d_b)
        return total

    @staticmethod
    @first_order
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        d_x, d_w, d_b = ctx.saved_tensors
        return grad.to(d_x.dtype) * d_x, grad * d_w, grad * d_b, None, None


def output_loss(features: Tensor, weight: Tensor, bias: Tensor, wanted: Tensor, smoothing: float = 0.0) -> Tensor:
    """The sum over rows of the cross-entropy of softmax(x Wᵀ + b), in nats, float32; differentiable once.

    Equals ``cross_entropy(linear(features, weight, bias), wanted, label_smoothing=smoothing, reduction="sum")``.

    Args:
        features: x [rows, features].
        weight: W [outputs, features].
        bias: b [outputs].
        wanted: the right output of each row [rows], int64.
        smoothing: fraction of the probability spread over all outputs (Szegedy et al. 2016, arXiv:1512.00567, 7).
    """
    return _OutputLoss.apply(features, weight, bias, wanted, smoothing)  # type: ignore[no-any-return]
