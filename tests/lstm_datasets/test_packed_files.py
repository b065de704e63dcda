"""Files as data sets are published."""

from __future__ import annotations

import gzip
import lzma

import numpy as np
import pytest

from lstm_datasets.packed_files import open_text, read_bytes, read_idx
from lstm_models.errors import InputError
from tests.helpers import tiny_digits


@pytest.mark.parametrize(("suffix", "pack"), [("", bytes), (".gz", gzip.compress), (".XZ", lzma.compress)])
def test_packed_files_are_read_as_plain_ones(tmp_path, suffix, pack):
    path = tmp_path / f"a.txt{suffix}"
    path.write_bytes(pack("Grüße\nzwei".encode()))
    assert read_bytes(path).decode() == "Grüße\nzwei"
    with open_text(path) as file:
        assert list(file) == ["Grüße\n", "zwei"]


@pytest.mark.parametrize("name", ["t10k-images-idx3-ubyte", "t10k-images-idx3-ubyte.gz"])
def test_idx(tmp_path, name):
    path = tiny_digits.idx(tmp_path / name)
    np.testing.assert_array_equal(read_idx(path, 3), tiny_digits.shapes())
    packed = tmp_path / "images-idx3-ubyte.xz"
    packed.write_bytes(lzma.compress((tiny_digits.idx(tmp_path / "plain-idx3")).read_bytes()))
    np.testing.assert_array_equal(read_idx(packed, 3), tiny_digits.shapes())


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("none-idx3-ubyte", None, "cannot be read: No such file"),
        ("a-idx3-ubyte", b"", "is not a file of images in IDX format"),
        ("a-idx3-ubyte", b"\0\0\x08\x01" + bytes(20), "is not a file of images in IDX format"),
        ("a-idx3-ubyte", b"\0\0\x08\x03" + np.array([2, 3, 3], ">u4").tobytes() + bytes(9), "is damaged"),
        ("a-idx3-ubyte", b"\0\0\x08\x03" + np.array([0, 3, 3], ">u4").tobytes(), "is damaged"),
        ("a-idx3-ubyte.gz", b"not packed", "cannot be read"),
        ("a-idx3-ubyte.xz", b"not packed", "cannot be read"),
    ],
)
def test_damaged_images_are_one_sentence(tmp_path, name, content, sentence):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=sentence):
        read_idx(path, 3)
