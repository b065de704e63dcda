"""Writes a text by hand, into a file.

lstm-models write "Dear reader," -o letter.svg
lstm-models write "Dear reader," -o letter.svg --svg animated --seconds 5
lstm-models write "Dear reader," -o letter.gcode --plotter.width_mm 150 --plotter.pen servo
lstm-models write "Dear reader," -o letter.png --kind pressure
lstm-models write letter.txt -o letter.svg --page a4 --paper ruled --align justify
lstm-models write letter.txt -o letter.gcode --page a4 --plotter.pen servo
lstm-models write "Dear reader," -o letter.svg --candidates 4
"""

from __future__ import annotations

import contextlib
import itertools
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from lstm_apps.cli.batch_files import note
from lstm_apps.cli.option import Option, unusual
from lstm_apps.cli.progress import bar
from lstm_apps.cli.text_files import read_text
from lstm_models.ink.plotter import PlotterOptions

if TYPE_CHECKING:
    from lstm_models.ink.page import Page

__all__ = ["write"]

# What a text that is no file was meant as one by: a document's ending
_SUFFIXES = frozenset(
    {".txt", ".md", ".rst", ".tex", ".csv", ".html", ".htm", ".rtf", ".doc", ".docx", ".odt", ".pages", ".pdf", ".epub"}
)
_MM_OF_PIXEL = 25.4 / 96


def write(
    text: str,
    out: str = "handwriting.svg",
    style: str | None = None,
    legibility: float = 0.75,
    seed: int | None = None,
    candidates: int = 1,
    kind: Literal["plain", "pressure", "animated"] = "plain",
    svg: Literal["plain", "pressure", "animated"] | None = None,
    seconds: float | None = None,
    color: str | None = None,
    width: float | None = None,
    background: str | None = None,
    dpi: float | None = None,
    plotter: PlotterOptions = PlotterOptions(),  # noqa: B008 - frozen
    page: str | None = None,
    margins: str = "20",
    line_height: float = 9.0,
    x_height: float = 2.0,
    align: Literal["left", "right", "center", "justify"] = "left",
    indent: float = 0.0,
    paragraph_spacing: float = 1.0,
    breaks: bool = True,
    paper: Literal["blank", "ruled", "squared"] = "blank",
    drift: float = 0.5,
    model: str = "writer",
) -> None:
    """Writes a text by hand and saves the strokes as a picture or as data.

    Args:
        text: what to write; the name of a text file reads it from there, and - from standard input.
        out: where to: a file ending in .svg, .png, .pdf, .json, .gcode or .hpgl; - is standard output, as SVG, and
            -.png or another of these endings is standard output in that format.
        style: whose hand: the name of a style of the model; a mix such as ada+gus or ada:0.3+gus:0.7; or a .json file
            that lstm-models style made; the model's usual hand if missing.
        legibility: from 0, as varied as people write, to 1, as legible as the model can.
        seed: the same seed gives the same strokes; a new one each time if missing.
        candidates: draw each line so many times, have them read, keep the most legible and draw again what is still
            wrong; 4 is a good number. With 1, every line is drawn once and nothing is read.
        kind: plain lines; pressure, wider where the pen was slower, in a .svg, .png or .pdf; or animated, a .svg that
            writes itself in a browser.
        svg: the older name of kind.
        seconds: how long an animated SVG takes to write; as long as a hand if missing.
        color: of the ink: a name such as navy, or #1a2a5c.
        width: of the pen's line, in pixels, of which 96 are an inch.
        background: of the paper, such as white, or transparent.
        dpi: pixels an inch of a .png.
        plotter: how a pen plotter draws a .gcode or .hpgl.
        page: write whole pages: a4, a5, letter, or width x height in mm such as 100x150. They become letter-1.svg,
            letter-2.svg …, as .pdf one file. The options that follow are for pages.
        margins: of a page in mm, one number or top,right,bottom,left.
        line_height: mm from line to line.
        x_height: mm of small letters such as x.
        align: lines at the left or right margin, centred, or justified.
        indent: mm before the first line of a paragraph; blank lines divide paragraphs.
        paragraph_spacing: lines between two paragraphs.
        breaks: a line break in the text begins a new line; if not, only a blank line does.
        paper: blank, ruled or squared.
        drift: mm that a line may wander off its baseline; 0 for straight lines.
        model: a bundled model, a folder, or the id of one on the Hugging Face hub.
    """
    from lstm_models.checkpoints import hub
    from lstm_models.errors import InputError
    from lstm_models.ink.drawing import check_drawing_path
    from lstm_models.ink.page import PageOptions, check_page_path
    from lstm_models.tasks.handwriting.model import HandwritingWriter

    options: dict[str, Any] = {
        "kind": None if (svg or kind) == "plain" else svg or kind,
        "seconds": seconds,
        "plotter": None if plotter == PlotterOptions() else plotter,
    }
    options |= {"color": color, "background": background, "dpi": dpi}
    stdout, out = out[:1] == "-", f"handwriting{out[1:] or '.svg'}" if out[:1] == "-" else out
    layout: dict[str, Any] = {
        "margins": margins,
        "line_height": line_height,
        "x_height": x_height,
        "align": align,
        "indent": indent,
        "paragraph_spacing": paragraph_spacing,
        "breaks": breaks,
        "paper": paper,
        "drift": drift,
    }
    if page is not None:
        pen: dict[str, Any] = {} if width is None else {"pen": width * _MM_OF_PIXEL}
        sheet = PageOptions(size=page, **layout, **pen)
        if options.pop("seconds") is not None:
            raise InputError("--seconds does not go with --page", usage=True)
        check_page_path(out, **options, options=sheet)
    else:
        if idle := unusual(write, **layout):
            raise InputError(f"{Option(idle[0]).shown} is for whole pages; add --page a4", usage=True)
        options["width"] = width
        check_drawing_path(out, **options)
    text, _ = read_text(text, _SUFFIXES)
    writer = hub.load_as(HandwritingWriter, model)
    again = _rereading(candidates)
    if page is not None:
        with bar("lines") as progress:
            pages = writer.write_pages(
                text, style=style, legibility=legibility, seed=seed, options=sheet, progress=progress, **again
            )
            with _file(out, stdout) as path:
                summary = _save_pages(pages, path, stdout, **options)
        note(summary) if stdout else print(summary)
        return
    drawing = writer.write(text, style=style, legibility=legibility, seed=seed, **again)
    with _file(out, stdout) as path:
        drawing.save(path, **options)
    for sentence in drawing.notes:
        note(sentence)
    note(f"standard output (seed {drawing.seed})") if stdout else print(f"{out} (seed {drawing.seed})")


@contextlib.contextmanager
def _file(out: str, stdout: bool) -> Iterator[Path]:
    """Where to save: the path itself, or a file that is copied to standard output when it is whole."""
    if not stdout:
        yield Path(out)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / out
        yield path
        sys.stdout.flush()
        sys.stdout.buffer.write(path.read_bytes())
        sys.stdout.buffer.flush()


def _rereading(candidates: int) -> dict[str, Any]:
    """What `HandwritingWriter.write` takes for so many candidates."""
    from lstm_models.checkpoints import hub

    return {} if candidates == 1 else {"reader": hub.load("reader"), "candidates": candidates}


# Pages ---------------------------------------------------------------------------------------------------------------


def _save_pages(pages: Iterator[Page], out: Path, stdout: bool, **options: Any) -> str:
    """Saves pages as they come, each file whole; gives a summary of them.

    Raises:
        InputError: standard output takes one file, and there are several pages.
    """
    from lstm_models.errors import InputError
    from lstm_models.ink.drawing import INK
    from lstm_models.ink.page import save_pdf
    from lstm_models.io.atomic_write import shown

    name = "standard output" if stdout else shown(out)
    pages = _with_notes_shown(pages)
    first = next(pages)
    if out.suffix.lower() == ".pdf":
        save_pdf(itertools.chain([first], pages), out, options["color"] or INK, kind=options["kind"] or "plain")
        return f"{name} (seed {first.seed})"
    second = next(pages, None)
    if second is None:
        first.save(out, **options)
        return f"{name} (seed {first.seed})"
    if stdout:
        raise InputError("standard output takes one file, and there are several pages; -.pdf holds them all")
    for page in itertools.chain([first, second], pages):
        path = page.save(out.with_name(f"{out.stem}-{page.number}{out.suffix}"), **options)
    return f"{shown(out.with_name(f'{out.stem}-1{out.suffix}'))} to {shown(path.name)} (seed {first.seed})"


def _with_notes_shown(pages: Iterator[Page]) -> Iterator[Page]:
    """The pages, whose notes go to standard error."""
    for page in pages:
        for sentence in page.notes:
            note(sentence)
        yield page
