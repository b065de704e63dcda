"""Pen lines as pixels: how far each pixel of a picture is covered by ink, for the PNG of a drawing or a page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lstm_models.ink.curves import bezier, sampled

__all__ = ["SUPERSAMPLING", "coverage"]

SUPERSAMPLING = 4  # samples a side of one pixel
_BAND_SAMPLES = 16_000_000  # one band of rows is drawn at a time, so memory does not grow with the supersampling


def coverage(
    strokes: Sequence[np.ndarray],
    width: float,
    columns: int,
    rows: int,
    *,
    scale: float,
    origin: tuple[float, float] = (0.0, 0.0),
    kind: str = "plain",
) -> Any:
    """A Pillow mask (mode L, `rows` by `columns`) of how far each pixel is covered by ink.

    Args:
        strokes: `[points, 2]` each.
        width: of the pen line, in the unit of the points; of a `pressure` line at the usual speed of the pen.
        columns, rows: of the picture.
        scale: pixels a unit.
        origin: the point at the picture's upper left corner.
        kind: `plain` or `pressure`, see `lstm_models.ink.svg`.
    """
    from PIL import Image, ImageDraw

    fine = SUPERSAMPLING
    lines = _lines(strokes, width, scale * fine, origin, kind)
    mask = Image.new("L", (columns, rows), 0)
    band_rows = max(1, _BAND_SAMPLES // (columns * fine * fine))
    for start in range(0, rows, band_rows):
        height = min(band_rows, rows - start)
        band = Image.new("L", (columns * fine, height * fine), 0)
        pen = ImageDraw.Draw(band)
        shift = np.array([0.0, start * fine])
        for line, radii in lines:
            moved = line - shift
            if moved[:, 1].max() + radii.max() < 0 or moved[:, 1].min() - radii.max() > height * fine:
                continue
            # Rounded here: Pillow cuts towards zero, which moves what lies above or left of the band.
            discs = np.rint(np.concatenate([moved - radii, moved + radii], axis=1)).astype(int)
            for disc in discs.tolist():  # at every point: round caps and joins
                pen.ellipse(disc, fill=255)
            across = np.diff(moved, axis=0)[:, ::-1] * (1, -1)
            across /= np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-9)
            first, last = across * radii[:-1], across * radii[1:]
            quads = np.concatenate([moved[:-1] + first, moved[1:] + last, moved[1:] - last, moved[:-1] - first], 1)
            for quad in np.rint(quads).astype(int).tolist():
                pen.polygon(quad, fill=255)
        mask.paste(band.reduce(fine), (0, start))
    return mask


def _lines(
    strokes: Sequence[np.ndarray], width: float, samples: float, origin: tuple[float, float], kind: str
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Polylines `[points, 2]` and at each of their points half the line's width `[points, 1]`, both in samples."""
    from lstm_models.ink import pen_pressure

    wide = pen_pressure.widths(strokes) if kind == "pressure" else [np.ones(1)] * len(strokes)
    made = []
    for stroke, times in zip(strokes, wide, strict=True):
        points, places = sampled(bezier(stroke), 0.4 / samples)
        radii = np.interp(places, np.arange(len(times)), times) * width * samples / 2
        made.append(((points - origin) * samples, radii[:, None]))
    return made
