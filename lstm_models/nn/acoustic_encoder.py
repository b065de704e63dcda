"""Raw sound at 16 kHz to features each 24 ms: three convolutions and transformer blocks with rotary positions.

The encoder of Moonshine (Jeffries et al. 2024, "Moonshine: Speech recognition for live transcription and voice
commands", arXiv:2410.15608), which takes recordings of any length without padding them; its trained weights come from
``lstm_apps.tasks.speech.convert_encoder``. It is the image encoder's twin: a frozen ``trunk`` whose output can be
computed once and kept, and a ``tail`` of the last blocks, which may be trained.

* Convolutions (Conv1d 127/64, tanh, group norm; 7/3, GELU; 3/2, GELU) use no padding: an output needs 895 samples.
* Blocks: x + attention(norm(x)), then x + MLP(norm(x)) (pre-norm: Xiong et al. 2020, arXiv:2002.04745).
* Rotary positions (Su et al. 2021, arXiv:2104.09864, equation 34) turn neighbouring pairs of a head's first features.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lstm_models.field_checks import check_at_least

__all__ = ["AcousticEncoder", "AcousticEncoderConfig", "level"]

_CONVOLUTIONS = ((127, 64), (7, 3), (3, 2))  # kernel and stride
_LOUDNESS = 0.05


@dataclass(frozen=True)
class AcousticEncoderConfig:
    """Sizes of an acoustic encoder; the defaults are those of Moonshine tiny.

    Attributes:
        size: features of an output.
        heads: attention heads, of ``size / heads`` features each.
        blocks: transformer blocks.
        inner: features inside a block's MLP.
        rotary: features of a head that the rotary positions turn; even.
        tuned: how many of the last blocks are trained with the rest of the model; the others stay as they are.
        bands: mel bands of the encoder's input, for `lstm_models.nn.spectrogram_encoder.SpectrogramEncoder`; 0 for raw
            sound.
    """

    size: int = 288
    heads: int = 8
    blocks: int = 6
    inner: int = 1152
    rotary: int = 32
    tuned: int = 0
    bands: int = 0

    def __post_init__(self) -> None:
        check_at_least(self, 1, "size", "heads", "blocks", "inner", of="encoder")
        if self.size % self.heads:
            raise ValueError(f"encoder: size must be a multiple of heads, not {self.size} and {self.heads}")
        if self.rotary % 2 or not 0 <= self.rotary <= self.size // self.heads:
            raise ValueError(f"encoder: rotary must be even and within a head's features, not {self.rotary}")
        if not 0 <= self.tuned <= self.blocks:
            raise ValueError(f"encoder: tuned must lie between 0 and {self.blocks}, not {self.tuned}")
        if self.bands < 0 or (self.bands and self.rotary):
            raise ValueError("encoder: bands must be at least 0, and rotary 0 with them")

    @property
    def hop(self) -> int:
        """Samples from one output to the next."""
        return 320 if self.bands else 384

    @property
    def window(self) -> int:
        """Samples that an output of the convolutions is made of."""
        return 1040 if self.bands else 895


def level(samples: np.ndarray) -> np.ndarray:
    """``samples [n]`` at the loudness that the encoder is given everything at: a root mean square of 0.05, float32.

    What lies below −80 dB of full scale is not made louder than that.
    """
    samples = np.asarray(samples, np.float32)
    loudness = float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) if len(samples) else 1.0
    return np.asarray(samples * np.float32(_LOUDNESS / max(loudness, 1e-4)))


class _Block(nn.Module):
    def __init__(self, config: AcousticEncoderConfig) -> None:
        super().__init__()
        size, bias = config.size, config.bands > 0
        self.heads, self.rotary = config.heads, config.rotary
        self.norm1 = nn.LayerNorm(size, bias=bias)
        self.qkv = nn.Linear(size, 3 * size, bias=bias)
        self.out = nn.Linear(size, size, bias=bias)
        self.norm2 = nn.LayerNorm(size, bias=bias)
        self.up = nn.Linear(size, config.inner)
        self.down = nn.Linear(config.inner, size)
        self.dropout = nn.Dropout(0.0)

    def forward(self, x: Tensor, turn: tuple[Tensor, Tensor], mask: Tensor | None) -> Tensor:
        batch, time, size = x.shape
        qkv = self.qkv(self.norm1(x)).view(batch, time, 3, self.heads, size // self.heads)
        turned = _turned(qkv[:, :, :2], self.rotary, *turn) if self.rotary else qkv[:, :, :2]
        q, k, v = (one.transpose(1, 2) for one in (turned[:, :, 0], turned[:, :, 1], qkv[:, :, 2]))
        found = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        x = x + self.dropout(self.out(found.transpose(1, 2).reshape(batch, time, size)))
        return x + self.dropout(self.down(F.gelu(self.up(self.norm2(x)))))  # type: ignore[no-any-return]


class AcousticEncoder(nn.Module):
    """Features each 24 ms from raw sound; see the module and ``AcousticEncoderConfig``.

    >>> encoder = AcousticEncoder(AcousticEncoderConfig(size=16, heads=2, blocks=2, inner=32, rotary=4))
    >>> [one.shape for one in encoder(torch.zeros(1, 16_000))]
    [torch.Size([1, 40, 16]), torch.Size([1, 40, 16]), torch.Size([1, 40, 16])]
    """

    def __init__(self, config: AcousticEncoderConfig) -> None:
        super().__init__()
        self.config, self.hop, self.window = config, config.hop, config.window
        self._make_convolutions(config)
        self.blocks = nn.ModuleList(_Block(config) for _ in range(config.blocks))
        self.norm = nn.LayerNorm(config.size, bias=config.bands > 0)
        self.freeze()

    def _make_convolutions(self, config: AcousticEncoderConfig) -> None:
        size = config.size
        (k1, s1), (k2, s2), (k3, s3) = _CONVOLUTIONS
        self.conv1 = nn.Conv1d(1, size, k1, s1, bias=False)
        self.groupnorm = nn.GroupNorm(1, size)
        self.conv2 = nn.Conv1d(size, 2 * size, k2, s2)
        self.conv3 = nn.Conv1d(2 * size, size, k3, s3)

    def freeze(self) -> None:
        """Trains the last ``config.tuned`` blocks and the norm after them, and nothing else."""
        self.requires_grad_(False)
        if self.config.tuned:
            self.blocks[-self.config.tuned :].requires_grad_(True)
            self.norm.requires_grad_(True)

    @property
    def states(self) -> int:
        """Tensors that ``tail`` gives: the trunk's output and one for each tuned block, normalised after the last."""
        return self.config.tuned + 1

    def frames(self, samples: int) -> int:
        """Outputs of so many samples; 0 where they are too few."""
        for kernel, stride in _CONVOLUTIONS:
            samples = max(0, (samples - kernel) // stride + 1)
        return samples

    def forward(self, samples: Tensor, lengths: Tensor | None = None) -> list[Tensor]:
        """Outputs [batch, frames, size] of the convolutions and of each block, the last one normalised.

        Args:
            samples: [batch, samples] at 16 kHz, −1..1.
            lengths: how many are real [batch]; all if None. Frames beyond ``frames(length)`` mean nothing.
        """
        x = self.convolve(samples, lengths)
        return self._run(x, self._counts(lengths), 0)

    @torch.no_grad()
    def trunk(self, samples: Tensor, lengths: Tensor | None = None) -> Tensor:
        """What the frozen part makes of ``samples [batch, samples]``: [batch, frames, size]."""
        x = self.convolve(samples, lengths)
        end = self.config.blocks - self.config.tuned
        return self._run(x, self._counts(lengths), 0, end)[-1] if end else x

    def tail(self, x: Tensor, counts: Tensor | None = None) -> list[Tensor]:
        """``states`` tensors [batch, frames, size] from the trunk's output ``x``.

        Args:
            x: [batch, frames, size].
            counts: how many frames are real [batch]; all if None.
        """
        return self._run(x, counts, self.config.blocks - self.config.tuned)

    def convolve(self, samples: Tensor, lengths: Tensor | None = None) -> Tensor:
        """The output [batch, frames, size] of the convolutions."""
        x = torch.tanh(self.conv1(samples[:, None]))
        if lengths is None:
            x = self.groupnorm(x)
        else:
            kernel, stride = _CONVOLUTIONS[0]
            x = self._normalized(x, ((lengths.to(x.device) - kernel) // stride + 1).clamp(min=1))
        x = F.gelu(self.conv2(x))
        return F.gelu(self.conv3(x)).transpose(1, 2)

    def _normalized(self, x: Tensor, counts: Tensor) -> Tensor:
        """Group norm of one group over what is real: ``x [batch, size, time]``, ``counts [batch]``."""
        norm = self.groupnorm
        real = (torch.arange(x.size(2), device=x.device) < counts[:, None])[:, None]
        total = counts[:, None, None] * x.size(1)
        values = x.float() * real
        mean = values.sum((1, 2), keepdim=True) / total
        variance = ((values - mean) * real).square().sum((1, 2), keepdim=True) / total
        scale = (variance + norm.eps).rsqrt()
        return ((x - mean) * scale * norm.weight[:, None] + norm.bias[:, None]).to(x.dtype)

    def _counts(self, lengths: Tensor | None) -> Tensor | None:
        return None if lengths is None else torch.tensor([self.frames(one) for one in lengths.tolist()])

    def _run(self, x: Tensor, counts: Tensor | None, first: int, end: int | None = None) -> list[Tensor]:
        mask = None
        if counts is not None and int(counts.min()) < x.size(1):
            # One real frame at least, or attention would have nothing to look at
            real = torch.arange(x.size(1), device=x.device) < counts.to(x.device).clamp(min=1)[:, None]
            mask = real[:, None, None, :]
        turn = _angles(x.size(1), self.config.rotary, x.device)
        states = [x]
        for block in self.blocks[first:end]:
            x = block(x, turn, mask)
            states.append(x)
        if end is None:
            states[-1] = self.norm(x)
        return states


@functools.lru_cache(64)
@torch.inference_mode(mode=False)  # kept: training may use them after inference has
def _angles(time: int, features: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Cosine and sine [time, 1, 1, features / 2] of the angle by which each pair is turned at each position."""
    places = torch.arange(time, device=device, dtype=torch.float32)
    rates = 10_000 ** -(torch.arange(0, features, 2, device=device, dtype=torch.float32) / max(features, 1))
    angles = places[:, None] * rates
    return angles.cos()[:, None, None], angles.sin()[:, None, None]


def _turned(x: Tensor, features: int, cosine: Tensor, sine: Tensor) -> Tensor:
    """``x [batch, time, 2, heads, size]`` with neighbouring pairs of its first ``features`` turned."""
    first, second = x[..., 0:features:2], x[..., 1:features:2]
    cosine, sine = cosine.to(x.dtype), sine.to(x.dtype)
    pairs = torch.stack([first * cosine - second * sine, second * cosine + first * sine], -1)
    return torch.cat([pairs.flatten(-2), x[..., features:]], -1)
