"""The output of the frozen part of an acoustic encoder for recordings, computed when first needed and kept on disk.

A recording is kept in several versions, so that training sees it anew: as it is, then with its sound varied. Processes
that train together share the file. What is kept is named after the recordings, the encoder and the variation: another
encoder computes anew, a run that was stopped goes on.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.utils.data import Dataset

from lstm_datasets.speech.augmentation import Augmentation
from lstm_models.errors import InputError
from lstm_models.io.samples import SAMPLE_RATE
from lstm_models.nn.acoustic_encoder import level
from lstm_models.nn.prepacked_linear import has_bf16

if TYPE_CHECKING:
    from lstm_datasets.speech.readers import Recording
    from lstm_models.tasks.speech.network import RecognizerNetwork

__all__ = ["EncodedSpeech"]

FORMAT = 1


class EncodedSpeech(Dataset[dict[str, torch.Tensor]]):
    """Recordings as items ``features [frames, size]``, the encoder's trunk output, and ``text [characters]`` (labels).

    Args:
        recordings: with texts in the recogniser's alphabet.
        recognizer: whose encoder and labels are used.
        folder: where the features are kept, in float16.
        augmentation: how the versions after the first are varied, and what is left out of each (``frames``, ``bands``).
        versions: of each recording; an epoch takes one of each in turn.
        seed: of the variation.

    Raises:
        InputError: the folder cannot be written or has no room.
    """

    def __init__(
        self,
        recordings: Sequence[Recording],
        recognizer: RecognizerNetwork,
        folder: str | Path,
        augmentation: Augmentation | None = None,
        *,
        versions: int = 1,
        seed: int = 0,
    ) -> None:
        assert recognizer.encoder is not None
        self.recordings, self.augmentation, self.seed, self.epoch = recordings, augmentation, seed, 0
        self.encoder, self.versions = recognizer.encoder, versions
        self.texts = [recognizer.encode(recording.text) for recording in recordings]
        slowest = 1 / (1 - augmentation.speed) if augmentation and versions > 1 else 1.0
        hop = recognizer.encoder.hop / SAMPLE_RATE
        self.lengths = [max(1, math.ceil(one.duration * slowest / hop) + 1) for one in recordings]
        self._starts = np.concatenate([[0], np.cumsum(self.lengths)])
        self._file = Path(folder) / self._name()
        self._open()

    def set_epoch(self, epoch: int) -> None:
        """Another epoch, other versions and other strips left out."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.recordings)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        features = self._features(index, (self.epoch + index) % self.versions)
        if self.augmentation is not None:
            generator = np.random.default_rng((self.seed, self.epoch, index))
            features = self.augmentation.masked(features, generator)
        return {"features": torch.from_numpy(features), "text": self.texts[index]}

    def _features(self, index: int, version: int) -> np.ndarray:
        count = int(self._counts[version, index])
        start = self._starts[index]
        if not count:
            made = self._heard(index, version)
            self._kept[version, start : start + len(made)] = made
            self._counts[version, index] = count = len(made)  # after the features: another process reads them now
        return self._kept[version, start : start + count].astype(np.float32)

    @torch.no_grad()
    def _heard(self, index: int, version: int) -> np.ndarray:
        samples = self.recordings[index].samples()
        if version and self.augmentation is not None:
            generator = np.random.default_rng((self.seed, version, index))
            other = None
            if generator.uniform() < self.augmentation.babble:
                other = self.recordings[int(generator.integers(len(self.recordings)))].samples()
            samples = self.augmentation.sound(samples, other, generator)
        wave = torch.from_numpy(level(samples))
        wave = torch.nn.functional.pad(wave, (0, max(0, self.encoder.window - len(wave))))
        with torch.autocast("cpu", torch.bfloat16, enabled=has_bf16()):
            features = self.encoder.trunk(wave[None])[0]
        return features[: self.lengths[index]].float().numpy().astype(np.float16)

    def _open(self) -> None:
        shape = (self.versions, int(self._starts[-1]), self.encoder.config.size)
        counts = self._file.with_suffix(".counts")
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            free = os.statvfs(self._file.parent) if hasattr(os, "statvfs") else None
            needed = 2 * math.prod(shape)
            if free and not self._file.exists() and free.f_bavail * free.f_frsize < needed:
                raise InputError(f"the features need {needed / 2**30:.1f} GiB in {self._file.parent}: the disk is full")
            for path, size in ((self._file, needed), (counts, 4 * self.versions * len(self.recordings))):
                with open(path, "ab") as file:  # all zeros where nothing is written yet, and no room taken
                    file.truncate(size)
        except OSError as error:
            raise InputError(f"{self._file.parent} cannot be written: {error.strerror or error}") from None
        self._kept = np.memmap(self._file, np.float16, "r+", shape=shape)
        self._counts = np.memmap(counts, np.int32, "r+", shape=(self.versions, len(self.recordings)))

    def _name(self) -> str:
        digest = hashlib.sha256()
        for one in self.recordings:
            trim = f" {one.trim}" if one.trim else ""
            digest.update(f"{one.file.absolute()} {one.key} {one.place} {one.duration}{trim}\n".encode())
        end = self.encoder.config.blocks - self.encoder.config.tuned
        for name, value in self.encoder.state_dict().items():
            part, _, number = name.partition(".")
            if part.startswith(("conv", "groupnorm")) or (part == "blocks" and int(number.split(".")[0]) < end):
                digest.update(value.detach().float().numpy().tobytes())
        varied = asdict(self.augmentation) if self.augmentation is not None and self.versions > 1 else {}
        for name in ("bands", "frames", "begin", "sounds", "warp"):  # of each epoch, or of spectrograms
            varied.pop(name, None)
        settings = [FORMAT, asdict(self.encoder.config), self.versions, self.seed if varied else 0, varied]
        digest.update(json.dumps(settings).encode())
        return f"speech-{len(self.recordings)}-{digest.hexdigest()[:16]}.f16"
