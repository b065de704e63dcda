"""A sheet of paper: `PageOptions` says how it is laid out, `Page` is one with handwriting on it, in millimetres.

    options = PageOptions(size="a5", paper="ruled", line_height=8)
    for page in lstm_models.load("writer").write_pages(text, options=options):
        page.save(f"letter-{page.number}.svg")

What fills the pages is in `lstm_models.tasks.handwriting.pages`.
"""

from __future__ import annotations

import io
import json
import math
import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from lstm_models.errors import InputError
from lstm_models.field_checks import check_kinds
from lstm_models.ink.curves import bezier
from lstm_models.ink.drawing import INK, Drawing, check_look
from lstm_models.ink.plotter import PlotterOptions, Sheet, page_gcode, page_hpgl, turned
from lstm_models.ink.svg import RULING, RULING_WIDTH, check_still, clean, closed
from lstm_models.ink.svg import number as decimals
from lstm_models.ink.svg import path as outline
from lstm_models.ink.verdict import Verdict
from lstm_models.io.atomic_write import check_writable, shown, written_whole
from lstm_models.io.save_formats import check_suffix, save_by_suffix
from lstm_models.results import short_repr

__all__ = ["Page", "PageOptions", "save_pdf"]

SIZES = {"a4": (210.0, 297.0), "a5": (148.0, 210.0), "letter": (215.9, 279.4)}
ALIGNMENTS = ("left", "right", "center", "justify")
PAPERS = ("blank", "ruled", "squared")
ASCENT, DESCENT = 0.8, 0.5  # line heights above and below the baseline that the strokes of a line may take
SUFFIXES = (".svg", ".png", ".pdf", ".json", ".gcode", ".hpgl")
"""What the names of a page's files end in."""
MIN_ROOM = 15.0  # x-heights: a line of some six letters
_MM = 25.4  # of an inch
_PNG_MOST_PIXELS = 100_000_000


@dataclass(frozen=True)
class PageOptions:
    """How pages are laid out; lengths in millimetres.

    Attributes:
        size: a4, a5, letter, or width x height such as 100x150.
        margins: without strokes: one number, or top, right, bottom, left (also as a text such as "25,20,25,30").
        line_height: from one baseline to the next; at least three times `x_height`.
        x_height: of the letters without ascenders and descenders.
        align: left, right, center or justify.
        indent: of the first line of a paragraph, where the text is aligned left or justified.
        paragraph_spacing: between two paragraphs, in line heights; whole ones on paper with lines.
        breaks: whether a line break in the text begins a new line; if not, only blank lines do.
        paper: blank, ruled (a line under every line of writing) or squared (two squares a line).
        drift: how far a line may wander off its baseline; 0 keeps lines straight.
        pen: width of the pen line.

    Raises:
        InputError: an option is out of its range, or the margins leave no room (`usage=True`).
    """

    size: str = "a4"
    margins: float | tuple[float, float, float, float] | str = 20.0
    line_height: float = 9.0
    x_height: float = 2.0
    align: str = "left"
    indent: float = 0.0
    paragraph_spacing: float = 1.0
    breaks: bool = True
    paper: str = "blank"
    drift: float = 0.5
    pen: float = 0.4

    def __post_init__(self) -> None:
        check_kinds(self)
        width, height = _size(self.size)
        object.__setattr__(self, "margins", _margins(self.margins))
        for name, known in (("align", ALIGNMENTS), ("paper", PAPERS)):
            if getattr(self, name) not in known:
                raise _wrong(f"{name} must be one of {', '.join(known)}, not {getattr(self, name)}")
        for name, lowest, highest, unit in (
            ("x_height", 0.8, 20, " mm"),
            ("line_height", 3, 100, " mm"),
            ("paragraph_spacing", 0, 5, " lines"),
            ("pen", 0.05, 3, " mm"),
        ):
            _within(name, getattr(self, name), lowest, highest, unit)
        if self.line_height < 3 * self.x_height:
            raise _wrong(
                f"line_height must be at least three times x_height, {3 * self.x_height:g} mm, or lines run into each "
                f"other; it is {self.line_height:g} mm"
            )
        _within("drift", self.drift, 0, self.line_height / 4, " mm, a quarter of line_height")
        if self.room < MIN_ROOM * self.x_height:
            raise _wrong(
                f"the margins leave {max(0, self.room):g} of {width:g} mm for a line; letters {self.x_height:g} mm "
                f"high need {MIN_ROOM * self.x_height:g} mm"
            )
        if self.lines < 1:
            raise _wrong(
                f"no line of {self.line_height:g} mm fits between the margins of a page {height:g} mm high; a smaller "
                "line_height or smaller margins would be right"
            )
        _within("indent", self.indent, 0, self.room / 2, " mm, half a line")

    @property
    def width(self) -> float:
        """Of the paper."""
        return _size(self.size)[0]

    @property
    def height(self) -> float:
        """Of the paper."""
        return _size(self.size)[1]

    @property
    def sides(self) -> tuple[float, float, float, float]:
        """The margins: top, right, bottom, left."""
        return _margins(self.margins)

    @property
    def left(self) -> float:
        """Where lines begin."""
        return _margins(self.margins)[3]

    @property
    def room(self) -> float:
        """Width of a line between the margins."""
        return self.width - self.left - _margins(self.margins)[1]

    @property
    def lines(self) -> int:
        """Lines on a page."""
        top, _, bottom, _ = _margins(self.margins)
        room = self.height - top - bottom - DESCENT * self.line_height - self.drift
        return max(0, math.floor(room / self.line_height + 1e-9))

    @property
    def spacing(self) -> float:
        """Between two paragraphs, in line heights: on paper with lines, the writing stays on them."""
        return self.paragraph_spacing if self.paper == "blank" else float(math.ceil(self.paragraph_spacing))

    def baseline(self, line: float) -> float:
        """How far down line 0, 1, … stands; fractions stand between."""
        return _margins(self.margins)[0] + (line + 1) * self.line_height

    @property
    def sheet(self) -> Sheet:
        """The page as a plotter takes it."""
        return Sheet(self.width, self.height, self.sides)

    def ruling(self) -> list[np.ndarray]:
        """The printed lines, each its two ends [2, 2]."""
        if self.paper == "blank":
            return []
        if self.paper == "ruled":
            return [_across(self.baseline(line), self.width) for line in range(self.lines)]
        side = self.line_height / 2
        rows = np.arange(self.baseline(0) % side, self.height, side)
        columns = np.arange(self.left % side, self.width, side)
        return [_across(row, self.width) for row in rows] + [
            np.array([[column, 0], [column, self.height]]) for column in columns
        ]


def _across(row: float, width: float) -> np.ndarray:
    return np.array([[0, row], [width, row]])


def _wrong(sentence: str) -> InputError:
    return InputError(sentence, usage=True)


def _within(name: str, value: Any, lowest: float, highest: float, unit: str) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not lowest <= value <= highest:
        shown_value = f"{value:g}" if isinstance(value, (int, float)) else value
        raise _wrong(f"{name} must lie between {lowest:g} and {highest:g}{unit}, not {shown_value}")


def _size(size: str) -> tuple[float, float]:
    named = SIZES.get(str(size).lower())
    if named is not None:
        return named
    numbers = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*[x×]\s*(\d+(?:\.\d+)?)\s*(?:mm)?\s*", str(size).lower())
    if numbers is None:
        raise _wrong(f"size must be {', '.join(SIZES)} or width x height in mm such as 100x150, not {size}")
    width, height = float(numbers[1]), float(numbers[2])
    if not (50 <= width <= 1200 and 50 <= height <= 1200):
        raise _wrong(f"a page must be 50 to 1200 mm wide and high, not {width:g} x {height:g}")
    return width, height


def _margins(given: Any) -> tuple[float, float, float, float]:
    """Top, right, bottom, left."""
    try:
        parts = given.split(",") if isinstance(given, str) else np.atleast_1d(given)
        values = [float(part) for part in parts]
    except (TypeError, ValueError):
        values = []
    values = values * 4 if len(values) == 1 else values
    if len(values) != 4 or not all(0 <= value <= 600 for value in values):
        raise _wrong(f"margins must be one number or top,right,bottom,left, each from 0 to 600 mm, not {given}")
    return (values[0], values[1], values[2], values[3])


@dataclass(frozen=True, eq=False)
class Page:
    """One page of handwriting.

    Attributes:
        number: from 1.
        strokes: each [points, 2] float32 in millimetres from the top left corner, x right, y down; read-only.
        text: its lines, as they were written.
        options: its paper.
        style: the name of the hand.
        seed: what the random numbers of all pages started from.
        notes: sentences about the whole text, such as "“é” was written as “e”"; on the first page only.
        verdict: what a reader made of the lines, where they were re-read.
        drawn: numbers of the strokes that no model wrote, as of a `Drawing`.
    """

    number: int
    strokes: tuple[np.ndarray, ...]
    text: str
    options: PageOptions
    style: str = ""
    seed: int | None = None
    notes: tuple[str, ...] = ()
    verdict: Verdict | None = None
    drawn: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        checked = Drawing(tuple(self.strokes), self.text, drawn=self.drawn)
        object.__setattr__(self, "strokes", checked.strokes)
        object.__setattr__(self, "drawn", checked.drawn)
        object.__setattr__(self, "notes", tuple(self.notes))

    @property
    def drawing(self) -> Drawing:
        """The strokes alone in the pixels of a screen, 96 an inch: for every format that a `Drawing` has."""
        strokes = tuple(stroke * np.float32(96 / _MM) for stroke in self.strokes)
        return Drawing(strokes, self.text, self.style, self.seed, self.notes, self.drawn, self.verdict)

    def __repr__(self) -> str:
        return short_repr(self, self.text, number=self.number, strokes=len(self.strokes))

    def _repr_svg_(self) -> str:
        """The page for a notebook."""
        return self.svg(background="#ffffff")

    def svg(self, color: str = INK, background: str | None = None, *, kind: str = "plain") -> str:
        """The page as one SVG document in millimetres; the printed lines are a group of their own, `ruling`.

        Args:
            color: of the ink; any CSS colour.
            background: of the paper; None leaves it transparent.
            kind: `plain`, or `pressure`: filled shapes, wider where the pen was slower.

        Raises:
            InputError: there is no such kind.
        """
        check_still(kind, "a page")
        width, height = decimals(self.options.width), decimals(self.options.height)
        lines = [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}mm" height="{height}mm" '
            f'viewBox="0 0 {width} {height}" role="img" aria-label={quoteattr(clean(self.text) or "Empty page")}>',
            f"<title>Page {self.number}</title>",
            f"<desc>{escape(clean(self.drawing.description))}</desc>",
        ]
        if background is not None:
            lines.append(f'<rect width="{width}" height="{height}" fill={quoteattr(clean(background))}/>')
        ruling = self.options.ruling()
        if ruling:
            lines.append(f'<g id="ruling" fill="none" stroke="{RULING}" stroke-width="{RULING_WIDTH}">')
            lines += [f'<path d="M{_pair(start)}L{_pair(end)}"/>' for start, end in ruling]
            lines.append("</g>")
        ink = quoteattr(clean(color))
        if kind == "pressure":
            from lstm_models.ink import pen_pressure

            lines.append(f'<g id="ink" fill={ink} stroke="none">')
            pixels = pen_pressure.shapes(self.drawing.strokes, self.options.pen * 96 / _MM)
            lines += [f'<path d="{closed([part * _MM / 96 for part in parts])}"/>' for parts in pixels]
        else:
            lines.append(
                f'<g id="ink" fill="none" stroke={ink} stroke-width="{decimals(self.options.pen)}" '
                'stroke-linecap="round" stroke-linejoin="round">'
            )
            lines += [f'<path d="{outline(bezier(stroke))}"/>' for stroke in self.strokes]
        return "\n".join([*lines, "</g>", "</svg>", ""])

    def png(self, dpi: float = 200.0, color: str = INK, background: str = "#ffffff", *, kind: str = "plain") -> bytes:
        """The page as a PNG file of `dpi` pixels an inch; `kind` is that of `svg`.

        Raises:
            InputError: `dpi` is not above zero or makes more than 100 million pixels; a colour means nothing; there is
                no such kind.
        """
        from PIL import Image, ImageColor, ImageDraw

        from lstm_models.ink.raster import coverage

        check_still(kind, "a page")
        if not (math.isfinite(dpi) and dpi > 0):
            raise _wrong(f"The dots per inch of a picture must be above zero, not {dpi}.")
        scale = dpi / _MM
        columns, rows = (max(1, round(side * scale)) for side in (self.options.width, self.options.height))
        if columns * rows > _PNG_MOST_PIXELS:
            raise _wrong(f"The picture would have {columns} x {rows} pixels, more than 100 million; take fewer dpi.")
        try:
            ink, paper = (ImageColor.getcolor(each, "RGB") for each in (color, background))
        except ValueError as error:
            raise _wrong(f"A PNG needs a colour such as #1a2a5c or navy: {error}.") from error
        picture = Image.new("RGB", (columns, rows), paper)
        draw = ImageDraw.Draw(picture)
        for line in self.options.ruling():
            draw.line([tuple(point) for point in (line * scale).tolist()], RULING, max(1, round(RULING_WIDTH * scale)))
        mask = coverage(self.strokes, self.options.pen, columns, rows, scale=scale, kind=kind)
        picture.paste(Image.new("RGB", (columns, rows), ink), (0, 0), mask)
        buffer = io.BytesIO()
        picture.save(buffer, format="PNG", dpi=(dpi, dpi))
        return buffer.getvalue()

    def json(self) -> str:
        """The page as JSON: its paper, what it says, and `strokes`, lists of [x, y]; all lengths in mm."""
        strokes = [[[round(float(x), 3), round(float(y), 3)] for x, y in stroke] for stroke in self.strokes]
        about: dict[str, Any] = {
            "format": "lstm-models page",
            "version": 1,
            "page": self.number,
            "size": [self.options.width, self.options.height],
            "paper": self.options.paper,
            "line_height": self.options.line_height,
            "pen": self.options.pen,
            "text": self.text,
            "style": self.style,
            "seed": self.seed,
            "notes": list(self.notes),
        }
        if self.verdict is not None:
            about["verdict"] = self.verdict.as_dict()
        if self.drawn:
            about["drawn"] = list(self.drawn)
        return json.dumps({**about, "strokes": strokes}) + "\n"

    def gcode(self, options: PlotterOptions | None = None) -> str:
        """The writing as G-code at its true size, the sheet's lower left corner at the origin or `x_mm`, `y_mm`.

        Where the bed is too small for the upright page, the page lies on its side, its top to the left. Printed lines
        are not plotted.

        Raises:
            InputError: the page does not fit on the bed either way; `width_mm` is given.
        """
        return page_gcode(
            self.strokes, self.options.sheet, [self.text, f"page {self.number}"], options or PlotterOptions()
        )

    def hpgl(self, options: PlotterOptions | None = None) -> str:
        """Likewise as HPGL.

        Raises:
            InputError: as `gcode`, or the page goes beyond the numbers HPGL has.
        """
        return page_hpgl(self.strokes, self.options.sheet, options or PlotterOptions())

    def save(
        self,
        path: str | os.PathLike[str],
        *,
        kind: str | None = None,
        plotter: PlotterOptions | None = None,
        color: str | None = None,
        background: str | None = None,
        dpi: float | None = None,
    ) -> Path:
        """Write the page to a file, whole or not at all, and give back its path.

        Args:
            path: the suffix picks the format: .svg, .png, .pdf, .json, .gcode or .hpgl.
            kind: of a .svg, .png or .pdf: `plain` or `pressure`; None is `plain`.
            plotter: for .gcode and .hpgl.
            color: of the ink in a .svg, .png or .pdf.
            background: of the paper in a .svg or .png.
            dpi: pixels an inch of a .png; 200 where None.

        Raises:
            InputError: the suffix is another one, an option does not go with it, the folder is missing, the path is a
                folder, or the disk refuses; as the function of the format.
        """
        path = check_page_path(path, kind=kind, plotter=plotter, color=color, background=background, dpi=dpi)
        line, ink = kind or "plain", color or INK
        if path.suffix.lower() == ".pdf":
            return save_pdf([self], path, ink, kind=line)
        formats: dict[str, Callable[[], str | bytes]] = {
            ".svg": lambda: self.svg(ink, background, kind=line),
            ".png": lambda: self.png(dpi or 200.0, ink, background or "#ffffff", kind=line),
            ".json": self.json,
            ".gcode": lambda: self.gcode(plotter),
            ".hpgl": lambda: self.hpgl(plotter),
        }
        return save_by_suffix(path, formats, "a page")


def check_page_path(
    path: str | os.PathLike[str],
    *,
    kind: str | None = None,
    plotter: PlotterOptions | None = None,
    options: PageOptions | None = None,
    color: str | None = None,
    background: str | None = None,
    dpi: float | None = None,
) -> Path:
    """The path, where pages can be saved there: to be known before they are written.

    Args:
        path: of the file.
        kind: as for `Page.save`.
        plotter: likewise.
        options: of the pages, if they are known: whether the plotter's bed is large enough is looked at then.
        color, background, dpi: as for `Page.save`.

    Raises:
        InputError: the suffix is none of a page's, an option does not go with it, or no file can come to lie there.
    """
    path = check_suffix(path, SUFFIXES, "a page")
    suffix = path.suffix.lower()
    plotted = suffix in (".gcode", ".hpgl")
    if kind is not None and suffix not in (".svg", ".png", ".pdf"):
        raise _wrong(f"{shown(path)} has no kinds; a .svg, .png or .pdf does.")
    check_still(kind or "plain", "a page")
    if plotter is not None and not plotted:
        raise _wrong(f"{shown(path)} is not for a plotter; a .gcode or .hpgl is.")
    if background == "transparent" or (background is not None and suffix == ".pdf"):
        raise _wrong(f"{shown(path)}: a page is opaque, and of a .pdf white; --background is for its .svg or .png.")
    check_look(path, color=color, background=background, dpi=dpi)
    if plotted and options is not None:
        turned(options.sheet, plotter or PlotterOptions())
    check_writable(path)
    return path


def save_pdf(pages: Iterable[Page], path: str | os.PathLike[str], color: str = INK, *, kind: str = "plain") -> Path:
    """Write pages, as they come, to one PDF file, whole or not at all, and give back its path.

    Args:
        pages: at least one.
        path: of the file.
        color: of the ink; a colour such as #1a2a5c or navy.
        kind: `plain`, or `pressure`: wider where the pen was slower.

    Raises:
        InputError: there is no page, the folder is missing, the path is a folder, or the disk refuses; the colour means
            nothing, or there is no such kind.
    """
    from lstm_models.ink.pdf import PagesPdf

    path = Path(path)
    check_writable(path)
    pages = iter(pages)
    page = next(pages, None)
    if page is None:
        raise _wrong(f"{shown(path)}: there is no page to save")
    with written_whole(path) as file:
        document = PagesPdf(file, color, kind)
        while page is not None:
            options = page.options
            document.add(page.drawing.strokes, (options.width, options.height), options.pen, options.ruling())
            page = next(pages, None)
        document.close()
    return path


def _pair(point: np.ndarray) -> str:
    return f"{decimals(point[0])} {decimals(point[1])}"
