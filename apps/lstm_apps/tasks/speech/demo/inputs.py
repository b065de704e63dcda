"""What visitors of the speech tab send, checked: recordings, hot words, texts to align."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import numpy as np

from lstm_apps.tasks.speech.demo.microphones import LONGEST
from lstm_models.errors import InputError

__all__ = ["MAX_HOTWORDS", "MAX_TEXT", "known_text", "listed", "minutes", "samples_of"]

MAX_HOTWORDS = 100
MAX_TEXT = 20_000
"""Characters of a text to align."""
_MAX_HOTWORD = 60  # characters


def listed(text: str | None) -> tuple[str, ...]:
    """The hot words of a text, which commas, semicolons or line breaks divide, in lower case.

    Raises:
        InputError: there are too many, or one is too long.
    """
    found = tuple(dict.fromkeys(" ".join(part.lower().split()) for part in re.split(r"[,;\n]", text or "")))
    found = tuple(word.replace("’", "'") for word in found if word)
    if len(found) > MAX_HOTWORDS:
        raise InputError(f"There are {len(found)} hot words; the demo takes {MAX_HOTWORDS}.", usage=True)
    for word in found:
        if len(word) > _MAX_HOTWORD:
            raise InputError(f"The hot word “{word[:20]}…” is longer than {_MAX_HOTWORD} letters.", usage=True)
    return found


def known_text(text: str | None) -> str:
    """A text to align.

    Raises:
        InputError: there is none, or it is too long.
    """
    if not text or not text.strip():
        raise InputError("There is no text to align yet: write the words of the recording.", usage=True)
    if len(text) > MAX_TEXT:
        raise InputError(f"The text has {len(text):,} characters; the demo takes {MAX_TEXT:,}.", usage=True)
    return text


def samples_of(path: str) -> tuple[np.ndarray, list[str]]:
    """The recording ``[n]`` float32 mono at 16 kHz, and what is wrong with it that leaves something to hear.

    Raises:
        InputError: it cannot be read, or is longer than the demo takes.
    """
    from lstm_models.io.audio import open_audio

    name = Path(path).name
    with open_audio(path, name=name) as audio:
        blocks = []
        if audio.seconds is None or audio.seconds <= LONGEST:
            blocks = list(itertools.takewhile(lambda _: audio.read <= LONGEST, audio))
        if audio.read > LONGEST or not blocks:
            raise InputError(
                f"{name} is longer than {minutes(LONGEST)}, the most that the demo takes; lstm-models transcribe, on "
                "your own machine, takes recordings of any length."
            )
    return np.concatenate(blocks), audio.notes


def minutes(seconds: float) -> str:
    """A time in whole minutes."""
    return f"{round(seconds / 60)} minutes"
