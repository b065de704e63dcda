"""Scenes of one or two digits with the sentences that say where they are, made on the fly, and canvases of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch.utils.data import Dataset

from lstm_datasets.image_generation.readers import LabelledImages
from lstm_models.errors import InputError
from lstm_models.tasks.image_generation.scene_layout import LayoutItem
from lstm_models.tasks.image_generation.scenes import RELATIONS, Scene, random_scene

__all__ = ["DigitScenes", "canvas_of", "held_out"]

_JITTER = 0.04  # of the canvas' side, by which a digit strays in either direction at most


def held_out(scene: Scene) -> bool:
    """Whether a scene is of the tenth of pairs of digits and relations that are never trained on."""
    if len(scene.digits) < 2:
        return False
    first, second = scene.digits
    return (3 * first + 7 * second + list(RELATIONS).index(scene.relation)) % 10 == 0


class DigitScenes(Dataset[LayoutItem]):
    """Scenes, each with a sentence such as "a three above a seven on the left" and the places of its digits.

    Each counts as one frame of a batch. Scene ``i`` of an epoch is the same whenever it is asked for.

    Args:
        vocabulary: words, numbered from 1.
        grid: rows and columns of places.
        count: scenes of an epoch.
        seed: another seed, other scenes.
        unseen: only pairs that are held out, or none of them.
        fixed: the same ones in every epoch.
    """

    def __init__(
        self, vocabulary: Sequence[str], *, grid: int, count: int, seed: int = 1, unseen: bool = False,
        fixed: bool = False,
    ) -> None:  # fmt: skip
        self.numbers = {word: number for number, word in enumerate(vocabulary, 1)}
        self.grid, self.seed, self.unseen, self.fixed = grid, seed, unseen, fixed
        self.lengths, self.epoch = [1] * count, 0

    def set_epoch(self, epoch: int) -> None:
        """Another epoch, other scenes."""
        self.epoch = 0 if self.fixed else epoch

    def __len__(self) -> int:
        return len(self.lengths)

    def scene(self, index: int) -> tuple[Scene, str, tuple[tuple[int, int], ...]]:
        """A scene, a sentence for it, and the row and column of the grid of each digit's middle."""
        generator = np.random.default_rng((self.seed, self.epoch, index))
        scene = random_scene(generator)
        while held_out(scene) != self.unseen:
            scene = random_scene(generator)
        arrangements = scene.arrangements()
        rough = np.array(arrangements[int(generator.integers(len(arrangements)))])
        middles = (1 + rough) / 4 + generator.uniform(-_JITTER, _JITTER, rough.shape)
        places = tuple((int(row), int(column)) for row, column in middles * self.grid)
        return scene, scene.sentence(generator), places

    def __getitem__(self, index: int) -> LayoutItem:
        scene, sentence, places = self.scene(index)
        digits = tuple((digit, *place) for digit, place in zip(scene.digits, places, strict=True))
        return LayoutItem(tuple(self.numbers[word] for word in sentence.split()), digits)


def canvas_of(
    scene: Scene, places: Sequence[tuple[int, int]], found: LabelledImages, grid: int, seed: int
) -> np.ndarray:
    """Real digits in the places of a scene, uint8, twice as high and wide as theirs.

    Raises:
        InputError: the images are not labelled, or a digit is missing.
    """
    side, generator, labels = found.images.shape[1], np.random.default_rng(seed), np.array(found.labels)
    canvas = np.zeros((2 * side, 2 * side), np.uint8)
    for digit, place in zip(scene.digits, places, strict=True):
        which = np.flatnonzero(labels == str(digit))
        if not len(which):
            raise InputError(f"the images have no digit labelled {digit}", usage=True)
        corner = [round((at + 0.5) / grid * 2 * side - side / 2) for at in place]
        top, left = np.clip(corner, 0, side)
        at = canvas[top : top + side, left : left + side]
        np.maximum(at, found.images[generator.choice(which)], out=at)
    return canvas
