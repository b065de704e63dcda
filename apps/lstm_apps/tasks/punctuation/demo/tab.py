"""The punctuation tab of the demo: words in, marks and capitals out, with how sure each is.

Run: lstm-models demo punctuation
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import gradio as gr

from lstm_apps.demo.text_tab import TextTab
from lstm_apps.tasks.punctuation.demo import html as view
from lstm_models.tasks.punctuation.results import PunctuatedText

__all__ = ["TAB", "TITLE", "build"]

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


class Punctuator(Protocol):
    """What the tab needs of a model; `lstm_models.tasks.punctuation.model.Punctuator` is one."""

    def punctuate(self, text: str) -> PunctuatedText: ...  # fmt: skip


def punctuate(model: Punctuator, text: str) -> PunctuatedText:
    """An English text without marks and capitals, with them; and how sure each is."""
    return model.punctuate(text)


TAB: TextTab[Punctuator, PunctuatedText] = TextTab(
    task="punctuation",
    title=TITLE,
    model="punctuator",
    label="Words",
    examples=EXAMPLES,
    notes=NOTES,
    run=punctuate,
    html=view.punctuated,
    summary=lambda found: _summary(found),
    css=view.STYLE,
    frame="punctuated",
    empty="The text appears here.",
    copy="Text to copy",
)


def build(load: Callable[[], Punctuator] | None = None, model: str = "punctuator") -> gr.Blocks:
    """The tab as Gradio blocks: see `TextTab.build`."""
    return TAB.build(load, model)


def _summary(found: PunctuatedText) -> str:
    marks = sum(bool(word.mark) for word in found.words)
    words = len(found.words)
    return f"{words} {'word' if words == 1 else 'words'}, {marks} {'mark' if marks == 1 else 'marks'}"
