"""Microphones of the demo's visitors: each has a stream of the recogniser, for so long and not longer.

A browser sends what its microphone hears as short WAV files, twice a second or oftener. `Microphones` keeps, for each
visitor, the stream they go into and the words found so far. What a visitor leaves behind goes with the next start.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from lstm_models.errors import InputError
from lstm_models.io.samples import HIGHEST_RATE, LOWEST_RATE
from lstm_models.results import Word

__all__ = ["LONGEST", "Heard", "Microphones", "read_chunk"]

LONGEST = 600.0
"""Seconds of speech that the demo takes at a time, from a microphone or a file."""
_LONGEST_CHUNK = 10.0  # seconds that a page sends at a time: a third of one, more where the machine is busy
_MOST_CHANNELS = 2
_MOST = 8  # microphones at once
_IDLE = 60.0  # seconds without sound after which a microphone counts as gone


class Stream(Protocol):
    """What is needed of a recogniser's stream; `lstm_models.tasks.speech.streaming.Stream` is one."""

    def push(self, samples: np.ndarray, rate: int | None = None) -> Any: ...  # fmt: skip

    def finish(self) -> Any: ...  # fmt: skip


class Heard:
    """What a microphone has heard so far.

    Attributes:
        final: the words that will not change any more.
        partial: the words that seem to follow.
        seconds: how long it has listened.
        transcript: all of it, once it has ended.
    """

    def __init__(self, open_stream: Callable[[], Stream]) -> None:
        self.final: list[Word] = []
        self.partial: tuple[Word, ...] = ()
        self.seconds = 0.0
        self.transcript: Any = None
        self._open = open_stream
        self._stream: Stream | None = None
        self._lock = threading.Lock()
        self._ended = False
        self.last = time.monotonic()

    @property
    def full(self) -> bool:
        """Whether it has listened as long as it may."""
        return self.seconds >= LONGEST

    def open(self) -> None:
        """Make the stream, so that a wrong option is reported before anybody speaks.

        Raises:
            InputError: the model cannot be loaded, or an option is not what it should be.
        """
        with self._lock:
            try:
                if self._stream is None and not self._ended:
                    self._stream = self._open()
            except InputError:
                self._ended = True
                raise

    def push(self, samples: np.ndarray, rate: int) -> bool:
        """Hear ``samples [n]`` or ``[n, channels]`` float32; False where it has ended.

        Raises:
            InputError: the samples or their rate cannot be heard; it has ended then.
        """
        with self._lock:
            self.last = time.monotonic()
            if self._ended or self._stream is None:
                return False
            samples = samples[: int((LONGEST - self.seconds) * rate) + 1]
            try:
                update = self._stream.push(samples, rate)
            except InputError:
                self._ended, self._stream = True, None
                raise
            self.final += update.final
            self.partial = tuple(update.partial)
            self.seconds += len(samples) / rate
            if self.full:
                self._finish()
            return not self._ended

    def finish(self) -> Any:
        """The transcript of everything; None where nothing was heard."""
        with self._lock:
            if not self._ended and self._stream is not None:
                self._finish()
            self._ended = True
            return self.transcript

    def _finish(self) -> None:
        assert self._stream is not None
        self.transcript = self._stream.finish() if self.seconds else None
        self._ended, self._stream = True, None
        self.final = list(self.transcript.words) if self.transcript is not None else []
        self.partial = ()


class Microphones:
    """The microphones that are on, by their visitors.

    Args:
        most: how many may be on at once.
    """

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._on: dict[str, Heard] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._on)

    def start(self, visitor: str, open_stream: Callable[[], Stream]) -> Heard:
        """Begin anew for a visitor.

        Raises:
            InputError: too many are on.
        """
        with self._lock:
            now = time.monotonic()
            self._on = {
                key: heard for key, heard in self._on.items() if key != visitor and now - heard.last < _IDLE
            }  # fmt: skip
            if len(self._on) >= self._most:
                raise InputError(
                    f"{self._most} people speak to this demo at the moment; try again in a minute, or send a recording."
                )
            self._on[visitor] = Heard(open_stream)
            return self._on[visitor]

    def get(self, visitor: str) -> Heard | None:
        """What the visitor's microphone has heard; None where it is off."""
        return self._on.get(visitor)

    def stop(self, visitor: str) -> Heard | None:
        """Forget the visitor, and give back what was heard last; None where the microphone was off."""
        with self._lock:
            return self._on.pop(visitor, None)


def read_chunk(path: str) -> tuple[np.ndarray, int]:
    """Samples ``[n, channels]`` float32 of what a browser sent, and their rate.

    Raises:
        InputError: it is no sound, or has more seconds, channels or samples a second than a microphone sends at a time.
    """
    import soundfile

    try:
        with soundfile.SoundFile(path) as sound:
            rate, seconds = sound.samplerate, sound.frames / sound.samplerate
            if sound.channels > _MOST_CHANNELS or not LOWEST_RATE <= rate <= HIGHEST_RATE or seconds > _LONGEST_CHUNK:
                raise InputError(
                    f"The microphone sends {seconds:,.0f} s of {sound.channels} channels at {rate:,} Hz at a time; the "
                    f"demo takes {_LONGEST_CHUNK:g} s of {_MOST_CHANNELS}, from {LOWEST_RATE:,} to {HIGHEST_RATE:,} Hz."
                )
            # Not by what the header promises: what is read is bounded whatever the file says
            return sound.read(int(_LONGEST_CHUNK * rate), dtype="float32", always_2d=True), rate
    except InputError:
        raise
    except (soundfile.SoundFileError, RuntimeError, OSError, ValueError, MemoryError) as error:
        raise InputError("The microphone sends something that is not sound.") from error
