"""Recordings as an encoder's frozen part hears them: computed once, the same when read again, varied by version."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
import torch

from lstm_datasets.speech import feature_cache
from lstm_datasets.speech.augmentation import Augmentation
from lstm_datasets.speech.feature_cache import EncodedSpeech
from lstm_datasets.speech.readers import Recording, read_speech
from lstm_models.errors import InputError
from lstm_models.nn.acoustic_encoder import AcousticEncoderConfig, level
from lstm_models.tasks.speech.config import RecognizerConfig
from lstm_models.tasks.speech.model import Recognizer
from tests.helpers.tiny_speech import shard

PLAIN = Augmentation(bands=0, frames=0)


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> list[Recording]:
    path = shard(tmp_path_factory.mktemp("data") / "train-chords-000.tar", ["tea", "nice stone", "a bad island"])
    return read_speech(path)


def recognizer(seed: int = 0, tuned: int = 2) -> Recognizer:
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    encoder = AcousticEncoderConfig(size=16, heads=2, blocks=3, inner=32, rotary=4, tuned=tuned)
    return Recognizer(RecognizerConfig(hidden_size=8, layers=1, lookahead=0, encoder=encoder))


def test_items_are_what_the_trunk_hears(recordings: list[Recording], tmp_path: Path) -> None:
    model = recognizer()
    assert model.encoder is not None
    data = EncodedSpeech(recordings, model, tmp_path)
    for index, one in enumerate(recordings):
        item = data[index]
        with torch.no_grad():
            wanted = model.encoder.trunk(torch.from_numpy(level(one.samples()))[None])[0]
        torch.testing.assert_close(item["features"], wanted, atol=0.05, rtol=0.05)  # half precision
        assert len(item["features"]) <= data.lengths[index]
        assert item["text"].tolist() == model.encode(one.text).tolist()


def test_nothing_is_heard_twice(recordings: list[Recording], tmp_path: Path) -> None:
    data = EncodedSpeech(recordings, recognizer(), tmp_path, PLAIN, versions=2)
    made = []
    for epoch in range(2):
        data.set_epoch(epoch)
        made.append([data[index]["features"] for index in range(3)])
    again = EncodedSpeech(recordings, recognizer(), tmp_path, PLAIN, versions=2)
    with patch.object(Recording, "samples", side_effect=AssertionError("heard again")):
        for epoch in range(4):
            again.set_epoch(epoch)
            for index in range(3):
                assert torch.equal(again[index]["features"], made[epoch % 2][index])
    lengths = [[len(one) for one in epoch] for epoch in made]
    assert lengths[0] != lengths[1]  # speed varies from version to version


def test_strips_are_left_out_anew_each_epoch(recordings: list[Recording], tmp_path: Path) -> None:
    data = EncodedSpeech(recordings, recognizer(), tmp_path, Augmentation(bands=8, frames=0))
    seen = []
    for epoch in range(3):
        data.set_epoch(epoch)
        seen.append(frozenset(np.flatnonzero((data[1]["features"] == 0).all(0).numpy())))
    assert len(set(seen)) > 1


def test_another_encoder_or_other_recordings_are_kept_apart(recordings: list[Recording], tmp_path: Path) -> None:
    same = recognizer()
    with torch.no_grad():
        same.encoder.blocks[2].up.weight.add_(1)  # type: ignore[union-attr] - tuned: not heard by the trunk
    for model, some, files in (
        (recognizer(), recordings, 2),
        (same, recordings, 2),
        (recognizer(1), recordings, 4),
        (recognizer(tuned=1), recordings, 6),
        (recognizer(), recordings[:2], 8),
    ):
        EncodedSpeech(some, model, tmp_path)
        assert len(list(tmp_path.iterdir())) == files


def test_a_folder_that_cannot_be_used(recordings: list[Recording], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        EncodedSpeech(recordings, recognizer(), tmp_path / "file")
    full = type("Full", (), {"f_bavail": 1, "f_frsize": 1})()
    with (
        patch.object(feature_cache.os, "statvfs", return_value=full),
        pytest.raises(InputError, match="the disk is full"),
    ):
        EncodedSpeech(recordings, recognizer(), tmp_path / "new")
