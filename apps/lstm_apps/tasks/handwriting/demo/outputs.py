"""What the writing panel has written: a drawing, or pages that wait on the disk; how they are shown and saved."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from lstm_apps.demo import components
from lstm_apps.tasks.handwriting.demo.inputs import PIXEL_MM, Look
from lstm_models.errors import InputError
from lstm_models.ink.curves import Box, bezier
from lstm_models.ink.drawing import Drawing
from lstm_models.ink.page import Page, save_pdf
from lstm_models.ink.plotter import PlotterOptions
from lstm_models.ink.svg import timing
from lstm_models.io.atomic_write import write_whole

__all__ = ["FORMATS", "LineOutput", "PagesOutput", "animated"]

FORMATS = {
    "svg": "SVG",
    "pressure": "SVG with pen pressure",
    "animated": "SVG that writes itself",
    "png": "PNG",
    "pdf": "PDF",
    "json": "JSON",
    "gcode": "G-code",
    "hpgl": "HPGL",
}
"""What can be saved -> what its button says."""


def animated(drawing: Drawing, look: Look, speed: float, frame: Box | None = None, margin: float = 12.0) -> str:
    """An SVG that writes itself, `speed` times as fast as a hand."""
    end = timing([bezier(stroke) for stroke in drawing.strokes])
    seconds = max(end[-1][1] / speed, 0.05) if end else None
    return drawing.svg(look.width, look.color, margin, frame=frame, kind="animated", seconds=seconds)


class LineOutput:
    """A drawing without a page.

    Args:
        drawing: the strokes.
    """

    def __init__(self, drawing: Drawing) -> None:
        self.drawing = drawing
        self.text = drawing.text

    def __len__(self) -> int:
        return 1

    def strokes(self, page: int = 1) -> Drawing:
        """The drawing, as a reader takes it."""
        return self.drawing

    def picture(self, look: Look, page: int = 1, frame: Box | None = None) -> str:
        """The drawing as SVG for the page."""
        return self.drawing.svg(look.width, look.shown, frame=frame, kind=look.kind)

    def replay(self, look: Look, speed: float, page: int = 1) -> str:
        """The drawing as SVG that writes itself, for the page."""
        return animated(self.drawing, replace(look, color=look.shown), speed)

    def save(
        self, kind: str, folder: Path, look: Look, speed: float, plotter: PlotterOptions
    ) -> Iterator[Path | tuple[int, int]]:
        """The file, in the folder; `kind` is one of `FORMATS`.

        Raises:
            InputError: the drawing cannot be made so, such as where it does not fit the plotter's bed.
        """
        made: dict[str, Callable[[], str | bytes]] = {
            "svg": lambda: self.drawing.svg(look.width, look.color),
            "pressure": lambda: self.drawing.svg(look.width, look.color, kind="pressure"),
            "animated": lambda: animated(self.drawing, look, speed),
            "png": lambda: self.drawing.png(3, look.width, look.color, kind=look.kind),
            "pdf": lambda: self.drawing.pdf(look.width, look.color, kind=look.kind),
            "json": self.drawing.json,
            "gcode": lambda: self.drawing.gcode(plotter),
            "hpgl": lambda: self.drawing.hpgl(plotter),
        }
        suffix = "svg" if kind in ("pressure", "animated") else kind
        ending = f"-{kind}" if suffix != kind else ""
        path = folder / f"{components.file_name(self.text, 'handwriting')}{ending}.{suffix}"
        write_whole(path, made[kind]())
        yield path


@dataclass(frozen=True)
class _About:
    """What is kept in memory of a page."""

    page: Page  # without strokes
    ends: tuple[int, ...]


class PagesOutput:
    """Pages that wait on the disk, so that memory does not grow with them; gone with the object.

    Args:
        text: what they say, for the names of files.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._folder = tempfile.TemporaryDirectory(prefix="lstm-models-pages-")
        self._pages: list[_About] = []

    def __len__(self) -> int:
        return len(self._pages)

    def add(self, page: Page) -> None:
        """Keep a page, the next one."""
        points = np.concatenate([*page.strokes, np.zeros((0, 2), np.float32)])
        np.save(self._file(len(self._pages) + 1), points)
        ends = tuple(np.cumsum([len(stroke) for stroke in page.strokes]).tolist())
        self._pages.append(_About(replace(page, strokes=(), drawn=()), ends))

    def page(self, number: int, look: Look | None = None) -> Page:
        """A page, from 1; with the line width of the look."""
        about = self._pages[min(max(number, 1), len(self)) - 1]
        points = np.load(self._file(about.page.number))
        strokes = tuple(np.split(points, about.ends[:-1])) if about.ends else ()
        options = about.page.options
        if look is not None:
            options = replace(options, pen=round(look.width * PIXEL_MM, 3))
        return replace(about.page, strokes=strokes, options=options)

    def strokes(self, page: int = 1) -> Drawing:
        """The drawing of a page, as a reader takes it."""
        return self.page(page).drawing

    def picture(self, look: Look, page: int = 1) -> str:
        """A page as SVG for the browser."""
        made = self.page(page, look)
        return made.svg(look.shown, kind=look.kind)

    def replay(self, look: Look, speed: float, page: int = 1) -> str:
        """A page as SVG that writes itself, for the browser."""
        return self._animated(self.page(page, look), replace(look, color=look.shown), speed)

    def save(
        self, kind: str, folder: Path, look: Look, speed: float, plotter: PlotterOptions
    ) -> Iterator[Path | tuple[int, int]]:
        """The file of all pages, in the folder: a PDF, the file of a single page, or several of them in a ZIP.

        Yields:
            How many pages are done and how many there are, and last the path.

        Raises:
            InputError: the pages cannot be made so, such as where they do not fit the plotter's bed.
        """
        name = components.file_name(self.text, "handwriting")
        if kind == "pdf":
            path = folder / f"{name}.pdf"
            save_pdf((self.page(number, look) for number in range(1, len(self) + 1)), path, look.color, kind=look.kind)
            yield path
            return
        suffix = "svg" if kind in ("pressure", "animated") else kind
        if len(self) == 1:
            path = folder / f"{name}.{suffix}"
            write_whole(path, self._content(kind, 1, look, speed, plotter))
            yield path
            return
        path = folder / f"{name}-{suffix}.zip"
        how = zipfile.ZIP_STORED if suffix == "png" else zipfile.ZIP_DEFLATED
        with zipfile.ZipFile(path, "w", how) as archive:
            for number in range(1, len(self) + 1):
                archive.writestr(f"{name}-{number}.{suffix}", self._content(kind, number, look, speed, plotter))
                yield number, len(self)
        yield path

    def _content(self, kind: str, number: int, look: Look, speed: float, plotter: PlotterOptions) -> str | bytes:
        page = self.page(number, look)
        made: dict[str, Callable[[], Any]] = {
            "svg": lambda: page.svg(look.color),
            "pressure": lambda: page.svg(look.color, kind="pressure"),
            "animated": lambda: self._animated(page, look, speed),
            "png": lambda: page.png(200, look.color, kind=look.kind),
            "json": page.json,
            "gcode": lambda: page.gcode(plotter),
            "hpgl": lambda: page.hpgl(plotter),
        }
        if kind not in made:
            raise InputError("There is no such format.", usage=True)
        return made[kind]()  # type: ignore[no-any-return]

    def _animated(self, page: Page, look: Look, speed: float) -> str:
        frame = (0.0, 0.0, page.options.width / PIXEL_MM, page.options.height / PIXEL_MM)
        return animated(page.drawing, look, speed, frame, 0.0)

    def _file(self, number: int) -> Path:
        return Path(self._folder.name) / f"{number}.npy"
