"""The question answering tab of the demo: a question and a text in, the place in the text that answers it out.

Run: lstm-models demo question-answering
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from html import escape
from typing import Any, Protocol

import gradio as gr

from lstm_apps.cli.text_files import read_text
from lstm_apps.demo import components as tabs
from lstm_apps.tasks.question_answering.demo import html as view
from lstm_models.errors import InputError
from lstm_models.tasks.question_answering.decoding import AnswerOptions
from lstm_models.tasks.question_answering.results import Answer

__all__ = ["TITLE", "build"]

TITLE = "Answers"
STORY = "A short story to reason about"
EXAMPLES = {
    "A river": (
        "How long is the river?",
        "The Elbe is one of the major rivers of Central Europe. It rises in the Giant Mountains of the northern Czech "
        "Republic, at a height of 1,386 metres, before it crosses Bohemia and Germany and flows into the North Sea at "
        "Cuxhaven, 110 km north-west of Hamburg. Its total length is 1,094 kilometres. Its major tributaries are the "
        "Vltava, the Saale, the Havel and the Ohře. The Vltava joins it at Mělník, just north of Prague.",
        "text",
    ),
    "Minutes": (
        "Who writes to the supplier?",
        "Present were Ann Miller, Tom Baker and Maria Lopez. The new pump was delivered on 3 May, two weeks late, and "
        "leaks at the lower valve. Tom Baker writes to the supplier and asks for a repair free of charge. Maria Lopez "
        "will train the night shift once it runs. The next meeting is on Thursday at nine in room 12.",
        "text",
    ),
    "Not in the text": (
        "What did the lawyer say about taxes?",
        "Present were Ann Miller, Tom Baker and Maria Lopez. The new pump was delivered on 3 May, two weeks late, and "
        "leaks at the lower valve. Tom Baker writes to the supplier and asks for a repair free of charge.",
        "text",
    ),
    "A story": (
        "Where is the milk?",
        "Mary went to the kitchen. John moved to the garden. Mary got the milk there. Mary travelled to the office. "
        "Sandra went back to the kitchen. Mary dropped the milk. Mary moved to the hallway.",
        "story",
    ),
}
_NOTES = (
    "English. The answer is a part of the text, with the calibrated probability that it is right; questions that the "
    "text answers only between the lines come out wrong. The model learnt from SQuAD 1.1 (CC BY-SA 4.0) with GloVe's "
    "vectors (public domain), the one for stories from bAbI (CC BY 3.0). What you write stays on the machine that "
    "serves this page, and is not kept."
)


class Answerer(Protocol):
    """What the tab needs of a model; `lstm_models.tasks.question_answering.model.QuestionAnswerer` is one."""

    def answer(self, question: str, passage: str, options: AnswerOptions = ...) -> Answer: ...  # fmt: skip


def build(
    load: Callable[[], Answerer] | None = None,
    model: str = "question-answerer",
    load_stories: Callable[[], Any] | None = None,
) -> gr.Blocks:
    """The tab as Gradio blocks; theme and style sheet come with `lstm_apps.demo`.

    Args:
        load: gives the question answerer, called once, when the page is first opened.
        model: what to load if `load` is left out: a bundled name, a folder, or a Hugging Face Hub id.
        load_stories: gives the story answerer, called when a story is first read.
    """
    answerer = tabs.once(load or tabs.bundled(model))
    stories = tabs.once(load_stories or tabs.bundled("story-answerer"))
    with tabs.blocks(TITLE) as tab:
        page = _Page(answerer, stories)
        quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        inputs = [page.question, page.text, page.kind]
        given = {"fn": page.show, "inputs": inputs, "outputs": [page.shown, page.status], **quiet}
        page.go.click(**given, trigger_mode="always_last")
        page.question.submit(**given, trigger_mode="always_last")
        for button, example in zip(page.examples, EXAMPLES.values(), strict=True):
            button.click(lambda chosen=example: list(chosen), outputs=inputs, **quiet).then(**given)
        page.upload.upload(page.opened, page.upload, [page.text, page.status], **quiet)
        tab.load(**given)

        def answer(question: str, text: str) -> dict:  # type: ignore[type-arg]  # Gradio reads this
            """The answer that an English text has to a question, its place, how sure it is, and the runners-up."""
            try:
                return dict(json.loads(answerer().answer(question, tabs.checked_text(text)).json(attention=True)))
            except InputError as error:
                raise gr.Error(escape(str(error)), print_exception=False) from error

        gr.api(answer, api_name="answer")
    return tab


class _Page:
    """The elements of the tab, and what fills them."""

    def __init__(self, answerer: tabs.Once[Any], stories: tabs.Once[Any]) -> None:
        self.models = {"text": answerer, "story": stories}
        first_question, first_text, first_kind = next(iter(EXAMPLES.values()))
        self.question = gr.Textbox(
            first_question, label="Question", max_length=1000, elem_id="question-answering-question"
        )
        with gr.Row():
            self.examples = [gr.Button(name, size="sm", min_width=120) for name in EXAMPLES]
        with gr.Row():
            with gr.Column():
                self.text = gr.Textbox(
                    first_text, label="Text", lines=10, max_lines=24, max_length=tabs.LONGEST_TEXT,
                    elem_id="question-answering-text",
                )  # fmt: skip
                self.upload = gr.UploadButton("Open a text file", size="sm", elem_id="question-answering-file")
                self.kind = gr.Radio(
                    [("A text that has the answer", "text"), (STORY, "story")], value=first_kind, label="Read as",
                    elem_id="question-answering-kind",
                )  # fmt: skip
                self.go = gr.Button("Answer", variant="primary", elem_id="question-answering-go")
            with gr.Column():
                self.shown = gr.HTML(
                    view.nothing("The answer appears here."), elem_id="question-answering-words",
                    apply_default_css=False, css_template=view.STYLE, js_on_load=view.SCRIPT,
                )  # fmt: skip
        self.status = gr.HTML(
            tabs.status("Ready."), elem_classes="status", elem_id="question-answering-status", apply_default_css=False
        )
        gr.HTML(f"<p>{escape(_NOTES)}</p>", elem_classes="fine-print", apply_default_css=False)

    def show(self, question: str, text: str, kind: str) -> Iterator[dict[Any, Any]]:
        """The answer, or the message about what is wrong."""
        for name, given in (("question", question), ("text", text)):
            if not (given or "").strip():
                waiting = view.nothing("The answer appears here.")
                yield {self.shown: waiting, self.status: tabs.status(f"There is no {name} yet.")}
                return
        try:
            once = self.models["story" if kind == "story" else "text"]
            if not once.done:
                yield {self.status: tabs.status("Loading the model …")}
            model = once()
            started = time.perf_counter()
            found = model.answer(question, tabs.checked_text(text))
            sentence = f"{found.confidence:.0%} sure, in {time.perf_counter() - started:.2f} s."
            notes = () if kind == "story" else (f"{note[:1].upper()}{note[1:]}." for note in found.notes)
            yield {
                self.shown: view.story_answered(found, question) if kind == "story" else view.answered(found),
                self.status: tabs.status(sentence, *notes),
            }
        except InputError as error:
            yield {
                self.shown: view.nothing("Nothing was answered."),
                self.status: tabs.status(str(error), problem=True),
            }

    def opened(self, path: str) -> dict[Any, Any]:
        """The text of a file, for the box."""
        try:
            return {self.text: tabs.checked_text(read_text(path, ())[0])}
        except InputError as error:
            return {self.status: tabs.status(str(error), problem=True)}
