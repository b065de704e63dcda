"""The line through a stroke: its samples beside a dense evaluation, its length beside known ones.

Run: python -m pytest tests/lstm_models/ink/test_curves.py
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_models.ink.curves import bezier, distinct, flattened, length, sampled

numbers = st.floats(-300, 300, width=32)
strokes = st.lists(st.tuples(numbers, numbers), min_size=1, max_size=8).map(np.array)


def at(curve: np.ndarray, place: float) -> np.ndarray:
    """The point of Béziers [segments, 4, 2] at a segment's number plus a share of it, by de Casteljau's algorithm."""
    number = min(int(place), len(curve) - 1)
    points, share = curve[number], place - number
    while len(points) > 1:
        points = points[:-1] + share * (points[1:] - points[:-1])
    return points[0]


@given(strokes, st.sampled_from([0.01, 0.1, 1.0]))
@settings(max_examples=50, deadline=None)
def test_samples_lie_on_the_curve_and_nowhere_far_from_it(stroke, tolerance):
    curve = bezier(stroke)
    points, places = sampled(curve, tolerance)
    assert (np.diff(places) > 0).all()
    assert (places[0], places[-1]) == (0, len(curve))
    for point, place, following, end in zip(points, places, points[1:], places[1:], strict=False):
        assert point == pytest.approx(at(curve, place), abs=1e-6)
        if round((end - place) ** -1) < 64:  # as many parts as a segment may have
            assert at(curve, (place + end) / 2) == pytest.approx((point + following) / 2, abs=1.001 * tolerance)
    assert (flattened(curve, tolerance) == points).all()


def test_length_of_a_circle_and_of_a_line():
    turns = np.linspace(0, 2 * np.pi, 400)
    assert length(bezier(50 * np.column_stack([np.cos(turns), np.sin(turns)]))) == pytest.approx(100 * np.pi, rel=1e-3)
    assert length(bezier(np.array([[0, 0], [3, 4], [30, 40]]))) == pytest.approx(50)
    assert length(bezier(np.array([[7, 7]]))) == 0


def test_points_that_repeat_the_one_before_are_left_out():
    assert distinct(np.array([[1, 1], [1, 1], [2, 1], [2, 1.0005], [1, 1]])).tolist() == [[1, 1], [2, 1], [1, 1]]
