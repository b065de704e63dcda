"""Images in IDX format for tests of moving digits: bright shapes, centred as MNIST's digits are; and films of them."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np


def shapes(count: int = 48, side: int = 12) -> np.ndarray:
    """Bars and squares [count, side, side] uint8, centred."""
    images = np.zeros((count, side, side), np.uint8)
    for number, image in enumerate(images):
        tall, wide = 2 + number % 4, 2 + number // 4 % 4
        image[side // 2 - tall : side // 2 + tall, side // 2 - wide : side // 2 + wide] = 200 + number
    return images


def idx(path: Path, images: np.ndarray | None = None) -> Path:
    """Writes images as MNIST's are published, .gz if the name says so."""
    images = shapes() if images is None else images
    content = b"\0\0\x08\x03" + np.array(images.shape, ">u4").tobytes() + images.tobytes()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def crossing(count: int = 10, size: int = 64) -> np.ndarray:
    """A film [count, size, size] uint8 of two bright rectangles that go straight on, black behind them."""
    film = np.zeros((count, size, size), np.uint8)
    for time, frame in enumerate(film):
        frame[4 + 2 * time : 18 + 2 * time, 8 + time : 16 + time] = 230
        top = size - 24 - time
        frame[top : top + 8, 30 - time : 46 - time] = np.maximum(frame[top : top + 8, 30 - time : 46 - time], 200)
    return film


def gif(path: Path, film: np.ndarray, milliseconds: int = 100) -> Path:
    """Writes an animation of frames [time, height, width] uint8."""
    from PIL import Image

    first, *rest = (Image.fromarray(frame) for frame in film)
    first.save(path, save_all=True, append_images=rest, duration=milliseconds, loop=0)
    return path
