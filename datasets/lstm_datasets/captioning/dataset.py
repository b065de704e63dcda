"""Photos with captions as a captioner trains on them: kept features of the photos, and captions as word numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from torch.utils.data import Dataset

from lstm_datasets.captioning.feature_cache import PhotoFeatures
from lstm_datasets.captioning.readers import CaptionedPhoto
from lstm_models.text.vocabulary import END, Vocabulary

__all__ = ["CaptionData"]

SIDED = frozenset({"left", "right"})  # words that a mirrored photo makes untrue


class CaptionData(Dataset[dict[str, Any]]):
    """Photos with captions as a captioner trains on them.

    Args:
        photos: with captions.
        features: of the same photos.
        vocabulary: of the captioner.
        longest: words of a caption that count; the rest is cut off.
        seed: of the choice among the versions of a photo.
    """

    def __init__(
        self,
        photos: Sequence[CaptionedPhoto],
        features: PhotoFeatures,
        vocabulary: Vocabulary,
        *,
        longest: int = 20,
        seed: int = 0,
    ) -> None:
        self.features, self.seed, self.epoch = features, seed, 0
        self.kept = [index for index in range(len(photos)) if index not in features.failures]
        self.captions = []
        self.sided = []
        for index in self.kept:
            encoded = [[*vocabulary.encode(text)[:longest], END] for text in photos[index].captions]
            self.captions.append(sorted(encoded, key=len, reverse=True))
            words = {word for text in photos[index].captions for word in text.lower().split()}
            self.sided.append(bool(words & SIDED))
        self.lengths = [len(captions[0]) for captions in self.captions]

    @property
    def references(self) -> list[list[list[int]]]:
        """The captions' word numbers without their ends, for a reward; photo numbers are places in this list."""
        return [[caption[:-1] for caption in captions] for captions in self.captions]

    def set_epoch(self, epoch: int) -> None:
        """Another epoch, other versions."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.kept)

    def __getitem__(self, index: int) -> dict[str, Any]:
        versions = self.features.bits.shape[1]
        version = int(np.random.default_rng((self.seed, self.epoch, index)).integers(versions)) if versions > 1 else 0
        if self.sided[index]:
            version -= version % 2  # not mirrored
        return {
            "trunk_features": self.features(self.kept[index], version),
            "captions": self.captions[index],
            "photo": index,
        }
