"""A tab for a text: what a model makes of it is shown as it is typed, can be copied or saved, and has an endpoint.

A task describes its tab and builds it:

    TAB = TextTab("tagging", "Tagging", run=lambda model, text: model.tag(text), …)
    TAB.build(load=None, model="tagger")
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import gradio as gr

from lstm_apps.demo import components
from lstm_models.errors import InputError
from lstm_models.io.atomic_write import write_whole

__all__ = ["TextResult", "TextTab"]


class TextResult(Protocol):
    """What the result of a task for texts has."""

    @property
    def text(self) -> str: ...

    @property
    def notes(self) -> tuple[str, ...]: ...

    def json(self) -> str: ...  # fmt: skip


M = TypeVar("M")
R = TypeVar("R", bound=TextResult)


@dataclass(frozen=True)
class TextTab(Generic[M, R]):
    """How a task's tab differs from those of other tasks.

    Attributes:
        task: as its folder; elements of the page have the ids ``<task>-text``, ``-words``, ``-status``, ``-plain`` and
            ``-save-<kind>``.
        title: of the tab.
        model: what messages call the model, such as "tagger".
        label: of the text's box.
        examples: name -> text; the first one stands there when the tab is opened.
        notes: the fine print: languages, what becomes of the text, the licence.
        run: what the model makes of a text.
        html: a result, and the text it was made of, as HTML.
        summary: a result in a few words, such as "5 words, 2 names".
        verb: of the endpoint, ``/<verb>``.
        about: the endpoint, in a sentence.
        css: style sheet of the HTML.
        frame: class of the element around it.
        empty: what stands there before there is a text.
        failed: what stands there after a mistake.
        copy: label of a box with the result's text, to copy; no box if None.
        formats: kind of file -> its name and its content.
    """

    task: str
    title: str
    model: str
    label: str
    examples: Mapping[str, str]
    notes: str
    run: Callable[[M, str], R]
    html: Callable[[R, str], str]
    summary: Callable[[R], str]
    verb: str
    about: str
    css: str
    frame: str
    empty: str
    failed: str = "Nothing was done."
    copy: str | None = None
    formats: Mapping[str, tuple[str, Callable[[R], str]]] = field(default_factory=dict)

    def build(self, load: Callable[[], M] | None, model: str) -> gr.Blocks:
        """The tab as Gradio blocks; theme and style sheet come with `lstm_apps.demo`.

        Args:
            load: gives the model, called once, when the page is first opened.
            model: what to load if `load` is None: a bundled name, a folder, or a Hugging Face Hub id.
        """
        once = components.once(load or components.bundled(model))
        with components.blocks(self.title) as tab:
            page = _Page(self, once)
            quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
            shown: dict[str, Any] = {"fn": page.show, "inputs": page.text, "outputs": page.outputs, **quiet}
            page.text.input(**shown, trigger_mode="always_last")
            for button, example in zip(page.examples, self.examples.values(), strict=True):
                button.click(lambda chosen=example: chosen, outputs=page.text, **quiet).then(**shown)
            tab.load(**shown)
            gr.api(self._endpoint(once), api_name=self.verb)
        return tab

    def _endpoint(self, once: components.Once[M]) -> Callable[[str], dict[str, Any]]:
        def endpoint(text: str) -> dict:  # type: ignore[type-arg]  # Gradio reads this
            try:
                return dict(json.loads(self.run(once(), components.checked_text(text)).json()))
            except InputError as error:
                raise gr.Error(escape(str(error)), print_exception=False) from error

        endpoint.__name__, endpoint.__doc__ = self.verb, self.about
        return endpoint

    def waiting(self, sentence: str) -> str:
        """The place of the result, while there is none."""
        return f'<div class="{self.frame}"><p class="waiting">{escape(sentence)}</p></div>'


class _Page(Generic[M, R]):
    """The elements of a tab, and what fills them."""

    def __init__(self, tab: TextTab[M, R], once: components.Once[M]) -> None:
        self.tab, self.once = tab, once
        self.text = gr.Textbox(
            next(iter(tab.examples.values())), label=tab.label, lines=4, max_lines=12,
            max_length=components.LONGEST_TEXT, elem_id=f"{tab.task}-text",
        )  # fmt: skip
        with gr.Row():
            self.examples = [gr.Button(name, size="sm", min_width=120) for name in tab.examples]
        self.words = gr.HTML(
            tab.waiting(tab.empty), elem_id=f"{tab.task}-words", apply_default_css=False, css_template=tab.css
        )
        self.status = gr.HTML(
            components.status("Ready."), elem_classes="status", elem_id=f"{tab.task}-status", apply_default_css=False
        )
        self.plain = None
        if tab.copy is not None:
            self.plain = gr.Textbox(
                "", label=tab.copy, lines=3, max_lines=12, interactive=False, buttons=["copy"],
                elem_id=f"{tab.task}-plain",
            )  # fmt: skip
        with gr.Row(visible=bool(tab.formats)):
            self.files = [
                gr.DownloadButton(
                    f"Save {name}", interactive=False, size="sm", min_width=120, elem_id=f"{tab.task}-save-{kind}"
                )
                for kind, (name, _) in tab.formats.items()
            ]
        gr.HTML(f"<p>{escape(tab.notes)}</p>", elem_classes="fine-print", apply_default_css=False)
        self.outputs = [self.words, self.status, *self.files, *([self.plain] if self.plain is not None else [])]

    def show(self, text: str) -> Iterator[dict[Any, Any]]:
        """What the model makes of a text, or the message about what is wrong."""
        if not (text or "").strip():
            yield self._without(self.tab.empty, components.status("There is no text yet."))
            return
        try:
            if not self.once.done:
                yield {self.status: components.status(f"Loading the {self.tab.model} …")}
            model = self.once()
            started = time.perf_counter()
            found = self.tab.run(model, components.checked_text(text))
            sentence = f"{self.tab.summary(found)}, in {time.perf_counter() - started:.2f} s."
            with tempfile.TemporaryDirectory() as folder:  # Gradio copies from here into its cache
                files = [gr.DownloadButton(value=file, interactive=True) for file in self._saved(found, Path(folder))]
                yield {
                    self.words: self.tab.html(found, text),
                    self.status: components.status(sentence, *(f"{note}." for note in found.notes)),
                    **dict(zip(self.files, files, strict=True)),
                    **({self.plain: found.text} if self.plain is not None else {}),
                }
        except InputError as error:
            yield self._without(self.tab.failed, components.status(str(error), problem=True))

    def _without(self, sentence: str, status: str) -> dict[Any, Any]:
        """The page without a result."""
        return {
            self.words: self.tab.waiting(sentence),
            self.status: status,
            **{button: gr.DownloadButton(value=None, interactive=False) for button in self.files},
            **({self.plain: ""} if self.plain is not None else {}),
        }

    def _saved(self, found: R, folder: Path) -> list[str]:
        """The result in every format, in files named after its first words."""
        path = folder / components.file_name(found.text, "text")
        for kind, (_, content) in self.tab.formats.items():
            write_whole(path.with_suffix(f".{kind}"), content(found))
        return [str(path.with_suffix(f".{kind}")) for kind in self.tab.formats]
