"""A recogniser that hears tones: each letter is one of its own, so that what it writes is known without training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np

from lstm_models.errors import InputError
from lstm_models.tasks.speech.alignment import align
from lstm_models.tasks.speech.config import ALPHABET
from lstm_models.tasks.speech.decoding import TranscribeOptions, transcribe
from lstm_models.tasks.speech.results import Transcript, WordPunctuator
from lstm_models.tasks.speech.streaming import Stream, stream

TEXT = "hello world|this is a test|" + "and so on it goes without an end " * 20 + "|_____ok_|__|||then"


def plain(text: str) -> str:
    """What is spoken in sound that `say` made of a text."""
    return " ".join(text.replace("|", " ").replace("_", " ").split())


OUTPUT = 640  # samples
NOISE = 2e-3


def say(text: str, *, rate: int = 16_000, seed: int = 0, letter: float = 0.08) -> np.ndarray:
    """Tones of 40 ms and noise, ``letter`` seconds each; "|" is a second of noise, "_" half a second of zeros."""
    generator = np.random.default_rng(seed)
    parts = []
    for character in text:
        if character == "_":
            parts.append(np.zeros(rate // 2))
            continue
        size = rate if character == "|" else round(letter * rate)
        part = generator.normal(scale=NOISE, size=size)
        if character != "|":
            time = np.arange(round(0.04 * rate)) / rate
            part[: len(time)] += 0.3 * np.sin(2 * np.pi * frequency(ALPHABET.index(character)) * time)
        parts.append(part)
    return np.concatenate(parts or [np.zeros(0)]).astype(np.float32)


def frequency(number: int) -> float:
    """Hz, a whole number of waves in an output."""
    return 300.0 + 75 * number


class ToneRecognizer:
    """Has what ``tasks.speech`` needs of ``Recognizer``; gives outputs a while after what they are of."""

    seconds_per_output = 0.04

    def __init__(self, lookahead: int = 6, bidirectional: bool = False) -> None:
        self.config = SimpleNamespace(
            alphabet=ALPHABET, bidirectional=bidirectional, lookahead=lookahead, calibration=(1.0, 0.0),
            evidence_calibration=(),
            cell=2, delay=lookahead + 1,
            time_shift=(0.0, 0.0), language_model="", beam=4, lm_weight=0.5, word_bonus=0.5, gap=10.0,
            token_floor=-7.0,
        )  # fmt: skip
        self.heard = 0  # samples
        self.longest = 0

    def log_probs(self, recordings: Sequence[np.ndarray]) -> list[np.ndarray]:
        self.heard += sum(map(len, recordings))
        self.longest = max(self.longest, *map(len, recordings))
        return [outputs(samples) for samples in recordings]

    def acoustics(self) -> ToneStream:
        if self.config.bidirectional:
            raise InputError("a bidirectional recogniser hears whole recordings only")
        return ToneStream(self.config.lookahead)

    def transcribe(
        self,
        source: Any,
        *,
        rate: int | None = None,
        progress: Callable[[float], None] | None = None,
        punctuate: WordPunctuator | None = None,
        **options: Any,
    ) -> Transcript:
        return transcribe(self, source, TranscribeOptions(**options), rate=rate, progress=progress, punctuate=punctuate)

    def stream(
        self,
        *,
        rate: int = 16_000,
        partial: bool = True,
        punctuate: WordPunctuator | None = None,
        **options: Any,
    ) -> Stream:
        return stream(self, TranscribeOptions(**options), rate=rate, partial=partial, punctuate=punctuate)

    def align(self, source: Any, text: str, *, rate: int | None = None) -> Transcript:
        return align(self, source, text, rate=rate)


class ToneStream:
    """As ``AcousticStream``: outputs come when those it looks ahead, and the rest of a window, have been heard."""

    exact = True

    def __init__(self, lookahead: int) -> None:
        self.lookahead = lookahead
        self.samples = np.zeros(0, np.float32)
        self.given = 0

    def push(self, samples: np.ndarray) -> np.ndarray:
        self.samples = np.concatenate([self.samples, samples])
        steps = (len(self.samples) - 352) // OUTPUT - self.lookahead - self.given
        if steps < 1:
            return outputs(self.samples[:0])
        self.given += steps
        return outputs(self.samples[OUTPUT * (self.given - steps) : OUTPUT * self.given])

    def finish(self) -> np.ndarray:
        made = outputs(self.samples[OUTPUT * self.given :])
        self.samples, self.given = np.zeros(0, np.float32), 0
        return made


def outputs(samples: np.ndarray) -> np.ndarray:
    """Log probabilities [outputs, labels], the last one of what is left."""
    count = -(-len(samples) // OUTPUT)
    frames = np.pad(samples, (0, count * OUTPUT - len(samples))).reshape(count, OUTPUT)
    spectrum = np.abs(np.fft.rfft(frames, axis=1)) / OUTPUT
    bins = [round(frequency(number) * OUTPUT / 16_000) for number in range(len(ALPHABET))]
    heard = spectrum[:, bins]
    scores = np.full((count, len(ALPHABET) + 1), 0.02)
    scores[:, 1:] += 60 * heard
    scores[:, 0] += 1.5
    return np.log(scores / scores.sum(1, keepdims=True)).astype(np.float32)
