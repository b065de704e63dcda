"""A pad to write on in the browser, with mouse, finger or pen: a ruled sheet that gives the strokes of the pen.

Its value is a text, the strokes as JSON: a list of strokes, each a list of [x, y], whole pixels of the page, x right,
y down. `strokes` checks that text again on the server, as anybody may send one; nothing is kept there.

    sheet = pad("note", label="Your note", rules=3)
    sheet.input(lambda value: read(strokes(value)), inputs=sheet)
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from lstm_apps.demo.assets import asset
from lstm_models.errors import InputError
from lstm_models.ink.line_grouping import lines_of
from lstm_models.ink.stroke_files import open_strokes

__all__ = ["MOST_POINTS", "MOST_STROKES", "TAKES_BYTES", "pad", "placed", "sent_file", "strokes", "value_of"]

MOST_STROKES = 2_000
MOST_POINTS = 20_000
"""A pad takes no more ink: a full page of writing has half as much."""
TAKES_BYTES = 2**20
"""Of a request to a function that takes a pad's ink, or a file that is opened on it."""
_MOST_CHARACTERS = 900_000  # of a file that is opened on the pad, or of the strokes as JSON
_FARTHEST = 100_000  # pixels
_LONGEST = 20_000.0  # pixels of what a file puts on the pad, which shows it smaller
_PITCH = 76  # pixels between two rules
_HEIGHT = 11.0  # pixels of the vertical standard deviation of a line that is put on the pad: a usual hand

# Gradio runs it once: the template of a pad never changes, so its DOM stays. Ink is SVG, which is sharp on any screen,
# takes the colour of the page, and stays where it is when the page is laid out anew.
_SCRIPT = asset("lstm_apps.demo", "ink_pad.js")

_STYLE = asset("lstm_apps.demo", "ink_pad.css")


def pad(
    elem_id: str,
    *,
    label: str,
    rules: int = 1,
    hint: str = "Write here with mouse, finger or pen",
    opens: bool = False,
    wide: bool = False,
) -> gr.HTML:
    """A pad as a Gradio component in the current blocks; its value is what `strokes` takes.

    Its event ``input`` comes when the pen rests after writing, and when strokes are taken back; the value is right as
    soon as the pen is lifted. With `opens`, ``upload`` comes with a file's ``name`` and ``text``: see `sent_file`.

    Args:
        elem_id: of the component in the page.
        label: what screen readers call it.
        rules: ruled lines, at least; as many fit on it.
        hint: what an empty pad says.
        opens: whether there is a button to open a file of strokes.
        wide: the paper is as wide as a sentence, and moves on under the hand where the screen is narrower.
    """
    room = {
        "points": MOST_POINTS,
        "strokes": MOST_STROKES,
        "characters": _MOST_CHARACTERS,
        "pitch": _PITCH,
    }
    buttons = [("undo", "Undo", "take back the last stroke"), ("clear", "Clear", "take away all strokes")]
    if opens:
        buttons.append(("open", "Open a file", "strokes as JSON or SVG"))
    if wide:
        buttons += [("back", "←", "move the paper back"), ("on", "→", "move the paper on")]
    tools = "".join(
        f'<button type="button" data-do="{name}" title="{about}" aria-label="{text}: {about}">{text}</button>'
        for name, text, about in buttons
    )
    if opens:
        tools += '<input type="file" accept=".json,.svg" hidden tabindex="-1" aria-label="File of strokes">'
    height = round(_PITCH * (rules + 0.35))
    kind = "paper-pad empty wide" if wide else "paper-pad empty"
    markup = (
        f'<div class="{kind}" tabindex="0" role="application" aria-label="{escape(label)}" '
        f'aria-roledescription="writing pad" data-label="{escape(label)}" data-room="{escape(json.dumps(room))}" '
        f'style="height: {height}px"><svg role="img" aria-label="{escape(label)}"><g class="rules"></g>'
        f'<g class="ink"></g></svg><p class="hint" aria-hidden="true">{escape(hint)}</p></div>'
        f'<div class="tools">{tools}<p class="message" role="status"></p></div>'
    )
    made: gr.HTML = gr.HTML(
        "[]", label=label, html_template=markup, css_template=_STYLE, js_on_load=_SCRIPT, elem_id=elem_id,
        apply_default_css=False,
    )  # fmt: skip
    made.takes_bytes = TAKES_BYTES  # type: ignore[attr-defined]
    return made


def strokes(value: Any, called: str = "The pad") -> list[np.ndarray]:
    """The strokes [points, 2] float64 of a pad's value, or of the same as lists; none for an empty one.

    Args:
        value: JSON, or lists of strokes of [x, y]; None is empty.
        called: what the sentences call it.

    Raises:
        InputError: it is none of these, has too many strokes or points, or a coordinate is no finite number or is far
            beyond any pad.
    """
    if isinstance(value, str):
        if len(value) > _MOST_CHARACTERS:
            raise InputError(f"{called} sent more than {_MOST_CHARACTERS:,} characters.", usage=True)
        try:
            value = json.loads(value or "[]")
        except (ValueError, RecursionError):
            raise InputError(f"{called} sent strokes that are no JSON.", usage=True) from None
    if value is None:
        return []
    right = "strokes are a list of lists of [x, y]"
    if not isinstance(value, list):
        raise InputError(f"{called} sent a {type(value).__name__}; {right}.", usage=True)
    if len(value) > MOST_STROKES:
        raise InputError(f"{called} has {len(value):,} strokes; the demo takes {MOST_STROKES:,}.", usage=True)
    if not all(isinstance(stroke, list) for stroke in value):
        raise InputError(f"{called} sent something else than strokes; {right}.", usage=True)
    count = sum(map(len, value))
    if count > MOST_POINTS:
        raise InputError(f"{called} has {count:,} points; the demo takes {MOST_POINTS:,}.", usage=True)
    made = []
    for number, stroke in enumerate(value, 1):
        if not all(isinstance(point, list) and len(point) == 2 and all(map(_is_number, point)) for point in stroke):
            raise InputError(
                f"Stroke {number} of {called[0].lower()}{called[1:]} is no list of points; each is a list of [x, y], "
                f"numbers from {-_FARTHEST:,} to {_FARTHEST:,}.",
                usage=True,
            )
        if stroke:
            made.append(np.array(stroke, np.float64))
    return made


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and -_FARTHEST <= value <= _FARTHEST


def value_of(drawn: Sequence[np.ndarray]) -> str:
    """The value of a pad with these strokes ``[points, 2]``: whole pixels."""
    return json.dumps([np.rint(stroke).astype(int).tolist() for stroke in drawn], separators=(",", ":"))


def placed(drawn: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Strokes ``[points, 2]`` as large as people write on a pad, from its upper left corner on.

    Smaller where they would be longer than any pad.
    """
    points = np.concatenate(drawn)
    height = float(np.median([np.concatenate(line)[:, 1].std() for line in lines_of(drawn)]))
    most = _LONGEST / float(np.ptp(points, axis=0).max())
    scale = min(_HEIGHT / height, most) if height else most
    return [(stroke - points.min(axis=0)) * scale + _PITCH / 4 for stroke in drawn]


def sent_file(name: Any, text: Any) -> list[np.ndarray]:
    """The strokes [points, 2] float64 of a file that a browser opened and sent: JSON or SVG.

    Raises:
        InputError: it is none, as `lstm_models.ink.stroke_files.open_strokes` says; or too large for a pad.
    """
    if not isinstance(name, str) or not isinstance(text, str):
        raise InputError("The file was not sent as its name and its text.", usage=True)
    if len(text) > _MOST_CHARACTERS:
        raise InputError(f"{Path(name).name} is too large for the pad.", usage=True)
    called = Path(name).name[:100] or "The file"
    with tempfile.TemporaryDirectory() as folder:  # an SVG is read from a file
        path = Path(folder) / "strokes"
        path.write_text(text, encoding="utf-8", errors="replace")
        drawn = open_strokes(path, name=called)
    count = sum(map(len, drawn))
    if count > MOST_POINTS or len(drawn) > MOST_STROKES:
        raise InputError(
            f"{called} has {count:,} points in {len(drawn):,} strokes; the demo takes {MOST_POINTS:,} in "
            f"{MOST_STROKES:,}.",
            usage=True,
        )
    return drawn
