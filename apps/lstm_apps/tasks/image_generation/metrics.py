"""Whether drawn images are what was wanted, by the images that they are most like."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lstm_models.tasks.image_generation.scenes import Scene

__all__ = ["Part", "as_said", "known_parts", "nearest_kinds", "parts_of"]

_SQUARE = 0.5  # of a canvas' side: that of a digit's square
_NEAR = 0.2  # of a canvas' side: middles nearer than that are of one digit


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
    for row in away:
        nearest = np.argpartition(row, min(neighbors, len(row) - 1))[:neighbors]
        votes = [labels[number] for number in nearest[np.argsort(row[nearest], kind="stable")]]
        found.append(max(votes, key=lambda label: (votes.count(label), -votes.index(label))))
    return found


class Part(NamedTuple):
    """One digit of a canvas by itself."""

    image: np.ndarray
    """float32 [side, side]: its square, the centre of mass in the middle."""
    cell: tuple[int, int]
    """Row and column of the canvas, 0 to 2, in which its centre of mass lies."""


def parts_of(canvas: np.ndarray, count: int) -> list[Part]:
    """The digits of a canvas, whatever a sentence says: its ink as one part, or as two by 2-means.

    Args:
        canvas: float [size, size] from 0 to 1.
        count: 1 or 2 digits.

    Returns:
        As many parts; none where there is no ink, or two lie too near to each other to be two.
    """
    places = np.argwhere(canvas > 0.5)
    if not len(places):
        return []
    middles = places.mean(0)[None] if count == 1 else _two_means(places.astype(float))
    if len(middles) < count or (count == 2 and np.hypot(*(middles[0] - middles[1])) < _NEAR * len(canvas)):
        return []
    size = len(canvas)
    everywhere = np.stack(np.meshgrid(np.arange(size), np.arange(size), indexing="ij"), 2)
    nearest = np.linalg.norm(everywhere[:, :, None] - middles, axis=3).argmin(2)
    return [_part(canvas * (nearest == number)) for number in range(count)]


def _two_means(places: np.ndarray) -> np.ndarray:
    """Middles of two groups of places; the first guess is a cut across the direction of greatest spread."""
    away = places - places.mean(0)
    members = (away @ np.linalg.svd(away, full_matrices=False)[2][0] > 0).astype(int)
    middles = places[:1]
    for _ in range(20):
        groups = [places[members == number] for number in (0, 1)]
        if not all(map(len, groups)):
            break
        middles = np.stack([group.mean(0) for group in groups])
        members = np.linalg.norm(places[:, None] - middles, axis=2).argmin(1)
    return middles


def _part(canvas: np.ndarray) -> Part:
    """The only digit of a canvas."""
    size = len(canvas)
    side = round(_SQUARE * size)
    middle = np.array([(canvas.sum(1 - axis) * np.arange(size)).sum() for axis in (0, 1)]) / canvas.sum()
    top, left = (middle + 0.5 + side / 2).round().astype(int)
    image = np.pad(canvas, side)[top : top + side, left : left + side]
    row, column = np.clip(np.round((middle + 0.5) * 4 / size - 1), 0, 2).astype(int)
    return Part(image.astype(np.float32), (int(row), int(column)))


def known_parts(images: np.ndarray) -> np.ndarray:
    """Images uint8 [images, side, side] of digits as ``parts_of`` gives those of a canvas of twice that side."""
    rim = images.shape[1] // 2
    return np.stack([_part(np.pad(each, rim).astype(np.float32) / 255).image for each in images])


def as_said(scene: Scene, names: list[str], cells: list[tuple[int, int]]) -> tuple[bool, bool]:
    """Whether the digits of a canvas are those of a scene, and whether they are so and in their places, too.

    Args:
        scene: what was wanted.
        names: what each digit was taken for, "0" to "9".
        cells: the place of each.
    """
    wanted = [str(digit) for digit in scene.digits]
    placed = [sorted(zip(wanted, places, strict=True)) for places in scene.arrangements()]
    return sorted(names) == sorted(wanted), sorted(zip(names, cells, strict=True)) in placed
