"""Single-stroke glyphs for characters that a writer has never seen, to be drawn in the size and slant of its hand.

Most of printable ASCII comes from the simplex Roman font of Dr. A. V. Hershey (U. S. National Bureau of Standards,
1967), in ``assets/hershey_simplex.json``; what it lacks, or what a hand writes otherwise, from a table of paths here.

>>> glyph("&").width       # in x-heights
1.4...
"""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

import numpy as np

__all__ = ["Glyph", "glyph", "has_glyph", "path", "rough", "rounded"]

_X_HEIGHT, _BASELINE = 14.0, 9.0  # of the Hershey font, whose heights go down
_SPACING = 0.22  # of two points, in x-heights
_CORNER = 0.2  # cosine of the turn from which on a path has a corner there

# Points "x,y" in 14ths of the x-height, y up from the baseline; strokes are parted by "/"
_PATHS = {
    # Digits and capitals as a pen writes them: the font's begin, turn and part where no hand does, so that a reader of
    # strokes, and whoever watches the pen, takes 7 for T and N for lll
    "0": "4,21 1,14.7 1,5.2 4,0 7,5.2 7,14.7 4,21",
    "1": "0,16.8 4,21 4,0",
    "2": "0,16.8 3,21 8,19.9 8,13.7 3,5.2 0,0 10,0.5",
    "3": "1,18.9 5,21 9,17.9 8,13.7 4,11.6 9,9.5 10,4.2 6,0 0,2.1",
    "4": "5,21 1,7.4 12,8.4 / 9,14.7 8,-1.1",
    "5": "3,19.9 2,11.6 7,12.6 10,8.4 9,3.2 5,0 0,1.1 / 3,21 11,21",
    "6": "9,21 4,15.8 1,7.4 2,2.1 6,0 10,3.2 9,8.4 5,9.5 1,5.2",
    "7": "0,19.9 11,21 7,10.5 4,0 / 3,10.5 10,10.5",
    "8": "9,17.9 5,21 1,16.8 5,11.6 10,6.3 6,0 1,3.2 3,8.4 9,14.7 9,17.9",
    "9": "9,17.9 5,21 1,17.9 1,13.7 5,11.6 9,15.8 9,19.9 8,8.4 6,0",
    "A": "0,0 5,21 6,21 11,0 / 2,7.4 10,7.9",
    "B": "1,21 1,0 1,19.9 6,21 9,17.9 7,12.6 2,11.6 8,10.5 10,5.2 7,0 1,0",
    "C": "11,17 10,20 6,21 2,18 0,10.5 2,3 6,0 11,3",
    "D": "1,21 1,0 / 1,21 7,18.9 11,10.5 8,2.1 0,0",
    "E": "1,21 1,0 9,0 / 1,21 9,21 / 1,10.5 7,10.5",
    "F": "2,21 1,0 / 0,21 10,21 / 2,11.6 8,11.6",
    "G": "11,17.9 7,21 2,16.8 0,8.4 3,1.1 8,1.1 11,6.3 11,9.5 / 7,9.5 12,9.5",
    "H": "1,21 1,0 / 9,21 9,0 / 1,10.5 9,10.5",
    "I": "2,21 0,0",
    "J": "8,21 8,5.2 6,0 2,0 0,4.2",
    "K": "1,21 1,0 / 10,21 1,10.5 11,0",
    "L": "0,21 0,0 11,0.5",
    "M": "0,0 2,21 8,6.3 14,21 16,0",
    "N": "0,0 1,21 11,0 12,21",
    "O": "8,21 2,18.9 0,10.5 3,2.1 8,0 14,5.2 13,15.8 8,21 5,19.9",
    "P": "2,21 1,0 / 0,19.9 7,21 10,15.8 7,10.5 2,10.5",
    "Q": "8,21 2,16 1,6 7,0 15,4 15,16 8,21 5,20 / 9,5 16,-3",
    "R": "2,21 1,0 / 0,19.9 7,21 10,16.8 7,11.6 3,10.5 11,0",
    "S": "10,18.9 6,21 2,18.9 1,14.7 5,11.6 9,8.4 10,3.2 6,0 2,0 0,3.2",
    "T": "6,21 6,0 / 0,21 12,21",
    "U": "1,21 0,6.3 3,0 8,1.1 10,7.4 10,21",
    "V": "0,21 6,0 12,21",
    "W": "0,21 2,2.1 4,0 7,12.6 10,0 12,2.1 15,21",
    "X": "0,21 11,0 / 11,21 0,0",
    "Y": "0,21 5,10.5 / 11,21 5,10.5 4,0",
    "Z": "0,21 11,21 1,0 13,0 / 3,11.5 10,10.5",
    "@": "14,11 10,12 6,9 5,5 8,3 12,6 14,11 13,5 15,3 19,5 21,10 19,16 13,19 6,17 1,11 1,4 5,-2 12,-4 18,-2",
    "#": "7,20 3,0 / 14,20 10,0 / 1,13 17,14 / 0,6 16,7",
    "&": "16,0 11,6 5,14 4,18 7,21 10,19 9,15 4,10 1,5 3,1 7,0 12,4 15,10",
    "*": "6,20 6,12 / 2,18 10,14 / 10,18 2,14",
    "=": "0,10 11,10.5 / 0,5 11,5.5",
    "<": "11,14 1,8 11,2",
    ">": "1,14 11,8 1,2",
    "_": "0,-2 14,-2",
    "~": "0,6 3,9 6,8 9,6 12,6 14,9",
    "$": "11,17 7,19 3,17 2,14 5,11 9,8 10,4 7,1 3,1 0,3 / 6,22 6,-2",
    "%": "3,19 1,17 2,14 4,16 3,19 12,20 1,0 / 11,6 9,3 11,0 13,3 11,6",
    "[": "5,21 0,21 0,-3 5,-3",
    "]": "0,21 5,21 5,-3 0,-3",
    "{": "6,21 3,19 4,13 0,9 3,5 2,-1 5,-4",
    "}": "0,21 3,19 2,13 6,9 3,5 4,-1 1,-4",
    "^": "0,14 5,21 10,14",
    "`": "0,20 4,16",
    "€": "15,18 12,20 8,19 5,14 5,6 8,1 12,0 15,3 / 0,12 12,12.5 / 0,7 11,7.5",
    "£": "14,17 12,20 8,20 6,17 6,12 6,6 4,2 0,1 3,3 7,1 11,0 15,2 / 2,10 12,10.5",
    "¥": "0,20 6,11 13,21 / 6,11 6,0 / 1,9 12,9.5 / 1,5 12,5.5",
    "¢": "11,11 8,13 4,12 1,8 1,4 4,1 8,1 11,3 / 9,17 4,-3",
    "§": "10,18 7,21 3,20 2,16 5,13 9,10 11,6 8,3 5,5 2,9 2,13 / 5,5 9,2 9,-2 6,-4 1,-2",
    "°": "4,15 1,16 0,19 2,21 5,20 6,17 4,15",
    "×": "0,2 10,12 / 0,12 10,2",
    "÷": "0,8 12,8 / 6,13 6.4,12.6 / 6,3 6.4,2.6",
    "±": "6,16 6,6 / 0,11 12,11 / 0,2 12,2.5",
    "≠": "0,10 11,10.5 / 0,5 11,5.5 / 9,15 2,1",
    "≈": "0,9 3,12 6,11 9,9 12,12 / 0,3 3,6 6,5 9,3 12,6",
    "≤": "11,16 1,10 11,5 / 1,1 11,1.5",
    "≥": "1,16 11,10 1,5 / 1,1 11,1.5",
    "→": "0,7 16,7.5 / 11,12 16,7.5 11,3",
    "←": "16,7 0,7.5 / 5,12 0,7.5 5,3",
    "√": "0,8 2,9 5,0 12,21 20,21",
    "∞": "9,7 6,11 2,11 0,7 2,3 6,3 9,7 12,11 16,11 18,7 16,3 12,3 9,7",
    "«": "6,12 1,7 6,2 / 12,12 7,7 12,2",
    "»": "1,12 6,7 1,2 / 7,12 12,7 7,2",
    "‹": "6,12 1,7 6,2",
    "›": "1,12 6,7 1,2",
    "„": "2,2 2.4,0 0,-4 / 7,2 7.4,0 5,-4",
    "‚": "2,2 2.4,0 0,-4",
    ".": "1.6,1.6 3.2,0.4",
    ",": "2.8,2 3.2,-0.6 1.2,-4.4",
    ":": "1.6,10 3,9 / 1.6,1.6 3,0.4",
    "-": "0,6.4 8,7",
    "·": "2,8 2.5,7.6",
    "•": "2,8 3,9 4,8 3,7 2,8 3,8.4",
    "¡": "3,13 3.3,12.6 / 3,8 2,-6",
    "¿": "7,13 7.3,12.6 / 7,9 6,5 2,2 0,-2 2,-6 6,-6 9,-4",
    "µ": "1,13 2,4 0,-7 / 2,4 4,0 8,1 11,6 12,13 11,3 13,0 16,2",
    "¶": "9,19 4,20 0,16 2,11 7,11 / 9,20 9,0 / 9,20 13,20 13,0",
    "†": "5,20 5,0 / 0,14 10,14.5",
    "✓": "0,7 4,1 14,17",
    "ß": "1,-1 3,8 5,17 8,21 11,18 9,14 6,12 10,10 13,6 11,1 7,0 5,2",
    "æ": "8,11 5,13 1,9 1,3 4,0 8,5 9,12 8.5,5 10,1 8.5,5 14,8 15,12 12,13 9,9 9,3 12,0 17,3",
    "œ": "8,12 4,13 1,9 1,3 5,0 9,3 9.5,8 8,12 9.5,6 15,8 15,12 12,13 9.8,9 10,3 13,0 18,3",
    "Æ": "0,0 6,10 12,21 11,10 11,0 / 4,8 11,8 / 12,21 21,21 / 11,11 18,11 / 11,0 20,0",
    "Œ": "12,20 7,21 2,16 1,8 4,1 8,0 12,2 / 12,21 12,0 / 12,21 21,21 / 12,11 19,11 / 12,0 21,0",
    "þ": "2,21 2,-7 / 2,11 6,13 10,10 10,4 7,0 3,1",
    "Þ": "2,21 2,0 / 2,16 8,16 11,12 8,7 2,6",
    "ð": "4,20 8,17 11,11 11,5 8,1 4,0 1,4 2,9 6,12 10,9 / 4,15 10,19",
    "ŋ": "1,13 2,6 1,0 2,8 6,13 10,11 11,4 9,-4 5,-6",
    "Ŋ": "2,21 2,0 / 2,14 6,20 12,19 14,11 13,0 9,-4 6,-2",
    "ĸ": "2,13 2,0 / 10,13 2,6 11,0",
    "ə": "2,9 5,12 9,11 11,6 9,1 5,0 1,3 2,6 11,6",
    "Ə": "2,15 6,20 11,19 15,11 12,2 7,0 1,5 2,10 15,11",
}  # fmt: skip
_RAISED = dict(zip("¹²³⁴⁵⁶⁷⁸⁹⁰", "1234567890", strict=True))


@dataclass(frozen=True, eq=False)
class Glyph:
    """A character as pen strokes.

    Attributes:
        strokes: each [points, 2] in x-heights, x right from 0, y up from the baseline.
        width: of the ink, in x-heights.
        top: greatest height, in x-heights.
    """

    strokes: tuple[np.ndarray, ...]
    width: float
    top: float


def has_glyph(character: str) -> bool:
    """Whether there is a glyph; typographic variants such as curly quotes have none, as their spelling reads alike."""
    return character in _PATHS or character in _RAISED or ("!" <= character <= "~" and len(character) == 1)


@functools.cache
def glyph(character: str) -> Glyph:
    """The glyph of a character. Raises KeyError where `has_glyph` says that there is none."""
    if character in _PATHS:
        strokes = path(_PATHS[character])
    elif character in _RAISED:
        strokes = [stroke * 0.55 + (0, 0.75) for stroke in _hershey(_RAISED[character])]
    elif has_glyph(character):
        strokes = _hershey(character)
    else:
        raise KeyError(character)
    strokes = [rounded(stroke) for stroke in strokes]
    left = min(float(stroke[:, 0].min()) for stroke in strokes)
    strokes = [stroke - (left, 0) for stroke in strokes]
    points = np.concatenate(strokes)
    return Glyph(tuple(strokes), float(points[:, 0].max()), float(points[:, 1].max()))


def path(outline: str) -> list[np.ndarray]:
    """Strokes [points, 2] in x-heights of a path in 14ths of one."""
    return [
        np.array([point.split(",") for point in stroke.split()], np.float64) / _X_HEIGHT
        for stroke in outline.split("/")
    ]


@functools.cache
def _font() -> dict[str, str]:
    """The font's characters as paths like those of ``_PATHS``, but with y down."""
    file = resources.files("lstm_models.tasks.handwriting") / "assets" / "hershey_simplex.json"
    return dict(json.loads(file.read_text("utf-8")))


def _hershey(character: str) -> list[np.ndarray]:
    return [np.array([0, _BASELINE / _X_HEIGHT]) + stroke * (1, -1) for stroke in path(_font()[character])]


def rounded(stroke: np.ndarray) -> np.ndarray:
    """The stroke [points, 2] as a hand draws it, at steps of a pen's: curves through its points, its corners kept."""
    if len(stroke) < 2:
        return stroke
    ahead = np.diff(stroke, axis=0)
    ahead /= np.maximum(np.hypot(*ahead.T), 1e-9)[:, None]
    turns = np.flatnonzero((ahead[1:] * ahead[:-1]).sum(1) < _CORNER) + 1
    parts: list[np.ndarray] = []
    for start, stop in zip([0, *turns], [*turns, len(stroke) - 1], strict=True):
        curve = _curve(stroke[start : stop + 1])
        along = np.concatenate([[0], np.hypot(*np.diff(curve, axis=0).T).cumsum()])
        places = np.linspace(0, along[-1], max(2, round(along[-1] / _SPACING) + 1))
        parts.append(np.stack([np.interp(places, along, curve[:, axis]) for axis in (0, 1)], 1)[bool(parts) :])
    return np.concatenate(parts)


def _curve(points: np.ndarray) -> np.ndarray:
    """A Catmull-Rom spline through the points, eight pieces between two."""
    padded = np.concatenate([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
    before, here, there, after = (padded[shift : len(padded) - 3 + shift] for shift in range(4))
    t = np.linspace(0, 1, 8, endpoint=False)[:, None, None]
    curve = 2 * here + (there - before) * t + (2 * before - 5 * here + 4 * there - after) * t**2
    curve = (curve + (3 * here - before - 3 * there + after) * t**3) / 2
    return np.concatenate([curve.transpose(1, 0, 2).reshape(-1, 2), points[-1:]])


def rough(strokes: Sequence[np.ndarray], random: np.random.Generator, *, of_mark: bool = False) -> list[np.ndarray]:
    """The strokes, in x-heights, with what no hand does twice alike: size, lean, and a slow tremor along each.

    A mark keeps its size, as what it belongs to has its own, and strays a little as a whole.
    """
    size = np.exp(random.normal(scale=0.0 if of_mark else 0.04, size=2))
    lean, turn, rise, aside = random.normal(size=4) * ((0, 0, 0.04, 0.05) if of_mark else (0.03, 0.03, 0.03, 0))
    made = []
    for stroke in strokes:
        count = max(2, len(stroke) // 4 + 2)
        knots = random.normal(scale=0.035, size=(count, 2))
        places = np.linspace(0, count - 1, len(stroke))
        tremor = np.stack([np.interp(places, np.arange(count), knots[:, axis]) for axis in (0, 1)], 1)
        x, y = stroke[:, 0] * size[0], stroke[:, 1] * size[1]
        made.append(np.stack([x + lean * y + aside, y + turn * x + rise], 1) + tremor)
    return made
