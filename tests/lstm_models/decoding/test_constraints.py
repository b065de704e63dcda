"""Words that must come: the beam search with constraints beside enumeration."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, strategies

from lstm_models.decoding.options import BeamOptions
from lstm_models.errors import InputError
from tests.helpers.toy_search import (
    WIDE,
    WORDS,
    Toy,
    assert_consistent,
    assert_same,
    contains,
    enumerate_all,
    search,
)

FORMS = strategies.lists(strategies.sampled_from(WORDS), min_size=1, max_size=3).map(tuple)


ENTRIES = strategies.lists(strategies.lists(FORMS, min_size=1, max_size=2).map(tuple), min_size=1, max_size=3).map(
    tuple
)


@given(
    seed=strategies.integers(0, 10**6),
    include=ENTRIES,
    max_length=strategies.integers(1, 5),
    min_length=strategies.integers(0, 1),
    no_repeat=strategies.sampled_from([0, 0, 0, 2, 3]),
)
def test_wide_constrained_beam_is_exhaustive_search(seed, include, max_length, min_length, no_repeat) -> None:
    """Also: an InputError exactly where nothing at all meets the constraints."""
    toy = Toy(seed)
    options = BeamOptions(WIDE, 6, min_length, max_length, include=include, no_repeat=no_repeat)
    wanted = enumerate_all(toy, options)
    if wanted:
        assert_same(search(toy, options)[0], wanted[:6])
    else:
        with pytest.raises(InputError) as error:
            search(toy, options)
        assert error.value.usage


@given(
    seed=strategies.integers(0, 10**6),
    include=ENTRIES,
    beam=strategies.integers(1, 6),
    groups=strategies.integers(1, 2),
)
def test_narrow_constrained_beam_always_contains_the_words(seed, include, beam, groups) -> None:
    toy = Toy(seed, inputs=2)
    options = BeamOptions(
        beam * groups, beam, max_length=8, include=include, groups=groups, diversity=0.5 * (groups - 1)
    )
    if enumerate_all_lengths(include) > 8:
        return
    for number, found in enumerate(search(toy, options)):
        assert_consistent(toy, found, options, number)


def enumerate_all_lengths(include: tuple[tuple[tuple[int, ...], ...], ...]) -> int:
    return sum(max(map(len, forms)) for forms in include)


def test_phrases_disjunctions_and_overlaps() -> None:
    toy = Toy(11)
    phrase = BeamOptions(4, max_length=5, include=(((2, 3, 4),),))
    assert contains(search(toy, phrase)[0][0].tokens, (2, 3, 4))
    either = BeamOptions(WIDE, max_length=3, include=(((4, 4), (3, 3)), ((2,),)))
    assert_same(search(toy, either)[0], enumerate_all(toy, either)[:1])
    # “2 3” and “3 4” share the 3, so that three tokens are enough
    overlap = BeamOptions(1, max_length=3, include=(((2, 3),), ((3, 4),)))
    assert search(toy, overlap)[0][0].tokens == (2, 3, 4)


def test_words_are_not_left_to_the_last_moment() -> None:
    """The banks keep a place for hypotheses with the word, so that it stands where the model likes it best."""
    vocabulary, wanted, length = 60, 50, 8
    toy = Toy(0, vocabulary=vocabulary, length=length + 1, sharpness=1.0)
    toy.tables[:, :, :, wanted] -= 6  # far from the five best at every step
    toy.tables[:, 2, :, wanted] += 4  # least far at the third
    toy.tables = torch.log_softmax(toy.tables, -1)
    options = BeamOptions(6, min_length=length, max_length=length, include=(((wanted,),),))
    assert search(toy, options)[0][0].tokens.index(wanted) == 2


def test_eight_entries_with_a_beam_of_five() -> None:
    toy = Toy(1, vocabulary=30, length=20)
    options = BeamOptions(5, 3, max_length=12, include=tuple(((word,),) for word in range(10, 18)))
    assert_consistent(toy, search(toy, options)[0], options)
