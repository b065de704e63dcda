"""The smooth line through a pen stroke: Béziers, polylines of them, and the box they lie in.

The curve is a centripetal Catmull-Rom spline (Yuksel, Schaefer and Keyser 2011, "Parameterization and applications of
Catmull-Rom curves"), which has no cusps and no loops between two points. All formats of a drawing draw this one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from lstm_models.errors import InputError

__all__ = ["Box", "bezier", "distinct", "flattened", "length", "picture_box", "sampled"]

Box = tuple[float, float, float, float]

_BLANK_SIDE = 32.0  # pixels at scale 1: the picture of a drawing without strokes


def distinct(stroke: np.ndarray) -> np.ndarray:
    """The points `[points, 2]` (float64) of a stroke `[points, 2]` without those that repeat the one before."""
    points = stroke.astype(np.float64)
    moved = np.ones(len(points), dtype=bool)
    moved[1:] = np.abs(np.diff(points, axis=0)).max(axis=1) > 1e-3
    return points[moved]


def bezier(stroke: np.ndarray) -> np.ndarray:
    """The cubic Béziers `[segments, 4, 2]` (float64) of a centripetal Catmull-Rom spline through points `[points, 2]`.

    Points that repeat the one before are left out; a stroke that is a dot gives `[1, 4, 2]`, all four points equal.
    """
    points = distinct(stroke)
    if len(points) == 1:
        return np.repeat(points[:, None], 4, 1)
    # A mirrored point beyond each end makes the spline leave and arrive straight.
    around = np.concatenate([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
    p0, p1, p2, p3 = around[:-3], around[1:-2], around[2:-1], around[3:]
    steps = np.linalg.norm(np.diff(around, axis=0), axis=1, keepdims=True) ** 0.5
    d1, d2, d3 = steps[:-2], steps[1:-1], steps[2:]
    leave = (d1**2 * p2 - d2**2 * p0 + (2 * d1**2 + 3 * d1 * d2 + d2**2) * p1) / (3 * d1 * (d1 + d2))
    arrive = (d3**2 * p1 - d2**2 * p3 + (2 * d3**2 + 3 * d3 * d2 + d2**2) * p2) / (3 * d3 * (d3 + d2))
    return np.stack([p1, leave, arrive, p2], axis=1)


def sampled(curve: np.ndarray, tolerance: float) -> tuple[np.ndarray, np.ndarray]:
    """A polyline at most `tolerance` from the Béziers `[segments, 4, 2]`, and where on them its points lie.

    A cubic cut into n equal parts is off by at most max |second difference of its control points| * 0.75 / n²
    (Wang 1984, the bound on the second derivative).

    Returns:
        Points `[points, 2]`, and of each the number of its segment plus its share of it `[points]`: 0 to `segments`.
    """
    bend = np.linalg.norm(curve[:, :2] - 2 * curve[:, 1:3] + curve[:, 2:], axis=2).max(axis=1)
    parts = np.clip(np.ceil(np.sqrt(0.75 * bend / tolerance)), 1, 64).astype(int)
    pieces, places = [curve[:1, 0]], [np.zeros(1)]
    for number, (control, n) in enumerate(zip(curve, parts, strict=True)):
        t = np.arange(1, n + 1)[:, None] / n
        s = 1 - t
        pieces.append(s**3 * control[0] + 3 * s * s * t * control[1] + 3 * s * t * t * control[2] + t**3 * control[3])
        places.append(number + t[:, 0])
    return np.concatenate(pieces), np.concatenate(places)


def flattened(curve: np.ndarray, tolerance: float) -> np.ndarray:
    """Points `[points, 2]` of a polyline at most `tolerance` from the Béziers `[segments, 4, 2]`."""
    return sampled(curve, tolerance)[0]


def length(curve: np.ndarray) -> float:
    """The length of the Béziers `[segments, 4, 2]`, in their unit; a little short, by less than a thousandth."""
    return float(np.linalg.norm(np.diff(flattened(curve, 0.02), axis=0), axis=1).sum())


def picture_box(curves: Sequence[np.ndarray], width: float, margin: float, frame: Box | None) -> Box:
    """Left, top, right, bottom of a picture: the curves, half a pen line and the margin around them.

    Args:
        curves: Béziers `[segments, 4, 2]`, one a stroke.
        width: of the pen line.
        margin: empty space around the ink.
        frame: left, top, right, bottom that the picture shows at the least, before the margin.

    Raises:
        InputError: `width` is not above zero, or `margin` is negative.
    """
    if not (math.isfinite(width) and width > 0):
        raise InputError(f"The width of the pen line must be above zero, not {width}.", usage=True)
    if not (math.isfinite(margin) and margin >= 0):
        raise InputError(f"The margin must be zero or more pixels, not {margin}.", usage=True)
    corners = [curve.reshape(-1, 2) for curve in curves]
    if frame is not None:
        corners.append(np.array(frame, dtype=np.float64).reshape(2, 2))
    if not corners:
        return (0.0, 0.0, max(_BLANK_SIDE, 2 * margin), max(_BLANK_SIDE, 2 * margin))
    points = np.concatenate(corners)
    around = margin + width / 2
    left, top = points.min(axis=0) - around
    right, bottom = points.max(axis=0) + around
    return (float(left), float(top), float(right), float(bottom))
