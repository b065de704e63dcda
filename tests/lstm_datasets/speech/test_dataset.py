"""Recordings as items of training, and how they are varied."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch

from lstm_datasets.speech.augmentation import Augmentation
from lstm_datasets.speech.dataset import SpeechData, fitted_features
from lstm_datasets.speech.readers import read_speech
from lstm_models.tasks.speech.config import RecognizerConfig
from lstm_models.tasks.speech.model import Recognizer
from tests.helpers.tiny_speech import say, sentences, shard

_KINDS = ("speed", "warp", "gain", "color", "noise", "babble", "room", "telephone", "bands", "frames")
NOTHING = dict.fromkeys(_KINDS, 0)


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> list:
    return read_speech(shard(tmp_path_factory.mktemp("shards") / "train-chords-000.tar", sentences(12)))


@pytest.fixture(scope="module")
def recognizer() -> Recognizer:
    return Recognizer(RecognizerConfig(hidden_size=8, layers=1, lookahead=0))


def test_items_are_what_the_recogniser_hears_and_the_labels_it_writes(recordings: list, recognizer: Recognizer) -> None:
    data = SpeechData(recordings, recognizer)
    features = recognizer.config.features
    for number, recording in enumerate(recordings):
        item = data[number]
        assert np.allclose(item["features"], features.normalize(features.log_mel(recording.samples())))
        written = "".join(recognizer.config.alphabet[label - 1] for label in item["text"])
        assert written == recording.text
        assert len(item["features"]) <= data.lengths[number] <= len(item["features"]) + 8
    assert float(recognizer.loss(Recognizer.collate([data[0], data[1]]))["loss"]) > 0


def test_variation_is_new_each_epoch_and_the_same_when_repeated(recordings: list, recognizer: Recognizer) -> None:
    data = SpeechData(recordings, recognizer, Augmentation(begin=1), seed=5)
    plain = SpeechData(recordings, recognizer)
    assert torch.equal(data[3]["features"], plain[3]["features"])  # epoch 0 comes before the beginning
    data.set_epoch(1)
    first = data[3]["features"]
    data.set_epoch(2)
    assert not torch.equal(first[:20], data[3]["features"][:20])
    data.set_epoch(1)
    assert torch.equal(first, data[3]["features"])


def test_no_item_is_longer_than_it_says(recordings: list, recognizer: Recognizer) -> None:
    data = SpeechData(recordings, recognizer, Augmentation(speed=0.3))
    for epoch in range(8):
        data.set_epoch(epoch)
        for number in range(len(data)):
            frames = len(data[number]["features"])
            assert 0 < frames <= data.lengths[number]


def test_without_strength_sound_stays_as_it_is() -> None:
    quiet = Augmentation(**NOTHING)  # type: ignore[arg-type]
    samples = say("tea") / 4
    generator = np.random.default_rng(0)
    assert np.allclose(quiet.sound(samples, None, generator), samples, atol=1e-5)
    mel = generator.normal(size=(30, 80)).astype(np.float32)
    assert quiet.warped(mel, generator) is mel
    assert np.array_equal(quiet.masked(mel.copy(), generator), mel)


def test_each_kind_of_variation_does_what_it_is_called() -> None:
    def heard(seed: int = 0, other: np.ndarray | None = None, **options: float) -> np.ndarray:
        varied = Augmentation(**{**NOTHING, **options})  # type: ignore[arg-type]
        return varied.sound(say("stone tea") / 4, other, np.random.default_rng(seed))

    plain = heard()
    lengths = [len(heard(seed, speed=0.2)) / len(plain) for seed in range(20)]
    assert 1 / 1.21 < min(lengths) < 0.92
    assert 1.08 < max(lengths) < 1 / 0.79
    levels = [20 * np.log10(np.abs(heard(seed, gain=12)).max() / np.abs(plain).max()) for seed in range(20)]
    assert -12.1 < min(levels) < -5 < 5 < max(levels) < 12.1
    assert np.std(heard(noise=1.0) - plain) > 0.01 * plain.std()
    assert np.std(heard(other=say("island"), babble=1.0) - plain) > 0.01 * plain.std()
    silence = slice(-800, None)  # a room rings on
    assert np.std(heard(3, room=1.0)[silence]) > 3 * np.std(plain[silence])
    spectrum = [np.abs(np.fft.rfft(sound)) for sound in (plain, heard(telephone=1.0))]
    high = int(7200 / 8000 * (len(spectrum[0]) - 1))
    assert spectrum[1][high:].sum() < spectrum[0][high:].sum()
    for seed in range(20):
        loud = heard(seed, other=say("bad"), gain=40, noise=1.0, room=1.0, telephone=1.0, color=6.0)
        assert np.isfinite(loud).all()
        assert np.abs(loud).max() <= 1
        assert loud.dtype == np.float32


def test_masks_leave_out_strips_and_never_more_than_a_fifth_of_the_frames() -> None:
    generator = np.random.default_rng(1)
    for _ in range(50):
        masked = Augmentation(bands=20, frames=200).masked(np.ones((700, 80), np.float32), generator)
        assert (masked == 0).all(1).sum() <= 140
        assert (masked == 0).all(0).sum() <= 40


def test_strips_of_frames_are_left_out_as_often_as_asked() -> None:
    generator = np.random.default_rng(1)
    left = [
        (Augmentation(bands=0, frames=4, every=every).masked(np.ones((8000, 4), np.float32), generator) == 0).all(1)
        for every in (40, 400)
    ]
    # Widths of 0 to 4 frames, two on average; few of 200 strips lie on another
    assert [each.sum() for each in left] == [pytest.approx(400, rel=0.2), pytest.approx(40, rel=0.4)]


def test_fitted_features_fit_the_recordings(recordings: list, recognizer: Recognizer) -> None:
    fitted = fitted_features(recordings, recognizer.config.features)
    normal = np.concatenate([fitted.normalize(fitted.log_mel(one.samples())) for one in recordings])
    assert np.abs(normal.std(0) - 1).max() < 0.1


@pytest.mark.parametrize(
    ("option", "value"), [("speed", 0.5), ("room", 1.5), ("gain", -1.0), ("frames", -1), ("every", 0)]
)
def test_strengths_that_cannot_be_are_refused(option: str, value: float) -> None:
    with pytest.raises(ValueError, match=option):
        Augmentation(**{option: value})  # type: ignore[arg-type]


def test_the_first_epoch_may_go_from_short_to_long() -> None:
    from lstm_datasets.batching import FrameBatchSampler

    lengths = np.random.default_rng(0).integers(10, 100, 200).tolist()
    batches = FrameBatchSampler(lengths, 400, shuffle=True, seed=1, ascending=True)
    longest = [max(lengths[index] for index in batch) for batch in batches]
    assert all(after >= 0.9 * before for before, after in itertools.pairwise(longest))
    batches.set_epoch(1)
    assert [max(lengths[index] for index in batch) for batch in batches] != sorted(longest)


def test_shards_may_lie_anywhere(tmp_path: Path, recognizer: Recognizer) -> None:
    path = shard(tmp_path / "train-a b-000.tar", ["tea", "ice code"])
    assert [one.text for one in SpeechData(read_speech(path), recognizer).recordings] == ["tea", "ice code"]
