"""Texts are found in time in recordings; those that do not fit are refused or noted."""

from __future__ import annotations

import numpy as np
import pytest

from lstm_models.errors import InputError
from lstm_models.tasks.speech.alignment import align
from lstm_models.tasks.speech.results import Transcript
from tests.helpers.tone_recognizer import TEXT, ToneRecognizer, plain, say


@pytest.fixture(scope="module")
def sound() -> np.ndarray:
    return say(TEXT)


@pytest.fixture(scope="module")
def whole(sound: np.ndarray) -> Transcript:
    return ToneRecognizer().transcribe(sound)


def test_words_as_they_are_written() -> None:
    found = align(ToneRecognizer(), say("hello world|it's ok"), "“Hello, World!” – It’s\nOK.")
    assert [word.text for word in found.words] == ["“Hello,", "World!” –", "It’s", "OK."]
    assert found.text == "“Hello, World!” – It’s OK."
    starts = [word.start for word in found.words]
    assert starts == pytest.approx([0, 0.48, 1.88, 2.28], abs=0.041)


def test_numbers_are_aligned_as_they_are_spoken() -> None:
    found = align(ToneRecognizer(), say("in nineteen ninety nine"), "in 1999")
    assert [word.text for word in found.words] == ["in", "1999"]
    assert not found.notes


def test_a_text_that_does_not_fit_is_noted() -> None:
    found = align(ToneRecognizer(), say("hello world"), "quite other")
    assert any("does not seem to be what is spoken in the recording" in note for note in found.notes)


def test_of_long_speech(sound: np.ndarray, whole: Transcript) -> None:
    text = plain(TEXT)
    found = align(ToneRecognizer(), sound, text)
    assert [word.text for word in found.words] == text.split()
    assert np.median([abs(a.start - b.start) for a, b in zip(found.words, whole.words, strict=True)]) < 0.041


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the text has no words"),
        ("… –", "the text has no words"),
        ("привет", "the text has “п”, which the recogniser cannot write"),
        ("word " * 200, "is too short for this text"),
    ],
)
def test_texts_that_cannot_be(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        align(ToneRecognizer(), say("hello"), text)


def test_more_than_half_an_hour() -> None:
    with pytest.raises(InputError, match="longer than 30 minutes"):
        align(ToneRecognizer(), np.zeros(8_000 * 1801, np.int8), "a", rate=8_000)
