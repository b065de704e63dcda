"""From a recording, or from samples as they come, to words with times: what ``Recognizer``'s verbs do.

A file and a stream are cut into segments by the same rules (``segmentation``) and searched by the same search
(``ctc_search``); a file's segments are heard several at a time, a stream's as they come.

    transcript = transcribe(recognizer, "talk.flac")
    live = stream(recognizer, rate=48_000)
    update = live.push(samples)         # update.final, update.partial
    transcript = live.finish()
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Union

import numpy as np

from lstm_models.decoding.ctc_search import CTCSearch, Found
from lstm_models.decoding.options import SearchOptions
from lstm_models.errors import InputError
from lstm_models.io.audio import SAMPLE_RATE, Audio, Resampler, mono, open_audio
from lstm_models.results import Word
from lstm_models.tasks.speech.results import Transcript
from lstm_models.tasks.speech.segmentation import Begin, End, Segmenter, Silence

if TYPE_CHECKING:
    from lstm_models.ngram.model import NGram
    from lstm_models.tasks.speech.network import AcousticStream, Recognizer

__all__ = ["Stream", "StreamUpdate", "align", "stream", "transcribe"]

LanguageModel = Union[bool, str, "NGram"]

_WINDOW = 16  # segments that are sorted by length to be heard together
_BATCH_SECONDS = 120.0  # of a batch, padding included
_BOTH_WAYS = 2.0  # seconds that a bidirectional recogniser hears after what is used of a segment
_LONGEST_ALIGNED = 30 * 60.0
_QUIET = 0.003  # of full scale: −50 dB
_SHORT = 0.3  # seconds
_MISFIT = 0.05  # geometric mean of the letters' probabilities; of the right text it is above a half
_NONE = 1e-9  # probability of a label where there is nothing to hear


@dataclass(frozen=True)
class StreamUpdate:
    """What a push brought.

    Attributes:
        final: words that are new and will not change.
        partial: what seems to follow all final words; the last word may be unfinished. Replaces the partial words of
            the update before.
    """

    final: tuple[Word, ...]
    partial: tuple[Word, ...]


def transcribe(
    recognizer: Recognizer,
    source: Any,
    *,
    lm: LanguageModel = True,
    hotwords: Iterable[str] = (),
    beam: int | None = None,
    rate: int | None = None,
    name: str | None = None,
    progress: Callable[[float], None] | None = None,
) -> Transcript:
    """Words of a recording of any length, with times and confidences; memory does not grow with it.

    Args:
        recognizer: the model.
        source: what `lstm_models.io.audio.open_audio` takes: a file, bytes, an open file, samples.
        lm: whether to use the recogniser's language model; or the name or folder of one, or one itself.
        hotwords: words or phrases to favour.
        beam: hypotheses of the search; the recogniser's own number where missing.
        rate: samples a second of an array; 16,000 where missing.
        name: what sentences call the recording; its path where missing.
        progress: called with the seconds that are done.

    Raises:
        InputError: as `open_audio` and its blocks; a hot word has characters the recogniser cannot write, the beam is
            no number of hypotheses, or the language model is none (``usage=True``).
    """
    writer = _Writer(recognizer, lm, hotwords, beam)
    with open_audio(source, rate=rate, name=name) as audio:
        words: list[Word] = []
        for outputs, pause in _heard(recognizer, _told(audio, progress)):
            words += writer.push(outputs)
            if pause:
                words += writer.finish()
        words += writer.finish()
        told = "" if name is None and audio.name == "The recording" else audio.name
        if not words:
            audio.notes.append(_nothing_heard(audio))
        return _transcript(words, audio.read, told, audio.notes)


def _nothing_heard(audio: Audio) -> str:
    """Why a transcript has no words."""
    if audio.peak == 0:
        why = "it is silent"
    elif audio.peak < _QUIET:
        why = f"it is all but silent ({20 * math.log10(audio.peak):.0f} dB at its loudest)"
    elif audio.read < _SHORT:
        why = f"it lasts {audio.read:.2f} s"
    else:
        why = "there is sound, but none that is taken for words"
    told = "the recording" if audio.name == "The recording" else audio.name
    return f"No words were heard in {told}: {why}."


def stream(
    recognizer: Recognizer,
    *,
    rate: int = SAMPLE_RATE,
    lm: LanguageModel = True,
    hotwords: Iterable[str] = (),
    beam: int | None = None,
) -> Stream:
    """Words as they are spoken; see `Stream`, and `transcribe` for the options.

    Raises:
        InputError: as `transcribe`; the recogniser is bidirectional; the rate is not one of speech.
    """
    return Stream(recognizer, _Writer(recognizer, lm, hotwords, beam), rate)


class Stream:
    """A recording that comes bit by bit; made by `stream`. However it is cut into pushes, the words are the same.

    Without an acoustic encoder they are those that `transcribe` finds in all of it; with one, which hears a stream
    through a window, a few differ.
    """

    def __init__(self, recognizer: Recognizer, writer: _Writer, rate: int) -> None:
        self._recognizer, self._writer, self.rate = recognizer, writer, rate
        recognizer.acoustics()  # says if it cannot
        self._start()

    def _start(self) -> None:
        self._resampler = Resampler(self.rate)
        self._segmenter = _segmenter(self._recognizer)
        self._acoustics: AcousticStream | None = None
        self._skip = 0
        self._words: list[Word] = []
        self._partial: tuple[Word, ...] = ()
        self._before, self._count = 0.0, 0  # seconds at other rates, samples at this one

    @property
    def _seconds(self) -> float:
        return self._before + self._count / self.rate

    def push(self, samples: Any, rate: int | None = None) -> StreamUpdate:
        """Go on by some samples.

        Args:
            samples: `[n]`, `[n, channels]` or `[channels, n]`, any n: float within −1..1, or integers.
            rate: samples a second, if not the stream's: from now on.

        Raises:
            InputError: they are no sound (see `open_audio`); the stream goes on as if they had not come.
        """
        values = mono(samples, "The recording", self._seconds, self.rate if rate is None else rate)
        heard = []
        if rate is not None and rate != self.rate:
            resampler = Resampler(rate)
            heard.append(self._resampler.finish())
            self._before, self._count = self._seconds, 0
            self._resampler, self.rate = resampler, rate
        self._count += len(values)
        heard.append(self._resampler.push(values))
        final, moved = self._hear(heard)
        if moved:
            self._partial = tuple(self._writer.partial())
        return StreamUpdate(tuple(final), self._partial)

    def finish(self) -> Transcript:
        """All words. The stream is then as new."""
        self._hear([self._resampler.finish()])
        self._follow(self._segmenter.finish())
        self._words += self._writer.finish()
        made = _transcript(self._words, self._seconds, "", ())
        self._writer.restart()
        self._start()
        return made

    def _hear(self, blocks: Iterable[np.ndarray]) -> tuple[list[Word], bool]:
        known, moved = len(self._words), False
        for block in blocks:
            for first in range(0, len(block), SAMPLE_RATE):
                moved |= self._follow(self._segmenter.push(block[first : first + SAMPLE_RATE]))
        return self._words[known:], moved

    def _follow(self, events: Iterable[Any]) -> bool:
        """Whether there were outputs, or an end."""
        moved = False
        for event in events:
            if isinstance(event, Silence):
                self._words += self._writer.push(_nothing(event.outputs, self._recognizer))
                moved = True
            elif isinstance(event, Begin):
                self._acoustics, self._skip, self._given = self._recognizer.acoustics(), event.skip, 0
                moved |= self._give(self._acoustics.push(event.before))
            elif isinstance(event, End):
                assert self._acoustics is not None
                if event.pause:  # otherwise the next segment has the outputs it still owes
                    self._give(self._acoustics.finish())
                    if event.outputs is not None and event.outputs > self._given:  # the last window is not whole
                        self._words += self._writer.push(_nothing(event.outputs - self._given, self._recognizer))
                    self._words += self._writer.finish()
                    moved = True
            else:
                assert self._acoustics is not None
                moved |= self._give(self._acoustics.push(event))
        return moved

    def _give(self, outputs: np.ndarray) -> bool:
        used = outputs[self._skip :]
        self._skip = max(0, self._skip - len(outputs))
        self._given += len(used)
        self._words += self._writer.push(used)
        return len(used) > 0


def align(recognizer: Recognizer, source: Any, text: str, *, rate: int | None = None) -> Transcript:
    """When each word of a known text is spoken (the most probable CTC path: Graves et al. 2006, section 4.1).

    Args:
        recognizer: the model.
        source: what `lstm_models.io.audio.open_audio` takes, up to 30 minutes.
        text: what is said in it. Its words come back as they are written there, with capitals and commas.
        rate: samples a second of an array; 16,000 where missing.

    Raises:
        InputError: as `open_audio`; the recording is longer than 30 minutes; the text is empty, has characters the
            recogniser cannot write, or has more letters than the recording has room for.
    """
    import torch
    from torchaudio.functional import forced_align

    alphabet = recognizer.config.alphabet
    tokens = _spelt(text, alphabet)
    with open_audio(source, rate=rate) as audio:
        if audio.seconds is not None and audio.seconds > _LONGEST_ALIGNED:
            raise InputError(f"{audio.name} is longer than 30 minutes: align it in parts.")
        found = [outputs for outputs, _ in _heard(recognizer, _told(audio, None, _LONGEST_ALIGNED))]
        notes, seconds = audio.notes, audio.read
        told = "" if audio.name == "The recording" else audio.name
        name = audio.name
    outputs = np.concatenate(found) if found else np.zeros((0, len(alphabet) + 1), np.float32)
    labels = [alphabet.index(letter) + 1 for letter in " ".join(" ".join(parts) for _, parts in tokens)]
    needed = len(labels) + sum(a == b for a, b in itertools.pairwise(labels))
    if len(outputs) < needed:
        raise InputError(
            f"{name} is too short for this text: {seconds:.1f} s have room for {len(outputs)} characters, and the text "
            f"needs {needed}."
        )
    # A label that cannot be leaves no path: none is less likely than this
    log_probs = np.maximum(outputs, math.log(_NONE))
    path, _ = forced_align(torch.from_numpy(log_probs)[None], torch.tensor([labels], dtype=torch.int32))
    places = _places(path[0].tolist())
    shape = _Shape(recognizer)
    words, first = [], 0
    sures: list[float] = []
    for written, parts in tokens:
        last = first + len(" ".join(parts))
        spelt = [(labels[i], *places[i]) for i in range(first, last)]
        peaks = [float(log_probs[begin : end + 1, label].max()) for label, begin, end in spelt]
        sures.append(math.fsum(peaks) / len(peaks))
        confidence = math.exp(sures[-1])
        words.append(shape.word(Found(written, spelt[0][1], spelt[-1][2], math.fsum(peaks), confidence)))
        first = last + 1
    made = _transcript(words, seconds, told, notes)
    fits = math.exp(math.fsum(sures) / len(sures))
    if fits < _MISFIT:
        sentence = f"The text does not seem to be what is said in {told or 'the recording'}: on average a letter of it "
        made = replace(made, notes=(*made.notes, f"{sentence}is heard with a probability of {fits:.2g}."))
    return Transcript(" ".join(text.split()), made.words, made.duration, told, made.notes)


# Outputs -------------------------------------------------------------------------------------------------------------


def _told(audio: Audio, progress: Callable[[float], None] | None, most: float = math.inf) -> Iterator[np.ndarray]:
    for block in audio:
        if audio.read > most:
            raise InputError(f"{audio.name} is longer than {most / 60:g} minutes: align it in parts.")
        yield block
        if progress is not None:
            progress(audio.read)


def _segmenter(recognizer: Recognizer) -> Segmenter:
    """For its outputs, which need the rest of a window and those it looks ahead."""
    seconds, config = recognizer.seconds_per_output, recognizer.config
    delay = math.ceil(_BOTH_WAYS / seconds) + 1 if config.bidirectional else config.delay
    return Segmenter(round(config.cell * seconds * SAMPLE_RATE), delay, config.cell)


@dataclass(eq=False)
class _Segment:
    """What is heard in one go; nothing to hear where there are no samples."""

    samples: list[np.ndarray]
    skip: int
    outputs: int | None = None
    pause: bool = False


def _heard(recognizer: Recognizer, blocks: Iterable[np.ndarray]) -> Iterator[tuple[np.ndarray, bool]]:
    """The outputs `[k, labels]` of a recording, and whether a pause follows them: several segments in a batch."""
    window: list[_Segment] = []
    for segment in _segments(recognizer, blocks):
        window.append(segment)
        if len(window) == _WINDOW:
            yield from _run(recognizer, window)
            window = []
    yield from _run(recognizer, window)


def _segments(recognizer: Recognizer, blocks: Iterable[np.ndarray]) -> Iterator[_Segment]:
    segmenter = _segmenter(recognizer)
    segment = _Segment([], 0)
    silent = 0

    def events() -> Iterator[Any]:
        for block in blocks:
            yield from segmenter.push(block)
        yield from segmenter.finish()

    for event in events():
        if isinstance(event, Silence):
            silent += event.outputs
        elif isinstance(event, Begin):
            if silent:
                yield _Segment([], 0, silent)
            segment, silent = _Segment([event.before], event.skip), 0
        elif isinstance(event, End):
            segment.outputs, segment.pause = event.outputs, event.pause
            yield segment
        else:
            segment.samples.append(event)
    if silent:
        yield _Segment([], 0, silent)


def _run(recognizer: Recognizer, window: Sequence[_Segment]) -> Iterator[tuple[np.ndarray, bool]]:
    sounding = sorted((each for each in window if each.samples), key=lambda each: sum(map(len, each.samples)))
    found: dict[int, np.ndarray] = {}
    batch: list[_Segment] = []
    recordings: list[np.ndarray] = []
    for number, segment in enumerate(sounding):
        batch.append(segment)
        recordings.append(np.concatenate(segment.samples))
        following = sum(map(len, sounding[number + 1].samples)) if number + 1 < len(sounding) else 0
        # Those of like length together: what is filled up is heard, too
        longer = following > 1.4 * len(recordings[0]) + SAMPLE_RATE
        if not following or longer or following * (len(batch) + 1) > _BATCH_SECONDS * SAMPLE_RATE:
            for each, outputs in zip(batch, recognizer.log_probs(recordings), strict=True):
                end = None if each.outputs is None else each.skip + each.outputs
                found[id(each)] = outputs[each.skip : end]
                if end is not None and end > len(outputs):  # the last window is not whole
                    rest = _nothing(end - max(len(outputs), each.skip), recognizer)
                    found[id(each)] = np.concatenate([found[id(each)], rest])
            batch, recordings = [], []
    for segment in window:
        if segment.samples:
            yield found[id(segment)], segment.pause
        else:
            for first in range(0, segment.outputs or 0, 1000):
                yield _nothing(min(1000, (segment.outputs or 0) - first), recognizer), False


def _nothing(outputs: int, recognizer: Recognizer) -> np.ndarray:
    log_probs = np.full((outputs, len(recognizer.config.alphabet) + 1), math.log(_NONE), np.float32)
    log_probs[:, 0] = 0.0
    return log_probs


# Words ---------------------------------------------------------------------------------------------------------------


class _Shape:
    """Makes words of what a search found: times in seconds, in order, and calibrated confidences."""

    def __init__(self, recognizer: Recognizer) -> None:
        self._seconds, config = recognizer.seconds_per_output, recognizer.config
        self._shift, self._calibration = config.time_shift, config.calibration
        self.end = 0.0  # of the last word

    def word(self, found: Found) -> Word:
        """The next word; none begins before the one before it ends."""
        start = max(self.end, self._seconds * found.first + self._shift[0])
        end = max(start, self._seconds * (found.last + 1) + self._shift[1])
        self.end = end
        slope, bias = self._calibration
        share = min(max(found.confidence, 1e-6), 1 - 1e-6)
        confidence = 1 / (1 + math.exp(-slope * math.log(share / (1 - share)) - bias))
        return Word(found.text, confidence, start, end)


class _Writer:
    """A search and the words it makes."""

    def __init__(self, recognizer: Recognizer, lm: LanguageModel, hotwords: Iterable[str], beam: int | None) -> None:
        config = recognizer.config
        if beam is not None and (isinstance(beam, bool) or not isinstance(beam, int)):
            raise InputError(f"the beam must be a whole number, and is {beam!r}", usage=True)
        language = _language_model(recognizer, lm)
        given = [hotwords] if isinstance(hotwords, str) else list(hotwords)
        self._recognizer, self._language = recognizer, language
        self._options = SearchOptions(
            beam=config.beam if beam is None else beam,
            lm_weight=config.lm_weight if language is not None else 0.0,
            # The bonus makes up for what the language model takes for each word
            word_bonus=config.word_bonus if language is not None else 0.0,
            hotwords=tuple(_hotword(word, config.alphabet) for word in given),
        )
        self.restart()

    def restart(self) -> None:
        self._search = CTCSearch(self._recognizer.config.alphabet, self._options, self._language)
        self._shape = _Shape(self._recognizer)

    def push(self, outputs: np.ndarray) -> list[Word]:
        """The words that became final."""
        self._search.push(outputs)
        return [self._shape.word(found) for found in self._search.final()]

    def partial(self) -> list[Word]:
        """What seems to follow."""
        shape = _Shape(self._recognizer)
        shape.end = self._shape.end
        return [shape.word(found) for found in self._search.partial()]

    def finish(self) -> list[Word]:
        """The words before a pause."""
        return [self._shape.word(found) for found in self._search.finish()]


def _language_model(recognizer: Recognizer, lm: LanguageModel) -> NGram | None:
    if lm is False or lm is None or (lm is True and not recognizer.config.language_model):
        return None
    if lm is True:
        lm = recognizer.config.language_model
    made = _loaded(lm) if isinstance(lm, str) else lm
    from lstm_models.ngram.model import NGram

    if not isinstance(made, NGram):
        what = lm if isinstance(lm, str) else type(lm).__name__
        raise InputError(f"{what} is no language model for speech", usage=True)
    return made


@functools.lru_cache(2)
def _loaded(name: str) -> Any:
    from lstm_models.checkpoints import hub

    return hub.load(name)


def _transcript(words: Sequence[Word], seconds: float, source: str, notes: Iterable[str]) -> Transcript:
    """All words, none of them beyond the end of the recording."""
    within = tuple(
        word
        if word.end is None or word.end <= seconds
        else Word(word.text, word.confidence, min(word.start or 0.0, seconds), seconds)
        for word in words
    )
    return Transcript(" ".join(word.text for word in within), within, seconds, source, tuple(notes))


# Text ----------------------------------------------------------------------------------------------------------------


def _hotword(word: str, alphabet: str) -> str:
    if not isinstance(word, str) or not word.strip():
        raise InputError("a hot word is empty", usage=True)
    return " ".join(" ".join(parts) for _, parts in _spelt(word, alphabet, f"the hot word “{word}”"))


def _spelt(text: str, alphabet: str, told: str = "the text") -> list[tuple[str, list[str]]]:
    """The words of a text as they are written, each with the one or more words it is in the alphabet's letters.

    Raises:
        InputError: there are none, or a character cannot be written (``usage=True``).
    """
    from lstm_models.text.spelling import numbers_spoken, spoken

    made: list[tuple[str, list[str]]] = []
    begins = ""
    for written in text.split():
        parts = spoken(numbers_spoken(written), alphabet, told)
        if parts:
            made.append((f"{begins} {written}".strip(), parts))
            begins = ""
        elif made:  # a dash by itself
            made[-1] = (f"{made[-1][0]} {written}", made[-1][1])
        else:
            begins = f"{begins} {written}"
    if not made:
        raise InputError(f"{told} has no words", usage=True)
    return made


def _places(path: Sequence[int]) -> list[tuple[int, int]]:
    """The first and last output of each label on a path of labels and blanks."""
    places: list[tuple[int, int]] = []
    before = 0
    for t, label in enumerate(path):
        if label and label == before:
            places[-1] = (places[-1][0], t)
        elif label:
            places.append((t, t))
        before = label
    return places
