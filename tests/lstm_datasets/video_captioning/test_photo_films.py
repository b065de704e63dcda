"""Films made of photos show the photo, a part at a time."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from lstm_datasets.video_captioning.photo_films import KINDS, photo_film


def gradient() -> Image.Image:
    """Red grows to the right and green downwards, so that colours are places."""
    pixels = np.zeros((100, 100, 3), np.uint8)
    pixels[..., 0] = np.arange(100)[None] * 2
    pixels[..., 1] = np.arange(100)[:, None] * 2
    return Image.fromarray(pixels)


def area(frame: Image.Image) -> float:
    pixels = np.asarray(frame).reshape(-1, 3).astype(float)
    return float(np.ptp(pixels[:, 0]) * np.ptp(pixels[:, 1])) / 198**2


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_gives_the_same_film(kind):
    first, again = (photo_film(gradient(), 5, np.random.default_rng(3), kind) for _ in range(2))
    assert len(first) == 5
    assert all(np.array_equal(one, other) for one, other in zip(first, again, strict=True))


def test_zooms_begin_or_end_with_the_whole_photo():
    inwards = [area(frame) for frame in photo_film(gradient(), 5, np.random.default_rng(0), "zoom in")]
    outwards = [area(frame) for frame in photo_film(gradient(), 5, np.random.default_rng(0), "zoom out")]
    assert inwards[0] == pytest.approx(1.0)
    assert inwards == sorted(inwards, reverse=True)
    assert outwards == sorted(outwards)
    assert 0.2 < inwards[-1] < 0.6


def test_a_pan_goes_from_one_border_to_the_opposite_one():
    for seed in range(8):
        frames = photo_film(gradient(), 6, np.random.default_rng(seed), "pan")
        red, green = (
            np.array([np.asarray(frame)[..., channel].min() for frame in frames], float) for channel in (0, 1)
        )
        moved = [abs(each[-1] - each[0]) for each in (red, green)]
        assert max(moved) > 40  # a quarter of the photo at least
        assert len({frame.size for frame in frames}) <= 4  # rounding


def test_a_fade_mixes_two_parts():
    frames = [np.asarray(frame).astype(float) for frame in photo_film(gradient(), 3, np.random.default_rng(1), "fade")]
    np.testing.assert_allclose(frames[1], (frames[0] + frames[2]) / 2, atol=1.5)


def test_other_kinds_are_refused():
    with pytest.raises(ValueError, match="kind must be one of"):
        photo_film(gradient(), 2, np.random.default_rng(0), "spin")
