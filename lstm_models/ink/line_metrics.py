"""What a written line measures: its baseline, the height of its letters, and how far they lean.

The writer's unit is a line's vertical standard deviation, which depends on what the line says. Where the soft window
gives the character that each point belongs to (`HandwritingWriter.sample`, ``trace``), letters can be measured by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

__all__ = ["TALL", "Measures", "Strokes", "level", "measured", "parts_of", "slant_of"]

TALL = 1.7  # capitals of a usual hand, in x-heights

_SMALL_LETTERS, _TALL_LETTERS = frozenset("acemnorsuvwxz"), frozenset("bdhkl0123456789ABCDEFGHIKLMNOPRSTUVWZ")
_NO_TALLER = _SMALL_LETTERS | frozenset(" .,;:-gpqy")
# Measured: of −0.1 to 1.1, this leaves the fewest points to spaces, and small letters nearest to one height
_AHEAD = 0.3
_ENOUGH = 3  # small letters
_TRUST = 4.0  # small letters after which a line's own height counts as much as the other lines'


def parts_of(strokes: Sequence[np.ndarray], trace: np.ndarray) -> list[np.ndarray]:
    """Which character each point of a line's strokes writes, from 0: [points] whole numbers of each stroke.

    Args:
        strokes: of the line, each [points, 2].
        trace: where the window stood at each offset [points − 1], the first character at 1.
    """
    trace = np.concatenate([trace[:1], trace])  # the first point is no offset's
    numbers = np.maximum(np.floor(trace + _AHEAD).astype(int) - 1, 0)
    return np.split(numbers, np.cumsum([len(stroke) for stroke in strokes])[:-1])


@dataclass(frozen=True)
class Measures:
    """Where a line stands and how large it is, in its own units, y down.

    Attributes:
        base: of the baseline at x = 0.
        slope: of the baseline.
        x_height: of small letters.
        tall: of capitals and digits, in x-heights.
        letters: how many letters show the x-height.
    """

    base: float = 0.0
    slope: float = 0.0
    x_height: float = 1.9
    tall: float = TALL
    letters: int = 0

    @classmethod
    def together(cls, lines: Sequence[Measures]) -> Measures:
        """The usual measures of lines, each counted by the letters that show it."""
        heights = [line.x_height for line in lines for _ in range(line.letters)]
        tall = [line.tall for line in lines if line.letters]
        if not heights:
            return lines[0] if lines else cls()
        base = float(np.median([line.base for line in lines]))
        return cls(base, 0.0, float(np.median(heights)), float(np.median(tall)), len(heights))

    def beside(self, usual: Measures) -> Measures:
        """The same line, its height doubted as far as few letters show it."""
        fraction = self.letters / (self.letters + _TRUST)
        height = self.x_height**fraction * usual.x_height ** (1 - fraction)
        return replace(self, x_height=height, tall=self.tall if self.letters else usual.tall)


def measured(strokes: Sequence[np.ndarray], places: Sequence[np.ndarray], plain: str) -> Measures:
    """Measures of a line of strokes [points, 2], which writes `plain` as its trace says: letter by letter."""
    points, place = np.concatenate(list(strokes)), np.concatenate(list(places))
    lows, heights = [], []
    for number, character in enumerate(plain):
        its_points = points[place == number]
        if not len(its_points) or character not in _SMALL_LETTERS | _TALL_LETTERS:
            continue
        lows.append(its_points[its_points[:, 1].argmax()])
        # The window may be early or late by a letter, and the top of this one be its neighbour's: which is no higher
        # unless taller by kind
        beside = plain[max(number - 1, 0) : number] + plain[number + 1 : number + 2]
        alone = character in _SMALL_LETTERS and not all(map(_NO_TALLER.__contains__, beside))
        near = its_points if alone else points[np.abs(place - number) <= 1]
        heights.append((character, near[:, 1].min(), alone))
    if not lows:
        return Measures()
    low = np.array(lows)
    base = float(np.median(low[:, 1]))
    x = low[:, 0] - low[:, 0].mean()
    # Few letters say little about a slope, and a comma taken for one should not tilt the line
    off = np.clip(low[:, 1] - base, -0.5, 0.5)
    slope = float(x @ off / (x @ x + 200))
    base -= slope * float(low[:, 0].mean())
    tops = [
        (each, base + slope * point[0] - top, alone) for point, (each, top, alone) in zip(low, heights, strict=True)
    ]
    small = [top for character, top, _ in tops if character in _SMALL_LETTERS]
    sure = [top for character, top, alone in tops if character in _SMALL_LETTERS and not alone]
    large = [top for character, top, _ in tops if character in _TALL_LETTERS]
    if not small:
        return Measures(base, slope, float(np.median(large)) / TALL, TALL, 0)
    # So few small letters may tell nothing but where the window is late: tall ones tell it, too
    known = sure if len(sure) >= _ENOUGH else [*(sure or small), *(top / TALL for top in large)]
    x_height = float(np.median(known))
    tall = float(np.clip(np.median(large) / x_height, 1.4, 2.2)) if len(large) > 1 else TALL
    return Measures(base, slope, max(x_height, 1e-3), tall, len(small))


def slant_of(lines: Sequence[Sequence[np.ndarray]]) -> float:
    """How far the writing leans to the right, x by height: the median of strokes that go down."""
    moves = [np.diff(stroke, axis=0) for line in lines for stroke in line if len(stroke) > 1]
    if not moves:
        return 0.0
    dx, dy = np.concatenate(moves).T
    down = (dy > 0) & (np.abs(dx) < 1.2 * dy) & (dy > np.median(np.hypot(dx, dy)) * 0.6)
    if not down.any():
        return 0.0
    lean, weight = -dx[down] / dy[down], dy[down]
    order = np.argsort(lean)
    total = weight[order].cumsum()
    middle = float(lean[order][np.searchsorted(total, total[-1] / 2)])
    return float(np.clip(middle, -0.6, 1.0)) * len(lean) / (len(lean) + 3)


Strokes = Sequence[np.ndarray]


def level(strokes: Strokes) -> list[np.ndarray]:
    """The strokes turned so that the line runs level, about their centre, which becomes the origin."""
    points = np.concatenate(strokes)
    centre = points.mean(0)
    x, y = (points - centre).T
    # A short text says little about its slope: shrink it towards level unless the line is long for its height.
    slope = (x @ y) / (x @ x + 10 * (y @ y) + 1e-9)
    turn = np.array([[1, -slope], [slope, 1]]) / np.hypot(1, slope)
    return [(stroke - centre) @ turn for stroke in strokes]
