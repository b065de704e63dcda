"""How long a recogniser takes, how soon it shows a word, and how well its word times agree with forced alignment.

Seconds of the processor, on one thread, so that other programs on the machine count little. Sound is pushed into a
stream 100 ms at a time, as a microphone gives it, and half a second of silence after it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import numpy as np

from lstm_apps.evaluation.error_rates import comparable, matches
from lstm_apps.evaluation.threads import one_thread
from lstm_datasets.speech.readers import SAMPLE_RATE, Recording
from lstm_models.decoding.ctc_search import CTCSearch
from lstm_models.decoding.options import SearchOptions
from lstm_models.decoding.rescoring import Rescorer
from lstm_models.errors import InputError
from lstm_models.ngram.model import NGram
from lstm_models.results import Word
from lstm_models.tasks.speech.model import Recognizer

__all__ = ["StreamedWords", "Timings", "measure", "stream_words"]

PUSH = 0.1  # seconds of sound at a time
SILENCE = 0.5  # seconds after the recording
REPEATS = 3  # the median of so many runs
NEAR = 0.4  # seconds by which a word may move between its first showing and the end


@dataclass
class StreamedWords:
    """The words of a recording as a stream showed them.

    Attributes:
        words: in the end.
        shown: seconds of sound that had been pushed when each of them was first shown.
        first: likewise, when any word was first shown; None where none was.
        seconds: of the processor, for all of it.
        duration: seconds of sound, the silence after it included.
    """

    words: list[Word]
    shown: list[float]
    first: float | None
    seconds: float
    duration: float


@dataclass
class Timings:
    """What was measured, over some recordings. Seconds, one number a word or a recording.

    Attributes:
        audio: seconds of sound.
        parts: processor seconds of front end, network and search by themselves, and of all of ``transcribe``.
        streamed: processor seconds a second of sound in a stream, one number a recording.
        delays: from the end of a word, by forced alignment, until a stream had heard enough to show it.
        first_words: likewise of the first word of each recording, where it was right.
        first_shown: from the end of a recording's first word until any word was shown; negative if before.
        starts, ends: word times less those of forced alignment.
        hypotheses: (key, text by ``transcribe``, text by ``stream``, None where the recogniser cannot stream).
    """

    audio: float = 0.0
    parts: dict[str, float] = field(
        default_factory=lambda: dict.fromkeys(("front_end", "network", "search", "all"), 0.0)
    )
    streamed: list[float] = field(default_factory=list)
    delays: list[float] = field(default_factory=list)
    first_words: list[float] = field(default_factory=list)
    first_shown: list[float] = field(default_factory=list)
    starts: list[float] = field(default_factory=list)
    ends: list[float] = field(default_factory=list)
    hypotheses: list[tuple[str, str, str | None]] = field(default_factory=list)

    def figures(self) -> dict[str, Any]:
        """Medians and 95th percentiles of all of it, in seconds; times as absolute differences."""
        figures: dict[str, Any] = {
            "recordings": len(self.hypotheses),
            "seconds_of_sound": round(self.audio, 2),
            "push_seconds": PUSH,
            "cpu_seconds_a_second": {name: round(value / self.audio, 5) for name, value in self.parts.items()},
        }
        if self.streamed:
            figures["cpu_seconds_a_second"]["stream"] = round(median(self.streamed), 5)
            figures["delay"] = spread(self.delays)
            figures["delay_of_first_word"] = spread(self.first_words)
            figures["delay_of_anything"] = spread(self.first_shown)
        figures["start_error"] = spread(np.abs(self.starts))
        figures["end_error"] = spread(np.abs(self.ends))
        figures["start_shift"] = round(float(np.median(self.starts)), 4) if self.starts else None
        figures["end_shift"] = round(float(np.median(self.ends)), 4) if self.ends else None
        return figures


def spread(values: Sequence[float] | np.ndarray) -> dict[str, float] | None:
    """Median and 95th percentile; None where there are none."""
    if not len(values):
        return None
    return {
        "median": round(float(np.median(values)), 4),
        "p95": round(float(np.percentile(values, 95)), 4),
        "count": len(values),
    }


def measure(
    recognizer: Recognizer,
    recordings: Sequence[Recording],
    options: SearchOptions,
    language_model: NGram | None,
    lm: bool | str,
    aligner: Recognizer | None = None,
    notes: list[str] | None = None,
    progress: Callable[[Sequence[Recording]], Iterator[Recording]] = iter,
    rescorer: Rescorer | None = None,
) -> Timings:
    """Time a recogniser on recordings, one at a time, on one thread.

    Args:
        recognizer: what is timed.
        recordings: what it hears.
        options: of the search by itself.
        language_model: likewise.
        lm: of ``transcribe`` and ``stream``.
        aligner: whose forced alignment counts as the time of a word; that of the recogniser itself if None.
        notes: takes a sentence for each recording that cannot be measured.
        progress: goes through the recordings.
        rescorer: of the search by itself.
    """
    found = Timings()
    streams = not recognizer.config.bidirectional
    with one_thread():
        for number, recording in enumerate(progress(recordings)):
            try:
                samples = recording.samples()
                aligned = (aligner or recognizer).align(samples, recording.text, rate=SAMPLE_RATE)
                if not number:  # the first run of all loads libraries
                    recognizer.transcribe(samples, rate=SAMPLE_RATE, lm=lm, beam=options.beam)
                transcript, seconds = _timed(
                    lambda samples=samples: recognizer.transcribe(  # type: ignore[misc]
                        samples, rate=SAMPLE_RATE, lm=lm, beam=options.beam
                    )
                )
            except InputError as error:
                if notes is not None:
                    notes.append(f"not timed: {error}")
                continue
            found.audio += recording.duration
            found.parts["all"] += seconds
            for name, each in _parts(recognizer, samples, options, language_model, rescorer).items():
                found.parts[name] += each
            texts = [word.text for word in aligned.words]
            for at, to in matches(texts, [word.text for word in transcript.words]):
                found.starts.append(_at(transcript.words[to].start) - _at(aligned.words[at].start))
                found.ends.append(_at(transcript.words[to].end) - _at(aligned.words[at].end))
            streamed = None
            if streams:
                runs = [stream_words(recognizer, samples, lm, options.beam) for _ in range(REPEATS)]
                streamed = " ".join(word.text for word in runs[0].words)
                found.streamed.append(median(run.seconds / run.duration for run in runs))
                _delays(found, aligned.words, runs[0])
            found.hypotheses.append((recording.key, comparable(transcript.text), streamed))
    return found


def stream_words(recognizer: Recognizer, samples: np.ndarray, lm: bool | str, beam: int) -> StreamedWords:
    """Push a recording ``[n]`` at 16 kHz through a stream, and note when its words are first shown."""
    stream = recognizer.stream(rate=SAMPLE_RATE, lm=lm, beam=beam)
    sound = np.concatenate([samples, np.zeros(round(SILENCE * SAMPLE_RATE), np.float32)])
    size = round(PUSH * SAMPLE_RATE)
    shown: dict[str, list[tuple[float, float]]] = {}  # word -> (pushed, where it began) of each showing
    first = None
    seconds = 0.0

    def note(words: Sequence[Word], pushed: float) -> None:
        for word in words:
            before = shown.setdefault(word.text, [])
            if not any(abs(_at(word.start) - start) < NEAR for _, start in before):
                before.append((pushed, _at(word.start)))

    for begin in range(0, len(sound), size):
        chunk = sound[begin : begin + size]
        clock = time.process_time()
        update = stream.push(chunk)
        seconds += time.process_time() - clock
        pushed = (begin + len(chunk)) / SAMPLE_RATE
        if first is None and (update.final or update.partial):
            first = pushed
        note(update.final, pushed)
        note(update.partial, pushed)
    clock = time.process_time()
    transcript = stream.finish()
    seconds += time.process_time() - clock
    whole = len(sound) / SAMPLE_RATE
    note(transcript.words, whole)
    times = [
        min(pushed for pushed, start in shown[word.text] if abs(_at(word.start) - start) < NEAR)
        for word in transcript.words
    ]
    return StreamedWords(list(transcript.words), times, first, seconds, whole)


def _delays(found: Timings, aligned: Sequence[Word], run: StreamedWords) -> None:
    if not aligned:
        return
    if run.first is not None:
        found.first_shown.append(run.first - _at(aligned[0].end))
    for at, to in matches([word.text for word in aligned], [word.text for word in run.words]):
        delay = run.shown[to] - _at(aligned[at].end)
        found.delays.append(delay)
        if at == 0:
            found.first_words.append(delay)


def _parts(
    recognizer: Recognizer,
    samples: np.ndarray,
    options: SearchOptions,
    language_model: NGram | None,
    rescorer: Rescorer | None,
) -> Mapping[str, float]:
    """Processor seconds of front end, network and search, each by itself."""
    _, front_end = _timed(lambda: recognizer.front_end(samples))
    log_probs, both = _timed(lambda: recognizer.log_probs([samples])[0])

    def search() -> None:
        run = CTCSearch(recognizer.config.alphabet, options, language_model, rescorer)
        run.push(log_probs)
        run.finish()

    return {"front_end": front_end, "network": max(0.0, both - front_end), "search": _timed(search)[1]}


def _timed(run: Callable[[], Any]) -> tuple[Any, float]:
    seconds = []
    for _ in range(REPEATS):
        clock = time.process_time()
        result = run()
        seconds.append(time.process_time() - clock)
    return result, median(seconds)


def _at(seconds: float | None) -> float:
    return 0.0 if seconds is None else seconds
