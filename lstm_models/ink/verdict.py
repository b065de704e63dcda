"""`Verdict`: what a reader made of a drawing, beside what it should say.

>>> drawing = writer.write("Dear reader,", reader=lstm_models.load("reader"))
>>> drawing.verdict.error_rate
0.0
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from typing import Any

from lstm_models.errors import InputError

__all__ = ["Verdict"]


@dataclass(frozen=True)
class Verdict:
    """What a reader made of written lines.

    Attributes:
        text: what it read, best path, without a language model; a line break between two lines.
        errors: characters by which that differs from what the lines should say.
        characters: that they should say, of those that the reader knows.
        missing: words of the lines that it found no counterpart of.
        extra: words that it found too many.
        nats: −log probability of the right text, summed over the lines: how far from legible, finer than the errors.
        lines: that were read.
        drawn: candidates that were drawn of them, the chosen ones included.

    Raises:
        ValueError: a number is negative or not finite.
    """

    text: str
    errors: int = 0
    characters: int = 0
    missing: int = 0
    extra: int = 0
    nats: float = 0.0
    lines: int = 1
    drawn: int = 1

    def __post_init__(self) -> None:
        if not isinstance(self.text, str):
            raise ValueError("the text of a verdict is a string")
        for each in fields(self)[1:]:
            value = getattr(self, each.name)
            kinds = (int, float) if each.name == "nats" else int
            if isinstance(value, bool) or not isinstance(value, kinds) or not (0 <= value < math.inf):
                raise ValueError(f"{each.name} of a verdict must be 0 or more, not {value}")

    @property
    def error_rate(self) -> float:
        """Errors a character, 0 where there was nothing to judge."""
        return self.errors / max(self.characters, 1)

    @property
    def rank(self) -> tuple[float, ...]:
        """Smaller is better: whole words first, then characters, then the probability of the right text."""
        return (self.missing + self.extra, self.errors, self.nats)

    @property
    def wrong(self) -> bool:
        """Whether it should be written again: a word is missing or too many, or more than one character in twenty."""
        return bool(self.missing or self.extra or self.error_rate > TOLERATED)

    def as_dict(self) -> dict[str, Any]:
        """The verdict as what JSON can hold."""
        return {**asdict(self), "nats": round(self.nats, 3)}

    @staticmethod
    def from_dict(given: Any) -> Verdict:
        """The verdict that `as_dict` wrote.

        Raises:
            InputError: it is none.
        """
        try:
            return Verdict(**given)
        except (TypeError, ValueError) as error:
            raise InputError(f"The verdict of this drawing cannot be read: {error}") from error

    @staticmethod
    def together(verdicts: Iterable[Verdict], *, one_line: bool = False) -> Verdict:
        """One verdict on all the lines, in order; or on one line, of which the verdicts judge parts."""
        each = list(verdicts)
        sums = {name.name: sum(getattr(one, name.name) for one in each) for name in fields(Verdict)[1:]}
        if one_line:
            sums |= {"lines": 1, "drawn": max((one.drawn for one in each), default=0)}
        return Verdict((" " if one_line else "\n").join(one.text for one in each), **sums)


TOLERATED = 0.05  # of a line's characters: the reader is wrong about as many by itself
