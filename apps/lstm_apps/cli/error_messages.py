"""One sentence and an exit code for everything that goes wrong: wrong options, and what a command raises."""

from __future__ import annotations

import difflib
import errno
import json
import os
import typing
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from lstm_apps.cli.option import Option
from lstm_models.errors import InputError

__all__ = ["explain", "full_sentence", "no_such_option", "usage_sentence"]

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
_TYPES = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}


def full_sentence(message: str) -> str:
    """A message for the screen, with a full stop unless it has one or ends in another mark.

    >>> full_sentence("photo.jpg is empty"), full_sentence("is “writer” meant?")
    ('photo.jpg is empty.', 'is “writer” meant?')
    """
    ended = message.rstrip(" )]”’\"'").endswith((".", "!", "?", "…"))
    return message if ended or not message else f"{message}."


# --- wrong options -------------------------------------------------------------------------------------------------


def no_such_option(argument: str, options: Mapping[str, Option]) -> str:
    """The sentence on an argument that nothing takes; the closest option is named."""
    known = {option.shown for option in options.values()}
    close = difflib.get_close_matches(argument.partition("=")[0].replace("_", "-"), sorted(known), n=1)
    return f"{argument} is not understood" + (f"; is {close[0]} meant?" if close else "")


def usage_sentence(
    error: Exception, arguments: Sequence[str], options: Mapping[str, Option], lenient: Any, positional: Sequence[str]
) -> str:
    """What is wrong with arguments that a parser refuses.

    Args:
        error: what the parser raised.
        arguments: what it was given, ``--name=value`` each.
        options: of the command.
        lenient: a parser that takes each argument alone.
        positional: parameters that are given without a name.
    """
    values = [(name.removeprefix("--"), value) for name, _, value in (each.partition("=") for each in arguments)]
    given = {name.replace("-", "_") for name, _ in values}
    for name, value in values:
        if name != "config":
            if sentence := _wrong_value(name.replace("-", "_"), value, value, options, lenient):
                return sentence
            continue
        fields = dict(_fields_of(value))
        given |= fields.keys()
        for field, found in fields.items():
            if f"--{field.replace('_', '-')}" not in options:
                return f"the config has “{field}”, which is not an option"
            text = found if isinstance(found, str) else json.dumps(found, default=str)
            if sentence := _wrong_value(field, text, found, options, lenient):
                return sentence
    every = dict.fromkeys(options.values())
    missing = [option for option in every if option.required and not any(_within(each, option.name) for each in given)]
    if missing:
        shown = [option.name.upper() if option.name in positional else option.shown for option in missing]
        return f"{' and '.join(shown)} {'is' if len(shown) == 1 else 'are'} missing"
    return " ".join(str(error).split())


def _within(name: str, whole: str) -> bool:
    return name == whole or name.startswith(f"{whole}.")


def _fields_of(path: str) -> Iterator[tuple[str, Any]]:
    """The options of a config file, those of its mappings as ``model.hidden_size``; none where it cannot be read."""
    import yaml

    try:
        config = yaml.safe_load(Path(path).read_text("utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return
    waiting = [("", config)]
    while waiting:
        name, value = waiting.pop(0)
        if isinstance(value, dict):
            waiting += [(f"{name}.{key}" if name else str(key), inner) for key, inner in value.items()]
        elif name:
            yield name, value


def _wrong_value(name: str, text: str, shown: Any, options: Mapping[str, Option], lenient: Any) -> str | None:
    """The sentence on a value that its option does not take; None for one that it does."""
    import jsonargparse

    option = options[f"--{name.replace('_', '-')}"]
    try:
        lenient.parse_args([f"{option.shown}={text}"])
    except (jsonargparse.ArgumentError, TypeError, ValueError) as error:
        return f"{option.shown} is {'empty' if shown == '' else shown}; {_kind(option.hint, error)} would be right"
    return None


def _kind(hint: Any, error: Exception) -> str:
    """What would be right, in words."""
    inner = [each for each in typing.get_args(hint) if each is not type(None)]
    for kind in (hint, *inner):
        if typing.get_origin(kind) is Literal:
            return f"one of {', '.join(map(repr, typing.get_args(kind)))}"
        if kind in _TYPES:
            return _TYPES[kind]
    return " ".join(str(hint if inner else getattr(hint, "__name__", error)).replace("typing.", "").split())


# --- what goes wrong while a command runs --------------------------------------------------------------------------


def explain(error: BaseException) -> tuple[str, int]:
    """One sentence, with its full stop, and an exit code for anything that was raised."""
    sentence, code = _explained(error)
    return full_sentence(" ".join(sentence.split())), code


def _explained(error: BaseException) -> tuple[str, int]:
    if isinstance(error, InputError):
        return str(error), error.exit_code
    if isinstance(error, KeyboardInterrupt):
        return "stopped", 130
    if isinstance(error, BrokenPipeError):
        return "the program that read the output has ended", _BROKEN_PIPE
    chain = list(_chain(error))
    for each in chain:
        if isinstance(each, OSError) and each.errno in (errno.ENOSPC, errno.EDQUOT):
            return f"no space left on the disk{_of(each)}; make room and run it again", 1
        if "PytorchStreamWriter failed writing" in str(each):
            return "a checkpoint could not be written whole: the disk is full or failing", 1
    for each in chain:
        text = str(each).lower()
        if isinstance(each, MemoryError) or type(each).__name__ == "OutOfMemoryError" or "allocate memory" in text:
            return "out of memory; a smaller batch or model needs less", 1
    if isinstance(error, ModuleNotFoundError):
        package = (error.name or "").partition(".")[0]
        if package in _EXTRAS:
            return f"this needs the package {package}: pip install 'lstm-models[{_EXTRAS[package]}]' brings it", 1
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{os.fsdecode(error.filename)}: {error.strerror}", 1
    what = f"{type(error).__name__}: {error}"
    return f"internal error: {what}; run again with LSTM_MODELS_DEBUG=1 to see the traceback", 1


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
