"""Options that are lists on the command line: several paths, an option several times, texts as they were typed."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import pytest

from lstm_apps import cli
from lstm_apps.cli import registry
from lstm_apps.tasks.captioning import commands

CALLS: list[dict[str, Any]] = []


def gather(paths: list[str], include: str | list[str] | None = None, slant: float = 0.0) -> None:
    """Gather things.

    Args:
        paths: what to gather.
        include: what must be there.
        slant: how steep.
    """
    CALLS.append(dict(locals()))


@pytest.fixture(autouse=True)
def toys(monkeypatch: pytest.MonkeyPatch) -> None:
    CALLS.clear()
    verbs = {"gather": registry.Command(f"{__name__}:gather", "gather things", positional=("paths",))}
    monkeypatch.setitem(registry.TASKS, "toy", registry.Task("toy", "a toy", "x:x", "x:x", verbs))


@pytest.mark.parametrize(
    ("argv", "paths", "include"),
    [
        (["a"], ["a"], None),
        (["a", "b", "--slant", "2", "c"], ["a", "b", "c"], None),
        (["--include", "dog", "a", "--include=red ball", "b"], ["a", "b"], ["dog", "red ball"]),
        (["a", "--include", "dog,ball"], ["a"], ["dog,ball"]),
        (["--paths", "a", "--paths=b", "c"], ["a", "b", "c"], None),
        (["--", "--include", "-x"], ["--include", "-x"], None),
        (["null", "[a, b]", "{", "- a", "1", "a: b", "", "a\nb", "\udcff", "é"], None, None),
    ],
)
def test_lists(argv: list[str], paths: list[str] | None, include: list[str] | None) -> None:
    assert cli.main(["gather", *argv]) == 0
    (call,) = CALLS
    assert (call["paths"], call["include"]) == (argv if paths is None else paths, include)


def test_many_paths_take_no_time_each() -> None:
    """A validated list that grows by one value a time is read again each time: minutes for a folder's photos."""
    paths = [f"photos/{number}.jpg" for number in range(20_000)]
    assert cli.main(["gather", *paths]) == 0
    assert CALLS[0]["paths"] == paths


def test_config_and_print_config(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["gather", "a", "b", "--include", "dog", "--print-config"]) == 0
    (tmp_path / "c.yaml").write_text(capsys.readouterr().out)
    assert cli.main(["gather", "--config", f"{tmp_path}/c.yaml"]) == 0
    assert CALLS.pop() == {"paths": ["a", "b"], "include": ["dog"], "slant": 0.0}
    assert cli.main(["gather", "--config", f"{tmp_path}/c.yaml", "c"]) == 0
    assert CALLS.pop()["paths"] == ["c"]


def test_help_and_wrong_calls(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["gather", "--help"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("usage: lstm-models gather PATHS… [OPTIONS]\n")
    assert "--include INCLUDE\n" in out
    assert "--include+" not in out
    for argv, part in (([], "PATHS is missing"), (["a", "-x"], "-x is not understood"), (["--paths"], "needs a value")):
        assert cli.main(["gather", *argv]) == 2
        assert part in capsys.readouterr().err
    assert not CALLS


def test_photos_and_words_of_caption(monkeypatch: pytest.MonkeyPatch) -> None:
    @functools.wraps(commands.caption)
    def recorded(**options: Any) -> None:
        CALLS.append(options)

    monkeypatch.setattr(commands, "caption", recorded)
    argv = ["caption", "a.jpg", "[2020]", "--include", "dog", "--n-best", "3", "--include", "red ball", "b.jpg"]
    assert cli.main([*argv, "--exclude", "man"]) == 0
    (call,) = CALLS
    assert call["paths"] == ["a.jpg", "[2020]", "b.jpg"]
    assert (call["include"], call["exclude"], call["n_best"]) == (["dog", "red ball"], ["man"], 3)
