"""Commands and a task of a toy, and what they were called with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import pytest

from lstm_apps import cli
from lstm_models.errors import InputError

CALLS: list[dict[str, Any]] = []


@dataclass(frozen=True)
class Sizes:
    """Sizes of a toy.

    Attributes:
        hidden_size: cells of a layer.
        rate: how fast.
    """

    hidden_size: int = 4
    rate: float = 0.5

    def __post_init__(self) -> None:
        if self.hidden_size < 1:
            raise InputError("hidden_size must be at least 1")


def play(
    text: str,
    out: str = "a.svg",
    kind: Literal["plain", "fancy"] = "plain",
    slant: float = 0.0,
    open_browser: bool = False,
    keep: bool = True,
    seed: int | None = None,
    sizes: Sizes = Sizes(),
) -> None:
    """Play a text.

    Args:
        text: what to play.
        out: where to.
        kind: which way.
        slant: how steep.
        open_browser: show it at once.
        keep: keep it.
        seed: of the dice.
        sizes: how large.
    """
    CALLS.append(dict(locals()))


FAILURE: list[BaseException] = []


def fail() -> None:
    """Fail in the way of FAILURE."""
    raise FAILURE[0]


def train(data: str, model: Sizes = Sizes()) -> None:
    """Train a toy.

    Args:
        data: the data.
        model: how large.
    """
    CALLS.append({"data": data, "model": model})


def refused(capsys: pytest.CaptureFixture[str], *argv: str, code: int = 2) -> str:
    """The one sentence on stderr; nothing on stdout, no traceback, no call."""
    assert cli.main(list(argv)) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("lstm-models: ")
    assert captured.err.endswith((".\n", "?\n"))
    assert captured.err.count("\n") == 1
    assert not CALLS
    return captured.err
