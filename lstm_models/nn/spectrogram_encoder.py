"""Sound at 16 kHz to features each 20 ms: a log-mel spectrogram, two convolutions and transformer blocks.

The encoder of Whisper (Radford et al. 2022, "Robust speech recognition via large-scale weak supervision",
arXiv:2212.04356, section 2.2); its trained weights come from ``lstm_apps.tasks.speech.convert_encoder``. Two things
differ from Whisper's own use of it. A recording is not padded to 30 seconds, of which most would be silence: the
encoder sees what there is, and its outputs hardly change (correlation 0.986 on five seconds of speech). And the first
frame sees silence before the recording, as the last one does, in place of the recording mirrored.

* Frames of 25 ms each 10 ms (Hann window), power in Slaney's mel bands, log10, at most 8 below the loudest of the
  recording; (x + 4) / 4.
* Conv1d 3/1 and 3/2, GELU after each, padded by a frame on either side; sinusoids are added that tell the position
  (Vaswani et al. 2017, arXiv:1706.03762, section 3.5; here the sines first, then the cosines).
* Blocks as in ``lstm_models.nn.acoustic_encoder``, with biases and without rotary positions.
"""

from __future__ import annotations

import functools
import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lstm_models.nn.acoustic_encoder import AcousticEncoder, AcousticEncoderConfig

__all__ = ["WHISPER_TINY", "SpectrogramEncoder", "acoustic_encoder"]

FRAME, STEP = 400, 160
"""Samples of a frame of the spectrogram, and from one to the next."""
FLOOR, DEPTH = 1e-10, 8.0
"""The least power, and how far below the loudest (log10) a band may lie."""

WHISPER_TINY = AcousticEncoderConfig(size=384, heads=6, blocks=4, inner=1536, rotary=0, bands=80)


def acoustic_encoder(config: AcousticEncoderConfig) -> AcousticEncoder:
    """The encoder of these sizes: from a spectrogram where it has ``bands``, else from raw sound."""
    return (SpectrogramEncoder if config.bands else AcousticEncoder)(config)


class SpectrogramEncoder(AcousticEncoder):
    """Features each 20 ms; see the module and ``AcousticEncoderConfig``.

    >>> sizes = AcousticEncoderConfig(size=16, heads=2, blocks=2, inner=32, rotary=0, bands=20)
    >>> [one.shape for one in SpectrogramEncoder(sizes)(torch.zeros(1, 16_000))]
    [torch.Size([1, 50, 16]), torch.Size([1, 50, 16]), torch.Size([1, 50, 16])]
    """

    waves: Tensor
    filters: Tensor

    def _make_convolutions(self, config: AcousticEncoderConfig) -> None:
        self.conv1 = nn.Conv1d(config.bands, config.size, 3, padding=1)
        self.conv2 = nn.Conv1d(config.size, config.size, 3, 2, padding=1)
        self.register_buffer("waves", _waves(), persistent=False)
        self.register_buffer("filters", _filters(config.bands), persistent=False)

    def frames(self, samples: int) -> int:
        """Outputs of so many samples; 0 where they are too few."""
        return (samples // STEP + 1) // 2

    def convolve(self, samples: Tensor, lengths: Tensor | None = None) -> Tensor:
        """The output [batch, frames, size] of the convolutions, with the positions."""
        real = None
        if lengths is not None:
            counts = lengths.to(samples.device) // STEP
            real = torch.arange(samples.size(1) // STEP, device=samples.device) < counts[:, None]
        x = self.log_mel(samples, real)
        x = F.gelu(self.conv1(x))
        if real is not None:  # what is not there is 0 to the second convolution, as beyond the edges
            x = x * real[:, None]
        x = F.gelu(self.conv2(x)).transpose(1, 2)
        return x + positions(x.size(1), x.size(2), x.device).to(x.dtype)

    def log_mel(self, samples: Tensor, real: Tensor | None = None) -> Tensor:
        """The spectrogram [batch, bands, frames of 10 ms] of ``samples [batch, samples]``; 0 where ``real`` is not."""
        with torch.autocast(samples.device.type, enabled=False):  # powers need more than three digits
            parts = F.conv1d(samples.float()[:, None], self.waves, stride=STEP, padding=FRAME // 2)[..., :-1].square()
            half = len(self.waves) // 2
            power = parts[:, :half] + parts[:, half:]
            x = (self.filters @ power).clamp(min=FLOOR).log10()
        if real is None:
            return (torch.maximum(x, x.amax((1, 2), keepdim=True) - DEPTH) + 4) / 4
        loudest = x.masked_fill(~real[:, None], math.log10(FLOOR)).amax((1, 2), keepdim=True)
        return (torch.maximum(x, loudest - DEPTH) + 4) / 4 * real[:, None]


def _waves() -> Tensor:
    """Cosines, then sines [2 · 201, 1, 400] of the discrete Fourier transform, times the Hann window."""
    time = np.arange(FRAME)
    turns = 2 * np.pi / FRAME * np.outer(np.arange(FRAME // 2 + 1), time)
    window = np.sin(np.pi * time / FRAME) ** 2
    return torch.from_numpy(np.concatenate([np.cos(turns), np.sin(turns)]) * window)[:, None].float()


@functools.lru_cache(4)
def _filters(bands: int) -> Tensor:
    """The weights [bands, 201] of the frequencies in each band."""
    from torchaudio.functional import melscale_fbanks

    with torch.device("cpu"):  # also where a model is built without memory, to be filled from a file
        weights: Tensor = melscale_fbanks(FRAME // 2 + 1, 0.0, 8000.0, bands, 16_000, norm="slaney", mel_scale="slaney")
    return weights.t()


def position_rates(size: int) -> Tensor:
    """Radians [size / 2] by which each sinusoid turns from one position to the next."""
    half = size // 2
    return torch.exp(-math.log(10_000) / max(half - 1, 1) * torch.arange(half))


@functools.lru_cache(64)
@torch.inference_mode(mode=False)  # kept: training may use them after inference has
def positions(time: int, size: int, device: torch.device) -> Tensor:
    """Sinusoids [time, size] of each position."""
    angles = torch.arange(time, device=device)[:, None] * position_rates(size).to(device)
    return torch.cat([angles.sin(), angles.cos()], 1)
