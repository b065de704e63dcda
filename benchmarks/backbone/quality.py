"""What the backbone learns: the adding problem, copy memory and MNIST-1D, on one thread.

    python -m benchmarks.backbone.quality                        # everything, about half an hour
    python -m benchmarks.backbone.quality mnist1d --seeds 3      # 96 % and more, about 80 CPU-seconds a seed
    python -m benchmarks.backbone.quality --quick --json out.json

- adding (Hochreiter and Schmidhuber 1997): of 100 random numbers two are marked; say their sum. Counted are the steps
  until the squared error on held-out sequences is below 0.01 (a constant answer gets 0.167), with forget bias 1 and 0.
- copy (Hochreiter and Schmidhuber 1997, in the form of Arjovsky et al. 2016): repeat 10 symbols after a delay. Compared
  is the cross-entropy with that of a network without memory, 10 ln 8 / (delay + 20), for the default initialisation
  and the chrono initialisation (Tallec and Ollivier 2018).
- mnist1d (Greydanus 2020, package ``mnist1d``, which makes its data itself): 4,000 signals of 40 points to learn from
  and 1,000 to test on, ten classes, by a two-layer LSTM in both directions. Its settings were chosen on 800 of the
  training signals (``--validate`` trains on the other 3,200 and reports those 800); the test set only measures.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable, Iterator, Sequence
from statistics import mean
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, mse_loss, one_hot

from benchmarks.common import describe, machine, table, write_json
from lstm_models.nn.dropout import Dropout
from lstm_models.nn.lstm import LSTM


class Reader(nn.Module):
    """An LSTM and a linear read-out: of the last frame, of every frame, or of the mean and maximum over time."""

    def __init__(self, lstm: LSTM, outputs: int, read: str, dropout: float = 0.0) -> None:
        super().__init__()
        self.lstm, self.read = lstm, read
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(lstm.output_size * (2 if read == "pooled" else 1), outputs)

    def forward(self, x: Tensor) -> Tensor:
        """``x [batch, time, feature]`` to ``[batch, outputs]``, or ``[batch, time, outputs]`` when every frame is."""
        y, _ = self.lstm(x)
        if self.read == "last":
            y = y[:, -1]
        elif self.read == "pooled":
            y = torch.cat([y.mean(1), y.amax(1)], 1)
        return self.linear(self.dropout(y))  # type: ignore[no-any-return]


def descend(model: nn.Module, loss: Tensor, optimizer: torch.optim.Optimizer, clip: float) -> None:
    """One step of the optimiser."""
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), clip)
    optimizer.step()


# --- adding ----------------------------------------------------------------------------------------------------------


def adding_batch(batch: int, time_: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """``[batch, time, 2]`` (number in 0..1, mark) and the sum ``[batch, 1]``; one mark in each half."""
    numbers = torch.rand(batch, time_, generator=generator)
    marks = torch.zeros(batch, time_)
    half = time_ // 2
    for low, high in ((0, half), (half, time_)):
        marks[torch.arange(batch), torch.randint(low, high, (batch,), generator=generator)] = 1
    return torch.stack([numbers, marks], 2), (numbers * marks).sum(1, keepdim=True)


def adding(forget_bias: float, seed: int, quick: bool, *, steps: int = 3000, time_: int = 100) -> dict[str, Any]:
    """Steps until the held-out error is below 0.01, looked at every 50 steps; None if it never is."""
    steps, time_, hidden, batch = (20, 8, 8, 4) if quick else (steps, time_, 64, 32)
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    lstm = LSTM(2, hidden)
    for cell in lstm.cells:
        cell.forget_bias(torch.full((hidden,), forget_bias), balance=False)
    model = Reader(lstm, 1, "last")
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    held_x, held_y = adding_batch(500, time_, torch.Generator().manual_seed(10_000 + seed))
    error, solved = math.inf, None
    for step in range(1, steps + 1):
        x, y = adding_batch(batch, time_, generator)
        descend(model, mse_loss(model(x), y), optimizer, 1.0)
        if step % 50 == 0 or step == steps:
            with torch.inference_mode():
                error = mse_loss(model(held_x), held_y).item()
            if error < 0.01:
                solved = step
                break
    return {"solved_at": solved, "error": error, "steps": steps, "frames": time_, "units": hidden}


# --- copy ------------------------------------------------------------------------------------------------------------


def copy_batch(batch: int, delay: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Input ``[batch, delay + 20, 10]`` one-hot and target symbols ``[batch, delay + 20]``.

    Symbols 1..8 for ten frames, blanks (0), a signal (9) at frame delay + 10, from where the symbols are due.
    """
    symbols = torch.randint(1, 9, (batch, 10), generator=generator)
    given = torch.zeros(batch, delay + 20, dtype=torch.long)
    wanted = torch.zeros_like(given)
    given[:, :10], given[:, delay + 9], wanted[:, -10:] = symbols, 9, symbols
    return one_hot(given, 10).float(), wanted


def copying(initialization: str, seed: int, quick: bool, *, steps: int = 6000, delay: int = 60) -> dict[str, Any]:
    """Held-out cross-entropy beside that of a network without memory, and the share of symbols that come back right."""
    steps, delay, hidden, batch = (20, 5, 8, 4) if quick else (steps, delay, 64, 32)
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    lstm = LSTM(10, hidden, initialization=initialization, longest=delay + 20 if initialization == "chrono" else None)
    model = Reader(lstm, 9, "every")
    optimizer = torch.optim.Adam(model.parameters(), 5e-3)
    for _ in range(steps):
        x, y = copy_batch(batch, delay, generator)
        descend(model, cross_entropy(model(x).flatten(0, 1), y.flatten()), optimizer, 1.0)
    x, y = copy_batch(500, delay, torch.Generator().manual_seed(10_000 + seed))
    with torch.inference_mode():
        scores = model(x)
    return {
        "loss": cross_entropy(scores.flatten(0, 1), y.flatten()).item(),
        "without_memory": 10 * math.log(8) / (delay + 20),
        "right": (scores[:, -10:].argmax(2) == y[:, -10:]).double().mean().item(),
        "steps": steps,
        "delay": delay,
        "units": hidden,
    }


# --- MNIST-1D --------------------------------------------------------------------------------------------------------


def mnist1d_data(validate: bool) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Signals ``[number, 40, 1]`` and classes to learn from, and the same to measure on."""
    from mnist1d.data import get_dataset_args, make_dataset

    data = make_dataset(get_dataset_args())
    x, y = (torch.as_tensor(data[name]) for name in ("x", "y"))
    held_x, held_y = (torch.as_tensor(data[name]) for name in ("x_test", "y_test"))
    if validate:
        x, held_x, y, held_y = x[:3200], x[3200:], y[:3200], y[3200:]
    return x.float()[..., None], y.long(), held_x.float()[..., None], held_y.long()


def shifted(x: Tensor, most: int) -> Tensor:
    """Each signal ``[batch, time, 1]`` turned round by up to ``most`` points either way."""
    shift = torch.randint(-most, most + 1, (x.size(0), 1))
    index = (torch.arange(x.size(1)) - shift) % x.size(1)
    return x.gather(1, index[..., None])


def mnist1d(
    seed: int,
    quick: bool,
    validate: bool = False,
    *,
    hidden: int = 32,
    epochs: int = 100,
    rate: float = 6e-3,
    decay: float = 0.05,
    shift: int = 5,
    noise: float = 0.05,
    dropout: float = 0.1,
    batch: int = 100,
) -> dict[str, Any]:
    """Accuracy on what was not learnt from."""
    x, y, held_x, held_y = mnist1d_data(validate)
    if quick:
        hidden, epochs, x, y = 8, 1, x[:300], y[:300]
    torch.manual_seed(seed)
    begin = time.process_time()
    lstm = LSTM(1, hidden, 2, bidirectional=True, dropout=Dropout(hidden=dropout))
    model = Reader(lstm, 10, "pooled", dropout)
    optimizer = torch.optim.AdamW(model.parameters(), rate, weight_decay=decay)
    steps = epochs * (len(x) // batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps, pct_start=0.1)
    model.train()
    for rows in _epochs(len(x), batch, epochs):
        signals = shifted(x[rows], shift)
        signals = signals + noise * torch.randn_like(signals)
        descend(model, cross_entropy(model(signals), y[rows], label_smoothing=0.05), optimizer, 1.0)
        schedule.step()
    model.eval()
    with torch.inference_mode():
        right = (model(held_x).argmax(1) == held_y).double().mean().item()
        learnt = (model(x).argmax(1) == y).double().mean().item()
    return {
        "accuracy": right,
        "on_training": learnt,
        "weights": sum(weight.numel() for weight in model.parameters()),
        "cpu_seconds": time.process_time() - begin,
        "epochs": epochs,
    }


def _epochs(count: int, batch: int, epochs: int) -> Iterator[Tensor]:
    for _ in range(epochs):
        yield from torch.randperm(count)[: count - count % batch].split(batch)


# --- all -------------------------------------------------------------------------------------------------------------

Arm = tuple[str, Callable[[int], dict[str, Any]]]


def run(name: str, seeds: int, quick: bool, validate: bool) -> list[dict[str, Any]]:
    """Every arm of a problem with every seed: a line each."""
    arms: dict[str, list[Arm]] = {
        "adding": [(f"forget bias {bias:g}", lambda seed, bias=bias: adding(bias, seed, quick)) for bias in (1.0, 0.0)],  # type: ignore[misc]
        "copy": [
            (title, lambda seed, scheme=scheme: copying(scheme, seed, quick))  # type: ignore[misc]
            for title, scheme in (("default initialisation", "orthogonal"), ("chrono initialisation", "chrono"))
        ],
        "mnist1d": [("validation" if validate else "test", lambda seed: mnist1d(seed, quick, validate))],
    }
    lines = []
    for arm, learn in arms[name]:
        for seed in range(1, seeds + 1):
            begin = time.process_time()
            figures = learn(seed)
            lines.append({"arm": arm, "seed": seed, **figures, "cpu_seconds": time.process_time() - begin})
            print(f"<!-- {name}, {arm}, seed {seed}: {lines[-1]} -->", flush=True)
    return lines


def show(name: str, lines: Sequence[dict[str, Any]]) -> str:
    """The lines of a problem in Markdown."""
    first = lines[0]
    if name == "adding":
        title = f"Adding problem, {first['frames']} frames, {first['units']} units, at most {first['steps']:,} steps"
        head = ["", "seed", "solved at step", "squared error", "CPU-s"]
        cells = [[f"{x['solved_at']:,}" if x["solved_at"] else "not solved", f"{x['error']:.4f}"] for x in lines]
    elif name == "copy":
        title = f"Copy memory, delay {first['delay']}, {first['units']} units, {first['steps']:,} steps"
        head = ["", "seed", "loss, nats a frame", "without memory", "symbols right", "CPU-s"]
        cells = [[f"{x['loss']:.4f}", f"{x['without_memory']:.4f}", f"{x['right']:.1%}"] for x in lines]
    else:
        title = f"MNIST-1D, {first['weights']:,} weights, {first['epochs']} epochs"
        head = ["", "seed", "accuracy", "on what it learnt", "CPU-s"]
        cells = [[f"{x['accuracy']:.1%}", f"{x['on_training']:.1%}"] for x in lines]
    rows = [[x["arm"], str(x["seed"]), *cell, f"{x['cpu_seconds']:.0f}"] for x, cell in zip(lines, cells, strict=True)]
    text = f"### {title}\n\n{table(head, rows)}\n"
    if name == "mnist1d":
        text += f"\nMean accuracy of {len(lines)}: {mean(x['accuracy'] for x in lines):.2%}\n"
    return text


PROBLEMS = ("adding", "copy", "mnist1d")


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    """Runs the problems that are named, or all, prints their tables and returns the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("problems", nargs="*", metavar="problem", help=f"{', '.join(PROBLEMS)}; all if none is named")
    parser.add_argument("--seeds", type=int, default=3, help="how many seeds, from 1 on")
    parser.add_argument("--validate", action="store_true", help="MNIST-1D: measure on a part of the training set")
    parser.add_argument("--quick", action="store_true", help="tiny sizes: does everything run? No figures to quote")
    parser.add_argument("--json", metavar="FILE", help="write the figures to a file too")
    given = parser.parse_args(arguments)
    unknown = [name for name in given.problems if name not in PROBLEMS]
    if unknown:
        parser.error(f"there is no problem “{unknown[0]}”; there are {', '.join(PROBLEMS)}")
    torch.set_num_threads(1)
    facts: dict[str, Any] = {"machine": machine(), "quick": given.quick}
    print(f"# Quality\n\n{describe(facts['machine'])}\n", flush=True)
    for name in given.problems or PROBLEMS:
        facts[name] = run(name, 1 if given.quick else given.seeds, given.quick, given.validate)
        print(show(name, facts[name]), flush=True)
    write_json(given.json, facts)
    return facts


if __name__ == "__main__":
    main()
