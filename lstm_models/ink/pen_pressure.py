"""Lines as wide as a pen presses: wider where it was slow, thinner where it was fast and where it lands and lifts.

The points of a stroke are samples in time, or lie denser where the pen was slow, so their spacing shows its speed. The
shape of a stroke is a union of closed outlines, all turning the same way: filled with the nonzero rule (that of SVG and
PDF) they have no holes, however tight the bend.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lstm_models.ink.curves import bezier, distinct, sampled

__all__ = ["THINNEST", "WIDEST", "shapes", "widths"]

WIDEST = 1.6
"""Times the nominal width: the slowest pen."""
THINNEST = 0.5
"""Times the nominal width: the fastest pen, and the ends of a stroke."""

_CONTRAST = 0.8  # width goes with speed to the power of minus this
_DOT = 1.3  # times the nominal width: a pen that stands still presses
_ENDS = (0.7, 0.9)  # times the width at the outermost points and at those next to them
_TOLERANCE = 0.03  # pixels between a curve and the polyline that its tight bends are made of
_ARC = 4 / 3 * (2**0.5 - 1)  # control points of a quarter circle, in radii (the usual cubic, off by 0.03 %)


def widths(strokes: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The width of the line at each distinct point of the strokes, in times the nominal width.

    Args:
        strokes: `[points, 2]` each.

    Returns:
        `[distinct points]` each, from `THINNEST` to `WIDEST`; the same for a drawing of another size.
    """
    kept = [distinct(stroke) for stroke in strokes]
    steps = [np.linalg.norm(np.diff(points, axis=0), axis=1) for points in kept]
    every = np.concatenate([*steps, np.zeros(0)])
    typical = float(np.median(every)) if len(every) else 1.0
    made = []
    for step in steps:
        if not len(step):
            made.append(np.array([_DOT]))
            continue
        ends = np.concatenate([step[:1], step, step[-1:]])
        wide = (2 * typical / (ends[:-1] + ends[1:])) ** _CONTRAST
        wide = np.clip(wide, THINNEST, WIDEST)
        for _ in range(2):  # a pen's pressure does not jump
            around = np.concatenate([wide[:1], wide, wide[-1:]])
            wide = around[:-2] / 4 + around[1:-1] / 2 + around[2:] / 4
        if len(wide) > 2:
            for place, fraction in enumerate(_ENDS[: len(wide) // 2]):
                wide[place] *= fraction
                wide[-1 - place] *= fraction
        made.append(np.clip(wide, THINNEST, WIDEST))
    return made


def shapes(strokes: Sequence[np.ndarray], width: float) -> list[list[np.ndarray]]:
    """Of each stroke, the closed outlines `[segments, 4, 2]` (Béziers) that its ink fills together.

    Args:
        strokes: `[points, 2]` each.
        width: of the line at the usual speed of the pen, in the unit of the points.
    """
    return [_shape(stroke, wide * width / 2) for stroke, wide in zip(strokes, widths(strokes), strict=True)]


def _shape(stroke: np.ndarray, radii: np.ndarray) -> list[np.ndarray]:
    curve = bezier(stroke)
    if len(radii) == 1:
        return [_outline(curve[0, :1], radii, np.array([[0.0, 1.0]]))]
    points, places = sampled(curve, _TOLERANCE)
    radius = np.interp(places, np.arange(len(radii)), radii)
    steps = np.diff(points, axis=0)
    lengths = np.linalg.norm(steps, axis=1, keepdims=True)
    ahead = steps / np.maximum(lengths, 1e-12)
    tangents = np.concatenate([ahead[:1], ahead[:-1] + ahead[1:], ahead[-1:]])
    size = np.linalg.norm(tangents, axis=1, keepdims=True)
    tangents = np.where(size > 1e-6, tangents / np.maximum(size, 1e-12), np.concatenate([ahead[:1], ahead]))
    normals = _normals(tangents)
    # Where the line turns by more than some 70 degrees at a point, or a side of it would run backwards
    smooth = np.minimum((tangents[:-1] * ahead).sum(axis=1), (tangents[1:] * ahead).sum(axis=1)) > 0.8
    for side in (points + radius[:, None] * normals, points - radius[:, None] * normals):
        smooth &= (np.diff(side, axis=0) * ahead).sum(axis=1) > 0.2 * lengths[:, 0]
    parts, start = [], 0
    for step in [*np.flatnonzero(~smooth), len(steps)]:
        if step > start:  # curves go through every other point, which is fine enough
            run = np.unique([*range(start, step + 1, 2), step])
            parts.append(_outline(points[run], radius[run], normals[run]))
        if step < len(steps):  # a step too tight is drawn by itself, as a short thick line
            both = [step, step + 1]
            parts.append(_outline(points[both], radius[both], np.repeat(_normals(ahead[step : step + 1]), 2, axis=0)))
        start = step + 1
    return parts


def _normals(tangents: np.ndarray) -> np.ndarray:
    """Unit vectors `[points, 2]` a quarter turn from the tangents `[points, 2]`."""
    return tangents[:, ::-1] * (1, -1)


def _outline(points: np.ndarray, radius: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """The closed Béziers `[segments, 4, 2]` around a line: along one side, round its end, back, round its start."""
    offset = radius[:, None] * normals
    end, start = _half_circle(points[-1], offset[-1]), _half_circle(points[0], -offset[0])
    if len(points) == 1:
        return np.concatenate([end, start])
    return np.concatenate([bezier(points + offset), end, bezier((points - offset)[::-1]), start])


def _half_circle(centre: np.ndarray, radius: np.ndarray) -> np.ndarray:
    """Two quarter circles `[2, 4, 2]` from `centre + radius` to `centre - radius`, turning as the outlines do."""
    across = radius[::-1] * (-1, 1)
    a, b, c = centre + radius, centre + across, centre - radius
    return np.array(
        [
            [a, a + _ARC * across, b + _ARC * radius, b],
            [b, b - _ARC * radius, c + _ARC * across, c],
        ]
    )
