"""Opens what holds pen strokes (a drawing, a list, a JSON or SVG file), or says in one sentence what is wrong with it.

>>> from lstm_models.ink.stroke_files import open_strokes
>>> [stroke.shape for stroke in open_strokes("note.svg")]
[(61, 2), (8, 2)]
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from lstm_models.errors import InputError
from lstm_models.ink.drawing import Drawing
from lstm_models.ink.svg_paths import SVGError, svg_curves
from lstm_models.io.atomic_write import shown
from lstm_models.io.inputs import opened

__all__ = ["MOST_POINTS", "open_strokes", "svg_strokes"]

MOST_POINTS = 200_000
"""More of them are no handwriting: an hour of it, recorded every 10 ms."""
_MOST_BYTES = 64 * 2**20
_HEAD = 2**16  # bytes of an SVG file within which its root stands
_FARTHEST = 1e9  # coordinates beyond are mistakes
_SVG_STEP = 0.2  # distance of two points on an SVG path, in vertical standard deviations of the drawing
_SVG_MOST = 10_000  # points of one path
_JSON = 'expected an SVG drawing or JSON such as {"strokes": [[[x, y], …], …]}'


def open_strokes(source: Any, *, name: str | None = None) -> list[np.ndarray]:
    """The strokes [points, 2] float64 of a drawing, x right, y down, at least one of more than a dot.

    Args:
        source: a `Drawing`; strokes, each [points, 2]; or a file: JSON ({"strokes": …}, as `Drawing.json` writes it, or
            the list alone), or SVG.
        name: what the sentences call it; the path if missing, or "The drawing".

    Raises:
        InputError: the file is missing, empty, no ordinary file, damaged or of another kind; there is no stroke, all
            there is is a dot, there are more than `MOST_POINTS` points, or a coordinate is no finite number.
    """
    if isinstance(source, (str, os.PathLike)):
        told = shown(name if name is not None else source) or "The drawing"
        return _checked(_read(source, told), told)
    told = "The drawing" if name is None else shown(name)
    if isinstance(source, Drawing):
        return _checked(source.strokes, told)
    if isinstance(source, np.ndarray) and source.ndim == 2:
        source = [source]
    if not isinstance(source, (Sequence, np.ndarray)) or isinstance(source, (bytes, bytearray)):
        raise InputError(
            f"{told} is a {type(source).__name__}; give a path, a Drawing, or a list of strokes [points, 2].",
            usage=True,
        )
    return _checked(source, told)


def svg_strokes(content: bytes) -> list[np.ndarray]:
    """The paths and shapes of an SVG file as strokes [points, 2] float32 of equal steps; none where it has no shapes.

    Raises:
        SVGError: the file is damaged, or has more in it than handwriting has.
    """
    coarse = [_flat(curve) for curve in svg_curves(content)]
    height = 0.0
    if coarse:
        points = np.concatenate([_along(line, 16) for line in coarse])
        height = max(float(points[:, 1].std()), 1e-3 * float(np.ptp(points, axis=0).max()))
    made, count = [], 0
    for line in coarse:
        length = float(np.linalg.norm(np.diff(line, axis=0), axis=1).sum())
        steps = min(length / (_SVG_STEP * height), _SVG_MOST) if height and np.isfinite(length) else 0
        made.append(_along(line, int(steps) + 2))
        count += int(steps) + 2
        if count > MOST_POINTS:
            raise SVGError(f"its lines are too long: they would have more than {MOST_POINTS:,} points")
    return made


def _flat(curve: np.ndarray) -> np.ndarray:
    """Cubic Béziers [segments, 4, 2] as a polyline [points, 2]."""
    straight = (curve[:, 1] == curve[:, 0]).all() and (curve[:, 2] == curve[:, 3]).all()
    t = np.linspace(0, 1, 2 if straight else 25)[:, None]  # a quarter of a circle to 1 in 1,000
    weights = np.concatenate([(1 - t) ** 3, 3 * (1 - t) ** 2 * t, 3 * (1 - t) * t**2, t**3], 1)
    points = np.einsum("tk,skx->stx", weights, curve)
    return np.concatenate([points[:, :-1].reshape(-1, 2), points[-1, -1:]])


def _along(line: np.ndarray, count: int) -> np.ndarray:
    """Points [count, 2] at equal steps along a polyline."""
    far = np.concatenate([[0.0], np.linalg.norm(np.diff(line, axis=0), axis=1).cumsum()])
    at = np.linspace(0, far[-1], count)
    return np.stack([np.interp(at, far, axis) for axis in line.T], 1).astype(np.float32)


def _read(path: str | os.PathLike[str], told: str) -> Sequence[Any]:
    with opened(path, told, "drawing", _MOST_BYTES) as file:
        content = file.read()
    start = content.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if start == b"<":
        return _read_svg(content, told)
    if start not in (b"{", b"["):
        raise InputError(f"{told} is no drawing: {_JSON}.")
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        reason = str(error) if isinstance(error, json.JSONDecodeError) else "it is not JSON in UTF-8"
        raise InputError(f"{told} is damaged or not one JSON document ({reason}).") from None
    strokes = found.get("strokes") if isinstance(found, dict) else found
    if not isinstance(strokes, list):
        raise InputError(f"{told} has no list of strokes: {_JSON}.")
    return strokes


def _read_svg(content: bytes, told: str) -> list[np.ndarray]:
    if not re.search(rb"<(\w+:)?svg[\s>]", content[:_HEAD]):
        raise InputError(f"{told} is no drawing: {_JSON}.")
    try:
        return svg_strokes(content)
    except SVGError as error:
        raise InputError(f"{told} is damaged or no SVG ({str(error)[:120]}).") from None


def _checked(strokes: Sequence[Any] | np.ndarray, told: str) -> list[np.ndarray]:
    kept, count = [], 0
    for number, stroke in enumerate(strokes, 1):
        try:
            points = np.asarray(stroke, np.float64)
        except (TypeError, ValueError, OverflowError):
            points = np.zeros(1)
        if points.size == 0:
            continue
        if points.ndim != 2 or points.shape[1] != 2:
            raise InputError(f"Stroke {number} of {_small(told)} is no list of points; each is a list of [x, y].")
        if not (np.abs(points) < _FARTHEST).all():
            raise InputError(
                f"Stroke {number} of {_small(told)} has a coordinate that is not finite, or far too large."
            )
        kept.append(points)
        count += len(points)
        if count > MOST_POINTS:
            raise InputError(f"{told} has more than {MOST_POINTS:,} points, which is more than handwriting has.")
    if not kept:
        raise InputError(f"{told} has no strokes.")
    points = np.concatenate(kept)
    if not np.ptp(points, axis=0).max() > 1e-9 * np.abs(points).max():
        raise InputError(f"{told} is a single dot, which says nothing.")
    return kept


def _small(told: str) -> str:
    return "the drawing" if told == "The drawing" else told
