"""Segments tile the recording, and end at pauses."""

from __future__ import annotations

import numpy as np
import pytest

from lstm_models.tasks.speech.segmentation import Begin, End, Segmenter, Silence
from tests.helpers.tone_recognizer import TEXT, say


@pytest.fixture(scope="module")
def sound() -> np.ndarray:
    return say(TEXT)


def test_the_outputs_tile_the_recording(sound: np.ndarray) -> None:
    segmenter = Segmenter(1280, 8, 2)
    heard = np.concatenate([np.zeros(20_000, np.float32), sound])
    place, at, kinds = 0, 0, []
    size = 0
    for event in [*segmenter.push(heard), *segmenter.finish()]:
        if isinstance(event, Silence):
            place += event.outputs
        elif isinstance(event, Begin):
            # What it hears before its first output is what was there
            at = place * 640 - event.skip * 640
            assert np.array_equal(event.before, heard[at : at + len(event.before)])
            size = len(event.before)
        elif isinstance(event, End):
            kinds.append(event.pause)
            place += (size + at) // 640 - place if event.outputs is None else event.outputs
        else:
            assert np.array_equal(event, heard[at + size : at + size + len(event)])
            size += len(event)
    assert abs(place - len(heard) / 640) <= 2
    assert kinds.count(False) >= 2
    assert kinds.count(True) >= 3


def test_a_pause_is_not_within_a_word() -> None:
    """Segments end in the noise between the texts only."""
    samples = say("some words|more words|and more")
    events = list(Segmenter(1280, 8, 2).push(samples))
    assert [event.pause for event in events if isinstance(event, End)] == [True, True]


def test_noise_that_grows_is_no_endless_speech() -> None:
    generator = np.random.default_rng(0)
    noise = generator.normal(size=16_000 * 60) * np.repeat([0.001, 0.05], 16_000 * 30)
    ends = [event for event in Segmenter(1280, 8, 2).push(noise.astype(np.float32)) if isinstance(event, End)]
    assert len(ends) >= 2
