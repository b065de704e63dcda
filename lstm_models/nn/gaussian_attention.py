"""Selective attention to images by a grid of Gaussian filters (Gregor et al. 2015, arXiv:1502.04623, section 3.2).

A window is a square grid of N × N Gaussians anywhere on an image, of any stride and width. Reading averages the image
under each of them; writing puts a patch of N × N values back in their places::

    window = gaussian_window(numbers, size=5, height=28, width=28)       # numbers [batch, 5], of a linear layer
    patch = read_window(images, window, size=5)                          # images [batch, channels, 28, 28]
    change = write_window(patch[:, 0], window, height=28, width=28)      # [batch, 28, 28]

- Filters are a softmax over pixels, which is the paper's normalised Gaussian and stays finite however far away or
  narrow a window is.
- Everything is differentiable in the image, the patch and the window.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["GaussianWindow", "filter_banks", "gaussian_window", "read_window", "widest_window", "write_window"]

NARROWEST, WIDEST = -4.0, 8.0  # of the logarithm of a filter's variance, in pixels squared
WIDEST_STRIDE = 4.0  # of its logarithm, in strides of a window over the whole image
FAINTEST, STRONGEST = -8.0, 8.0  # of the logarithm of the intensity


class GaussianWindow(NamedTuple):
    """Windows of a batch; each field is ``[batch]``. Pixels count from 1, as in the paper."""

    center_x: Tensor
    """Centre of the grid, g_X, in pixels."""
    center_y: Tensor
    """Centre of the grid, g_Y, in pixels."""
    stride: Tensor
    """Distance of neighbouring filters, δ, in pixels."""
    variance: Tensor
    """Variance of each filter, σ², in pixels squared."""
    intensity: Tensor
    """Factor of what is read, γ; what is written is divided by it."""


def gaussian_window(numbers: Tensor, size: int, height: int, width: int) -> GaussianWindow:
    """Windows from any five numbers each (equations 21 to 24).

    Args:
        numbers: ``[batch, 5]``: g̃_X, g̃_Y, log σ², log δ̃, log γ.
        size: filters in each direction, N.
        height: of the image, B in the paper.
        width: of the image, A in the paper.
    """
    x, y, log_variance, log_stride, log_intensity = numbers.float().unbind(1)
    # A grid of one filter has no stride
    stride = (max(height, width) - 1) / max(1, size - 1) * log_stride.clamp(max=WIDEST_STRIDE).exp()
    return GaussianWindow(
        (width + 1) / 2 * (x + 1),
        (height + 1) / 2 * (y + 1),
        stride,
        log_variance.clamp(NARROWEST, WIDEST).exp(),
        log_intensity.clamp(FAINTEST, STRONGEST).exp(),
    )


def widest_window(size: int, height: int, width: int) -> list[float]:
    """The five numbers of a window over the whole image whose neighbouring filters meet: a bias to start with.

    The image has more than one pixel. The variance is (δ/2)², and the intensity 1/δ², so that what is written comes out
    about as large as the patch.
    """
    stride = (max(height, width) - 1) / max(1, size - 1)
    return [0.0, 0.0, 2 * math.log(stride / 2), 0.0, -2 * math.log(stride)]


def filter_banks(window: GaussianWindow, size: int, height: int, width: int) -> tuple[Tensor, Tensor]:
    """The filters F_Y ``[batch, size, height]`` and F_X ``[batch, size, width]`` (equations 19, 20, 25, 26).

    Each row is a Gaussian about its filter's place, and sums to 1.
    """
    steps = torch.arange(1, size + 1, device=window.stride.device) - size / 2 - 0.5
    offsets = window.stride[:, None] * steps  # [batch, size]
    precision = (-0.5 / window.variance)[:, None, None]

    def bank(center: Tensor, pixels: int) -> Tensor:
        places = torch.arange(1, pixels + 1, device=center.device, dtype=center.dtype)
        means = center[:, None] + offsets
        return ((places - means[..., None]).square() * precision).softmax(-1)

    return bank(window.center_y, height), bank(window.center_x, width)


def read_window(images: Tensor, window: GaussianWindow, size: int) -> Tensor:
    """γ F_Y x F_Xᵀ of every channel (equation 27): images ``[batch, channels, height, width]`` to
    ``[batch, channels, size, size]``."""
    batch, channels, height, width = images.shape
    rows, columns = filter_banks(window, size, height, width)
    side_by_side = images.transpose(1, 2).reshape(batch, height, channels * width)
    seen = torch.bmm(rows, side_by_side).view(batch, size * channels, width)
    seen = torch.bmm(seen, columns.transpose(1, 2)) * window.intensity[:, None, None]
    return seen.view(batch, size, channels, size).transpose(1, 2)


def write_window(patch: Tensor, window: GaussianWindow, height: int, width: int) -> Tensor:
    """F_Yᵀ w F_X / γ (equation 29): a patch ``[batch, size, size]`` to ``[batch, height, width]``."""
    rows, columns = filter_banks(window, patch.size(1), height, width)
    patch = patch.float() / window.intensity[:, None, None]
    return torch.bmm(torch.bmm(rows.transpose(1, 2), patch), columns)
