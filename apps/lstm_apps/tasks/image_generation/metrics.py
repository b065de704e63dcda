"""Whether drawn images are of the kind that was wanted, by the images that they are most like."""

from __future__ import annotations

import numpy as np

__all__ = ["nearest_kinds"]


def nearest_kinds(images: np.ndarray, known: np.ndarray, labels: list[str], neighbors: int = 5) -> list[str]:
    """The kind that most of the nearest known images are of; of equal numbers, that of the nearest.

    Args:
        images: [images, height, width] from 0 to 1.
        known: likewise, with the kinds ``labels``. An image that is among them does not count as its own neighbour.
        labels: of the known images.
        neighbors: how many vote.
    """
    flat, others = (each.reshape(len(each), -1).astype(np.float32) for each in (images, known))
    away = (others**2).sum(1)[None] - 2 * flat @ others.T + (flat**2).sum(1)[:, None]
    away[away < 1e-3] = np.inf  # itself
    found = []
    for row in np.argsort(away, axis=1, kind="stable")[:, :neighbors]:
        votes = [labels[number] for number in row]
        found.append(max(votes, key=lambda label: (votes.count(label), -votes.index(label))))
    return found
