"""The language modeling tab of the demo: a text coloured by surprise, how it goes on, and what a cell keeps.

Run: lstm-models demo language-modeling
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from html import escape
from typing import Any

import gradio as gr

from lstm_apps.demo import components as tabs
from lstm_apps.tasks.language_modeling.demo import html as view
from lstm_models.errors import InputError
from lstm_models.tasks.language_modeling.cells import CellTrace, inside, trace, unit_like
from lstm_models.tasks.language_modeling.model import LanguageModel
from lstm_models.tasks.language_modeling.results import ScoredText

__all__ = ["TITLE", "build"]

TITLE = "Language model"
EXAMPLES = {
    "A slip of the pen": "The river rises in the mountains and flows into the see. It is the longest river of the "
    "country, and on its banks are three large cities and many small villagers.",
    "An article": "The university was founded in 1871. It is one of the oldest universities in the country. The "
    "university has three faculties (medicine, law and the arts) and about 12,000 students. In 1990, the university",
    "A story": "“I do not believe you,” said the old man, and he looked out of the window. “It is late,” he added, "
    "“and you have a long way to go before",
}
NOTES = (
    "English. What you write stays on the machine that serves this page, and is not kept. The weights learnt from "
    "articles of Wikipedia (SQuAD) and are, like them, under CC BY-SA 4.0."
)
_NOTHING = "The text appears here."
_CANDIDATES = 5
_QUOTES, _BRACKETS, _CHOSEN = "inside quotation marks", "inside brackets", "the unit chosen below"


def build(load: Callable[[], LanguageModel] | None = None, model: str = "language-model") -> gr.Blocks:
    """The tab as Gradio blocks; theme and style sheet come with `lstm_apps.demo`.

    Args:
        load: gives the model, called once, when the page is first opened.
        model: what to load if `load` is left out: a bundled name, a folder, or a Hugging Face Hub id.
    """
    loaded = tabs.once(load or tabs.bundled(model))
    first = next(iter(EXAMPLES.values()))

    def panel(sentence: str, name: str) -> gr.HTML:
        shown, name = view.nothing(sentence), f"language-{name}"
        return gr.HTML(shown, elem_id=name, apply_default_css=False, css_template=view.STYLE)

    with tabs.blocks(TITLE) as tab:
        text = gr.Textbox(
            first, label="Text", lines=4, max_lines=12, max_length=tabs.LONGEST_TEXT, elem_id="language-text"
        )  # fmt: skip
        with gr.Row():
            examples = [gr.Button(name, size="sm", min_width=120) for name in EXAMPLES]
        adapt = gr.Checkbox(False, label="Learn from the text while reading it", elem_id="language-adapt")
        shown = panel(_NOTHING, "words")
        status = gr.HTML(
            tabs.status("Ready."), elem_classes="status", elem_id="language-status", apply_default_css=False
        )
        ways = panel("How the text may go on appears here.", "completions")
        with gr.Row():
            temperature = gr.Slider(0.1, 1.5, 0.7, step=0.1, label="Temperature", elem_id="language-temperature")
            more = gr.Button("Write on", variant="secondary", elem_id="language-more")
        with gr.Accordion("What a cell keeps", open=False):
            kind = gr.Dropdown([_QUOTES, _BRACKETS, _CHOSEN], value=_QUOTES, label="The unit that follows best")
            unit = gr.Number(0, label="Unit", precision=0, minimum=0, elem_id="language-unit")
            kept = panel("The state of a unit over the text appears here.", "cells")
        gr.HTML(f"<p>{escape(NOTES)}</p>", elem_classes="fine-print", apply_default_css=False)

        def show(text: str, adapt: bool) -> Iterator[dict[Any, Any]]:
            if not (text or "").strip():
                yield {shown: view.nothing(_NOTHING), ways: view.nothing("There is no text yet."),
                       status: tabs.status("There is no text yet.")}  # fmt: skip
                return
            try:
                if not loaded.done:
                    yield {status: tabs.status("Loading the language model …")}
                lm, started = loaded(), time.perf_counter()
                found = lm.score(tabs.checked_text(text), adapt=bool(adapt), candidates=_CANDIDATES)
                yield {shown: view.scored(found), status: tabs.status(_summary(found, time.perf_counter() - started))}
                yield {ways: view.completions(lm.complete(text, n_best=5, words=4, adapt=bool(adapt)))}
            except InputError as error:
                sentence = tabs.status(str(error), problem=True)
                yield {shown: view.nothing("Nothing was scored."), ways: view.nothing(""), status: sentence}

        def write_on(text: str, temperature: float, adapt: bool) -> dict[Any, Any]:
            try:
                found = loaded().sample(tabs.checked_text(text or ""), 12, temperature, adapt=bool(adapt))
                return {text_box: f"{text}{found.text}"[: tabs.LONGEST_TEXT]}
            except InputError as error:
                return {status: tabs.status(str(error), problem=True)}

        def show_cells(text: str, kind: str, unit: float) -> dict[Any, Any]:
            if not (text or "").strip():
                return {kept: view.nothing("There is no text yet.")}
            try:
                traced = trace(loaded(), tabs.checked_text(text))
                number, sentence = _unit(text, traced, kind, unit)
            except InputError as error:
                return {kept: view.nothing(str(error))}
            return {kept: view.cells(text, traced, number) + sentence}

        def score(text: str, adapt: bool = False) -> dict:  # type: ignore[type-arg]
            """How probable an English text is: log probability (natural) and perplexity, word for word."""
            return _endpoint(lambda: json.loads(loaded().score(tabs.checked_text(text), adapt=adapt).json()))

        def complete(text: str, n_best: int = 3, words: int = 5) -> dict:  # type: ignore[type-arg]
            """The most probable ways an English text goes on, with their log probabilities."""

            def found() -> dict[str, Any]:
                several = loaded().complete(tabs.checked_text(text), n_best=min(n_best, 20), words=min(words, 50))
                return {"prompt": text, "completions": [each.as_dict() for each in several]}

            return _endpoint(found)

        text_box = text
        quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        given = {"fn": show, "inputs": [text, adapt], "outputs": [shown, status, ways], **quiet}
        text.input(**given, trigger_mode="always_last")
        adapt.change(**given, trigger_mode="always_last")
        for button, example in zip(examples, EXAMPLES.values(), strict=True):
            button.click(lambda chosen=example: chosen, outputs=text, **quiet).then(**given)
        more.click(write_on, [text, temperature, adapt], [text, status], **quiet).then(**given)
        traced = {"fn": show_cells, "inputs": [text, kind, unit], "outputs": kept, **quiet}
        for event in (kind.change, unit.change, text.input, tab.load):
            event(**traced, trigger_mode="always_last")
        tab.load(**given)
        gr.api(score, api_name="score")
        gr.api(complete, api_name="complete")
    return tab


def _endpoint(work: Callable[[], Any]) -> dict[str, Any]:
    try:
        return dict(work())
    except InputError as error:
        raise gr.Error(escape(str(error)), print_exception=False) from error


def _unit(text: str, traced: CellTrace, kind: str, unit: float) -> tuple[int, str]:
    """The unit to show, and a sentence on it."""
    units = traced.cells.size(1)
    if kind not in (_QUOTES, _BRACKETS):
        number = int(unit or 0)
        if not 0 <= number < units:
            raise InputError(f"unit must be from 0 to {units - 1}, not {number}", usage=True)
        return number, ""
    pairs = [("“", "”"), ('"', '"')] if kind == _QUOTES else [("(", ")")]
    values = sum(inside(text, traced.pieces, *pair) for pair in pairs)
    number, correlation = unit_like(traced.cells, values)  # type: ignore[arg-type]
    if not correlation:
        return number, tabs.status("There is nothing of the kind in this text.")
    return number, tabs.status(f"Unit {number} follows it best here: correlation {correlation:+.2f}.")


def _summary(found: ScoredText, seconds: float) -> str:
    words, unlikely = len(found.words), sum(word.unlikely for word in found.words)
    counted = f"{words} {'word' if words == 1 else 'words'}, {unlikely or 'none'} unlikely"
    figures = f"perplexity {found.perplexity:,.0f} a word, {found.bits_per_character:.2f} bits a character"
    return f"{counted}; {figures}; in {seconds:.2f} s."
