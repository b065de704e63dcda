"""Writes a text by hand, into a file.

lstm-models write "Dear reader," -o letter.svg
lstm-models write "Dear reader," -o letter.svg --svg animated --seconds 5
lstm-models write "Dear reader," -o letter.gcode --plotter.width_mm 150 --plotter.pen servo
"""

from __future__ import annotations

import sys
from typing import Any, Literal

from lstm_models.plotter import PlotterOptions

__all__ = ["write"]

MOST_BYTES = 1_000_000  # of standard input; far more than a writer takes


def write(
    text: str,
    out: str = "handwriting.svg",
    style: str | None = None,
    legibility: float = 0.75,
    seed: int | None = None,
    svg: Literal["plain", "pressure", "animated"] = "plain",
    seconds: float | None = None,
    plotter: PlotterOptions = PlotterOptions(),  # noqa: B008 - frozen
    model: str = "writer",
) -> None:
    """Writes a text by hand and saves the strokes as a picture or as data.

    Args:
        text: what to write; - reads it from standard input.
        out: where to: a file ending in .svg, .png, .pdf, .json, .gcode or .hpgl.
        style: whose hand: the name of a style of the model; its usual hand if missing.
        legibility: from 0, as varied as people write, to 1, as legible as the model can.
        seed: the same seed gives the same strokes; a new one each time if missing.
        svg: plain lines; pressure, wider where the pen was slower; or animated, which writes itself in a browser.
        seconds: how long an animated SVG takes to write; as long as a hand if missing.
        plotter: how a pen plotter draws a .gcode or .hpgl.
        model: a bundled model, a folder, or the id of one on the Hugging Face hub.
    """
    from lstm_models import hub
    from lstm_models.drawing import check_drawing_path
    from lstm_models.errors import InputError
    from lstm_models.handwriting import HandwritingWriter

    options: dict[str, Any] = {
        "kind": None if svg == "plain" else svg,
        "seconds": seconds,
        "plotter": None if plotter == PlotterOptions() else plotter,
    }
    check_drawing_path(out, **options)
    if text == "-":
        data = sys.stdin.buffer.read(MOST_BYTES)
        try:
            text = data.decode()
        except UnicodeDecodeError:
            raise InputError("standard input is no text in UTF-8") from None
    writer = hub.load(model)
    if not isinstance(writer, HandwritingWriter):
        raise InputError(f"{model} is no handwriting writer", usage=True)
    drawing = writer.write(text, style=style, legibility=legibility, seed=seed)
    drawing.save(out, **options)
    for note in drawing.notes:
        print(f"lstm-models: {note}", file=sys.stderr)
    print(f"{out} (seed {drawing.seed})")
