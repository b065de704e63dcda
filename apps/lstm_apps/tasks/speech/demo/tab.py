"""The speech tab of the demo: words as they are spoken, or of a recording with its picture; subtitles and JSON out.

Run: lstm-models demo speech
"""

from __future__ import annotations

import json
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any, Protocol

import gradio as gr
import numpy as np

from lstm_apps.demo import components
from lstm_apps.demo.assets import asset
from lstm_apps.tasks.speech.demo import html
from lstm_apps.tasks.speech.demo.inputs import MAX_TEXT, known_text, listed, minutes, samples_of
from lstm_apps.tasks.speech.demo.microphones import LONGEST, Microphones, read_chunk
from lstm_models.errors import InputError
from lstm_models.io.samples import SAMPLE_RATE
from lstm_models.results import Word
from lstm_models.tasks.speech.results import Transcript, WordPunctuator

TITLE = "Speech"
CSS = asset("lstm_apps.tasks.speech.demo", "speech.css")
EXAMPLES = {
    "station.ogg": "Good morning. The train to the north leaves at nine from platform four.",
    "river.ogg": "The old man walked along the river every morning, and he talked to the birds as if they were his "
    "friends.",
}
FORMATS = ("TXT", "SRT", "VTT", "JSON")

_FOLDER = Path(__file__).parents[1] / "examples"
_PUSH = 4 * SAMPLE_RATE  # samples of a recording that are read before its words so far are shown
_NOTHING = "Press Record and speak, or send a recording: the words appear here."

Update = dict[Any, Any]
"""What a handler gives Gradio: component -> its value."""


class Recognizer(Protocol):
    """What the tab needs of a model; `lstm_models.Recognizer` is one."""

    def stream(self, **options: Any) -> Any: ...  # fmt: skip

    def align(self, source: Any, text: str, *, rate: int) -> Transcript: ...  # fmt: skip


def build(
    load: Callable[[], Recognizer] | None = None,
    model: str = "recognizer",
    punctuator: Callable[[], WordPunctuator] | None = None,
) -> gr.Blocks:
    """The tab as Gradio blocks; theme and style sheet come with `lstm_apps.demo.launch`.

    Args:
        load: gives the recogniser, called once, when somebody first speaks or sends a recording.
        model: what to load if `load` is None: a bundled name, a folder, or a Hugging Face Hub id.
        punctuator: gives what writes marks and capitals; the bundled one if this and `load` are None, else none.
    """
    if load is None and punctuator is None:
        punctuator = components.bundled("punctuator")
    gr.set_static_paths([_FOLDER])  # served from where they lie, and allowed as the recording
    with components.blocks(TITLE) as tab:
        SpeechTab(
            components.once(load or components.bundled(model)),
            None if punctuator is None else components.once(punctuator),
            fine_print(model if load is None else None),
        )
    return tab


class SpeechTab:
    """The components of the tab and what they call, with the endpoints ``transcribe`` and ``align``."""

    def __init__(
        self,
        recognizer: components.Once[Recognizer],
        punctuator: components.Once[WordPunctuator] | None,
        notes: Sequence[str],
    ) -> None:
        self.recognizer, self.punctuator = recognizer, punctuator
        self.microphones = Microphones()
        self._add_sound()
        self._add_words()
        self._add_settings(notes)
        self._connect()

    # Components ------------------------------------------------------------------------------------------------------

    def _add_sound(self) -> None:
        """The microphone and the recording."""
        with gr.Row(equal_height=True):
            self.microphone: Any = gr.Audio(
                label="Microphone", sources=["microphone"], type="numpy", streaming=True, buttons=[], min_width=280,
                elem_id="speech-microphone",
            )  # fmt: skip
            self.file: Any = gr.Audio(
                label="Recording", sources=["upload"], type="filepath", editable=False, buttons=[], min_width=280,
                waveform_options=gr.WaveformOptions(show_recording_waveform=False), elem_id="speech-file",
            )  # fmt: skip
        # Gradio would decode the file itself, with a traceback where it cannot.
        self.microphone.preprocess = self.file.preprocess = _path  # type: ignore[method-assign]

    def _add_words(self) -> None:
        """The words, what is going on, the files to save, and recordings to try."""
        self.words = gr.HTML(
            html.nothing(_NOTHING), elem_id="speech-words", apply_default_css=False, js_on_load=html.WORDS_SCRIPT
        )
        self.status = gr.HTML(
            components.status("Ready."), elem_classes="status", elem_id="speech-status", apply_default_css=False
        )
        with gr.Row():
            self.go = gr.Button("Transcribe", variant="primary", size="sm", min_width=160, elem_id="speech-go")
            self.downloads = [
                gr.DownloadButton(
                    f"Save {kind}", interactive=False, size="sm", min_width=90, elem_id=f"speech-save-{kind.lower()}"
                )
                for kind in FORMATS
            ]
        self.chosen = gr.HTML(
            html.examples(EXAMPLES), elem_id="speech-examples", apply_default_css=False,
            js_on_load=html.EXAMPLES_SCRIPT,
        )  # fmt: skip

    def _add_settings(self, notes: Sequence[str]) -> None:
        """How the words are searched for and written, a text to align, and the fine print."""
        with gr.Row():
            with gr.Column(scale=3, min_width=260):
                self.hotwords = gr.Textbox(
                    value="", label="Hot words", info="names and terms to listen for, with commas between", lines=1,
                    max_lines=6, max_length=4_000, elem_id="speech-hotwords",
                )  # fmt: skip
            with gr.Column(scale=1, min_width=130):
                self.language_model = gr.Checkbox(
                    True, label="Language model", info="prefers common word sequences", elem_id="speech-lm"
                )
            with gr.Column(scale=1, min_width=130):
                self.punctuation = gr.Checkbox(
                    True, label="Punctuation", info="marks and capitals", elem_id="speech-punctuation",
                    visible=self.punctuator is not None,
                )  # fmt: skip
        with gr.Accordion("Align a transcript", open=False):
            self.known = gr.Textbox(
                value="", label="Transcript of the recording", lines=3, max_lines=12, max_length=MAX_TEXT,
                elem_id="speech-known",
            )  # fmt: skip
            self.fit = gr.Button("Align", size="sm", elem_id="speech-align")
        gr.HTML(
            "".join(f"<p>{escape(sentence)}</p>" for sentence in notes), elem_classes="fine-print",
            elem_id="speech-notes", apply_default_css=False,
        )  # fmt: skip
        self.answer = gr.JSON(label="Transcript", visible=False)  # for those who call the tab by its API

    def _connect(self) -> None:
        """Which event calls what."""
        changed = [self.answer, self.words, self.status, *self.downloads]
        settings = [self.hotwords, self.language_model, self.punctuation]
        live = {"outputs": changed, "show_progress": "hidden", "api_visibility": "private", "concurrency_limit": None}
        self.microphone.start_recording(self.start, inputs=settings, **live)
        self.microphone.stream(
            self.hear, inputs=[self.microphone], stream_every=0.3, **{**live, "outputs": [self.words, self.status]}
        )
        self.microphone.stop_recording(self.stop, **live)

        call: dict[str, Any] = {
            "fn": self.transcribe, "inputs": [self.file, *settings], "outputs": changed, "show_progress": "hidden",
        }  # fmt: skip
        gr.on([self.go.click, self.hotwords.submit], **call, api_name="transcribe")
        self.file.input(**call, trigger_mode="always_last", api_visibility="private")
        self.chosen.click(_example, outputs=self.file, show_progress="hidden", api_visibility="private").then(
            **call, api_visibility="private"
        )
        self.fit.click(
            self.align, inputs=[self.file, self.known], outputs=changed, show_progress="hidden", api_name="align"
        )

    # A recording -----------------------------------------------------------------------------------------------------

    def transcribe(
        self, recording: str | None, hotwords: str = "", language_model: bool = True, punctuation: bool = True
    ) -> Iterator[Update]:
        """Words of a recording."""

        def run(samples: np.ndarray, name: str, notes: list[str]) -> Iterator[Update]:
            model = self.recognizer()
            options = self._options(hotwords, language_model, punctuation)
            started = time.perf_counter()
            stream = model.stream(**options, partial=False)
            final: list[Word] = []
            for begin in range(0, len(samples), _PUSH):
                update = stream.push(samples[begin : begin + _PUSH], SAMPLE_RATE)
                final += update.final
                yield {self.words: html.live(final, tuple(update.partial))}
            transcript = replace(stream.finish(), source=name, notes=tuple(notes))
            sentence = _summary(transcript, len(samples) / SAMPLE_RATE, time.perf_counter() - started)
            yield from self._shown(transcript, samples, sentence, *notes)

        yield from self._run(run, recording)

    def align(self, recording: str | None, text: str = "") -> Iterator[Update]:
        """Times of a text's words in a recording."""

        def run(samples: np.ndarray, name: str, notes: list[str]) -> Iterator[Update]:
            found = self.recognizer().align(samples, known_text(text), rate=SAMPLE_RATE)
            notes = [*notes, *found.notes]
            transcript = replace(found, source=name, notes=tuple(notes))
            count = len(transcript.words)
            sentence = (
                f"Found {count} {'word' if count == 1 else 'words'} in {len(samples) / SAMPLE_RATE:.1f} s of sound."
            )
            yield from self._shown(transcript, samples, sentence, *notes)

        yield from self._run(run, recording)

    def _run(self, run: Callable[..., Iterator[Update]], recording: str | None) -> Iterator[Update]:
        """What `run` yields for the recording, or the sentence that says what is wrong."""
        if recording is None:
            yield {**self._cleared(), self.status: components.status("There is no recording yet.")}
            return
        try:
            name = Path(recording).name
            yield {
                **self._cleared(),
                self.words: html.nothing("Listening …" if self.recognizer.done else "Loading the recogniser …"),
                self.status: components.status(f"Listening to {name} …"),
            }
            samples, notes = samples_of(recording)
            yield from run(samples, name, notes)
        except InputError as error:
            yield {**self._cleared(), self.words: html.nothing("There is no transcript."),
                   self.status: components.status(str(error), problem=True)}  # fmt: skip
            raise gr.Error(escape(str(error)), print_exception=False) from error

    def _options(self, hotwords: str, language_model: bool, punctuation: bool) -> dict[str, Any]:
        """What a stream takes of the settings."""
        punctuate = self.punctuator() if punctuation and self.punctuator is not None else None
        return {"lm": bool(language_model), "hotwords": listed(hotwords), "punctuate": punctuate}

    # The microphone --------------------------------------------------------------------------------------------------

    def start(self, hotwords: str, language_model: bool, punctuation: bool, request: gr.Request) -> Iterator[Update]:
        """The visitor presses Record."""
        try:
            listed(hotwords)
            loaded = self.recognizer.done
            microphone = self.microphones.start(
                _visitor(request),
                lambda: self.recognizer().stream(**self._options(hotwords, language_model, punctuation)),
            )
            waiting = "Listening …" if loaded else "Loading the recogniser; your speech is kept meanwhile …"
            yield {**self._cleared(), self.words: html.nothing(waiting), self.status: components.status(waiting)}
            microphone.open()
            yield {self.status: components.status("Listening … After your last word, wait a moment and press Stop.")}
        except InputError as error:
            self.microphones.stop(_visitor(request))
            yield {**self._cleared(), self.words: html.refused("There is no transcript."),
                   self.status: components.status(str(error), problem=True)}  # fmt: skip

    def hear(self, sound: str | None, request: gr.Request) -> Update:
        """The next sound of the visitor's microphone."""
        microphone = self.microphones.get(_visitor(request))
        if sound is None or microphone is None:
            return {self.status: gr.skip()}
        try:
            if not microphone.push(*read_chunk(sound)) and not microphone.full:
                return {self.status: gr.skip()}
        except InputError as error:
            self.microphones.stop(_visitor(request))
            return {
                self.words: html.refused("There is no transcript."),
                self.status: components.status(str(error), problem=True),
            }
        if self.microphones.get(_visitor(request)) is not microphone:  # stopped meanwhile: its last words are shown
            return {self.status: gr.skip()}
        return {self.words: html.live(microphone.final, microphone.partial, full=microphone.full)}

    def stop(self, request: gr.Request) -> Iterator[Update]:
        """The visitor presses Stop."""
        microphone = self.microphones.stop(_visitor(request))
        try:
            transcript = None if microphone is None else microphone.finish()
        except InputError as error:
            yield {**self._cleared(), self.status: components.status(str(error), problem=True)}
            return
        if microphone is None:  # it was refused, which the status says already
            yield {self.answer: None}
        elif transcript is None:
            yield {**self._cleared(), self.status: components.status("The microphone gave no sound.")}
        else:
            limit = f" The demo listens for {minutes(LONGEST)} at a time." if microphone.full else ""
            sentence = _summary(transcript, microphone.seconds) + limit
            shown = html.words(transcript.words)
            yield {self.words: shown, self.status: components.status(sentence)}  # at once: the files take a moment
            yield from self._saved(transcript, shown)

    # Results ---------------------------------------------------------------------------------------------------------

    def _cleared(self) -> Update:
        off = {button: gr.DownloadButton(value=None, interactive=False) for button in self.downloads}
        return {self.answer: None, self.words: html.nothing(_NOTHING), **off}

    def _shown(self, transcript: Transcript, samples: np.ndarray, *sentences: str) -> Iterator[Update]:
        """The words, then the picture under them and the files."""
        drawn = html.drawing() if len(samples) else ""
        words = html.words(transcript.words, drawn, playable=True)
        yield {self.words: words, self.status: components.status(*sentences)}
        drawn = html.picture(samples[: round(html.DRAWN * SAMPLE_RATE)], transcript.words, len(samples) / SAMPLE_RATE)
        yield from self._saved(transcript, html.words(transcript.words, drawn, playable=True))

    def _saved(self, transcript: Transcript, shown: str) -> Iterator[Update]:
        """The last of what a handler yields: a script that calls the tab is given this alone."""
        with tempfile.TemporaryDirectory() as folder:  # Gradio copies from here into its cache
            on = [gr.DownloadButton(value=file, interactive=True) for file in _files(transcript, folder)]
            downloads = dict(zip(self.downloads, on, strict=True))
            yield {self.answer: json.loads(transcript.json()), **downloads, self.words: shown}


def _path(payload: Any) -> str | None:
    """The file that was uploaded, as it is; Gradio has seen to it that it lies among the uploads or the examples."""
    return None if payload is None else payload.path


def _example(event: gr.EventData) -> str:
    names = {Path(name).stem: name for name in EXAMPLES}
    return str(_FOLDER / names.get(event.name, next(iter(EXAMPLES))))


def _visitor(request: gr.Request) -> str:
    return str(request.session_hash)


def _files(transcript: Transcript, folder: str) -> Sequence[str]:
    """The transcript in every format, named after the recording or its first words."""
    stem = Path(transcript.source).stem if transcript.source else transcript.text
    path = Path(folder) / components.file_name(stem, "speech")
    return [str(transcript.save(path.with_suffix(f".{kind.lower()}"))) for kind in FORMATS]


def _summary(transcript: Transcript, seconds: float, took: float | None = None) -> str:
    count = len(transcript.words)
    if not count:
        return f"No words were heard in {seconds:.1f} s of sound."
    about = f"{count} {'word' if count == 1 else 'words'} in {seconds:.1f} s of sound"
    if took is not None:
        about += f", heard in {took:.1f} s"
    if transcript.confidence is not None:
        about += f"; {round(100 * transcript.confidence)}\u00a0% sure"
    return f"{about}."


def fine_print(model: str | None) -> list[str]:
    """What a visitor should know: how long, how private, what language, and the card's lines on limits and licence."""
    notes = [
        f"English, up to {minutes(LONGEST)} at a time. Your speech stays on the machine that serves this page: "
        "recordings are deleted within two hours."
    ]
    if model is None:
        return notes
    notes.append("Marks and capitals are written by a model whose weights are for non-commercial use.")
    from lstm_models.checkpoints import hub

    try:
        card = hub.card(model)
    except InputError:
        return notes
    if limits := re.search(r"^## Limits\s+(.+?)(?:\n\s*\n|\Z)", card, re.MULTILINE | re.DOTALL):
        notes.append(f"{_plain(limits[1])}.")
    if licence := re.search(r"^\| *Licence *\| *(.+?) *\|$", card, re.MULTILINE):
        notes.append(f"Licence of the weights: {_plain(licence[1])}.")
    return notes


def _plain(markdown: str) -> str:
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", markdown)
    return " ".join(re.sub(r"[*`]+", "", text).split()).rstrip(".")
