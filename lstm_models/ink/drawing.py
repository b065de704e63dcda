"""`Drawing`, what the handwriting writer returns: pen strokes, the text they say, and how they were made.

It renders itself for screens and paper (SVG, PNG, PDF), for pen plotters (G-code, HPGL) and as data (JSON); `save`
picks by the suffix::

    drawing = lstm_models.load("writer").write("Dear reader,", seed=1)
    drawing.save("letter.svg")
    drawing.save("letter.svg", kind="animated")
    drawing.save("letter.gcode", plotter=PlotterOptions(width_mm=150))
"""

from __future__ import annotations

import io
import json
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from lstm_models.errors import InputError
from lstm_models.ink import svg as vectors
from lstm_models.ink.curves import Box, bezier
from lstm_models.ink.plotter import PlotterOptions, gcode, hpgl
from lstm_models.ink.verdict import Verdict
from lstm_models.io.atomic_write import check_writable, shown
from lstm_models.io.save_formats import check_suffix, save_by_suffix
from lstm_models.results import short_repr

__all__ = ["INK", "SUFFIXES", "Box", "Drawing", "check_drawing_path"]

INK = "#1a2a5c"
SUFFIXES = (".svg", ".png", ".pdf", ".json", ".gcode", ".hpgl")
"""What the names of a drawing's files end in."""

_PNG_MOST_PIXELS = 100_000_000


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
        drawn: numbers of the strokes, from 0, that no model wrote: accents, and characters from a font. Those of
            strokes left out fall away.
        verdict: what a reader made of it, where it was re-read.

    Raises:
        ValueError: a stroke is not `[points, 2]`, or has a coordinate that is not finite; there is no stroke of a
            number in `drawn`.
    """

    strokes: tuple[np.ndarray, ...]
    text: str
    style: str = ""
    seed: int | None = None
    notes: tuple[str, ...] = field(default=())
    drawn: tuple[int, ...] = ()
    verdict: Verdict | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "drawn", _numbers(self.drawn, self.strokes))
        object.__setattr__(self, "strokes", _checked(self.strokes))
        object.__setattr__(self, "notes", tuple(self.notes))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Drawing):
            return NotImplemented
        names = ("text", "style", "seed", "notes", "drawn", "verdict")
        if any(getattr(self, name) != getattr(other, name) for name in names):
            return False
        return len(self.strokes) == len(other.strokes) and all(map(np.array_equal, self.strokes, other.strokes))

    def __repr__(self) -> str:
        return short_repr(self, self.text, strokes=len(self.strokes), style=self.style or None, seed=self.seed)

    def _repr_svg_(self) -> str:
        """The drawing for a notebook, on white paper: its ink would not show on a dark page."""
        return self.svg(background="#ffffff")

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
        kind: str = "plain",
        seconds: float | None = None,
    ) -> str:
        """The drawing as one SVG document: smooth curves, one `<path>` a stroke, in writing order.

        Args:
            width: of the pen line, in pixels; of a `pressure` line at the usual speed of the pen.
            color: of the ink; any CSS colour, also `currentColor`.
            margin: empty pixels around the ink.
            background: CSS colour of the paper; None leaves it transparent.
            frame: left, top, right, bottom that the picture shows at the least, before the margin. A drawing that
                grows stays still in it.
            kind: `plain` (lines of one width, for plotters too), `pressure` (filled shapes, wider where the pen was
                slower) or `animated` (writes itself in a browser).
            seconds: how long an animation takes; None goes at the speed of a hand.

        Raises:
            InputError: `width` is not above zero, or `margin` is negative; there is no such kind; `seconds` is not
                above zero, or given for another kind.
        """
        return vectors.svg(
            self.strokes,
            self.text,
            self.description,
            width=width,
            color=color,
            margin=margin,
            background=background,
            frame=frame,
            kind=kind,
            seconds=seconds,
        )

    def png(
        self,
        scale: float = 2.0,
        width: float = 1.6,
        color: str = INK,
        margin: float = 12.0,
        background: str | None = "#ffffff",
        *,
        frame: Box | None = None,
        kind: str = "plain",
    ) -> bytes:
        """The same picture as `svg`, as a PNG file of `scale` pixels a unit, anti-aliased.

        The other arguments are those of `svg`; `background=None` leaves the paper transparent, and the kind is `plain`
        or `pressure`.

        Raises:
            InputError: as `svg`; `scale` is not above zero; the picture would have more than 100 million pixels;
                a colour has no meaning for Pillow.
        """
        from PIL import Image, ImageColor

        from lstm_models.ink.raster import coverage

        vectors.check_still(kind, "a PNG")
        if not (math.isfinite(scale) and scale > 0):
            raise InputError(f"The scale of a picture must be above zero, not {scale}.", usage=True)
        curves = [bezier(stroke) for stroke in self.strokes]
        left, top, right, bottom = vectors.box(curves, width, margin, frame, kind)
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
        mask = coverage(self.strokes, width, columns, rows, scale=scale, origin=(left, top), kind=kind)
        picture = Image.new("RGBA", (columns, rows), paper)
        if background is None:  # ink colour everywhere, covered as far as the mask says: no pale fringe
            assert isinstance(ink, tuple)
            picture = Image.new("RGBA", (columns, rows), (*ink[:3], 0))
            picture.putalpha(mask)
        else:
            picture.paste(Image.new("RGBA", (columns, rows), ink), (0, 0), mask)
            picture = picture.convert("RGB")
        buffer = io.BytesIO()
        picture.save(buffer, format="PNG", dpi=(96 * scale, 96 * scale))
        return buffer.getvalue()

    def pdf(
        self,
        width: float = 1.6,
        color: str = INK,
        margin: float = 12.0,
        background: str | None = None,
        *,
        frame: Box | None = None,
        page: tuple[float, float] | None = None,
        kind: str = "plain",
    ) -> bytes:
        """The same picture as `svg`, as a PDF of one page with lines, not pixels; 96 pixels are one inch.

        Args:
            width: as for `svg`, as are the next four.
            color: such as #1a2a5c or navy.
            margin: as for `svg`.
            background: as for `svg`.
            frame: as for `svg`.
            page: width and height of the page in mm. The picture comes to lie in its middle, made smaller if it does
                not fit; with a `frame`, the frame is the page. None makes the page as large as the picture.
            kind: `plain` or `pressure`, as for `svg`.

        Raises:
            InputError: as `svg`; the page has no size a PDF can have; a colour has no meaning for Pillow.
        """
        from lstm_models.ink.pdf import pdf

        return pdf(
            self.strokes,
            self.text,
            self.description,
            width=width,
            color=color,
            margin=margin,
            background=background,
            frame=frame,
            page=page,
            kind=kind,
        )

    def gcode(self, options: PlotterOptions | None = None) -> str:
        """The drawing as G-code for a pen plotter; see `PlotterOptions`.

        Raises:
            InputError: the drawing does not fit on the bed; the sentence says by how much.
        """
        return gcode(self.strokes, self.text, options or PlotterOptions())

    def hpgl(self, options: PlotterOptions | None = None) -> str:
        """The drawing as HPGL, 40 units a millimetre; of `PlotterOptions`, what is about size and place counts.

        Raises:
            InputError: the drawing does not fit on the bed, or goes beyond the numbers HPGL has.
        """
        return hpgl(self.strokes, options or PlotterOptions())

    def json(self) -> str:
        """The drawing as JSON: `strokes` (lists of [x, y], two decimals), `text`, `style`, `seed`, `notes`, `drawn`.

        Without strokes that were drawn, there is no `drawn`; what a reader made of it is its `verdict`.
        """
        strokes = [[[round(float(x), 2), round(float(y), 2)] for x, y in stroke] for stroke in self.strokes]
        about: dict[str, Any] = {"text": self.text, "style": self.style, "seed": self.seed, "notes": list(self.notes)}
        if self.drawn:
            about["drawn"] = list(self.drawn)
        if self.verdict is not None:
            about["verdict"] = self.verdict.as_dict()
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
        drawn = read.get("drawn", [])
        if not isinstance(drawn, list) or not all(type(number) is int for number in drawn):
            raise InputError('The "drawn" of a drawing are numbers of strokes.')
        verdict = Verdict.from_dict(read["verdict"]) if read.get("verdict") is not None else None
        try:
            return cls(tuple(read["strokes"]), text, style, seed, tuple(notes), tuple(drawn), verdict)
        except (TypeError, ValueError, OverflowError) as error:
            raise InputError(f"The strokes of this drawing cannot be read: {error}") from error

    def save(
        self,
        path: str | os.PathLike[str],
        *,
        kind: str | None = None,
        seconds: float | None = None,
        plotter: PlotterOptions | None = None,
        color: str | None = None,
        width: float | None = None,
        background: str | None = None,
        dpi: float | None = None,
    ) -> Path:
        """Write the drawing to a file, whole or not at all, and give back its path.

        Args:
            path: the suffix picks the format: .svg, .png, .pdf, .json, .gcode or .hpgl.
            kind: of an SVG, see `svg`; of a PNG or PDF, `plain` or `pressure`. None is `plain`.
            seconds: of an animated SVG, see `svg`.
            plotter: for .gcode and .hpgl.
            color: of the ink in a .svg, .png or .pdf; its usual blue where None.
            width: of the pen line there, in pixels, of which 96 are an inch; 1.6 where None.
            background: of the paper there; "transparent" for none. None is white in a .png, and none elsewhere.
            dpi: pixels an inch of a .png; 192 where None.

        Raises:
            InputError: the suffix is another one, an option does not go with it, the folder is missing, the path is a
                folder, or the disk refuses; as the function of the format.
        """
        look: dict[str, Any] = {"color": color, "width": width, "background": background}
        path = check_drawing_path(path, kind=kind, seconds=seconds, plotter=plotter, dpi=dpi, **look)
        given = {name: value for name, value in look.items() if value is not None}
        if background == "transparent":
            given["background"] = None
        scale: dict[str, Any] = {} if dpi is None else {"scale": dpi / 96}
        formats: dict[str, Callable[[], str | bytes]] = {
            ".svg": lambda: self.svg(kind=kind or "plain", seconds=seconds, **given),
            ".png": lambda: self.png(kind=kind or "plain", **scale, **given),
            ".pdf": lambda: self.pdf(kind=kind or "plain", **given),
            ".json": self.json,
            ".gcode": lambda: self.gcode(plotter),
            ".hpgl": lambda: self.hpgl(plotter),
        }
        return save_by_suffix(path, formats, "a drawing")

    @property
    def description(self) -> str:
        """What made the drawing: the style, the seed and the notes, in half a sentence."""
        made = "Handwriting by lstm-models"
        made += f", style {self.style}" if self.style else ""
        made += f", seed {self.seed}" if self.seed is not None else ""
        return made + "".join(f"; {note}" for note in self.notes)


def check_drawing_path(
    path: str | os.PathLike[str],
    *,
    kind: str | None = None,
    seconds: float | None = None,
    plotter: PlotterOptions | None = None,
    color: str | None = None,
    width: float | None = None,
    background: str | None = None,
    dpi: float | None = None,
) -> Path:
    """The path, where a drawing can be saved there with these options: to be known before one is made.

    Raises:
        InputError: the suffix is none of a drawing's, an option does not go with it, or no file can come to lie there.
    """
    path = check_suffix(path, SUFFIXES, "a drawing")
    suffix = path.suffix.lower()
    if suffix == ".svg":
        vectors.check(kind or "plain", seconds)
    elif seconds is not None:
        raise InputError(f"{shown(path)} does not move and takes no seconds; an animated .svg does.", usage=True)
    elif suffix in (".png", ".pdf"):
        vectors.check_still(kind or "plain", shown(path))
    elif kind is not None:
        raise InputError(f"{shown(path)} has no kinds; a .svg, .png or .pdf does.", usage=True)
    if plotter is not None and suffix not in (".gcode", ".hpgl"):
        raise InputError(f"{shown(path)} is not for a plotter; a .gcode or .hpgl is.", usage=True)
    check_look(path, color=color, width=width, background=background, dpi=dpi)
    check_writable(path)
    return path


def check_look(
    path: Path,
    *,
    color: str | None = None,
    width: float | None = None,
    background: str | None = None,
    dpi: float | None = None,
) -> None:
    """Check how the ink is to look in a file of that name.

    Raises:
        InputError: the format has no such option, or it has no such value (``usage=True``).
    """
    suffix = path.suffix.lower()
    for name, value in {"color": color, "width": width, "background": background}.items():
        if value is not None and suffix not in (".svg", ".png", ".pdf"):
            raise InputError(f"{shown(path)} has no {name}; a .svg, .png or .pdf does.", usage=True)
    if dpi is not None and suffix != ".png":
        raise InputError(f"{shown(path)} has no pixels; dpi is for a .png.", usage=True)
    if dpi is not None and not 10 <= dpi <= 2400:
        raise InputError(f"dpi must be from 10 to 2400, not {dpi:g}", usage=True)
    for name, value in {"color": color, "background": background}.items():
        if value is not None and value != "transparent" and not _is_color(value):
            raise InputError(f"{name} is {value:.40}; a colour such as navy or #1a2a5c would be right", usage=True)
    if color == "transparent":
        raise InputError("the ink cannot be transparent: nothing would be seen", usage=True)


def _is_color(value: str) -> bool:
    from PIL import ImageColor

    try:
        ImageColor.getrgb(value[:100])
    except ValueError:
        return value == "currentColor"
    return len(value) <= 100


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


def _numbers(drawn: Sequence[int], strokes: Sequence[Any]) -> tuple[int, ...]:
    """The numbers in order, each once, as they are when the strokes without a point are gone."""
    if not len(drawn):
        return ()
    kept = np.cumsum([np.size(stroke) > 0 for stroke in strokes]) - 1
    numbers = sorted({int(number) for number in drawn})
    if not 0 <= numbers[0] <= numbers[-1] < len(strokes):
        raise ValueError(f"There is no stroke {numbers[0] if numbers[0] < 0 else numbers[-1]} to be a drawn one.")
    return tuple(int(kept[number]) for number in numbers if np.size(strokes[number]))
