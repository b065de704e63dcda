"""Where objects are, what is cut out there, and how an object looks whose place is known only roughly.

All are products with small matrices over rows and over columns, differentiable in place and spread.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = ["centroids", "crops", "placing", "render"]

_ROOT = math.sqrt(2.0)


def centroids(layers: Tensor, size: int, rounds: int = 2) -> tuple[Tensor, Tensor]:
    """The centres of mass [..., 2], row and column in pixels, of images [..., height, width]; and their masses [...].

    What lies outside of a square of ``size`` round the centre does not count: stray pixels far off would draw it away.
    An empty image has its centre in the middle.
    """
    height, width = layers.shape[-2:]
    axes = torch.arange(height, device=layers.device), torch.arange(width, device=layers.device)
    middle = layers.new_tensor([(height - 1) / 2, (width - 1) / 2])

    def of(rows: Tensor, columns: Tensor) -> tuple[Tensor, Tensor]:
        mass = rows.sum(-1)
        first = torch.stack([(rows * axes[0]).sum(-1), (columns * axes[1]).sum(-1)], -1)
        faint = 1e-2 * middle
        return (first + faint) / (mass[..., None] + 1e-2), mass

    centre, mass = of(layers.sum(-1), layers.sum(-2))
    for _ in range(rounds):
        near = [
            (axis - centre[..., each, None].detach()).abs().le(size / 2).to(layers.dtype)
            for each, axis in enumerate(axes)
        ]
        inside = layers * near[0][..., :, None] * near[1][..., None, :]
        centre, mass = of(inside.sum(-1), inside.sum(-2))
    return centre, mass


def crops(images: Tensor, corners: Tensor, size: int) -> Tensor:
    """Squares [..., size, size] of images [..., height, width] from whole corners [..., 2] on; 0 outside of these."""
    rows, columns = (_ones(corners[..., axis], size, images.shape[axis - 2]).to(images.dtype) for axis in (0, 1))
    return rows @ images @ columns.transpose(-1, -2)


def _ones(corner: Tensor, size: int, length: int) -> Tensor:
    """A matrix [..., size, length] that picks ``size`` of ``length`` places, from a whole corner [...] on."""
    picked = corner[..., None, None] + torch.arange(size, device=corner.device)[:, None]
    return (picked - torch.arange(length, device=corner.device)).abs() < 0.5


def placing(corner: Tensor, spread: Tensor, size: int, length: int) -> Tensor:
    """How probably each of ``size`` places falls on each of ``length`` pixels: a matrix [..., length, size].

    The corner [...] is normally distributed about ``corner`` with the standard deviation ``spread`` [...].
    """
    centre = corner[..., None, None] + torch.arange(size, device=corner.device)
    distance = torch.arange(length, device=corner.device)[:, None] - centre
    scale = spread[..., None, None] * _ROOT
    return 0.5 * (torch.erf((distance + 0.5) / scale) - torch.erf((distance - 0.5) / scale))


def render(appearance: Tensor, corners: Tensor, spread: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
    """Expected layers [..., height, width] of objects [..., size, size], and of their squares.

    Corners [..., 2], row and column, are normally distributed with the standard deviations ``spread`` [..., 2].
    """
    size = appearance.size(-1)
    rows = placing(corners[..., 0], spread[..., 0], size, height)
    columns = placing(corners[..., 1], spread[..., 1], size, width).transpose(-1, -2)
    return rows @ appearance @ columns, rows @ appearance.square() @ columns
