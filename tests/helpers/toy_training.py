"""A toy task for tests of training: a network with dropout, data that augments, and runs in processes of their own."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

# Processes that have imported Lightning already: fork would copy autograd's threads, spawn imports anew each time
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["lstm_apps.training.fitting"])


class Data(torch.utils.data.Dataset):
    """Sequences of 2 features, larger with every epoch."""

    def __init__(self, count: int, seed: int) -> None:
        generator = np.random.default_rng(seed)
        sizes = generator.integers(2, 9, count)
        self.items = [torch.tensor(generator.normal(size=(size, 2)), dtype=torch.float32) for size in sizes]
        self.lengths = [len(item) for item in self.items]
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Tensor:
        return self.items[index] * (1 + 0.1 * self.epoch)


def collate(items: Any) -> dict[str, Tensor]:
    """Pads."""
    return {"x": nn.utils.rnn.pad_sequence(items, batch_first=True), "n": torch.tensor([len(item) for item in items])}


class Model(nn.Module):
    """Predicts the next frame; ``on_step`` is called in training with the number of losses so far."""

    def __init__(self, dropout: float = 0.3, on_step: Callable[[int], None] = lambda step: None) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.a, self.b = nn.Linear(2, 4), nn.Linear(4, 2)
        self.dropout, self.on_step, self.steps = dropout, on_step, 0
        self.factor = 1.0

    def loss(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        if self.training:
            self.steps += 1
            self.on_step(self.steps)
        x, lengths = batch["x"], batch["n"]
        real = (torch.arange(x.size(1)) < lengths[:, None] - 1)[..., None]
        y = self.b(nn.functional.dropout(torch.tanh(self.a(x)), self.dropout, self.training))
        errors = (y[:, :-1] - x[:, 1:]) ** 2 * real[:, :-1]
        return {"loss": errors.sum() * self.factor, "points": lengths.sum(), "lines": torch.tensor(len(x))}


def settings(**changes: Any) -> Any:
    """A short run of several epochs on this processor."""
    from lstm_apps.training.config import TrainingConfig

    short = {"steps": 9, "batch_frames": 32, "warmup": 3, "precision": "32", "validate_every": 4, "accelerator": "cpu"}
    return TrainingConfig(**{**short, "learning_rate": 0.05, **changes})


def train(run: str | Path, model: Model | None = None, *, resume: bool = False, **changes: Any) -> Any:
    """The model and the figures of a run."""
    from lstm_apps.training.fitting import fit

    model = Model() if model is None else model
    config = settings(**changes)
    figures = fit(
        model, Data(30, 1), Data(10, 2), collate, config, run, resume=resume, settings={"toy": 1, "training": config}
    )
    return model, figures


def stopping(step: int, number: int = signal.SIGTERM) -> Model:
    """A model in whose step the process gets a signal."""

    def on_step(count: int) -> None:
        if count == step:
            os.kill(os.getpid(), number)

    return Model(on_step=on_step)


# What processes run -------------------------------------------------------------------------------------------------


def slowly(run: str, changes: dict[str, Any]) -> None:
    """A run that takes its time, to be killed."""
    torch.set_num_threads(1)
    train(run, Model(on_step=lambda step: time.sleep(0.05)), **changes)


def together(run: str, rank: int, world: int, port: int, changes: dict[str, Any]) -> None:
    """One of several processes, with the environment that ``torchrun`` gives them."""
    torch.set_num_threads(1)
    os.environ.update(
        MASTER_ADDR="127.0.0.1",
        MASTER_PORT=str(port),
        RANK=str(rank),
        LOCAL_RANK=str(rank),
        WORLD_SIZE=str(world),
        LOCAL_WORLD_SIZE=str(world),
        GROUP_RANK="0",
        TORCHELASTIC_RUN_ID="toy",
    )
    model, figures = train(run, Model(dropout=0), devices=world, **changes)
    torch.save({"model": model.state_dict(), "figures": figures}, f"{run}/rank{rank}.pt")


def last(run: Path) -> dict[str, Any]:
    """The newest checkpoint of a run."""
    return torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)  # type: ignore[no-any-return]
