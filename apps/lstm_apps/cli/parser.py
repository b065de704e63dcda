"""Options from a function's signature: the parser of a verb, and the arguments as people type them.

- An option stands for a parameter; a parameter that is a dataclass gives an option for each of its fields.
- ``--open-browser`` and ``--open_browser`` are one; ``--no-keep`` turns a switch off; a value may begin with a dash.
- jsonargparse checks values, reads config files and writes the help.
"""

from __future__ import annotations

import dataclasses
import inspect
import json
import re
import sys
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lstm_apps.cli import error_messages
from lstm_apps.cli.common_options import HELP, take_common_options
from lstm_apps.cli.option import Option
from lstm_apps.cli.registry import PROGRAM, Command
from lstm_models.errors import InputError

__all__ = ["build_parser", "execute", "normalized", "options_of", "presets_of"]


def execute(command: Command, name: str, argv: list[str]) -> None:
    """Run a command's function with options parsed from its signature."""
    import jsonargparse

    function = command.resolve()
    options, presets = options_of(command, function), presets_of(command, function)
    runs = "model" in inspect.signature(function).parameters and not name.startswith("train ")
    argv = take_common_options(argv, options, device=runs)
    presets |= {alias: presets[preset] for alias, preset in command.preset_aliases.items()}
    lists: dict[str, list[str]] = {}
    arguments = normalized(options, argv, command.positional, presets, lists)
    parser = build_parser(command, function, name)
    if "--help" in arguments:
        print(re.sub(r", --[\w-]+\+( \w+)?", "", parser.format_help()), end="")  # --include+, which nobody needs
        print(HELP if runs else re.sub("  --device.*\n", "", HELP), end="")
        return
    try:
        values = parser.instantiate(parser.parse_args(arguments))
    except InputError as error:
        raise InputError(str(error), usage=True) from None
    except (jsonargparse.ArgumentError, TypeError, ValueError) as error:
        lenient = build_parser(command, function, name, required=False)
        sentence = error_messages.usage_sentence(error, arguments, options, lenient, command.positional)
        raise InputError(f"{sentence} (see {PROGRAM} {name} --help)", usage=True) from None
    given = {**(values.as_dict() if hasattr(values, "as_dict") else dict(values)), **lists}
    function(**{parameter: given[parameter] for parameter in inspect.signature(function).parameters})


def options_of(command: Command, function: Callable[..., Any]) -> dict[str, Option]:
    """What may be typed -> the option it means; dashes stand for underscores."""
    found = {"--help": Option("help"), "-h": Option("help"), "--print-config": Option("print_config")}
    found["--config"] = Option("config", str)
    hints = typing.get_type_hints(function)
    for name, parameter in inspect.signature(function).parameters.items():
        for option in _options(name, hints[name], parameter.default is inspect.Parameter.empty):
            found[f"--{option.name.replace('_', '-')}"] = option
    for name, letter in command.short.items():
        found[f"-{letter}"] = found[f"--{name.replace('_', '-')}"]
    for alias, name in command.aliases.items():
        if target := found.get(f"--{name.replace('_', '-')}"):
            found.setdefault(f"--{alias.replace('_', '-')}", target)
    return found


def _options(name: str, hint: Any, required: bool) -> Iterator[Option]:
    yield Option(name, hint, required)
    for each in filter(dataclasses.is_dataclass, (hint, *typing.get_args(hint))):  # one that may be None, too
        hints = typing.get_type_hints(each)
        for field in dataclasses.fields(each):
            if field.init:
                yield from _options(f"{name}.{field.name}", hints[field.name], False)


def build_parser(command: Command, function: Callable[..., Any], name: str, *, required: bool = True) -> Any:
    """A parser with an option for every parameter of the function, explained by its docstring.

    Args:
        command: the command.
        function: what it runs.
        name: as it is called, such as "train speech".
        required: whether parameters without a default must be given.
    """
    import docstring_parser
    import jsonargparse

    shown = " ".join(_positional_usage(command, function))
    usage = f"{PROGRAM} {name} {shown + ' ' if shown else ''}[OPTIONS]"
    parser = jsonargparse.ArgumentParser(prog=f"{PROGRAM} {name}", usage=usage, exit_on_error=False)
    presets = presets_of(command, function)
    parser.add_argument(
        "--config",
        action="config",
        help="YAML or JSON file with options; options after it win"
        + (f" (presets: {', '.join(presets)})" if presets else ""),
    )
    parameters, hints = inspect.signature(function).parameters, typing.get_type_hints(function)
    explained = {each.arg_name: each.description for each in docstring_parser.parse(function.__doc__ or "").params}
    plain = {each for each in parameters if not dataclasses.is_dataclass(hints[each])}
    for each in filter(plain.__contains__, parameters):
        default = parameters[each].default
        need = default is inspect.Parameter.empty
        letters = [f"-{command.short[each]}"] if each in command.short else []
        listed: dict[str, Any] = {"metavar": each.upper()} if Option(each, hints[each]).is_list else {}
        parser.add_argument(
            f"--{each.replace('_', '-')}", *letters, type=hints[each],
            default=None if need else default, required=need and required, help=explained.get(each), **listed,
        )  # fmt: skip
    parser.add_function_arguments(function, as_positional=False, skip={*plain})
    return parser


def _positional_usage(command: Command, function: Callable[..., Any]) -> list[str]:
    every = options_of(command, function)
    options = [every[f"--{name.replace('_', '-')}"] for name in command.positional]
    names = [(option.name.upper() + "…" * option.is_list, option.required) for option in options]
    return [name if required else f"[{name}]" for name, required in names]


def presets_of(command: Command, function: Callable[..., Any]) -> dict[str, Path]:
    """Name -> file of the ready-made configs in ``presets/`` beside the function's module, smallest first."""
    if not command.presets:
        return {}
    module = sys.modules.get(function.__module__)
    folder = Path(getattr(module, "__file__", None) or "").parent / "presets"
    files = sorted(folder.glob("*.yaml"), key=lambda path: (_SIZES.get(path.stem, 99), path.stem))
    return {path.stem: path for path in files}


_SIZES = {"tiny": 0, "small": 1, "base": 2}
_BOOLEANS = {"true", "false", "yes", "no"}


def normalized(
    options: Mapping[str, Option],
    argv: Sequence[str],
    positional: Sequence[str] = (),
    presets: Mapping[str, Path] | None = None,
    lists: dict[str, list[str]] | None = None,
) -> list[str]:
    """The arguments as the parser wants them, ``--name=value``, from what people type.

    Args:
        options: of `options_of`.
        argv: what was typed.
        positional: parameters that arguments without a name are for.
        presets: of `presets_of`; ``--config tiny`` names one.
        lists: takes the values of parameters that are lists of texts, as they were typed.

    Raises:
        InputError: there is no such option, or its value is missing.
    """
    result, unnamed, i = [], list(positional), 0
    lists = {} if lists is None else lists
    literal = False  # after "--"
    while i < len(argv):
        argument = argv[i]
        i += 1
        name, equals, value = argument.partition("=")
        option = None if literal else options.get(_dashed(name))
        if option is None:
            switch = None if literal or equals else options.get(re.sub("^--no-", "--", _dashed(name)))
            if argument == "--" and not literal:
                literal = True
            elif switch is not None and switch.is_switch:
                result.append(f"{switch.shown}=false")
            elif unnamed and (literal or not re.fullmatch(r"-\S*", argument) or argument == "-"):
                taker = options[_dashed(f"--{unnamed[0]}")]
                result += _given(taker, argument, lists)
                if not taker.is_list:  # a list takes all that is left
                    unnamed.pop(0)
            else:
                raise InputError(error_messages.no_such_option(argument, options), usage=True)
            continue
        if option.hint is None:  # --help, --print-config
            result.append(f"--{option.name}{equals}{value}")
            continue
        if not equals and option.is_switch and not (i < len(argv) and argv[i].lower() in _BOOLEANS):
            value = "true"
        elif not equals:
            if i == len(argv) or _dashed(argv[i].partition("=")[0]) in options:
                raise InputError(f"{name} needs a value.", usage=True)
            value = argv[i]
            i += 1
        if option.name == "config" and presets and value in presets:
            value = str(presets[value])
        result += _given(option, value, lists)
    # The parser sees that they are there; it would take a minute for a thousand, and read “null” or “[a]” its own way
    printing = any(argument.startswith("--print_config") for argument in result)
    return result + [f"{_dashed(f'--{name}')}={json.dumps(each if printing else [])}" for name, each in lists.items()]


def _dashed(name: str) -> str:
    return name.replace("_", "-") if name.startswith("--") else name


def _given(option: Option, value: str, lists: dict[str, list[str]]) -> list[str]:
    if not option.is_list:
        return [f"{option.shown}={value}"]
    lists.setdefault(option.name, []).append(value)
    return []
