"""How sure a model is of a word: its probability, calibrated.

Probabilities that a network gives are not how often it is right. Platt (1999) scaling makes them so by two numbers
fitted on held-out data, sigmoid(logit(p) / temperature + bias); with the bias at 0 it is the temperature scaling of Guo
et al. (2017, arXiv:1706.04599), for two outcomes. The bias is needed: for a caption, p is the probability of this word
in place of its synonyms, and a word can be right at p = 0.3. What else is known of a word can be weighed in: then it is
a logistic regression.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lstm_models.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Calibration", "calibrated", "fit", "logit"]

_TEMPERATURES = (0.05, 20.0)  # lowest and highest


@dataclass(frozen=True)
class Calibration:
    """From a word's probability to its confidence: sigmoid(logit(p) / temperature + bias + weights · evidence).

    >>> Calibration(2.0, 0.5)([0.5, 0.9]).round(3)
    array([0.622, 0.832])
    """

    temperature: float = 1.0
    bias: float = 0.0
    weights: tuple[float, ...] = ()

    def __call__(
        self, probabilities: np.ndarray | Sequence[float], evidence: np.ndarray | Sequence[Sequence[float]] = ()
    ) -> np.ndarray:
        """Confidences, float64, of probabilities [words], and of what else is known of each, [words, weights]."""
        log_odds = logit(probabilities) / self.temperature + self.bias
        if self.weights:
            log_odds = log_odds + np.asarray(evidence, dtype=np.float64) @ np.array(self.weights)
        return np.exp(-np.logaddexp(0, -log_odds))


def calibrated(log_probability: Tensor, temperature: float, bias: float = 0.0) -> Tensor:
    """sigmoid(logit(p) / temperature + bias), in double precision, of log probabilities ln p of any shape."""
    import torch

    log_p = log_probability.double().clamp(-50, -1e-9)
    log_odds = log_p - torch.log(-torch.expm1(log_p))
    return (log_odds / temperature + bias).sigmoid()


def logit(probabilities: np.ndarray | Sequence[float]) -> np.ndarray:
    """log(p / (1 − p)), with p kept a hundred-thousandth of a per cent from 0 and 1."""
    p = np.clip(np.asarray(probabilities, dtype=np.float64), 1e-7, 1 - 1e-7)
    return np.log(p) - np.log1p(-p)


def fit(
    probabilities: np.ndarray | Sequence[float],
    right: np.ndarray | Sequence[bool],
    *,
    bias: bool = True,
    evidence: np.ndarray | Sequence[Sequence[float]] | None = None,
) -> Calibration:
    """The calibration under which what was right is most likely.

    The likelihood is convex in 1 / temperature, bias and weights; the temperature is kept between 0.05 and 20. The
    outcomes are drawn in by Platt's prior, one word of each kind more, so that there is a maximum when all words are
    right.

    Args:
        probabilities: of each word, by the model.
        right: of each word, whether it is.
        bias: whether there is one; otherwise it is 0.
        evidence: what else is known of each word, [words, numbers], to be weighed in.

    Raises:
        InputError: there is no word.
        ValueError: there are not as many outcomes as probabilities.
    """
    from scipy.optimize import minimize

    x, outcome = logit(probabilities), np.asarray(right, dtype=bool)
    if x.shape != outcome.shape:
        raise ValueError(f"{len(x)} probabilities and {len(outcome)} outcomes")
    if not len(x):
        raise InputError("there is no word to calibrate on")
    yes, no = int(outcome.sum()), int((~outcome).sum())
    target = np.where(outcome, (yes + 1) / (yes + 2), 1 / (no + 2))

    features = np.column_stack([x, np.ones_like(x)] if evidence is None else [x, np.ones_like(x), evidence])

    def loss(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        z = features @ parameters
        error = np.exp(-np.logaddexp(0, -z)) - target
        return float((np.logaddexp(0, z) - target * z).mean()), features.T @ error / len(x)

    lowest, highest = _TEMPERATURES
    more = features.shape[1] - 2
    bounds = [(1 / highest, 1 / lowest), (-20.0, 20.0) if bias else (0.0, 0.0), *[(None, None)] * more]
    start = np.array([1.0, 0.0, *[0.0] * more])
    found = minimize(loss, start, jac=True, bounds=bounds, method="L-BFGS-B", options={"ftol": 1e-15, "gtol": 1e-9})
    return Calibration(float(1 / found.x[0]), float(found.x[1]), tuple(found.x[2:].tolist()))
