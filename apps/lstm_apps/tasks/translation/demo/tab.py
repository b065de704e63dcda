"""The translation tab of the demo: an English text in, German or French out, with the word that each word came from.

Run: lstm-models demo translation
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import gradio as gr

from lstm_apps.demo import components
from lstm_apps.demo.text_tab import TextTab
from lstm_apps.demo.translators import Translators, language_names
from lstm_apps.tasks.translation.demo import html as view
from lstm_models.errors import InputError
from lstm_models.tasks.translation.decoding import TranslateOptions
from lstm_models.tasks.translation.results import Translation

__all__ = ["TAB", "TITLE", "build"]

TITLE = "Translation"
EXAMPLES = {
    "A photo": "Two dogs are running through the grass while a man in a red shirt is watching them.",
    "Everyday": "I don't know what to say. Could you help me tomorrow?",
    "Another photo": "A little girl in a pink dress is climbing the stairs to a wooden playhouse.",
}
_N_BEST = 4
NOTES = (
    "English to German or French. The models learnt from short, everyday sentences and descriptions of photos; others "
    "come out worse. The weights learnt from Multi30k (CC BY-NC-SA 4.0) and Tatoeba (CC BY 2.0): non-commercial use "
    "only. "
    "What you write stays on the machine that serves this page, and is not kept."
)


class Translator(Protocol):
    """What the tab needs of a model; `lstm_models.tasks.translation.model.Translator` is one."""

    def translate(self, text: str, options: TranslateOptions | None = None) -> Translation: ...  # fmt: skip


def translate(model: Translators[Translator], text: str, glossary: str = "", language: str = "de") -> Translation:
    """An English text in German (de) or French (fr), with where each word came from and how sure it is; glossary:
    "dog = Köter", a term a line."""
    return model.to(language).translate(text, TranslateOptions(n_best=_N_BEST, glossary=_terms(glossary or "")))


def _settings() -> Sequence[Any]:
    with gr.Accordion("Glossary", open=False):
        glossary = gr.Textbox(
            "", label="Terms that have to be translated so, one a line", placeholder="dog = Köter", lines=2,
            max_length=2000, elem_id="translation-glossary",
        )  # fmt: skip
    language = gr.Radio(language_names(), value="de", label="Into", elem_id="translation-language")
    return glossary, language


TAB: TextTab[Translators[Translator], Translation] = TextTab(
    task="translation",
    title=TITLE,
    model="translator",
    label="English",
    examples=EXAMPLES,
    notes=NOTES,
    run=translate,
    html=lambda found, _: view.translated(found),
    summary=lambda found: _summary(found),
    css=view.STYLE,
    script=view.SCRIPT,
    frame="translated",
    empty="The translation appears here.",
    failed="Nothing was translated.",
    formats={
        "txt": ("text", lambda found: found.text + "\n"),
        "json": ("JSON", lambda found: found.json(attention=True)),
    },
    settings=_settings,
    button="Translate",
)


def build(load: Callable[[], Translator] | None = None, model: str = "translator-en-de") -> gr.Blocks:
    """The tab as Gradio blocks: see `TextTab.build`. With ``load`` or another ``model`` it has German alone."""
    if load is None and model == "translator-en-de":
        return TAB.build(Translators.bundled, model)
    one = components.once(load or components.bundled(model))
    return TAB.build(lambda: Translators({"de": one}), model)


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


def _summary(found: Translation) -> str:
    sentences, words = len(found.sentences), len(found.words)
    return f"{sentences} {'sentence' if sentences == 1 else 'sentences'}, {words} words"
