"""A language model that learns from the text while it reads it.

- **Dynamic evaluation** (Krause et al. 2018, arXiv:1709.07432): after each stretch of the text a step of gradient
  descent on it, and a pull back to the weights of before.
- **Neural cache** (Grave et al. 2017, arXiv:1612.04426): tokens of the text come again where the outputs are alike.

No token is predicted with what was learnt from it.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F

from lstm_models.errors import InputError
from lstm_models.field_checks import check_kinds
from lstm_models.nn.lstm import LSTMState

if TYPE_CHECKING:
    from lstm_models.tasks.language_modeling.network import LanguageNetwork

__all__ = ["AdaptOptions", "NeuralCache", "copy_of", "learn"]


@dataclass(frozen=True)
class AdaptOptions:
    """How a model adapts to a text.

    Attributes:
        learning_rate: of the steps of gradient descent; 0 for none.
        decay: fraction of the way back to the weights of before, in each step.
        stretch: tokens of a step.
        clip: largest norm of a gradient.
        cache: fraction of the probability that the cache of the text's tokens gives; 0 for no cache.
        flatness: θ of the cache: how much the likeness of two outputs counts.
        cache_size: tokens in the cache.

    Raises:
        InputError: a number is out of its range (``usage=True``).
    """

    learning_rate: float = 0.1
    decay: float = 0.001
    stretch: int = 20
    clip: float = 1.0
    cache: float = 0.05
    flatness: float = 0.3
    cache_size: int = 2000

    def __post_init__(self) -> None:
        check_kinds(self)
        for name in ("learning_rate", "clip", "flatness"):
            if not 0 <= getattr(self, name) < math.inf:
                raise InputError(f"adapt.{name} must be 0 or more, and is {getattr(self, name)}", usage=True)
        for name in ("decay", "cache"):
            if not 0 <= getattr(self, name) < 1:
                raise InputError(f"adapt.{name} must be from 0 to below 1, and is {getattr(self, name)}", usage=True)
        for name in ("stretch", "cache_size"):
            if getattr(self, name) < 1:
                raise InputError(f"adapt.{name} must be at least 1, and is {getattr(self, name)}", usage=True)


def copy_of(network: LanguageNetwork) -> LanguageNetwork:
    """The network with weights of its own and the same vocabulary."""
    vocabulary = network.vocabulary
    return copy.deepcopy(network, {id(vocabulary): vocabulary})


def learn(
    network: LanguageNetwork,
    before: dict[str, Tensor],
    tokens: Tensor,
    targets: Tensor,
    state: LSTMState,
    options: AdaptOptions,
) -> None:
    """One step of dynamic evaluation, in place, on ``tokens`` [1, time] and the ``targets`` after them."""
    with torch.enable_grad():
        outputs, _ = network.outputs(tokens, state)
        logits = F.linear(outputs, network.embedding.weight, network.bias)
        loss = F.cross_entropy(logits[0], targets[0])
        parameters = dict(network.named_parameters())
        gradients = torch.autograd.grad(loss, list(parameters.values()))
    norm = math.sqrt(sum(float(each.square().sum()) for each in gradients))
    rate = options.learning_rate * min(1.0, options.clip / max(norm, 1e-12))
    with torch.no_grad():
        for (name, weight), gradient in zip(parameters.items(), gradients, strict=True):
            weight.sub_(gradient, alpha=rate).lerp_(before[name], options.decay)


class NeuralCache:
    """The outputs and the tokens after them of the text so far."""

    def __init__(self, options: AdaptOptions, size: int, *, like: Tensor) -> None:
        self.options = options
        self._outputs = like.new_empty(options.cache_size, size)
        self._targets = torch.empty(options.cache_size, dtype=torch.long, device=like.device)
        self._count = 0

    def mix(self, log_probs: Tensor, outputs: Tensor, targets: Tensor) -> Tensor:
        """Log probabilities [time, vocabulary] with the cache's share; then it takes up ``targets`` [time].

        Equation 3 of the paper with the linear mixture of its section 4; every place sees the cache of the places
        before it.
        """
        mixed = []
        for row, output, target in zip(log_probs, outputs, targets, strict=True):
            filled = min(self._count, self.options.cache_size)
            if filled:
                likeness = self._outputs[:filled] @ output * self.options.flatness
                weights = likeness.softmax(0) * self.options.cache
                row = (row.exp() * (1 - self.options.cache)).index_add_(0, self._targets[:filled], weights).log()
            mixed.append(row)
            place = self._count % self.options.cache_size
            self._outputs[place], self._targets[place] = output, target
            self._count += 1
        return torch.stack(mixed)
