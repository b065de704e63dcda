"""The tagging tab of the demo: a text in, its parts of speech and names out, as CoNLL-U and JSON, too.

Run: lstm-models demo tagging
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterator
from html import escape
from pathlib import Path
from typing import Any, Protocol

import gradio as gr

from lstm_apps.demo import components as tabs
from lstm_apps.tasks.tagging.demo import html as view
from lstm_models.errors import InputError
from lstm_models.io.atomic_write import write_whole
from lstm_models.tasks.tagging.results import TaggedText

__all__ = ["TITLE", "build"]

TITLE = "Tagging"
EXAMPLES = {
    "A piece of news": "Angela Merkel met Barack Obama in Berlin on Tuesday. Afterwards both visited Siemens, "
    "which had just opened a factory in North Carolina.",
    "In lower case": "i met maria lopez at google in new york last week and she said they were moving to london",
    "A review": "The staff at Wok & Roll are lovely, but don't order the duck: it's never fresh!",
}
FORMATS = {"conllu": "CoNLL-U", "json": "JSON"}
NOTES = (
    "English, cased or not. People, places and organisations are looked for. What you write stays on the machine that "
    "serves this page, and is not kept. The weights learnt from the English Web Treebank and are, like it, under "
    "CC BY-SA 4.0."
)


class Tagger(Protocol):
    """What the tab needs of a model; `lstm_models.tasks.tagging.model.Tagger` is one."""

    def tag(self, text: str) -> TaggedText: ...  # fmt: skip


def build(load: Callable[[], Tagger] | None = None, model: str = "tagger") -> gr.Blocks:
    """The tab as Gradio blocks; theme and style sheet come with `lstm_apps.demo`.

    Args:
        load: gives the tagger, called once, when the page is first opened.
        model: what to load if `load` is left out: a bundled name, a folder, or a Hugging Face Hub id.
    """
    tagger = tabs.once(load or tabs.bundled(model))
    first = next(iter(EXAMPLES.values()))
    with tabs.blocks(TITLE) as tab:
        text = gr.Textbox(
            first, label="Text", lines=4, max_lines=12, max_length=tabs.LONGEST_TEXT, elem_id="tagging-text"
        )  # fmt: skip
        with gr.Row():
            examples = [gr.Button(name, size="sm", min_width=120) for name in EXAMPLES]
        shown = gr.HTML(
            view.nothing("The words appear here."),
            elem_id="tagging-words",
            apply_default_css=False,
            css_template=view.STYLE,
        )
        status = gr.HTML(
            tabs.status("Ready."), elem_classes="status", elem_id="tagging-status", apply_default_css=False
        )
        with gr.Row():
            downloads = [
                gr.DownloadButton(
                    f"Save {name}", interactive=False, size="sm", min_width=120, elem_id=f"tagging-save-{kind}"
                )
                for kind, name in FORMATS.items()
            ]
        gr.HTML(f"<p>{escape(NOTES)}</p>", elem_classes="fine-print", apply_default_css=False)

        def show(text: str) -> Iterator[dict[Any, Any]]:
            off = {button: gr.DownloadButton(value=None, interactive=False) for button in downloads}
            if not (text or "").strip():
                yield {
                    **off,
                    shown: view.nothing("The words appear here."),
                    status: tabs.status("There is no text yet."),
                }
                return
            try:
                if not tagger.done:
                    yield {status: tabs.status("Loading the tagger …")}
                model = tagger()
                started = time.perf_counter()
                found = model.tag(tabs.checked_text(text))
                sentence = _summary(found, time.perf_counter() - started)
                with tempfile.TemporaryDirectory() as folder:  # Gradio copies from here into its cache
                    on = [gr.DownloadButton(value=file, interactive=True) for file in _saved(found, folder)]
                    yield {
                        shown: view.tagged(found),
                        status: tabs.status(sentence, *(f"{note}." for note in found.notes)),
                        **dict(zip(downloads, on, strict=True)),
                    }
            except InputError as error:
                yield {**off, shown: view.nothing("Nothing was tagged."), status: tabs.status(str(error), problem=True)}

        def tag(text: str) -> dict:  # type: ignore[type-arg]
            """Parts of speech (Universal Dependencies) and names (PER, LOC, ORG) of an English text."""
            try:
                return dict(json.loads(tagger().tag(tabs.checked_text(text)).json()))
            except InputError as error:
                raise gr.Error(escape(str(error)), print_exception=False) from error

        quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        given = {"fn": show, "inputs": text, "outputs": [shown, status, *downloads], **quiet}
        text.input(**given, trigger_mode="always_last")
        for button, example in zip(examples, EXAMPLES.values(), strict=True):
            button.click(lambda chosen=example: chosen, outputs=text, **quiet).then(**given)
        tab.load(**given)
        gr.api(tag, api_name="tag")
    return tab


def _saved(found: TaggedText, folder: str) -> list[str]:
    """The text in every format, named after its first words."""
    path = Path(folder) / tabs.file_name(found.text, "text")
    contents = {"conllu": found.conllu(), "json": found.json()}
    for kind, content in contents.items():
        write_whole(path.with_suffix(f".{kind}"), content)
    return [str(path.with_suffix(f".{kind}")) for kind in contents]


def _summary(found: TaggedText, seconds: float) -> str:
    words, names = len(found.tokens), len(found.entities)
    counted = f"{words} {'word' if words == 1 else 'words'}, {names or 'no'} {'name' if names == 1 else 'names'}"
    return f"{counted}, in {seconds:.2f} s."
