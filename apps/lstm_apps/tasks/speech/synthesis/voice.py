"""One voice of a text-to-speech engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

__all__ = ["Say", "Voice"]

Say = Callable[[str, float, float, int], tuple[np.ndarray, int]]


@dataclass(frozen=True)
class Voice:
    """One voice of an engine.

    Attributes:
        name: with the engine's in front, such as "flite_slt".
        say: (text, pitch in semitones, rate as a factor, seed) -> (float32 [samples], samples a second).
        pitch: lowest and highest pitch it can be asked for, in semitones from its own.
    """

    name: str
    say: Say
    pitch: tuple[int, int]
