"""A config dataclass from JSON: every field checked against its type, every mistake reported by name.

pydantic's ``TypeAdapter`` checks as much, but each of its errors would have to be put into a sentence here, the nearest
name still to be found, and loading a model would import it.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import difflib
import math
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Union

from lstm_models.errors import InputError


def dataclass_from_json(cls: type, fields: Mapping[str, Any], where: Path) -> Any:
    """Build `cls`, a dataclass, from a JSON object.

    Fields may be bool, int, float, str, `Literal`, ``X | None``, tuples and lists of these, ``dict[str, X]`` or
    ``Mapping[str, X]``, and nested dataclasses; a whole number passes for a float, a JSON array for a tuple.

    Args:
        cls: the dataclass.
        fields: the parsed object.
        where: the file, for the sentence.

    Raises:
        InputError: an unknown, missing or wrongly typed field, or one the dataclass itself refuses (``ValueError``).
    """
    return _dataclass(cls, fields, where, "")


def _dataclass(cls: Any, fields: Mapping[str, Any], where: Path, prefix: str) -> Any:
    known = {field.name: field for field in dataclasses.fields(cls) if field.init}
    for name in fields:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            meant = f"; is “{prefix}{close[0]}” meant?" if close else f" of {cls.__name__}."
            raise InputError(f"{where}: “{prefix}{name}” is not an option{meant}")
    hints = typing.get_type_hints(cls)
    values = {}
    for name, field in known.items():
        if name in fields:
            values[name] = _value(hints[name], fields[name], where, prefix + name)
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise InputError(f"{where}: the option “{prefix}{name}” is missing.")
    try:
        return cls(**values)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
    except (ValueError, TypeError) as error:
        raise InputError(f"{where}: {error}") from None


def _value(kind: Any, value: Any, where: Path, name: str) -> Any:
    if dataclasses.is_dataclass(kind) and isinstance(value, Mapping):
        return _dataclass(kind, value, where, f"{name}.")
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any:
        return value
    if origin in (Union, types.UnionType):
        for option in arguments:
            if option is type(None) and value is None:
                return None
        failure: InputError | None = None
        for option in arguments:
            if option is not type(None):
                try:
                    return _value(option, value, where, name)
                except InputError as error:
                    failure = error
        if failure is not None:
            raise failure
    if origin is Literal:
        if any(value == option and type(value) is type(option) for option in arguments):
            return value
        raise _wrong(where, name, value, "one of " + ", ".join(repr(option) for option in arguments))
    if origin in (tuple, list) and isinstance(value, (list, tuple)):
        if origin is tuple and arguments and arguments[-1] is not Ellipsis:
            if len(value) != len(arguments):
                raise _wrong(where, name, value, f"{len(arguments)} values")
            kinds = list(arguments)
        else:
            kinds = [arguments[0] if arguments else Any] * len(value)
        pairs = zip(kinds, value, strict=True)
        items = [_value(each, item, where, f"{name}[{i}]") for i, (each, item) in enumerate(pairs)]
        return origin(items)
    if origin in (dict, collections.abc.Mapping) and isinstance(value, Mapping):
        return {key: _value(arguments[1], item, where, f"{name}.{key}") for key, item in value.items()}
    if kind is float and type(value) in (int, float):
        # 1e999 is legal JSON and parses to infinity; a whole number may be too large for a float
        number = float(value) if abs(value) < 1e308 else math.inf
        if math.isfinite(number):
            return number
        raise _wrong(where, name, value, "a finite number")
    if kind in (bool, int, str) and type(value) is kind:
        return value
    raise _wrong(where, name, value, _NAMES.get(kind, _NAMES.get(origin, getattr(kind, "__name__", str(kind)))))


_NAMES: dict[Any, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    tuple: "a list",
    list: "a list",
    dict: "an object",
    collections.abc.Mapping: "an object",
}


def _wrong(where: Path, name: str, value: Any, right: str) -> InputError:
    shown = repr(value)
    shown = shown if len(shown) <= 60 else shown[:57] + "..."
    return InputError(f"{where}: “{name}” is {shown}; {right} would be right.")
