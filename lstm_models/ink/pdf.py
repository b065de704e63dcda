"""Drawings and pages as PDF, drawn by matplotlib's PDF backend: curves and exact sizes, no pixels, no fonts."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import IO, Any

import numpy as np

from lstm_models.errors import InputError
from lstm_models.ink import curves as geometry
from lstm_models.ink.curves import Box
from lstm_models.ink.svg import RULING, RULING_WIDTH, check_still, clean
from lstm_models.ink.svg import box as picture_box

__all__ = ["PagesPdf", "pdf"]

PIXEL = 0.75  # points (1/72 inch) of a CSS pixel (1/96 inch)
MILLIMETRE = 72 / 25.4  # points
LONGEST = 14_400  # points: the longest side that readers must support (ISO 32000-1, annex C)
SHORTEST = 3  # points: the shortest, see there


def pdf(
    strokes: Sequence[np.ndarray],
    text: str,
    description: str,
    *,
    width: float,
    color: str,
    margin: float,
    background: str | None,
    frame: Box | None,
    page: tuple[float, float] | None,
    kind: str,
) -> bytes:
    """Strokes as a PDF; see `lstm_models.ink.drawing.Drawing.pdf` for the other arguments and the errors.

    Args:
        strokes: each [points, 2] in pixels.
        text: what they say.
        description: what made them, in half a sentence.
    """
    from matplotlib.backends.backend_pdf import FigureCanvasPdf
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle
    from matplotlib.transforms import Affine2D, IdentityTransform

    check_still(kind, "a PDF")
    curves = [geometry.bezier(stroke) for stroke in strokes]
    box = picture_box(curves, width, margin, frame, kind)
    if page is not None and frame is not None:
        box = frame
    columns, rows, scale = _layout(box, page)
    ink, paper = _rgba(color), None if background is None else _rgba(background)
    figure = Figure(figsize=(columns / 72, rows / 72), dpi=72)
    figure.patch.set_visible(False)
    FigureCanvasPdf(figure)
    if paper is not None:
        figure.add_artist(Rectangle((0, 0), columns, rows, facecolor=paper, linewidth=0, transform=IdentityTransform()))
    # The middle of the picture onto the middle of the page; y goes up in a PDF
    place = Affine2D().translate(-(box[0] + box[2]) / 2, -(box[1] + box[3]) / 2)
    place = place.scale(scale, -scale).translate(columns / 2, rows / 2)
    for each in outlines(strokes, width, kind):
        shape = _outline([place.transform(part) for part in each])
        figure.add_artist(_patch(shape, ink, width * scale, kind, transform=IdentityTransform()))
    buffer = io.BytesIO()
    about = {"Title": clean(text), "Subject": clean(description), "Creator": "lstm-models"}
    # No date, so that the same drawing is the same file
    figure.savefig(buffer, format="pdf", metadata={**about, "CreationDate": None, "Producer": None})
    return buffer.getvalue()


def _layout(box: Box, page: tuple[float, float] | None) -> tuple[float, float, float]:
    """Width and height of the page in points, and points a pixel of the drawing."""
    across, down = box[2] - box[0], box[3] - box[1]
    if page is None:
        size, scale = (across * PIXEL, down * PIXEL), PIXEL
    else:
        size = (page[0] * MILLIMETRE, page[1] * MILLIMETRE)
        if not all(math.isfinite(side) and side > 0 for side in page):
            raise InputError(f"A page has a width and a height above zero mm, not {page[0]} x {page[1]}.", usage=True)
        scale = min(PIXEL, size[0] / across, size[1] / down)
    if not all(SHORTEST <= side <= LONGEST for side in size):
        shown_size = " x ".join(f"{side / MILLIMETRE:.0f}" for side in size)
        raise InputError(
            f"The page would be {shown_size} mm, and the sides of a PDF page are {math.ceil(SHORTEST / MILLIMETRE)} to "
            f"{LONGEST / MILLIMETRE:.0f} mm long.",
            usage=True,
        )
    return (*size, scale)


def _rgba(color: str) -> tuple[float, ...]:
    from PIL import ImageColor

    try:
        channels = ImageColor.getcolor(color, "RGBA")
    except ValueError as error:
        raise InputError(f"A PDF needs a colour such as #1a2a5c or navy: {error}.", usage=True) from error
    assert isinstance(channels, tuple)
    return tuple(channel / 255 for channel in channels)


def outlines(strokes: Sequence[np.ndarray], width: float, kind: str) -> list[list[np.ndarray]]:
    """Of each stroke its lines, or the closed outlines of its ink where the kind is `pressure`.

    Each is `[1 + 3 * segments, 2]`: a start and the other three control points of every Bézier.
    """
    from lstm_models.ink import pen_pressure

    if kind == "pressure":
        shapes = pen_pressure.shapes(strokes, width)
    else:
        shapes = [[geometry.bezier(stroke)] for stroke in strokes]
    return [[np.concatenate([curve[:1, 0], curve[:, 1:].reshape(-1, 2)]) for curve in parts] for parts in shapes]


def _outline(parts: Sequence[np.ndarray]) -> Any:
    """A matplotlib path of `outlines`; a dot becomes a short line, as some readers leave out those of length zero."""
    from matplotlib.path import Path

    points, codes = [], []
    for part in parts:
        if (part == part[0]).all():
            part = part[:1] + np.array([[0, 0], [0.01, 0]])
        points.append(part)
        codes.append([Path.MOVETO, *([Path.LINETO] if len(part) == 2 else [Path.CURVE4] * (len(part) - 1))])
    return Path(np.concatenate(points), np.concatenate(codes))


def _patch(shape: Any, ink: Any, width: float, kind: str, **options: Any) -> Any:
    """The ink of a path: a line `width` points wide, or for `pressure` what it encloses."""
    from matplotlib.patches import PathPatch

    if kind == "pressure":
        return PathPatch(shape, facecolor=ink, edgecolor="none", linewidth=0, snap=False, **options)
    line = {"fill": False, "edgecolor": ink, "linewidth": width, "capstyle": "round", "joinstyle": "round"}
    return PathPatch(shape, **line, snap=False, **options)


class PagesPdf:
    """A PDF of pages that are added as they come: only what is needed to end it is kept in memory.

    Args:
        file: to write to.
        color: of the ink, such as #1a2a5c or navy.
        kind: `plain` or `pressure`, see `lstm_models.ink.svg`.

    Raises:
        InputError: there is no such kind, or the colour has no meaning for Pillow.
    """

    def __init__(self, file: IO[bytes], color: str, kind: str = "plain") -> None:
        from matplotlib.backends.backend_pdf import PdfPages

        check_still(kind, "a PDF")
        self._ink, self._kind = _rgba(color), kind
        # Without a date, the same page is the same file
        self._document = PdfPages(file, metadata={"Creator": "lstm-models", "CreationDate": None})

    def add(
        self, strokes: Sequence[np.ndarray], size: tuple[float, float], pen: float, ruling: Sequence[np.ndarray]
    ) -> None:
        """Write a page.

        Args:
            strokes: each [points, 2] in pixels, 96 an inch, from the top left corner.
            size: width and height of the page in mm.
            pen: width of a line in mm.
            ruling: the printed lines, each its two ends [2, 2] in mm.
        """
        from matplotlib.collections import LineCollection
        from matplotlib.figure import Figure

        width, height = size
        figure = Figure(figsize=(width / 25.4, height / 25.4))
        figure.patch.set_visible(False)
        axes = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(height, 0))
        axes.set_axis_off()
        axes.add_collection(LineCollection(ruling, colors=RULING, linewidths=RULING_WIDTH * MILLIMETRE))
        pixel = 25.4 / 96  # mm
        parts = [pixel * part for each in outlines(strokes, pen / pixel, self._kind) for part in each]
        if parts:
            axes.add_patch(_patch(_outline(parts), self._ink, pen * MILLIMETRE, self._kind))
        self._document.savefig(figure)

    def close(self) -> None:
        """Write what ends the file."""
        self._document.close()
