"""Shots are found where a film was cut, and frames are spread over them."""

from __future__ import annotations

import numpy as np
import pytest

from lstm_models.io.films import FilmFrame
from lstm_models.tasks.video_captioning.features import evenly, find_shots
from tests.helpers.tiny_films import BLUE, GREEN, RED, square_frames


def frames(pixels: np.ndarray, every: float = 0.2) -> list[FilmFrame]:
    return [FilmFrame(number * every, picture) for number, picture in enumerate(pixels)]


def test_cuts_are_where_the_ground_changes() -> None:
    shots = list(find_shots(frames(square_frames(30, colours=(BLUE, RED, GREEN)))))
    assert [(round(shot.start, 1), round(shot.end, 1)) for shot in shots] == [(0.0, 2.0), (2.0, 4.0), (4.0, 5.8)]
    assert [len(shot.frames) for shot in shots] == [10, 10, 10]


def test_motion_and_noise_are_no_cuts() -> None:
    moving = square_frames(40)
    noise = np.random.default_rng(0).integers(0, 255, (20, 48, 64, 3), dtype=np.uint8)
    assert len(list(find_shots(frames(moving)))) == 1
    assert len(list(find_shots(frames(noise)))) == 1


def test_a_long_shot_is_given_out_in_parts_and_keeps_few_frames() -> None:
    shots = list(find_shots(frames(square_frames(500)), longest=20.0))
    assert [round(shot.start) for shot in shots] == [0, 20, 40, 60, 80]
    assert all(16 <= len(shot.frames) <= 32 for shot in shots)
    times = [frame.time for frame in shots[1].frames]
    assert times == sorted(times)
    assert min(times) < 22
    assert max(times) > 38


def test_one_frame_is_a_shot() -> None:
    (shot,) = find_shots(frames(square_frames(1)))
    assert len(shot.frames) == 1


@pytest.mark.parametrize(
    ("count", "most", "expected"), [(9, 3, [1, 4, 7]), (2, 4, [0, 1]), (4, 4, [0, 1, 2, 3]), (5, 1, [2])]
)
def test_frames_are_spread(count, most, expected) -> None:
    found = evenly(frames(np.zeros((count, 2, 2, 3), np.uint8), 1.0), most)
    assert [round(frame.time) for frame in found] == expected
