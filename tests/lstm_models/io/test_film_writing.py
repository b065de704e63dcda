"""Films that were written are read again."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from PIL import Image

from lstm_models.errors import InputError
from lstm_models.io import film_writing
from lstm_models.io.film_writing import encode_film
from lstm_models.io.films import read_film


def pictures(height: int, width: int, count: int = 5) -> list[np.ndarray]:
    """A yellow square that moves to the right over a blue ground."""
    made = np.zeros((count, height, width, 3), np.uint8)
    made[:] = (20, 40, 120)
    for number, frame in enumerate(made):
        frame[10:26, 4 + 6 * number : 20 + 6 * number] = (240, 200, 30)
    return list(made)


@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
@pytest.mark.parametrize("size", [(48, 64), (47, 65)])
def test_the_pictures_come_back(suffix, size):
    frames = pictures(*size)
    film = read_film(encode_film(frames, suffix, rate=12.5))
    assert film.pixels.shape == (5, 48, 64 + 2 * (size[1] % 2), 3)
    np.testing.assert_allclose(film.times, np.arange(5) / 12.5, atol=0.002)
    away = np.abs(film.pixels[:, : size[0], : size[1]].astype(int) - np.stack(frames))
    assert away.mean() < 4
    assert np.median(away) <= 3


def test_the_encoder_that_stands_in_does_too(monkeypatch):
    monkeypatch.setitem(film_writing._CODECS, ".mp4", {"no-such-encoder": {"crf": "1"}, "mpeg4": {}})
    frames = pictures(48, 64)
    film = read_film(encode_film([Image.fromarray(frame) for frame in frames], ".mp4", rate=10, hold=0.5))
    assert len(film.times) == 9
    assert np.abs(film.pixels[:5].astype(int) - np.stack(frames)).mean() < 6
    assert np.abs(film.pixels[8].astype(int) - frames[4]).mean() < 6


def test_what_is_missing_is_a_sentence(monkeypatch):
    monkeypatch.setitem(film_writing._CODECS, ".webm", {"no-such-encoder": {}})
    with pytest.raises(InputError, match=r"no encoder for \.webm"):
        encode_film(pictures(48, 64), ".webm")
    with pytest.raises(InputError, match=r"from 0\.1 to 240"):
        encode_film(pictures(48, 64), ".mp4", rate=0)
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(InputError, match="pip install av"):
        encode_film(pictures(48, 64), ".mp4")
