"""A model that adds two numbers, its checkpoints, and what loading one refuses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import pytest
import torch
from torch import Tensor, nn

from lstm_models.checkpoints import hub
from lstm_models.errors import InputError

CARD = "---\nlicense: apache-2.0\n---\n# Toy\n\nA toy that\nadds two numbers.\n\nMore.\n"


@dataclass(frozen=True)
class Inner:
    scale: float = 1.0


@dataclass(frozen=True)
class ToyConfig:
    inputs: int = 3
    hidden: int = 4
    layers: int = 1
    rate: float = 0.5
    tied: bool = False
    kind: Literal["plain", "fancy"] = "plain"
    words: tuple[str, ...] = ("a", "é")
    limit: int | None = None
    inner: Inner = Inner()

    def __post_init__(self) -> None:
        if self.layers < 1:
            raise ValueError("layers must be at least 1")


class Toy(nn.Module):
    Config = ToyConfig
    mean: Tensor
    count: Tensor

    def __init__(self, config: ToyConfig) -> None:
        super().__init__()
        self.config = config
        self.stack = nn.ModuleList(
            nn.Linear(config.hidden if i else config.inputs, config.hidden) for i in range(config.layers)
        )
        self.out = nn.Linear(config.hidden, config.hidden)
        if config.tied:
            self.again = self.out
        self.register_buffer("mean", torch.tensor([1 / 3]))
        self.register_buffer("count", torch.tensor(7))
        self.register_buffer("ramp", torch.arange(4.0), persistent=False)


def refused(source: object, *parts: str, usage: bool = False, **options: Any) -> str:
    """`load` refuses in one sentence that holds all `parts`."""
    with pytest.raises(InputError) as caught:
        hub.load(source, **options)  # type: ignore[call-overload]
    message = str(caught.value)
    assert "\n" not in message
    for part in parts:
        assert part in message
    assert caught.value.usage is usage, message
    return message
