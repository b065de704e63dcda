"""The two lessons that need no trained model: how far a gradient reaches, and how long a forget gate remembers.

The adding problem (Hochreiter and Schmidhuber 1997, experiment 4): of a sequence of random numbers two are marked, and
their sum is asked for at the end. To learn it, the gradient of the loss has to get back to the first mark.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from lstm_models.analysis.gradient_flow import gradient_flow
from lstm_models.errors import InputError
from lstm_models.nn.lstm import LSTM, LSTMState

__all__ = [
    "BASELINE",
    "FEWEST",
    "MOST",
    "MOST_TRAINED",
    "Adder",
    "Training",
    "adders",
    "adding",
    "fading",
    "remembering",
    "whole",
]

FEWEST, MOST, MOST_TRAINED = 10, 200, 100
"""Timesteps: at least, at most, and at most for training."""
BASELINE = 1 / 6
"""Mean squared error of always answering 1, the mean of the sum of two numbers of 0 to 1."""
HIDDEN = 32
SPAN = 100
"""Steps over which the memory of a forget bias is shown."""
LEARNT = 0.01

_BATCH, _RATE, _SEQUENCES = 32, 0.01, 4
_SECONDS, _LONGEST = 20.0, 90.0  # of one core, and on the clock of a busy machine
_LOWEST, _HIGHEST = -2.0, 5.0


def adding(samples: int, steps: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Sequences of the adding problem ``[samples, steps, 2]``, a number of 0 to 1 and a mark, and sums ``[samples]``.

    One mark lies in each half.
    """
    numbers = torch.rand(samples, steps, generator=generator)
    marks = torch.zeros(samples, steps)
    half = steps // 2
    for first, last in ((0, half), (half, steps)):
        marks.scatter_(1, torch.randint(first, last, (samples, 1), generator=generator), 1)
    return torch.stack([numbers, marks], 2), (numbers * marks).sum(1)


class Adder(nn.Module):
    """A recurrent network of ``HIDDEN`` units and a linear reading of its last hidden state."""

    def __init__(self, recurrent: LSTM | nn.RNN) -> None:
        super().__init__()
        self.recurrent, self.reading = recurrent, nn.Linear(HIDDEN, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Sums ``[batch]`` of ``x [batch, time, 2]``."""
        return self.reading(self.recurrent(x)[0][:, -1])[:, 0]  # type: ignore[no-any-return]

    def states(self, x: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """h and, of an LSTM, c after each step ``[batch, hidden]``, each a node that a gradient can be taken of."""
        h, c = [], []
        if isinstance(self.recurrent, LSTM):
            state: LSTMState | None = None
            for frame in x.unbind(1):
                last_h, last_c = self.recurrent.cells[0].step(frame, *self._first(len(x), state))
                state = LSTMState(last_h, last_c)
                h.append(last_h)
                c.append(last_c)
            return h, c
        hidden = None
        for frame in x.unbind(1):
            hidden = self.recurrent(frame[:, None], hidden)[1]
            h.append(hidden)
        return h, c

    @staticmethod
    def _first(batch: int, state: LSTMState | None) -> LSTMState:
        zeros = torch.zeros(batch, HIDDEN)
        return LSTMState(zeros, zeros) if state is None else state


def adders(steps: int, seed: int = 0) -> dict[str, Adder]:
    """Untrained networks by name: this package's LSTM with two initialisations of its forget bias, and a plain RNN."""
    torch.manual_seed(seed)
    return {
        "LSTM, chrono": Adder(LSTM(2, HIDDEN, initialization="chrono", longest=steps)),
        "LSTM, forget bias 1": Adder(LSTM(2, HIDDEN)),
        "plain RNN": Adder(nn.RNN(2, HIDDEN, batch_first=True)),
    }


def fading(steps: int, seed: int = 0) -> dict[str, list[float]]:
    """How the gradient of the loss fades on its way back through untrained networks.

    Args:
        steps: length of the adding problem.
        seed: of weights and numbers.

    Returns:
        By the names of `adders`: the norm of the loss's gradient with respect to the state after each step (c of an
        LSTM, h of the plain RNN), mean over a batch, as a share of that with respect to the last h.

    Raises:
        InputError: the length is out of range.
    """
    steps = whole(steps, "length", FEWEST, MOST)
    x, y = adding(8, steps, torch.Generator().manual_seed(seed))
    found = {}
    for name, adder in adders(steps, seed).items():
        with torch.enable_grad():
            h, c = adder.states(x)
            loss = (adder.reading(h[-1]).flatten() - y).square().sum()
            last, *shown = torch.autograd.grad(loss, [h[-1], *(c or h)])
        norms = torch.stack([one.reshape(len(x), -1).norm(dim=1).mean() for one in shown])
        found[name] = (norms / last.reshape(len(x), -1).norm(dim=1).mean()).tolist()
    return found


@dataclass
class Training:
    """Two networks that learn the adding problem from the same batches.

    ``losses``: the mean squared error of every batch, by network. ``test``: likewise on sequences that were not
    learnt from, once it is over.
    """

    steps: int
    losses: dict[str, list[float]] = field(default_factory=lambda: {"LSTM": [], "plain RNN": []})
    test: dict[str, float] = field(default_factory=dict)
    example: tuple[float, float, dict[str, float]] | None = None
    seconds: float = 0.0

    @property
    def learnt(self) -> bool:
        """Whether the LSTM has learnt it."""
        recent = self.losses["LSTM"][-20:]
        return len(recent) == 20 and sum(recent) / 20 < LEARNT

    @staticmethod
    def smooth(losses: list[float], fraction: float = 0.1) -> list[float]:
        """The losses with the noise of single batches taken out: an exponential mean."""
        means: list[float] = []
        for loss in losses:
            means.append(loss if not means else means[-1] + fraction * (loss - means[-1]))
        return means

    @classmethod
    def run(cls, steps: int, seed: int = 0, seconds: float = _SECONDS, pause: float = 0.5) -> Iterator[Training]:
        """Train until the LSTM has learnt it or the time is over; yields as it goes, and last with the test.

        Args:
            steps: length of the sequences.
            seed: of weights and sequences.
            seconds: of one core, at most.
            pause: seconds between two yields.

        Raises:
            InputError: the length is out of range.
        """
        steps = whole(steps, "length of a training", FEWEST, MOST_TRAINED)
        made = adders(steps, seed)
        models = {"LSTM": made["LSTM, chrono"], "plain RNN": made["plain RNN"]}
        optimizers = {name: torch.optim.Adam(model.parameters(), _RATE) for name, model in models.items()}
        generator, found = torch.Generator().manual_seed(seed), cls(steps)
        started = shown = time.monotonic()
        used = 0.0
        yield found
        while not found.learnt and used < seconds and time.monotonic() - started < _LONGEST:
            begin = time.thread_time()
            x, y = adding(_BATCH, steps, generator)
            for name, model in models.items():
                with torch.enable_grad():
                    loss = (model(x) - y).square().mean()
                    optimizers[name].zero_grad()
                    loss.backward()
                nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                optimizers[name].step()
                found.losses[name].append(loss.item())
            used += time.thread_time() - begin
            if time.monotonic() - shown > pause:
                found.seconds = time.monotonic() - started
                yield found
                shown = time.monotonic()
        found.seconds = time.monotonic() - started
        with torch.inference_mode():
            x, y = adding(500, steps, generator)
            answers = {name: model(x) for name, model in models.items()}
        found.test = {name: (answer - y).square().mean().item() for name, answer in answers.items()}
        one, other = x[0, x[0, :, 1] > 0, 0].tolist()
        found.example = one, other, {name: answer[0].item() for name, answer in answers.items()}
        yield found


def remembering(bias: float, seed: int = 0) -> dict[str, list[float]]:
    """How much is left of a memory after 0 to `SPAN` steps, as a share.

    Args:
        bias: the forget gate's, -2 to 5.
        seed: of weights and noise.

    Returns:
        ``sigmoid``: σ(bias)^n, a forget gate that its bias alone decides. ``measured`` and ``chrono``: the gradient of
        the last output with respect to c, n steps before the end, of an untrained LSTM on the adding problem, with that
        bias (and its negative at the input gate) and with the chrono initialisation for `SPAN` steps.

    Raises:
        InputError: the bias is out of range.
    """
    if isinstance(bias, bool) or not isinstance(bias, int | float) or not _LOWEST <= bias <= _HIGHEST:
        raise InputError(f"The forget bias must be a number from {_LOWEST:g} to {_HIGHEST:g}.", usage=True)
    keep = 1 / (1 + math.exp(-bias))
    torch.manual_seed(seed)
    plain, chrono = LSTM(2, HIDDEN), LSTM(2, HIDDEN, initialization="chrono", longest=SPAN)
    plain.cells[0].forget_bias(torch.full((HIDDEN,), float(bias)), balance=True)
    x, _ = adding(_SEQUENCES, SPAN + 1, torch.Generator().manual_seed(seed))
    found = {"sigmoid": [keep**n for n in range(SPAN + 1)]}
    for name, lstm in (("measured", plain), ("chrono", chrono)):
        flow = gradient_flow(lstm, x, seed=seed).cell
        assert flow is not None  # an LSTM has one
        found[name] = (flow[0].flip(0) / flow[0, -1]).tolist()
    return found


def whole(number: object, what: str, lowest: int, highest: int) -> int:
    """A whole number of that range. Raises InputError for anything else."""
    fits = isinstance(number, int | float) and not isinstance(number, bool) and math.isfinite(number)
    if not fits or number != int(number) or not lowest <= number <= highest:  # type: ignore[call-overload,operator]
        raise InputError(f"The {what} must be a whole number from {lowest} to {highest}.", usage=True)
    return int(number)  # type: ignore[call-overload,no-any-return]
