"""Samples of sound from anywhere as the library has them: float32, mono, 16 kHz, within −1..1."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from lstm_models.errors import InputError

__all__ = [
    "HIGHEST_RATE",
    "LOUDEST",
    "LOWEST_RATE",
    "MOST_CHANNELS",
    "SAMPLE_RATE",
    "Resampler",
    "as_array",
    "channels_first",
    "check_rate",
    "is_tensor",
    "mixed",
    "mono",
    "scaled",
]

SAMPLE_RATE = 16_000
"""Samples a second of everything inside the library."""
LOWEST_RATE, HIGHEST_RATE = 4_000, 384_000
MOST_CHANNELS = 64
LOUDEST = 100.0  # floating-point sound lies within −1..1, a little above it where it was mixed; not in the hundreds
_CANCELLED = 0.1  # of the power that channels without anything in common leave


class Resampler:
    """Mono samples of any rate, pushed in pieces, at `SAMPLE_RATE`; how they are cut changes nothing.

    Raises:
        InputError: the rate is not one that speech is recorded with (``usage=True``).
    """

    def __init__(self, rate: int) -> None:
        check_rate(rate, "The recording")
        self.rate = rate
        self._stream: Any = None
        if rate != SAMPLE_RATE:
            import soxr

            self._stream = soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32")

    def push(self, samples: np.ndarray) -> np.ndarray:
        """The samples `[k]` that ``samples [n]`` complete; k may be 0."""
        if self._stream is None:
            return samples
        return np.clip(self._stream.resample_chunk(samples), -1, 1)  # type: ignore[no-any-return]

    def finish(self) -> np.ndarray:
        """The samples that are left; nothing may be pushed after them."""
        if self._stream is None:
            return np.zeros(0, np.float32)
        return np.clip(self._stream.resample_chunk(np.zeros(0, np.float32), last=True), -1, 1)  # type: ignore[no-any-return]


def check_rate(rate: int, label: str) -> None:
    """That a rate can be read. Raises InputError where it cannot."""
    if isinstance(rate, bool) or not isinstance(rate, (int, np.integer)):
        raise InputError(f"The rate is {rate!r}; a whole number of samples a second would be right.", usage=True)
    if not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise InputError(
            f"{label} has {rate:,} samples a second; {LOWEST_RATE:,} to {HIGHEST_RATE:,} can be read (8,000 or more "
            "is what speech needs)."
        )


def mono(samples: Any, label: str = "The recording", begins: float = 0.0, rate: int = SAMPLE_RATE) -> np.ndarray:
    """Samples as float32 `[n]` within −1..1, channels mixed down, integers scaled by their type.

    Args:
        samples: `[n]`, `[n, channels]` or `[channels, n]`: array, tensor or what numpy makes an array of.
        label: what the sentences call the recording.
        begins: seconds before the first sample, and
        rate: samples a second, both for the sentences.

    Raises:
        InputError: the shape or the type is not that of sound, or a sample is no number or far too large.
    """
    values = as_array(samples, label)
    if values.ndim == 2:
        first = channels_first(values.shape, torch_made=is_tensor(samples))
        values = values.T if first else values
        if values.shape[1] > MOST_CHANNELS:
            raise InputError(f"{label} has {values.shape[1]} channels; {MOST_CHANNELS} are the most that are mixed.")
    elif values.ndim != 1:
        raise InputError(f"{label} is an array {list(values.shape)}; [samples] or [samples, channels] would be right.")
    values = scaled(values, label)
    if values.ndim == 2:
        values = mixed(values)[0] if values.shape[1] else np.zeros(0, np.float32)
    if len(values):
        with np.errstate(invalid="ignore"):
            most = float(np.abs(values).max())
        if not most <= LOUDEST:
            wrong = ~(np.abs(values) <= LOUDEST)
            at = begins + int(wrong.argmax()) / rate
            if np.isfinite(values).all():
                raise InputError(f"{label} has samples up to {most:,.0f}; sound in floating point lies within −1 to 1.")
            place = f", the first after {at:.1f} s" if at >= 0.1 else ""
            raise InputError(f"{label} has samples that are no numbers (NaN or infinite){place}.")
        if most > 1:
            values = np.clip(values, -1, 1)
    return values


def mixed(values: np.ndarray) -> tuple[np.ndarray, bool]:
    """The mean of the channels of float32 ``[n, channels]``, or the loudest where they cancel each other.

    Of n channels that have nothing in common the mean has an n-th of their mean power, of equal ones all of it; of
    opposite ones (a microphone wired wrongly, a phone that records "wide") next to nothing. The second value says
    whether they were.
    """
    count = values.shape[1]
    if count == 1:
        return values[:, 0], False
    mean = values.mean(1, dtype=np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        powers = np.square(values, dtype=np.float64).sum(0)
        if float(np.square(mean, dtype=np.float64).sum()) * count < _CANCELLED * float(powers.mean()):
            return values[:, int(powers.argmax())], True
    return mean, False


def is_tensor(samples: Any) -> bool:
    """Whether these are a PyTorch tensor; PyTorch is not imported for that."""
    torch = sys.modules.get("torch")  # whoever has a tensor has imported it
    return torch is not None and isinstance(samples, torch.Tensor)


def as_array(samples: Any, label: str) -> np.ndarray:
    """The samples as an array of the shape they have."""
    if is_tensor(samples):
        values = samples.detach().cpu()
        return (values.float() if values.is_floating_point() else values).numpy()  # type: ignore[no-any-return]
    try:
        return np.asarray(samples)
    except ValueError as error:  # lists of unequal lengths
        raise InputError(f"{label} is no array of samples.", usage=True) from error


def channels_first(shape: tuple[int, ...], *, torch_made: bool) -> bool:
    """Whether the first axis is the channels: the only short one, or, where both are, torchaudio's habit."""
    short = [0 < size <= MOST_CHANNELS for size in shape]
    return short[0] if short[0] != short[1] else torch_made


def scaled(values: np.ndarray, label: str) -> np.ndarray:
    """Samples as float32; integers by the range of their type."""
    kind, size = values.dtype.kind, values.dtype.itemsize
    if kind == "f":
        with np.errstate(over="ignore"):
            return values.astype(np.float32, copy=False)
    if kind in "iu" and size <= 4:
        half = 2.0 ** (8 * size - 1)
        return ((values.astype(np.float64) - (half if kind == "u" else 0)) / half).astype(np.float32)
    if not values.size:
        return values.astype(np.float32)
    raise InputError(f"{label} is an array of {values.dtype}; float32 or int16 samples would be right.", usage=True)
