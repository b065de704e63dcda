"""Writes down speech: of a recording, of a folder of them, or into the microphone.

lstm-models transcribe talk.flac
lstm-models transcribe talks/ --format srt --out subtitles/
lstm-models transcribe talk.flac --translate de --out talk.de.srt
lstm-models transcribe --microphone
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

# No TYPE_CHECKING here: jsonargparse runs such blocks for the help, and that would import torch
import lstm_models
from lstm_apps.cli.batch_files import FoundFiles, check_kept, find, named_paths, note, targets, warn
from lstm_apps.cli.progress import bar
from lstm_apps.cli.translators import bundled_translator
from lstm_apps.tasks.speech.microphone import input_device, listen
from lstm_models.errors import InputError
from lstm_models.io.atomic_write import check_writable, shown, write_whole

__all__ = ["transcribe"]

# Name of a format -> suffix; lstm_models.tasks.speech.results has them, too, but brings in numpy
SUFFIXES = {
    "txt": ".txt", "srt": ".srt", "vtt": ".vtt", "json": ".json", "textgrid": ".TextGrid", "ctm": ".ctm", "tsv": ".tsv",
}  # fmt: skip
SEVERAL = ("txt", "json")  # formats that many recordings can share the screen in


def transcribe(
    paths: str | list[str] | None = None,
    format: str | None = None,
    out: str | None = None,
    resume: bool = False,
    recursive: bool = False,
    hotword: str | list[str] | None = None,
    lm: str = "on",
    beam: int | None = None,
    word_times: bool = False,
    microphone: bool = False,
    raw: bool = False,
    translate: str | None = None,
    model: str = "recognizer",
) -> None:
    """Writes down the speech of recordings, with marks and capitals and the times of words.

    The text goes to the screen, or with --out to a file for each recording. A recording that cannot be read is
    reported, and the rest goes on; the exit code is then 1.

    Args:
        paths: recordings, and folders of recordings; - is standard input.
        format: txt (the default), srt, vtt, json, textgrid (Praat), ctm or tsv; json has each word's times and
            confidence.
        out: a folder for a file a recording, such as NAME.srt; or, for one recording, the file, whose suffix says the
            format; - is standard output.
        resume: go on where the same command was stopped: recordings whose file is there, and is newer, are left out.
        recursive: look for recordings in the folders of a folder too.
        hotword: a word or phrase to favour, such as a name; the option several times for several.
        lm: on or off, or the name or folder of a language model.
        beam: texts followed at a time; more is slower and a little better.
        word_times: put the start of each word into vtt subtitles.
        microphone: write down what is spoken into the microphone, until Ctrl-C.
        raw: write the bare words in lower case. Otherwise the bundled punctuator writes marks and capitals; its
            weights are for non-commercial use.
        translate: write it in another language, de or fr, by the bundled translator: subtitles keep their times.
        model: a bundled model, a folder, or the id of one on the Hugging Face hub.
    """
    missing = "PATHS is missing: name recordings, or a folder of recordings"
    named = named_paths(paths, missing) if paths or not microphone else []
    out = None if out == "-" else out
    file = out if out is not None and not os.path.isdir(out) and _format_of(out) else None
    if file is not None:
        if format not in (None, _format_of(file)):
            raise InputError(f"--format is {format}, and --out {shown(file)} is named as another format", usage=True)
        format = _format_of(file)
    format = format or "txt"
    _check(named, format, out, file, resume, word_times, microphone)
    if translate is not None and (raw or microphone):
        raise InputError("--translate needs sentences: it goes without --raw and without --microphone", usage=True)
    options: dict[str, Any] = {
        "lm": {"on": True, "off": False}.get(lm, lm),
        "hotwords": [hotword] if isinstance(hotword, str) else list(hotword or ()),
        "beam": beam,
        "punctuate": None,
    }
    if microphone:
        device = input_device()
        recognizer = load(model)
        options["punctuate"] = None if raw else lstm_models.load("punctuator")
        listen(recognizer, device, format, word_times, options)
        return
    from lstm_models.io.audio import list_audio

    found = find(named, list_audio, recursive)
    if out is None and format not in SEVERAL and (found.folders or len(found.sources) > 1):
        raise InputError(f"several recordings as {format} need --out, a folder for their files", usage=True)
    translator = None if translate is None else bundled_translator(translate, "--translate")
    recognizer = load(model)
    recognizer.stream(**options, partial=False)  # says what is wrong with the options
    files = (
        {} if out is None or file is not None else targets(out, found.sources, found.root, SUFFIXES[format], "--out")
    )
    if file is not None:
        if found.folders or len(found.sources) > 1:
            raise InputError(f"--out {shown(file)} is one file, and there may be several recordings; name a folder")
        check_writable(file)
        check_kept("--out", [file], found.sources)
        files = dict.fromkeys(found.sources, file)
    options["punctuate"] = None if raw else lstm_models.load("punctuator")
    run = _Run(found, recognizer, options, format, word_times, files)
    run.translator = translator
    run.go(resume)
    run.finish(out)


def _format_of(out: str) -> str | None:
    """The format that a file of this name has; None for a folder's name."""
    suffix = os.path.splitext(out)[1].lower()
    return next((name for name, known in SUFFIXES.items() if known.lower() == suffix), None)


def _check(
    named: Sequence[str],
    format_: str,
    out: str | None,
    file: str | None,
    resume: bool,
    word_times: bool,
    microphone: bool,
) -> None:
    if format_ not in SUFFIXES:
        raise InputError(f"--format is {format_}; one of {', '.join(SUFFIXES)} would be right", usage=True)
    if microphone and (named or out is not None):
        raise InputError("--microphone goes without recordings and without --out", usage=True)
    if resume and out is None:
        raise InputError("--resume goes with --out: what is done is seen by the files there", usage=True)
    if word_times and format_ != "vtt":
        raise InputError("--word-times goes with --format vtt", usage=True)
    if out is not None and file is None and (not out or (os.path.lexists(out) and not os.path.isdir(out))):
        raise InputError(f"--out {shown(out)} is no folder; a file a recording is written into one")


def load(model: str) -> Any:
    """The recogniser of a name.

    Raises:
        InputError: there is none, or it is another model.
    """
    from lstm_models.checkpoints import hub

    return hub.load_as(lstm_models.Recognizer, model)


class _Run:
    """Recordings on their way to transcripts."""

    def __init__(
        self,
        found: FoundFiles,
        recognizer: Any,
        options: dict[str, Any],
        format_: str,
        word_times: bool,
        files: dict[str, str],
    ) -> None:
        self.found, self.recognizer, self.options, self.files = found, recognizer, options, files
        self.format, self.word_times = format_, word_times
        self.translator: lstm_models.Translator | None = None
        self.failures: dict[str, str] = {}
        self.alone = len(found.sources) + len(found.failures) == 1
        self.done = self.before = 0

    def go(self, resume: bool) -> None:
        """Every recording that is not left out."""
        for source, sentence in self.found.failures.items():
            self.fail(source, InputError(sentence))
        todo = [source for source in self.found.sources if not (resume and self.is_done(source))]
        self.before = len(self.found.sources) - len(todo)
        seen = sys.stderr.isatty() and (bool(self.files) or not sys.stdout.isatty())
        try:
            with bar("recordings", len(todo), shown=seen) as advance:
                for number, source in enumerate(todo):
                    try:

                        def ahead(fraction: float, done: int = number) -> None:
                            advance(done + fraction)

                        self.succeed(source, self.transcribe(source, ahead))
                    except InputError as error:
                        self.fail(source, error)
                    advance(number + 1)
        except KeyboardInterrupt:
            if self.files:
                count = self.before + self.done
                note(f"{_recordings(count)} of {len(self.found.sources)} are done; the same command with --resume "
                     "goes on.")  # fmt: skip
            raise

    def is_done(self, source: str) -> bool:
        try:
            return os.stat(self.files[source]).st_mtime_ns >= os.stat(source).st_mtime_ns
        except (OSError, ValueError):  # not there, or a wrong name that is reported later
            return False

    def transcribe(self, source: str, advance: Callable[[float], None]) -> Any:
        from lstm_models.io.audio import open_audio

        given: Any = sys.stdin.buffer if source == "-" else source
        with open_audio(given, name="standard input" if source == "-" else None) as audio:
            whole = audio.seconds

            def progress(seconds: float) -> None:
                if whole:
                    advance(min(1.0, seconds / whole))

            return self.recognizer.transcribe(audio, progress=progress, **self.options)

    def succeed(self, source: str, transcript: Any) -> None:
        if self.translator is not None:
            transcript = transcript.translated(self.translator)
        text = transcript.render(self.format, word_times=self.word_times)
        for sentence in transcript.notes:
            note(sentence)
        if self.files:
            check_writable(self.files[source])
            write_whole(self.files[source], text)
        elif self.format == "txt" and not self.alone:
            print(f"{shown(source)}: {transcript.text}", flush=True)
        else:
            print(text, end="", flush=True)
        self.done += 1

    def fail(self, source: str, error: InputError) -> None:
        if error.usage and source in self.found.sources and source:
            raise error  # of the options: the same for every recording
        if self.alone:
            raise error
        self.failures[source] = str(error)
        warn(str(error))

    def finish(self, out: str | None) -> None:
        """Report what was done, and raise InputError where a recording failed."""
        if out is not None:
            before = f", {self.before} done before" if self.before else ""
            note(f"{shown(out)}: {_recordings(self.done)} transcribed{before}.")
        if self.failures:
            total = len(self.found.sources) + len(self.found.failures)
            raise InputError(f"{len(self.failures)} of {total} could not be transcribed.")


def _recordings(count: int) -> str:
    return "1 recording" if count == 1 else f"{count:,} recordings"
