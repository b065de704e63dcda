"""How a writer writes: what a user may choose, and what it comes to for the network."""

from __future__ import annotations

import numbers
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from torch import Tensor

from lstm_models.errors import InputError
from lstm_models.tasks.handwriting.network import HandwritingWriterNetwork
from lstm_models.tasks.handwriting.styles import Style, resolve

__all__ = ["Settings", "WriteOptions", "settings_of"]


@dataclass(frozen=True)
class WriteOptions:
    """How a text is written.

    Attributes:
        style: one of ``HandwritingWriter.styles``, or a writer's id; several mixed, such as ``"ada+gus"`` or
            ``"ada:0.3+gus:0.7"``; a ``Style``, or the name of a .json file of one; None for the usual style, which is
            the first named one, or no style in particular where none is named.
        legibility: 0 (as varied as people write) to 1 (as legible as the model can).
        seed: the same seed gives the same drawing; None draws a new one.
        candidates: how many of each line are drawn, where a reader chooses among them.

    Raises:
        InputError: legibility or seed is out of range (``usage=True``).
    """

    style: str | Style | None = None
    legibility: float = 0.75
    seed: int | None = None
    candidates: int = 4

    def __post_init__(self) -> None:
        if not isinstance(self.legibility, numbers.Real) or not 0 <= self.legibility <= 1:
            raise InputError(f"legibility must lie between 0 and 1, not {_shown(self.legibility)}", usage=True)
        if self.seed is not None and not (_is_whole(self.seed) and 0 <= self.seed < 2**63):
            raise InputError(
                f"seed must be a whole number from 0 to 9223372036854775807, not {_shown(self.seed)}", usage=True
            )


def _is_whole(value: Any) -> bool:
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else f"{value!r:.60}"


class Settings(NamedTuple):
    """What options come to."""

    style: str
    """Name of the style."""
    vector: Tensor
    """Its vector [style_size]."""
    bias: float
    """Graves' probability bias."""
    seed: int


def settings_of(writer: HandwritingWriterNetwork, options: WriteOptions) -> Settings:
    """What the options come to with this writer.

    Raises:
        InputError: an unknown style.
    """
    name, vector = resolve(writer, options.style or next(iter(writer.config.names), ""))
    seed = options.seed
    if seed is None:
        seed = int(np.random.SeedSequence().generate_state(1)[0])
    return Settings(name, vector, writer.bias(options.legibility), seed)
