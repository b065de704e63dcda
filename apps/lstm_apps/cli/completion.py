"""Prints a script that completes commands, tasks and options when Tab is pressed: by shtab.

lstm-models completion bash > ~/.local/share/bash-completion/completions/lstm-models
lstm-models completion zsh > ~/.zfunc/_lstm-models
"""

from __future__ import annotations

import argparse
from typing import Literal

from lstm_models.errors import InputError

__all__ = ["completion"]


def completion(shell: Literal["bash", "zsh", "tcsh"] = "bash") -> None:
    """Prints a script for a shell; once it is loaded, Tab completes commands, tasks, options and files.

    Args:
        shell: bash, zsh or tcsh.

    Raises:
        InputError: the package shtab is missing.
    """
    try:
        import shtab
    except ModuleNotFoundError:
        raise InputError(
            "completion needs the package shtab: pip install 'lstm-models[completion]' brings it"
        ) from None
    print(shtab.complete(_parser(), shell), end="")


def _parser() -> argparse.ArgumentParser:
    """All commands with their options as one parser, which nothing parses."""
    from lstm_apps.cli import registry

    parser = argparse.ArgumentParser(prog=registry.PROGRAM)
    commands = parser.add_subparsers()
    for verb, command in registry.verbs().items():
        _fill(commands.add_parser(verb, help=command.summary), command)
    for verb, summary in registry.PER_TASK.items():
        tasks = commands.add_parser(verb, help=summary).add_subparsers()
        measures = registry.MEASURES if verb == "evaluate" else {}
        for name in (*registry.TASKS, *measures):
            _fill(tasks.add_parser(name), registry.command(verb, name))
    return parser


def _fill(parser: argparse.ArgumentParser, command: object) -> None:
    import shtab

    from lstm_apps.cli.parser import options_of

    assert hasattr(command, "resolve")
    for name, option in options_of(command, command.resolve()).items():  # type: ignore[arg-type]
        if name in ("--help", "-h"):
            continue
        action = parser.add_argument(name, help=argparse.SUPPRESS if option.hint is None else None)
        action.complete = shtab.FILE  # type: ignore[attr-defined]
    parser.add_argument("files", nargs="*").complete = shtab.FILE  # type: ignore[attr-defined]
