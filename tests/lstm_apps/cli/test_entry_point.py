"""The help, versions, and the command line as a program."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys

import docstring_parser
import pytest

import lstm_models
from lstm_apps import cli
from lstm_apps.cli import parser, registry

pytestmark = pytest.mark.usefixtures("toys")


@pytest.mark.parametrize("argv", [["--help"], ["-h"], ["help"]])
def test_help_lists_every_verb_and_task(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(argv) == 0
    out = capsys.readouterr().out
    for name in ["demo", "write", "models", "export", "train TASK", "evaluate TASK", "handwriting", "play"]:
        assert f"\n  {name} " in out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"lstm-models {lstm_models.__version__}\n"


@pytest.mark.parametrize("verb", ["train", "evaluate"])
def test_help_of_a_verb_with_tasks(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([verb, "--help"]) == 0
    assert "\n  handwriting  " in capsys.readouterr().out


def test_help_explains_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["play", "--help"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("usage: lstm-models play TEXT [OPTIONS]\n")
    for part in ["--open-browser", "-o", "what to play", "where to", "which way", "show it at once", "of the dice"]:
        assert part in out
    assert "--sizes.hidden_size" in out
    assert "--output" not in out  # an alias works and is not shown
    assert "cells of a layer" in out


def command_names() -> list[tuple[str, str | None]]:
    names: list[tuple[str, str | None]] = [(verb, None) for verb in registry.verbs()]
    return names + [(verb, task) for verb in registry.PER_TASK for task in registry.TASKS]


@pytest.mark.parametrize(("verb", "task"), command_names())
def test_every_option_of_every_command_is_documented(verb: str, task: str | None) -> None:
    """Nothing in the table is a stub: the function is there, and its docstring explains each of its options."""
    pytest.importorskip("lightning")
    command = registry.command(verb, task)
    function = command.resolve()
    options = {option.name for option in parser.options_of(command, function).values()}
    text = re.sub(r"\s", "", parser.build_parser(command, function, verb).format_help())
    explained = {
        each.arg_name: each.description or "" for each in docstring_parser.parse(function.__doc__ or "").params
    }
    for name in inspect.signature(function).parameters:
        explanation = re.sub(r"\s", "", explained.get(name, "").rstrip("."))
        assert explanation, f"{verb} {task or ''}: --{name} is not explained"
        assert explanation in text
    assert set(command.positional) <= options


def test_help_and_models_import_no_torch() -> None:
    code = (
        "import sys; from lstm_apps.cli import main; codes = [main([verb]) for verb in ('--help', 'models')];"
        "assert codes[0] == 0; assert not {'torch', 'gradio', 'numpy', 'lightning'} & sys.modules.keys()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr


def test_as_a_module() -> None:
    command = [sys.executable, "-m", "lstm_apps", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert (done.returncode, done.stdout) == (0, f"lstm-models {lstm_models.__version__}\n")
