"""Recordings as a recogniser is trained on them: normalised log-mel frames and labels, varied anew each epoch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.utils.data import Dataset

from lstm_datasets.speech.augmentation import Augmentation

if TYPE_CHECKING:
    from lstm_datasets.speech.readers import Recording
    from lstm_models.tasks.speech.features import SpeechFeatures
    from lstm_models.tasks.speech.network import RecognizerNetwork

__all__ = ["SpeechData", "fitted_features"]

_KEPT = 4 << 30  # bytes of spectrograms in memory, at most: 70 hours


class SpeechData(Dataset[dict[str, torch.Tensor]]):
    """Recordings as items ``features [frames, bands]`` and ``text [characters]`` (labels), for ``Recognizer.collate``.

    Args:
        recordings: with texts in the recogniser's alphabet.
        recognizer: whose front end and labels are used.
        augmentation: how recordings are varied; not at all if None.
        seed: of the variation.

    ``lengths`` are the frames of each item, at most: a recording that is slowed down is no longer than that.
    """

    def __init__(
        self,
        recordings: Sequence[Recording],
        recognizer: RecognizerNetwork,
        augmentation: Augmentation | None = None,
        seed: int = 0,
    ) -> None:
        self.recordings, self.augmentation, self.seed, self.epoch = recordings, augmentation, seed, 0
        self.features = recognizer.config.features
        self.texts = [recognizer.encode(recording.text) for recording in recordings]
        self._kept: dict[int, np.ndarray] = {}
        self._room = _KEPT
        slowest = 1 / ((1 - augmentation.speed) * (1 - augmentation.stretch)) if augmentation else 1.0
        seconds = [recording.duration * slowest + 0.02 for recording in recordings]
        self.lengths = [max(1, math.ceil(one / self.features.seconds)) for one in seconds]

    def set_epoch(self, epoch: int) -> None:
        """Another epoch, other variations."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.recordings)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        return {"features": torch.from_numpy(self._heard(index)), "text": self.texts[index]}

    def _heard(self, index: int) -> np.ndarray:
        varied = self.augmentation if self.augmentation and self.epoch >= self.augmentation.begin else None
        generator = np.random.default_rng((self.seed, self.epoch, index))
        if varied is None or generator.uniform() >= varied.sounds:
            features = self._as_is(index)
        else:
            samples, other = self.recordings[index].samples(), None
            if generator.uniform() < varied.babble:
                other = self.recordings[int(generator.integers(len(self.recordings)))].samples()
            features = self.features.normalize(self.features.log_mel(varied.sound(samples, other, generator)))
        return features if varied is None else varied.masked(varied.warped(features, generator), generator)

    def _as_is(self, index: int) -> np.ndarray:
        """The recording unvaried; kept in half precision, as reading it takes a third of the time of training."""
        kept = self._kept.get(index)
        if kept is not None:
            return kept.astype(np.float32)
        found = self.features.normalize(self.features.log_mel(self.recordings[index].samples()))
        if self.augmentation is not None and found.nbytes // 2 <= self._room:
            self._kept[index] = found.astype(np.float16)
            self._room -= found.nbytes // 2
        return found


def fitted_features(recordings: Sequence[Recording], features: SpeechFeatures, count: int = 200) -> SpeechFeatures:
    """``features`` with mean and standard deviation of a sample of the recordings."""
    some = recordings[:: max(1, len(recordings) // count)]
    return features.fitted([features.log_mel(recording.samples()) for recording in some])
