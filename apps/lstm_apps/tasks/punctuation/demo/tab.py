"""The punctuation tab of the demo: words in, marks and capitals out, with how sure each is.

Run: lstm-models demo punctuation
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from html import escape
from typing import Any, Protocol

import gradio as gr

from lstm_apps.demo import components as tabs
from lstm_apps.tasks.punctuation.demo import html as view
from lstm_models.errors import InputError
from lstm_models.tasks.punctuation.results import PunctuatedText

__all__ = ["TITLE", "build"]

TITLE = "Punctuation"
EXAMPLES = {
    "A talk": "thank you so much it is really a great honor to be here today so how many of you have ever seen a whale "
    "when i was a child in new zealand my father took me to the sea every summer and we waited for hours and sometimes "
    "nothing came but one day i will never forget it a humpback whale came up right beside our boat",
    "A message": "hi anna how are you i arrived in london yesterday evening can you tell me when the meeting with the "
    "people from nasa starts thanks a lot",
    "A story": "once upon a time there was a king who had three sons the eldest was called john and he was brave the "
    "second was clever but nobody knew what the youngest could do",
}
NOTES = (
    "English. Marks and capitals that are there already are kept. What you write stays on the machine that serves this "
    "page, and is not kept. The weights learnt from TED talks, which are under CC BY-NC-ND 4.0, among other texts: use "
    "them for non-commercial purposes."
)
_NOTHING = "The text appears here."


class Punctuator(Protocol):
    """What the tab needs of a model; `lstm_models.tasks.punctuation.model.Punctuator` is one."""

    def punctuate(self, text: str) -> PunctuatedText: ...  # fmt: skip


def build(load: Callable[[], Punctuator] | None = None, model: str = "punctuator") -> gr.Blocks:
    """The tab as Gradio blocks; theme and style sheet come with `lstm_apps.demo`.

    Args:
        load: gives the punctuator, called once, when the page is first opened.
        model: what to load if `load` is left out: a bundled name, a folder, or a Hugging Face Hub id.
    """
    punctuator = tabs.once(load or tabs.bundled(model))
    first = next(iter(EXAMPLES.values()))
    with tabs.blocks(TITLE) as tab:
        text = gr.Textbox(
            first, label="Words", lines=4, max_lines=12, max_length=tabs.LONGEST_TEXT, elem_id="punctuation-text"
        )  # fmt: skip
        with gr.Row():
            examples = [gr.Button(name, size="sm", min_width=120) for name in EXAMPLES]
        shown = gr.HTML(
            view.nothing(_NOTHING), elem_id="punctuation-words", apply_default_css=False, css_template=view.STYLE
        )
        status = gr.HTML(
            tabs.status("Ready."), elem_classes="status", elem_id="punctuation-status", apply_default_css=False
        )
        plain = gr.Textbox(
            "",
            label="Text to copy",
            lines=3,
            max_lines=12,
            interactive=False,
            buttons=["copy"],
            elem_id="punctuation-plain",
        )
        gr.HTML(f"<p>{escape(NOTES)}</p>", elem_classes="fine-print", apply_default_css=False)

        def show(text: str) -> Iterator[dict[Any, Any]]:
            if not (text or "").strip():
                yield {shown: view.nothing(_NOTHING), plain: "", status: tabs.status("There is no text yet.")}
                return
            try:
                if not punctuator.done:
                    yield {status: tabs.status("Loading the punctuator …")}
                model = punctuator()
                started = time.perf_counter()
                found = model.punctuate(tabs.checked_text(text))
                sentence = _summary(found, time.perf_counter() - started)
                notes = [f"{note}." for note in found.notes]
                yield {shown: view.punctuated(found, text), plain: found.text, status: tabs.status(sentence, *notes)}
            except InputError as error:
                yield {
                    shown: view.nothing("Nothing was done."),
                    plain: "",
                    status: tabs.status(str(error), problem=True),
                }

        def punctuate(text: str) -> dict:  # type: ignore[type-arg]
            """An English text without marks and capitals, with them; and how sure each is."""
            try:
                return dict(json.loads(punctuator().punctuate(tabs.checked_text(text)).json()))
            except InputError as error:
                raise gr.Error(escape(str(error)), print_exception=False) from error

        quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        given = {"fn": show, "inputs": text, "outputs": [shown, plain, status], **quiet}
        text.input(**given, trigger_mode="always_last")
        for button, example in zip(examples, EXAMPLES.values(), strict=True):
            button.click(lambda chosen=example: chosen, outputs=text, **quiet).then(**given)
        tab.load(**given)
        gr.api(punctuate, api_name="punctuate")
    return tab


def _summary(found: PunctuatedText, seconds: float) -> str:
    marks = sum(bool(word.mark) for word in found.words)
    words = len(found.words)
    counted = f"{words} {'word' if words == 1 else 'words'}, {marks} {'mark' if marks == 1 else 'marks'}"
    return f"{counted}, in {seconds:.2f} s."
