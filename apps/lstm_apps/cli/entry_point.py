"""The command ``lstm-models``: finds the function of a verb, builds its options from its signature, runs it, and turns
what goes wrong into one sentence and an exit code.

Run: lstm-models --help

Exit codes: 0 done, 1 failed (a file, the disk, memory), 2 called wrongly, 130 stopped by Ctrl-C. With
``LSTM_MODELS_DEBUG=1`` in the environment the traceback is shown too.
"""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
from collections.abc import Sequence

from lstm_apps.cli import registry
from lstm_apps.cli.error_messages import explain
from lstm_apps.cli.parser import execute
from lstm_apps.cli.registry import PROGRAM
from lstm_models import __version__
from lstm_models.errors import InputError


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code."""
    _open_streams()
    try:
        run(sys.argv[1:] if argv is None else list(argv))
        sys.stdout.flush()
        return 0
    except SystemExit as stop:  # --help
        return stop.code if isinstance(stop.code, int) else 0
    except BaseException as error:
        if os.environ.get("LSTM_MODELS_DEBUG"):
            traceback.print_exc()
        sentence, code = explain(error)
        if isinstance(error, BrokenPipeError):  # the reader, such as `head`, has what it wanted
            with contextlib.suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        elif sentence:
            print(f"{PROGRAM}: {sentence}", file=sys.stderr)
        return code


def _open_streams() -> None:
    """Put something in place of standard streams that a shell has closed (``<&-``), for which Python has None.

    Their descriptors are taken first: else the next file that is opened would be standard output to a library.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is None:
            with contextlib.suppress(OSError):
                found = os.open(os.devnull, os.O_RDWR)
                if found != number:
                    os.dup2(found, number)
                    os.close(found)
                stream = os.fdopen(number, mode, encoding="utf-8", closefd=False)
                setattr(sys, name, stream)
                setattr(sys, f"__{name}__", stream)


def run(argv: list[str]) -> None:
    """Run a command line; everything that goes wrong is raised."""
    if not argv:
        print(overview(), file=sys.stderr)
        raise InputError("a command is missing.", usage=True)
    verb, rest = argv[0], argv[1:]
    if verb in ("-h", "--help", "help"):
        print(overview())
    elif verb in ("-V", "--version"):
        print(f"{PROGRAM} {__version__}")
    elif verb in registry.PER_TASK and (not rest or rest[0] in ("-h", "--help")):
        if not rest:
            raise InputError(f"{verb} needs a task: {', '.join(registry.TASKS)}.", usage=True)
        print(tasks(verb))
    elif verb.startswith("-"):
        raise InputError(f"options come after a command; see {PROGRAM} --help.", usage=True)
    elif verb in registry.PER_TASK:
        execute(registry.command(verb, rest[0]), f"{verb} {rest[0]}", rest[1:])
    else:
        execute(registry.command(verb), verb, rest)


def overview() -> str:
    """The text of ``lstm-models --help``."""
    per_task = {f"{verb} TASK": summary for verb, summary in registry.PER_TASK.items()}
    rows = {**{verb: command.summary for verb, command in registry.verbs().items()}, **per_task}
    return "\n".join(
        [
            f"usage: {PROGRAM} COMMAND [OPTIONS]",
            "",
            "LSTM models with their weights inside; everything runs on this machine.",
            "",
            "commands:",
            *_columns(rows),
            "",
            "tasks:",
            *_columns({name: task.summary for name, task in registry.TASKS.items()}),
            "",
            f"{PROGRAM} COMMAND --help explains every option; --version says which version this is.",
        ]
    )


def tasks(verb: str) -> str:
    """The text of ``lstm-models train --help``."""
    summaries = {name: task.summary for name, task in registry.TASKS.items()}
    if verb == "evaluate":
        summaries |= {name: measure.summary for name, measure in registry.MEASURES.items()}
    rows = _columns(summaries)
    return "\n".join(
        [
            f"usage: {PROGRAM} {verb} TASK [OPTIONS]",
            "",
            f"{registry.PER_TASK[verb][0].upper()}{registry.PER_TASK[verb][1:]}.",
            "",
            "tasks:",
            *rows,
            "",
            f"{PROGRAM} {verb} TASK --help explains every option.",
        ]
    )


def _columns(rows: dict[str, str]) -> list[str]:
    width = max(len(name) for name in rows)
    return [f"  {name:<{width}}  {summary}" for name, summary in rows.items()]
