"""A command line with the toys."""

from __future__ import annotations

import pytest

from lstm_apps.cli import registry
from tests.helpers import toy_commands


@pytest.fixture
def toys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two verbs and a task, which note what they are called with."""
    here = toy_commands.__name__
    toy_commands.CALLS.clear()
    toy_commands.FAILURE.clear()
    verbs = {
        "play": registry.Command(
            f"{here}:play", "play a text", positional=("text",), short={"out": "o"}, aliases={"output": "out"}
        ),
        "fail": registry.Command(f"{here}:fail", "fail"),
    }
    toy = registry.Task("toy", "a toy", f"{here}:train", f"{here}:train", verbs)
    monkeypatch.setitem(registry.TASKS, "toy", toy)
    monkeypatch.delenv("LSTM_MODELS_DEBUG", raising=False)
