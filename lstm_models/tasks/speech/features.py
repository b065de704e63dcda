"""Log-mel features of speech, normalised by a running mean that works in a stream as in a file.

Saved with the model, so that what was trained is what is run. ``SpeechFeatures`` is used in three ways that give the
same numbers: on a whole recording, push by push (``FeatureStream``), and apart (``log_mel`` once, ``normalize`` after
augmentation).
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from lstm_models.field_checks import check_at_least
from lstm_models.io.samples import SAMPLE_RATE

__all__ = ["FeatureStream", "SpeechFeatures"]

"""Samples a second of everything inside the library."""


@dataclass(frozen=True)
class SpeechFeatures:
    """Log-mel energies, 100 frames a second, less their mean over the last seconds.

    Frame t is taken from samples ``hop·t`` to ``hop·t + window``; it needs nothing after them. From each band the mean
    of the last ``memory`` frames is taken, in which ``prior`` frames of the training set's mean stand in for a past
    that is not there yet; then all is divided by the training set's standard deviation.

    Attributes:
        bands: mel bands.
        window: samples of a frame (a Hann window of 25 ms in the middle of them).
        hop: samples from one frame to the next.
        low: lowest frequency, in Hz.
        high: highest frequency, in Hz.
        floor: energy below which a band counts as silent (samples lie within −1..1).
        memory: frames of the running mean.
        prior: frames that the training set's mean counts for.
        mean: of each band over the training set; one number for all bands will do.
        std: likewise, after the running mean was taken off.
    """

    bands: int = 80
    window: int = 512
    hop: int = 160
    low: float = 20.0
    high: float = 7600.0
    floor: float = 1e-5
    memory: int = 1000
    prior: int = 100
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)

    def __post_init__(self) -> None:
        check_at_least(self, 1, "bands", "hop", "memory", "prior", of="features")
        if self.window < max(400, self.hop):
            raise ValueError(f"features: window must be at least 400 samples and a hop, not {self.window}")
        if not 0 <= self.low < self.high <= SAMPLE_RATE / 2 or not self.floor > 0:
            raise ValueError("features: low, high and floor must lie in order between 0 and half the rate")
        for name in ("mean", "std"):
            values = getattr(self, name)
            if len(values) not in (1, self.bands) or not np.isfinite(values).all():
                raise ValueError(f"features: {name} must be 1 or {self.bands} finite numbers")
        if min(self.std) <= 0:
            raise ValueError("features: std must be above 0")

    @property
    def seconds(self) -> float:
        """From one frame to the next."""
        return self.hop / SAMPLE_RATE

    def frames(self, samples: int) -> int:
        """Frames of so many samples: at least 1, where there is a sample at all."""
        return max(1, 1 + (samples - self.window) // self.hop) if samples else 0

    def log_mel(self, samples: np.ndarray) -> np.ndarray:
        """Natural logarithm of the mel energies ``[frames, bands]`` float32 of ``samples [n]``, −1..1 at 16 kHz.

        What is shorter than a window is filled with silence; samples after the last whole window are left out.
        """
        if not len(samples):
            return np.zeros((0, self.bands), np.float32)
        wave = torch.as_tensor(np.ascontiguousarray(samples, np.float32))
        if len(wave) < self.window:
            wave = torch.nn.functional.pad(wave, (0, self.window - len(wave)))
        with torch.no_grad():
            energies: torch.Tensor = _transform(self)(wave)
        return energies.clamp_(min=self.floor).log_().T.contiguous().numpy()

    def normalize(self, log_mel: np.ndarray) -> np.ndarray:
        """``log_mel [frames, bands]`` less its running mean, by the standard deviation; float32, the same shape."""
        total = np.zeros((len(log_mel) + 1, self.bands))
        np.cumsum(log_mel, 0, dtype=np.float64, out=total[1:])
        first = np.maximum(np.arange(1, len(log_mel) + 1) - self.memory, 0)
        return self._normalized(log_mel, total[1:] - total[first], np.arange(1, len(log_mel) + 1) - first)

    def _normalized(self, log_mel: np.ndarray, sums: np.ndarray, counts: np.ndarray) -> np.ndarray:
        mean = (self.prior * np.asarray(self.mean) + sums) / (self.prior + counts[:, None])
        normalized: np.ndarray = (log_mel - mean) / np.asarray(self.std)
        return normalized.astype(np.float32)

    def fitted(self, log_mels: list[np.ndarray]) -> SpeechFeatures:
        """The same features with the mean and standard deviation of these recordings' ``log_mel``."""
        together = np.concatenate(log_mels).astype(np.float64)
        found = replace(self, mean=tuple(np.round(together.mean(0), 4).tolist()), std=(1.0,))
        spread = np.concatenate([found.normalize(one) for one in log_mels]).std(0)
        return replace(found, std=tuple(np.round(np.maximum(spread, 1e-3), 4).tolist()))

    def stream(self) -> FeatureStream:
        """Push samples, get the normalised frames they complete."""
        return FeatureStream(self)


class FeatureStream:
    """Normalised log-mel frames of a recording that arrives in pieces; see ``SpeechFeatures``."""

    def __init__(self, features: SpeechFeatures) -> None:
        self.features = features
        self._samples = np.zeros(0, np.float32)
        self._seen = False
        self._past = np.zeros((0, features.bands))  # the frames of the running mean

    def push(self, samples: np.ndarray) -> np.ndarray:
        """The frames ``[k, bands]`` that ``samples [n]`` complete; k may be 0."""
        features = self.features
        self._samples = np.concatenate([self._samples, np.asarray(samples, np.float32)])
        count = 1 + (len(self._samples) - features.window) // features.hop
        if count < 1:
            return np.zeros((0, features.bands), np.float32)
        frames = features.log_mel(self._samples[: (count - 1) * features.hop + features.window])
        self._samples = self._samples[count * features.hop :]
        self._seen = True
        return self._normalize(frames)

    def finish(self) -> np.ndarray:
        """The one frame of a recording that was shorter than a window; otherwise none."""
        if self._seen or not len(self._samples):
            return np.zeros((0, self.features.bands), np.float32)
        return self._normalize(self.features.log_mel(self._samples))

    def _normalize(self, frames: np.ndarray) -> np.ndarray:
        memory = self.features.memory
        known = np.concatenate([self._past, frames])
        total = np.concatenate([np.zeros((1, frames.shape[1])), np.cumsum(known, 0)])
        ends = np.arange(len(self._past) + 1, len(known) + 1)
        first = np.maximum(ends - memory, 0)
        self._past = known[-memory:]
        return self.features._normalized(frames, total[ends] - total[first], ends - first)


@functools.lru_cache(4)
def _transform(features: SpeechFeatures) -> Any:
    """torchaudio's mel spectrogram of these features; kept, as its filters take longer to make than to apply."""
    from torchaudio.transforms import MelSpectrogram

    return MelSpectrogram(
        SAMPLE_RATE,
        n_fft=features.window,
        win_length=400,
        hop_length=features.hop,
        f_min=features.low,
        f_max=features.high,
        n_mels=features.bands,
        center=False,
        mel_scale="slaney",
        norm=None,
    )
