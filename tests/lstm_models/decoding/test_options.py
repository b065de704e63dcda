"""Options of a search that cannot be, and those of sliders and JSON."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from lstm_models.decoding.beam_search import beam_search
from lstm_models.decoding.options import BeamOptions, SearchOptions, check_whole, override
from lstm_models.decoding.sampling import sample
from lstm_models.errors import InputError
from tests.helpers.toy_search import (
    END,
    START,
    History,
    Toy,
    nothing,
    search,
)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"beam": 0}, "beam must be from 1 to 1000, and is 0"),
        ({"beam": 1001}, "beam must be from 1 to 1000, and is 1001"),  # not as much memory as there is, and no end
        ({"beam": "5"}, "beam must be a whole number, not '5'"),
        ({"diversity": None}, "diversity must be a number, not None"),
        ({"beam": 2.5}, "beam must be a whole number"),
        ({"n_best": 0}, "n_best must be 1 or more"),
        ({"beam": 3, "n_best": 4}, "a beam of 3 has no more"),
        ({"max_length": 0}, "max_length must be 1 or more"),
        ({"min_length": -1}, "min_length must be 0 or more"),
        ({"min_length": 9, "max_length": 8}, "cannot be 9 at least and 8 at most"),
        ({"beam": 5, "groups": 2}, "cannot be split into 2"),
        ({"groups": 0}, "groups must be 1 or more"),
        ({"diversity": -1.0}, "diversity must be 0 or more"),
        ({"diversity": math.nan}, "diversity must be 0 or more"),
        ({"length_penalty": -0.1}, "length_penalty must be 0 or more"),
        ({"length_penalty": math.inf}, "length_penalty must be 0 or more"),
        ({"no_repeat": -1}, "no_repeat must be 0 or more"),
        ({"exclude": (-3,)}, "numbers from 0"),
        ({"include": (((-3,),),)}, "numbers from 0"),
        ({"exclude": (END,)}, "cannot be excluded"),
        ({"exclude": (99,)}, "token 99 is not one of the vocabulary's 5"),
        ({"include": (((99,),),)}, "token 99 is not one of the vocabulary's 5"),
        ({"include": ((),)}, "required word 1 has no tokens"),
        ({"include": (((2,),), ((),))}, "required word 2 has no tokens"),
        ({"include": (((2,),), ((3,),)), "exclude": (3,)}, "required word 2 is excluded"),
        ({"include": (((2, 3), (3,)),), "exclude": (3,)}, "required word 1 is excluded"),
        ({"include": (((END,),),)}, "required word 1 is excluded"),
        ({"include": (((2, 3, 2),),), "max_length": 2}, "take 3 tokens, and the longest sequence allowed has 2"),
        ({"include": (((2,),), ((3,),), ((4,),)), "max_length": 2}, "take 3 tokens"),
        ({"include": (((2, 2),),), "no_repeat": 1}, "repeats itself"),
        ({"include": tuple(((2,),) for _ in range(9))}, "at most 8"),
        ({"exclude": (2, 3, 4), "min_length": 1}, "found no sequence of 1 to 20 tokens"),
        ({"no_repeat": 1, "min_length": 4}, "found no sequence of 4 to 20 tokens"),
    ],
)
def test_impossible_options_get_a_message(options, sentence) -> None:
    toy = Toy(0, length=21)
    with pytest.raises(InputError, match=sentence) as error:
        search(toy, BeamOptions(**options))
    assert error.value.usage


def test_options_take_what_sliders_and_json_give() -> None:
    options = BeamOptions(beam=4.0, max_length=6.0, include=[[[2], [3, 4]]], exclude=[4])  # type: ignore[arg-type]
    assert options == BeamOptions(beam=4, max_length=6, include=(((2,), (3, 4)),), exclude=(4,))
    assert 2 in search(Toy(0), options)[0][0].tokens


def test_an_excluded_form_leaves_the_others() -> None:
    toy = Toy(0)
    options = BeamOptions(4, max_length=4, include=(((2,), (3,)),), exclude=(2,))
    assert 3 in search(toy, options)[0][0].tokens


@pytest.mark.parametrize("run", [beam_search, sample])
def test_a_model_that_breaks_gets_a_message(run) -> None:
    def step(tokens: Tensor, state: History) -> tuple[Tensor, History]:
        return torch.full((len(tokens), 5), math.nan), state

    with pytest.raises(ValueError, match="not a number"):
        run(step, nothing(), 1, start=START, end=END)


def test_options_are_replaced_where_others_are_given() -> None:
    assert override(None, SearchOptions) == SearchOptions()
    assert override(SearchOptions(beam=4), SearchOptions, gap=None) == SearchOptions(beam=4)
    assert override(SearchOptions(beam=4), SearchOptions, gap=3.0) == SearchOptions(beam=4, gap=3.0)


@pytest.mark.parametrize("options", ["fast", 5, {}, BeamOptions(), SearchOptions])
def test_options_of_another_class_are_refused(options: Any) -> None:
    with pytest.raises(InputError, match=r"^options must be SearchOptions, not "):
        override(options, SearchOptions)


def test_whole_numbers() -> None:
    assert [check_whole("n", value, 0, 9) for value in (0, 9, 5.0)] == [0, 9, 5]
    for value in (-1, 10, 2.5, math.nan, True, "5", None, 10**400):
        with pytest.raises(InputError, match=r"^n must be a whole number from 0 to 9, not "):
            check_whole("n", value, 0, 9)  # type: ignore[arg-type]
