"""How sure a model is of a word: its probability, calibrated.

Probabilities that a network gives are not how often it is right. Platt (1999) scaling makes them so by two numbers
fitted on held-out data; with the bias at 0 it is the temperature scaling of Guo et al. (2017, arXiv:1706.04599).
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["calibrated"]


def calibrated(log_probability: Tensor, temperature: float, bias: float = 0.0) -> Tensor:
    """sigmoid(logit(p) / temperature + bias), in double precision, of log probabilities ln p of any shape."""
    log_p = log_probability.double().clamp(-50, -1e-9)
    logit = log_p - torch.log(-torch.expm1(log_p))
    return (logit / temperature + bias).sigmoid()
