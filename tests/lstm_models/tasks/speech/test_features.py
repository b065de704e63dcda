"""Log-mel front end: frames, running normalisation, and the stream that gives the same numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_models.tasks.speech.features import SpeechFeatures

FEATURES = SpeechFeatures(mean=(-7.0,), std=(2.0,), memory=40, prior=5)


def noise(count: int, seed: int = 0) -> np.ndarray:
    return (np.random.default_rng(seed).standard_normal(count) * 0.1).astype(np.float32)


@pytest.mark.parametrize(("samples", "frames"), [(0, 0), (1, 1), (511, 1), (512, 1), (671, 1), (672, 2), (16_000, 97)])
def test_frames_of_samples(samples: int, frames: int) -> None:
    assert FEATURES.frames(samples) == frames
    assert FEATURES.log_mel(noise(samples)).shape == (frames, 80)


def test_a_tone_sounds_in_its_band_and_silence_lies_on_the_floor() -> None:
    time = np.arange(16_000) / 16_000
    low, high = (FEATURES.log_mel(np.sin(2 * np.pi * hertz * time)).mean(0).argmax() for hertz in (300, 3000))
    assert low < 20 < high
    assert np.allclose(FEATURES.log_mel(np.zeros(16_000)), np.log(1e-5))


def test_running_mean_is_the_mean_of_the_frames_before_and_the_prior() -> None:
    log_mel = np.random.default_rng(1).normal(size=(100, 80)).astype(np.float32)
    found = FEATURES.normalize(log_mel)
    for place in (0, 3, 39, 40, 99):
        heard = log_mel[max(0, place - 39) : place + 1].astype(np.float64)
        mean = (5 * -7.0 + heard.sum(0)) / (5 + len(heard))
        assert np.allclose(found[place], (log_mel[place] - mean) / 2, atol=1e-5)


def test_loudness_is_forgotten() -> None:
    log_mel = FEATURES.log_mel(noise(48_000))
    found, louder = FEATURES.normalize(log_mel), FEATURES.normalize(log_mel + 3)
    assert np.abs(louder[100:] - found[100:]).max() < 0.2 < np.abs(louder[:2] - found[:2]).min()


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 5000), max_size=12), st.integers(0, 9))
def test_stream_equals_one_pass(pushes: list[int], seed: int) -> None:
    samples = noise(sum(pushes), seed)
    stream, got, start = FEATURES.stream(), [], 0
    for count in pushes:
        got.append(stream.push(samples[start : start + count]))
        start += count
    got.append(stream.finish())
    one = FEATURES.normalize(FEATURES.log_mel(samples))
    assert np.concatenate(got).shape == one.shape
    assert np.allclose(np.concatenate(got), one, atol=1e-4)


def test_fitted_features_have_mean_0_and_deviation_1() -> None:
    some = [SpeechFeatures().log_mel(noise(32_000, seed) * (1 + seed)) for seed in range(4)]
    fitted = SpeechFeatures().fitted(some)
    normal = np.concatenate([fitted.normalize(one) for one in some])
    assert np.abs(normal.std(0) - 1).max() < 0.02
    assert np.abs(normal.mean(0)).max() < 0.6  # the running mean follows each recording from the prior


@pytest.mark.parametrize(
    ("option", "word"),
    [
        ({"bands": 0}, "bands"),
        ({"window": 100}, "window"),
        ({"high": 9000.0}, "high"),
        ({"floor": 0.0}, "floor"),
        ({"mean": (0.0, 1.0)}, "mean"),
        ({"std": (0.0,)}, "std"),
    ],
)
def test_what_cannot_be_is_refused(option: dict, word: str) -> None:
    with pytest.raises(ValueError, match=word):
        SpeechFeatures(**option)
