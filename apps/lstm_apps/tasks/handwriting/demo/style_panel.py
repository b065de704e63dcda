"""The panel of the demo that learns a hand: one writes a few lines on pads, and the writer writes on in that hand.

Run: lstm-models demo handwriting
"""

from __future__ import annotations

import base64
import json
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from html import escape
from typing import Any, Protocol

import gradio as gr
import numpy as np

from lstm_apps.demo import components, ink_pad
from lstm_apps.demo.assets import asset
from lstm_models.errors import InputError
from lstm_models.ink.drawing import Drawing
from lstm_models.tasks.handwriting.styles import Style

__all__ = ["SENTENCES", "TITLE", "FittingWriter", "StylePanel", "build"]

TITLE = "Your own hand"
SENTENCES = ("The five boxing wizards", "jump quickly at dawn, and", "Anna was there by noon.")
"""All letters between them, capitals and marks; each short enough for a line of a pad."""
SAMPLE = "Dear reader, this is my own hand."
NOTES = (
    "What is drawn stays on the machine that serves this page, and is not kept; the style is forgotten when you leave, "
    "unless you save it. A style is a few numbers: it has the look of a hand, and is no copy of it.",
    "The more lines you write, and the more they look like your usual hand, the nearer the style comes.",
)
FILE = "my.style.json"
_LONGEST_TEXT = 120  # characters of a line that is drawn, more than go on a pad
_LONGEST_SAMPLE = 500
_SHOWN_SECONDS = 0.25  # between two looks at how far the fitting is

_STYLE = asset("lstm_apps.tasks.handwriting.demo", "style_panel.css")


class FittingWriter(Protocol):
    """What the panel needs of a model; `lstm_models.tasks.handwriting.model.HandwritingWriter` is one."""

    def fit_style(self, lines: Sequence[tuple[Any, str]], **options: Any) -> Style: ...  # fmt: skip

    def write(self, text: str, **options: Any) -> Drawing: ...  # fmt: skip


def build(
    load_writer: Callable[[], FittingWriter] | None = None,
    load_reader: Callable[[], Any] | None = None,
    on_style: Any = None,
) -> gr.Blocks:
    """The panel standing alone; theme and style sheet come with `lstm_apps.demo.launch`. See `StylePanel`."""
    with components.blocks(TITLE) as blocks:
        StylePanel(load_writer, load_reader, on_style)
    return blocks


class StylePanel:
    """The panel that fits a style to a few lines, with the endpoint ``fit_style`` for scripts.

    Args:
        load_writer: gives the writer, called once, when somebody first fits a style; the bundled one if left out.
        load_reader: gives the reader that checks what the lines say; the bundled one if left out.
        on_style: a component, such as `gr.State`, that is given each fitted style as JSON (`Style.json`).
    """

    def __init__(
        self,
        load_writer: Callable[[], FittingWriter] | None = None,
        load_reader: Callable[[], Any] | None = None,
        on_style: Any = None,
    ) -> None:
        self.writer = components.once(load_writer or components.bundled("writer"))
        self.reader = components.once(load_reader or components.bundled("reader"))
        self.running: dict[str, threading.Event] = {}
        self.style = gr.State(None) if on_style is None else on_style
        self._add_components()
        self._connect()

    def _add_components(self) -> None:
        gr.HTML(
            "<p>Write each line on its pad, in your usual hand; the texts can be changed. One line is enough, three "
            "are better.</p>",
            elem_classes="fine-print", apply_default_css=False,
        )  # fmt: skip
        self.texts: list[Any] = []
        self.sheets: list[Any] = []
        for number, sentence in enumerate(SENTENCES, 1):
            self.texts.append(
                gr.Textbox(
                    sentence, label=f"Line {number}", lines=1, max_lines=1, max_length=_LONGEST_TEXT,
                    elem_id=f"custom-text-{number}",
                )
            )  # fmt: skip
            self.sheets.append(
                ink_pad.pad(f"custom-pad-{number}", label=f"Pad for line {number}", hint="Write it here", wide=True)
            )
        with gr.Row():
            self.go = gr.Button("Fit my hand", variant="primary", min_width=160, elem_id="custom-fit")
            self.halt = gr.Button("Stop", interactive=False, min_width=100, elem_id="custom-stop")
        self.status = gr.HTML(
            components.status("Ready."), elem_classes="status", elem_id="custom-status", apply_default_css=False
        )
        with gr.Column(visible=False) as self.result:
            with gr.Row(equal_height=True):
                self.sample = gr.Textbox(
                    SAMPLE, label="Write in your hand", lines=1, max_lines=6, max_length=_LONGEST_SAMPLE, scale=5,
                    min_width=240, elem_id="custom-sample",
                )  # fmt: skip
                self.write_go = gr.Button("Write", variant="primary", scale=1, min_width=120, elem_id="custom-write")
            self.paper = gr.HTML("", elem_id="custom-paper", apply_default_css=False, css_template=_STYLE)
        for sentence in NOTES:
            gr.HTML(f"<p>{escape(sentence)}</p>", elem_classes="fine-print", apply_default_css=False)

    def _connect(self) -> None:
        """Which event calls what."""
        quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        self.go.click(
            self.fit, inputs=[*self.texts, *self.sheets, self.sample],
            outputs=[self.go, self.halt, self.status, self.style, self.paper, self.result], concurrency_limit=2,
            **quiet,
        ).then(self.rest, outputs=[self.go, self.halt], queue=False, **quiet)  # fmt: skip
        self.halt.click(self.end, queue=False, **quiet)
        gr.on(
            [self.write_go.click, self.sample.submit],
            self.write,
            inputs=[self.sample, self.style],
            outputs=[self.paper, self.status],
            **quiet,
        )
        gr.api(self.fit_style, api_name="fit_style")

    def fit(self, request: gr.Request, *drawn: str) -> Iterator[dict[Any, Any]]:
        """Texts of all lines, then the values of all pads, then the sample."""
        stop = self.running[_visitor(request)] = threading.Event()
        try:
            lines = _lines(drawn[: len(self.texts)], drawn[len(self.texts) : -1])
            busy = {self.go: gr.Button(interactive=False), self.halt: gr.Button(interactive=True)}
            yield {**busy, self.status: _progress("Fitting …" if self.writer.done else "Loading the writer …")}
            made = None
            for made in fitted(self.writer, self.reader, lines, stop):
                if not isinstance(made, Style):
                    yield {self.status: _progress("Fitting …", made)}
            if not isinstance(made, Style):
                yield {self.status: components.status("Stopped.")}
                return
            count = "One line" if len(lines) == 1 else f"{len(lines)} lines"
            yield {self.status: components.status(f"{count} fitted. Writing …"), self.style: made.json()}
            yield {
                self.paper: _page(_drawing_in(self.writer(), drawn[-1], made), made),
                self.result: gr.Column(visible=True),
                self.status: components.status(f"{count} fitted: below, the writer writes in your hand."),
            }  # fmt: skip
        except InputError as error:
            yield {self.status: components.status(str(error), problem=True)}
        finally:
            stop.set()  # also where the visitor has left
            if self.running.get(_visitor(request)) is stop:
                del self.running[_visitor(request)]

    def rest(self) -> dict[Any, Any]:
        return {self.go: gr.Button(interactive=True), self.halt: gr.Button(interactive=False)}

    def end(self, request: gr.Request) -> None:
        if (stop := self.running.get(_visitor(request))) is not None:
            stop.set()

    def write(self, text: str, document: str | None) -> dict[Any, Any]:
        try:
            if not document:
                raise InputError("There is no style yet: write a line above and fit your hand.", usage=True)
            made = Style.from_json(document)
            return {
                self.paper: _page(_drawing_in(self.writer(), text, made), made),
                self.status: components.status("Written in your hand."),
            }
        except InputError as error:
            return {self.status: components.status(str(error), problem=True)}

    def fit_style(self, lines: list, sentence: str = SAMPLE) -> dict:  # type: ignore[type-arg]
        """A style fitted to lines such as {"text": "what it says", "strokes": [[[x, y], …], …]}, and a sentence in it:
        {"style": …, "svg": …}."""
        try:
            taken = _sent(lines)
            made: Any = list(fitted(self.writer, self.reader, taken, threading.Event()))[-1]
            drawing = _drawing_in(self.writer(), sentence, made)
        except InputError as error:
            raise gr.Error(escape(str(error)), print_exception=False) from error
        return {"style": json.loads(made.json()), "svg": drawing.svg()}


def fitted(
    writer: Callable[[], FittingWriter],
    reader: Callable[[], Any],
    lines: Sequence[tuple[list[np.ndarray], str]],
    stop: threading.Event,
) -> Iterator[Style | float | None]:
    """Fits in a thread of its own: how much is done now and then, 0 to 1, and last the style; or None, if stopped.

    Raises:
        InputError: whatever the writer says of the lines.
    """
    news: queue.SimpleQueue[tuple[int, int]] = queue.SimpleQueue()
    outcome: list[Style | None] = []
    failure: list[BaseException] = []

    def work() -> None:
        try:
            outcome.append(
                writer().fit_style(
                    lines, name="own", progress=lambda done, total: news.put((done, total)), cancelled=stop.is_set,
                    reader=reader(),
                )
            )  # fmt: skip
        except BaseException as error:  # raised where it is waited for
            failure.append(error)

    thread = threading.Thread(target=work, name="fit a style", daemon=True)
    thread.start()
    try:
        while thread.is_alive():
            thread.join(_SHOWN_SECONDS)
            latest = None
            while not news.empty():
                latest = news.get()
            if latest is not None and thread.is_alive():
                yield min(1.0, latest[0] / max(1, latest[1]))
    except GeneratorExit:  # the visitor has left
        stop.set()
        raise
    if stop.is_set():
        yield None
        return
    if failure:
        raise failure[0]
    yield outcome[0]


def _lines(texts: Sequence[str], values: Sequence[str]) -> list[tuple[list[np.ndarray], str]]:
    """Strokes and text of the lines that have been drawn."""
    lines = []
    for number, (text, value) in enumerate(zip(texts, values, strict=True), 1):
        drawn = ink_pad.strokes(value, f"Pad {number}")
        if drawn:
            lines.append((drawn, _checked_text(text, f"Line {number}")))
    if not lines:
        raise InputError("There are no strokes yet: write the first line on its pad.", usage=True)
    return lines


def _sent(lines: Any) -> list[tuple[list[np.ndarray], str]]:
    if not isinstance(lines, list) or not all(isinstance(line, dict) for line in lines):
        raise InputError('Lines are a list of objects with "text" and "strokes".', usage=True)
    if not 1 <= len(lines) <= 10:
        raise InputError(f"There are {len(lines)} lines; the demo takes 1 to 10.", usage=True)
    taken = []
    for number, line in enumerate(lines, 1):
        drawn = ink_pad.strokes(line.get("strokes"), f"Line {number}")
        if not drawn:
            raise InputError(f"Line {number} has no strokes.", usage=True)
        taken.append((drawn, _checked_text(line.get("text"), f"Line {number}")))
    return taken


def _checked_text(text: Any, called: str) -> str:
    words = " ".join(text.split()) if isinstance(text, str) else ""
    if not words:
        raise InputError(f"{called} has strokes and no text: type what they say.", usage=True)
    if len(words) > _LONGEST_TEXT:
        raise InputError(f"{called} has {len(words):,} characters; the demo takes {_LONGEST_TEXT}.", usage=True)
    return words


def _drawing_in(writer: FittingWriter, text: Any, style: Style) -> Drawing:
    if not isinstance(text, str) or len(text) > _LONGEST_SAMPLE:
        raise InputError(f"The sentence to write is a text of up to {_LONGEST_SAMPLE} characters.", usage=True)
    return writer.write(text if text.strip() else SAMPLE, style=style, seed=1)


def _page(drawing: Drawing, style: Style) -> str:
    """The drawing on paper, and links that hold the files: the server keeps none."""
    name = components.file_name(drawing.text, "handwriting")
    files = [
        ("Save style", FILE, "application/json", style.json()),
        ("Save picture", f"{name}.svg", "image/svg+xml", drawing.svg()),
    ]
    links = "".join(
        f'<a download="{file}" href="data:{kind};base64,{base64.b64encode(content.encode()).decode()}">{label}</a>'
        for label, file, kind, content in files
    )
    notes = "".join(f"<p>{escape(note)}</p>" for note in drawing.notes)
    return (
        f'<div class="paper" tabindex="0">{drawing.svg(color="currentColor")}</div>'
        f'<div class="saves">{links}</div><div class="fine-print">{notes}</div>'
    )


def _progress(sentence: str, fraction: float | None = None) -> str:
    """The status line while the fitting runs; screen readers read the sentence and not every step."""
    value = "" if fraction is None else f' value="{fraction:.2f}"'
    done = "" if fraction is None else f" {round(100 * fraction)}\u00a0%"
    return (
        f'<div role="status"><p>{escape(sentence)}</p></div><p aria-hidden="true"><progress max="1"{value}></progress>'
        f"{done}</p>"
    )


def _visitor(request: gr.Request) -> str:
    return str(request.session_hash)
