"""How well a number tells two kinds of cases apart."""

from __future__ import annotations

import numpy as np

__all__ = ["separation"]


def separation(same: np.ndarray, other: np.ndarray) -> float:
    """Fraction of pairs of which the first is the greater, ties by half: the area under the ROC curve.

    >>> separation(np.array([3.0, 2.0]), np.array([2.0, 1.0]))
    0.875
    """
    both = np.concatenate([same, other])
    _, inverse, counts = np.unique(both, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    wins = ranks[: len(same)].sum() - len(same) * (len(same) + 1) / 2
    return float(wins / (len(same) * len(other)))
