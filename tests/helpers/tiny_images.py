"""Images of two kinds, bars that lie (0) and bars that stand (1), in MNIST's form."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont


def bars(count: int = 200, size: int = 12, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Images uint8 [count, size, size] and their kinds uint8 [count]."""
    generator = np.random.default_rng(seed)
    images, kinds = np.zeros((count, size, size), np.uint8), np.zeros(count, np.uint8)
    for number in range(count):
        kinds[number] = number % 2
        place = int(generator.integers(1, size - 3))
        images[number, place : place + 3, 1:-1] = 255
        if kinds[number]:
            images[number] = images[number].T
    return images, kinds


def half(path: Path) -> None:
    """A picture of 28 × 28 pixels with the upper half of a bar that stands."""
    image = np.zeros((28, 28), np.uint8)
    image[4:14, 12:15] = 255
    Image.fromarray(image).save(path)


def digits(folder: Path, count: int = 200) -> None:
    """A folder with the files of MNIST, whose digits of 28 × 28 pixels are printed, here and there."""
    folder.mkdir(parents=True, exist_ok=True)
    font = ImageFont.load_default(20)
    for part, seed in (("train", 0), ("t10k", 1)):
        generator = np.random.default_rng(seed)
        kinds, images = np.arange(count, dtype=np.uint8) % 10, []
        for kind in kinds:
            image = Image.new("L", (28, 28))
            x, y = (14 + generator.integers(-1, 2, size=2)).tolist()
            ImageDraw.Draw(image).text((x, y), str(kind), int(generator.integers(180, 256)), font, anchor="mm")
            images.append(np.asarray(image))
        (folder / f"{part}-images-idx3-ubyte").write_bytes(idx(np.stack(images)))
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(idx(kinds))


def idx(array: np.ndarray) -> bytes:
    """An array of bytes in IDX form."""
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def mnist(folder: Path, count: int = 200, size: int = 12) -> None:
    """A folder with the files of MNIST."""
    folder.mkdir(parents=True, exist_ok=True)
    for part, seed in (("train", 0), ("t10k", 1)):
        images, kinds = bars(count, size, seed)
        (folder / f"{part}-images-idx3-ubyte").write_bytes(idx(images))
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(idx(kinds))
