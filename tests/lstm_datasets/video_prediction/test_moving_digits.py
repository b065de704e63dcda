"""Moving MNIST: the rules of Srivastava et al., step by step; images in IDX format."""

from __future__ import annotations

import numpy as np
import pytest

from lstm_datasets.video_prediction.moving_digits import MovingDigits, paths, render_layers
from lstm_models.errors import InputError
from tests.helpers import tiny_digits


def test_paths_are_those_of_the_published_generator():
    random = np.random.default_rng(3)
    found = paths(np.random.default_rng(3), 2, 40)
    starts, angles = random.random((2, 2)), random.random(2) * 2 * np.pi
    for number in range(2):  # one digit after the other, one coordinate after the other, as it was published
        (y, x), (v_y, v_x) = starts[number], (np.sin(angles[number]), np.cos(angles[number]))
        for step in range(40):
            y += v_y * 0.1
            x += v_x * 0.1
            if x <= 0:
                x, v_x = 0, -v_x
            if x >= 1:
                x, v_x = 1, -v_x
            if y <= 0:
                y, v_y = 0, -v_y
            if y >= 1:
                y, v_y = 1, -v_y
            np.testing.assert_allclose(found[number, step], (y, x), atol=1e-12)


def test_digits_are_drawn_at_whole_pixels_and_the_brighter_one_counts():
    digits = np.stack([np.full((2, 2), 100, np.uint8), np.full((2, 2), 200, np.uint8)])
    places = np.array([[[0.0, 0.0], [0.49, 1.0]], [[0.0, 0.5], [1.0, 1.0]]])
    layers = render_layers(digits, places, (4, 5))
    film = layers.max(0)
    assert film[0].tolist() == [[100, 200, 200, 0, 0], [100, 200, 200, 0, 0], [0] * 5, [0] * 5]
    assert film[1].tolist() == [[0, 0, 0, 100, 100]] * 2 + [[0, 0, 0, 200, 200]] * 2
    assert layers.shape == (2, 2, 4, 5)


def test_films_depend_on_seed_epoch_and_number_alone():
    data = MovingDigits(tiny_digits.shapes(), 5, frames=6, seed=4)
    again = MovingDigits(tiny_digits.shapes(), 9, frames=6, seed=4)
    np.testing.assert_array_equal(data[3], again[3])
    assert data[3].shape == (2, 6, 64, 64)
    assert data.lengths == [6] * 5
    before = data[3].copy()
    data.set_epoch(1)
    assert (data[3] != before).any()
    with pytest.raises(IndexError):
        data[5]


def test_variety_has_films_of_one_digit_and_of_other_speeds():
    data = MovingDigits(tiny_digits.shapes(), 60, frames=3, variety=1.0)
    counts = {int(film.any((1, 2, 3)).sum()) for film in map(data.__getitem__, range(60))}
    assert counts == {1, 2}
    assert all(film[0].any() for film in map(data.__getitem__, range(60)))


def test_too_large_images():
    with pytest.raises(InputError, match="does not fit into 8 × 8"):
        render_layers(np.zeros((1, 12, 12), np.uint8), np.zeros((1, 1, 2)), (8, 8))
