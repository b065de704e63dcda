"""The outputs of a recording: its segments, several in a batch, those of like length together."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from lstm_models.io.samples import SAMPLE_RATE
from lstm_models.tasks.speech.segmentation import Begin, End, Event, Segmenter, Silence

if TYPE_CHECKING:
    from lstm_models.tasks.speech.config import RecognizerConfig

__all__ = ["AcousticModel", "Segment", "batched_outputs", "outputs_of", "segmenter_for", "silent_outputs"]

_WINDOW = 16  # segments that are sorted by length to be batched
_BATCH_SECONDS = 120.0  # of a batch, padding included
_BOTH_WAYS = 2.0  # seconds that a bidirectional recogniser is given after what is used of a segment
_IMPOSSIBLE = 1e-9  # probability of a label where there is no sound


class AcousticModel(Protocol):
    """What turns sound into outputs: ``Recognizer`` is one."""

    @property
    def config(self) -> RecognizerConfig: ...

    @property
    def seconds_per_output(self) -> float: ...

    def log_probs(self, recordings: Sequence[np.ndarray], /) -> list[np.ndarray]:
        """Log probabilities [outputs, labels] of each recording ``[samples]``."""


def segmenter_for(recognizer: AcousticModel) -> Segmenter:
    """One for its outputs, which need the rest of a window and those it looks ahead."""
    seconds, config = recognizer.seconds_per_output, recognizer.config
    delay = math.ceil(_BOTH_WAYS / seconds) + 1 if config.bidirectional else config.delay
    return Segmenter(round(config.cell * seconds * SAMPLE_RATE), delay, config.cell)


@dataclass(eq=False)
class Segment:
    """What the network is given at once; silence where there are no samples.

    Attributes:
        samples: blocks of sound.
        skip: how many of the first outputs are not used.
        outputs: how many are used after them; None for all there are.
        pause: whether a pause follows.
    """

    samples: list[np.ndarray]
    skip: int
    outputs: int | None = None
    pause: bool = False


def batched_outputs(recognizer: AcousticModel, blocks: Iterable[np.ndarray]) -> Iterator[tuple[np.ndarray, bool]]:
    """The outputs ``[k, labels]`` of a recording, in order, and whether a pause follows them."""
    window: list[Segment] = []
    for segment in _segments(recognizer, blocks):
        window.append(segment)
        if len(window) == _WINDOW:
            yield from _run(recognizer, window)
            window = []
    yield from _run(recognizer, window)


def _segments(recognizer: AcousticModel, blocks: Iterable[np.ndarray]) -> Iterator[Segment]:
    segmenter = segmenter_for(recognizer)
    segment = Segment([], 0)
    silent = 0

    def events() -> Iterator[Event]:
        for block in blocks:
            yield from segmenter.push(block)
        yield from segmenter.finish()

    for event in events():
        if isinstance(event, Silence):
            silent += event.outputs
        elif isinstance(event, Begin):
            if silent:
                yield Segment([], 0, silent)
            segment, silent = Segment([event.before], event.skip), 0
        elif isinstance(event, End):
            segment.outputs, segment.pause = event.outputs, event.pause
            yield segment
        else:
            segment.samples.append(event)
    if silent:
        yield Segment([], 0, silent)


def outputs_of(recognizer: AcousticModel, segments: Sequence[Segment]) -> list[np.ndarray]:
    """The outputs ``[k, labels]`` that are used of segments with sound, run as one batch."""
    used = []
    found = recognizer.log_probs([np.concatenate(segment.samples) for segment in segments])
    for segment, outputs in zip(segments, found, strict=True):
        end = None if segment.outputs is None else segment.skip + segment.outputs
        kept = outputs[segment.skip : end]
        if end is not None and end > len(outputs):  # the last window is not whole
            rest = silent_outputs(end - max(len(outputs), segment.skip), recognizer)
            kept = np.concatenate([kept, rest])
        used.append(kept)
    return used


def _run(recognizer: AcousticModel, window: Sequence[Segment]) -> Iterator[tuple[np.ndarray, bool]]:
    """All segments of the window, in order; those of like length share a batch, since padding costs as much."""
    sounding = sorted((each for each in window if each.samples), key=_length)
    found: dict[int, np.ndarray] = {}
    batch: list[Segment] = []
    for number, segment in enumerate(sounding):
        batch.append(segment)
        following = _length(sounding[number + 1]) if number + 1 < len(sounding) else 0
        longer = following > 1.4 * _length(batch[0]) + SAMPLE_RATE
        if not following or longer or following * (len(batch) + 1) > _BATCH_SECONDS * SAMPLE_RATE:
            for each, outputs in zip(batch, outputs_of(recognizer, batch), strict=True):
                found[id(each)] = outputs
            batch = []
    for segment in window:
        if segment.samples:
            yield found[id(segment)], segment.pause
        else:
            for first in range(0, segment.outputs or 0, 1000):
                yield silent_outputs(min(1000, (segment.outputs or 0) - first), recognizer), False


def _length(segment: Segment) -> int:
    return sum(map(len, segment.samples))


def silent_outputs(count: int, recognizer: AcousticModel) -> np.ndarray:
    """Outputs ``[count, labels]`` of silence: the blank, and nothing else."""
    log_probs = np.full((count, len(recognizer.config.alphabet) + 1), math.log(_IMPOSSIBLE), np.float32)
    log_probs[:, 0] = 0.0
    return log_probs
