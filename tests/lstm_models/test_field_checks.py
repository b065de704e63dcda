"""Numbers of configs that are out of their range."""

from __future__ import annotations

import importlib
import math
import pkgutil
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import numpy as np
import pytest

import lstm_models
from lstm_models.errors import InputError
from lstm_models.field_checks import check_at_least, check_fractions, check_kinds


@dataclass
class Config:
    layers: float = 1
    dropout: float = 0.0


@pytest.mark.parametrize("value", [0, -3, math.nan, math.inf])
def test_what_is_below_its_minimum_or_no_number_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match=rf"^encoder: layers must be at least 1, not {value}$"):
        check_at_least(Config(layers=value), 1, "layers", of="encoder")


def test_zero_is_said_in_words() -> None:
    check_at_least(Config(layers=0), 0, "layers", "dropout")
    with pytest.raises(ValueError, match=r"^model: dropout must be 0 or more, not -0\.1$"):
        check_at_least(Config(dropout=-0.1), 0, "layers", "dropout")


@pytest.mark.parametrize("value", [-0.1, 1.0, math.nan])
def test_fractions_are_from_0_to_below_1(value: float) -> None:
    check_fractions(Config(dropout=0.999), "dropout")
    with pytest.raises(ValueError, match=rf"^model: dropout must be from 0 to below 1, not {value}$"):
        check_fractions(Config(dropout=value), "dropout")


@dataclass(frozen=True)
class Options:
    beam: int = 5
    weight: float = 0.5
    width: float | None = None
    name: str = ""
    words: tuple[str, ...] = ()
    other: list[int] | None = None

    def __post_init__(self) -> None:
        check_kinds(self)


def test_what_is_of_the_kind_is_kept() -> None:
    given: Any = Options(beam=5.0, weight=np.float32(1), width=2, name="a", words="one", other="whatever")  # type: ignore[arg-type]
    assert given == Options(5, 1.0, 2, "a", ("one",), "whatever")  # type: ignore[arg-type]
    assert isinstance(given.beam, int)
    assert Options(beam=np.int64(3), words=["a", "b"]).words == ("a", "b")  # type: ignore[arg-type]
    assert Options(words=(word for word in ("a", "b"))).words == ("a", "b")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("beam", "5", "beam must be a whole number, not '5'"), ("beam", 2.5, "beam must be a whole number, not 2.5"),
        ("beam", None, "beam must be a whole number, not None"),
        ("beam", True, "beam must be a whole number, not True"),
        ("beam", math.nan, "beam must be a whole number, not nan"), ("weight", "x", "weight must be a number, not 'x'"),
        ("width", [], "width must be a number, not []"), ("name", 3, "name must be a text, not 3"),
        ("words", 3, "words must be a text, or several, not 3"),
        ("words", ["a", 1], "words must be a text, or several, not ['a', 1]"),
    ],
)  # fmt: skip
def test_what_is_of_another_kind_is_refused_in_a_sentence(name: str, value: object, sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        Options(**{name: value})  # type: ignore[arg-type]
    assert str(caught.value).rstrip(".") == sentence
    assert caught.value.usage


def every_options() -> list[type]:
    """The classes of options that the package has."""
    found = set()
    for module in pkgutil.walk_packages(lstm_models.__path__, "lstm_models."):
        names = vars(importlib.import_module(module.name)).items()
        found |= {each for name, each in names if name.endswith("Options") and is_dataclass(each)}
    return sorted((each for each in found if isinstance(each, type)), key=lambda each: each.__name__)


WRONG = ("x", None, 5, -1, 2.5, math.nan, [], {"a": 1}, True, b"x", ("a",), object())


@pytest.mark.parametrize("options", every_options(), ids=lambda options: options.__name__)
def test_no_value_of_an_option_ends_in_another_error(options: type) -> None:
    refused = 0
    for field in fields(options):
        for value in WRONG:
            try:
                options(**{field.name: value})
            except InputError:
                refused += 1
    assert refused or {field.type for field in fields(options)} == {"bool"}
