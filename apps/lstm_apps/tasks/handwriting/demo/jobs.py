"""The work behind the panel that writes: drawings as they grow, pages as they come, what a reader makes of them, files.

Without a page of its own: `Desk` yields what is to be shown, and `lstm_apps.tasks.handwriting.demo.tab` shows it.
"""

from __future__ import annotations

import itertools
import json
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from lstm_apps.demo import components
from lstm_apps.tasks.handwriting.demo import html, inputs
from lstm_apps.tasks.handwriting.demo.inputs import Look
from lstm_apps.tasks.handwriting.demo.outputs import FORMATS, LineOutput, PagesOutput
from lstm_models import deadlines
from lstm_models.errors import InputError
from lstm_models.ink.drawing import Drawing
from lstm_models.ink.page import PageOptions
from lstm_models.ink.plotter import PlotterOptions
from lstm_models.tasks.handwriting.styles import Style

__all__ = ["MOST_CHARACTERS", "MOST_PAGES", "Desk", "Frame", "Job", "Shown", "Writer", "live"]

MOST_CHARACTERS = 150_000
"""Of a text that is written on pages: some hundred of them."""
MOST_PAGES = 200
WORD = "Hello"
"""What the gallery shows of each style."""
CANDIDATES = 4
_FRAME_SECONDS = 1 / 15  # the eye takes more for one movement, and each one is sent whole
_CHARACTER_PIXELS = 19.0  # median width of a character in IAM-OnDB's lines, at the scale the writer draws
_LINE_CHARACTERS = 50  # the writer wraps lines here


class Writer(Protocol):
    """What the panel needs of a model; `lstm_models.HandwritingWriter` is one, and can do more."""

    @property
    def styles(self) -> tuple[str, ...]: ...

    def stream(
        self, text: str, *, style: Any, legibility: float, seed: int | None
    ) -> Iterator[Drawing]: ...  # fmt: skip


@dataclass(frozen=True)
class Job:
    """What to write, and how.

    Attributes:
        text: what.
        style: in whose hand, as `HandwritingWriter.write` takes it.
        legibility: 0 to 1.
        seed: of the random numbers.
        redraw: whether each line is drawn several times and read, and the most legible one kept.
        look: of the ink.
    """

    text: str
    style: str | Style | None
    legibility: float
    seed: int | None
    redraw: bool
    look: Look

    @property
    def options(self) -> dict[str, Any]:
        """As the writer takes them."""
        return {"style": self.style, "legibility": self.legibility, "seed": self.seed}


@dataclass(frozen=True)
class Shown:
    """What is to be shown of something that is being written.

    Attributes:
        paper: HTML.
        sentences: about it.
        output: what there is so far that could be kept; None where nothing could.
        page: the number of the page on the paper.
        answer: what a script is given at the end.
    """

    paper: str
    sentences: tuple[str, ...]
    output: LineOutput | PagesOutput | None = None
    page: int = 1
    answer: dict[str, Any] | None = None


class Stopped(Exception):
    """Somebody has had enough."""


class Desk:
    """Writes for many visitors.

    Args:
        writer: gives the writer.
        reader: gives the reader.
    """

    most_characters = MOST_CHARACTERS

    def __init__(self, writer: Callable[[], Writer], reader: Callable[[], Any]) -> None:
        self._writer, self._reader = writer, reader
        self._pictures: dict[str, str] = {}
        self._drawing = threading.Lock()
        self._stops: dict[str, threading.Event] = {}
        self._tokens = itertools.count(1)

    # Writing ---------------------------------------------------------------------------------------------------------

    def line(self, job: Job, visitor: str | None = None) -> Iterator[Shown]:
        """The drawing as it grows; the last is the whole.

        Raises:
            InputError: as the writer; the reader cannot be loaded.
        """
        started = time.perf_counter()
        with _Turn(self._stops, visitor) as stopped:
            writer: Any = self._writer()
            drawing = Drawing((), job.text)
            if job.redraw:
                many = f"Drawing every line {CANDIDATES} times and reading each …"
                yield Shown(html.nothing(many), (many,))
                drawing = writer.write(job.text, **job.options, reader=self._reader(), candidates=CANDIDATES)
            else:
                frame = Frame(job.text)
                for drawing in live(writer, job.text, **job.options):
                    if stopped():
                        break
                    svg = LineOutput(drawing).picture(job.look, frame=frame.around(drawing))
                    yield Shown(html.paper(svg, job.look), ("Writing …",), LineOutput(drawing))
            ended = (_why(),) if stopped() else ()
        line = LineOutput(drawing)
        summary = _summary(_count(len(drawing.strokes), "stroke"), started, drawing.seed)
        answer = json.loads(drawing.json())
        sentences = (summary, *drawing.notes, *ended)
        yield Shown(html.paper(line.picture(job.look), job.look), sentences, line, answer=answer)

    def pages(self, job: Job, options: PageOptions, visitor: str | None = None) -> Iterator[Shown]:
        """Pages, each when it is full; the last is shown again at the end, when all are there.

        Raises:
            InputError: as the writer; the text is longer than the panel takes; the reader cannot be loaded.
        """
        if len(job.text) > MOST_CHARACTERS:
            raise InputError(
                f"the text has {len(job.text):,} characters; the demo writes pages of {MOST_CHARACTERS:,} at a time",
                usage=True,
            )
        started = time.perf_counter()
        sheets = PagesOutput(job.text)
        lines = [0, 1]  # done, in all
        notes: tuple[str, ...] = ()
        seed = job.seed
        yield Shown(html.nothing("The first page is being written …"), ("Writing …",))
        with _Turn(self._stops, visitor) as stopped:

            def progress(done: int, total: int) -> None:
                lines[:] = done, total
                if stopped():
                    raise Stopped

            writer: Any = self._writer()
            reread = {"reader": self._reader(), "candidates": CANDIDATES} if job.redraw else {}
            try:
                for made in writer.write_pages(job.text, **job.options, **reread, options=options, progress=progress):
                    sheets.add(made)
                    notes, seed = notes + made.notes, made.seed
                    about = f"Writing … page {made.number}, line {lines[0]:,} of about {lines[1]:,}"
                    yield self._page(sheets, job.look, made.number, (f"{about}.",))
                    if len(sheets) >= MOST_PAGES:
                        notes += (f"The demo writes {MOST_PAGES} pages at a time; the rest of the text was left out.",)
                        break
            except (Stopped, deadlines.DeadlineExceeded):
                notes += (_why(),)
        if not len(sheets):
            raise InputError("It was stopped before the first page was full.", usage=True)
        summary = _summary(_count(len(sheets), "page"), started, seed)
        answer = {"text": job.text, "seed": seed, "pages": len(sheets), "notes": list(notes)}
        last = self._page(sheets, job.look, 1, (summary, *notes))
        yield Shown(last.paper, last.sentences, sheets, 1, answer)

    def stop(self, visitor: str) -> None:
        """Let what is being written for a visitor come to its end."""
        if (event := self._stops.get(visitor)) is not None:
            event.set()

    @staticmethod
    def is_pages(output: LineOutput | PagesOutput | None) -> bool:
        """Whether it is pages."""
        return isinstance(output, PagesOutput)

    @staticmethod
    def _page(sheets: PagesOutput, look: Look, number: int, sentences: tuple[str, ...]) -> Shown:
        return Shown(html.paper(sheets.picture(look, number), look, sheet=True), sentences, sheets, number)

    # Reading back ----------------------------------------------------------------------------------------------------

    def verdict(self, output: LineOutput | PagesOutput, page: int = 1) -> str:
        """What the reader makes of it, as HTML; nothing where there is no reader."""
        drawing = output.strokes(page)
        known = drawing.verdict
        about = f"Page {page}." if self.is_pages(output) and len(output) > 1 else ""
        try:
            if known is not None:
                about = f"{about} The best of {_count(known.drawn, 'drawing')} of {_count(known.lines, 'line')}."
                read = known.text
            elif drawing.strokes:
                read = self._reader().read(drawing, lm=False, alternatives=0).text
            else:
                return ""
        except InputError as error:
            return components.status(f"It could not be read back: {error}")
        return html.verdict(drawing.text, read, html.error_rate(drawing.text, read), about.strip())

    # The gallery -----------------------------------------------------------------------------------------------------

    def pictures(self, *, draw: bool = False, custom: str | None = None) -> dict[str, str]:
        """Style -> a word in it, as SVG: what is drawn already, or all of them, drawn in one batch."""
        with self._drawing:
            if draw and not self._pictures:
                self._pictures = _samples(self._writer())
            made = dict(self._pictures)
        if custom:
            made[inputs.CUSTOM_STYLE] = _sample(self._writer(), Style.from_json(custom, name="Your own hand"))
        return made

    def check(self, style: Style) -> None:
        """Raise InputError where the style is another writer's."""
        _sample(self._writer(), style)

    # Files -----------------------------------------------------------------------------------------------------------

    def save(
        self, output: LineOutput | PagesOutput, kind: Any, look: Look, speed: Any, plotter: PlotterOptions
    ) -> Iterator[Path | tuple[int, int]]:
        """How many pages are done and how many there are, and last a file, which is gone when this goes on.

        Raises:
            InputError: there is no such format, or what is written cannot be made so.
        """
        if kind not in FORMATS:
            raise InputError(f"There is no such format; there are {', '.join(FORMATS)}.", usage=True)
        speed = inputs.number("The speed", speed, 0.1, 100)
        with tempfile.TemporaryDirectory() as folder:  # Gradio copies from here into its cache
            yield from output.save(kind, Path(folder), look, speed, plotter)

    def token(self) -> str:
        """Another one each time, so that the page notices."""
        return str(next(self._tokens))


class _Turn:
    """A visitor's turn at the desk: what was written for them before is stopped."""

    def __init__(self, stops: dict[str, threading.Event], visitor: str | None) -> None:
        self._stops, self._visitor, self._event = stops, visitor, threading.Event()

    def __enter__(self) -> Callable[[], bool]:
        if self._visitor is not None:
            if (before := self._stops.get(self._visitor)) is not None:
                before.set()
            self._stops[self._visitor] = self._event
        return lambda: self._event.is_set() or deadlines.passed()

    def __exit__(self, *_: object) -> None:
        if self._visitor is not None and self._stops.get(self._visitor) is self._event:
            del self._stops[self._visitor]


def _why() -> str:
    return "Stopped, as its time was over: the rest was left out." if deadlines.passed() else "Stopped."


def live(
    writer: Writer, text: str, *, style: Any, legibility: float, seed: int | None, pause: float = _FRAME_SECONDS
) -> Iterator[Drawing]:
    """The drawing as it grows, and always the last.

    A drawing comes at the earliest `pause` seconds after the one before was taken in, and twice the time that took:
    showing a long page does not hold up writing it.
    """
    drawing, shown, due = None, None, float("-inf")
    for drawing in writer.stream(text, style=style, legibility=legibility, seed=seed):
        begin = time.perf_counter()
        if begin >= due:
            yield drawing
            end = time.perf_counter()
            shown, due = drawing, end + max(pause, 2 * (end - begin))
    if drawing is not None and drawing is not shown:
        yield drawing


class Frame:
    """The box that holds every drawing shown so far, so that a growing one does not jump about.

    It starts with the room that `text` takes in an average hand.
    """

    def __init__(self, text: str) -> None:
        longest = max(map(len, text.splitlines()), default=0)
        self.box = (0.0, -30.0, _CHARACTER_PIXELS * min(longest, _LINE_CHARACTERS), 30.0)

    def around(self, drawing: Drawing) -> tuple[float, float, float, float]:
        """Left, top, right, bottom of the box, grown to hold this drawing too."""
        left, top, right, bottom = drawing.bounds
        self.box = (min(self.box[0], left), min(self.box[1], top), max(self.box[2], right), max(self.box[3], bottom))
        return self.box


def _samples(writer: Any) -> dict[str, str]:
    """Style -> a word in it as SVG, all in one batch where the writer has them."""
    names = writer.styles
    if not names:
        return {}
    if not hasattr(writer, "sample"):
        drawings = [_last(writer.stream(WORD, style=name, legibility=0.9, seed=1)) for name in names]
        return {name: _small(drawing) for name, drawing in zip(names, drawings, strict=True)}
    import torch

    from lstm_models.ink.line_metrics import level

    vectors = torch.stack([writer.settings(name, 0.9, 1)[1] for name in names])
    rows = _last(writer.sample([WORD] * len(names), vectors, bias=writer.bias(0.9), seed=1, tidy=True))
    drawn = [Drawing(tuple(9 * stroke for stroke in level(writer.config.features.decode(row))), WORD) for row in rows]
    return {name: _small(drawing) for name, drawing in zip(names, drawn, strict=True)}


def _sample(writer: Any, style: Style) -> str:
    return _small(_last(writer.stream(WORD, style=style, legibility=0.9, seed=1)))


def _small(drawing: Drawing) -> str:
    return drawing.svg(2.2, "currentColor", 3)


def _last(drawings: Iterator[Any]) -> Any:
    return deque(drawings, maxlen=1).pop()


def _count(number: int, what: str) -> str:
    return f"one {what}" if number == 1 else f"{number:,} {what}s"


def _summary(what: str, started: float, seed: int | None) -> str:
    summary = f"{what[0].upper()}{what[1:]} in {time.perf_counter() - started:.1f} s"
    return summary + ("." if seed is None else f", seed {seed}.")
