"""Which strokes of a drawing make a line of writing, by the order they were written in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ["lines_of"]

_BACK = 0.4  # share of a line's width that the pen goes back for the next
_FAR_BACK = 4.0  # and in heights (vertical standard deviations of the line)
_STROKE = 0.4  # a line has at least this share of the height of a usual stroke as its own
_DOWN = 3.0  # and it goes down by so many heights, on average
_BELOW = 1.0  # and at the least


def lines_of(strokes: Sequence[np.ndarray]) -> list[list[np.ndarray]]:
    """The strokes ``[points, 2]``, in the order they were written, as lines of strokes.

    A line ends where the pen goes far back to the left and lower than any letter reaches; a dot or a bar that is added
    to a word later lies higher than that, and what a comma or a loop adds lies to the right.
    """
    lines: list[list[np.ndarray]] = []
    # A line that has only begun, with the bar of a T, has no height of its own yet
    height_floor = _STROKE * float(np.median([np.ptp(stroke[:, 1]) for stroke in strokes])) if len(strokes) else 0.0
    line = _LineGroup()
    for stroke in strokes:
        if not lines or line.is_left_by(stroke, height_floor):
            lines.append([])
            line = _LineGroup()
        lines[-1].append(stroke)
        line.add(stroke)
    return lines


class _LineGroup:
    """What is known of a line that grows: kept as sums, so that a drawing of many strokes takes no longer for each."""

    def __init__(self) -> None:
        self.left, self.right = np.inf, -np.inf
        self.origin = self.count = self.total = self.squares = 0.0

    def add(self, stroke: np.ndarray) -> None:
        x, y = stroke[:, 0], stroke[:, 1]
        if not self.count:
            self.origin = float(y[0])
        self.left, self.right = min(self.left, float(x.min())), max(self.right, float(x.max()))
        y = y - self.origin
        self.count += len(y)
        self.total += float(y.sum())
        self.squares += float(y @ y)

    def is_left_by(self, stroke: np.ndarray, height_floor: float) -> bool:
        """Whether the pen went on to the next line with this stroke; a line is at least so high."""
        mean = self.total / self.count
        height = max(max(self.squares / self.count - mean**2, 0.0) ** 0.5, height_floor)
        back = self.right - float(stroke[:, 0].min())
        if height == 0 or back < max(_BACK * (self.right - self.left), _FAR_BACK * height):
            return False
        below = stroke[:, 1] - (self.origin + mean)
        return bool(below.mean() > _DOWN * height and below.min() > _BELOW * height)
