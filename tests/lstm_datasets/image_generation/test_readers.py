"""Images from MNIST's files, arrays and folders, and as items of a batch."""

from __future__ import annotations

import gzip
import lzma

import numpy as np
import pytest
import torch
from PIL import Image

from lstm_datasets.image_generation.dataset import Images
from lstm_datasets.image_generation.readers import LabelledImages, read_images
from lstm_models.errors import InputError
from lstm_models.tasks.image_generation.network import collate
from tests.helpers import tiny_images


@pytest.mark.parametrize(("suffix", "pack"), [("", bytes), (".gz", gzip.compress), (".xz", lzma.compress)])
def test_mnist(tmp_path, suffix, pack):
    images, kinds = tiny_images.bars(6, 5)
    (tmp_path / f"train-images-idx3-ubyte{suffix}").write_bytes(pack(tiny_images.idx(images)))
    (tmp_path / f"train-labels-idx1-ubyte{suffix}").write_bytes(pack(tiny_images.idx(kinds)))
    (tmp_path / f"t10k-images-idx3-ubyte{suffix}").write_bytes(pack(tiny_images.idx(images[:2])))
    found = read_images(tmp_path, 5)
    np.testing.assert_array_equal(found.images, images)
    assert found.labels == [str(kind) for kind in kinds]
    held = read_images(tmp_path, 5, part="t10k")
    assert held.labels == ["", ""]
    assert len(read_images(tmp_path / f"t10k-images-idx3-ubyte{suffix}", 5).images) == 2


def test_folders_of_pictures_name_the_kinds(tmp_path):
    for kind, value in (("cats", 40), ("big dogs", 200)):
        (tmp_path / kind).mkdir()
        for number in range(2):
            Image.new("RGB", (6, 6), (value,) * 3).save(tmp_path / kind / f"{number}.png")
    found = read_images(tmp_path, 3)
    assert found.images.shape == (4, 3, 3)
    assert sorted(set(found.labels)) == ["big-dogs", "cats"]
    assert {int(image[0, 0]) for image, label in zip(*found, strict=True) if label == "cats"} == {40}


def test_arrays_are_scaled_by_area(tmp_path):
    array = np.zeros((3, 4, 4), bool)
    array[0, :2, :2] = True
    np.save(tmp_path / "a.npy", array)
    (tmp_path / "b.npy.xz").write_bytes(lzma.compress((tmp_path / "a.npy").read_bytes()))
    for name in ("a.npy", "b.npy.xz"):
        found = read_images(tmp_path / name, 2)
        np.testing.assert_array_equal(found.images[0], [[255, 0], [0, 0]])
        assert found.labels == [""] * 3


def write(folder, name, content):
    (folder / name).write_bytes(content)
    return folder / name


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder: folder / "nothing", "does not exist"),
        (lambda folder: folder, "has no pictures"),
        (lambda folder: write(folder, "a.txt", b"x"), "not a set of images"),
        (lambda folder: write(folder, "train-images-idx3-ubyte", b"\0\0\x08\x03\0\0\0\x01"), "in IDX format"),
        (lambda folder: write(folder, "train-images-idx3-ubyte.gz", b"x"), "cannot be read"),
        (lambda folder: write(folder, "a.npy", b"x"), "not a .npy array"),
    ],
)
def test_what_cannot_be_read_is_a_sentence(tmp_path, make, message):
    with pytest.raises(InputError, match=message):
        read_images(make(tmp_path))


def test_labels_and_images_must_match(tmp_path):
    tiny_images.mnist(tmp_path, 6, 5)
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(tiny_images.idx(np.zeros(5, np.uint8)))
    with pytest.raises(InputError, match="5 labels for 6 images"):
        read_images(tmp_path, 5)


def test_items():
    found = LabelledImages(np.full((3, 4, 4), 51, np.uint8), ["a", "b", "?"])
    data = Images(found, ["a", "b"], kl_warmup=3)
    batch = collate([data[number] for number in range(3)])
    torch.testing.assert_close(batch["images"], torch.full((3, 4, 4), 0.2))
    assert batch["labels"].tolist() == [0, 1, -1]
    weights = []
    for epoch in range(5):
        data.set_epoch(epoch)
        weights.append(float(collate([data[0]])["kl_weight"]))
    assert weights == [0.25, 0.5, 0.75, 1.0, 1.0]
    held = Images(found, ["a", "b"], fixed=1)
    assert set(held.images.unique().tolist()) == {0.0, 1.0}
