"""Small grey images with the names of their kinds: MNIST's files, arrays, and folders of pictures."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lstm_datasets.packed_files import IDX_IMAGES, idx_images, read_bytes, read_idx
from lstm_models.errors import InputError

__all__ = ["LabelledImages", "read_images"]


class LabelledImages(NamedTuple):
    """Images ``[images, height, width]`` as uint8, 255 for white, and the name of each one's kind, "" for unknown."""

    images: np.ndarray
    labels: list[str]


def read_images(path: str | os.PathLike[str], size: int = 28, part: str = "train") -> LabelledImages:
    """The images of a file or folder, scaled to squares.

    Args:
        path: a folder with MNIST's files (LeCun et al. 1998), one such file of images (its labels lie beside it),
            plain, .gz or .xz; a .npy array [images, height, width], 0 to 255 or true and false, plain or .xz; or a
            folder of pictures, whose kinds are the names of its folders, if it has any.
        size: pixels of a side.
        part: of a folder with several of MNIST's files, the one whose name begins so.

    Raises:
        InputError: there is nothing of that form.
    """
    path = Path(path)
    if path.is_dir():
        file = idx_images(path, part)
        return _pictures(path, size) if file is None else _squares(_mnist(file), size)
    if IDX_IMAGES in path.name:
        return _squares(_mnist(path), size)
    if path.name.endswith((".npy", ".npy.xz")):
        return _squares(_array(path), size)
    raise InputError(
        f"{path} is not a set of images: expected MNIST's files, a .npy array or a folder of pictures"
        if path.exists()
        else f"{path} does not exist"
    )


def _mnist(path: Path) -> LabelledImages:
    images = read_idx(path, 3)
    beside = path.with_name(path.name.replace(IDX_IMAGES, "-labels-idx1-ubyte"))
    found = [beside] if beside.exists() else sorted(path.parent.glob(f"{beside.name.split('-ubyte')[0]}-ubyte*"))
    if not found:
        return LabelledImages(images, [""] * len(images))
    labels = read_idx(found[0], 1)
    if len(labels) != len(images):
        raise InputError(f"{found[0]} has {len(labels)} labels for {len(images)} images")
    return LabelledImages(images, [str(label) for label in labels])


def _array(path: Path) -> LabelledImages:
    try:
        array = np.load(io.BytesIO(read_bytes(path)), allow_pickle=False)
    except ValueError:
        raise InputError(f"{path} is not a .npy array") from None
    if array.ndim != 3 or array.dtype not in (np.uint8, np.bool_) or not array.size:
        raise InputError(f"{path} has {array.dtype} {list(array.shape)}: expected uint8 [images, height, width]")
    return LabelledImages(array.astype(np.uint8) * (255 if array.dtype == np.bool_ else 1), [""] * len(array))


def _pictures(folder: Path, size: int) -> LabelledImages:
    from PIL import Image

    from lstm_models.io.images import list_images, open_image

    paths = list_images(folder, recursive=True)
    images = [np.asarray(open_image(path).convert("L").resize((size, size), Image.Resampling.BOX)) for path in paths]
    labels = [path.parent.name.replace(" ", "-") if path.parent != folder else "" for path in paths]
    return LabelledImages(np.stack(images), labels)


def _squares(found: LabelledImages, size: int) -> LabelledImages:
    if not len(found.images):
        raise InputError("there is no image in the data")
    if found.images.shape[1:] == (size, size):
        return found
    from PIL import Image

    scaled = [np.asarray(Image.fromarray(each).resize((size, size), Image.Resampling.BOX)) for each in found.images]
    return LabelledImages(np.stack(scaled), found.labels)
