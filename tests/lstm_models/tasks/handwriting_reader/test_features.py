"""What a reader sees of strokes: nothing of where they lie, how large they are or how fast they were written."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_models.errors import InputError
from lstm_models.ink.line_grouping import lines_of
from lstm_models.tasks.handwriting_reader.features import InkFeatures, sampled

DOWN = np.array([0.0, 130.0])


def waves(seed: int = 0, count: int = 6, points: int = 40) -> list[np.ndarray]:
    """Strokes side by side, as words are."""
    generator = np.random.default_rng(seed)
    turn = np.linspace(0, 3 * np.pi, points)
    return [
        np.stack([60.0 * place + 45 * turn / turn[-1], 20 * np.sin(turn + generator.uniform(0, 6))], 1)
        for place in range(count)
    ]


@given(scale=st.floats(1e-3, 1e3), x=st.floats(-1e4, 1e4), y=st.floats(-1e4, 1e4), turn=st.floats(-0.05, 0.05))
def test_place_and_size_change_nothing_and_slope_little(scale: float, x: float, y: float, turn: float) -> None:
    features, strokes = InkFeatures(), waves()
    wanted = features.encode(strokes)
    found = features.encode([stroke * scale + (x, y) for stroke in strokes])
    assert np.allclose(found, wanted, atol=1e-3)
    sloping = features.encode([stroke @ np.array([[1, turn], [-turn, 1]]) for stroke in strokes])
    assert abs(len(sloping) - len(wanted)) < 0.1 * len(wanted)
    assert abs(float(sloping[:, 5].max()) - float(wanted[:, 5].max())) < 0.4


def test_speed_of_the_pen_changes_little() -> None:
    features = InkFeatures()
    turn = np.linspace(0, 1, 400)
    slow_then_fast = [np.stack([np.interp(turn**2, turn, s) for s in stroke.T], 1) for stroke in waves(points=400)]
    even, uneven = features.encode(waves(points=400)), features.encode(slow_then_fast)
    assert abs(len(even) - len(uneven)) <= 2
    assert np.allclose(np.quantile(even[:, 5], [0, 0.5, 1]), np.quantile(uneven[:, 5], [0, 0.5, 1]), atol=0.1)
    assert even[:, 4].sum() == uneven[:, 4].sum() == 6


def test_features_are_those_of_a_drawing_worked_out_by_hand() -> None:
    # A bar of height 2 and, after a move of 3 to the right and 2 up, a dot
    features = InkFeatures(spacing=1.0)
    found = features.sample([np.array([[0.0, -1.0], [0.0, 1.0]]), np.array([[3.0, -1.0]])])
    s = 13**0.5
    wanted = [[0, 0, 0, 0, 1, -1], [0, 1, 0, 1, 0, 0], [0, 1, 0, 1, 0, 1], [3, -2, 3 / s, -2 / s, 1, -1]]
    assert np.allclose(found, wanted)
    assert found.dtype == np.float32
    assert found.shape[1] == features.size


@given(spacing=st.floats(0.05, 3), seed=st.integers(0, 50))
def test_points_lie_at_equal_steps_and_keep_the_ends(spacing: float, seed: int) -> None:
    strokes = [*waves(seed), np.array([[5.0, 5.0]])]
    found = sampled(strokes, spacing * 20)
    assert len(found) == len(strokes)
    for stroke, given_ in zip(found, strokes, strict=True):
        assert np.allclose(stroke[0], given_[0])
        steps = np.hypot(*np.diff(stroke, axis=0).T)
        assert (steps < spacing * 20 * 1.51).all()
        if len(stroke) > 1:
            assert np.allclose(stroke[-1], given_[-1])
    assert len(found[-1]) == 1


@pytest.mark.parametrize(
    ("strokes", "sentence"),
    [
        ([], "at least one stroke"),
        ([np.zeros((0, 2))], "at least one stroke"),
        ([np.array([[0.0, np.nan]])], "not finite"),
        ([np.full((9, 2), 3.0)], "all points are one"),
    ],
)
def test_what_is_no_line(strokes: list[np.ndarray], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        InkFeatures().normalize(strokes)


def test_a_scribble_without_end_is_refused_before_it_fills_memory() -> None:
    scribble = np.random.default_rng(0).uniform(0, 1, (150_000, 2)) * (1000, 1)
    with pytest.raises(InputError, match="steps of the pen for a single line of writing"):
        InkFeatures().normalize([scribble])


def test_spacing_must_be_above_zero() -> None:
    with pytest.raises(ValueError, match="spacing must be above 0, not 0"):
        InkFeatures(spacing=0)


def test_lines_of_writing_are_told_apart_and_dots_added_later_are_not_lines() -> None:
    line = waves()
    below = [stroke + DOWN for stroke in waves(1, 3)]
    dot = np.array([[10.0, -30.0]])
    comma = np.array([[340.0, 20.0], [335.0, 40.0]])
    found = lines_of([*line, dot, comma, *below, dot + DOWN])
    assert [len(part) for part in found] == [8, 4]
    assert lines_of([]) == []
