"""The language modeling tab of the demo: a text coloured by surprise, how it goes on, and what a cell keeps.

Run: lstm-models demo language-modeling
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr

from lstm_apps.demo import components
from lstm_apps.demo.text_tab import TextPage, TextTab
from lstm_apps.tasks.language_modeling.demo import html as view
from lstm_models.errors import InputError
from lstm_models.tasks.language_modeling.cells import CellTrace, inside, sentence_place, trace, unit_like
from lstm_models.tasks.language_modeling.model import LanguageModel
from lstm_models.tasks.language_modeling.results import ScoredText

__all__ = ["TAB", "TITLE", "build"]

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
_CANDIDATES, _SAMPLED_WORDS = 5, 12
_QUOTES, _BRACKETS, _CHOSEN = "inside quotation marks", "inside brackets", "the unit chosen below"
_PLACE = "the place in the sentence"


def score(model: LanguageModel, text: str, adapt: bool = False) -> ScoredText:
    """How probable an English text is: log probability (natural) and perplexity, word for word."""
    return model.score(text, adapt=bool(adapt), candidates=_CANDIDATES)


def complete(model: LanguageModel, text: str, n_best: int = 3, words: int = 5) -> dict[str, Any]:
    """The most probable ways an English text goes on, with their log probabilities."""
    found = model.complete(text, n_best=min(n_best, 20), words=min(words, 50))
    return {"prompt": text, "completions": [each.as_dict() for each in found]}


def _settings() -> Sequence[Any]:
    return (gr.Checkbox(False, label="Learn from the text while reading it", elem_id="language-modeling-adapt"),)


def _more(page: TextPage[LanguageModel, ScoredText]) -> None:
    """How the text may go on, and the state of a unit over it."""

    def write_on(text: str, temperature: float, adapt: bool) -> str:
        try:
            prompt = components.checked_text(text or "")
            found = page.once().sample(prompt, _SAMPLED_WORDS, temperature, adapt=bool(adapt))
        except InputError:
            return text  # showing it says what is wrong with it
        return f"{text}{found.text}"[: components.LONGEST_TEXT]

    page.panel("completions", "How the text may go on appears here.", _completions)
    with gr.Row():
        temperature = gr.Slider(0.1, 1.5, 0.7, step=0.1, label="Temperature", elem_id="language-modeling-temperature")
        button = gr.Button("Write on", variant="secondary", elem_id="language-modeling-more")
    page.changes_text(button, write_on, [page.text, temperature, *page.settings])
    with gr.Accordion("What a cell keeps", open=False):
        kind = gr.Dropdown([_QUOTES, _BRACKETS, _PLACE, _CHOSEN], value=_QUOTES, label="The unit that follows best")
        unit = gr.Number(
            0, label="Unit", info="of the bundled model, 919 follows brackets in any text, 541 quotation marks",
            precision=0, minimum=0, elem_id="language-modeling-unit",
        )  # fmt: skip
        page.panel("cells", "The state of a unit over the text appears here.", _cells, [kind, unit])


TAB: TextTab[LanguageModel, ScoredText] = TextTab(
    task="language-modeling",
    title=TITLE,
    model="language model",
    label="Text",
    examples=EXAMPLES,
    notes=NOTES,
    run=score,
    html=lambda found, _: view.scored(found),
    summary=lambda found: _summary(found),
    css=view.STYLE,
    frame="scored",
    empty="The text appears here.",
    failed="Nothing was scored.",
    settings=_settings,
    endpoints=(complete,),
    more=_more,
)


def build(load: Callable[[], LanguageModel] | None = None, model: str = "language-model") -> gr.Blocks:
    """The tab as Gradio blocks: see `TextTab.build`."""
    return TAB.build(load, model)


def _completions(model: LanguageModel, text: str, adapt: bool) -> str:
    return view.completions(model.complete(text, n_best=5, words=4, adapt=bool(adapt)))


def _cells(model: LanguageModel, text: str, adapt: bool, kind: str, unit: float) -> str:
    traced = trace(model, text)
    number, sentence = _unit(text, traced, kind, unit)
    return view.cells(text, traced, number) + sentence


def _unit(text: str, traced: CellTrace, kind: str, unit: float) -> tuple[int, str]:
    """The unit to show, and a sentence on it."""
    units = traced.cells.size(1)
    if kind not in (_QUOTES, _BRACKETS, _PLACE):
        number = int(unit or 0)
        if not 0 <= number < units:
            raise InputError(f"unit must be from 0 to {units - 1}, not {number}", usage=True)
        return number, ""
    pairs = [("“", "”"), ('"', '"')] if kind == _QUOTES else [("(", ")")]
    if kind == _PLACE:
        values = sentence_place(text, traced.pieces)
    else:
        first, *more = (inside(text, traced.pieces, *pair) for pair in pairs)
        values = sum(more, first)
    number, correlation = unit_like(traced.cells, values)
    if not correlation:
        return number, components.status("There is nothing of the kind in this text.")
    return number, components.status(f"Unit {number} follows it best here: correlation {correlation:+.2f}.")


def _summary(found: ScoredText) -> str:
    words, unlikely = len(found.words), sum(word.unlikely for word in found.words)
    counted = f"{words} {'word' if words == 1 else 'words'}, {unlikely or 'none'} unlikely"
    return f"{counted}; perplexity {found.perplexity:,.0f} a word, {found.bits_per_character:.2f} bits a character"
