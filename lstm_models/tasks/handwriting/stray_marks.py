"""Dots and dashes that a writer sets after a text that does not end with one: most lines it learnt from do."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lstm_models.tasks.handwriting.features import StrokeFeatures

__all__ = ["without_stray", "without_stray_offsets"]

_STRAY = (1.0, 0.5)  # their extent, in the writer's units


def without_stray(strokes: list[np.ndarray], text: str) -> list[np.ndarray]:
    """The strokes [points, 2] without small ones right of all else at the end, unless the text ends with a sign."""
    dotted = any(letter in text.rpartition(" ")[2] for letter in "ij")  # whose dots may come last
    while len(strokes) > 1 and text[-1:].isalnum():
        last, rest = strokes[-1], strokes[:-1]
        right = max(float(stroke[:, 0].max()) for stroke in rest)
        middle = np.concatenate(rest)[:, 1].mean()
        high = [_is_small(stroke) and bool(stroke[:, 1].mean() < middle) for stroke in strokes]
        dots = dotted and high[-1] and sum(high) <= text.count("i") + text.count("j")
        if dots or not _is_small(last) or last[:, 0].min() < right:
            break
        strokes = rest
    return strokes


def _is_small(stroke: np.ndarray) -> bool:
    return bool((np.ptp(stroke[:, :2], axis=0) <= _STRAY).all())


def without_stray_offsets(
    rows: Sequence[np.ndarray], texts: Sequence[str], features: StrokeFeatures, trace: list[np.ndarray] | None = None
) -> list[np.ndarray]:
    """The offsets [points, 3] of whole lines, cut before such marks; the trace [points] of each, in place, likewise."""
    made = []
    for number, (row, text) in enumerate(zip(rows, texts, strict=True)):
        strokes = features.decode(row)
        points = sum(map(len, without_stray(strokes, text)))
        if points < sum(map(len, strokes)):
            row = row[: points - 1]
            if trace is not None:
                trace[number] = trace[number][: points - 1]
        made.append(row)
    return made
