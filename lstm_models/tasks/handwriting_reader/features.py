"""Pen strokes as a reader sees them: level, of one size, smoothed, sampled at equal steps, and the features of a point.

>>> InkFeatures().encode(strokes).shape      # [points, 6]
(412, 6)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lstm_models.errors import InputError
from lstm_models.ink.line_metrics import level

__all__ = ["InkFeatures", "sampled"]

_MOST_POINTS = 30_000  # of a line; the longest of IAM-OnDB has 1,200
_FARTHEST_MOVE = 6.0  # heights; a pen that is carried farther went to another word, however far


@dataclass(frozen=True)
class InkFeatures:
    """Pen strokes as the features of points at about equal steps.

    Of each point: how far it lies from the one before (right, down, in heights of the line), cosine and sine of that
    direction, whether the pen was up on the way, and how far below the middle of the line it lies, in heights.
    A height is the vertical standard deviation of a line, about half of a small letter without the parts that stick
    out.

    Attributes:
        spacing: of two points along a stroke, in heights.

    Raises:
        ValueError: the spacing is not above 0.
    """

    size: ClassVar[int] = 6
    """Features of a point."""

    spacing: float = 0.3

    def __post_init__(self) -> None:
        if not 0 < self.spacing < np.inf:
            raise ValueError(f"features: spacing must be above 0, not {self.spacing}")

    def normalize(self, strokes: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The strokes level, of height 1 about the origin, and smoothed: ``[points, 2]`` float32 each.

        Neither where the line lies nor how large it is changes anything, nor how fast the pen went.

        Args:
            strokes: pen-down paths, each [points, 2], x right, y down; those without a point are left out.

        Raises:
            ValueError: no stroke has a point, a coordinate is not finite, or all points are one.
            InputError: the strokes are so long for their height that no line of writing is.
        """
        kept = [np.asarray(stroke, np.float64).reshape(-1, 2) for stroke in strokes if len(stroke)]
        if not kept:
            raise ValueError("a line needs at least one stroke with a point")
        if not all(np.isfinite(stroke).all() for stroke in kept):
            raise ValueError("a coordinate is not finite")
        points = np.concatenate(kept)
        extent = float(np.ptp(points, axis=0).max())
        if not extent > 1e-9 * np.abs(points).max():
            raise ValueError("all points are one")
        kept = [(stroke - points.mean(0)) / extent for stroke in kept]
        # Twice: the second time by points at equal steps, so that slow parts weigh no more than fast ones
        for _ in range(2):
            kept = level(kept)
            kept = sampled(self._scaled(kept), self.spacing / 2)
        kept = [_smoothed(stroke) for stroke in kept]
        middle = np.concatenate(kept).mean(0)
        return [(stroke - middle).astype(np.float32) for stroke in kept]

    def _scaled(self, strokes: Sequence[np.ndarray]) -> list[np.ndarray]:
        points = np.concatenate(strokes)
        # A dash has no height of its own: a share of its length stands in, or its points would be without number
        height = float(max(points[:, 1].std(), np.ptp(points[:, 0]) / 1000, 1e-9))
        steps = sum(float(np.hypot(*np.diff(stroke, axis=0).T).sum()) for stroke in strokes) / (height * self.spacing)
        if steps + len(strokes) > _MOST_POINTS:
            raise InputError(
                f"the strokes are {steps:,.0f} steps of the pen for a single line of writing; "
                f"a line has a few hundred, and at most {_MOST_POINTS:,} can be read"
            )
        return [stroke / height for stroke in strokes]

    def sample(self, strokes: Sequence[np.ndarray]) -> np.ndarray:
        """Features [points, 6] float32 of strokes that ``normalize`` made."""
        strokes = sampled(strokes, self.spacing)
        points = np.concatenate(strokes)
        up = np.zeros(len(points))
        up[np.cumsum([0, *map(len, strokes[:-1])])] = 1
        moves = np.diff(points, axis=0, prepend=points[:1])
        length = np.maximum(np.hypot(*moves.T), 1e-6)[:, None]
        return np.concatenate(
            [moves.clip(-_FARTHEST_MOVE, _FARTHEST_MOVE), moves / length, up[:, None], points[:, 1:]], 1
        ).astype(np.float32)

    def encode(self, strokes: Sequence[np.ndarray]) -> np.ndarray:
        """Features [points, 6] float32 of strokes as they are; errors as ``normalize``."""
        return self.sample(self.normalize(strokes))


def sampled(strokes: Sequence[np.ndarray], spacing: float) -> list[np.ndarray]:
    """Each stroke [points, 2] at steps of about ``spacing`` along it, its ends kept; a dot stays one point."""
    points = np.concatenate(strokes).astype(np.float64)  # lengths add up along the line
    first = np.cumsum([0, *map(len, strokes[:-1])])
    steps = np.hypot(*np.diff(points, axis=0, prepend=points[:1]).T)
    steps[first] = 0
    along = np.cumsum(steps)
    last = np.append(first[1:], len(points)) - 1
    lengths = along[last] - along[first]
    parts = np.where(lengths > spacing / 4, np.maximum(np.rint(lengths / spacing), 1), 0).astype(np.int64)
    # One interpolation for all strokes: a gap between each two of them along the path
    gaps = np.arange(len(strokes)) * spacing
    along += np.repeat(gaps, last - first + 1)
    number = np.repeat(np.arange(len(strokes)), parts + 1)
    starts = np.cumsum(parts + 1) - parts - 1
    fraction = (np.arange(len(number)) - starts[number]) / np.maximum(parts, 1)[number]
    places = np.clip(along[first][number] + fraction * lengths[number], along[first][number], along[last][number])
    found = np.stack([np.interp(places, along, points[:, axis]) for axis in (0, 1)], 1)
    return np.split(found, starts[1:])


def _smoothed(stroke: np.ndarray) -> np.ndarray:
    smooth: np.ndarray = stroke.copy()
    smooth[1:-1] = (stroke[:-2] + 2 * stroke[1:-1] + stroke[2:]) / 4
    return smooth
