"""Words as they are spoken: what ``Recognizer.stream`` gives.

    live = recognizer.stream(rate=48_000)
    update = live.push(samples)         # update.final, update.partial
    transcript = live.finish()

* A stream is cut into segments by the rules that a recording is cut by, so its final words are those that
  ``transcribe`` finds in all of it.
* Where the acoustic stream gives the outputs of one pass, words become final one by one. A recogniser with an acoustic
  encoder reads a stream through a window, which costs it accuracy: what it finds so is shown as partial, and when a
  segment ends (at a pause, or after 20 seconds) the network reads the whole segment once more for the final words (two
  passes: Sainath et al. 2019, arXiv:1908.10992).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from lstm_models.io.samples import SAMPLE_RATE, Resampler, mono
from lstm_models.results import Word
from lstm_models.tasks.speech.acoustic_stream import AcousticStream
from lstm_models.tasks.speech.decoding import TranscribeOptions, WordDecoder, as_transcript
from lstm_models.tasks.speech.live_punctuation import LivePunctuation
from lstm_models.tasks.speech.results import Transcript, WordPunctuator
from lstm_models.tasks.speech.segment_outputs import (
    AcousticModel,
    Segment,
    outputs_of,
    segmenter_for,
    silent_outputs,
)
from lstm_models.tasks.speech.segmentation import Begin, End, Event, Silence

__all__ = ["Stream", "StreamUpdate", "StreamingModel", "stream"]

_PREVIEW_BEAM = 16  # hypotheses of a first pass, whose words the second one replaces


class StreamingModel(AcousticModel, Protocol):
    """What a stream needs of a recogniser."""

    def acoustics(self) -> AcousticStream: ...


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


def stream(
    recognizer: StreamingModel,
    options: TranscribeOptions = TranscribeOptions(),  # noqa: B008 - frozen
    *,
    rate: int = SAMPLE_RATE,
    partial: bool = True,
    punctuate: WordPunctuator | None = None,
) -> Stream:
    """A recording that arrives in pieces; see ``Recognizer.stream``."""
    words: _FirstPass | _SecondPass
    if not partial:
        words = _SecondPass(recognizer, options, None)
    elif (first := _FirstPass(recognizer, options)).exact:
        words = first
    else:
        beam = min(_PREVIEW_BEAM, options.beam or recognizer.config.beam)
        first = _FirstPass(recognizer, replace(options, beam=beam), preview=True)
        words = _SecondPass(recognizer, options, first)
    return Stream(recognizer, words, rate, punctuate)


class Stream:
    """A recording that arrives in pieces; made by `stream`. However it is cut into pushes, the words are the same."""

    def __init__(
        self, recognizer: AcousticModel, words: _FirstPass | _SecondPass, rate: int, punctuate: WordPunctuator | None
    ) -> None:
        self._recognizer, self._decoder, self._punctuator, self.rate = recognizer, words, punctuate, rate
        self._start()

    def _start(self) -> None:
        self._resampler = Resampler(self.rate)
        self._segmenter = segmenter_for(self._recognizer)
        self._punctuation = None if self._punctuator is None else LivePunctuation(self._punctuator)
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
        blocks = []
        if rate is not None and rate != self.rate:
            resampler = Resampler(rate)
            blocks.append(self._resampler.finish())
            self._before, self._count = self._seconds, 0
            self._resampler, self.rate = resampler, rate
        self._count += len(values)
        blocks.append(self._resampler.push(values))
        final = self._read(blocks)
        if self._decoder.moved:
            self._decoder.moved = False
            self._partial = tuple(self._decoder.partial())
            if self._punctuation is not None:
                final, self._partial = self._punctuation.update(final, self._partial)
        self._words += final
        return StreamUpdate(tuple(final), self._partial)

    def finish(self) -> Transcript:
        """All words. The stream is then as new."""
        rest = [*self._read([self._resampler.finish()]), *self._follow(self._segmenter.finish())]
        rest += self._decoder.finish()
        self._words += rest if self._punctuation is None else self._punctuation.finish(rest)
        transcript = as_transcript(self._words, self._seconds, "", ())
        self._decoder.restart()
        self._start()
        return transcript

    def _read(self, blocks: Iterable[np.ndarray]) -> list[Word]:
        """The words that became final."""
        words = []
        for block in blocks:
            for first in range(0, len(block), SAMPLE_RATE):
                words += self._follow(self._segmenter.push(block[first : first + SAMPLE_RATE]))
        return words

    def _follow(self, events: Iterable[Event]) -> list[Word]:
        words: list[Word] = []
        for event in events:
            if isinstance(event, Silence):
                words += self._decoder.silence(event.outputs)
            elif isinstance(event, Begin):
                words += self._decoder.begin(event)
            elif isinstance(event, End):
                words += self._decoder.end(event)
            else:
                words += self._decoder.push(event)
        return words


class _FirstPass:
    """Words of the outputs of an acoustic stream, as they come; every method gives the words that became final.

    Attributes:
        moved: whether there were outputs, or an end, since it was last set to False.
        exact: whether the outputs are those of one pass.
    """

    def __init__(self, recognizer: StreamingModel, options: TranscribeOptions, *, preview: bool = False) -> None:
        self._recognizer, self._decoder = recognizer, WordDecoder(recognizer, options, preview=preview)
        self.exact = recognizer.acoustics().exact  # raises where there can be no stream
        self._begin_recording()

    def _begin_recording(self) -> None:
        self._acoustics: AcousticStream | None = None
        self._skip = self._given = 0
        self.moved = False

    def restart(self) -> None:
        self._decoder.restart()
        self._begin_recording()

    def silence(self, outputs: int) -> list[Word]:
        self.moved = True
        return self._decoder.push(silent_outputs(outputs, self._recognizer))

    def begin(self, event: Begin) -> list[Word]:
        self._acoustics, self._skip, self._given = self._recognizer.acoustics(), event.skip, 0
        return self.push(event.before)

    def push(self, samples: np.ndarray) -> list[Word]:
        assert self._acoustics is not None
        return self._use(self._acoustics.push(samples))

    def end(self, event: End) -> list[Word]:
        assert self._acoustics is not None
        if not event.pause:  # the next segment has the outputs that are left
            return []
        words = self._use(self._acoustics.finish())
        if event.outputs is not None and event.outputs > self._given:  # the last window is not whole
            words += self._decoder.push(silent_outputs(event.outputs - self._given, self._recognizer))
        self.moved = True
        return words + self._decoder.finish()

    def partial(self) -> list[Word]:
        return self._decoder.partial()

    def finish(self) -> list[Word]:
        return self._decoder.finish()

    def _use(self, outputs: np.ndarray) -> list[Word]:
        used = outputs[self._skip :]
        self._skip = max(0, self._skip - len(outputs))
        self._given += len(used)
        self.moved = self.moved or len(used) > 0
        return self._decoder.push(used)


class _SecondPass:
    """Words of whole segments, final when a segment ends; until then, what a first pass finds is partial.

    Attributes:
        moved: whether the partial words may have changed since it was last set to False.
    """

    def __init__(self, recognizer: AcousticModel, options: TranscribeOptions, first: _FirstPass | None) -> None:
        self._recognizer, self._decoder, self._first = recognizer, WordDecoder(recognizer, options), first
        self._begin_recording()

    def _begin_recording(self) -> None:
        self._segment = Segment([], 0)
        self._outputs = 0  # so many are decoded
        self._shown: list[Word] = []  # by the first pass, after those
        self.moved = False

    def restart(self) -> None:
        self._decoder.restart()
        if self._first is not None:
            self._first.restart()
        self._begin_recording()

    def silence(self, outputs: int) -> list[Word]:
        if self._first is not None:
            self._first.silence(outputs)
        return self._decode(silent_outputs(outputs, self._recognizer))

    def begin(self, event: Begin) -> list[Word]:
        self._segment = Segment([event.before], event.skip)
        return self._show([] if self._first is None else self._first.begin(event))

    def push(self, samples: np.ndarray) -> list[Word]:
        self._segment.samples.append(samples)
        return self._show([] if self._first is None else self._first.push(samples))

    def end(self, event: End) -> list[Word]:
        self._segment.outputs, self._segment.pause = event.outputs, event.pause
        if self._first is not None:
            self._show(self._first.end(event))
        words = self._decode(outputs_of(self._recognizer, [self._segment])[0])
        self._segment = Segment([], 0)
        if event.pause:
            words += self._decoder.finish()
            self._shown = []
        return words

    def partial(self) -> list[Word]:
        if self._first is None:
            return self._decoder.partial()
        self._shown = self._undecided(self._shown)
        return [*self._decoder.partial(), *self._shown, *self._undecided(self._first.partial())]

    def finish(self) -> list[Word]:
        return self._decoder.finish()

    def _show(self, words: list[Word]) -> list[Word]:
        self._shown += words
        if self._first is not None and self._first.moved:
            self._first.moved, self.moved = False, True
        return []

    def _decode(self, outputs: np.ndarray) -> list[Word]:
        self.moved = True
        self._outputs += len(outputs)
        return self._decoder.push(outputs)

    def _undecided(self, words: Sequence[Word]) -> list[Word]:
        """The words of the first pass that begin after what the second one has decoded."""
        end = self._outputs * self._recognizer.seconds_per_output
        return [word for word in words if (word.start or 0.0) >= end]
