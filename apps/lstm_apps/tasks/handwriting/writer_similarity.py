"""Says how alike the hands of two lots of lines are, by what can be measured on strokes; no part of any network.

Of each line: how the pen's directions, turns and heights are spread, how long strokes are and how far apart, how much
room and ink a character takes. A linear discriminant (Fisher 1936, for many classes) turns these into the directions in
which lines of different writers differ most for how much lines of one writer do; hands are compared by the cosine.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from lstm_models.tasks.handwriting_reader.features import InkFeatures

__all__ = ["Judge", "equal_error_rate", "first_share", "measured"]

_INK = InkFeatures(spacing=0.2)
_SHRINK = 0.2  # of the covariance within a hand, towards its diagonal
_DIRECTIONS, _HEIGHTS, _TURNS = 16, 10, 9
_MOST_AXES = 48


def measured(strokes: Sequence[np.ndarray], characters: int) -> np.ndarray:
    """What a line looks like: 75 numbers [features].

    Args:
        strokes: each [points, 2], x right, y down, of any size.
        characters: of its text.
    """
    kept = _INK.normalize(strokes)
    points = np.concatenate(kept)
    moves = np.concatenate([np.diff(stroke, axis=0) for stroke in kept if len(stroke) > 1] or [np.zeros((1, 2))])
    length = np.hypot(*moves.T)
    total = max(float(length.sum()), 1e-6)
    angle = np.arctan2(-moves[:, 1], moves[:, 0])
    directions = np.histogram(angle, _DIRECTIONS, (-np.pi, np.pi), weights=length)[0] / total
    down = moves[:, 1] > 0.7 * length
    slant = moves[down, 0] / np.maximum(moves[down, 1], 1e-6)
    upright = [slant.mean(), slant.std()] if down.any() else [0.0, 0.0]
    turns = np.concatenate([_turns(stroke) for stroke in kept])
    turned = np.histogram(turns, _TURNS, (-1.2, 1.2))[0] / max(len(turns), 1)
    sharp = np.histogram(np.abs(turns), [0, 0.1, 0.25, 0.5, 0.9, np.pi])[0] / max(len(turns), 1)
    low, high = np.percentile(points[:, 1], [30, 70])
    heights = np.percentile((points[:, 1] - low) / max(high - low, 1e-3), np.linspace(0, 100, _HEIGHTS))
    boxes = np.array([np.ptp(stroke, axis=0) for stroke in kept])
    lengths = np.array([np.hypot(*np.diff(stroke, axis=0).T).sum() for stroke in kept])
    lifts = np.array([after[0] - before[-1] for before, after in itertools.pairwise(kept)] or [(0.0, 0.0)])
    width = max(float(np.ptp(points[:, 0])), 1e-3)
    return np.concatenate(
        [
            directions * 4,
            upright,
            turned * 4,
            sharp * 4,
            np.clip(heights, -8, 8),
            np.log1p(np.percentile(lengths, [10, 30, 50, 70, 90])),
            np.percentile(np.log((boxes[:, 0] + 0.1) / (boxes[:, 1] + 0.1)), [10, 30, 50, 70, 90]),
            np.percentile(boxes[:, 1], [25, 50, 75, 95]),
            np.clip(np.percentile(lifts[:, 0], [10, 30, 50, 70, 90]), -8, 8),
            np.clip(np.percentile(lifts[:, 1], [10, 30, 50, 70, 90]), -5, 5),
            np.clip(np.hypot(*lifts.T), 0, 8).mean(keepdims=True),
            np.log([width / characters, total / characters, total / width, (len(kept) + 1) / characters]),
            [(lengths < 0.6).mean(), np.log(np.ptp(points[:, 1]) / max(high - low, 1e-3)), turns.mean(), turns.std()],
        ]
    ).astype(np.float64)


def _turns(stroke: np.ndarray) -> np.ndarray:
    """Angles [points − 2] by which the stroke turns, in radians, left positive."""
    if len(stroke) < 3:
        return np.zeros(1)
    angle = np.arctan2(*np.diff(stroke, axis=0).T[::-1])
    turns: np.ndarray = -(np.diff(angle) + np.pi) % (2 * np.pi) - np.pi
    return turns


class Judge:
    """Compares hands; fitted to lines of many.

    Args:
        hands: lines of each hand, a line being its strokes.
        characters: how many each line has.
    """

    def __init__(self, hands: Sequence[Sequence[Sequence[np.ndarray]]], characters: Sequence[Sequence[int]]) -> None:
        found = [
            np.stack([measured(*line) for line in zip(lines, counts, strict=True)])
            for lines, counts in zip(hands, characters, strict=True)
            if len(lines) > 1
        ]
        every = np.concatenate(found)
        self.mean, self.scale = every.mean(0), np.maximum(every.std(0), 1e-6)
        found = [(each - self.mean) / self.scale for each in found]
        deviations = np.concatenate([each - each.mean(0) for each in found])
        within = deviations.T @ deviations / (len(every) - len(found))
        within = (1 - _SHRINK) * within + _SHRINK * np.diag(np.diag(within)) + 1e-6 * np.eye(len(within))
        values, vectors = np.linalg.eigh(within)
        whiten = vectors / np.sqrt(values)
        middles = np.stack([each.mean(0) for each in found]) @ whiten
        _, axes = np.linalg.eigh(np.cov(middles.T))
        count = min(_MOST_AXES, len(found) - 1)
        self.axes = whiten @ axes[:, ::-1][:, :count]
        self.centre = (middles @ axes[:, ::-1][:, :count]).mean(0)

    def each(self, lines: Sequence[Sequence[np.ndarray]], characters: Sequence[int]) -> np.ndarray:
        """Where each line lies [lines, axes]."""
        found = np.stack([measured(*line) for line in zip(lines, characters, strict=True)])
        places: np.ndarray = (found - self.mean) / self.scale @ self.axes - self.centre
        return places

    def of(self, lines: Sequence[Sequence[np.ndarray]], characters: Sequence[int]) -> np.ndarray:
        """Where the hand of these lines lies [axes]."""
        return np.asarray(self.each(lines, characters).mean(0))


def equal_error_rate(same: np.ndarray, other: np.ndarray) -> float:
    """The share of errors at the threshold at which as many of the first are refused as of the second let through."""
    bounds = np.unique(np.concatenate([same, other]))
    missed = np.array([(same < bound).mean() for bound in bounds])
    passed = np.array([(other >= bound).mean() for bound in bounds])
    at = int(np.abs(missed - passed).argmin())
    return float((missed[at] + passed[at]) / 2)


def first_share(alike: np.ndarray) -> float:
    """How often the own hand is the likest, of likenesses [probes, hands], the own on the diagonal."""
    return float((alike.argmax(1) == np.arange(len(alike))).mean())
