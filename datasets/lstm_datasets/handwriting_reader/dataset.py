"""Lines of handwriting as a reader is trained on them: features of points and labels, varied anew each epoch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.utils.data import Dataset

from lstm_models.field_checks import check_at_least, check_fractions
from lstm_models.tasks.handwriting_reader.features import InkFeatures

if TYPE_CHECKING:
    from lstm_datasets.handwriting.readers import HandwritingLine
    from lstm_models.tasks.handwriting_reader.model import HandwritingReader

__all__ = ["InkAugmentation", "ReaderLines"]


@dataclass(frozen=True)
class InkAugmentation:
    """How training lines are varied; each line anew in each epoch, every amount drawn between 0 and the largest.

    Attributes:
        slant: largest slant either way, as x per y.
        width: largest stretch or squeeze along the line, as a share.
        size: largest change of size both ways, as a share: heights are estimates, and their errors are such.
        rotation: largest turn either way, in degrees.
        spacing: largest change of the steps between points, as a share.
        noise: largest standard deviation of points from where they were, in heights.
        wobble: largest standard deviation of whole strokes from where they were, in heights.
        ends: largest length left out at each end of a stroke, in heights; at most a fifth of the stroke.
        begin: the first epoch of all this; a new network learns to align sooner from lines as they are.
    """

    slant: float = 0.4
    width: float = 0.2
    size: float = 0.15
    rotation: float = 3.0
    spacing: float = 0.15
    noise: float = 0.03
    wobble: float = 0.05
    ends: float = 0.15
    begin: int = 0

    def __post_init__(self) -> None:
        check_at_least(self, 0, "slant", "rotation", "noise", "wobble", "ends", "begin", of="augmentation")
        check_fractions(self, "width", "size", "spacing", of="augmentation")

    def varied(self, strokes: Sequence[np.ndarray], generator: np.random.Generator) -> list[np.ndarray]:
        """Normalised strokes as another hand might have written them: ``[points, 2]`` each, in the same order."""
        draw = generator.uniform
        turn, slant = math.radians(draw(-self.rotation, self.rotation)), draw(-self.slant, self.slant)
        size = 1 + draw(-self.size, self.size)
        # A squeeze by a third is as far as a stretch by a half
        stretch = (1 - self.width) ** draw(-1, 1)
        shape = np.array([[stretch, 0], [slant, 1]]) * size
        shape = shape @ np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
        counts = [len(stroke) for stroke in strokes]
        points = np.concatenate(strokes) @ shape
        if self.noise or self.wobble:
            wobble = generator.standard_normal((len(counts), 2)) * draw(0, self.wobble)
            points += generator.standard_normal(points.shape) * draw(0, self.noise) + np.repeat(wobble, counts, 0)
        kept = np.split(points, np.cumsum(counts)[:-1])
        return [self._cut(stroke, generator) for stroke in kept] if self.ends else kept

    def _cut(self, stroke: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """A stroke without a little of its ends, counted in its points."""
        if len(stroke) < 10:
            return stroke
        step = max(float(np.hypot(*(stroke[1:] - stroke[:-1]).T).mean()), 1e-6)
        begin, end = generator.uniform(0, min(self.ends / step, len(stroke) / 5), 2).astype(int)
        return stroke[begin : len(stroke) - end]


class ReaderLines(Dataset[dict[str, torch.Tensor]]):
    """Lines as items ``features [points, features]`` and ``text [characters]`` (labels).

    Args:
        lines: with texts in the reader's alphabet.
        reader: whose features and labels are used.
        augmentation: how lines are varied; not at all if None.
        seed: of the variation.

    ``lengths`` are the points of each item as it is; varied it has a few more or less.
    """

    def __init__(
        self,
        lines: Sequence[HandwritingLine],
        reader: HandwritingReader,
        augmentation: InkAugmentation | None = None,
        seed: int = 0,
    ) -> None:
        self.features, self.augmentation, self.seed, self.epoch = reader.config.features, augmentation, seed, 0
        self.texts = [reader.encode(line.text) for line in lines]
        self.strokes = [self.features.normalize(line.strokes) for line in lines]
        self.lengths = [len(self.features.sample(strokes)) for strokes in self.strokes]

    def set_epoch(self, epoch: int) -> None:
        """Another epoch, other variations."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.texts)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        strokes, features, varied = self.strokes[index], self.features, self.augmentation
        if varied is not None and self.epoch >= varied.begin:
            generator = np.random.default_rng((self.seed, self.epoch, index))
            strokes = varied.varied(strokes, generator)
            features = InkFeatures(features.spacing * (1 + generator.uniform(-varied.spacing, varied.spacing)))
        return {"features": torch.from_numpy(features.sample(strokes)), "text": self.texts[index]}
