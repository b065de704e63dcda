"""The handwriting tab of the demo: a sentence in, pen strokes drawn as the model writes them, SVG, PNG and JSON out.

Run: lstm-models demo handwriting
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable, Iterator
from html import escape
from pathlib import Path
from typing import Any, Protocol

import gradio as gr

from lstm_apps import tabs
from lstm_models.errors import InputError
from lstm_models.results import Drawing

TITLE = "Handwriting"
EXAMPLES = (
    "The quick brown fox jumps over the lazy dog.",
    "Dear reader, thank you for your letter of 3 May.",
    "Each pen stroke follows from all those before it.",
)
LICENCE = (
    "The weights learnt from the IAM On-Line Handwriting Database, which is free for non-commercial research: "
    "use them, and what they write, likewise."
)
ANY_STYLE = "The usual hand"

_FRAME_SECONDS = 1 / 15  # the eye takes more for one movement, and each one is sent whole
_CHARACTER_PIXELS = 19.0  # median width of a character in IAM-OnDB's lines, at the scale the writer draws
_LINE_CHARACTERS = 50  # the writer wraps lines here


class Writer(Protocol):
    """What the tab needs of a model; `lstm_models.handwriting.HandwritingWriter` is one."""

    @property
    def styles(self) -> tuple[str, ...]: ...

    def stream(
        self, text: str, *, style: str | None, legibility: float, seed: int | None
    ) -> Iterator[Drawing]: ...  # fmt: skip


def build(load: Callable[[], Writer] | None = None) -> gr.Blocks:
    """The tab as Gradio blocks; theme and style sheet come with `lstm_apps.demo.launch`.

    Args:
        load: gives the writer, called once, when the first page opens; the bundled one if left out.
    """
    writer = tabs.Once(load or _bundled)

    with gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=(tabs.KEEP_SECONDS, tabs.KEEP_SECONDS)) as tab:
        with gr.Row(equal_height=True):
            # One line, growing: Enter writes, and a pasted text keeps its line breaks.
            text = gr.Textbox(
                EXAMPLES[0], label="Text", placeholder="Type a sentence and press Enter", lines=1, max_lines=8,
                max_length=5_000, scale=5, min_width=240, elem_id="writing-text",
            )  # fmt: skip
            go = gr.Button("Write", variant="primary", scale=1, min_width=120, elem_id="writing-go")
        paper = gr.HTML(_sheet_of_words("Loading the writer …"), elem_id="writing-paper", apply_default_css=False)
        status = gr.HTML(tabs.status(""), elem_classes="status", elem_id="writing-status", apply_default_css=False)
        with gr.Row():
            downloads = [
                gr.DownloadButton(f"Save {kind}", interactive=False, size="sm", min_width=90, elem_id=f"save-{kind}")
                for kind in ("SVG", "PNG", "JSON")
            ]
        with gr.Row():
            style = gr.Dropdown([(ANY_STYLE, "")], value="", label="Style", min_width=200, elem_id="writing-style")
            legibility = gr.Slider(
                0, 1, 0.75, step=0.05, label="Legibility", info="0 as varied as people write, 1 as clear as it can",
                min_width=200, elem_id="writing-legibility",
            )  # fmt: skip
            with gr.Column(min_width=200):
                seed = gr.Number(
                    1, label="Seed", info="the same seed gives the same drawing", precision=0, minimum=0,
                    elem_id="writing-seed",
                )  # fmt: skip
                again = gr.Button("New seed", size="sm", elem_id="writing-again")
        examples = gr.Examples([[example] for example in EXAMPLES], inputs=[text], label="Sentences to try")
        gr.HTML(f"<p>{escape(LICENCE)}</p>", elem_classes="fine-print", apply_default_css=False)

        def open_page() -> dict[Any, Any]:
            try:
                names = writer().styles
            except InputError as error:
                return _problem(error, paper, status)
            choices = [(ANY_STYLE, ""), *((name, name) for name in names)]
            return {
                paper: _sheet_of_words("Your handwriting appears here."),
                status: tabs.status("Ready."),
                style: gr.Dropdown(choices=choices, value=""),
            }

        def write(text: str, style: str, legibility: float, seed: int | None) -> Iterator[dict[Any, Any]]:
            off = [gr.DownloadButton(value=None, interactive=False)] * len(downloads)
            yield {status: tabs.status("Writing …"), **dict(zip(downloads, off, strict=True))}
            started = time.perf_counter()
            try:
                drawing = Drawing((), text)
                frame = Frame(text)
                for drawing in live(writer(), text, style=style or None, legibility=legibility, seed=seed):
                    yield {paper: _sheet(drawing, frame.around(drawing))}
                took = time.perf_counter() - started
                yield {paper: _sheet(drawing), status: tabs.status(_told(drawing, took), *drawing.notes)}
                with tempfile.TemporaryDirectory() as folder:  # Gradio copies from here into its cache
                    name = Path(folder) / file_name(drawing.text)
                    files = [str(drawing.save(name.with_suffix(f".{kind}"))) for kind in ("svg", "png", "json")]
                    on = [gr.DownloadButton(value=file, interactive=True) for file in files]
                    yield dict(zip(downloads, on, strict=True))
            except InputError as error:
                yield _problem(error, paper, status)

        changed = [paper, status, *downloads]
        asked = {"fn": write, "inputs": [text, style, legibility, seed], "outputs": changed, "show_progress": "hidden"}
        gr.on([go.click, text.submit], **asked, api_name="write")
        again.click(new_seed, outputs=seed, show_progress="hidden", api_visibility="private").then(
            **asked, api_visibility="private"
        )
        examples.load_input_event.then(**asked, api_visibility="private")
        tab.load(open_page, outputs=[paper, status, style], show_progress="hidden", api_visibility="private")
    return tab


def live(
    writer: Writer, text: str, *, style: str | None, legibility: float, seed: int | None, pause: float = _FRAME_SECONDS
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


def file_name(text: str) -> str:
    """A name for the download, without suffix, from the first words of the text: letters, digits and hyphens."""
    return tabs.file_name(text, "handwriting")


def new_seed() -> int:
    """A seed short enough to note down."""
    return random.SystemRandom().randrange(1_000_000)


def _bundled() -> Writer:
    import lstm_models

    return lstm_models.load("writer")


def _sheet(drawing: Drawing, frame: tuple[float, float, float, float] | None = None) -> str:
    """The paper with the drawing on it; the picture is labelled with its text, escaped by `Drawing.svg`."""
    return f'<div class="paper" tabindex="0">{drawing.svg(color="currentColor", frame=frame)}</div>'


def _sheet_of_words(words: str) -> str:
    return f'<div class="paper"><p>{escape(words)}</p></div>'


def _told(drawing: Drawing, seconds: float) -> str:
    strokes = "one stroke" if len(drawing.strokes) == 1 else f"{len(drawing.strokes)} strokes"
    seed = "" if drawing.seed is None else f", seed {drawing.seed}"
    return f"{strokes[0].upper()}{strokes[1:]} in {seconds:.1f} s{seed}."


def _problem(error: InputError, paper: Any, status: Any) -> dict[Any, Any]:
    sentence = str(error)
    gr.Warning(escape(sentence), title="Nothing was written")
    return {paper: _sheet_of_words("Nothing was written."), status: tabs.status(sentence, problem=True)}
