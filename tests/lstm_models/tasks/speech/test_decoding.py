"""Recordings to words with times: in parts, in both directions, with options, and three hours in bounded memory."""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from lstm_models.errors import InputError
from lstm_models.io.audio import Audio
from lstm_models.tasks.speech import segmentation
from lstm_models.tasks.speech.model import Recognizer
from lstm_models.tasks.speech.results import Transcript
from tests.helpers.tone_recognizer import TEXT, ToneRecognizer, plain, say


@pytest.fixture(scope="module")
def sound() -> np.ndarray:
    return say(TEXT)


@pytest.fixture(scope="module")
def whole(sound: np.ndarray) -> Transcript:
    return ToneRecognizer().transcribe(sound)


def test_what_is_said_is_found_where_it_is_said() -> None:
    found = ToneRecognizer().transcribe(say("hello world|ok"))
    assert found.text == "hello world ok"
    assert [(round(word.start, 2), round(word.end, 2)) for word in found.words] == [
        (0.0, 0.36), (0.48, 0.84), (1.88, 2.0),
    ]  # fmt: skip
    assert found.duration == pytest.approx((12 + 1) * 0.08 + 1 - 0.0, abs=0.081)
    assert found.source == ""


def test_long_speech_without_a_pause_is_heard_in_parts(sound: np.ndarray) -> None:
    recognizer = ToneRecognizer()
    assert recognizer.transcribe(sound).text == plain(TEXT)
    assert recognizer.longest <= 16_000 * (segmentation.LONGEST + segmentation.OVERLAP + 0.5)


def test_both_directions(sound: np.ndarray, whole: Transcript) -> None:
    recognizer = ToneRecognizer(bidirectional=True)
    assert recognizer.transcribe(sound).words == whole.words
    with pytest.raises(InputError, match="bidirectional"):
        recognizer.stream()


def test_times_grow_and_end_with_the_recording(sound: np.ndarray) -> None:
    recognizer = ToneRecognizer()
    recognizer.config.time_shift = (-0.3, 5.0)
    found = recognizer.transcribe(sound)
    assert all(word.start <= word.end <= found.duration for word in found.words)
    assert all(a.end <= b.start for a, b in pairwise(found.words))
    assert found.words[0].start == 0


def test_confidences_are_calibrated() -> None:
    recognizer = ToneRecognizer()
    raw = recognizer.transcribe(say("hello")).confidence
    recognizer.config.calibration = (2.0, -1.0)
    expected = 1 / (1 + np.exp(-(2 * np.log(raw / (1 - raw)) - 1)))
    assert recognizer.transcribe(say("hello")).confidence == pytest.approx(expected)


@pytest.mark.parametrize("samples", [np.zeros(40_000), np.zeros(100), np.full(40_000, 0.25), say("|||")])
def test_silence_is_an_empty_transcript(samples: np.ndarray) -> None:
    found = ToneRecognizer().transcribe(samples)
    assert (found.text, found.words) == ("", ())
    assert found.duration == len(samples) / 16_000


def test_where_there_is_no_sound_the_model_hears_nothing() -> None:
    recognizer = ToneRecognizer()
    recognizer.transcribe(np.zeros(160_000))
    assert recognizer.heard == 0


def test_a_language_model_that_is_none() -> None:
    for lm, said in ((3, "int is not a language model"), ("no-such-model", "there is no model")):
        with pytest.raises(InputError, match=said):
            ToneRecognizer().transcribe(say("a"), lm=lm)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"hotwords": [" "]}, "a hot word is empty"),
        ({"hotwords": ["日本"]}, "which the recogniser cannot write"),
        ({"beam": 0}, "beam must be from 1 to 1000, and is 0"),
        ({"beam": 10**7}, "beam must be from 1 to 1000, and is 10000000"),
        ({"beam": 1.5}, "whole number"),
    ],
)
def test_options_that_are_wrong(options: dict[str, Any], said: str) -> None:
    for verb in (
        lambda: ToneRecognizer().transcribe(say("a"), **options),
        lambda: ToneRecognizer().stream(**options),
    ):
        with pytest.raises(InputError, match=said) as error:
            verb()
        assert error.value.usage


def test_hot_words_are_spelt_as_texts_are() -> None:
    assert ToneRecognizer().transcribe(say("o'neil"), hotwords=["O’Neil,", "twenty-one"]).text == "o'neil"


@pytest.mark.slow
def test_three_hours_need_no_more_memory_than_minutes() -> None:
    class Quick(ToneRecognizer):
        """Hears a word a minute: what is measured is what is around the model."""

        def log_probs(self, recordings: Sequence[np.ndarray]) -> list[np.ndarray]:
            self.heard += sum(map(len, recordings))
            made = []
            for samples in recordings:
                outputs = np.full((2 * -(-len(samples) // 1280), 29), -12.0, np.float32)
                outputs[:, 0] = 0.0
                made.append(outputs)
            return made

    def seconds(count: int) -> Iterator[np.ndarray]:
        block = say("a b c d e f", letter=0.085).astype(np.float32)[:15_000]
        block = np.pad(block, (0, 16_000 - len(block)))
        for _ in range(count):
            yield block

    def peak(count: int) -> int:
        audio = Audio("long", 16_000, 1, None, seconds(count))
        recognizer = Quick()
        tracemalloc.start()
        found = recognizer.transcribe(audio)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert found.duration == count
        assert recognizer.heard >= 16_000 * count
        return most

    short = peak(20 * 60)
    assert peak(3 * 3600) < 1.1 * short + 2**20
    assert short < 2**26


def test_several_recordings_and_open_files(sound: np.ndarray, whole: Transcript, tmp_path: Path) -> None:
    """A list of files, bytes and open files gives a list; one of numbers, or of channels, is one recording."""
    soundfile.write(tmp_path / "a.wav", sound, 16_000, subtype="FLOAT")
    content = (tmp_path / "a.wav").read_bytes()
    recognizer: Any = ToneRecognizer()
    found = Recognizer.transcribe(
        recognizer, [str(tmp_path / "a.wav"), tmp_path / "a.wav", content, io.BytesIO(content)]
    )
    assert [each.text for each in found] == [whole.text] * 4
    assert [each.source for each in found[:2]] == [str(tmp_path / "a.wav")] * 2
    short = say("ok")
    assert Recognizer.transcribe(recognizer, np.array(short)).text == "ok"
    listed: Any = short.tolist()
    assert Recognizer.transcribe(recognizer, listed).text == "ok"  # type: ignore[attr-defined]
