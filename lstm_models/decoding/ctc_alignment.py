"""When each label of a known text was said: the most probable CTC alignment (Viterbi)."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from lstm_models import deadlines

__all__ = ["align_labels"]


def align_labels(log_probs: np.ndarray, labels: Sequence[int], space: int = -1) -> list[tuple[int, int]] | None:
    """The first and last output of each label on the most probable path through all outputs.

    The recursion is that of Graves et al. 2006 (ICML, section 4.1) with the maximum in place of the sum.

    Args:
        log_probs: `[outputs, labels]`, label 0 is the blank.
        labels: the text, without blanks.
        space: a label that may also be emitted where the text has a blank, beside such a label or at the ends: several
            spaces count as one. −1 for none.

    Returns:
        For each label (first, last), both included; None where there are too few outputs for the labels.
    """
    count = len(labels)
    outputs = len(log_probs)
    repeats = sum(a == b for a, b in itertools.pairwise(labels))
    if outputs < count + repeats:
        return None
    if not count:
        return []
    states = np.zeros(2 * count + 1, dtype=np.int64)
    states[1::2] = labels
    emitted = log_probs[:, states].astype(np.float64)
    if space >= 0:
        beside = np.zeros(count + 1, dtype=bool)
        beside[0] = beside[-1] = True
        spaces = np.asarray(labels) == space
        beside[:-1] |= spaces
        beside[1:] |= spaces
        columns = 2 * np.flatnonzero(beside)
        emitted[:, columns] = np.maximum(emitted[:, columns], log_probs[:, space, None])
    skips = np.full(2 * count + 1, -np.inf)
    skips[3::2] = np.where(states[3::2] == states[1:-2:2], -np.inf, 0.0)
    padded = np.full(2 * count + 3, -np.inf)  # two states before the first
    score = padded[2:]
    score[:2] = emitted[0, :2]
    pointers = np.zeros((outputs, 2 * count + 1), dtype=np.int8)
    for t in range(1, outputs):
        deadlines.check()
        one, two = padded[1:-1], padded[:-2] + skips
        best = np.maximum(score, one)
        step = pointers[t]
        step[one > score] = 1
        jumps = two > best
        step[jumps] = 2
        score[:] = np.maximum(best, two) + emitted[t]
    state = 2 * count if score[2 * count] >= score[2 * count - 1] else 2 * count - 1
    if score[state] == -np.inf:
        return None
    spans = [[-1, -1] for _ in range(count)]
    for t in range(outputs - 1, -1, -1):
        if state % 2:
            span = spans[state // 2]
            span[0] = t
            span[1] = max(span[1], t)
        state -= int(pointers[t, state])
    return [(first, last) for first, last in spans]
