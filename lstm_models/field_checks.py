"""Checks of fields that stand in several configs and options, for their ``__post_init__``.

>>> from lstm_models.tasks.tagging.config import TaggerConfig
>>> TaggerConfig(layers=0)
Traceback (most recent call last):
ValueError: model: layers must be at least 1, not 0
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import fields
from numbers import Integral, Real
from typing import Any

from lstm_models.errors import InputError

__all__ = ["check_at_least", "check_fractions", "check_kinds", "is_number", "is_whole"]

_TEXTS = ("Sequence[str]", "tuple[str, ...]")


def check_at_least(config: Any, minimum: int, *names: str, of: str = "model") -> None:
    """Raise ValueError where a field is below its minimum, infinite or not a number.

    Args:
        config: a dataclass.
        minimum: of each of the fields.
        names: the fields.
        of: what the config is part of, for the sentence.
    """
    for name in names:
        value = getattr(config, name)
        if not minimum <= value < math.inf:
            right = f"at least {minimum}" if minimum else "0 or more"
            raise ValueError(f"{of}: {name} must be {right}, not {value}")


def check_fractions(config: Any, *names: str, of: str = "model") -> None:
    """Raise ValueError where a field, such as a dropout, is not from 0 to below 1; arguments as of `check_at_least`."""
    for name in names:
        value = getattr(config, name)
        if not 0 <= value < 1:
            raise ValueError(f"{of}: {name} must be from 0 to below 1, not {value}")


def is_number(value: object) -> bool:
    """Whether it is a real number, also one of NumPy's, and no truth value."""
    return isinstance(value, Real) and not isinstance(value, bool)


def is_whole(value: object) -> bool:
    """Whether it is a whole number, which it may be as a slider gives it, 5.0."""
    return is_number(value) and (isinstance(value, Integral) or float(value).is_integer())  # type: ignore[arg-type]


def check_kinds(options: Any) -> None:
    """Raise InputError where a field is no number, no whole number, no text or not several, though its type says so.

    A whole number may come as a slider gives it, 5.0, and becomes 5; a single text in place of several is one of them.

    Args:
        options: a dataclass, frozen or not; fields of other types than int, float, str and several str are left alone.

    >>> from lstm_models.decoding.options import SearchOptions
    >>> SearchOptions(gap="wide")
    Traceback (most recent call last):
    lstm_models.errors.InputError: gap must be a number, not 'wide'
    """
    for each in fields(options):
        kind, value = str(each.type), getattr(options, each.name)
        if kind.endswith(" | None"):
            if value is None:
                continue
            kind = kind.removesuffix(" | None")
        if kind == "float" and not is_number(value):
            raise _other(each.name, "a number", value)
        if kind == "int":
            if not is_whole(value):
                raise _other(each.name, "a whole number", value)
            object.__setattr__(options, each.name, int(value))
        if kind == "str" and not isinstance(value, str):
            raise _other(each.name, "a text", value)
        if kind in _TEXTS:
            several = (value,) if isinstance(value, str) else value
            several = tuple(several) if isinstance(several, Iterable) and not isinstance(several, Mapping) else (value,)
            if not all(isinstance(one, str) for one in several):
                raise _other(each.name, "a text, or several", value)
            object.__setattr__(options, each.name, several)


def _other(name: str, right: str, value: object) -> InputError:
    return InputError(f"{name} must be {right}, not {value!r:.60}", usage=True)
