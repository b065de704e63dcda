"""Which digits stand where on a canvas."""

from __future__ import annotations

import numpy as np
import pytest

from lstm_apps.tasks.image_generation.metrics import as_said, known_parts, parts_of
from lstm_models.tasks.image_generation.scenes import Scene


def test_two_digits_are_two_parts_with_their_places():
    canvas = np.zeros((40, 40), np.float32)
    canvas[5:15, 9:11] = 1  # a bar that stands, in the upper left cell
    canvas[29:31, 24:36] = 1  # one that lies, in the lower right
    first, second = sorted(parts_of(canvas, 2), key=lambda part: part.cell)
    assert (first.cell, second.cell) == ((0, 0), (2, 2))
    assert first.image.sum() == 20
    assert second.image.sum() == 24
    assert first.image[5:15, 9:11].all()  # 20 pixels, its middle at 10
    whole = parts_of(canvas, 1)
    assert len(whole) == 1


def test_what_is_no_two_digits():
    canvas = np.zeros((40, 40), np.float32)
    assert parts_of(canvas, 1) == parts_of(canvas, 2) == []
    canvas[20, 20] = 1
    assert parts_of(canvas, 2) == []
    canvas[18:22, 18:22] = 1
    assert parts_of(canvas, 2) == []


def test_known_digits_look_like_parts():
    image = np.zeros((1, 28, 28), np.uint8)
    image[0, 4:18, 7:21] = 255
    (found,) = known_parts(image)
    assert found.shape == (28, 28)
    assert found[7:21, 7:21].all()  # its centre of mass is in the middle now
    assert found.sum() == pytest.approx(196)


@pytest.mark.parametrize(
    ("names", "cells", "expected"),
    [
        (["3", "7"], [(0, 0), (2, 0)], (True, True)),
        (["7", "3"], [(2, 0), (0, 0)], (True, True)),
        (["7", "3"], [(0, 0), (2, 0)], (True, False)),
        (["3", "7"], [(0, 1), (2, 1)], (True, False)),
        (["3", "1"], [(0, 0), (2, 0)], (False, False)),
    ],
)
def test_whether_it_is_as_said(names, cells, expected):
    assert as_said(Scene((3, 7), "above", "on the left"), names, cells) == expected


def test_the_same_digit_twice_needs_both_places():
    scene = Scene((3, 3), "left", "at the top")
    assert as_said(scene, ["3", "3"], [(0, 2), (0, 0)]) == (True, True)
    assert as_said(scene, ["3", "3"], [(0, 0), (0, 0)]) == (True, False)
