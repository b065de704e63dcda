"""A writer without a network for tests: letters are zigzags of known sizes, so that pages can be measured."""

from __future__ import annotations

import string
from collections.abc import Iterator, Sequence

import numpy as np
import torch

from lstm_models.tasks.handwriting.config import WriterConfig
from lstm_models.tasks.handwriting.features import StrokeFeatures
from lstm_models.tasks.handwriting.model import HandwritingWriter

X_HEIGHT = 1.2
ASCENT, DESCENT = 3.0, 1.6
TALL, DEEP = "bdfhklt" + string.ascii_uppercase, "gjpqy"
WIDTHS = {**dict.fromkeys("iljt.,'", 1.2), **dict.fromkeys("mw", 3.6)}
CONFIG = WriterConfig(
    alphabet=" .,'-" + string.ascii_letters + string.digits, hidden_size=2, text_size=2, components=1, mixtures=1,
    style_size=2, styles=("10000", "10001"), names={"round": "10001"}, features=StrokeFeatures(),
)  # fmt: skip


class Pen(HandwritingWriter):
    """Writes zigzags; its letters vary in width with the seed.

    Args:
        wild: share of the lines that come out twice as wide.
        sizes: whether lines vary in size, as a network's do.
    """

    def __init__(self, wild: float = 0.0, sizes: bool = False) -> None:
        super().__init__(CONFIG)
        self.wild, self.sizes = wild, sizes
        self.batches: list[int] = []

    def sample(
        self, texts: Sequence[str], styles: torch.Tensor, *, bias: float, seed: int, every=None, tidy: bool = False,
        trace: list[np.ndarray] | None = None,
    ) -> Iterator[list[np.ndarray]]:  # fmt: skip
        self.batches.append(len(texts))
        random = np.random.default_rng(seed)
        if trace is not None:  # four points a letter, the first point of all without an offset
            trace[:] = [np.repeat([n for n, c in enumerate(text, 1) if c != " "], 4)[1:] for text in texts]
        yield [self._line(text, random) for text in texts]

    def _line(self, text: str, random: np.random.Generator) -> np.ndarray:
        points, lifts, x = [], [], 0.0
        stretch = 2.0 if random.random() < self.wild else 1.0
        size = random.uniform(0.9, 1.1) if self.sizes else 1.0
        for word in text.split(" "):
            for letter in word:
                width = WIDTHS.get(letter, 2.2) * random.uniform(0.9, 1.1) * stretch
                top = -ASCENT if letter in TALL else -X_HEIGHT
                low = DESCENT if letter in DEEP else 0.0
                points += [(x, -0.3), (x + width / 4, 0), (x + width / 2, top), (x + width * 3 / 4, low)]
                x += width
            lifts += [0] * (4 * len(word) - 1) + [1]
            x += 2.2 * stretch
        moves = np.diff(np.array(points) * size, axis=0, prepend=0)
        return np.column_stack([moves, lifts])[1:].astype(np.float32)
