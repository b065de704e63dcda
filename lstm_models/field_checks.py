"""Checks of numbers that stand in several configs, for their ``__post_init__``.

>>> from lstm_models.tasks.tagging.config import TaggerConfig
>>> TaggerConfig(layers=0)
Traceback (most recent call last):
ValueError: model: layers must be at least 1, not 0
"""

from __future__ import annotations

import math
from typing import Any

__all__ = ["check_at_least", "check_fractions"]


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
