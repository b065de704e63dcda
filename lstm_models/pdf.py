"""A drawing as a PDF of one page, drawn by matplotlib's PDF backend: curves and exact sizes, no pixels, no fonts."""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING

import numpy as np

from lstm_models import curves as geometry
from lstm_models.curves import Box
from lstm_models.errors import InputError
from lstm_models.svg import clean

if TYPE_CHECKING:
    from lstm_models.drawing import Drawing

__all__ = ["pdf"]

PIXEL = 0.75  # points (1/72 inch) of a CSS pixel (1/96 inch)
MILLIMETRE = 72 / 25.4  # points
MOST = 14_400  # points: the longest side that readers must support (ISO 32000-1, annex C)
LEAST = 3  # points: the shortest, see there


def pdf(
    drawing: Drawing,
    width: float,
    color: str,
    margin: float,
    background: str | None,
    frame: Box | None,
    page: tuple[float, float] | None,
) -> bytes:
    """The drawing as a PDF; see `Drawing.pdf` for what the arguments mean and what is raised."""
    from matplotlib.backends.backend_pdf import FigureCanvasPdf
    from matplotlib.figure import Figure
    from matplotlib.patches import PathPatch, Rectangle
    from matplotlib.path import Path
    from matplotlib.transforms import Affine2D, IdentityTransform

    curves = [geometry.bezier(stroke) for stroke in drawing.strokes]
    box = geometry.picture_box(curves, width, margin, frame)
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
    for curve in curves:
        points = place.transform(np.concatenate([curve[:1, 0], curve[:, 1:].reshape(-1, 2)]))
        if (points == points[0]).all():
            points = points[:1] + np.array(
                [[0, 0], [0.01, 0]]
            )  # a dot: not of length zero, which some readers leave out
        codes = [Path.MOVETO, *([Path.LINETO] if len(points) == 2 else [Path.CURVE4] * (len(points) - 1))]
        stroke = PathPatch(
            Path(points, codes),
            fill=False,
            edgecolor=ink,
            linewidth=width * scale,
            capstyle="round",
            joinstyle="round",
            transform=IdentityTransform(),
        )
        figure.add_artist(stroke)
    written = io.BytesIO()
    about = {"Title": clean(drawing.text), "Subject": clean(drawing.description), "Creator": "lstm-models"}
    # No date, so that the same drawing is the same file
    figure.savefig(written, format="pdf", metadata={**about, "CreationDate": None, "Producer": None})
    return written.getvalue()


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
    if not all(LEAST <= side <= MOST for side in size):
        told = " x ".join(f"{side / MILLIMETRE:.0f}" for side in size)
        raise InputError(
            f"The page would be {told} mm, and the sides of a PDF page are {math.ceil(LEAST / MILLIMETRE)} to "
            f"{MOST / MILLIMETRE:.0f} mm long.",
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
