"""A toy model, and its checkpoint in a folder."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from lstm_models.checkpoints import hub
from tests.helpers.toy_checkpoint import CARD, Toy, ToyConfig


@pytest.fixture
def toys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(hub.MODELS, "toy", f"{Toy.__module__}:Toy")


@pytest.fixture
def model() -> Toy:
    torch.manual_seed(0)
    return Toy(ToyConfig(layers=2))


@pytest.fixture
def folder(model: Toy, tmp_path: Path) -> Path:
    return hub.save(model, tmp_path / "toy", card=CARD)


@pytest.fixture
def loose(folder: Path) -> Path:
    """A checkpoint without sums, so that the checks behind them are reached."""
    (folder / hub.SUMS).unlink()
    return folder
