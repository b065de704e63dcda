"""The translation tab of the demo: an English text in, German out, with the word that each word came from.

Run: lstm-models demo translation
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
from lstm_apps.tasks.translation.demo import html as view
from lstm_models.errors import InputError
from lstm_models.io.atomic_write import write_whole
from lstm_models.tasks.translation.decoding import TranslateOptions
from lstm_models.tasks.translation.results import Translation

__all__ = ["TITLE", "build"]

TITLE = "Translation"
EXAMPLES = {
    "A photo": "Two dogs are running through the grass while a man in a red shirt is watching them.",
    "Everyday": "I don't know what to say. Could you help me tomorrow?",
    "Another photo": "A little girl in a pink dress is climbing the stairs to a wooden playhouse.",
}
_N_BEST = 4
_NOTES = (
    "English to German. The model learnt from short, everyday sentences and descriptions of photos; others come out "
    "worse. The weights learnt from Multi30k (CC BY-NC-SA 4.0) and Tatoeba (CC BY 2.0): non-commercial use only. "
    "What you write stays on the machine that serves this page, and is not kept."
)


class Translator(Protocol):
    """What the tab needs of a model; `lstm_models.tasks.translation.model.Translator` is one."""

    def translate(self, text: str, options: TranslateOptions | None = None) -> Translation: ...  # fmt: skip


def build(load: Callable[[], Translator] | None = None, model: str = "translator-en-de") -> gr.Blocks:
    """The tab as Gradio blocks; theme and style sheet come with `lstm_apps.demo`.

    Args:
        load: gives the translator, called once, when the page is first opened.
        model: what to load if `load` is left out: a bundled name, a folder, or a Hugging Face Hub id.
    """
    translator = tabs.once(load or tabs.bundled(model))
    with tabs.blocks(TITLE) as tab:
        text = gr.Textbox(
            next(iter(EXAMPLES.values())), label="English", lines=3, max_lines=12, max_length=tabs.LONGEST_TEXT,
            elem_id="translation-text",
        )  # fmt: skip
        with gr.Row():
            examples = [gr.Button(name, size="sm", min_width=120) for name in EXAMPLES]
        with gr.Accordion("Glossary", open=False):
            glossary = gr.Textbox(
                "", label="Terms that have to be translated so, one a line", placeholder="dog = Köter", lines=2,
                max_length=2000, elem_id="translation-glossary",
            )  # fmt: skip
        go = gr.Button("Translate", variant="primary", elem_id="translation-go")
        shown = gr.HTML(
            view.nothing("The translation appears here."),
            elem_id="translation-words",
            apply_default_css=False,
            css_template=view.STYLE,
            js_on_load=view.SCRIPT,
        )
        status = gr.HTML(
            tabs.status("Ready."), elem_classes="status", elem_id="translation-status", apply_default_css=False
        )
        with gr.Row():
            downloads = [
                gr.DownloadButton(
                    f"Save {name}", interactive=False, size="sm", min_width=120, elem_id=f"translation-save-{name}"
                )
                for name in ("text", "JSON")
            ]
        gr.HTML(f"<p>{escape(_NOTES)}</p>", elem_classes="fine-print", apply_default_css=False)

        def show(text: str, glossary: str) -> Iterator[dict[Any, Any]]:
            off = {button: gr.DownloadButton(value=None, interactive=False) for button in downloads}
            if not (text or "").strip():
                waiting = view.nothing("The translation appears here.")
                yield {**off, shown: waiting, status: tabs.status("There is no text yet.")}
                return
            try:
                options = TranslateOptions(n_best=_N_BEST, glossary=_terms(glossary or ""))
                if not translator.done:
                    yield {status: tabs.status("Loading the translator …")}
                model = translator()
                started = time.perf_counter()
                found = model.translate(tabs.checked_text(text), options)
                sentence = _summary(found, time.perf_counter() - started)
                with tempfile.TemporaryDirectory() as folder:  # Gradio copies from here into its cache
                    on = [gr.DownloadButton(value=file, interactive=True) for file in _saved(found, folder)]
                    yield {
                        shown: view.translated(found),
                        status: tabs.status(sentence, *(f"{note[:1].upper()}{note[1:]}." for note in found.notes)),
                        **dict(zip(downloads, on, strict=True)),
                    }
            except InputError as error:
                failed = view.nothing("Nothing was translated.")
                yield {**off, shown: failed, status: tabs.status(str(error), problem=True)}

        def translate(text: str, glossary: str = "") -> dict:  # type: ignore[type-arg]
            """An English text in German, with where each word came from and how sure it is; glossary: "dog = Köter",
            a term a line."""
            try:
                options = TranslateOptions(n_best=_N_BEST, glossary=_terms(glossary or ""))
                return dict(json.loads(translator().translate(tabs.checked_text(text), options).json(attention=True)))
            except InputError as error:
                raise gr.Error(escape(str(error)), print_exception=False) from error

        quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        given = {"fn": show, "inputs": [text, glossary], "outputs": [shown, status, *downloads], **quiet}
        go.click(**given, trigger_mode="always_last")
        text.submit(**given, trigger_mode="always_last")
        for button, example in zip(examples, EXAMPLES.values(), strict=True):
            button.click(lambda chosen=example: chosen, outputs=text, **quiet).then(**given)
        tab.load(**given)
        gr.api(translate, api_name="translate")
    return tab


def _terms(glossary: str) -> list[tuple[str, str]]:
    """The pairs of a glossary, one a line.

    Raises:
        InputError: a line is no pair.
    """
    pairs = []
    for line in glossary.splitlines():
        source, equals, target = line.partition("=")
        if line.strip() and not equals:
            raise InputError(
                f"“{line.strip()[:60]}” is not a pair of terms: expected one such as dog = Köter", usage=True
            )
        if line.strip():
            pairs.append((source, target))
    return pairs


def _saved(found: Translation, folder: str) -> list[str]:
    """The translation as text and as JSON, named after the first words of the source."""
    path = Path(folder) / tabs.file_name(found.source, "translation")
    for suffix, content in ((".txt", found.text + "\n"), (".json", found.json(attention=True))):
        write_whole(path.with_suffix(suffix), content)
    return [str(path.with_suffix(suffix)) for suffix in (".txt", ".json")]


def _summary(found: Translation, seconds: float) -> str:
    sentences, words = len(found.sentences), len(found.words)
    counted = f"{sentences} {'sentence' if sentences == 1 else 'sentences'}, {words} words"
    return f"{counted}, in {seconds:.2f} s."
