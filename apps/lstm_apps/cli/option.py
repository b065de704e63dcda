"""An option of a command, as its help and its error messages show it, and options that do nothing without another."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lstm_models.errors import InputError

__all__ = ["Option", "check_goes_with", "unusual"]


@dataclass(frozen=True)
class Option:
    """An option of a command.

    Attributes:
        name: its parameter, such as "open_browser", or a field of one, such as "model.hidden_size".
        hint: the type of its value; None for the options of every command.
        required: whether it has no default.
    """

    name: str
    hint: Any = None
    required: bool = False

    @property
    def is_switch(self) -> bool:
        return self.hint is bool

    @property
    def is_list(self) -> bool:
        """Whether it is given once for each text of a list."""
        return list[str] in (self.hint, *typing.get_args(self.hint))

    @property
    def shown(self) -> str:
        """As the help shows it: dashes, but fields of a config as they stand in a config file."""
        return f"--{self.name}" if "." in self.name else f"--{self.name.replace('_', '-')}"


def unusual(command: Callable[..., Any], **given: Any) -> list[str]:
    """The parameters of those of a command's options that have another value than by default."""
    usual = inspect.signature(command).parameters
    return [name for name, value in given.items() if value != usual[name].default]


def check_goes_with(what: str, there: bool, command: Callable[..., Any], **given: Any) -> None:
    """Raise InputError where an option was given that does nothing without another.

    Args:
        what: it needs, such as "--sample".
        there: whether that was given.
        command: whose options they are.
        given: the options' parameters and values.

    >>> check_goes_with("--sample", False, lambda top_p=1.0: None, top_p=0.5)
    Traceback (most recent call last):
    lstm_models.errors.InputError: --top-p goes with --sample
    """
    if not there and (idle := unusual(command, **given)):
        raise InputError(f"{Option(idle[0]).shown} goes with {what}", usage=True)
