"""The speech tab of the demo: words as they are spoken, or of a recording with its picture; subtitles and JSON out.

Run: lstm-models demo speech
"""

from __future__ import annotations

import itertools
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
from lstm_apps.tasks.speech.demo.microphones import LONGEST, Microphones, Stream, read_chunk
from lstm_models.errors import InputError
from lstm_models.results import Word

TITLE = "Speech"
CSS = asset("lstm_apps.tasks.speech.demo", "speech.css")
EXAMPLES = {
    "station.ogg": "Good morning. The train to the north leaves at nine from platform four.",
    "river.ogg": "The old man walked along the river every morning, and he talked to the birds as if they were his "
    "friends.",
}
FORMATS = ("TXT", "SRT", "VTT", "JSON")
MOST_HOTWORDS = 100

_FOLDER = Path(__file__).parents[1] / "examples"
_RATE = 16_000
_PART = 4 * _RATE  # samples of a recording that are heard before its words so far are shown
_LONGEST_HOTWORD, _LONGEST_TEXT = 60, 20_000  # characters
_NOTHING = "Press Record and speak, or send a recording: the words appear here."


class Recognizer(Protocol):
    """What the tab needs of a model; `lstm_models.tasks.speech.network.Recognizer` is one."""

    def transcribe(self, source: Any, **options: Any) -> Any: ...  # fmt: skip

    def stream(self, **options: Any) -> Any: ...  # fmt: skip

    def align(self, source: Any, text: str, **options: Any) -> Any: ...  # fmt: skip


def build(load: Callable[[], Recognizer] | None = None, model: str = "recognizer") -> gr.Blocks:
    """The tab as Gradio blocks; theme and style sheet come with `lstm_apps.demo.launch`.

    Args:
        load: gives the recogniser, called once, when somebody first speaks or sends a recording.
        model: what to load if `load` is left out: a bundled name, a folder, or a Hugging Face Hub id.
    """
    recognizer = components.once(load or components.bundled(model))
    microphones = Microphones()
    gr.set_static_paths([_FOLDER])  # served from where they lie, and allowed as the recording

    with components.blocks(TITLE) as tab:
        with gr.Row(equal_height=True):
            microphone: Any = gr.Audio(
                label="Microphone", sources=["microphone"], type="numpy", streaming=True, buttons=[], min_width=280,
                elem_id="speech-microphone",
            )  # fmt: skip
            file: Any = gr.Audio(
                label="Recording", sources=["upload"], type="filepath", editable=False, buttons=[], min_width=280,
                waveform_options=gr.WaveformOptions(show_recording_waveform=False), elem_id="speech-file",
            )  # fmt: skip
        # Gradio would decode what it is sent itself, with a traceback where it cannot.
        microphone.preprocess = file.preprocess = _path
        words = gr.HTML(
            html.nothing(_NOTHING), elem_id="speech-words", apply_default_css=False, js_on_load=html.SCRIPT
        )  # fmt: skip
        status = gr.HTML(
            components.status("Ready."), elem_classes="status", elem_id="speech-status", apply_default_css=False
        )
        with gr.Row():
            go = gr.Button("Transcribe", variant="primary", size="sm", min_width=160, elem_id="speech-go")
            downloads = [
                gr.DownloadButton(
                    f"Save {kind}", interactive=False, size="sm", min_width=90, elem_id=f"speech-save-{kind.lower()}"
                )
                for kind in FORMATS
            ]
        chosen = gr.HTML(
            html.examples(EXAMPLES), elem_id="speech-examples", apply_default_css=False,
            js_on_load=html.EXAMPLES_SCRIPT,
        )  # fmt: skip
        with gr.Row():
            with gr.Column(scale=3, min_width=260):
                hotwords = gr.Textbox(
                    value="", label="Hot words", info="names and terms to listen for, with commas between", lines=1,
                    max_lines=6, max_length=4_000, elem_id="speech-hotwords",
                )  # fmt: skip
            with gr.Column(scale=2, min_width=260):
                language_model = gr.Checkbox(
                    True, label="Language model", info="prefers what people usually say", elem_id="speech-lm"
                )
        with gr.Accordion("Times for a text you have", open=False):
            known = gr.Textbox(
                value="", label="What is said in the recording", lines=3, max_lines=12, max_length=_LONGEST_TEXT,
                elem_id="speech-known",
            )  # fmt: skip
            fit = gr.Button("Align", size="sm", elem_id="speech-align")
        gr.HTML(
            "".join(f"<p>{escape(sentence)}</p>" for sentence in _notes(model if load is None else None)),
            elem_classes="fine-print", elem_id="speech-notes", apply_default_css=False,
        )  # fmt: skip
        answer = gr.JSON(label="Transcript", visible=False)  # for those who call the tab by its API

        def cleared() -> dict[Any, Any]:
            off = {button: gr.DownloadButton(value=None, interactive=False) for button in downloads}
            return {answer: None, words: html.nothing(_NOTHING), **off}

        def saved(transcript: Any, shown: str) -> Iterator[dict[Any, Any]]:
            """The last of what a handler yields: a script that calls the tab is given this alone."""
            with tempfile.TemporaryDirectory() as folder:  # Gradio copies from here into its cache
                files = _saved(transcript, folder)
                on = [gr.DownloadButton(value=file, interactive=True) for file in files]
                yield {answer: json.loads(transcript.json()), **dict(zip(downloads, on, strict=True)), words: shown}

        # --- a recording -------------------------------------------------------------------------------------------

        def told(run: Callable[..., Iterator[dict[Any, Any]]], recording: str | None) -> Iterator[dict[Any, Any]]:
            """What `run` yields for the recording, or the sentence that says what is wrong."""
            if recording is None:
                yield {**cleared(), status: components.status("There is no recording yet.")}
                return
            try:
                name = Path(recording).name
                yield {
                    **cleared(),
                    words: html.nothing("Listening …" if recognizer.done else "Loading the recogniser …"),
                    status: components.status(f"Listening to {name} …"),
                }
                samples, notes = _samples(recording, name)
                yield from run(samples, name, notes)
            except InputError as error:
                yield {**cleared(), words: html.nothing("Nothing was written."),
                       status: components.status(str(error), problem=True)}  # fmt: skip
                raise gr.Error(escape(str(error)), print_exception=False) from error

        def shown(transcript: Any, samples: np.ndarray, *sentences: str) -> Iterator[dict[Any, Any]]:
            drawn = html.drawing() if len(samples) else ""
            yield {words: html.words(transcript.words, drawn, playable=True), status: components.status(*sentences)}
            drawn = html.picture(samples[: round(html.DRAWN * _RATE)], transcript.words, len(samples) / _RATE)
            yield from saved(transcript, html.words(transcript.words, drawn, playable=True))

        def transcribe(
            recording: str | None, hotwords: str = "", language_model: bool = True
        ) -> Iterator[dict[Any, Any]]:
            def run(samples: np.ndarray, name: str, notes: list[str]) -> Iterator[dict[Any, Any]]:
                options = {"lm": bool(language_model), "hotwords": listed(hotwords)}
                model = recognizer()
                started = time.perf_counter()
                transcript = None
                for found in _progress(model, samples, options):
                    if isinstance(found, tuple):
                        final, partial = found
                        yield {words: html.live(final, partial)}
                    else:
                        transcript = replace(found, source=name, notes=tuple(notes))
                sentence = _told(transcript, len(samples) / _RATE, time.perf_counter() - started)
                yield from shown(transcript, samples, sentence, *notes)

            yield from told(run, recording)

        def align(recording: str | None, text: str = "") -> Iterator[dict[Any, Any]]:
            def run(samples: np.ndarray, name: str, notes: list[str]) -> Iterator[dict[Any, Any]]:
                transcript = replace(
                    recognizer().align(samples, _known(text), rate=_RATE), source=name, notes=tuple(notes)
                )
                count = len(transcript.words)
                sentence = (
                    f"Found {count} {'word' if count == 1 else 'words'} in {len(samples) / _RATE:.1f} s of sound."
                )
                yield from shown(transcript, samples, sentence, *notes)

            yield from told(run, recording)

        # --- the microphone ----------------------------------------------------------------------------------------

        def start(hotwords: str, language_model: bool, request: gr.Request) -> Iterator[dict[Any, Any]]:
            try:
                options = {"lm": bool(language_model), "hotwords": listed(hotwords)}
                loaded = recognizer.done
                heard = microphones.start(_visitor(request), lambda: recognizer().stream(**options))
                waiting = "Listening …" if loaded else "Loading the recogniser; what you say meanwhile is kept …"
                yield {**cleared(), words: html.nothing(waiting), status: components.status(waiting)}
                heard.open()
                yield {
                    status: components.status(
                        "Listening … When you have said your last word, wait a moment and press Stop."
                    )
                }
            except InputError as error:
                microphones.stop(_visitor(request))
                yield {**cleared(), words: html.refused("Nothing was written."),
                       status: components.status(str(error), problem=True)}  # fmt: skip

        def hear(sound: str | None, request: gr.Request) -> dict[Any, Any]:
            heard = microphones.get(_visitor(request))
            if sound is None or heard is None:
                return {status: gr.skip()}
            try:
                if not heard.push(*read_chunk(sound)) and not heard.full:
                    return {status: gr.skip()}
            except InputError as error:
                microphones.stop(_visitor(request))
                return {
                    words: html.refused("Nothing was written."),
                    status: components.status(str(error), problem=True),
                }
            if microphones.get(_visitor(request)) is not heard:  # stopped meanwhile: its last words are shown already
                return {status: gr.skip()}
            return {words: html.live(heard.final, heard.partial, full=heard.full)}

        def stop(request: gr.Request) -> Iterator[dict[Any, Any]]:
            heard = microphones.stop(_visitor(request))
            try:
                transcript = None if heard is None else heard.finish()
            except InputError as error:
                yield {**cleared(), status: components.status(str(error), problem=True)}
                return
            if heard is None:  # it was refused, and said so
                yield {answer: None}
            elif transcript is None:
                yield {**cleared(), status: components.status("The microphone gave no sound.")}
            else:
                limit = f" The demo listens for {_minutes(LONGEST)} at a time." if heard.full else ""
                sentence = _told(transcript, heard.seconds) + limit
                said = html.words(transcript.words)
                yield {words: said, status: components.status(sentence)}  # at once: the files take a moment
                yield from saved(transcript, said)

        changed = [answer, words, status, *downloads]
        heard_ = {"outputs": changed, "show_progress": "hidden", "api_visibility": "private", "concurrency_limit": None}
        microphone.start_recording(start, inputs=[hotwords, language_model], **heard_)
        microphone.stream(hear, inputs=[microphone], stream_every=0.3, **{**heard_, "outputs": [words, status]})
        microphone.stop_recording(stop, **heard_)

        asked: dict[str, Any] = {
            "fn": transcribe, "inputs": [file, hotwords, language_model], "outputs": changed, "show_progress": "hidden",
        }  # fmt: skip
        gr.on([go.click, hotwords.submit], **asked, api_name="transcribe")
        file.input(**asked, trigger_mode="always_last", api_visibility="private")
        chosen.click(_example, outputs=file, show_progress="hidden", api_visibility="private").then(
            **asked, api_visibility="private"
        )
        fit.click(align, inputs=[file, known], outputs=changed, show_progress="hidden", api_name="align")
    return tab


def listed(text: str | None) -> tuple[str, ...]:
    """The hot words of a text, which commas, semicolons or line breaks divide, in lower case.

    Raises:
        InputError: there are too many, or one is too long.
    """
    found = tuple(dict.fromkeys(" ".join(part.lower().split()) for part in re.split(r"[,;\n]", text or "")))
    found = tuple(word.replace("’", "'") for word in found if word)
    if len(found) > MOST_HOTWORDS:
        raise InputError(f"There are {len(found)} hot words; the demo takes {MOST_HOTWORDS}.", usage=True)
    for word in found:
        if len(word) > _LONGEST_HOTWORD:
            raise InputError(f"The hot word “{word[:20]}…” is longer than {_LONGEST_HOTWORD} letters.", usage=True)
    return found


def _known(text: str | None) -> str:
    if not text or not text.strip():
        raise InputError("There is no text to align yet: write what is said in the recording.", usage=True)
    if len(text) > _LONGEST_TEXT:
        raise InputError(f"The text has {len(text):,} characters; the demo takes {_LONGEST_TEXT:,}.", usage=True)
    return text


def _path(payload: Any) -> str | None:
    """The file that was uploaded, as it is; Gradio has seen to it that it lies among the uploads or the examples."""
    return None if payload is None else payload.path


def _example(event: gr.EventData) -> str:
    names = {Path(name).stem: name for name in EXAMPLES}
    return str(_FOLDER / names.get(event.name, next(iter(EXAMPLES))))


def _visitor(request: gr.Request) -> str:
    return str(request.session_hash)


def _samples(path: str, name: str) -> tuple[np.ndarray, list[str]]:
    """The recording ``[n]`` float32 mono at 16 kHz, and what is wrong with it that leaves something to hear.

    Raises:
        InputError: it cannot be read, or is longer than the demo takes.
    """
    from lstm_models.io.audio import open_audio

    with open_audio(path, name=name) as audio:
        blocks = []
        if audio.seconds is None or audio.seconds <= LONGEST:
            blocks = list(itertools.takewhile(lambda _: audio.read <= LONGEST, audio))
        if audio.read > LONGEST or not blocks:
            raise InputError(
                f"{name} is longer than {_minutes(LONGEST)}, the most that the demo takes; lstm-models transcribe, on "
                "your own machine, takes recordings of any length."
            )
    return np.concatenate(blocks), audio.notes


def _progress(model: Recognizer, samples: np.ndarray, options: dict[str, Any]) -> Iterator[Any]:
    """Pairs of final and partial words as they are found, then the transcript."""
    try:
        stream: Stream = model.stream(**options)
    except InputError:  # it hears whole recordings only, or says again what is wrong with the options
        yield model.transcribe(samples, rate=_RATE, **options)
        return
    final: list[Word] = []
    for begin in range(0, len(samples), _PART):
        update = stream.push(samples[begin : begin + _PART], _RATE)
        final += update.final
        yield final, tuple(update.partial)
    yield stream.finish()


def _saved(transcript: Any, folder: str) -> Sequence[str]:
    """The transcript in every format, named after the recording or its first words."""
    stem = Path(transcript.source).stem if transcript.source else transcript.text
    path = Path(folder) / components.file_name(stem, "speech")
    return [str(transcript.save(path.with_suffix(f".{kind.lower()}"))) for kind in FORMATS]


def _told(transcript: Any, seconds: float, took: float | None = None) -> str:
    count = len(transcript.words)
    if not count:
        return f"No words were heard in {seconds:.1f} s of sound."
    about = f"{count} {'word' if count == 1 else 'words'} in {seconds:.1f} s of sound"
    if took is not None:
        about += f", heard in {took:.1f} s"
    if transcript.confidence is not None:
        about += f"; {round(100 * transcript.confidence)}\u00a0% sure"
    return f"{about}."


def _minutes(seconds: float) -> str:
    return f"{round(seconds / 60)} minutes"


def _notes(model: str | None) -> list[str]:
    """What a visitor should know: how long, how private, what language, and the card's lines on limits and licence."""
    notes = [
        f"English, up to {_minutes(LONGEST)} at a time. What you say stays on the machine that serves this page: "
        "what it was sent is deleted within two hours."
    ]
    if model is None:
        return notes
    from lstm_models.checkpoints import hub

    try:
        card = hub.card(model)
    except InputError:
        return notes
    if limits := re.search(r"^## Limits\s+(.+?)(?:\n\s*\n|\Z)", card, re.MULTILINE | re.DOTALL):
        notes.append(_plain(limits[1]))
    if licence := re.search(r"^\| *Licence *\| *(.+?) *\|$", card, re.MULTILINE):
        notes.append(f"Licence of the weights: {_plain(licence[1])}.")
    return notes


def _plain(markdown: str) -> str:
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", markdown)
    return " ".join(re.sub(r"[*`]+", "", text).split()).rstrip(".")
