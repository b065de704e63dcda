"""A tab for a text: what a model makes of it is shown as it is typed, can be copied or saved, and has an endpoint.

A task describes its tab and builds it:

    def tag(model: Tagger, text: str) -> TaggedText:  # the endpoint is /tag, and describes itself by the docstring
        return model.tag(text)

    TAB = TextTab("tagging", "Tagging", run=tag, …)
    TAB.build(load=None, model="tagger")

Notable:
- `settings` are components whose values follow the text, such as a glossary; `button` waits for a press.
- `more` adds what only one task has: further places for results (`TextPage.panel`), buttons that change the text.
"""

from __future__ import annotations

import inspect
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar, get_type_hints

import gradio as gr

from lstm_apps.demo import components
from lstm_models.errors import InputError
from lstm_models.io.atomic_write import write_whole

__all__ = ["TextPage", "TextResult", "TextTab"]

_QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}


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
        task: as in the command; elements of the page have the ids ``<task>-text``, ``-words``, ``-status``, ``-plain``,
            ``-go`` and ``-save-<kind>``.
        title: of the tab.
        model: what messages call the model, such as "tagger".
        label: of the text's box.
        examples: name -> text; the first one stands there when the tab is opened.
        notes: the fine print: languages, what becomes of the text, the licence.
        run: ``(model, text, *settings)`` gives the result. The endpoint has its name, its docstring, and its
            parameters after the model.
        html: a result, and the text it was made of, as HTML.
        summary: a result in a few words, such as "5 words, 2 names".
        css: style sheet of the HTML.
        frame: class of the element around it.
        empty: what stands there before there is a text.
        failed: what stands there after a mistake.
        script: JavaScript that runs when the place of the result is there.
        copy: label of a box with the result's text, to copy; no box if None.
        formats: kind of file -> its name and its content; "json" is also what the endpoint gives.
        settings: builds the components below the text and gives those whose values `run` takes.
        button: the result waits until this is pressed; it follows the text as it is typed if None.
        endpoints: further verbs, of the form of `run`, which may give a dictionary as well.
        more: builds what else the tab has.
    """

    task: str
    title: str
    model: str
    label: str
    examples: Mapping[str, str]
    notes: str
    run: Callable[..., R]
    html: Callable[[R, str], str]
    summary: Callable[[R], str]
    css: str
    frame: str
    empty: str
    failed: str = "Nothing was done."
    script: str | None = None
    copy: str | None = None
    formats: Mapping[str, tuple[str, Callable[[R], str]]] = field(default_factory=dict)
    settings: Callable[[], Sequence[Any]] = tuple
    button: str | None = None
    endpoints: Sequence[Callable[..., Any]] = ()
    more: Callable[[TextPage[M, R]], None] = lambda page: None

    def build(self, load: Callable[[], M] | None, model: str) -> gr.Blocks:
        """The tab as Gradio blocks; theme and style sheet come with `lstm_apps.demo`.

        Args:
            load: gives the model, called once, when the page is first opened.
            model: what to load if `load` is None: a bundled name, a folder, or a Hugging Face Hub id.
        """
        once = components.once(load or components.bundled(model))
        with components.blocks(self.title) as tab:
            TextPage(self, once).listen(tab)
            for verb in (self.run, *self.endpoints):
                gr.api(self._endpoint(verb, once), api_name=verb.__name__)
        return tab

    def _endpoint(self, verb: Callable[..., Any], once: components.Once[M]) -> Callable[..., dict[str, Any]]:
        """A verb as Gradio reads it: without the model, and with a dictionary as its result."""

        def endpoint(text: str, *values: Any) -> dict[str, Any]:
            try:
                found = verb(once(), components.checked_text(text), *values)
                return found if isinstance(found, dict) else dict(json.loads(self._json(found)))
            except InputError as error:
                raise gr.Error(escape(str(error)), print_exception=False) from error

        hints = get_type_hints(verb)
        _, *parameters = inspect.signature(verb).parameters.values()
        endpoint.__name__, endpoint.__doc__ = verb.__name__, verb.__doc__
        endpoint.__annotations__ = {each.name: hints[each.name] for each in parameters} | {"return": dict}
        endpoint.__signature__ = inspect.Signature(parameters, return_annotation=dict)  # type: ignore[attr-defined]
        return endpoint

    def _json(self, found: R) -> str:
        return self.formats["json"][1](found) if "json" in self.formats else found.json()

    def waiting(self, sentence: str) -> str:
        """The place of a result, while there is none."""
        return f'<div class="{self.frame}"><p class="waiting">{escape(sentence)}</p></div>'


@dataclass(frozen=True)
class _Panel:
    """A further place for a result: what stands there before, what fills it, and what that takes beside the text."""

    place: gr.HTML
    empty: str
    html: Callable[..., str]
    inputs: Sequence[Any]


class TextPage(Generic[M, R]):
    """The elements of a tab, and what fills them.

    Attributes:
        text: the text's box.
        settings: the components whose values follow the text.
        once: gives the model.
    """

    def __init__(self, tab: TextTab[M, R], once: components.Once[M]) -> None:
        self.tab, self.once = tab, once
        self._panels: list[_Panel] = []
        self._changes: list[tuple[gr.Button, Callable[..., str], list[Any]]] = []
        self.text = gr.Textbox(
            next(iter(tab.examples.values())), label=tab.label, lines=4, max_lines=12,
            max_length=components.LONGEST_TEXT, elem_id=f"{tab.task}-text",
        )  # fmt: skip
        with gr.Row():
            for name, example in tab.examples.items():
                self.changes_text(gr.Button(name, size="sm", min_width=120), lambda chosen=example: chosen, [])
        self.settings = list(tab.settings())
        self.go = gr.Button(tab.button, variant="primary", elem_id=f"{tab.task}-go") if tab.button else None
        self.words = self._html("words", tab.empty)
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
        tab.more(self)
        gr.HTML(f"<p>{escape(tab.notes)}</p>", elem_classes="fine-print", apply_default_css=False)

    def listen(self, tab: gr.Blocks) -> None:
        """Show the result when the tab is opened, and when the text or a setting changes."""
        outputs = [self.words, self.status, *self.files, *([self.plain] if self.plain is not None else [])]
        shown: dict[str, Any] = {
            "fn": self.show,
            "inputs": [self.text, *self.settings, *(each for panel in self._panels for each in panel.inputs)],
            "outputs": [*outputs, *(panel.place for panel in self._panels)],
            **_QUIET,
        }
        if self.go is not None:
            events = [self.go.click, self.text.submit]
        else:
            events = [self.text.input, *(setting.change for setting in self.settings)]
        for event in (*events, tab.load):
            event(**shown, trigger_mode="always_last")
        for button, fn, inputs in self._changes:
            button.click(fn, inputs, self.text, **_QUIET).then(**shown)

    def panel(self, name: str, empty: str, html: Callable[..., str], inputs: Sequence[Any] = ()) -> None:
        """One more place for what the model makes of the text, filled after the result and when an input changes.

        Args:
            name: ends the element's id.
            empty: what stands there before there is a text.
            html: ``(model, text, *settings, *inputs)`` gives the HTML.
            inputs: components beside the settings.
        """
        panel = _Panel(self._html(name, empty), empty, html, inputs)
        self._panels.append(panel)

        def show_panel(text: str, *values: Any) -> dict[Any, Any]:
            return {panel.place: self._filled(panel, text, values)}

        show_panel.__name__ = f"show_{name}"
        for each in inputs:
            each.change(show_panel, [self.text, *self.settings, *inputs], panel.place, **_QUIET)

    def changes_text(self, button: gr.Button, fn: Callable[..., str], inputs: Sequence[Any]) -> None:
        """Let a button put what ``fn`` gives in place of the text, and show the result of that."""
        self._changes.append((button, fn, list(inputs)))

    def show(self, text: str, *values: Any) -> Iterator[dict[Any, Any]]:
        """What the model makes of a text, or the message about what is wrong."""
        if not (text or "").strip():
            yield self._without(self.tab.empty, components.status("There is no text yet."))
            return
        settings, values = values[: len(self.settings)], values[len(self.settings) :]
        try:
            if not self.once.done:
                yield {self.status: components.status(f"Loading the {self.tab.model} …")}
            model = self.once()
            started = time.perf_counter()
            found = self.tab.run(model, components.checked_text(text), *settings)
            sentence = f"{self.tab.summary(found)}, in {time.perf_counter() - started:.2f} s."
            notes = (f"{note[:1].upper()}{note[1:]}." for note in found.notes)
            with tempfile.TemporaryDirectory() as folder:  # Gradio copies from here into its cache
                files = [gr.DownloadButton(value=file, interactive=True) for file in self._saved(found, text, folder)]
                yield {
                    self.words: self.tab.html(found, text),
                    self.status: components.status(sentence, *notes),
                    **dict(zip(self.files, files, strict=True)),
                    **({self.plain: found.text} if self.plain is not None else {}),
                }
        except InputError as error:
            yield self._without(self.tab.failed, components.status(str(error), problem=True))
            return
        for panel in self._panels:
            inputs, values = values[: len(panel.inputs)], values[len(panel.inputs) :]
            yield {panel.place: self._filled(panel, text, (*settings, *inputs))}

    def _html(self, name: str, empty: str) -> gr.HTML:
        return gr.HTML(
            self.tab.waiting(empty), elem_id=f"{self.tab.task}-{name}", apply_default_css=False,
            css_template=self.tab.css, js_on_load=self.tab.script,
        )  # fmt: skip

    def _filled(self, panel: _Panel, text: str, values: Sequence[Any]) -> str:
        if not (text or "").strip():
            return self.tab.waiting(panel.empty)
        try:
            return panel.html(self.once(), components.checked_text(text), *values)
        except InputError as error:
            return self.tab.waiting(str(error))

    def _without(self, sentence: str, status: str) -> dict[Any, Any]:
        """The page without a result."""
        return {
            self.words: self.tab.waiting(sentence),
            self.status: status,
            **{button: gr.DownloadButton(value=None, interactive=False) for button in self.files},
            **({self.plain: ""} if self.plain is not None else {}),
            **{panel.place: self.tab.waiting(panel.empty) for panel in self._panels},
        }

    def _saved(self, found: R, text: str, folder: str) -> list[str]:
        """The result in every format, in files named after the first words of the text."""
        path = Path(folder) / components.file_name(text, "text")
        for kind, (_, content) in self.tab.formats.items():
            write_whole(path.with_suffix(f".{kind}"), content(found))
        return [str(path.with_suffix(f".{kind}")) for kind in self.tab.formats]
