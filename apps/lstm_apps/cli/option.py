"""An option of a command, as its help and its error messages show it."""

from __future__ import annotations

import typing
from dataclasses import dataclass
from typing import Any

__all__ = ["Option"]


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
