"""Films of one or two digits that move straight on, with sentences that say what moves where, made on the fly."""

from __future__ import annotations

import numpy as np
import torch
from torch.utils.data import Dataset

from lstm_models.errors import InputError
from lstm_models.tasks.video_captioning.digit_films import DigitFilmItem
from lstm_models.text.vocabulary import END, Vocabulary, split_words

__all__ = ["MOTIONS", "NUMBERS", "DigitFilms", "sentence_of", "vocabulary"]

NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
MOTIONS: dict[tuple[int, int], str] = {
    (0, 0): "stands still", (0, 1): "moves to the right", (0, -1): "moves to the left", (-1, 0): "moves up",
    (1, 0): "moves down", (-1, 1): "moves to the right and up", (1, 1): "moves to the right and down",
    (-1, -1): "moves to the left and up", (1, -1): "moves to the left and down",
}  # fmt: skip
"""Rows and columns of a step, and what it is called."""
_DIGIT = 3 / 7  # of a frame's side: that of a digit's square, whose ink is smaller
_REACH = (0.175, 0.35)  # of a frame's side: so far a digit moves in a film
_APART = 0.32  # of a frame's side: so far apart two digits begin and end, though they may cross in between
_COLUMNS = 0.12  # likewise: which begins further left is certain


def sentence_of(digits: list[int], steps: list[tuple[int, int]]) -> str:
    """What moves where; the digits are given from left to right as they begin.

    >>> sentence_of([3, 7], [(-1, 1), (0, 0)])
    'the digit three moves to the right and up and the digit seven stands still'
    """
    return " and ".join(
        f"the digit {NUMBERS[digit]} {MOTIONS[step]}" for digit, step in zip(digits, steps, strict=True)
    )


def vocabulary() -> str:
    """All words of the sentences, set apart by blanks."""
    words = dict.fromkeys(word for text in ("the digit and", *NUMBERS, *MOTIONS.values()) for word in split_words(text))
    return " ".join(words)


class DigitFilms(Dataset[DigitFilmItem]):
    """Films with sentences; film ``i`` of an epoch is the same whenever it is asked for.

    Each counts as one frame of a batch.

    Args:
        images: uint8 [count, height, width], white on black.
        labels: of them, "0" to "9".
        words: vocabulary of the model, set apart by blanks.
        size: pixels of a frame's side.
        frames: of a film.
        count: films of an epoch.
        seed: another seed, other films.
        alone: fraction of films with one digit.
        fixed: the same films in every epoch.
        alone_epochs: epochs at first in which all films have one digit: which is which is easier to learn then.

    Raises:
        InputError: an image has no label from 0 to 9.
    """

    def __init__(
        self, images: np.ndarray, labels: list[str], words: str, *, size: int, frames: int, count: int, seed: int = 1,
        alone: float = 0.25, fixed: bool = False, alone_epochs: int = 0,
    ) -> None:  # fmt: skip
        from PIL import Image

        if not set(labels) <= set("0123456789") or not labels:
            raise InputError("the images are not labelled 0 to 9", usage=True)
        side = round(_DIGIT * size)
        resized = [np.asarray(Image.fromarray(each).resize((side, side), Image.Resampling.BOX)) for each in images]
        self.images, self.labels = np.stack(resized), [int(label) for label in labels]
        self.vocabulary = Vocabulary(words.split())
        self.size, self.frames, self.seed, self.alone, self.fixed = size, frames, seed, alone, fixed
        self.alone_epochs = alone_epochs
        self.lengths, self.epoch = [1] * count, 0

    def set_epoch(self, epoch: int) -> None:
        """Another epoch, other films."""
        self.epoch = 0 if self.fixed else epoch

    def __len__(self) -> int:
        return len(self.lengths)

    def film(self, index: int) -> tuple[np.ndarray, str]:
        """A film uint8 [frames, size, size] and its sentence."""
        generator = np.random.default_rng((self.seed, self.epoch, index))
        count = 1 if self.epoch < self.alone_epochs or generator.random() < self.alone else 2
        chosen = generator.integers(len(self.images), size=count)
        while True:
            steps = [list(MOTIONS)[number] for number in generator.integers(len(MOTIONS), size=count)]
            corners = [self._path(step, generator) for step in steps]
            order = sorted(range(count), key=lambda number: corners[number][0, 1])
            if count == 1 or self._are_apart(corners[order[0]], corners[order[1]]):
                break
        film, side = np.zeros((self.frames, self.size, self.size), np.uint8), self.images.shape[1]
        for image, path in zip(self.images[chosen], corners, strict=True):
            for frame, (top, left) in zip(film, path.round().astype(int), strict=True):
                at = frame[top : top + side, left : left + side]
                np.maximum(at, image, out=at)
        digits = [self.labels[chosen[number]] for number in order]
        return film, sentence_of(digits, [steps[number] for number in order])

    def _are_apart(self, first: np.ndarray, second: np.ndarray) -> bool:
        between = (second - first)[[0, -1]] / self.size
        return bool(between[0, 1] >= _COLUMNS and (np.hypot(*between.T) >= _APART).all())

    def _path(self, step: tuple[int, int], generator: np.random.Generator) -> np.ndarray:
        """Upper left corners [frames, 2] of a digit that stays within the frame."""
        moved = generator.uniform(*_REACH) * self.size * np.array(step) / max(1.0, np.hypot(*step))
        free = float(self.size - self.images.shape[1])
        start = generator.uniform(np.maximum(0, -moved), free - np.maximum(0, moved))
        return np.asarray(start + np.linspace(0, 1, self.frames)[:, None] * moved)

    def __getitem__(self, index: int) -> DigitFilmItem:
        film, sentence = self.film(index)
        return DigitFilmItem(torch.from_numpy(film), (*self.vocabulary.encode(sentence), END))
