"""Features kept on disk: those of the encoder, in versions, resumed after a kill, with unreadable photos left out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import ImageOps

from lstm_datasets.captioning.dataset import CaptionData
from lstm_datasets.captioning.feature_cache import photo_features
from lstm_datasets.captioning.readers import read_captions
from lstm_models.errors import InputError
from lstm_models.nn.image_encoder import ImageConfig, ImageEncoder
from lstm_models.text.vocabulary import END, Vocabulary
from tests.helpers import tiny_photos


@pytest.fixture(scope="module")
def encoder() -> ImageEncoder:
    return ImageEncoder(ImageConfig(backbone="tf_efficientnet_lite0", size=64))


def counted(encoder: ImageEncoder, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of the batches that the encoder is asked for."""
    sizes: list[int] = []
    freeze = encoder.freeze

    def watched(pixels: torch.Tensor) -> torch.Tensor:
        sizes.append(len(pixels))
        return freeze(pixels)

    monkeypatch.setattr(encoder, "freeze", watched)
    return sizes


def test_features_are_the_encoders(encoder: ImageEncoder, tmp_path: Path) -> None:
    data = read_captions(tiny_photos.folder(tmp_path / "data", 10))
    found = photo_features(data, encoder, tmp_path / "kept", versions=4, precision="32")
    assert found.bits.shape == (10, 4, 1280, 2, 2)
    for version, image in ((0, data[9].image()), (1, ImageOps.mirror(data[9].image()))):
        expected = encoder.freeze(encoder.preprocess(image)[None])[0].to(torch.bfloat16)
        torch.testing.assert_close(found(9, version), expected, atol=0.02, rtol=0.02)
    assert not torch.equal(found(9, 2), found(9, 0))
    assert sorted(path.suffix for path in (tmp_path / "kept").iterdir()) == [".json", ".npy"]


def test_they_are_computed_once(encoder: ImageEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = read_captions(tiny_photos.folder(tmp_path / "data", 5))
    sizes = counted(encoder, monkeypatch)
    first = photo_features(data, encoder, tmp_path / "kept")
    assert sum(sizes) == 5 + 1  # one for the shape
    again = photo_features(data, encoder, tmp_path / "kept")
    assert sum(sizes) == 5 + 2
    np.testing.assert_array_equal(first.bits, again.bits)
    photo_features(data, encoder, tmp_path / "kept", versions=2)  # others are kept beside them
    assert len(list((tmp_path / "kept").glob("*.npy"))) == 2


def test_a_killed_run_goes_on(encoder: ImageEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = read_captions(tiny_photos.folder(tmp_path / "data", 300))
    whole = photo_features(data, encoder, tmp_path / "whole", precision="32")
    freeze, calls = encoder.freeze, 0

    def killed(pixels: torch.Tensor) -> torch.Tensor:
        nonlocal calls
        calls += 1
        if calls == 35:
            raise KeyboardInterrupt
        return freeze(pixels)

    with monkeypatch.context() as patch:
        patch.setattr(encoder, "freeze", killed)
        with pytest.raises(KeyboardInterrupt):
            photo_features(data, encoder, tmp_path / "kept", precision="32")
    assert not list((tmp_path / "kept").glob("*.npy"))
    sizes = counted(encoder, monkeypatch)
    resumed = photo_features(data, encoder, tmp_path / "kept", precision="32")
    assert sum(sizes) == 1 + 300 - 256
    np.testing.assert_array_equal(resumed.bits, whole.bits)


def test_unreadable_photos(encoder: ImageEncoder, tmp_path: Path) -> None:
    folder = tiny_photos.folder(tmp_path / "data", 20)
    (folder / "p03.jpg").write_bytes(b"no picture")
    (folder / "p04.jpg").unlink()
    data = read_captions(folder)
    found = photo_features(data, encoder, tmp_path / "kept")
    assert sorted(found.failures) == [3, 4]
    assert "p03.jpg" in found.failures[3]
    learnt = CaptionData(data, found, Vocabulary(("a", "red", "ball")))
    assert len(learnt) == 18
    torch.testing.assert_close(learnt[3]["trunk_features"], found(5))
    (folder / "p05.jpg").write_bytes(b"")
    with pytest.raises(InputError, match="3 of 20 photos cannot be read"):
        photo_features(read_captions(folder), encoder, tmp_path / "kept")


def test_a_folder_that_cannot_be_made(encoder: ImageEncoder, tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("a file")
    with pytest.raises(InputError, match="cannot be written"):
        photo_features(read_captions(tiny_photos.folder(tmp_path / "data", 2)), encoder, tmp_path / "kept")


def test_a_damaged_file_gets_a_message(encoder: ImageEncoder, tmp_path: Path) -> None:
    data = read_captions(tiny_photos.folder(tmp_path / "data", 2))
    photo_features(data, encoder, tmp_path / "kept")
    (kept,) = (tmp_path / "kept").glob("*.npy")
    kept.write_bytes(kept.read_bytes()[:200])
    with pytest.raises(InputError, match="delete it"):
        photo_features(data, encoder, tmp_path / "kept")


def test_items(encoder: ImageEncoder, tmp_path: Path) -> None:
    data = read_captions(tiny_photos.folder(tmp_path / "data", 12))
    found = photo_features(data, encoder, tmp_path / "kept", versions=4)
    words = ("a", "red", "there", "is", "on", "the", "wall")
    learnt: Any = CaptionData(data, found, Vocabulary(words), longest=4, seed=3)
    item = learnt[0]
    assert item["captions"] == [[4, 5, 2, 1, END], [2, 3, 1, END]]  # longest first, cut at four words
    assert learnt.references[0] == [[4, 5, 2, 1], [2, 3, 1]]
    assert learnt.lengths == [5] * 12
    seen = set()
    for epoch in range(8):
        learnt.set_epoch(epoch)
        match = [v for v in range(4) if torch.equal(learnt[0]["trunk_features"], found(0, v))]
        assert len(match) == 1
        seen.add(match[0])
        learnt.set_epoch(epoch)
        assert torch.equal(learnt[0]["trunk_features"], found(0, match[0]))
    assert len(seen) > 1


def test_left_and_right_are_not_mirrored(encoder: ImageEncoder, tmp_path: Path) -> None:
    folder = tiny_photos.folder(tmp_path / "data", 2)
    (folder / "captions.csv").write_text("image,caption\np00.jpg,a ball on the left\np01.jpg,a box\n")
    data = read_captions(folder)
    found = photo_features(data, encoder, tmp_path / "kept", versions=2)
    learnt = CaptionData(data, found, Vocabulary(("a",)))
    for epoch in range(10):
        learnt.set_epoch(epoch)
        assert torch.equal(learnt[0]["trunk_features"], found(0, 0))
