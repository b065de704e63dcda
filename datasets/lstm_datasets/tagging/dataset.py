"""Sentences as training items of a tagger, some of them in lower case, others in each epoch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from torch.utils.data import Dataset

from lstm_datasets.tagging.readers import LabeledSentence
from lstm_models.tasks.tagging.features import NAMES, POS_TAGS

if TYPE_CHECKING:
    from lstm_models.tasks.tagging.network import TaggingNetwork

__all__ = ["TaggedSentences"]

_POS = {tag: number for number, tag in enumerate(POS_TAGS)}
_NAMES = {label: number for number, label in enumerate(NAMES)}


class TaggedSentences(Dataset[dict[str, Any]]):
    """Items as ``TaggingNetwork.encode`` gives them, with ``pos`` and ``names`` [words] and ``label`` where known.

    Args:
        sentences: with labels.
        network: whose vocabulary is used.
        lowercase: fraction of items in lower case, drawn anew in each epoch; transcripts are so.
        longest: words of an item; the rest of a longer sentence is left out.
        seed: of the draw.
    """

    def __init__(
        self,
        sentences: Sequence[LabeledSentence],
        network: TaggingNetwork,
        lowercase: float = 0.0,
        longest: int = 150,
        seed: int = 0,
    ) -> None:
        self.lowercase, self.seed, self.epoch = lowercase, seed, 0
        self.items = []
        classes = network.config.classes.split()
        for sentence in sentences:
            words = sentence.words[:longest]
            labels: dict[str, Any] = {}
            if sentence.pos is not None:
                labels["pos"] = [_POS[tag] for tag in sentence.pos[:longest]]
            if sentence.names is not None:
                labels["names"] = [_NAMES[label] for label in sentence.names[:longest]]
            if sentence.label is not None:
                labels["label"] = classes.index(sentence.label)
            lower = [word.lower() for word in words]
            self.items.append([{**network.encode(each), **labels} for each in (words, lower)])
        self.lengths = [len(cased["words"]) for cased, _ in self.items]

    def set_epoch(self, epoch: int) -> None:
        """Another epoch, other sentences in lower case."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> dict[str, Any]:
        lower = np.random.default_rng((self.seed, self.epoch, index)).random() < self.lowercase
        return self.items[index][int(lower)]
