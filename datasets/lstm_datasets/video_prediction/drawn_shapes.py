"""Shapes to move that are drawn and not photographed: strokes of a pen as images like MNIST's, and ten digits.

As MNIST's, an image is 28 × 28 pixels, white on black, the ink 20 pixels tall or wide, its centre of mass in the
middle.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lstm_models.errors import InputError

__all__ = ["DIGITS", "shape_image"]

_SIDE, _INK, _PEN = 28, 20.0, 2.6
_FINE = 6  # drawn so many times as large, then reduced


def _arc(x: float, y: float, wide: float, tall: float, start: float, end: float) -> list[tuple[float, float]]:
    """Points on an ellipse about (x, y), from one angle to another in degrees, clockwise from the right."""
    angles = np.radians(np.linspace(start, end, 24))
    return [(float(x + wide * np.cos(angle)), float(y + tall * np.sin(angle))) for angle in angles]


DIGITS: dict[str, list[list[tuple[float, float]]]] = {
    "0": [_arc(6, 10, 5.5, 9.5, -60, 310)],
    "1": [[(3, 5), (7, 1), (6, 19)]],
    "2": [[*_arc(6, 6, 5, 5, 190, 380), (1, 19), (12, 18)]],
    "3": [_arc(5, 5.5, 5, 4.5, 200, 440) + _arc(5, 14, 6, 5, 280, 510)],
    "4": [[(4, 1), (1, 12), (12, 11)], [(9, 3), (8, 20)]],
    "5": [[(11, 1), (3, 1), (2, 9), *_arc(5, 14, 6, 5.5, 250, 500)]],
    "6": [[(9, 0), (4, 6), (1, 13), *_arc(6, 14, 5, 5.5, 180, 520)]],
    "7": [[(0, 2), (11, 1), (5, 20)], [(3, 10), (10, 9)]],
    "8": [_arc(6, 5, 4, 4.5, 90, 450) + _arc(6, 14.5, 5, 5.5, 270, 630)],
    "9": [[*_arc(6, 6, 5, 5.5, 0, 360), (10, 20)]],
}
"""Strokes of ten digits, x right, y down."""


def shape_image(strokes: Sequence[Sequence[Sequence[float]] | NDArray[np.floating]]) -> NDArray[np.uint8]:
    """What strokes [points, 2] look like: an image uint8 [28, 28].

    Raises:
        InputError: there is no point.
    """
    points = [np.asarray(stroke, np.float64).reshape(-1, 2) for stroke in strokes if len(stroke)]
    if not points:
        raise InputError("there is no shape: draw one", usage=True)
    from PIL import Image, ImageDraw

    every = np.concatenate(points)
    low, size = every.min(0), float(np.ptp(every, axis=0).max())
    scale = (_INK - _PEN) / size if size else 1.0
    side = _SIDE * _FINE
    canvas = Image.new("L", (side, side))
    pen, draw = _PEN * _FINE, ImageDraw.Draw(canvas)
    for stroke in points:
        placed = [tuple(point) for point in ((stroke - low) * scale + 4 + _PEN / 2) * _FINE]
        draw.line(placed, fill=255, width=round(pen), joint="curve")
        for x, y in (placed[0], placed[-1]):
            draw.ellipse((x - pen / 2, y - pen / 2, x + pen / 2, y + pen / 2), fill=255)
    image = np.asarray(canvas.resize((_SIDE, _SIDE), Image.Resampling.BOX))
    return _centred(image)


def _centred(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The image, moved by whole pixels, so that its centre of mass is in the middle."""
    mass = image.astype(float)
    axes = np.arange(_SIDE)
    centre = np.array([(mass.sum(1) * axes).sum(), (mass.sum(0) * axes).sum()]) / mass.sum()
    down, right = np.round((_SIDE - 1) / 2 - centre).astype(int)
    return np.roll(np.roll(image, down, 0), right, 1)
