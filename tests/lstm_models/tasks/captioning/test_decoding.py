"""Options of captioning stand in one dataclass, and the verbs take them either way."""

from __future__ import annotations

import dataclasses
import typing

import pytest

from lstm_models.decoding.options import BeamOptions, override
from lstm_models.errors import InputError
from lstm_models.tasks.captioning.decoding import CaptionKeywords, CaptionOptions
from lstm_models.text.vocabulary import UNKNOWN, Vocabulary

WORDS = Vocabulary(("a", "dog", "runs"))


def test_keywords_are_the_fields() -> None:
    assert typing.get_type_hints(CaptionKeywords) == typing.get_type_hints(CaptionOptions)


def test_keywords_replace_fields_and_none_leaves_them() -> None:
    options = CaptionOptions(beam=3, max_words=9)
    assert override(options, CaptionOptions, beam=4, n_best=None) == CaptionOptions(beam=4, max_words=9)
    assert options.beam == 3
    with pytest.raises(TypeError, match="beams"):
        override(options, CaptionOptions, beams=4)


def test_one_word_is_as_good_as_a_list() -> None:
    options = CaptionOptions(include="dog", exclude=["a"])
    assert (options.include, options.exclude) == (("dog",), ("a",))
    found = options.search(WORDS)
    assert found.include == ((tuple(WORDS.find("dog")),),)
    assert found.exclude == (UNKNOWN, *WORDS.find("a"))


def test_every_option_comes_to_the_search() -> None:
    options = CaptionOptions(6, 2, 3, 11, 0.5, 2, 0.25, no_repeat=2)
    expected = BeamOptions(6, 2, 3, 11, 0.5, 2, 0.25, exclude=(UNKNOWN,), no_repeat=2, early_stop=True)
    assert options.search(WORDS) == expected
    assert {field.name for field in dataclasses.fields(options)} - {"min_words", "max_words", "objects"} <= {
        field.name for field in dataclasses.fields(BeamOptions)
    }


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"max_words": 61}, "a caption has at most 60 words"),
        ({"min_words": 0}, "min_words must be at least 1"),
        ({"max_words": 0}, "max_words must be at least 1"),
        ({"include": ["dog"], "exclude": ["dog"]}, "“dog” cannot both be included and excluded"),
        ({"exclude": ["a dog"]}, "“a dog” is a phrase"),
        ({"beam": 2, "n_best": 3}, "a beam of 2 has no more than that"),
    ],
)
def test_what_cannot_be_is_one_sentence(given: dict[str, typing.Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        CaptionOptions(**given).search(WORDS)
