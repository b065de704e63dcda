"""A recogniser that counts: for every half second that is not silent it says the next word."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from lstm_models.errors import InputError
from lstm_models.io.audio import open_audio
from lstm_models.results import Word
from lstm_models.tasks.speech.results import Transcript

RATE = 16_000
SAID = ("one", "two", "three", "<b>four", "five", "six", "seven", "eight", "nine", "ten")
SURE = (0.97, 0.71, 0.3)


class CountingStream:
    """The last word is partial until the next one begins."""

    def __init__(self, pause: float) -> None:
        self._pause = pause
        self._heard: list[np.ndarray] = []
        self._given = 0

    def push(self, samples: np.ndarray, rate: int = RATE) -> SimpleNamespace:
        time.sleep(self._pause)
        if rate == 12_345:
            raise InputError("a rate of <b>12,345</b> is not heard")
        audio = open_audio(np.asarray(samples), rate=rate)
        self._heard += list(audio)
        found = self._words()
        final = found[self._given : max(0, len(found) - 1)]
        self._given = max(0, len(found) - 1)
        return SimpleNamespace(final=tuple(final), partial=tuple(found[-1:]))

    def finish(self) -> Transcript:
        found = self._words()
        seconds = sum(map(len, self._heard)) / RATE
        return Transcript(" ".join(word.text for word in found), tuple(found), seconds)

    def _words(self) -> list[Word]:
        heard = np.concatenate([*self._heard, np.zeros(0, np.float32)])
        found: list[Word] = []
        for place, begin in enumerate(range(0, len(heard) - RATE // 2 + 1, RATE // 2)):
            if np.abs(heard[begin : begin + RATE // 2]).max() > 0.01:
                number = len(found)
                start = place / 2
                found.append(Word(SAID[number % len(SAID)], SURE[number % len(SURE)], start + 0.1, start + 0.4))
        return found


class CountingRecognizer:
    """Refuses the hot word "zebra"."""

    def __init__(self, pause: float = 0.0) -> None:
        self.pause = pause
        self.asked: list[dict[str, Any]] = []

    def stream(self, **options: Any) -> CountingStream:
        self.asked.append(options)
        if "zebra" in options["hotwords"]:
            raise InputError("the hot word “zebra” <b>cannot</b> be heard", usage=True)
        return CountingStream(self.pause)

    def align(self, source: Any, text: str, *, rate: int) -> Transcript:
        if "9" in text:
            raise InputError("“9” <b>cannot</b> be aligned", usage=True)
        said = text.split()
        step = len(source) / rate / len(said)
        found = tuple(Word(word, 0.9, step * n, step * (n + 0.9)) for n, word in enumerate(said))
        return Transcript(text, found, len(source) / rate)


@pytest.fixture
def recognizer() -> CountingRecognizer:
    return CountingRecognizer()


def loud(seconds: float, rate: int = RATE) -> np.ndarray:
    """A tone `[n]` float32."""
    return (0.3 * np.sin(2 * np.pi * 440 / rate * np.arange(round(seconds * rate)))).astype(np.float32)


@pytest.fixture
def tone(tmp_path: Path) -> Path:
    """A recording of 2.6 s: five words."""
    import soundfile

    path = tmp_path / "Talk & tone.wav"
    soundfile.write(path, loud(2.6), RATE)
    return path
