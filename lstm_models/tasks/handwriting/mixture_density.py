"""What stands on top of the recurrent layers: the mixture density of a pen's next move, and the loss of CTC outputs."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

__all__ = ["MixtureDensityHead", "PenDistribution", "PenNoise"]


class PenNoise(NamedTuple):
    """Random numbers that a pen move is drawn with."""

    uniform: Tensor
    """Uniform on [0, 1), which chooses the component [batch, 1]."""
    normal: Tensor
    """Standard normal, one of each axis [batch, 2]."""

    @staticmethod
    def draw(batch: int, generator: torch.Generator | None, like: Tensor) -> PenNoise:
        """Anew, on the device and in the precision of ``like``."""
        kind: dict[str, Any] = {"generator": generator, "device": like.device, "dtype": like.dtype}
        return PenNoise(torch.rand(batch, 1, **kind), torch.randn(batch, 2, **kind))


class PenDistribution(NamedTuple):
    """Distribution of the next pen move: a mixture of bivariate Gaussians and a Bernoulli for the lift.

    All but ``lift`` and ``stop`` have a last axis of mixture components.
    """

    log_weight: Tensor
    mean_x: Tensor
    mean_y: Tensor
    log_std_x: Tensor
    log_std_y: Tensor
    correlation: Tensor
    lift: Tensor
    """Logit of the pen being lifted after this point [...]."""
    stop: Tensor
    """Logit of this point being the line's last [...]."""

    def log_density(self, offsets: Tensor) -> Tensor:
        """Log density [...] of moves ``offsets`` [..., 2] (Graves 2013, equations 23–25)."""
        x = (offsets[..., 0, None] - self.mean_x) * torch.exp(-self.log_std_x)
        y = (offsets[..., 1, None] - self.mean_y) * torch.exp(-self.log_std_y)
        rest = 1 - self.correlation**2
        distance = (x * x + y * y - 2 * self.correlation * x * y) / rest
        norm = math.log(2 * math.pi) + self.log_std_x + self.log_std_y + 0.5 * torch.log(rest)
        return torch.logsumexp(self.log_weight - norm - 0.5 * distance, -1)

    def sample(self, bias: Tensor | float, generator: torch.Generator | None = None) -> Tensor:
        """Draws a move [batch, 2]; a larger ``bias`` (0 or more, number or [batch, 1]) draws nearer the modes."""
        return self.move(bias, PenNoise.draw(self.mean_x.size(0), generator, self.mean_x))

    def move(self, bias: Tensor | float, random: PenNoise) -> Tensor:
        """The move [batch, 2] that random numbers stand for.

        Graves 2013, equations 61 and 62: standard deviations shrink by exp(−bias), weights sharpen by 1 + bias.
        """
        chosen = _choose(torch.softmax(self.log_weight * (1 + bias), -1), random.uniform)
        noise = random.normal

        def pick(tensor: Tensor) -> Tensor:
            return tensor.gather(-1, chosen)[..., 0]

        shrink = bias[..., 0] if isinstance(bias, Tensor) else bias
        std_x, std_y = torch.exp(pick(self.log_std_x) - shrink), torch.exp(pick(self.log_std_y) - shrink)
        correlation = pick(self.correlation)
        mixed = correlation * noise[:, 0] + torch.sqrt(1 - correlation**2) * noise[:, 1]
        return torch.stack([pick(self.mean_x) + std_x * noise[:, 0], pick(self.mean_y) + std_y * mixed], -1)


class MixtureDensityHead(nn.Linear):
    """Linear layer whose output is read as a ``PenDistribution`` (Graves 2013, equations 16–22).

    Args:
        input_size: features of the input.
        mixtures: Gaussians.
        floor: smallest standard deviation, in normalised units. Pen coordinates are whole numbers, so without a
            floor a component can settle on one of them and its density grows without bound.
    """

    def __init__(self, input_size: int, mixtures: int, *, floor: float = 0.01) -> None:
        super().__init__(input_size, 6 * mixtures + 2)
        if floor <= 0:
            raise ValueError("the floor of the standard deviation must be above 0")
        self.mixtures, self.floor = mixtures, floor
        nn.init.normal_(self.weight, std=0.02)
        with torch.no_grad():
            self.bias.zero_()
            self.bias[: 3 * mixtures].normal_(0, 0.5)  # components that start alike would stay alike
            self.bias[-2:] = -3.0  # lifts and ends are rare

    def forward(self, x: Tensor) -> PenDistribution:  # type: ignore[override]
        """Distribution for features ``x`` [..., feature], in float32 whatever the layers below ran in."""
        return self.read(super().forward(x).float() if x.dtype != torch.float64 else super().forward(x))

    def read(self, output: Tensor) -> PenDistribution:
        """The distribution that a linear output [..., 6 · mixtures + 2] stands for."""
        parts = output[..., :-2].chunk(6, -1)
        lowest = math.log(self.floor)
        return PenDistribution(
            torch.log_softmax(parts[0], -1),
            parts[1],
            parts[2],
            # log(floor + exp(z)) keeps a gradient at the floor, which a clamp would not
            torch.logaddexp(parts[3], parts[3].new_tensor(lowest)),
            torch.logaddexp(parts[4], parts[4].new_tensor(lowest)),
            0.995 * torch.tanh(parts[5]),
            output[..., -2],
            output[..., -1],
        )


def _choose(probabilities: Tensor, draw: Tensor) -> Tensor:
    """One component [batch, 1] for each row from uniform numbers [batch, 1], by inverting the cumulative sum."""
    return (probabilities.cumsum(-1) < draw).sum(-1, keepdim=True).clamp_(max=probabilities.size(-1) - 1)
