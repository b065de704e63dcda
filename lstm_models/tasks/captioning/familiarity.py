"""How far a photo is from those that a captioner was trained on.

The measure is the cosine distance of the packaged image network's pooled features to the nearest of a few centroids,
spherical k-means (Dhillon and Modha 2001) over the training photos'. It separates photos of other things from held-out
photos of the same data about as well as the distance to the nearest training photos does, in 10 KB.
"""

from __future__ import annotations

import base64

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from lstm_models.errors import InputError

__all__ = ["centroids", "decode", "distance", "encode"]


def centroids(features: Tensor, count: int = 8, rounds: int = 20, seed: int = 0) -> Tensor:
    """Directions [count, channels] that training photos' features [photos, channels] lie around.

    Raises:
        InputError: there are fewer photos than centroids.
    """
    if len(features) < count:
        raise InputError(f"{len(features)} photos are too few for statistics of what is familiar; {count} are needed")
    rows = functional.normalize(features.float(), dim=-1)
    chosen = torch.randperm(len(rows), generator=torch.Generator().manual_seed(seed))[:count]
    found = rows[chosen]
    for _ in range(rounds):
        nearest = (rows @ found.T).argmax(1)
        means = [rows[nearest == one].mean(0) if (nearest == one).any() else found[one] for one in range(count)]
        found = functional.normalize(torch.stack(means), dim=-1)
    return found


def distance(features: Tensor, to: Tensor) -> Tensor:
    """Of photos' features [photos, channels] to the nearest of ``to`` [centroids, channels]: [photos], 0 to 2."""
    cosines = functional.normalize(features.float(), dim=-1) @ functional.normalize(to.float(), dim=-1).T
    return 1 - cosines.amax(-1)


def encode(found: Tensor) -> str:
    """Centroids [count, channels] as text for a config: base64 of int8, each row scaled to its largest entry."""
    scaled = found / found.abs().amax(-1, keepdim=True).clamp(min=1e-12) * 127
    return base64.b64encode(scaled.round().to(torch.int8).cpu().numpy().tobytes()).decode()


def decode(text: str, channels: int) -> Tensor:
    """The centroids [count, channels] of ``encode``, up to their lengths.

    Raises:
        ValueError: the text is no such thing.
    """
    values = np.frombuffer(base64.b64decode(text, validate=True), np.int8)
    if not values.size or values.size % channels:
        raise ValueError(f"the centroids of familiar photos are {values.size} numbers, not rows of {channels}")
    return torch.from_numpy(values.reshape(-1, channels).astype(np.float32))
