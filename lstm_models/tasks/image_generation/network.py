"""DRAW: an image is drawn step by step on a canvas, through a window that moves (Gregor et al. 2015, arXiv:1502.04623).

- Two LSTMs. While training the encoder compares the image with the canvas through a reading window and says what to
  draw next, as a Gaussian over a few numbers; the decoder draws it through a writing window. To generate, the numbers
  are drawn from a standard Gaussian and the encoder rests.
- What is minimised is a bound on −log p(image): the nats that describe the image given the canvas, and those of the
  Gaussians at every step (equations 9 to 12 of the paper).
- Beyond the paper: the decoder begins in a state of the wanted kind of image, and the encoder with an overview of the
  whole image, so that fewer steps do.
- Stable by construction: log variances are clipped, filters are a softmax.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

from lstm_models.nn.gaussian_attention import (
    GaussianWindow,
    gaussian_window,
    read_window,
    widest_window,
    write_window,
)
from lstm_models.nn.lstm import LSTM, LSTMState
from lstm_models.tasks.image_generation.config import ImageGeneratorConfig

__all__ = ["DrawNetwork", "Drawn", "Item", "collate"]

_LOG_VARIANCE = (-8.0, 3.0)  # within which the encoder's Gaussians stay


class Item(NamedTuple):
    """An image ``[height, width]`` with values 0 to 1, or 0 to 255 as uint8; the number of its kind, -1 for unknown;
    and the weight of the Gaussians' nats while training begins."""

    image: Tensor
    label: int
    kl_weight: float = 1.0


class Drawn(NamedTuple):
    """How a batch of images came about."""

    logits: Tensor
    """The canvas after every step ``[batch, steps, height, width]``: log odds of white pixels."""
    read: Tensor
    """Reading windows ``[batch, steps, 5]``, fields of ``GaussianWindow``; empty where nothing was read."""
    write: Tensor
    """Writing windows, likewise."""
    kl: Tensor
    """Nats of the Gaussians at every step ``[batch, steps]``; 0 where nothing was read."""
    log_weight: Tensor
    """log p(z) − log q(z | image) of the numbers that were drawn ``[batch]``; 0 where nothing was read."""


class DrawNetwork(nn.Module):
    """See the module, and ``ImageGeneratorConfig``."""

    Config = ImageGeneratorConfig

    def __init__(self, config: ImageGeneratorConfig) -> None:
        super().__init__()
        self.config = config
        side, kinds = config.image_size, len(config.names) + 1  # the last is "any"
        encoder, decoder, latent = config.encoder_size, config.decoder_size, config.latent_size
        self.overview = nn.Linear(side * side, 2 * encoder)
        self.encoder = LSTM(2 * config.read_size**2 + decoder, encoder)
        self.posterior = nn.Linear(encoder, 2 * latent)
        self.kind = nn.Embedding(kinds, 2 * decoder)
        self.kind_input = nn.Embedding(kinds, 16)
        self.decoder = LSTM(latent + 16, decoder)
        self.read_head = nn.Linear(decoder, 5)
        self.write_head = nn.Linear(decoder, 5)
        self.patch = nn.Linear(decoder, config.write_size**2)
        self.canvas = nn.Parameter(torch.full((side, side), -2.0))  # before the first step
        nn.init.normal_(self.kind.weight, std=0.1)
        with torch.no_grad():
            for head, size in ((self.read_head, config.read_size), (self.write_head, config.write_size)):
                head.weight.mul_(0.3)
                head.bias.copy_(torch.tensor(widest_window(size, side, side)))
            self.read_head.bias[4] = 0.0
            self.posterior.weight.mul_(0.3)

    def forward(
        self,
        labels: Tensor,
        noise: Tensor,
        images: Tensor | None = None,
        *,
        every: bool = True,
    ) -> Drawn:
        """Draws, from the encoder's Gaussians where there are images, otherwise from the standard one.

        Args:
            labels: numbers of kinds ``[batch]``; the last of ``kind`` is any.
            noise: standard normal numbers ``[batch, steps, latent]``.
            images: what the encoder looks at ``[batch, height, width]``, 0 or 1.
            every: keep the canvas after every step; otherwise ``logits`` has the last alone.
        """
        side, size = self.config.image_size, self.config.write_size
        batch = len(labels)
        h, c = self.kind(labels).chunk(2, 1)
        state = LSTMState(h.tanh()[None], c[None])
        h, kind = state.h[0], self.kind_input(labels)
        looked: LSTMState | None = None
        if images is not None:
            h_looked, c_looked = self.overview(images.flatten(1)).float().chunk(2, 1)
            looked = LSTMState(h_looked.tanh()[None], c_looked[None])
        canvas = self.canvas.expand(batch, side, side)
        canvases, reads, writes, kls = [], [], [], []
        log_weight = torch.zeros(batch, device=noise.device)
        for step in range(noise.size(1)):
            z = noise[:, step]
            if images is not None and looked is not None:
                seen, window = self._look(images, canvas, h)
                reads.append(window)
                found, looked = self.encoder.step(torch.cat([seen, h], 1), looked)
                mean, log_variance = self.posterior(found).float().chunk(2, 1)
                log_variance = log_variance.clamp(*_LOG_VARIANCE)
                kls.append(0.5 * (mean.square() + log_variance.exp() - log_variance - 1).sum(1))
                drawn = mean + (0.5 * log_variance).exp() * z
                log_weight = log_weight + 0.5 * (z.square() + log_variance - drawn.square()).sum(1)
                z = drawn
            h, state = self.decoder.step(torch.cat([z, kind], 1), state)
            window = gaussian_window(self.write_head(h), size, side, side)
            writes.append(window)
            canvas = canvas + write_window(self.patch(h).view(batch, size, size), window, side, side)
            if every:
                canvases.append(canvas)
        return Drawn(
            torch.stack(canvases if every else [canvas], 1),
            _stacked(reads, noise),
            _stacked(writes, noise),
            torch.stack(kls, 1) if kls else noise.new_zeros(noise.shape[:2]),
            log_weight,
        )

    def _look(self, images: Tensor, canvas: Tensor, h: Tensor) -> tuple[Tensor, GaussianWindow]:
        """What the encoder sees of the image and of what the canvas lacks (equations 3 and 4)."""
        side, size = self.config.image_size, self.config.read_size
        window = gaussian_window(self.read_head(h), size, side, side)
        seen = read_window(torch.stack([images, images - canvas.sigmoid()], 1), window, size)
        return seen.flatten(1), window

    def loss(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The bound in nats, summed: of images that are drawn anew each time with their pixels' probabilities.

        While training the Gaussians' nats count ``kl_weight`` times. While evaluating the noise is always the same.

        Returns:
            ``loss``, ``points`` and ``lines`` (both images), and while evaluating ``kl``.
        """
        images, labels = batch["images"], batch["labels"]
        generator = None if self.training else torch.Generator().manual_seed(1)
        shape = (len(images), self.config.glimpses, self.config.latent_size)
        noise = torch.randn(shape, generator=generator).to(images.device)
        images = torch.bernoulli(images)  # pixels that are 0 or 1 stay as they are
        unknown = labels < 0
        if self.training and self.config.label_dropout:
            unknown = unknown | (torch.rand(len(labels), device=labels.device) < self.config.label_dropout)
        drawn = self(labels.masked_fill(unknown, len(self.config.names)), noise, images, every=False)
        described = cross_entropy(drawn.logits[:, -1], images, reduction="sum")
        kl, count = drawn.kl.sum(), torch.tensor(float(len(images)), device=images.device)
        if not self.training:
            return {"loss": described + kl, "kl": kl, "points": count, "lines": count}
        return {"loss": described + batch["kl_weight"] * kl, "points": count, "lines": count}


def _stacked(windows: Sequence[GaussianWindow], like: Tensor) -> Tensor:
    if not windows:
        return like.new_zeros(len(like), 0, 5)
    return torch.stack([torch.stack(tuple(window), 1) for window in windows], 1)


def collate(items: Sequence[Item]) -> dict[str, Tensor]:
    """What ``loss`` takes: ``images`` [batch, height, width] as probabilities, ``labels`` [batch], ``kl_weight`` []."""
    images = torch.stack([item.image for item in items])
    return {
        "images": images.float() / 255 if images.dtype == torch.uint8 else images,
        "labels": torch.tensor([item.label for item in items]),
        "kl_weight": torch.tensor(min(item.kl_weight for item in items)),
    }
