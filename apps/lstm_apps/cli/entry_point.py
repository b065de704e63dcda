"""The command ``lstm-models``: finds the function of a verb, builds its options from its signature, runs it, and turns
what goes wrong into one sentence and an exit code.

Run: lstm-models --help

Exit codes: 0 done, 1 failed (a file, the disk, memory), 2 called wrongly, 130 stopped by Ctrl-C. With
``LSTM_MODELS_DEBUG=1`` in the environment the traceback is shown too.
"""

from __future__ import annotations

import contextlib
import difflib
import errno
import inspect
import json
import os
import re
import sys
import traceback
import typing
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from lstm_apps.cli import registry as suite
from lstm_models import __version__
from lstm_models.errors import InputError

PROGRAM = "lstm-models"

# A module that is missing -> the extra that brings it.
_EXTRAS = {
    "lightning": "train",
    "tensorboard": "train",
    "webdataset": "train",
    "braceexpand": "train",
    "onnx": "export",
    "onnxruntime": "export",
    "onnxscript": "export",
    "rapidocr_onnxruntime": "bench",
    "pycocoevalcap": "bench",
    "jiwer": "bench",
    "mnist1d": "bench",
}
_BROKEN_PIPE = 128 + 13  # what a shell reports for a program ended by SIGPIPE


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code."""
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
    elif verb in suite.PER_TASK and (not rest or rest[0] in ("-h", "--help")):
        if not rest:
            raise InputError(f"{verb} needs a task: {', '.join(suite.TASKS)}.", usage=True)
        print(tasks(verb))
    elif verb.startswith("-"):
        raise InputError(f"options come after a command; see {PROGRAM} --help.", usage=True)
    elif verb in suite.PER_TASK:
        execute(suite.command(verb, rest[0]), f"{verb} {rest[0]}", rest[1:])
    else:
        execute(suite.command(verb), verb, rest)


def overview() -> str:
    """The text of ``lstm-models --help``."""
    per_task = {f"{verb} TASK": summary for verb, summary in suite.PER_TASK.items()}
    rows = {**{verb: command.summary for verb, command in suite.verbs().items()}, **per_task}
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
            *_columns({name: task.summary for name, task in suite.TASKS.items()}),
            "",
            f"{PROGRAM} COMMAND --help explains every option; --version says which version this is.",
        ]
    )


def tasks(verb: str) -> str:
    """The text of ``lstm-models train --help``."""
    summaries = {name: task.summary for name, task in suite.TASKS.items()}
    if verb == "evaluate":
        summaries |= {name: measure.summary for name, measure in suite.MEASURES.items()}
    rows = _columns(summaries)
    return "\n".join(
        [
            f"usage: {PROGRAM} {verb} TASK [OPTIONS]",
            "",
            f"{suite.PER_TASK[verb][0].upper()}{suite.PER_TASK[verb][1:]}.",
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


# --- options from a signature --------------------------------------------------------------------------------------


def execute(command: suite.Command, name: str, argv: list[str]) -> None:
    """Run a command's function with options parsed from its signature."""
    import jsonargparse

    function = command.resolve()
    parser = build_parser(command, function, name)
    lists: dict[str, list[str]] = {}
    try:
        values = parser.instantiate(
            parser.parse_args(normalized(parser, argv, command.positional, presets_of(command, function), lists))
        )
    except InputError as error:
        raise InputError(str(error), usage=True) from None
    except (jsonargparse.ArgumentError, TypeError, ValueError) as error:
        options = [option for action in parser._actions for option in action.option_strings]
        hint = f"(see {PROGRAM} {name} --help)"
        raise InputError(f"{usage_sentence(str(error), command, options)} {hint}", usage=True) from None
    arguments = {**(values.as_dict() if hasattr(values, "as_dict") else dict(values)), **lists}
    function(**{parameter: arguments[parameter] for parameter in inspect.signature(function).parameters})


def build_parser(command: suite.Command, function: Callable[..., Any], name: str) -> Any:
    """A parser with an option for every parameter of the function, explained by its docstring."""
    import jsonargparse

    shown = " ".join(_positional_usage(function, command.positional))
    usage = f"{PROGRAM} {name} {shown + ' ' if shown else ''}[OPTIONS]"
    parser = jsonargparse.ArgumentParser(prog=f"{PROGRAM} {name}", usage=usage, exit_on_error=False)
    presets = presets_of(command, function)
    parser.add_argument(
        "--config",
        action="config",
        help="YAML or JSON file with options; options after it win"
        + (f" (presets: {', '.join(presets)})" if presets else ""),
    )
    parser.add_function_arguments(function, as_positional=False)
    for action in list(parser._actions):
        if action.option_strings and "." not in action.dest:
            # --open_browser is shown as --open-browser; both work
            spellings = [option.replace("_", "-") for option in action.option_strings if not option.endswith("+")]
            if action.dest in command.short:
                spellings.append(f"-{command.short[action.dest]}")
            for option in spellings:
                parser._option_string_actions[option] = action
            action.option_strings = spellings
            if _is_list(action):
                action.metavar = action.dest.upper()
    return parser


def _positional_usage(function: Callable[..., Any], positional: tuple[str, ...]) -> list[str]:
    parameters = inspect.signature(function).parameters
    hints = typing.get_type_hints(function)
    names = {name: name.upper() + "…" * _holds_list(hints[name]) for name in positional}
    return [
        shown if parameters[name].default is inspect.Parameter.empty else f"[{shown}]" for name, shown in names.items()
    ]


def presets_of(command: suite.Command, function: Callable[..., Any]) -> dict[str, Path]:
    """Name -> file of the ready-made configs in ``presets/`` beside the function's module, smallest first."""
    if not command.presets:
        return {}
    module = sys.modules.get(function.__module__)
    folder = Path(getattr(module, "__file__", None) or "").parent / "presets"
    files = sorted(folder.glob("*.yaml"), key=lambda path: (_SIZES.get(path.stem, 99), path.stem))
    return {path.stem: path for path in files}


_SIZES = {"tiny": 0, "small": 1, "base": 2}
_TRUTHS = {"true", "false", "yes", "no"}


def normalized(
    parser: Any,
    argv: list[str],
    positional: Sequence[str],
    presets: dict[str, Path],
    lists: dict[str, list[str]] | None = None,
) -> list[str]:
    """The arguments as the parser wants them, from what people type.

    ``--open-browser`` and ``--open_browser`` are one; a switch needs no value and ``--no-`` turns it off; a value may
    begin with a dash; ``--config tiny`` names a preset; arguments without a name are the positional parameters. A
    parameter that is a list of texts is given once for each: its values come into ``lists``, as they were typed.
    """
    result, unnamed, i = [], list(positional), 0
    lists = {} if lists is None else lists

    def give(action: Any, value: str) -> None:
        if _is_list(action):
            lists.setdefault(action.dest, []).append(value)
        else:
            result.append(f"--{action.dest}={value}")

    rest_is_bare = False
    while i < len(argv):
        argument = argv[i]
        i += 1
        name, equals, value = argument.partition("=")
        action = None if rest_is_bare else _action(parser, name)
        if action is None:
            negated = None if rest_is_bare or equals else _action(parser, re.sub(r"^--no[-_]", "--", name))
            if argument == "--" and not rest_is_bare:
                rest_is_bare = True
            elif negated is not None and _is_switch(negated):
                result.append(f"--{negated.dest}=false")
            elif unnamed and (rest_is_bare or not re.fullmatch(r"-\S*", argument) or argument == "-"):
                taker = _action(parser, f"--{unnamed[0]}")
                give(taker, argument)
                if not _is_list(taker):  # a list takes all that is left
                    unnamed.pop(0)
            else:
                result.append(argument)
            continue
        if action.nargs is not None:  # --help, --print_config
            result.append(f"--{action.dest}{equals}{value}")
            continue
        if not equals and _is_switch(action) and not (i < len(argv) and argv[i].lower() in _TRUTHS):
            value = "true"
        elif not equals:
            if i == len(argv) or _action(parser, argv[i].partition("=")[0]) is not None:
                raise InputError(f"{name} needs a value.", usage=True)
            value = argv[i]
            i += 1
        if action.dest == "config" and value in presets:
            value = str(presets[value])
        give(action, value)
    # The parser sees that they are there; it would take a minute for a thousand, and read “null” or “[a]” its own way
    printing = any(argument.startswith("--print_config") for argument in result)
    return result + [f"--{name}={json.dumps(values if printing else [])}" for name, values in lists.items()]


def _action(parser: Any, name: str) -> Any:
    """The action of an option, however its dashes are typed."""
    options = parser._option_string_actions
    if name in options:
        return options[name]
    return options.get("--" + name[2:].replace("-", "_")) if name.startswith("--") else None


def _is_switch(action: Any) -> bool:
    return getattr(action, "_typehint", None) is bool


def _is_list(action: Any) -> bool:
    return _holds_list(getattr(action, "_typehint", None))


def _holds_list(hint: Any) -> bool:
    return list[str] in (hint, *typing.get_args(hint))


_TYPES = {"int": "a whole number", "float": "a number", "bool": "true or false", "str": "a text"}


def usage_sentence(message: str, command: suite.Command, options: Sequence[str]) -> str:
    """One sentence of ours for what jsonargparse says is wrong with the arguments."""
    message = " ".join(message.split())
    if match := re.search(r"arguments are required: (.+)", message):
        names = [name.strip() for name in match[1].split(",")]
        shown = [name.upper() if name in command.positional else _shown(name) for name in names]
        return f"{' and '.join(shown)} {'is' if len(shown) == 1 else 'are'} missing"
    if match := re.search(r"unrecognized arguments: (\S+)", message):
        close = difflib.get_close_matches(match[1].partition("=")[0].replace("_", "-"), options, n=1)
        return f"{match[1]} is not understood" + (f"; is {close[0]} meant?" if close else "")
    if match := re.search(r"Option '(.+?)' is not accepted", message):
        return f"the config has “{match[1]}”, which is not an option"
    # Of an option that may also be left out, what it is besides
    optional = r"(.+?: )Does not validate .+?Errors: - (Expected an? .+?) - Expected .*NoneType.*? Given value type: .+"
    if match := re.fullmatch(optional + " Given value: (.*)", message):
        message = f"{match[1]}{match[2]}. Got value: {match[3]}"
    if match := re.fullmatch(r'Parser key "(.+?)": Expected an? (.+?)\. Got value: (.*)', message):
        kind = re.sub(r"<class '(?:\w+\.)*(\w+)'>", r"\1", match[2]).replace("typing.", "")
        if literal := re.fullmatch(r"Literal\[(.+)\]", kind):
            kind = f"one of {literal[1]}"
        return f"{_shown(match[1])} is {match[3] or 'empty'}; {_TYPES.get(kind, kind)} would be right"
    if match := re.fullmatch(r'Parser key "(.+?)": (.+)', message):
        return f"{_shown(match[1])}: {match[2]}"
    return message


def _shown(name: str) -> str:
    """An option as the help shows it: dashes, but fields of a config as they stand in a config file."""
    return f"--{name}" if "." in name else f"--{name.replace('_', '-')}"


# --- what goes wrong -----------------------------------------------------------------------------------------------


def explain(error: BaseException) -> tuple[str, int]:
    """One sentence and an exit code for anything that was raised."""
    if isinstance(error, InputError):
        return " ".join(str(error).split()), error.exit_code
    if isinstance(error, KeyboardInterrupt):
        return "stopped.", 130
    if isinstance(error, BrokenPipeError):
        return "the program that read the output has ended.", _BROKEN_PIPE
    chain = list(_chain(error))
    for each in chain:
        if isinstance(each, OSError) and each.errno in (errno.ENOSPC, errno.EDQUOT):
            return f"no space left on the disk{_of(each)}; make room and run it again.", 1
        if "PytorchStreamWriter failed writing" in str(each):
            return "a checkpoint could not be written whole: the disk is full or failing.", 1
    for each in chain:
        text = str(each).lower()
        if isinstance(each, MemoryError) or type(each).__name__ == "OutOfMemoryError" or "allocate memory" in text:
            return "out of memory; a smaller batch or model needs less.", 1
    if isinstance(error, ModuleNotFoundError):
        package = (error.name or "").partition(".")[0]
        if package in _EXTRAS:
            return f"this needs the package {package}: pip install 'lstm-models[{_EXTRAS[package]}]' brings it.", 1
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{os.fsdecode(error.filename)}: {error.strerror}.", 1
    what = " ".join(f"{type(error).__name__}: {error}".split())
    return f"internal error: {what}; run again with LSTM_MODELS_DEBUG=1 to see the traceback.", 1


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and those it came from."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or current.__context__


def _of(error: OSError) -> str:
    return f" (writing {os.fsdecode(error.filename)})" if error.filename is not None else ""
