"""Self-critical sequence training: learning from the reward of one's own sentences (Rennie et al. 2017)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from lstm_models.text.vocabulary import END

__all__ = ["Reward", "rewards_of", "self_critical_loss"]


class Reward(Protocol):
    """How good sentences are, such as ``consensus.CiderD``."""

    def score(self, candidates: Sequence[Sequence[int]], photos: Sequence[int]) -> np.ndarray:
        """Of each candidate (word numbers, without the end), for the photo of that number."""
        ...


def rewards_of(reward: Reward, tokens: Tensor, photos: Tensor) -> Tensor:
    """The reward [batch, sentences] of word numbers ``tokens`` [batch, sentences, words], each for its photo."""
    candidates = [[word for word in words if word != END] for words in tokens.flatten(0, 1).tolist()]
    scores = reward.score(candidates, photos.repeat_interleave(tokens.size(1)).tolist())
    return torch.as_tensor(scores, dtype=torch.float32, device=tokens.device).view(tokens.shape[:2])


def self_critical_loss(log_probabilities: Tensor, mask: Tensor, rewards: Tensor) -> Tensor:
    """The loss whose gradient raises the expected reward of drawn sentences (Rennie et al. 2017, arXiv:1612.00563).

    REINFORCE (equation 6 there); a sentence's baseline is the mean reward of the others drawn for its photo (Luo 2020,
    arXiv:2003.09971), which needs no greedy sentence and leaves the gradient unbiased.

    Args:
        log_probabilities: of the drawn words [real words], in the order of ``mask``.
        mask: which words are real [photos, sentences, words].
        rewards: [photos, sentences], at least two sentences.
    """
    count = rewards.size(1)
    advantage = (rewards - rewards.mean(1, keepdim=True)) * (count / (count - 1))
    return -(advantage[..., None].expand_as(mask)[mask] * log_probabilities).sum()
