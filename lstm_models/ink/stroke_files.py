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
from pathlib import Path
from typing import Any

import numpy as np

from lstm_models.errors import InputError
from lstm_models.ink.drawing import Drawing
from lstm_models.io.atomic_write import shown
from lstm_models.io.inputs import opened

__all__ = ["MOST_POINTS", "open_strokes", "svg_strokes"]

MOST_POINTS = 200_000
"""More of them are no handwriting: an hour of it, recorded every 10 ms."""
_MOST_BYTES = 64 * 2**20
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


def svg_strokes(path: str | os.PathLike[str]) -> list[np.ndarray]:
    """The paths of an SVG file as strokes [points, 2] float32 of equal steps; none where it has no shapes.

    Raises:
        Exception: of whatever kind, if the file is damaged: the library that reads it checks little.
    """
    import svgelements

    shapes = [each for each in svgelements.SVG.parse(os.fspath(path)).elements() if isinstance(each, svgelements.Shape)]
    parts = [svgelements.Path(part) for shape in shapes for part in svgelements.Path(shape).as_subpaths()]
    coarse = [_along(part, 16) for part in parts]
    height = float(np.concatenate(coarse)[:, 1].std()) if coarse else 0.0
    return [
        _along(part, min(int(part.length(error=1e-3) / (_SVG_STEP * height)) + 2, _SVG_MOST) if height else 2)
        for part in parts
    ]


def _along(path: Any, count: int) -> np.ndarray:
    """Points [count, 2] at equal steps along a path."""
    return np.array([[point.x, point.y] for point in map(path.point, np.linspace(0, 1, count))], np.float32)


def _read(path: str | os.PathLike[str], told: str) -> Sequence[Any]:
    with opened(path, told, "drawing", _MOST_BYTES) as file:
        content = file.read()
    start = content.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if start == b"<":
        return _read_svg(path, content, told)
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


def _read_svg(path: str | os.PathLike[str], content: bytes, told: str) -> list[np.ndarray]:
    if not re.search(rb"<(\w+:)?svg[\s>]", content):
        raise InputError(f"{told} is no drawing: {_JSON}.")
    try:
        return svg_strokes(Path(path))
    except ModuleNotFoundError:
        raise InputError(f"{told} is an SVG drawing, which needs svgelements: pip install svgelements.") from None
    except Exception as error:
        reason = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
        raise InputError(f"{told} is damaged or no SVG ({reason}).") from None


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
