"""Options of the searches, what they find, and what a model needs for them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any, Protocol, TypeVar

from torch import Tensor

from lstm_models.errors import InputError
from lstm_models.field_checks import check_kinds, is_whole

__all__ = [
    "MOST_BEAM",
    "NEVER",
    "BeamOptions",
    "Hypothesis",
    "S",
    "SearchOptions",
    "State",
    "Step",
    "check_beam",
    "check_number",
    "check_whole",
    "override",
]

NEVER = -math.inf

MOST_BEAM = 1000
"""Hypotheses of an input: a wider beam finds nothing better, and soon takes more memory than there is."""

_WHOLE = {"beam": 1, "n_best": 1, "min_length": 0, "max_length": 1, "groups": 1, "no_repeat": 0}  # least values


class State(Protocol):
    """What a model carries from step to step, for each row."""

    def select(self, index: Tensor, /) -> Any:
        """The state of the rows ``index [rows]``, in that order, repeats allowed."""


S = TypeVar("S", bound=State)

Options = TypeVar("Options")

Step = Callable[[Tensor, S], tuple[Tensor, S]]
"""``step(tokens [rows], state)`` gives the next token's log probabilities [rows, vocabulary], and the next state."""


@dataclass(frozen=True)
class BeamOptions:
    """How to search. Every number counts tokens without start and end.

    Attributes:
        beam: live hypotheses of an input.
        n_best: results wanted; fewer come back where fewer distinct ones were found.
        min_length: the end token may not come before.
        max_length: after that many tokens only the end token may come.
        length_penalty: α of log p / (tokens + 1)^α; 0 or more.
        groups: equal parts of the beam that differ from each other by ``diversity``. Results are taken from the groups
            in turn, and then ranked. Without diversity all groups would be alike: they then count as one.
        diversity: what a token loses, in nats, for each hypothesis of an earlier group that chose it in this step.
        include: what must come: for each entry one of its token sequences, ``(((7,), (8, 9)), ((3,),))`` for
            “7, or 8 9; and 3”. One place can serve two entries. At most 8.
        exclude: tokens that must not come.
        no_repeat: no sequence of that many tokens comes twice; 0 to allow it.
        early_stop: take an input as done when no live hypothesis could overtake by ending next. Faster, for long
            ``max_length``; but a hypothesis that needs more tokens to overtake is missed.

    Raises:
        InputError: the options contradict each other (``usage=True``).
    """

    beam: int = 5
    n_best: int = 1
    min_length: int = 0
    max_length: int = 20
    length_penalty: float = 0.7
    groups: int = 1
    diversity: float = 0.0
    include: tuple[tuple[tuple[int, ...], ...], ...] = ()
    exclude: tuple[int, ...] = ()
    no_repeat: int = 0
    early_stop: bool = False

    def __post_init__(self) -> None:
        # any nesting of sequences will do, so that a list from JSON is as good as a tuple
        try:
            include = tuple(tuple(tuple(int(token) for token in form) for form in forms) for forms in self.include)
            exclude = tuple(int(token) for token in self.exclude)
        except (TypeError, ValueError):
            raise InputError("include and exclude must be numbers of tokens", usage=True) from None
        object.__setattr__(self, "include", include)
        object.__setattr__(self, "exclude", exclude)
        check_kinds(self)
        check_beam(self.beam, self.n_best)
        for name, minimum in _WHOLE.items():
            check_number(name, getattr(self, name), minimum)
        for name in ("length_penalty", "diversity"):
            check_number(name, getattr(self, name), 0)
        if self.min_length > self.max_length:
            raise InputError(
                f"the length cannot be {self.min_length} at least and {self.max_length} at most", usage=True
            )
        if self.beam % self.groups:
            raise InputError(f"a beam of {self.beam} cannot be split into {self.groups} equal groups", usage=True)
        if any(token < 0 for token in (*self.exclude, *(t for forms in include for form in forms for t in form))):
            raise InputError("tokens to include or to exclude must be numbers from 0", usage=True)


@dataclass(frozen=True)
class Hypothesis:
    """One decoded sequence.

    Attributes:
        tokens: without start and end.
        log_probability: of the whole sequence, end token included, as the model gave it.
        score: what it was ranked by: log_probability / (tokens + 1)^α; for a sample, log_probability.
        token_log_probabilities: one for each token and, last, the end token's.
    """

    tokens: tuple[int, ...]
    log_probability: float
    score: float
    token_log_probabilities: tuple[float, ...]


def check_number(name: str, value: float, minimum: int, maximum: float = math.inf) -> None:
    """Raise InputError where an option is no number, below its minimum, above its maximum, or not finite."""
    number = isinstance(value, Real)
    if not number or not minimum <= value <= maximum or not math.isfinite(value):
        right = f"from {minimum} to {maximum}" if math.isfinite(maximum) else f"{minimum} or more"
        raise InputError(f"{name} must be {right}, and is {value if number else repr(value)}", usage=True)


def check_beam(beam: int, n_best: int) -> None:
    """Raise InputError where a search cannot follow so many hypotheses, or has not so many results to give."""
    check_number("beam", beam, 1, MOST_BEAM)
    check_number("n_best", n_best, 1)
    if n_best > beam:
        raise InputError(f"n_best is {n_best}: a beam of {beam} has no more than that", usage=True)


@dataclass(frozen=True)
class SearchOptions:
    """How to search.

    Attributes:
        beam: hypotheses that are kept after each output.
        lm_weight: of the language model's natural log probability of a word.
        word_bonus: nats added for each word.
        hotwords: words or phrases to favour, in the search's alphabet; they may be unknown to the language model.
        hotword_boost: nats for each word of a hot word or phrase that was said in full.
        token_floor: log probability below which a label is not tried in an output (the likeliest always is).
        gap: nats behind the best at which a hypothesis is given up.
        blank_skip: probability of the blank above which an output is taken for silent: no label is tried.

    Raises:
        InputError: a number is out of its range, or a hot word is empty (``usage=True``).
    """

    beam: int = 32
    lm_weight: float = 0.8
    word_bonus: float = 0.5
    hotwords: tuple[str, ...] = ()
    hotword_boost: float = 4.0
    token_floor: float = -7.0
    gap: float = 10.0
    blank_skip: float = 0.999

    def __post_init__(self) -> None:
        check_kinds(self)
        check_number("beam", self.beam, 1)
        for name in ("lm_weight", "word_bonus", "hotword_boost"):
            if not math.isfinite(getattr(self, name)):
                raise InputError(f"{name} must be a number, and is {getattr(self, name)}", usage=True)
        if self.lm_weight < 0:
            raise InputError(f"lm_weight must not be negative, and is {self.lm_weight}", usage=True)
        if not self.gap > 0:
            raise InputError(f"the gap must be above 0, and is {self.gap}", usage=True)
        if not self.token_floor <= 0:
            raise InputError(f"token_floor is a log probability, at most 0, and is {self.token_floor}", usage=True)
        if not 0 < self.blank_skip <= 1:
            raise InputError(f"blank_skip must be above 0 and at most 1, and is {self.blank_skip}", usage=True)
        for word in self.hotwords:
            if not word.strip():
                raise InputError("a hot word is empty", usage=True)


def override(options: Options | None, kind: type[Options], **given: Any) -> Options:
    """The options, or ``kind()`` if None, with those fields replaced that are given and not None.

    Args:
        options: a frozen dataclass.
        kind: its class.
        given: fields.

    Raises:
        InputError: the options are of another class, or what is given is out of its range (``usage=True``).
    """
    if options is None:
        options = kind()
    if not isinstance(options, kind):
        raise InputError(f"options must be {kind.__name__}, not {options!r:.60}", usage=True)
    changed = {name: value for name, value in given.items() if value is not None}
    return replace(options, **changed) if changed else options  # type: ignore[type-var]


def check_whole(name: str, value: float, minimum: int, maximum: int) -> int:
    """The option as an int, which it may be as 5.0, too.

    Raises:
        InputError: it is no whole number, or not within its range (``usage=True``).
    """
    if not is_whole(value) or not minimum <= value <= maximum:
        raise InputError(f"{name} must be a whole number from {minimum} to {maximum}, not {value!r:.60}", usage=True)
    return int(value)
