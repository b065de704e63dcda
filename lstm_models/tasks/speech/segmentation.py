"""Cuts speech of any length, as it comes, into segments of the length that an LSTM was trained on.

A segment ends at a pause. Speech without pauses is cut after a while: the next segment begins two seconds
earlier, and what it gives for these seconds is not used (it only has to get into the speech). The decisions need
nothing that comes later and fall at fixed places, so that a stream is cut as a file is, however it is pushed. Where
there is no sound at all there is no segment.

Pauses are found by energy: quiet is what lies little above the lowest level of late (minimum statistics: Martin 2001,
"Noise power spectral density estimation based on optimal smoothing and minimum statistics") or far below the highest.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from lstm_models.io.samples import SAMPLE_RATE

__all__ = ["Begin", "End", "Event", "Segmenter", "Silence"]

PAUSE = 0.6
"""Seconds of quiet that end a segment, and with it the words before it."""
SHORT_PAUSE, AFTER = 0.32, 12.0
"""Seconds of quiet at which speech is cut, once a segment is so many seconds long."""
LONGEST = 20.0
"""Seconds after which it is cut wherever it is."""
LEAD, OVERLAP = 0.32, 2.0
"""Seconds that a segment has before its first output that is used: after a pause, and within speech."""
SILENT = 1e-4
"""Amplitude below which there is no sound: three steps of 16 bits."""
_RISE, _FALL = 3.0, 3.0  # dB a second by which the lowest level rises and the highest falls
_ABOVE, _BELOW = 9.0, 35.0  # dB above the lowest level, and below the highest, that are quiet
_FRAMES = 4  # levels taken of a cell
_SPEECH = 3  # louder frames that make a segment one with speech


@dataclass(frozen=True, eq=False)
class Begin:
    """A segment begins: it is given ``before`` `[samples]` first, and its first ``skip`` outputs are not used."""

    before: np.ndarray
    skip: int


@dataclass(frozen=True)
class End:
    """The segment ends.

    Attributes:
        pause: whether at a pause (or at the end of all); otherwise the next segment goes on within speech.
        outputs: how many of its outputs are used; None for all there are.
    """

    pause: bool
    outputs: int | None


@dataclass(frozen=True)
class Silence:
    """Outputs in which there is no sound."""

    outputs: int


Event = Begin | End | Silence | np.ndarray
"""An array `[samples]` is what the segment is given next."""


class Segmenter:
    """Samples in, in pieces of any size; segments out, as events in order.

    The outputs used, with those of `Silence`, follow each other without a gap: the k-th is of the time
    ``k · cell / outputs / SAMPLE_RATE`` on.

    Args:
        cell: samples of the grid on which segments begin and end: some outputs of the model.
        delay: outputs that the model is behind: of so many cells it gives all but these.
        outputs: of a cell.
    """

    def __init__(self, cell: int, delay: int, outputs: int) -> None:
        self.cell, self.delay, self._outputs = cell, delay, outputs
        self._seconds = cell / SAMPLE_RATE
        self._lead, self._overlap = math.ceil(LEAD / self._seconds), math.ceil(OVERLAP / self._seconds)
        self._pause = math.ceil(PAUSE / self._seconds * _FRAMES)
        self._short = math.ceil(SHORT_PAUSE / self._seconds * _FRAMES)
        self._after, self._longest = (outputs * math.ceil(limit / self._seconds) for limit in (AFTER, LONGEST))
        self._restart()

    def _restart(self) -> None:
        self._past = np.zeros(0, np.float32)  # whole cells that a next segment may be given
        self._part = np.zeros(0, np.float32)  # of the cell that is not whole
        self._awake = False
        self._age = self._speech = self._quiet = 0  # outputs of this segment, its loud frames, its last quiet ones
        self._low, self._high = math.inf, -60.0

    def push(self, samples: np.ndarray) -> Iterator[Event]:
        """What ``samples [n]`` (float32, −1..1, 16 kHz) bring. Use the events up before the next push."""
        known = len(self._part)
        cells = np.concatenate([self._part, samples])
        whole = len(cells) // self.cell * self.cell
        self._part = cells[whole:].copy()
        levels, loud = self._measured(cells[:whole].reshape(-1, self.cell))
        given = known if self._awake else 0  # samples that were given as events
        kept = (self._overlap - -self.delay // self._outputs) * self.cell
        for number in range(whole // self.cell):
            start = number * self.cell
            if not self._awake:
                self._past = self._past[-self._lead * self.cell :]
                if not loud[number]:
                    yield from self._sleep(cells[start : start + self.cell])
                    given = start + self.cell
                    continue
                yield self._wake()
                given = start
            self._past = np.concatenate([self._past[-kept + self.cell :], cells[start : start + self.cell]])
            self._age += self._outputs
            pause = self._hear(levels[number])
            if pause is None:
                continue
            yield cells[given : start + self.cell]
            given = start + self.cell
            yield from self._cut(pause)
        if not self._awake and np.abs(self._part).max(initial=0.0) >= SILENT:
            self._past = self._past[-self._lead * self.cell :]
            yield self._wake()
            given = whole
        if self._awake and given < len(cells):
            yield cells[given:]

    def finish(self) -> Iterator[Event]:
        """The end of all; the segmenter is then as new."""
        if self._awake:
            yield End(pause=True, outputs=None)
        self._restart()

    def _sleep(self, cell: np.ndarray) -> Iterator[Event]:
        self._past = np.concatenate([self._past, cell])
        yield Silence(self._outputs)

    def _wake(self) -> Begin:
        self._awake = True
        self._age = self._speech = self._quiet = 0
        return Begin(self._past, self._outputs * (len(self._past) // self.cell))

    def _cut(self, pause: bool) -> Iterator[Event]:
        if pause:
            yield End(pause=True, outputs=self._age)
            self._awake = False
            return
        # Its last outputs would lack what comes next: they are the next segment's
        yield End(pause=False, outputs=self._age - self.delay)
        self._age = self.delay
        yield Begin(self._past, self._outputs * (len(self._past) // self.cell) - self.delay)

    def _hear(self, levels: list[float]) -> bool | None:
        """Whether the segment ends after a cell of these levels: True at a pause, False within speech."""
        for level in levels:
            step = self._seconds / _FRAMES
            self._low = min(level, self._low + _RISE * step)
            self._high = max(level, self._high - _FALL * step)
            if level < max(self._low + _ABOVE, self._high - _BELOW) and level < self._high - _ABOVE:
                self._quiet += 1
            else:
                self._quiet = 0
                self._speech += 1
        if self._quiet >= self._pause and self._speech >= _SPEECH:
            return True
        if self._age >= self._longest or (self._age >= self._after and self._quiet >= self._short):
            return False
        return None

    def _measured(self, cells: np.ndarray) -> tuple[list[list[float]], list[bool]]:
        """Levels in dB of each cell's frames `[cells, frames]`, and whether there is any sound in it `[cells]`."""
        frames = cells.reshape(len(cells), _FRAMES, self.cell // _FRAMES)
        power = frames.var(2, dtype=np.float64)  # without a constant that a microphone adds
        levels = 10 * np.log10(power + 1e-10)
        return levels.tolist(), (np.abs(cells).max(1, initial=0.0) >= SILENT).tolist()
