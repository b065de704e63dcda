"""The panel of the demo that reads what is written on a pad: the text as it grows, how sure each word is, other texts.

Run: lstm-models demo handwriting
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from html import escape
from typing import Any, Protocol

import gradio as gr
import numpy as np

from lstm_apps.demo import components, ink_pad
from lstm_apps.demo.assets import asset
from lstm_models.errors import InputError
from lstm_models.results import Word
from lstm_models.tasks.handwriting_reader.results import Reading

__all__ = ["TITLE", "Reader", "build", "panel", "shown", "with_words"]

TITLE = "Read"
NOTES = (
    "What is drawn stays on the machine that serves this page, and is not kept. English, in letters that are joined or "
    "not; several lines are told apart."
)
ALTERNATIVES = 3
_UNSURE, _DOUBTFUL = 0.8, 0.5  # words surer than the first have no mark; below the second, a wavy line
_NOTHING = "Write on the pad: the text appears here."

# Shows another text at a click; saves the shown one, or the strokes, without the server: nothing is kept there.
_SCRIPT = asset("lstm_apps.tasks.handwriting_reader.demo", "reading.js")

_STYLE = asset("lstm_apps.tasks.handwriting_reader.demo", "reading.css")


class Reader(Protocol):
    """What the panel needs of a model; `lstm_models.tasks.handwriting_reader.model.HandwritingReader` is one."""

    def read(self, source: Any, **options: Any) -> Reading: ...  # fmt: skip


def build(load: Callable[[], Reader] | None = None) -> gr.Blocks:
    """The panel standing alone; theme and style sheet come with `lstm_apps.demo.launch`. See `panel`."""
    with components.blocks(TITLE) as blocks:
        panel(load)
    return blocks


def panel(load: Callable[[], Reader] | None = None) -> None:
    """Adds the panel to the current blocks, with the endpoint ``read_strokes`` for scripts.

    Args:
        load: gives the reader, called once, when somebody first writes; the bundled one if left out.
    """
    reader = components.once(load or with_words(components.bundled("reader")))
    sheet = ink_pad.pad("reading-pad", label="Pad to write on", rules=3, opens=True)
    words = gr.HTML(
        _nothing(_NOTHING), elem_id="reading-words", apply_default_css=False, js_on_load=_SCRIPT, css_template=_STYLE
    )
    status = gr.HTML(
        components.status("Ready."), elem_classes="status", elem_id="reading-status", apply_default_css=False
    )
    gr.HTML(f"<p>{escape(NOTES)}</p>", elem_classes="fine-print", apply_default_css=False)

    def answers(drawn: Sequence[np.ndarray]) -> Iterator[dict[Any, Any]]:
        if not drawn:
            yield {words: _nothing(_NOTHING), status: components.status("Ready.")}
            return
        if not np.ptp(np.concatenate(drawn), axis=0).any():
            yield {words: _nothing(_NOTHING), status: components.status("One dot so far.")}
            return
        if not reader.done:
            yield {status: components.status("Loading the reader …")}
        model = reader()
        started = time.perf_counter()
        reading = model.read(drawn, alternatives=ALTERNATIVES, name="The pad")
        took = time.perf_counter() - started
        yield {words: shown(reading), status: components.status(_summary(reading, took))}

    def read(value: str) -> Iterator[dict[Any, Any]]:
        try:
            yield from answers(ink_pad.strokes(value))
        except InputError as error:
            yield {words: _nothing("Nothing was read."), status: components.status(str(error), problem=True)}

    def open_file(event: gr.EventData) -> Iterator[dict[Any, Any]]:
        try:
            drawn = ink_pad.placed(ink_pad.sent_file(event.name, event.text))
            value = ink_pad.value_of(drawn)
            yield {sheet: value}
            yield from answers(ink_pad.strokes(value))
        except (InputError, AttributeError) as error:
            sentence = str(error) if isinstance(error, InputError) else "The file was not sent."
            yield {status: components.status(sentence, problem=True)}

    def read_strokes(strokes: list, alternatives: int = ALTERNATIVES) -> dict:  # type: ignore[type-arg]
        """What strokes say: lists of strokes of [x, y], x right, y down, in the order they were written."""
        try:
            drawn = ink_pad.strokes(strokes, "The drawing")
            if not isinstance(alternatives, int) or not 0 <= alternatives <= 20:
                raise InputError("alternatives is a whole number from 0 to 20.", usage=True)
            reading = reader().read(drawn, alternatives=alternatives, name="The drawing")
        except InputError as error:
            raise gr.Error(escape(str(error)), print_exception=False) from error
        return dict(json.loads(reading.json()))

    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    sheet.input(read, inputs=sheet, outputs=[words, status], trigger_mode="always_last", **quiet)
    sheet.upload(open_file, outputs=[sheet, words, status], **quiet)
    read_strokes.takes_bytes = ink_pad.TAKES_BYTES  # type: ignore[attr-defined]
    gr.api(read_strokes, api_name="read_strokes")


def shown(reading: Reading) -> str:
    """The words by their confidences, the next best texts as buttons, and buttons to save with, as HTML."""
    if not reading.text.strip():
        return _nothing("No text was read.")
    every = (reading, *(other for other in reading.alternatives if other.text.strip()))
    texts = "".join(_text_html(each, hidden=bool(number)) for number, each in enumerate(every))
    chips = ""
    if len(every) > 1:
        best = set(reading.text.split())
        chips = "".join(
            f'<button type="button" class="other" data-number="{number}" aria-pressed="{str(not number).lower()}">'
            f"{_chip(each, best)}</button>"
            for number, each in enumerate(every)
        )
        chips = f'<div class="others" role="group" aria-label="Texts it may be"><h3>It may be</h3>{chips}</div>'
    saves = '<button type="button" data-save="text">Save text</button>'
    saves += '<button type="button" data-save="strokes">Save strokes</button>'
    return f'<div class="transcript">{texts}{_legend(every)}{chips}<div class="saves">{saves}</div></div>'


def _text_html(reading: Reading, *, hidden: bool) -> str:
    """One text, a paragraph a line; each word with its confidence."""
    words, lines = list(reading.words), []
    for line in reading.text.split("\n"):
        count = len(line.split())
        lines.append(f'<p class="line">{" ".join(map(_word, words[:count]))}</p>')
        words = words[count:]
    name = escape(components.file_name(reading.text, "note"))
    text = escape(reading.text).replace("\n", "&#10;")
    kept = f'data-text="{text}" data-name="{name}"' + (' hidden=""' if hidden else "")
    return f'<div class="text" {kept}>{"".join(lines)}</div>'


def _word(word: Word) -> str:
    if word.confidence is None:
        return f'<span class="word">{escape(word.text)}</span>'
    text, percent = escape(word.text), f"{round(100 * word.confidence)}\u00a0% sure"
    kind, tint = "word", ""
    if word.confidence < _UNSURE:
        kind = "word doubtful" if word.confidence < _DOUBTFUL else "word unsure"
        tint = f' style="--unsure: {round(100 * min(1.0, (1 - word.confidence) / (1 - _DOUBTFUL)))}%"'
    about = f'data-about="“{text}”: {percent}" title="{percent}" aria-label="{text}: {percent}"'
    return f'<button type="button" class="{kind}"{tint} {about}>{text}</button>'


def _legend(every: Sequence[Reading]) -> str:
    sure = [word.confidence for word in every[0].words if word.confidence is not None]
    about = '<p class="about">Choose a word to see how sure it is.</p>' if sure else ""
    marks = ""
    if any(_DOUBTFUL <= each < _UNSURE for each in sure):
        marks += f'<span class="word unsure" style="--unsure: 50%">below {round(100 * _UNSURE)} % sure</span>'
    if any(each < _DOUBTFUL for each in sure):
        marks += f'<span class="word doubtful" style="--unsure: 100%">below {round(100 * _DOUBTFUL)} % sure</span>'
    marks = f'<p class="marks">{marks}</p>' if marks else ""
    return f'<div class="legend">{about}{marks}</div>'


def _chip(reading: Reading, best: set[str]) -> str:
    """The text in one line, with the words that the best one has not marked."""
    lines = (
        " ".join(escape(word) if word in best else f"<b>{escape(word)}</b>" for word in line.split())
        for line in reading.text.split("\n")
    )
    return " / ".join(lines)


def _nothing(sentence: str) -> str:
    return f'<div class="transcript"><p class="waiting">{escape(sentence)}</p></div>'


def _summary(reading: Reading, seconds: float) -> str:
    count, lines = len(reading.words), reading.text.count("\n") + 1
    if not count:
        return f"No words, in {seconds:.1f} s."
    about = f"{count} {'word' if count == 1 else 'words'}" + (f" in {lines} lines" if lines > 1 else "")
    sure = "" if reading.confidence is None else f"; {round(100 * reading.confidence)}\u00a0% sure"
    return " ".join((f"{about}, read in {seconds:.1f} s{sure}.", *reading.notes))


class _WithWords:
    """A reader with the bundled language model, which is loaded once."""

    def __init__(self, reader: Any) -> None:
        from lstm_models.tasks.handwriting_reader.decoding import cased_words

        self._reader = reader
        self._words = cased_words(reader, True)

    def read(self, source: Any, **options: Any) -> Reading:
        return self._reader.read(source, lm=self._words or False, **options)  # type: ignore[no-any-return]


def with_words(load: Callable[[], Any]) -> Callable[[], Reader]:
    """Loads that reader, and the language model that it reads with."""
    return lambda: _WithWords(load())
