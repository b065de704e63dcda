"""Tempo and pitch, each without the other.

Run: python -m pytest tests/lstm_datasets/speech/test_augmentation_voices.py
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lstm_datasets.speech.augmentation import Augmentation

RATE = 16_000
STILL = Augmentation(speed=0, gain=0, color=0, noise=0, babble=0, room=0, telephone=0)


class Highest(np.random.Generator):
    """Chance that always takes the largest value."""

    def __init__(self) -> None:
        super().__init__(np.random.PCG64(0))

    def uniform(self, low: float = 0.0, high: float = 1.0, size: None = None) -> float:  # type: ignore[override]
        return high


def tone(hertz: float, seconds: float = 1.0) -> np.ndarray:
    return (0.3 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE)).astype(np.float32)


def hertz(samples: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(spectrum.argmax() * RATE / len(samples))


def test_pitch_rises_by_semitones_and_the_length_stays() -> None:
    """Twelve semitones are an octave."""
    found = replace(STILL, pitch=12.0).sound(tone(440), None, Highest())
    assert len(found) == RATE
    assert hertz(found) == pytest.approx(880, rel=0.02)


def test_tempo_shortens_and_the_pitch_stays() -> None:
    found = replace(STILL, stretch=0.25).sound(tone(440), None, Highest())
    assert len(found) == pytest.approx(RATE / 1.25, abs=2)
    assert hertz(found) == pytest.approx(440, rel=0.02)


def test_without_them_chance_is_taken_as_before() -> None:
    one, other = (Augmentation().sound(tone(300), None, np.random.default_rng(5)) for _ in range(2))
    assert (one == other).all()


def test_out_of_range() -> None:
    with pytest.raises(ValueError, match="stretch must be from 0 to below"):
        Augmentation(stretch=0.5)
    with pytest.raises(ValueError, match="pitch must be 0 or more"):
        Augmentation(pitch=-1)
