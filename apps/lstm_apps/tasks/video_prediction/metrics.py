"""How near a forecast is to what came: squared error a frame, structural similarity.

Frames are floats from 0 to 1. The squared error is summed over the pixels of a frame, as papers on Moving MNIST
give it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

__all__ = ["squared_error", "ssim"]

_SIGMA, _RADIUS = 1.5, 5
_C1, _C2 = 0.01**2, 0.03**2


def squared_error(found: NDArray[np.floating], truth: NDArray[np.floating]) -> NDArray[np.float64]:
    """Sums [...] of squared differences over the pixels of frames [..., height, width]."""
    return np.asarray(np.square(np.asarray(found, np.float64) - truth).sum((-2, -1)))


def ssim(found: NDArray[np.floating], truth: NDArray[np.floating]) -> NDArray[np.float64]:
    """Structural similarity [...] of frames [..., height, width] (Wang et al. 2004, equation 13).

    With the weights of the paper, a Gaussian of 11 × 11 with a standard deviation of 1.5, and the mean over the places
    where it fits into the frame.
    """

    def mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
        sigma = (0.0,) * (values.ndim - 2) + (_SIGMA, _SIGMA)
        whole = gaussian_filter(values, sigma, truncate=_RADIUS / _SIGMA)
        return whole[..., _RADIUS:-_RADIUS, _RADIUS:-_RADIUS]  # type: ignore[no-any-return]

    a, b = np.asarray(found, np.float64), np.asarray(truth, np.float64)
    mean_a, mean_b = mean(a), mean(b)
    variance_a, variance_b = mean(a * a) - mean_a**2, mean(b * b) - mean_b**2
    covariance = mean(a * b) - mean_a * mean_b
    alike = (2 * mean_a * mean_b + _C1) * (2 * covariance + _C2)
    unlike = (mean_a**2 + mean_b**2 + _C1) * (variance_a + variance_b + _C2)
    return np.asarray((alike / unlike).mean((-2, -1)))
