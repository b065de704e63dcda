"""The tagging tab of the demo: a text in, its parts of speech and names out, as CoNLL-U and JSON, too.

Run: lstm-models demo tagging
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import gradio as gr

from lstm_apps.demo.text_tab import TextTab
from lstm_apps.tasks.tagging.demo import html as view
from lstm_models.tasks.tagging.results import TaggedText

__all__ = ["TAB", "TITLE", "build"]

TITLE = "Tagging"
EXAMPLES = {
    "A piece of news": "Angela Merkel met Barack Obama in Berlin on Tuesday. Afterwards both visited Siemens, "
    "which had just opened a factory in North Carolina.",
    "In lower case": "i met maria lopez at google in new york last week and she said they were moving to london",
    "A review": "The staff at Wok & Roll are lovely, but don't order the duck: it's never fresh!",
}
NOTES = (
    "English, cased or not. People, places and organisations are looked for. What you write stays on the machine that "
    "serves this page, and is not kept. The weights learnt from the English Web Treebank and are, like it, under "
    "CC BY-SA 4.0."
)


class Tagger(Protocol):
    """What the tab needs of a model; `lstm_models.tasks.tagging.model.Tagger` is one."""

    def tag(self, text: str) -> TaggedText: ...  # fmt: skip


def tag(model: Tagger, text: str) -> TaggedText:
    """Parts of speech (Universal Dependencies) and names (PER, LOC, ORG) of an English text."""
    return model.tag(text)


TAB: TextTab[Tagger, TaggedText] = TextTab(
    task="tagging",
    title=TITLE,
    model="tagger",
    label="Text",
    examples=EXAMPLES,
    notes=NOTES,
    run=tag,
    html=lambda found, _: view.tagged(found),
    summary=lambda found: _summary(found),
    css=view.STYLE,
    frame="tagged",
    empty="The words appear here.",
    failed="Nothing was tagged.",
    formats={"conllu": ("CoNLL-U", TaggedText.conllu), "json": ("JSON", TaggedText.json)},
)


def build(load: Callable[[], Tagger] | None = None, model: str = "tagger") -> gr.Blocks:
    """The tab as Gradio blocks: see `TextTab.build`."""
    return TAB.build(load, model)


def _summary(found: TaggedText) -> str:
    words, names = len(found.tokens), len(found.entities)
    return f"{words} {'word' if words == 1 else 'words'}, {names or 'no'} {'name' if names == 1 else 'names'}"
