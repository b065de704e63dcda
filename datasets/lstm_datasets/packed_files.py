"""Files as data sets are published: plain, .gz or .xz; and MNIST's IDX files.

>>> from lstm_datasets.packed_files import read_idx
>>> read_idx("t10k-images-idx3-ubyte.gz", 3).shape                                   # doctest: +SKIP
(10000, 28, 28)
"""

from __future__ import annotations

import gzip
import lzma
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from lstm_models.errors import InputError
from lstm_models.io.atomic_write import shown

__all__ = ["DAMAGED", "IDX_IMAGES", "PACKED_SUFFIXES", "idx_images", "open_text", "read_bytes", "read_idx", "read_text"]

PACKED_SUFFIXES = (".gz", ".xz")
DAMAGED = (OSError, EOFError, UnicodeDecodeError, lzma.LZMAError, zlib.error)
"""What reading a packed file may raise."""
IDX_IMAGES = "-images-idx3-ubyte"
"""Part of the name of MNIST's files of images."""

_UNPACK: dict[str, Callable[[bytes], bytes]] = {".gz": gzip.decompress, ".xz": lzma.decompress}


def read_bytes(path: Path) -> bytes:
    """The content of a file, unpacked if its name ends in .gz or .xz.

    Raises:
        InputError: it cannot be read, or is damaged.
    """
    try:
        return _UNPACK.get(path.suffix.lower(), bytes)(path.read_bytes())
    except DAMAGED as error:
        raise InputError(f"{shown(path)} cannot be read: {getattr(error, 'strerror', None) or error}") from None


def read_text(path: Path) -> str:
    """The text of a file in UTF-8, unpacked as by `read_bytes`.

    Raises:
        InputError: likewise, or it is no text.
    """
    try:
        return read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{shown(path)} cannot be read: {error}") from None


def open_text(path: Path) -> IO[str]:
    """A file of text in UTF-8, unpacked as it is read; opening and reading may raise what is in `DAMAGED`."""
    if path.suffix.lower() == ".xz":
        return lzma.open(path, "rt", encoding="utf-8")
    if path.suffix.lower() == ".gz":
        return gzip.open(path, "rt", encoding="utf-8")
    return open(path, encoding="utf-8")


def idx_images(folder: Path, part: str = "train") -> Path | None:
    """MNIST's file of images in a folder, that of the part whose name begins so if there are several; None if none."""
    found = sorted(folder.glob(f"{part}*{IDX_IMAGES[1:]}*")) or sorted(folder.glob(f"*{IDX_IMAGES[1:]}*"))
    return found[0] if found else None


def read_idx(path: Path, axes: int) -> NDArray[np.uint8]:
    """An array of bytes in IDX form: 0, 0, 8, the number of axes, the length of each, the bytes.

    Raises:
        InputError: the file cannot be read, or is no whole file of that form.
    """
    content = read_bytes(path)
    head = 4 + 4 * axes
    if content[:4] != bytes([0, 0, 8, axes]) or len(content) < head:
        what = "images" if axes == 3 else f"bytes with {axes} ax{'i' if axes == 1 else 'e'}s"
        raise InputError(f"{path} is not a file of {what} in IDX format, such as train-images-idx3-ubyte.gz")
    shape = tuple(int(size) for size in np.frombuffer(content, ">u4", axes, 4))
    if not all(shape) or len(content) != head + int(np.prod(shape)):
        raise InputError(f"{path} is damaged: {len(content)} bytes are not {' × '.join(map(str, shape))}")
    return np.frombuffer(content, np.uint8, offset=head).reshape(shape)
