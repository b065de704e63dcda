"""Opens what holds pen strokes (a drawing, a list, a JSON or SVG file), or says in one sentence what is wrong with it.

>>> from lstm_models.ink.stroke_files import open_strokes
>>> [stroke.shape for stroke in open_strokes("note.svg")]
[(61, 2), (8, 2)]
"""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree import ElementTree

import numpy as np

from lstm_models.errors import InputError
from lstm_models.ink.drawing import Drawing
from lstm_models.ink.svg_paths import SVGError, svg_curves
from lstm_models.io.atomic_write import shown
from lstm_models.io.inputs import opened

__all__ = ["MOST_POINTS", "open_strokes", "stroke_points", "svg_strokes"]

MOST_POINTS = 200_000
"""More of them are no handwriting: an hour of it, recorded every 10 ms."""
_MOST_BYTES = 64 * 2**20
_HEAD = 2**16  # bytes of an SVG file within which its root stands
_FARTHEST = 1e9  # coordinates beyond are mistakes
_SVG_STEP = 0.2  # distance of two points on an SVG path, in vertical standard deviations of the drawing
_SVG_MOST = 10_000  # points of one path
_JSON = 'expected an SVG drawing or JSON such as {"strokes": [[[x, y], …], …]}, or InkML'
_MOST_COLUMNS = 8  # of a point: x, y, time, pressure, tilt and twist
_MANY_POINTS = 5  # from so many columns on, two or three rows are the x, the y and the times of a stroke
_RULED, _RULED_WIDTH = 3, 0.5  # equal straight lines across so much of a drawing are its paper
_LEVEL = 1e-3  # of a straight line's length that it may rise


def open_strokes(source: Any, *, name: str | None = None) -> list[np.ndarray]:
    """The strokes [points, 2] float64 of a drawing, x right, y down, at least one of more than a dot.

    Args:
        source: a `Drawing`; strokes, each [points, 2] or more columns, of which x and y are taken, or points
            {"x": …, "y": …}; the path or the bytes of a file, or one open for reading: JSON ({"strokes": …}, as
            `Drawing.json` writes it, or the list alone; Quick, Draw!'s {"drawing": …}; signature_pad's list), InkML or
            SVG.
        name: what the sentences call it; the path if missing, or "The drawing".

    Raises:
        InputError: the file is missing, empty, no ordinary file, damaged or of another kind; there is no stroke, all
            there is is a dot, there are more than `MOST_POINTS` points, or a coordinate is no finite number.
    """
    if isinstance(source, (str, os.PathLike)):
        label = shown(name if name is not None else source) or "The drawing"
        return _checked(_read(source, label), label)
    label = "The drawing" if name is None else shown(name)
    if hasattr(source, "read"):
        source = source.read(_MOST_BYTES)
        source = source.encode() if isinstance(source, str) else source
    if isinstance(source, (bytes, bytearray)):
        return _checked(_parsed(bytes(source), label), label)
    if isinstance(source, Drawing):
        return _checked(source.strokes, label)
    if isinstance(source, np.ndarray) and source.ndim == 2:
        source = [source]
    if not isinstance(source, (Sequence, np.ndarray)):
        raise InputError(
            f"{label} is a {type(source).__name__}; give a path, a Drawing, or a list of strokes [points, 2].",
            usage=True,
        )
    return _checked(source, label)


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


def stroke_points(stroke: Any, *, columns: bool = False) -> np.ndarray:
    """The points [points, 2] float64 of a stroke as programs write it.

    Args:
        stroke: rows [x, y, …] (time, pressure and the like after them are left out); points {"x": …, "y": …, …};
            {"points": one of these}; or the rows x, y and perhaps times of all points, as Quick, Draw! has them.
        columns: whether it is the latter for certain; otherwise where two or three rows have five numbers or more.

    Raises:
        ValueError: it is none of these.

    Example:
        >>> stroke_points([{"x": 1, "y": 2, "t": 0}, {"x": 3, "y": 4, "t": 10}]).tolist()
        [[1.0, 2.0], [3.0, 4.0]]
    """
    if isinstance(stroke, Mapping):
        stroke = stroke["points"]
    if isinstance(stroke, (list, tuple)) and stroke and isinstance(stroke[0], Mapping):
        stroke = [(point["x"], point["y"]) for point in stroke]
    points = np.asarray(stroke, np.float64)
    if points.size == 0:
        return np.zeros((0, 2))
    if points.ndim != 2:
        raise ValueError("not two axes")
    if columns or (len(points) in (2, 3) and points.shape[1] >= _MANY_POINTS):
        points = points.T
    if not 2 <= points.shape[1] <= _MOST_COLUMNS:
        raise ValueError("not x and y")
    return np.ascontiguousarray(points[:, :2])


def _read(path: str | os.PathLike[str], label: str) -> Sequence[Any]:
    with opened(path, label, "drawing", _MOST_BYTES) as file:
        return _parsed(file.read(), label)


def _parsed(content: bytes, label: str) -> Sequence[Any]:
    start = content.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if start == b"<":
        if re.search(rb"<(\w+:)?ink[\s>]", content[:_HEAD]):
            return _read_inkml(content, label)
        return _read_svg(content, label)
    if start not in (b"{", b"["):
        raise InputError(f"{label} is no drawing: {_JSON}.")
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        reason = str(error) if isinstance(error, json.JSONDecodeError) else "it is not JSON in UTF-8"
        raise InputError(f"{label} is damaged or not one JSON document ({reason}).") from None
    if isinstance(found, dict) and isinstance(found.get("drawing"), list):  # Quick, Draw!
        try:
            return [stroke_points(stroke, columns=True) for stroke in found["drawing"]]
        except (TypeError, ValueError, KeyError, OverflowError):
            raise InputError(f"{label} is no drawing of Quick, Draw!: {_JSON}.") from None
    strokes = found.get("strokes") if isinstance(found, dict) else found
    if not isinstance(strokes, list):
        raise InputError(f"{label} has no list of strokes: {_JSON}.")
    return strokes


def _read_svg(content: bytes, label: str) -> list[np.ndarray]:
    if not re.search(rb"<(\w+:)?svg[\s>]", content[:_HEAD]):
        raise InputError(f"{label} is no drawing: {_JSON}.")
    try:
        return _without_paper(svg_strokes(content))
    except SVGError as error:
        raise InputError(f"{label} is damaged or no SVG ({str(error)[:120]}).") from None


def _without_paper(strokes: list[np.ndarray]) -> list[np.ndarray]:
    """Without the lines of ruled or squared paper: several straight ones of one length, across or down the drawing."""
    if len(strokes) < _RULED:
        return strokes
    size = np.ptp(np.concatenate(strokes), axis=0)
    lengths = []
    for stroke in strokes:
        run = np.ptp(stroke, axis=0)
        axis = int(run.argmax())
        length = float(run[axis])
        straight = run[1 - axis] <= _LEVEL * length and length >= _RULED_WIDTH * size[axis] > 0
        lengths.append((axis, round(length / float(size.max()), 3)) if straight else None)
    counts = Counter(length for length in lengths if length is not None)
    kept = [
        stroke for stroke, length in zip(strokes, lengths, strict=True) if length is None or counts[length] < _RULED
    ]
    return kept or strokes


def _read_inkml(content: bytes, label: str) -> list[np.ndarray]:
    """InkML's traces (W3C 2011): x and y by the order of the channels, y down, numbers one by one."""
    if re.search(rb"<!(?:DOCTYPE|ENTITY)", content):
        raise InputError(f"{label} has a document type, which could hold entities.")
    try:
        root = ElementTree.fromstring(content)
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise InputError(f"{label} is damaged or no InkML ({str(error)[:120]}).") from None
    names = [each.get("name", "") for each in root.iter() if each.tag.rpartition("}")[2] == "channel"]
    x, y = (names.index(name) if name in names else place for place, name in enumerate("XY"))
    strokes = []
    for trace in root.iter():
        if trace.tag.rpartition("}")[2] != "trace" or not (trace.text or "").strip():
            continue
        try:
            rows = [point.split() for point in (trace.text or "").strip().strip(",").split(",")]
            strokes.append(np.array([(float(row[x]), float(row[y])) for row in rows]))
        except (ValueError, IndexError):
            raise InputError(
                f"{label} has a trace that is no list of “x y, x y, …”; differences of points are not read."
            ) from None
    return strokes


def _checked(strokes: Sequence[Any] | np.ndarray, label: str) -> list[np.ndarray]:
    kept, count = [], 0
    for number, stroke in enumerate(strokes, 1):
        try:
            points = stroke_points(stroke)
        except (TypeError, ValueError, OverflowError, KeyError):
            raise InputError(
                f"Stroke {number} of {_small(label)} is no list of points; each is a list of [x, y]."
            ) from None
        if not len(points):
            continue
        if not (np.abs(points) < _FARTHEST).all():
            raise InputError(
                f"Stroke {number} of {_small(label)} has a coordinate that is not finite, or far too large."
            )
        kept.append(points)
        count += len(points)
        if count > MOST_POINTS:
            raise InputError(f"{label} has more than {MOST_POINTS:,} points, which is more than handwriting has.")
    if not kept:
        raise InputError(f"{label} has no strokes.")
    points = np.concatenate(kept)
    if not np.ptp(points, axis=0).max() > 1e-9 * np.abs(points).max():
        raise InputError(f"{label} is a single dot, which says nothing.")
    return kept


def _small(label: str) -> str:
    return "the drawing" if label == "The drawing" else label
