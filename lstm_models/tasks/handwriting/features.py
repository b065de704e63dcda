"""Pen strokes as the numbers a network sees; saved with the model, so that what was trained is what is run.

``StrokeFeatures`` turns pen strokes into offsets and back, either exactly as Graves (2013) did (every raw point) or
resampled: the line is made level, scaled to one size and sampled anew, with points close together where the pen turns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lstm_models.ink.line_metrics import Strokes, level

__all__ = ["GRAVES", "StrokeFeatures"]


@dataclass(frozen=True)
class StrokeFeatures:
    """Pen strokes as normalised offsets, and back.

    Attributes:
        resample: level, scale and sample the line anew; false keeps every raw point (Graves' setting).
        mean: mean of the offsets (x, y) in the units of the points, taken from the training set.
        std: their standard deviation.
        arc: distance along the stroke that earns a point, in units of the line's vertical standard deviation.
        time: recorded points that earn a point by their time alone (slow, curved parts get more of them).
    """

    resample: bool = True
    mean: tuple[float, float] = (0.0, 0.0)
    std: tuple[float, float] = (1.0, 1.0)
    arc: float = 0.75
    time: float = 6.0

    def __post_init__(self) -> None:
        for name, values in (("std", self.std), ("arc", (self.arc,)), ("time", (self.time,))):
            if not all(0 < value < np.inf for value in values):
                raise ValueError(f"features: {name} must be above 0, not {getattr(self, name)}")
        if not np.isfinite(self.mean).all():
            raise ValueError(f"features: mean must be finite, not {self.mean}")

    def points(self, strokes: Strokes) -> list[np.ndarray]:
        """The strokes the offsets are taken from: as they are, or level, scaled and sampled anew.

        Args:
            strokes: pen-down paths, each [points, 2], x right, y down.

        Raises:
            ValueError: no stroke has a point, or a coordinate is not finite.
        """
        kept = [np.asarray(stroke, np.float64).reshape(-1, 2) for stroke in strokes if len(stroke)]
        if not kept:
            raise ValueError("a line needs at least one stroke with a point")
        if not all(np.isfinite(stroke).all() for stroke in kept):
            raise ValueError("a coordinate is not finite")
        if not self.resample:
            return kept
        kept = level(kept)
        points = np.concatenate(kept)
        # A dash has no height of its own: its length stands in, or its points would be without number
        height = max(points[:, 1].std(), np.ptp(points[:, 0]) / 1000, 1e-6)
        return [self._sample(stroke / height) for stroke in kept]

    def encode(self, strokes: Strokes) -> np.ndarray:
        """Offsets [points − 1, 3] float32: normalised dx, dy, and 1 where the pen lifts after the point.

        The first point has no offset and so no lift: a line that begins with a single dot is joined to it.
        """
        kept = self.points(strokes)
        lifts = np.zeros(sum(map(len, kept)))
        lifts[np.cumsum([len(stroke) for stroke in kept]) - 1] = 1
        offsets = (np.diff(np.concatenate(kept), axis=0) - self.mean) / self.std
        return np.concatenate([offsets, lifts[1:, None]], 1).astype(np.float32)

    def decode(self, offsets: np.ndarray) -> list[np.ndarray]:
        """Strokes [points, 2] from offsets [points − 1, 3]; the first point is the origin."""
        path = np.asarray(offsets[:, :2], np.float64) * self.std + self.mean
        points = np.concatenate([np.zeros((1, 2)), path]).cumsum(0)
        ends = np.flatnonzero(offsets[:, 2] > 0.5) + 2
        return [stroke.astype(np.float32) for stroke in np.split(points, ends) if len(stroke)]

    def fitted(self, lines: Sequence[Strokes]) -> StrokeFeatures:
        """The same features with mean and standard deviation of the offsets of these lines."""
        plain = StrokeFeatures(self.resample, arc=self.arc, time=self.time)
        offsets = np.concatenate([plain.encode(strokes)[:, :2] for strokes in lines]).astype(np.float64)
        mean, std = offsets.mean(0), offsets.std(0)
        std[std == 0] = 1  # lines without height, or without width
        return StrokeFeatures(
            self.resample, (float(mean[0]), float(mean[1])), (float(std[0]), float(std[1])), self.arc, self.time
        )

    def _sample(self, stroke: np.ndarray) -> np.ndarray:
        steps = np.hypot(*np.diff(stroke, axis=0).T) / self.arc
        # Where the pen rests, time earns nothing: a cluster of equal points would only teach the model to wait.
        fraction = np.concatenate([[0.0], np.cumsum(steps + np.minimum(steps * 4, 1) / self.time)])
        count = round(float(fraction[-1])) + 1
        if count < 2:
            return stroke.mean(0, keepdims=True) if fraction[-1] < 0.25 else stroke[[0, -1]]
        places = np.linspace(0, fraction[-1], count)
        smooth = stroke.copy()
        smooth[1:-1] = (stroke[:-2] + 2 * stroke[1:-1] + stroke[2:]) / 4
        return np.stack([np.interp(places, fraction, smooth[:, axis]) for axis in (0, 1)], 1)


GRAVES = StrokeFeatures(resample=False, mean=(8.1787, 0.1116), std=(41.954, 37.124))
"""Every raw point of IAM-OnDB under the normalisation that published likelihoods are given in."""
