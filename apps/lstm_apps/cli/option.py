"""An option of a command, as its help and its error messages show it, and options that do nothing without another."""

from __future__ import annotations

import typing
from dataclasses import dataclass
from typing import Any

from lstm_models.errors import InputError

__all__ = ["Option", "check_goes_with"]


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


def check_goes_with(what: str, there: bool, **given: bool) -> None:
    """Raise InputError where an option was given that does nothing without another.

    Args:
        what: it needs, such as "--sample".
        there: whether that was given.
        given: the options' parameters, and whether each has another value than its default.

    >>> check_goes_with("--sample", False, top_p=0.5 != 1.0)
    Traceback (most recent call last):
    lstm_models.errors.InputError: --top-p goes with --sample
    """
    if not there and (idle := [name for name, other in given.items() if other]):
        raise InputError(f"{Option(idle[0]).shown} goes with {what}", usage=True)
