"""A linear-chain conditional random field: scores for labels and for steps from one label to the next.

The probability of labels y of a sequence is exp(score(y)) / Z, score(y) the sum of the emissions of its labels and of
the transitions between them (Lafferty et al. 2001; over an LSTM, Lample et al. 2016, arXiv:1603.01360, section 2.2).
Z by the forward algorithm, the probability of each label at each place by forward and backward together, the likeliest
labels by Viterbi's.

    crf = CRF(7)
    loss = -crf.log_likelihood(emissions, labels, lengths).sum()
    paths = crf.decode(emissions, lengths)
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["CRF"]

_FORBIDDEN = -1e4  # nats; finite, so that no gradient is NaN


class CRF(nn.Module):
    """A chain over ``labels`` labels.

    Args:
        labels: how many there are.
        forbidden: steps that never happen, pairs of a label before (-1 for the start) and a label after.

    Every method takes ``emissions [batch, time, labels]`` float32 and ``lengths [batch]`` (each 1 or more; all of the
    time if None).
    """

    forbidden: Tensor
    forbidden_start: Tensor

    def __init__(self, labels: int, forbidden: list[tuple[int, int]] | None = None) -> None:
        super().__init__()
        self.labels = labels
        self.transitions = nn.Parameter(torch.zeros(labels, labels))  # [before, after]
        self.start = nn.Parameter(torch.zeros(labels))
        self.stop = nn.Parameter(torch.zeros(labels))
        steps, start = torch.zeros(labels, labels), torch.zeros(labels)
        for before, after in forbidden or ():
            if before < 0:
                start[after] = _FORBIDDEN
            else:
                steps[before, after] = _FORBIDDEN
        self.register_buffer("forbidden", steps, persistent=False)
        self.register_buffer("forbidden_start", start, persistent=False)

    def log_likelihood(self, emissions: Tensor, labels: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Log probability [batch] of ``labels [batch, time]``; labels in padding are any from 0 on."""
        lengths = _lengths(emissions, lengths)
        return self.score(emissions, labels, lengths) - self.log_partition(emissions, lengths)

    def score(self, emissions: Tensor, labels: Tensor, lengths: Tensor | None = None) -> Tensor:
        """The score [batch] of ``labels [batch, time]``, the logarithm of their unnormalised probability."""
        lengths = _lengths(emissions, lengths)
        transitions, start = self._steps()
        real = _real(emissions, lengths)
        total = (emissions.gather(2, labels[..., None])[..., 0] * real).sum(1) + start[labels[:, 0]]
        steps = transitions[labels[:, :-1], labels[:, 1:]] * real[:, 1:]
        last = labels.gather(1, lengths[:, None] - 1)[:, 0]
        return total + steps.sum(1) + self.stop[last]

    def log_partition(self, emissions: Tensor, lengths: Tensor | None = None) -> Tensor:
        """log Z [batch], by the forward algorithm."""
        lengths = _lengths(emissions, lengths)
        alpha = self._forward(emissions, lengths)[:, -1]
        return (alpha + self.stop).logsumexp(-1)

    def marginals(self, emissions: Tensor, lengths: Tensor | None = None) -> Tensor:
        """The probability [batch, time, labels] of each label at each place; 0 in padding."""
        lengths = _lengths(emissions, lengths)
        transitions, _ = self._steps()
        alpha, real = self._forward(emissions, lengths), _real(emissions, lengths)
        beta = self.stop.expand(len(emissions), -1)
        betas = [beta]
        for time in range(emissions.size(1) - 1, 0, -1):
            after = (transitions + (emissions[:, time] + beta)[:, None]).logsumexp(2)
            beta = torch.where(real[:, time, None], after, beta)
            betas.append(beta)
        both = alpha + torch.stack(betas[::-1], 1)
        return (both - both.logsumexp(-1, keepdim=True)).exp() * real[..., None]

    @torch.no_grad()
    def decode(self, emissions: Tensor, lengths: Tensor | None = None) -> list[list[int]]:
        """The likeliest labels of each sequence, by Viterbi's algorithm."""
        lengths = _lengths(emissions, lengths)
        transitions, start = self._steps()
        real = _real(emissions, lengths)
        best, came = start + emissions[:, 0], []
        for time in range(1, emissions.size(1)):
            values, before = (best[:, :, None] + transitions).max(1)
            best = torch.where(real[:, time, None], values + emissions[:, time], best)
            came.append(before)
        last = (best + self.stop).argmax(-1).tolist()
        steps = torch.stack(came, 1).tolist() if came else [[]] * len(last)
        paths = []
        for row, length in enumerate(lengths.tolist()):
            path = [last[row]]
            for time in range(length - 2, -1, -1):
                path.append(steps[row][time][path[-1]])
            paths.append(path[::-1])
        return paths

    def _steps(self) -> tuple[Tensor, Tensor]:
        return self.transitions + self.forbidden, self.start + self.forbidden_start

    def _forward(self, emissions: Tensor, lengths: Tensor) -> Tensor:
        """Log sums [batch, time, labels] over all labels before a place; in padding, those of the last real place."""
        transitions, start = self._steps()
        real = _real(emissions, lengths)
        alpha = start + emissions[:, 0]
        alphas = [alpha]
        for time in range(1, emissions.size(1)):
            new = (alpha[:, :, None] + transitions).logsumexp(1) + emissions[:, time]
            alpha = torch.where(real[:, time, None], new, alpha)
            alphas.append(alpha)
        return torch.stack(alphas, 1)


def _lengths(emissions: Tensor, lengths: Tensor | None) -> Tensor:
    if lengths is None:
        return torch.full((emissions.size(0),), emissions.size(1), device=emissions.device)
    return lengths.to(emissions.device)


def _real(emissions: Tensor, lengths: Tensor) -> Tensor:
    return torch.arange(emissions.size(1), device=emissions.device) < lengths[:, None]
