"""What a page's microphone may send at a time.

Run: python -m pytest tests/lstm_apps/tasks/speech/demo/test_microphones.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from lstm_apps.tasks.speech.demo.microphones import read_chunk
from lstm_models.errors import InputError


def chunk(folder: Path, seconds: float, rate: int, channels: int) -> str:
    path = folder / "chunk.wav"
    soundfile.write(path, np.zeros((round(seconds * rate), channels), np.int16), rate)
    return str(path)


def test_a_chunk_is_read(tmp_path: Path) -> None:
    samples, rate = read_chunk(chunk(tmp_path, 0.5, 48_000, 2))
    assert (samples.shape, samples.dtype, rate) == ((24_000, 2), np.float32, 48_000)


@pytest.mark.parametrize(("seconds", "rate", "channels"), [(11, 8_000, 1), (0.1, 655_350, 1), (0.1, 48_000, 8),
                                                           (0.1, 1_000, 1)])  # fmt: skip
def test_more_than_a_microphone_sends_is_refused_before_it_is_read(tmp_path, monkeypatch, seconds, rate, channels):
    path = chunk(tmp_path, seconds, rate, channels)
    monkeypatch.setattr(soundfile.SoundFile, "read", lambda *_, **__: pytest.fail("it was read"))
    with pytest.raises(InputError, match=r"The microphone sends .* at a time; the demo takes 10 s of 2, from 4,000 to"):
        read_chunk(path)


def test_what_is_no_sound_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"RIFF")
    with pytest.raises(InputError, match="something that is not sound"):
        read_chunk(str(tmp_path / "a.wav"))
