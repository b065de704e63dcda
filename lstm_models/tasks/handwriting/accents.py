"""Accents: which letters are a known letter with marks, and the marks as pen strokes at that letter's place."""

from __future__ import annotations

import functools
import unicodedata
from dataclasses import dataclass

import numpy as np

from lstm_models.tasks.handwriting.glyphs import path, rounded

__all__ = ["Letter", "dotless", "is_mark", "parted", "placed"]

# Marks as paths in 14ths of the x-height, y up: those above a letter from its top, those below from the baseline,
# those through it from the baseline; x = 0 is the middle of the letter
_ABOVE = {
    "\u0300": "-4,6 2,1",
    "\u0301": "-2,1 4,6",
    "\u0302": "-5,1 0,6 5,1",
    "\u0303": "-6,2 -3,5 1,3 4,3 7,6",
    "\u0304": "-6,3 6,3.5",
    "\u0306": "-5,6 -3,2 0,1 3,2 5,6",
    "\u0307": "0,4 0.5,3.5",
    "\u0308": "-4,4 -3.5,3.4 / 3.5,4 4,3.4",
    "\u0309": "-3,6 0,8 3,6 1,3 1,1",
    "\u030a": "0,7 -3,5 -2,2 1,1 3,3 3,6 0,7",
    "\u030b": "-5,1 -1,6 / 1,1 5,6",
    "\u030c": "-5,6 0,1 5,6",
    "\u0312": "2,6 -1,4 1,1",  # of ģ: a comma turned over
}
_BELOW = {
    "\u0323": "0,-5 0.5,-5.5",
    "\u0326": "1,-3 1,-5 -1,-8",
    "\u0327": "0,0 0,-2 4,-4 3,-7 -2,-8",
    "\u0328": "4,0 1,-3 1,-6 6,-7",
    "\u0331": "-6,-4 6,-3.5",
}
_BESIDE = {"\u0315": "0,0 -1,-6", "\u031b": "-1,-3 2,-1 2,3"}  # from the upper right corner: of ď and ơ
_THROUGH = {"\u0338": "-7,-3 7,17", "\u0335": "-6,17 6,17.5", "\u0334": "-4,7 4,13", "\u0336": "-10,10 2,10.5"}
_SHAPES = _ABOVE | _BELOW | _BESIDE | _THROUGH

_NOTHING = "\u034f"  # where a dot should be

# Letters that Unicode does not take apart, though a hand does
_STROKED = {
    "ø": "o\u0338", "Ø": "O\u0338", "đ": "d\u0335", "Đ": "D\u0336", "ħ": "h\u0335", "ł": "l\u0334", "Ł": "L\u0334",
    "ŧ": "t\u0334", "Ð": "D\u0336", "ı": "i" + _NOTHING, "ȷ": "j" + _NOTHING,
}  # fmt: skip
_SMALL = "acegimnopqrsuvwxyzj"
_DOTS = ("i", "j")


@dataclass(frozen=True)
class Letter:
    """A letter that is written as another one, with strokes added.

    Attributes:
        base: what it is written as.
        marks: combining characters, the innermost first.
    """

    base: str
    marks: str


def is_mark(character: str) -> bool:
    """Whether this combining character can be drawn."""
    return character in _SHAPES


@functools.cache
def parted(character: str) -> Letter | None:
    """The letter without its marks and the marks, if there are any and all of them can be drawn."""
    whole = unicodedata.normalize("NFD", character)
    whole = _STROKED.get(whole[0], whole[0]) + whole[1:]
    base, marks = whole[0], [_variant(whole[0], mark) for mark in whole[1:]]
    if not marks or not all(mark in _SHAPES or mark == _NOTHING for mark in marks):
        return None
    return Letter(base, "".join(marks))


def _variant(base: str, mark: str) -> str:
    """The mark as it looks with this letter: ď and ľ have a comma beside, ģ and ķ a comma for the cedilla."""
    if mark == "\u030c" and base in "dtlL":
        return "\u0315"
    if mark == "\u0327" and base in "gGkKlLnNrR":
        return "\u0312" if base == "g" else "\u0326"
    return mark


def dotless(letter: Letter) -> bool:
    """Whether the letter loses the dot that its base has: of í and ı, not of į."""
    return letter.base in _DOTS and any(mark in _ABOVE or mark == _NOTHING for mark in letter.marks)


def placed(letter: Letter, points: np.ndarray, middle: float | None = None) -> list[np.ndarray]:
    """The strokes of a letter's marks, [points, 2] each, in the units of its points.

    Args:
        letter: the letter.
        points: of its base as it was written [points, 2], in x-heights, upright, y up from the baseline.
        middle: where marks above stand, if that is known; the middle of the letter if not.
    """
    height = points[:, 1]
    # A line that leads to the next letter is not the letter's width
    body = points[height > 0.35 * height.max(), 0]
    middle_below = float(np.quantile(points[:, 0], 0.1) + np.quantile(points[:, 0], 0.9)) / 2
    centre = float(body.min() + body.max()) / 2 if len(body) else middle_below
    top = float(np.clip(height.max(), *((0.85, 1.3) if letter.base in _SMALL else (1.3, 2.3))))
    bottom = float(np.clip(height.min(), -0.9, 0.0)) if letter.base in "gjpqyQ" else 0.0
    made = []
    up, down = top + 0.14, bottom
    for mark in letter.marks.replace(_NOTHING, ""):
        shape = [rounded(stroke) for stroke in path(_SHAPES[mark])]
        if mark in _ABOVE:
            place = (centre if middle is None else middle, up)
            up += 0.5
        elif mark in _BELOW:
            place = (middle_below, down)
            down -= 0.5
        elif mark in _BESIDE:
            right = float(body.max()) if len(body) else centre
            place = (right + (0.2 if mark == "\u0315" else 0.0), top)
        else:
            # Stems of d and h are right and left of the middle; a stroke through o is as high as it
            stem = points[height > 1.1, 0] if mark == "\u0335" else points[:0, 0]
            place = (float(stem.mean()) if len(stem) else centre, 0.0)
            if letter.base.isupper() and mark == "\u0338":
                shape = [stroke * (1.3, top) for stroke in shape]
        made += [stroke + place for stroke in shape]
    return made
