"""The strokes of an SVG drawing: paths and simple shapes with their transforms, in bounded time and memory.

- Read: ``path`` (all commands, arcs too), ``line``, ``polyline``, ``polygon``, ``rect``, ``circle``, ``ellipse``;
  ``transform`` of them and of what they stand in.
- Left out: what is no ink: groups named ``ruling``, ``background``, ``grid`` and the like, shapes that are filled and
  have no line, and what is hidden.
- Not read: style sheets, ``<use>``, definitions, text, pictures. A drawing of strokes needs none of them, and each of
  them lets a file of a kilobyte stand for gigabytes.
- Everything is counted before it is sampled, and no pattern here can backtrack.

Path data: SVG 1.1 (W3C, 2011), chapter 8; arcs by its appendix F.6.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Sequence
from typing import Any
from xml.etree import ElementTree

import numpy as np

__all__ = ["MOST_ELEMENTS", "MOST_SEGMENTS", "SVGError", "svg_curves"]

MOST_ELEMENTS = 20_000
MOST_SEGMENTS = 200_000
"""Lines and curves of a file; a page of handwriting has a tenth of them."""
_TOO_MANY = f"it has more than {MOST_SEGMENTS:,} lines and curves"
_DEEPEST = 100  # groups in groups
_SKIPPED = frozenset({
    "clipPath", "defs", "desc", "marker", "mask", "metadata", "pattern", "script", "style", "symbol", "text", "title",
    "use",
})  # fmt: skip
_PAINTED = frozenset({"fill", "stroke", "display", "visibility"})
_AREAS = frozenset({"rect", "circle", "ellipse", "polygon"})
_PAPER = re.compile(r"(?i)\b(?:ruling|background|paper|guides?|guidelines?|grid|frame|margins?)\b")
_NUMBER = r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?"
_TOKEN = re.compile(rf"[\s,]*(?:([MmZzLlHhVvCcSsQqTtAa])|({_NUMBER}))")
_FLAG = re.compile(r"[\s,]*([01])")
_TRANSFORM = re.compile(r"[\s,]*(matrix|translate|scale|rotate|skewX|skewY)\s*\(([^()]*)\)")
_ARGUMENTS = {"M": 2, "L": 2, "H": 1, "V": 1, "C": 6, "S": 4, "Q": 4, "T": 2, "A": 7, "Z": 0}
_CIRCLE = 4 / 3 * math.tan(math.pi / 8)  # control points of a quarter of a circle

Curve = list[tuple[complex, complex, complex, complex]]
"""The cubic Béziers of one stroke; a line is one whose control points are its ends."""


class SVGError(ValueError):
    """What is wrong with an SVG file, as the middle of a sentence."""


def svg_curves(content: bytes) -> list[np.ndarray]:
    """The strokes of an SVG file as cubic Béziers ``[segments, 4, 2]`` float64, x right, y down.

    Raises:
        SVGError: it is not well-formed, has a document type or entities, or more than `MOST_ELEMENTS` elements or
            `MOST_SEGMENTS` segments.

    Example:
        >>> svg_curves(b'<svg><path d="M0 0L3 4"/></svg>')[0].tolist()
        [[[0.0, 0.0], [0.0, 0.0], [3.0, 4.0], [3.0, 4.0]]]
    """
    if re.search(rb"<!(?:DOCTYPE|ENTITY)", content):
        raise SVGError("it has a document type, which could hold entities; save it as plain SVG")
    found: list[np.ndarray] = []
    segments = 0
    for name, attributes, matrix in _shapes(content):
        for curve in _curves(name, attributes, MOST_SEGMENTS - segments):
            segments += len(curve)
            points = np.array(curve, np.complex128)
            with np.errstate(over="ignore", invalid="ignore"):
                flat = np.stack([points.real, points.imag, np.ones(points.shape)], -1)
                found.append(flat @ matrix[:2].T)
    return found


def _shapes(content: bytes) -> Iterator[tuple[str, dict[str, str], np.ndarray]]:
    """Name, attributes and transform [3, 3] of every element that is drawn, in order."""
    parser: Any = ElementTree.XMLPullParser(["start", "end"])
    matrices, skipping, count = [np.eye(3)], 0, 0
    paints: list[dict[str, str]] = [{}]
    for begin in range(0, len(content) + 1, 2**16):
        try:
            parser.feed(content[begin : begin + 2**16])
            if begin + 2**16 > len(content):
                parser.close()
            events: list[Any] = list(parser.read_events())
        except (ElementTree.ParseError, ValueError, LookupError) as error:  # a lie about its encoding is one of these
            raise SVGError(str(error)) from None
        for event, element in events:
            name = element.tag.rpartition("}")[2]
            if event == "end":
                element.clear()  # nothing of what was read is kept
                skipping -= bool(skipping)
                matrices.pop()
                paints.pop()
                continue
            count += 1
            if count > MOST_ELEMENTS:
                raise SVGError(f"it has more than {MOST_ELEMENTS:,} elements")
            if len(matrices) > _DEEPEST:
                raise SVGError(f"its groups are nested more than {_DEEPEST} deep")
            attributes = {key.rpartition("}")[2]: value for key, value in element.attrib.items()}
            paints.append(_paint(attributes, paints[-1]))
            skipping += bool(skipping) or name in _SKIPPED or _is_no_ink(name, attributes, paints[-1])
            matrices.append(matrices[-1] if skipping else matrices[-1] @ _matrix(attributes.get("transform", "")))
            if not skipping:
                yield name, attributes, matrices[-1]


def _paint(attributes: dict[str, str], above: dict[str, str]) -> dict[str, str]:
    """What an element is painted with, where it or what it stands in says so."""
    found = {key: attributes[key].strip() for key in _PAINTED if key in attributes}
    for part in attributes.get("style", "")[:10_000].split(";"):
        key, _, value = part.partition(":")
        if key.strip() in _PAINTED:
            found[key.strip()] = value.strip()
    return {**above, **found}


def _is_no_ink(name: str, attributes: dict[str, str], paint: dict[str, str]) -> bool:
    """Whether an element is paper, a guide or hidden: what its name says, or a shape that is filled and has no line."""
    names = " ".join(attributes.get(key, "") for key in ("id", "class", "label"))[:1000]
    if _PAPER.search(names) or paint.get("display") == "none" or paint.get("visibility") == "hidden":
        return True
    has_line = paint.get("stroke", "none") != "none"
    return name in _AREAS and not has_line and paint.get("fill", "none") != "none"


def _matrix(text: str) -> np.ndarray:
    """A ``transform`` as a matrix [3, 3]; what is no transform moves nothing."""
    matrix, at = np.eye(3), 0
    if len(text) > 10_000:
        raise SVGError("a transform is longer than any that a program writes")
    while match := _TRANSFORM.match(text, at):
        at = match.end()
        values = [float(number) for number in re.findall(_NUMBER, match[2])]
        if not values:
            continue
        one = np.eye(3)
        kind, first = match[1], values[0]
        if kind == "matrix" and len(values) == 6:
            one[:2] = np.array(values).reshape(3, 2).T
        elif kind == "translate":
            one[:2, 2] = first, values[1] if len(values) > 1 else 0.0
        elif kind == "scale":
            one[0, 0], one[1, 1] = first, values[1] if len(values) > 1 else first
        elif kind == "rotate":
            cos, sin = math.cos(math.radians(first)), math.sin(math.radians(first))
            one[:2, :2] = [[cos, -sin], [sin, cos]]
            if len(values) == 3:
                center = np.array(values[1:])
                one[:2, 2] = center - one[:2, :2] @ center
        elif kind.startswith("skew"):
            one[(0, 1) if kind == "skewX" else (1, 0)] = math.tan(math.radians(first))
        matrix = matrix @ one
    return matrix


# --- shapes ----------------------------------------------------------------------------------------------------------


def _curves(name: str, attributes: dict[str, str], room: int) -> Iterator[Curve]:
    def number(key: str, otherwise: float = 0.0) -> float:
        match = re.match(rf"\s*({_NUMBER})", attributes.get(key, "")[:60])
        return float(match[1]) if match else otherwise

    if name == "path":
        yield from _path(attributes.get("d", ""), room)
    elif name == "line":
        yield _lines([complex(number("x1"), number("y1")), complex(number("x2"), number("y2"))])
    elif name in ("polyline", "polygon"):
        values = [float(match[0]) for match in re.finditer(_NUMBER, attributes.get("points", ""))]
        if len(values) // 2 > room:
            raise SVGError(_TOO_MANY)
        points = [complex(x, y) for x, y in zip(values[::2], values[1::2], strict=False)]
        if points:
            yield _lines([*points, points[0]] if name == "polygon" else points)
    elif name == "rect":
        corner, width, height = complex(number("x"), number("y")), number("width"), number("height")
        if width > 0 and height > 0:
            yield _lines([corner, corner + width, corner + complex(width, height), corner + 1j * height, corner])
    elif name in ("circle", "ellipse"):
        x, y = number("rx", number("r")), number("ry", number("r"))
        if x > 0 and y > 0:
            yield _ellipse(complex(number("cx"), number("cy")), x, y)


def _lines(points: Sequence[complex]) -> Curve:
    if len(points) == 1:
        points = [points[0]] * 2
    return [(a, a, b, b) for a, b in itertools.pairwise(points)]


def _ellipse(center: complex, x: float, y: float) -> Curve:
    quarter = [1, 1 + _CIRCLE * 1j, _CIRCLE + 1j, 1j]
    turned = [[point * 1j**turn for point in quarter] for turn in range(4)]
    a, b, c, d = ([center + complex(x * part[k].real, y * part[k].imag) for part in turned] for k in range(4))
    return list(zip(a, b, c, d, strict=True))


def _path(text: str, room: int) -> Iterator[Curve]:
    """The subpaths of path data; like a browser, as far as it can be read."""
    curve: Curve = []
    at, start = 0j, 0j
    control, last = 0j, ""  # the second control point of the curve before, for S and T
    for command, values in _commands(text):
        name, here = command.upper(), at if command.islower() else 0j
        if name == "M":
            if curve:
                yield curve
            curve, at, start = [], here + complex(*values), here + complex(*values)
        elif name == "Z":
            curve.append((at, at, start, start))
            at = start
        elif name in "LHV":
            x = values[0] + here.real if name in "LH" else at.real
            y = values[-1] + here.imag if name in "LV" else at.imag
            curve.append((at, at, complex(x, y), complex(x, y)))
            at = complex(x, y)
        elif name in "CSQT":
            points = [here + complex(x, y) for x, y in zip(values[::2], values[1::2], strict=True)]
            if name in "ST":
                points.insert(0, 2 * at - control if last in ("CS" if name == "S" else "QT") and last else at)
            end, control = points[-1], points[-2]
            first, second = points[:2] if name in "CS" else (at + (control - at) * 2 / 3, end + (control - end) * 2 / 3)
            curve.append((at, first, second, end))
            at = end
        elif name == "A":
            end = here + complex(values[5], values[6])
            curve += _arc(at, values[:3], bool(values[3]), bool(values[4]), end)
            at = end
        last = name
        room -= 1
        if room < 0:
            raise SVGError(_TOO_MANY)
        if name == "Z":
            yield curve
            curve = []
    if curve:
        yield curve


def _commands(text: str) -> Iterator[tuple[str, list[float]]]:
    """Commands with their numbers; one whose numbers go on is given again, a move as a line."""
    at, command = 0, ""
    while match := _TOKEN.match(text, at):
        if match[1]:
            command, at = match[1], match.end()
            if command in "Zz":
                yield command, []
                command = ""
                continue
        if not command:
            return
        values: list[float] = []
        count = _ARGUMENTS[command.upper()]
        while len(values) < count:
            flag = command in "Aa" and len(values) in (3, 4)
            number = (_FLAG if flag else _TOKEN).match(text, at)
            if number is None or (not flag and number[2] is None):
                return
            values.append(float(number[1] if flag else number[2]))
            at = number.end()
        yield command, values
        command = {"M": "L", "m": "l"}.get(command, command)


def _arc(start: complex, shape: Sequence[float], large: bool, sweep: bool, end: complex) -> Curve:
    """An elliptical arc as Béziers of a quarter at most (SVG 1.1, F.6.5)."""
    rx, ry, turn = abs(shape[0]), abs(shape[1]), complex(math.cos(math.radians(shape[2])),
                                                         math.sin(math.radians(shape[2])))  # fmt: skip
    if not (rx and ry) or start == end:
        return [(start, start, end, end)]

    def unit(point: complex) -> complex:
        """The point where the ellipse is a unit circle."""
        turned = point * turn.conjugate()
        return complex(turned.real / rx, turned.imag / ry)

    def back(point: complex) -> complex:
        return complex(point.real * rx, point.imag * ry) * turn

    a, b = unit(start), unit(end)
    half = abs(b - a) / 2
    if not math.isfinite(half):
        return [(start, start, end, end)]
    scale = max(1.0, half)  # an ellipse that is too small for its ends grows
    a, b, half = a / scale, b / scale, half / scale
    across = (b - a) / (2 * half) if half else 0j
    center = (a + b) / 2 + (1j if large != sweep else -1j) * across * math.sqrt(max(0.0, 1 - half * half))
    first = math.atan2((a - center).imag, (a - center).real)
    angle = math.atan2((b - center).imag, (b - center).real) - first
    if sweep and angle < 0:
        angle += 2 * math.pi
    elif not sweep and angle > 0:
        angle -= 2 * math.pi
    count = max(1, math.ceil(abs(angle) / (math.pi / 2) - 1e-9))
    step = angle / count
    length = 4 / 3 * math.tan(step / 4)
    curve: Curve = []
    for number in range(count):
        p, q = (complex(math.cos(first + k * step), math.sin(first + k * step)) for k in (number, number + 1))
        points = [center + p, center + p + 1j * length * p, center + q - 1j * length * q, center + q]
        curve.append(tuple(back(point * scale) for point in points))  # type: ignore[arg-type]
    return curve
