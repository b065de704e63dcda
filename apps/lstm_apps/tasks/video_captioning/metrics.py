"""How much descriptions of the same film agree, which needs no references."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ["agreement"]


def agreement(texts: Sequence[Sequence[str]]) -> float:
    """The mean fraction of words that descriptions of the same film have in common with each other (Jaccard).

    Args:
        texts: for each film its descriptions, such as those of its halves.

    >>> agreement([["a dog runs", "a dog sits"]])
    0.5
    """
    found = []
    for each in texts:
        words = [frozenset(text.lower().split()) for text in each]
        pairs = [(one, two) for place, one in enumerate(words) for two in words[place + 1 :]]
        found += [len(one & two) / max(1, len(one | two)) for one, two in pairs]
    return float(np.mean(found)) if found else 0.0
