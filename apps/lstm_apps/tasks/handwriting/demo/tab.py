"""The handwriting tab of the demo: a text written by hand as one watches, a hand of one's own, and handwriting read.

This module is the tab and its first panel, which writes: a gallery of styles, a line or whole pages, what a reader
makes of it, and files of every format. The other panels are `custom` and `lstm_apps.tasks.handwriting_reader.demo.tab`.

Run: lstm-models demo handwriting
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from html import escape
from pathlib import Path
from typing import Any, cast

import gradio as gr

from lstm_apps.demo import components
from lstm_apps.tasks.handwriting.demo import html, inputs, style_panel
from lstm_apps.tasks.handwriting.demo.jobs import Desk, Job, Writer
from lstm_apps.tasks.handwriting_reader.demo import tab as reading
from lstm_models.errors import InputError
from lstm_models.ink.page import ALIGNMENTS, PAPERS
from lstm_models.tasks.handwriting.model import MOST_CHARACTERS
from lstm_models.tasks.handwriting.styles import Style

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
# Eight are written for at a time, as those who write share the steps of one network: see
# `lstm_models.tasks.handwriting.sampling`
TOGETHER: dict[str, Any] = {"concurrency_limit": 8, "concurrency_id": "writing"}
LINE, PAGES = "One line", "Pages"
NO_MIX = "No other style"
SIZES = [("A4", "a4"), ("A5", "a5"), ("Letter", "letter"), ("Postcard, 148 x 105 mm", "148x105"), ("Own size", "own")]
PLOTTER = {  # option -> label, unit or values
    "width_mm": "Width of the writing, mm (a line)", "x_mm": "Left edge, mm", "y_mm": "Lower edge, mm",
    "bed_width_mm": "Bed width, mm", "bed_height_mm": "Bed height, mm", "pen_up": "Pen up", "pen_down": "Pen down",
    "pen_seconds": "Pen moves in, s", "feed_mm_min": "Speed on paper, mm/min",
    "travel_mm_min": "Speed in the air, mm/min",
}  # fmt: skip


def build(load: Callable[[], Writer] | None = None, load_reader: Callable[[], Any] | None = None) -> gr.Blocks:
    """The tab as Gradio blocks; theme and style sheet come with `lstm_apps.demo.launch`.

    Args:
        load: gives the writer, called once, when the first page opens; the bundled one if left out.
        load_reader: gives the reader, called once, when something is first read; the bundled one if left out.
    """
    writer = components.once(load or components.bundled("writer"))
    reader = components.once(load_reader or components.bundled("reader"))

    with components.blocks(TITLE) as tab:
        hand = gr.State(None)  # the own hand as JSON
        with gr.Tabs():
            with gr.Tab("Write", elem_id="tab-write"):
                WritingPanel(tab, writer, reader, hand)
            with gr.Tab(style_panel.TITLE, elem_id="tab-custom-style"):
                style_panel.StylePanel(cast(Any, writer), reader, hand)
            with gr.Tab(reading.TITLE, elem_id="tab-read"):
                reading.panel(reader if load_reader else reading.with_words(reader))
        gr.HTML(f"<p>{escape(LICENCE)}</p>", elem_classes="fine-print", apply_default_css=False)
    return tab


class WritingPanel:
    """The panel that writes, with the endpoint ``write`` for scripts.

    Args:
        tab: the blocks whose opening loads the writer.
        writer, reader: the models.
        hand: a `gr.State` of the own hand, a style as JSON, which the panel for it sets.
    """

    def __init__(
        self, tab: gr.Blocks, writer: components.Once[Writer], reader: components.Once[Any], hand: Any
    ) -> None:
        self.tab, self.writer, self.hand = tab, writer, hand
        self.desk = Desk(writer, reader)
        self._add_text()
        self._add_style()
        self._add_layout()
        self._add_files()
        self._connect()

    def _add_text(self) -> None:
        """The text, the paper it appears on, and what is said of it."""
        with gr.Row(equal_height=True):
            # One line, growing: Enter writes, and a pasted text keeps its line breaks.
            self.text = gr.Textbox(
                EXAMPLES[0], label="Text", placeholder="Type a sentence and press Enter", lines=1, max_lines=8, scale=5,
                max_length=self.desk.most_characters, min_width=240, elem_id="writing-text",
            )  # fmt: skip
            self.go = gr.Button("Write", variant="primary", scale=1, min_width=120, elem_id="writing-go")
        self.examples = gr.Examples([[example] for example in EXAMPLES], inputs=[self.text], label="Sentences to try")
        self.paper = _html(html.nothing("Loading the writer …"), "writing-paper", css_template=html.PAPER_STYLE)
        with gr.Row():
            self.status = gr.HTML(
                components.status(""), elem_classes="status", elem_id="writing-status", apply_default_css=False, scale=5
            )
            self.halt = gr.Button("Stop", size="sm", scale=0, min_width=100, interactive=False, elem_id="writing-stop")
        self.verdict = _html("", "writing-verdict", css_template=html.VERDICT_STYLE)
        self.tools = _html(
            html.tools(0, ready=False), "writing-tools", html.TOOLS_SCRIPT, css_template=html.TOOLS_STYLE
        )

    def _add_style(self) -> None:
        """The gallery of styles, and how the hand and the ink are."""
        gr.HTML("<h3>Style</h3>", elem_classes="section", apply_default_css=False)
        self.style = gr.HTML(
            "", label="Style", html_template=html.GALLERY, css_template=html.GALLERY_STYLE, elem_id="writing-style",
            js_on_load=html.GALLERY_SCRIPT, apply_default_css=False, cards="",
        )  # fmt: skip
        with gr.Row():
            self.other = gr.Dropdown(
                [(NO_MIX, "")],
                value="",
                label="Mix with",
                min_width=200,
                elem_id="writing-mix",
                allow_custom_value=True,
            )
            self.share = gr.Slider(
                0, 1, 0.5, step=0.05, label="Share of the other style", min_width=200, elem_id="writing-share"
            )
            self.file = gr.UploadButton(
                "Open a style file", file_types=[".json"], size="sm", min_width=160, elem_id="writing-file-of-style"
            )
        with gr.Row():
            self.legibility = gr.Slider(
                0, 1, 0.75, step=0.05, label="Legibility", info="0 as varied as people write, 1 as clear as it can",
                min_width=200, elem_id="writing-legibility",
            )  # fmt: skip
            self.width = gr.Slider(0.5, 4, 1.6, step=0.1, label="Width of the line", info="pixels", min_width=200,
                              elem_id="writing-width")  # fmt: skip
            self.speed = gr.Slider(0.5, 20, 4, step=0.5, label="Speed of a replay", info="times as fast as a hand",
                              min_width=200, elem_id="writing-speed")  # fmt: skip
        with gr.Row():
            self.kind = gr.Radio([("Even", "plain"), ("Pen pressure", "pressure")], value="plain", label="Line",
                            min_width=200, elem_id="writing-kind")  # fmt: skip
            self.color = gr.ColorPicker(inputs.INK, label="Colour", min_width=120, elem_id="writing-color")
            with gr.Column(min_width=160):
                self.seed = gr.Number(
                    1, label="Seed", info="the same seed gives the same drawing", precision=0, minimum=0,
                    elem_id="writing-seed",
                )  # fmt: skip
                self.again = gr.Button("New seed", size="sm", elem_id="writing-again")
        with gr.Row():
            with gr.Column(min_width=220):
                self.check = gr.Checkbox(
                    True, label="Read it back", info="what a reader makes of it", elem_id="writing-check"
                )
            with gr.Column(min_width=220):
                self.reread = gr.Checkbox(
                    False, label="Redraw what is illegible", info="draws every line four times and keeps the best",
                    elem_id="writing-reread",
                )  # fmt: skip

    def _add_layout(self) -> None:
        """A line or pages, and how these are."""
        self.mode = gr.Radio([LINE, PAGES], value=LINE, label="Write", elem_id="writing-mode")
        with gr.Group(visible=False) as self.layout:
            with gr.Row():
                self.size = gr.Dropdown(SIZES, value="a4", label="Page", min_width=160, elem_id="writing-size",
                                   allow_custom_value=True)  # fmt: skip
                self.margins = gr.Number(20, label="Margins, mm", min_width=120, elem_id="writing-margins")
                self.line_height = gr.Number(9, label="Line height, mm", min_width=120, elem_id="writing-line-height")
            with gr.Row(visible=False) as self.custom:
                self.page_width = gr.Number(100, label="Page width, mm", min_width=120, elem_id="writing-page-width")
                self.page_height = gr.Number(150, label="Page height, mm", min_width=120, elem_id="writing-page-height")
            with gr.Row():
                self.align = gr.Radio(
                    list(ALIGNMENTS), value="left", label="Alignment", min_width=200, elem_id="writing-align"
                )
                self.sheet = gr.Radio(
                    list(PAPERS), value="blank", label="Paper", min_width=200, elem_id="writing-sheet"
                )

    def _add_files(self) -> None:
        """Settings of a plotter, and what the page keeps unseen."""
        with gr.Accordion("Plotter: for G-code and HPGL", open=False, elem_id="writing-plotter"), gr.Row():
            self.plotter = {
                "pen": gr.Dropdown(
                    ["z", "servo", "spindle"], value="z", label="What moves the pen", min_width=160,
                    elem_id="plotter-pen", allow_custom_value=True,
                )
            } | {
                name: gr.Number(None, label=label, placeholder="as usual", min_width=160, elem_id=f"plotter-{name}")
                for name, label in PLOTTER.items()
            }  # fmt: skip
        self.download = gr.DownloadButton("Download", visible="hidden", elem_id="writing-file")
        self.link = _html("", "writing-link", html.LINK_SCRIPT, html_template="<span hidden>${value}</span>")
        self.answer = gr.JSON(label="Drawing", visible=False)  # for those who call the tab by its API
        self.output, self.page = gr.State(None, time_to_live=components.KEEP_SECONDS), gr.State(1)

    def _connect(self) -> None:
        """Which event calls what."""
        inks = [self.width, self.color, self.kind]
        shown_by = [self.answer, self.paper, self.status, self.verdict, self.tools, self.halt, self.output, self.page]
        quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        given = {
            "fn": self.draw, "outputs": shown_by, "show_progress": "hidden", **TOGETHER,
            "inputs": [
                self.text, self.style, self.legibility, self.seed, self.other, self.share, self.mode, self.reread,
                self.check, self.size, self.margins, self.line_height, self.align, self.sheet, self.page_width,
                self.page_height, *inks, self.hand,
            ],
        }  # fmt: skip
        gr.on([self.go.click, self.text.submit], **given, api_visibility="private")
        gr.api(self.write, api_name="write", **TOGETHER)  # for scripts and tools, which know no state of a page
        self.again.click(new_seed, outputs=self.seed, **quiet).then(**given, api_visibility="private")
        self.examples.load_input_event.then(**given, api_visibility="private")
        self.halt.click(self.stop, outputs=[self.halt], queue=False, **quiet)
        for event in (self.width.release, self.color.input, self.kind.input):
            event(
                self.restyle,
                [self.output, self.page, *inks],
                [self.paper, self.status],
                trigger_mode="always_last",
                **quiet,
            )
        self.tools.replay(self.replay, [self.output, self.page, *inks, self.speed], [self.paper, self.status], **quiet)
        self.tools.turn(
            self.turn,
            [self.output, *inks, self.check],
            [self.paper, self.status, self.page, self.tools, self.verdict],
            **quiet,
        )
        self.tools.save(
            _with_event(self.save),
            [self.output, *inks, self.speed, *self.plotter.values()],
            [self.download, self.link, self.status],
            **quiet,
        )
        self.mode.change(lambda mode: gr.Group(visible=mode == PAGES), self.mode, self.layout, **quiet)
        self.size.change(lambda size: gr.Row(visible=size == "own"), self.size, self.custom, **quiet)
        self.file.upload(self.open_file, self.file, [self.hand, self.status], **quiet)
        self.hand.change(self.new_hand, self.hand, [self.style, self.other, self.status], **quiet)
        self.tab.load(self.open_page, outputs=[self.paper, self.status, self.style, self.other], **quiet).then(
            self.picture_cards, self.hand, self.style, **quiet
        )

    def open_page(self) -> dict[Any, Any]:
        try:
            names = self.writer().styles
        except InputError as error:
            return _problem(error, self.paper, self.status)
        return {
            self.paper: html.nothing("Your handwriting appears here."),
            self.status: components.status("Ready."),
            self.style: gr.HTML(value=next(iter(names), ""), cards=html.cards(names, self.desk.pictures())),
            self.other: gr.Dropdown(choices=[(NO_MIX, ""), *((name, name) for name in names)], value=""),
        }

    def picture_cards(self, hand: str | None) -> dict[Any, Any]:
        try:
            return {
                self.style: gr.HTML(
                    cards=html.cards(self.writer().styles, self.desk.pictures(draw=True, custom=hand), _name(hand))
                )
            }
        except InputError:
            return {self.style: gr.skip()}  # the page has said so

    def new_hand(self, hand: str | None) -> dict[Any, Any]:
        """The own hand has been fitted, or opened from a file."""
        try:
            names = self.writer().styles
            shown = html.cards(names, self.desk.pictures(draw=True, custom=hand), _name(hand))
        except InputError as error:
            return {self.status: components.status(str(error), problem=True)}
        choices = [
            (NO_MIX, ""),
            *((name, name) for name in names),
            *([(_name(hand), inputs.CUSTOM_STYLE)] if hand else []),
        ]
        chosen = inputs.CUSTOM_STYLE if hand else next(iter(names), "")
        return {self.style: gr.HTML(value=chosen, cards=shown), self.other: gr.Dropdown(choices=choices)}

    def open_file(self, path: str) -> dict[Any, Any]:
        try:
            opened = Style.from_json(Path(path).read_bytes()[: 2**20], name=Path(path).name)
            self.desk.check(opened)
        except InputError as error:
            return {self.status: components.status(str(error), problem=True)}
        return {
            self.hand: opened.json(),
            self.status: components.status(f"The style “{opened.name}” is in the gallery."),
        }

    def draw(self,
        text: str, style: str = "", legibility: float = 0.75, seed: int | None = None, mix: str = "",
        share: float = 0.5, mode: str = LINE, redraw: bool = False, read_back: bool = True, size: str = "a4",
        margins: float = 20, line_height: float = 9, align: str = "left", paper_kind: str = "blank",
        page_width: float = 100, page_height: float = 150, width: float = 1.6, color: str = inputs.INK,
        line: str = "plain", hand: str | None = None, request: gr.Request | None = None,
    ) -> Iterator[dict[Any, Any]]:  # fmt: skip
        visitor = None if request is None else str(request.session_hash)
        yield {
            self.status: components.status("Writing …" if self.writer.done else "Loading the writer …"),
            self.verdict: "",
            self.tools: html.tools(0, ready=False), self.halt: gr.Button(interactive=True), self.answer: None,
        }  # fmt: skip
        try:
            look = inputs.look(width, color, line)
            job = Job(
                inputs.text(text), inputs.hand(self.writer(), style, mix, share, hand),
                inputs.number("Legibility", legibility, 0, 1), _seed(seed), bool(redraw), look,
            )  # fmt: skip
            if mode == PAGES:
                custom = (page_width, page_height) if size == "own" else ()
                options = inputs.sheet(size, margins, line_height, align, paper_kind, look.width, custom)
                news = self.desk.pages(job, options, visitor)
            elif mode == LINE:
                news = self.desk.line(job, visitor)
            else:
                raise InputError(f"{LINE} or {PAGES} can be written.", usage=True)
            shown: Any = None
            for shown in news:
                yield {
                    self.paper: shown.paper, self.status: components.status(*shown.sentences),
                    **({self.output: shown.output, self.page: shown.page} if shown.output is not None else {}),
                }  # fmt: skip
            yield {
                self.tools: html.tools(len(shown.output), shown.page), self.halt: gr.Button(interactive=False),
                self.answer: shown.answer,
            }  # fmt: skip
            if read_back:
                yield {self.verdict: self.desk.verdict(shown.output, shown.page)}
        except InputError as error:
            yield {
                **_problem(error, self.paper, self.status),
                self.output: None,
                self.halt: gr.Button(interactive=False),
            }

    def write(
        self, text: str, style: str = "", legibility: float = 0.75, seed: int | None = None, redraw: bool = False
    ) -> dict:  # type: ignore[type-arg]
        """A text by hand: its pen strokes, each [points, 2], x right, y down, and how they were made; with redraw, each
        line is drawn several times and the most legible is kept."""
        try:
            job = Job(
                inputs.text(text), inputs.hand(self.writer(), style),
                inputs.number("Legibility", legibility, 0, 1), _seed(seed), bool(redraw),
                inputs.Look(),
            )  # fmt: skip
            if len(job.text) > MOST_CHARACTERS:
                raise InputError(
                    f"the text has {len(job.text):,} characters; at most {MOST_CHARACTERS:,} can be written", usage=True
                )
            *_, shown = self.desk.line(job, None)
        except InputError as error:
            raise gr.Error(escape(str(error)), print_exception=False) from error
        return dict(shown.answer or {})

    def stop(self, request: gr.Request) -> dict[Any, Any]:
        """What is being written comes to its end by itself, with what there is: a batch of lines later at the most."""
        self.desk.stop(str(request.session_hash))
        return {self.halt: gr.Button(interactive=False)}

    def restyle(self, output: Any, page: int, width: float, color: str, line: str) -> dict[Any, Any]:
        try:
            look = inputs.look(width, color, line)
        except InputError as error:
            return {self.status: components.status(str(error), problem=True)}
        if output is None:
            return {self.paper: gr.skip()}
        return {self.paper: html.paper(output.picture(look, page), look, sheet=self.desk.is_pages(output))}

    def replay(self, output: Any, page: int, width: float, color: str, line: str, speed: float) -> dict[Any, Any]:
        try:
            look = inputs.look(width, color, line)
            svg = output.replay(look, inputs.number("The speed", speed, 0.1, 100), page)
        except InputError as error:
            return {self.status: components.status(str(error), problem=True)}
        return {self.paper: html.paper(svg, look, sheet=self.desk.is_pages(output), replay=True)}

    def turn(
        self, output: Any, width: float, color: str, line: str, check: bool, event: gr.EventData
    ) -> Iterator[dict[Any, Any]]:
        if output is None:
            return
        to = min(max(int(event.page), 1), len(output))
        yield {
            **self.restyle(output, to, width, color, line),
            self.page: to,
            self.tools: html.tools(len(output), to),
            self.verdict: "",
        }
        if check:
            yield {self.verdict: self.desk.verdict(output, to)}

    def save(
        self, output: Any, width: float, color: str, line: str, speed: float, *values: Any
    ) -> Iterator[dict[Any, Any]]:
        *numbers, event = values
        if output is None:
            return
        try:
            options = inputs.plotter(dict(zip(self.plotter, numbers, strict=True)))
            for news in self.desk.save(output, event.kind, inputs.look(width, color, line), speed, options):
                if isinstance(news, tuple):
                    yield {self.status: components.status(f"Saving page {news[0]} of {news[1]} …")}
                else:  # it lies in a folder that is gone when this goes on
                    yield {
                        self.download: str(news),
                        self.link: self.desk.token(),
                        self.status: components.status(f"{news.name} is saved."),
                    }
        except InputError as error:
            yield {self.status: components.status(str(error), problem=True)}


def new_seed() -> int:
    """A seed short enough to note down."""
    return random.SystemRandom().randrange(1_000_000)


def _with_event(run: Callable[..., Iterator[dict[Any, Any]]]) -> Callable[..., Iterator[dict[Any, Any]]]:
    """A handler of any number of values that is given the event after them; Gradio finds its place by its type."""

    def handler(event: gr.EventData, *values: Any) -> Iterator[dict[Any, Any]]:
        yield from run(*values, event)

    return handler


def _html(value: str, elem_id: str, script: str | None = None, **options: Any) -> Any:
    return gr.HTML(value, elem_id=elem_id, js_on_load=script, apply_default_css=False, **options)


def _seed(value: Any) -> int | None:
    if value is None:
        return None
    number = inputs.number("seed", value, 0, 2**53)
    if number != int(number):
        raise InputError("seed must be a whole number from 0 on", usage=True)
    return int(number)


def _name(hand: str | None) -> str:
    return Style.from_json(hand, name="Your own hand").name if hand else ""


def _problem(error: InputError, paper: Any, status: Any) -> dict[Any, Any]:
    sentence = str(error)
    gr.Warning(escape(sentence), title="Nothing was written")
    return {paper: html.nothing("Nothing was written."), status: components.status(sentence, problem=True)}
