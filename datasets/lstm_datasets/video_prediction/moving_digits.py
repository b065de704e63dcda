"""Moving MNIST, made on the fly by the rules of Srivastava et al. 2015.

Each digit starts anywhere in the frame and goes straight on, a tenth of the free range a frame, in a direction drawn
evenly; it is reflected at the edges, drawn at whole pixels, and where digits overlap the brighter value counts.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Dataset

from lstm_models.errors import InputError

__all__ = ["MovingDigits", "paths", "render_layers"]


def paths(random: np.random.Generator, objects: int, steps: int, speed: float = 0.1) -> NDArray[np.float64]:
    """Places [objects, steps, 2], row and column, of objects in a square of side 1 in which they are reflected."""
    place, angle = random.random((objects, 2)), random.random(objects) * 2 * np.pi
    velocity = speed * np.stack([np.sin(angle), np.cos(angle)], 1)
    found = np.empty((objects, steps, 2))
    for step in range(steps):
        place = place + velocity
        velocity = np.where((place <= 0) | (place >= 1), -velocity, velocity)
        place = place.clip(0, 1)
        found[:, step] = place
    return found


def render_layers(
    digits: NDArray[np.uint8], places: NDArray[np.float64], size: tuple[int, int] = (64, 64)
) -> NDArray[np.uint8]:
    """Layers uint8 [objects, time, *size] of images [objects, height, width] at places [objects, time, 2], 0 to 1."""
    count, time = places.shape[:2]
    free = np.array(size) - digits.shape[1:]
    if (free < 0).any():
        raise InputError(f"an object of {digits.shape[1]} × {digits.shape[2]} does not fit into {size[0]} × {size[1]}")
    layers = np.zeros((count, time, *size), np.uint8)
    for number, corners in enumerate((places * free).astype(int)):
        for step, (top, left) in enumerate(corners):
            layers[number, step, top : top + digits.shape[1], left : left + digits.shape[2]] = digits[number]
    return layers


class MovingDigits(Dataset[NDArray[np.uint8]]):
    """Films of moving digits, each by itself: uint8 [objects, time, height, width], of which a film is the maximum.

    Film ``i`` of an epoch is the same whenever it is asked for.

    Args:
        images: uint8 [count, height, width] to choose from.
        films: how many.
        frames: of each film.
        objects: digits of a film.
        variety: fraction of films that have another number of digits, from 1 to ``objects``, and another speed.
        seed: another seed, other films.
        size: height and width of a frame.
    """

    def __init__(
        self,
        images: NDArray[np.uint8],
        films: int,
        *,
        frames: int = 20,
        objects: int = 2,
        variety: float = 0.0,
        seed: int = 1,
        size: tuple[int, int] = (64, 64),
    ) -> None:
        self.images, self.frames, self.objects = images, frames, objects
        self.variety, self.seed, self.size = variety, seed, size
        self.lengths = [frames] * films
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Another epoch, other films."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, index: int) -> NDArray[np.uint8]:
        if not 0 <= index < len(self):
            raise IndexError(index)
        random = np.random.default_rng([self.seed, self.epoch, index])
        count, speed = self.objects, 0.1
        if random.random() < self.variety:
            count, speed = int(random.integers(1, self.objects + 1)), random.uniform(0.0, 0.15)
        digits = self.images[random.integers(len(self.images), size=count)]
        layers = render_layers(digits, paths(random, count, self.frames, speed), self.size)
        absent = np.zeros((self.objects - count, *layers.shape[1:]), np.uint8)
        return np.concatenate([layers, absent])
