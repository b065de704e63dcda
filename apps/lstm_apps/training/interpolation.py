"""Weights on the line through those a model began with and the trained ones.

Between them they keep what it knew before (WiSE-FT: Wortsman et al. 2022, arXiv:2109.01903); beyond the trained ones
they go on in the direction of the training, as far as a held-out set bears out (Zheng et al. 2024, arXiv:2404.16792).
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from lstm_models.errors import InputError

__all__ = ["check_interpolation", "interpolate", "weights_before"]


def check_interpolation(fraction: float, init: str | None, most: float = 1.0) -> None:
    """That ``fraction`` is at most ``most``, and 1 where there are no weights to begin with.

    Raises:
        InputError: it is not (``usage=True``).
    """
    if not 0 < fraction <= most or (fraction != 1 and init is None):
        other = "below 1" if most == 1 else "other than 1"
        raise InputError(
            f"interpolation must be above 0 and at most {most:g}, and {other} only with --init", usage=True
        )


def weights_before(model: nn.Module, fraction: float) -> dict[str, Tensor]:
    """A copy of the model's weights, for `interpolate` after training; nothing where ``fraction`` is 1."""
    return {name: value.clone() for name, value in model.state_dict().items()} if fraction != 1 else {}


@torch.no_grad()
def interpolate(model: nn.Module, before: Mapping[str, Tensor], fraction: float) -> None:
    """Moves the weights to ``fraction`` of the way from those ``before`` to what they are; above 1 beyond."""
    for name, value in model.state_dict().items():
        if name in before and value.is_floating_point():
            value.lerp_(before[name], 1 - fraction)
