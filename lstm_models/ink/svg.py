"""A drawing as SVG, in three kinds: `plain`, `pressure` and `animated`.

- `plain`: one line a stroke, all of one width; what plotters and cutters follow.
- `pressure`: filled shapes, wider where the pen was slower (see `lstm_models.ink.pen_pressure`).
- `animated`: writes itself in any browser, without a network and without scripts; where nothing moves (print, an
  editor, a reader who asked for less motion) it is the finished drawing.

    drawing.save("letter.svg", kind="animated", seconds=5)
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Sequence
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from lstm_models.errors import InputError
from lstm_models.ink import curves as geometry
from lstm_models.ink.curves import Box

__all__ = ["KINDS", "box", "check", "check_still", "clean", "closed", "number", "path", "svg", "timing"]

KINDS = ("plain", "pressure", "animated")
RULING, RULING_WIDTH = "#b9c8dc", 0.15  # colour of printed lines, and their width in mm

INK_SPEED = 150.0  # pixels a second: what an animation takes where no time is given
AIR_SPEED = 3.0  # times as fast as on paper: the pen on its way to the next stroke
_SHORTEST = 4.0  # pixels: a dot takes time, too

# What XML 1.0 cannot hold, and the C1 controls it advises against; tab, newline and return stay.
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")

# A dash as long as the path is pushed onto it. The gap is longer and the push begins within it, so that no round cap
# peeps out before its time. Without an animation there is no dash, and the stroke is simply there.
_ANIMATION = (
    "<style>"
    "@keyframes write{from{stroke-dasharray:1 1.02;stroke-dashoffset:1.01}to{stroke-dasharray:1 1.02;"
    "stroke-dashoffset:0}}"
    "path{animation:write linear both}"
    "@media (prefers-reduced-motion:reduce){path{animation:none}}"
    "@media print{path{animation:none}}"
    "</style>"
)


def svg(
    strokes: Sequence[np.ndarray],
    text: str,
    description: str,
    *,
    width: float,
    color: str,
    margin: float,
    background: str | None,
    frame: Box | None,
    kind: str,
    seconds: float | None,
) -> str:
    """Strokes as one SVG document; see `lstm_models.ink.drawing.Drawing.svg` for the other arguments and the errors.

    Args:
        strokes: each [points, 2] in pixels.
        text: what they say.
        description: what made them, in half a sentence.
    """
    check(kind, seconds)
    curves = [geometry.bezier(stroke) for stroke in strokes]
    view = box(curves, width, margin, frame, kind)
    ink = quoteattr(clean(color))
    if kind == "pressure":
        from lstm_models.ink import pen_pressure

        group = f'<g fill={ink} stroke="none">'
        paths = [f'<path d="{closed(parts)}"/>' for parts in pen_pressure.shapes(strokes, width)]
    else:
        group = (
            f'<g fill="none" stroke={ink} stroke-width="{number(width)}" '
            'stroke-linecap="round" stroke-linejoin="round">'
        )
        paths = [f'<path d="{path(curve)}"/>' for curve in curves]
    if kind == "animated":
        times = timing(curves, seconds)
        paths = [
            f'<path pathLength="1" style="animation-delay:{start:.3f}s;animation-duration:{end - start:.3f}s" '
            f'd="{path(curve)}"/>'
            for curve, (start, end) in zip(curves, times, strict=True)
        ]
    head = _ANIMATION if kind == "animated" else ""
    return _document(text, description, view, [group, *paths, "</g>"], background, head)


def check(kind: str, seconds: float | None) -> None:
    """Raise InputError where there is no such kind, or `seconds` is not above zero or goes with another kind."""
    if kind not in KINDS:
        raise InputError(f"The kind of an SVG is one of {', '.join(KINDS)}, not {kind!r}.", usage=True)
    if seconds is not None and kind != "animated":
        raise InputError(f"Only an animated SVG takes seconds, not a {kind} one.", usage=True)
    if seconds is not None and not (math.isfinite(seconds) and seconds > 0):
        raise InputError(f"An animation must take more than zero seconds, not {seconds}.", usage=True)


def check_still(kind: str, name: str) -> None:
    """Raise InputError where the kind is none of a picture that cannot move, which the sentence calls ``name``."""
    if kind == "animated":
        begin = f"A{name[1:]}" if name.startswith("a ") else name
        raise InputError(f"{begin} does not move; only an SVG can be animated.", usage=True)
    if kind not in KINDS:
        raise InputError(f"The kind of {name} is plain or pressure, not {kind!r}.", usage=True)


def box(curves: Sequence[np.ndarray], width: float, margin: float, frame: Box | None, kind: str) -> Box:
    """`lstm_models.ink.curves.picture_box`, with room for the widest line of a `pressure` one."""
    from lstm_models.ink.pen_pressure import WIDEST

    made = geometry.picture_box(curves, width, margin, frame)
    more = width * (WIDEST - 1) / 2 if curves and kind == "pressure" else 0.0
    return (made[0] - more, made[1] - more, made[2] + more, made[3] + more)


def timing(curves: Sequence[np.ndarray], seconds: float | None = None) -> list[tuple[float, float]]:
    """When each stroke of an animation begins and ends, in seconds from its start.

    A stroke takes time in proportion to its length, and the way through the air to the next one a third of that.

    Args:
        curves: Béziers `[segments, 4, 2]` in pixels, one a stroke.
        seconds: when the last stroke ends; None goes at the speed of a hand.
    """
    if not curves:
        return []
    ink = np.array([max(geometry.length(curve), _SHORTEST) for curve in curves])
    ways = np.array([np.linalg.norm(b[0, 0] - a[-1, 3]) for a, b in itertools.pairwise(curves)])
    air = np.concatenate([[0.0], ways / AIR_SPEED])
    ends = np.cumsum(ink + air)
    unit = 1 / INK_SPEED if seconds is None else seconds / ends[-1]
    return [(float(start), float(end)) for start, end in zip((ends - ink) * unit, ends * unit, strict=True)]


def clean(text: str) -> str:
    """The text without the characters that XML cannot hold."""
    return _NOT_XML.sub("", text)


def _document(text: str, description: str, box: Box, body: Sequence[str], background: str | None, head: str) -> str:
    left, top, right, bottom = box
    size = (number(right - left), number(bottom - top))
    label = quoteattr(clean(text) or "Empty drawing")
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{size[0]}" height="{size[1]}" '
        f'viewBox="{number(left)} {number(top)} {size[0]} {size[1]}" role="img" aria-label={label}>',
        f"<title>{escape(clean(text))}</title>",
        f"<desc>{escape(clean(description))}</desc>",
    ]
    if head:
        lines.append(head)
    if background is not None:
        place = f'x="{number(left)}" y="{number(top)}" width="{size[0]}" height="{size[1]}"'
        lines.append(f"<rect {place} fill={quoteattr(clean(background))}/>")
    return "\n".join([*lines, *body, "</svg>", ""])


def path(curve: np.ndarray) -> str:
    """The `d` of an SVG path for Béziers `[segments, 4, 2]`."""
    start = f"M{_pair(curve[0, 0])}"
    if len(curve) == 1 and (curve[0] == curve[0, 0]).all():
        return start + "h0.01"  # not of length zero, which some renderers and most plotters leave out
    return start + "C" + " ".join(_pair(point) for point in curve[:, 1:].reshape(-1, 2))


def closed(outlines: Sequence[np.ndarray]) -> str:
    """The `d` of an SVG path for closed Béziers `[segments, 4, 2]`, as `ink.pen_pressure.shapes` gives."""
    return "".join(path(outline) + "z" for outline in outlines)


def _pair(point: np.ndarray) -> str:
    return f"{number(point[0])} {number(point[1])}"


def number(value: float) -> str:
    """At most two decimals, without trailing zeros and without a negative zero."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
