"""Drawn shapes look like MNIST's images: size, place, white on black."""

from __future__ import annotations

import numpy as np
import pytest

from lstm_datasets.video_prediction.drawn_shapes import DIGITS, shape_image
from lstm_models.errors import InputError


@pytest.mark.parametrize("name", DIGITS)
def test_digits(name):
    image = shape_image(DIGITS[name])
    assert image.shape == (28, 28)
    rows, columns = np.nonzero(image > 40)
    assert 18 <= max(np.ptp(rows), np.ptp(columns)) + 1 <= 22
    centre = [(image.sum(axis) * np.arange(28)).sum() / image.sum() for axis in (1, 0)]
    assert centre == pytest.approx([13.5, 13.5], abs=0.51)
    assert image.max() == 255


def test_a_line_has_its_width_and_any_size_fits():
    image = shape_image([np.array([[0.0, 0.0], [900.0, 0.0]])])
    assert image.sum() / 255 == pytest.approx(20 * 2.6, rel=0.1)
    np.testing.assert_array_equal(image, shape_image([np.array([[3.0, 3.0], [4.0, 3.0]])]))


def test_a_dot_and_nothing():
    assert shape_image([[(3.0, 3.0)]]).any()
    with pytest.raises(InputError, match="draw one"):
        shape_image([])
