"""Drawing numbers and running the network: new images, images that are finished, and how probable images are."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

from lstm_models.errors import InputError
from lstm_models.field_checks import check_kinds
from lstm_models.tasks.image_generation.network import Drawn, DrawNetwork

__all__ = ["CompleteOptions", "complete", "draw", "log_likelihood", "standard_normal"]


@dataclass(frozen=True)
class CompleteOptions:
    """How an image is finished.

    Attributes:
        candidates: images that are finished at once, of which the likeliest is kept.
        rounds: how often what is missing is drawn anew, given what was drawn before.
    """

    candidates: int = 16
    rounds: int = 12

    def __post_init__(self) -> None:
        check_kinds(self)
        for name, most in (("candidates", 256), ("rounds", 200)):
            if not 1 <= getattr(self, name) <= most:
                raise InputError(f"{name} must be from 1 to {most}, not {getattr(self, name)}", usage=True)


def standard_normal(generator: np.random.Generator, *shape: int) -> Tensor:
    """Standard normal numbers, whose order does not depend on how many are drawn at once."""
    return torch.from_numpy(generator.standard_normal(shape, dtype=np.float32))


def draw(network: DrawNetwork, labels: Tensor, seed: int, temperature: float = 1.0) -> Drawn:
    """New images of kinds ``labels`` [batch]; numbers are drawn from a Gaussian of so many standard deviations."""
    config = network.config
    noise = standard_normal(np.random.default_rng(seed), len(labels), config.glimpses, config.latent_size)
    return network(labels, temperature * noise.to(labels.device))  # type: ignore[no-any-return]


def complete(
    network: DrawNetwork, image: Tensor, missing: Tensor, label: int, seed: int, options: CompleteOptions
) -> tuple[Drawn, int]:
    """Fills in what is missing by a Markov chain, and says which candidate explains the known pixels best.

    In turns, the encoder draws numbers for the whole image and the decoder what is missing (Rezende et al. 2014,
    arXiv:1401.4082, section F). Candidates are compared by log p(known pixels, numbers) − log q(numbers).

    Args:
        network: what draws.
        image: 0 or 1 [height, width].
        missing: which pixels are, bool of the same shape.
        label: number of the kind.
        seed: the same seed gives the same image.
        options: how many candidates and rounds.

    Returns:
        The candidates as drawn in the last round, and the number of the best.
    """
    config, count = network.config, options.candidates
    generator, device = np.random.default_rng(seed), image.device
    labels = torch.full((count,), label, device=device)

    def noise() -> Tensor:
        return standard_normal(generator, count, config.glimpses, config.latent_size).to(device)

    def filled(logits: Tensor) -> Tensor:
        drawn = torch.from_numpy(generator.random(logits.shape, dtype=np.float32)).to(device)
        return torch.where(missing, (drawn < logits.sigmoid()).float(), image)

    images = filled(network(labels, noise(), every=False).logits[:, -1])
    for _ in range(options.rounds - 1):
        images = filled(network(labels, noise(), images, every=False).logits[:, -1])
    drawn: Drawn = network(labels, noise(), images)
    described = cross_entropy(drawn.logits[:, -1], image.expand(count, -1, -1), reduction="none")
    score = drawn.log_weight - (described * ~missing).sum((1, 2))
    return drawn, int(score.argmax())


def log_likelihood(
    network: DrawNetwork, images: Tensor, labels: Tensor, seed: int, samples: int, batch: int = 250
) -> tuple[Tensor, Tensor]:
    """The bound on log p of every image, and its importance-weighted estimate, both [images], in nats.

    The bound is the mean of ``samples`` drawings (equation 12 of DRAW's paper); the estimate, a tighter bound, is the
    logarithm of the mean of p(image, numbers) / q(numbers | image) over them (Burda et al. 2016, arXiv:1509.00519,
    equation 8).

    Args:
        network: what draws.
        images: 0 or 1 [images, height, width].
        labels: numbers of kinds [images].
        seed: the same seed gives the same figures, whatever the ``batch``.
        samples: drawings of each image.
        batch: drawings at once.
    """
    config, generator = network.config, np.random.default_rng(seed)
    bounds, estimates = [], []
    rows = max(1, batch // samples)
    for some, kinds in zip(images.split(rows), labels.split(rows), strict=True):
        noise = standard_normal(generator, len(some) * samples, config.glimpses, config.latent_size).to(some.device)
        repeated = some.repeat_interleave(samples, 0)
        parts = zip(
            repeated.split(batch), kinds.repeat_interleave(samples, 0).split(batch), noise.split(batch), strict=True
        )
        bound, weight = [], []
        for these, their_kinds, numbers in parts:
            drawn = network(their_kinds, numbers, these, every=False)
            described = -cross_entropy(drawn.logits[:, -1], these, reduction="none").sum((1, 2))
            bound.append(described - drawn.kl.sum(1))
            weight.append(described + drawn.log_weight)
        bounds.append(torch.cat(bound).double().view(-1, samples).mean(1))
        estimates.append(torch.cat(weight).double().view(-1, samples).logsumexp(1) - math.log(samples))
    return torch.cat(bounds).float(), torch.cat(estimates).float()
