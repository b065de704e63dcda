"""Recordings varied anew in each epoch, so that a recogniser learns what does not matter.

``Augmentation`` changes the sound (speed, loudness, colour, noise, other speakers, rooms, telephones), then the
spectrogram (vocal tract length, SpecAugment). All of it is cheap enough to be done as training goes, on one core.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from lstm_models.field_checks import check_at_least
from lstm_models.io.samples import SAMPLE_RATE

__all__ = ["Augmentation"]

_VOCODER = 1024  # samples of its window: 64 ms


@dataclass(frozen=True)
class Augmentation:
    """How training recordings are varied; each probability is that of one recording in one epoch.

    Attributes:
        sounds: probability that the sound is varied, and not the spectrogram alone (``warp``, ``bands``, ``frames``);
            the ones after it are then those of each variation.
        speed: largest change of speed, and with it of pitch, as a fraction (Ko et al. 2015, "Audio augmentation for
            speech recognition").
        stretch: largest change of tempo that leaves the pitch, as a fraction, and
        pitch: of pitch that leaves the tempo, in semitones; both by librosa's phase vocoder, which takes some ten times
            as long as all of the rest: 0 by default.
        warp: largest change of the vocal tract's length, as a fraction, that is of formants without pitch or speed
            (Jaitly & Hinton 2013, "Vocal tract length perturbation").
        gain: largest change of loudness either way, in dB.
        color: largest slope of a random filter, in dB per octave.
        noise: probability of coloured noise, at 3 to 30 dB below the speech.
        babble: probability of another recording in the background, at 6 to 30 dB below the speech.
        room: probability of a room: noise that decays exponentially stands for its impulse response (Polack 1988;
            Ko et al. 2017, "A study on data augmentation of reverberant speech"), with 0.1 to 0.7 s to fall by 60 dB.
        telephone: probability of a narrow band, of 8-bit µ-law coding, or of both.
        bands: SpecAugment's widest strip of mel bands left out; two strips (Park et al. 2019, arXiv:1904.08779).
        frames: SpecAugment's longest strip of frames left out; never over a fifth of the whole.
        every: frames for each such strip.
        begin: the first epoch of all this; a new network learns to align sooner from recordings as they are.
    """

    sounds: float = 1.0
    speed: float = 0.1
    warp: float = 0.08
    gain: float = 12.0
    color: float = 2.0
    noise: float = 0.3
    babble: float = 0.1
    room: float = 0.2
    telephone: float = 0.08
    bands: int = 20
    frames: int = 25
    every: int = 200
    begin: int = 0
    stretch: float = 0.0
    pitch: float = 0.0

    def __post_init__(self) -> None:
        for name in ("speed", "warp", "stretch"):
            if not 0 <= getattr(self, name) < 0.5:
                raise ValueError(f"augmentation: {name} must be from 0 to below 0.5, not {getattr(self, name)}")
        for name in ("sounds", "noise", "babble", "room", "telephone"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"augmentation: {name} must lie between 0 and 1, not {getattr(self, name)}")
        check_at_least(self, 0, "gain", "color", "bands", "frames", "begin", "pitch", of="augmentation")
        check_at_least(self, 1, "every", of="augmentation")

    def sound(self, samples: np.ndarray, other: np.ndarray | None, generator: np.random.Generator) -> np.ndarray:
        """The recording ``samples [n]`` as it might have been: ``[m]`` float32, −1..1.

        Args:
            samples: float32 at 16 kHz.
            other: another recording for the background, 6 to 30 dB below the speech; none if None.
            generator: what chance is taken from.
        """
        draw = generator.uniform
        samples = _resampled(samples, 1 + draw(-self.speed, self.speed))
        if self.stretch or self.pitch:  # else chance is taken from as before
            samples = _voiced(samples, 1 + draw(-self.stretch, self.stretch), draw(-self.pitch, self.pitch))
        if draw() < self.room:
            samples = _in_room(samples, draw(0.1, 0.7), draw(0.05, 0.6), generator)
        level = max(float(np.sqrt(np.mean(samples**2))), 1e-5)
        if draw() < self.noise:
            noise = generator.standard_normal(len(samples), np.float32)
            noise = _filtered(noise, lambda hertz: (hertz / 500) ** -draw(0, 1.2))
            samples = samples + _scaled(noise, level, draw(3, 30))
        if other is not None and len(other):
            start = int(draw(0, len(other)))
            samples = samples + _scaled(np.resize(np.roll(other, -start), len(samples)), level, draw(6, 30))
        slope = draw(-self.color, self.color)
        low, high = 0.0, math.inf
        telephone = draw() < self.telephone
        if telephone:
            low, high = (300.0, 3400.0) if draw() < 0.5 else (0.0, draw(3000, 7000))
        samples = _filtered(
            samples, lambda hertz: 10 ** (slope / 20 * np.log2(hertz / 1000)) * (hertz >= low) * (hertz <= high)
        )
        peak = max(float(np.abs(samples).max(initial=0)), 1e-6)
        samples = samples * (min(10 ** (draw(-self.gain, self.gain) / 20), 0.99 / peak))
        if telephone and draw() < 0.5:
            coded = np.round(np.sign(samples) * np.log1p(255 * np.abs(samples)) / math.log(256) * 127) / 127
            samples = np.sign(coded) * np.expm1(np.abs(coded) * math.log(256)) / 255
        return samples.astype(np.float32)

    def warped(self, features: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """Features ``[frames, bands]`` stretched along the frequencies by a random fraction, as in another throat."""
        if not self.warp:
            return features
        bands = features.shape[1]
        factor = 1 + generator.uniform(-self.warp, self.warp)
        # Linear below, then towards the same highest band; on the mel scale, which is close to linear in formants
        knee = 0.8 * bands / max(factor, 1)
        places = np.arange(bands, dtype=np.float32)
        rest = (bands - 1 - knee * factor) / max(bands - 1 - knee, 1)
        places = np.where(places < knee, places * factor, knee * factor + (places - knee) * rest)
        left = np.clip(places.astype(int), 0, bands - 2)
        weight = np.clip(places - left, 0, 1).astype(np.float32)
        warped: np.ndarray = features[:, left] * (1 - weight) + features[:, left + 1] * weight
        return warped

    def masked(self, features: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """Normalised ``features [frames, bands]`` with strips left out (0, the mean); changed in place."""
        frames, bands = features.shape
        for _ in range(2):
            width = min(int(generator.integers(0, self.bands + 1)), bands)
            start = int(generator.integers(0, bands - width + 1))
            features[:, start : start + width] = 0
        left = frames // 5
        for _ in range(round(frames / self.every)):
            width = min(int(generator.integers(0, self.frames + 1)), left)
            left -= width
            start = int(generator.integers(0, frames - width + 1))
            features[start : start + width] = 0
        return features


def _voiced(samples: np.ndarray, tempo: float, semitones: float) -> np.ndarray:
    """The same voice ``tempo`` times as fast, and so many semitones higher."""
    import librosa

    if len(samples) < _VOCODER:  # shorter than one window of the vocoder
        return samples
    if semitones:
        samples = librosa.effects.pitch_shift(samples, sr=SAMPLE_RATE, n_steps=semitones, n_fft=_VOCODER)
    return np.asarray(librosa.effects.time_stretch(samples, rate=tempo, n_fft=_VOCODER), np.float32)


def _resampled(samples: np.ndarray, speed: float) -> np.ndarray:
    import soxr

    if abs(speed - 1) < 1e-3 or not len(samples):
        return samples
    return soxr.resample(samples, SAMPLE_RATE * speed, SAMPLE_RATE, quality="QQ")  # type: ignore[no-any-return]


def _filtered(samples: np.ndarray, response: Any) -> np.ndarray:
    """By an amplitude for each frequency in Hz; a round transform of a good size."""
    size = 1 << max(0, (len(samples) - 1).bit_length())
    if size * 3 // 4 >= len(samples):
        size = size * 3 // 4
    spectrum = np.fft.rfft(samples, size)
    hertz = np.maximum(np.fft.rfftfreq(size, 1 / SAMPLE_RATE), 50.0)
    filtered: np.ndarray = np.fft.irfft(spectrum * response(hertz), size)[: len(samples)].astype(np.float32)
    return filtered


def _scaled(sound: np.ndarray, level: float, below: float) -> np.ndarray:
    """``sound`` at ``below`` dB under ``level``."""
    loudness = max(float(np.sqrt(np.mean(sound**2))), 1e-6)
    scaled: np.ndarray = sound * np.float32(level / loudness * 10 ** (-below / 20))
    return scaled


def _in_room(samples: np.ndarray, decay: float, energy: float, generator: np.random.Generator) -> np.ndarray:
    """In a room whose echoes fall by 60 dB in ``decay`` seconds, with the fraction ``energy`` of the direct energy."""
    count = int(decay * SAMPLE_RATE)
    tail = generator.standard_normal(count) * np.exp(-math.log(1000) * np.arange(count) / count)
    tail[: int(SAMPLE_RATE * generator.uniform(0.001, 0.008))] = 0  # the first echo comes later than the direct sound
    tail *= math.sqrt(energy) / max(float(np.sqrt(np.sum(tail**2))), 1e-6)
    tail[0] = 1
    size = 1 << (len(samples) + count - 1).bit_length()
    wet = np.fft.irfft(np.fft.rfft(samples, size) * np.fft.rfft(tail, size), size)
    return wet[: len(samples)].astype(np.float32)
