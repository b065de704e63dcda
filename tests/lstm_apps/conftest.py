"""A writer made of a few polylines, so that the demo is tested without the weights and in no time."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import pytest

from lstm_models.errors import InputError
from lstm_models.results import Drawing


class PolylineWriter:
    """Writes every letter as two waves and a full stop as a dot; the seed moves them, "é" becomes "e"."""

    styles = ("round", "steep")

    def __init__(self, pause: float = 0.0) -> None:
        self.pause = pause
        self.asked: list[tuple[str, str | None, float, int | None]] = []

    def stream(self, text: str, *, style: str | None, legibility: float, seed: int | None) -> Iterator[Drawing]:
        self.asked.append((text, style, legibility, seed))
        if not text.strip():
            raise InputError("there is no text to write", usage=True)
        if "☃" in text:
            raise InputError("“☃” <b>cannot</b> be written", usage=True)
        notes = ("“é” was written as “e”",) if "é" in text else ()
        rng = np.random.default_rng(seed)
        turn = np.linspace(0, 2 * np.pi, 12)
        strokes: list[np.ndarray] = []
        for place, letter in enumerate(text):
            if letter == ".":
                strokes.append(np.array([[14.0 * place, 0.0]]))
            elif letter.strip():
                height = 4 + ord(letter) % 9 + rng.normal(scale=1 - legibility)
                wave = np.column_stack([14 * place + turn * 1.6 + 2 * np.sin(turn), -height * (1 - np.cos(turn)) / 1.5])
                strokes += [wave, wave[:5] + np.array([0, 3])]
            time.sleep(self.pause)
            yield Drawing(tuple(strokes), text, style or "", seed, notes)


@pytest.fixture
def writer() -> PolylineWriter:
    return PolylineWriter()


@pytest.fixture(scope="session")
def slow_writer() -> PolylineWriter:
    """Slow enough that a browser sees the drawing grow."""
    return PolylineWriter(pause=0.02)
