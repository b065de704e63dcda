"""Scores of marks and capitals: precision, recall and F1 as IWSLT's restoration of punctuation is scored.

Counted word by word: a mark is right where the same mark (merged into comma, period and question mark) stands after the
word in the reference. Over all marks, counts are added up (micro-average), as Tilk and Alumäe 2016 do.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["GROUP_NAMES", "best_offsets", "binary_scores", "mark_scores"]

GROUP_NAMES = ("none", "comma", "period", "question")


def mark_scores(wanted: np.ndarray, found: np.ndarray) -> dict[str, Any]:
    """Precision, recall and F1 in per cent of each mark and of all, of groups [words] (0 none, 1 comma, …)."""
    scores: dict[str, Any] = {}
    for group, name in enumerate(GROUP_NAMES[1:], 1):
        scores[name] = binary_scores(wanted == group, found == group)
    right = int(((wanted == found) & (wanted > 0)).sum())
    scores["all"] = _scores(right, int((found > 0).sum()), int((wanted > 0).sum()))
    return scores


def binary_scores(wanted: np.ndarray, found: np.ndarray) -> dict[str, Any]:
    """Precision, recall and F1 in per cent of what is true in both [words]."""
    return _scores(int((wanted & found).sum()), int(found.sum()), int(wanted.sum()))


def best_offsets(log_probs: np.ndarray, wanted: np.ndarray) -> tuple[float, float, float]:
    """What to add to the log probabilities [words, 4] of comma, period and question mark for the highest F1 of all.

    Coordinate ascent on a grid of a tenth of a nat, from no offsets.
    """
    offsets = np.zeros(4)
    best = mark_scores(wanted, log_probs.argmax(1))["all"]["f1"]
    grid = np.round(np.arange(-1.0, 1.01, 0.1), 1)
    for _ in range(3):
        for group in (1, 2, 3):
            for value in grid:
                tried = offsets.copy()
                tried[group] = value
                f1 = mark_scores(wanted, (log_probs + tried).argmax(1))["all"]["f1"]
                if f1 > best + 1e-9:
                    best, offsets = f1, tried
    return float(offsets[1]), float(offsets[2]), float(offsets[3])


def _scores(right: int, found: int, wanted: int) -> dict[str, Any]:
    precision, recall = right / found if found else 0.0, right / wanted if wanted else 0.0
    f1 = 2 * right / (found + wanted) if found + wanted else 0.0
    made = {"precision": precision, "recall": recall, "f1": f1}
    return {"count": wanted, **{name: round(100 * value, 2) for name, value in made.items()}}
