"""`Drawing`, what the handwriting writer returns: pen strokes, the text they say, and how they were made.

It renders itself to SVG (one path a stroke, for browsers, plotters and animation), PNG and JSON; `save` picks by the
suffix::

    drawing = lstm_models.load("writer").write("Dear reader,", seed=1)
    drawing.save("letter.svg")

The curve through a stroke's points is a centripetal Catmull-Rom spline (Yuksel, Schaefer and Keyser 2011,
"Parameterization and applications of Catmull-Rom curves"), which has no cusps and no loops between two points.
"""

from __future__ import annotations

import io
import json
import math
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from lstm_models.errors import InputError
from lstm_models.files import check_writable, write_whole

INK = "#1a2a5c"
Box = tuple[float, float, float, float]

_BLANK_SIDE = 32.0  # pixels at scale 1: the picture of a drawing without strokes
_PNG_MOST_PIXELS = 100_000_000
_PNG_SUPERSAMPLING = 4  # samples a side of one pixel
_PNG_BAND_SAMPLES = 16_000_000  # one band of rows is drawn at a time, so memory does not grow with the supersampling
# What XML 1.0 cannot hold, and the C1 controls it advises against; tab, newline and return stay.
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True, eq=False)
class Drawing:
    """Pen strokes that say a text.

    Attributes:
        strokes: each `[points, 2]` float32, x to the right, y down, one unit = one SVG pixel at scale 1. The pen is
            down along a stroke and lifted between two. Copied and made read-only; strokes without a point are left out.
        text: what was written.
        style: the name of the hand.
        seed: what the random numbers started from; None where there was none.
        notes: sentences for the user, such as "“é” was written as “e”".

    Raises:
        ValueError: a stroke is not `[points, 2]`, or has a coordinate that is not finite.
    """

    strokes: tuple[np.ndarray, ...]
    text: str
    style: str = ""
    seed: int | None = None
    notes: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        object.__setattr__(self, "strokes", _checked(self.strokes))
        object.__setattr__(self, "notes", tuple(self.notes))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Drawing):
            return NotImplemented
        mine = (self.text, self.style, self.seed, self.notes, len(self.strokes))
        theirs = (other.text, other.style, other.seed, other.notes, len(other.strokes))
        return mine == theirs and all(map(np.array_equal, self.strokes, other.strokes))

    def __hash__(self) -> int:
        return hash((self.text, self.style, self.seed, self.notes, tuple(map(np.ndarray.tobytes, self.strokes))))

    @property
    def bounds(self) -> Box:
        """Least x, least y, greatest x, greatest y of all points, in pixels at scale 1; four zeros when empty."""
        if not self.strokes:
            return (0.0, 0.0, 0.0, 0.0)
        points = np.concatenate(self.strokes)
        left, top = points.min(axis=0)
        right, bottom = points.max(axis=0)
        return (float(left), float(top), float(right), float(bottom))

    def svg(
        self,
        width: float = 1.6,
        color: str = INK,
        margin: float = 12.0,
        background: str | None = None,
        *,
        frame: Box | None = None,
    ) -> str:
        """The drawing as one SVG document: smooth curves, one `<path>` a stroke, in writing order.

        Args:
            width: of the pen line, in pixels.
            color: of the ink; any CSS colour, also `currentColor`.
            margin: empty pixels around the ink.
            background: CSS colour of the paper; None leaves it transparent.
            frame: left, top, right, bottom that the picture shows at the least, before the margin. A drawing that
                grows stays still in it.

        Raises:
            InputError: `width` is not above zero, or `margin` is negative.
        """
        curves = [_bezier(stroke) for stroke in self.strokes]
        left, top, right, bottom = _picture_box(curves, width, margin, frame)
        size = (_number(right - left), _number(bottom - top))
        place = f'x="{_number(left)}" y="{_number(top)}" width="{size[0]}" height="{size[1]}"'
        label = quoteattr(_xml(self.text) or "Empty drawing")
        lines = [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{size[0]}" height="{size[1]}" '
            f'viewBox="{_number(left)} {_number(top)} {size[0]} {size[1]}" role="img" aria-label={label}>',
            f"<title>{escape(_xml(self.text))}</title>",
            f"<desc>{escape(_xml(self._description()))}</desc>",
        ]
        if background is not None:
            lines.append(f"<rect {place} fill={quoteattr(_xml(background))}/>")
        lines.append(
            f'<g fill="none" stroke={quoteattr(_xml(color))} stroke-width="{_number(width)}" '
            'stroke-linecap="round" stroke-linejoin="round">'
        )
        lines += [f'<path d="{_path(curve)}"/>' for curve in curves]
        lines += ["</g>", "</svg>", ""]
        return "\n".join(lines)

    def png(
        self,
        scale: float = 2.0,
        width: float = 1.6,
        color: str = INK,
        margin: float = 12.0,
        background: str | None = "#ffffff",
        *,
        frame: Box | None = None,
    ) -> bytes:
        """The same picture as `svg`, as a PNG file of `scale` pixels a unit, anti-aliased.

        The other arguments are those of `svg`; `background=None` leaves the paper transparent.

        Raises:
            InputError: as `svg`; `scale` is not above zero; the picture would have more than 100 million pixels;
                a colour has no meaning for Pillow.
        """
        from PIL import Image, ImageColor

        if not (math.isfinite(scale) and scale > 0):
            raise InputError(f"The scale of a picture must be above zero, not {scale}.", usage=True)
        curves = [_bezier(stroke) for stroke in self.strokes]
        left, top, right, bottom = _picture_box(curves, width, margin, frame)
        columns, rows = max(1, math.ceil((right - left) * scale)), max(1, math.ceil((bottom - top) * scale))
        if columns * rows > _PNG_MOST_PIXELS:
            raise InputError(
                f"The picture would have {columns} x {rows} pixels, and a PNG may have "
                f"{_PNG_MOST_PIXELS // 10**6} million here; take a smaller scale, or SVG.",
                usage=True,
            )
        try:
            ink = ImageColor.getcolor(color, "RGBA")
            paper = (255, 255, 255, 0) if background is None else ImageColor.getcolor(background, "RGBA")
        except ValueError as error:
            raise InputError(f"A PNG needs a colour such as #1a2a5c or navy: {error}.", usage=True) from error
        samples = scale * _PNG_SUPERSAMPLING
        origin = np.array([left, top])
        lines = [(_flattened(curve, 0.4 / samples) - origin) * samples for curve in curves]
        mask = _coverage(lines, width * samples, columns, rows)
        picture = Image.new("RGBA", (columns, rows), paper)
        if background is None:  # ink colour everywhere, covered as far as the mask says: no pale fringe
            assert isinstance(ink, tuple)
            picture = Image.new("RGBA", (columns, rows), (*ink[:3], 0))
            picture.putalpha(mask)
        else:
            picture.paste(Image.new("RGBA", (columns, rows), ink), (0, 0), mask)
            picture = picture.convert("RGB")
        written = io.BytesIO()
        picture.save(written, format="PNG", dpi=(96 * scale, 96 * scale))
        return written.getvalue()

    def json(self) -> str:
        """The drawing as JSON: `strokes` (lists of [x, y], two decimals), `text`, `style`, `seed` and `notes`."""
        strokes = [[[round(float(x), 2), round(float(y), 2)] for x, y in stroke] for stroke in self.strokes]
        about = {"text": self.text, "style": self.style, "seed": self.seed, "notes": list(self.notes)}
        return json.dumps({"format": "lstm-models drawing", "version": 1, **about, "strokes": strokes}) + "\n"

    @classmethod
    def from_json(cls, document: str | bytes) -> Drawing:
        """The drawing that `json` wrote.

        Raises:
            InputError: the document is not JSON, or not a drawing; the sentence says what is missing.
        """
        try:
            read = json.loads(document)
        except (ValueError, RecursionError) as error:
            raise InputError(f"This is not a JSON document: {error}.") from error
        if not isinstance(read, dict) or not isinstance(read.get("strokes"), list):
            raise InputError('A drawing is a JSON object with "strokes", a list of lists of [x, y].')
        version = read.get("version", 1)
        if version != 1:
            raise InputError(f"This drawing has format version {version!r}; this lstm-models reads version 1.")
        text, style = read.get("text", ""), read.get("style", "")
        seed, notes = read.get("seed"), read.get("notes", [])
        if not isinstance(text, str) or not isinstance(style, str):
            raise InputError('The "text" and the "style" of a drawing are strings.')
        if seed is not None and (not isinstance(seed, int) or isinstance(seed, bool)):
            raise InputError('The "seed" of a drawing is a whole number or null.')
        if not isinstance(notes, list) or not all(isinstance(note, str) for note in notes):
            raise InputError('The "notes" of a drawing are a list of strings.')
        try:
            return cls(strokes=tuple(read["strokes"]), text=text, style=style, seed=seed, notes=tuple(notes))
        except (TypeError, ValueError, OverflowError) as error:
            raise InputError(f"The strokes of this drawing cannot be read: {error}") from error

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the drawing to a `.svg`, `.png` or `.json` file, whole or not at all, and give back its path.

        Raises:
            InputError: the suffix is another one, the folder is missing, the path is a folder, or the disk refuses.
        """
        path = Path(path)
        formats: dict[str, Callable[[], bytes]] = {
            ".svg": lambda: self.svg().encode(),
            ".png": self.png,
            ".json": lambda: self.json().encode(),
        }
        render = formats.get(path.suffix.lower())
        if render is None:
            what = f"with the suffix {path.suffix}" if path.suffix else "without a suffix"
            raise InputError(f"{path} is a name {what}; a drawing is saved as .svg, .png or .json.", usage=True)
        check_writable(path)
        write_whole(path, render())
        return path

    def _description(self) -> str:
        told = "Handwriting by lstm-models"
        told += f", style {self.style}" if self.style else ""
        told += f", seed {self.seed}" if self.seed is not None else ""
        return told + "".join(f"; {note}" for note in self.notes)


def _checked(strokes: Sequence[Any]) -> tuple[np.ndarray, ...]:
    """Read-only float32 copies `[points, 2]` of the strokes that have a point."""
    kept = []
    for number, stroke in enumerate(strokes, start=1):
        with np.errstate(over="ignore"):
            points = np.array(stroke, dtype=np.float32)
        if points.size == 0:
            continue
        if points.ndim != 2 or points.shape[1] != 2:
            raise ValueError(f"Stroke {number} has the shape {list(points.shape)}; a stroke is [points, 2].")
        if not np.isfinite(points).all():
            raise ValueError(f"Stroke {number} has a coordinate that is not a finite number.")
        points.flags.writeable = False
        kept.append(points)
    return tuple(kept)


def _bezier(stroke: np.ndarray) -> np.ndarray:
    """The cubic Béziers `[segments, 4, 2]` (float64) of a centripetal Catmull-Rom spline through points `[points, 2]`.

    Points that repeat the one before are left out; a stroke that is a dot gives `[1, 4, 2]`, all four points equal.
    """
    points = stroke.astype(np.float64)
    moved = np.ones(len(points), dtype=bool)
    moved[1:] = np.abs(np.diff(points, axis=0)).max(axis=1) > 1e-3
    points = points[moved]
    if len(points) == 1:
        return np.broadcast_to(points[:, None], (1, 4, 2)).copy()
    # A mirrored point beyond each end makes the spline leave and arrive straight.
    around = np.concatenate([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
    p0, p1, p2, p3 = around[:-3], around[1:-2], around[2:-1], around[3:]
    steps = np.linalg.norm(np.diff(around, axis=0), axis=1, keepdims=True) ** 0.5
    d1, d2, d3 = steps[:-2], steps[1:-1], steps[2:]
    leave = (d1**2 * p2 - d2**2 * p0 + (2 * d1**2 + 3 * d1 * d2 + d2**2) * p1) / (3 * d1 * (d1 + d2))
    arrive = (d3**2 * p1 - d2**2 * p3 + (2 * d3**2 + 3 * d3 * d2 + d2**2) * p2) / (3 * d3 * (d3 + d2))
    return np.stack([p1, leave, arrive, p2], axis=1)


def _flattened(curve: np.ndarray, tolerance: float) -> np.ndarray:
    """Points `[points, 2]` of a polyline at most `tolerance` from the Béziers `[segments, 4, 2]`.

    A cubic cut into n equal parts is off by at most max |second difference of its control points| * 0.75 / n²
    (Wang 1984, the bound on the second derivative).
    """
    bend = np.linalg.norm(curve[:, :2] - 2 * curve[:, 1:3] + curve[:, 2:], axis=2).max(axis=1)
    parts = np.clip(np.ceil(np.sqrt(0.75 * bend / tolerance)), 1, 64).astype(int)
    pieces = [curve[:1, 0]]
    for control, n in zip(curve, parts, strict=True):
        t = np.arange(1, n + 1)[:, None] / n
        s = 1 - t
        pieces.append(s**3 * control[0] + 3 * s * s * t * control[1] + 3 * s * t * t * control[2] + t**3 * control[3])
    return np.concatenate(pieces)


def _picture_box(curves: Sequence[np.ndarray], width: float, margin: float, frame: Box | None) -> Box:
    """Left, top, right, bottom of the picture: the curves, half a pen line and the margin around them."""
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


def _coverage(lines: Sequence[np.ndarray], width: float, columns: int, rows: int) -> Any:
    """A Pillow mask (mode L, `rows` by `columns`) of how far each pixel is covered by ink.

    `lines` are polylines `[points, 2]` and `width` the pen's, in samples (`_PNG_SUPERSAMPLING` a pixel side).
    """
    from PIL import Image, ImageDraw

    fine = _PNG_SUPERSAMPLING
    mask = Image.new("L", (columns, rows), 0)
    radius = width / 2
    band_rows = max(1, _PNG_BAND_SAMPLES // (columns * fine * fine))
    for start in range(0, rows, band_rows):
        height = min(band_rows, rows - start)
        band = Image.new("L", (columns * fine, height * fine), 0)
        pen = ImageDraw.Draw(band)
        shift = np.array([0.0, start * fine])
        for line in lines:
            moved = line - shift
            if moved[:, 1].max() + radius < 0 or moved[:, 1].min() - radius > height * fine:
                continue
            # Rounded here: Pillow cuts towards zero, which moves what lies above or left of the band.
            discs = np.rint(np.concatenate([moved - radius, moved + radius], axis=1)).astype(int)
            for disc in discs.tolist():  # at every point: round caps and joins
                pen.ellipse(disc, fill=255)
            across = np.diff(moved, axis=0)[:, ::-1] * (1, -1)
            lengths = np.linalg.norm(across, axis=1, keepdims=True)
            across *= radius / np.maximum(lengths, 1e-9)
            quads = np.concatenate(
                [moved[:-1] + across, moved[1:] + across, moved[1:] - across, moved[:-1] - across], 1
            )
            for quad in np.rint(quads).astype(int).tolist():
                pen.polygon(quad, fill=255)
        mask.paste(band.reduce(fine), (0, start))
    return mask


def _path(curve: np.ndarray) -> str:
    """The `d` of an SVG path for Béziers `[segments, 4, 2]`."""
    start = f"M{_pair(curve[0, 0])}"
    if len(curve) == 1 and (curve[0] == curve[0, 0]).all():
        return start + "h0.01"  # not of length zero, which some renderers and most plotters leave out
    return start + "C" + " ".join(_pair(point) for point in curve[:, 1:].reshape(-1, 2))


def _pair(point: np.ndarray) -> str:
    return f"{_number(point[0])} {_number(point[1])}"


def _number(value: float) -> str:
    """At most two decimals, without trailing zeros and without a negative zero."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _xml(text: str) -> str:
    """The text without the characters that XML cannot hold."""
    return _NOT_XML.sub("", text)
