"""Numbers of configs that are out of their range."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pytest

from lstm_models.field_checks import check_at_least, check_fractions


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
