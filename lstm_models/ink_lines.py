"""Which strokes of a drawing make a line of writing, by the order they were written in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ["lines_of"]

_BACK = 0.4  # share of a line's width that the pen goes back for the next
_FAR_BACK = 4.0  # and in heights (vertical standard deviations of the line)
_DOWN = 3.0  # and it goes down by so many heights


def lines_of(strokes: Sequence[np.ndarray]) -> list[list[np.ndarray]]:
    """The strokes ``[points, 2]``, in the order they were written, as lines of strokes.

    A line ends where the pen goes far back to the left and lower than any letter reaches; a dot or a bar that is added
    to a word later lies higher than that, and what a comma or a loop adds lies to the right.
    """
    lines: list[list[np.ndarray]] = []
    for stroke in strokes:
        if lines and not _next_line(lines[-1], stroke):
            lines[-1].append(stroke)
        else:
            lines.append([stroke])
    return lines


def _next_line(line: Sequence[np.ndarray], stroke: np.ndarray) -> bool:
    points = np.concatenate(line)
    left, right = points[:, 0].min(), points[:, 0].max()
    back = right - stroke[:, 0].min()
    height = points[:, 1].std()
    if height == 0 or back < max(_BACK * (right - left), _FAR_BACK * height):
        return False
    return bool(stroke[:, 1].mean() - points[:, 1].mean() > _DOWN * height)
