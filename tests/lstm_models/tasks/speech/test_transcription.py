"""Recordings to words: a stream gives what one pass gives, long ones need no more memory, texts are found in time.

Run: python -m pytest tests/lstm_models/tasks/speech/test_transcription.py
"""

from __future__ import annotations

import tracemalloc
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_models.errors import InputError
from lstm_models.io.audio import Audio
from lstm_models.tasks.speech import segmentation
from lstm_models.tasks.speech.network import Recognizer, RecognizerConfig
from lstm_models.tasks.speech.results import Transcript
from lstm_models.tasks.speech.segmentation import Begin, End, Segmenter, Silence
from lstm_models.tasks.speech.transcription import align, stream, transcribe
from tests.helpers.tone_recognizer import ToneRecognizer, say

TEXT = "hello world|this is a test|" + "and so on it goes without an end " * 20 + "|_____ok_|__|||then"


def plain(text: str) -> str:
    return " ".join(text.replace("|", " ").replace("_", " ").split())


@pytest.fixture(scope="module")
def sound() -> np.ndarray:
    return say(TEXT)


@pytest.fixture(scope="module")
def whole(sound: np.ndarray) -> Transcript:
    return ToneRecognizer().transcribe(sound)


def pushed(live, samples: np.ndarray, sizes) -> tuple[list, object]:
    final, place = [], 0
    for size in sizes:
        final += live.push(samples[place : place + size]).final
        place += size
    final += live.push(samples[place:]).final
    return final, live.finish()


class TestWords:
    def test_what_is_said_is_found_where_it_is_said(self):
        found = ToneRecognizer().transcribe(say("hello world|ok"))
        assert found.text == "hello world ok"
        assert [(round(word.start, 2), round(word.end, 2)) for word in found.words] == [
            (0.0, 0.36), (0.48, 0.84), (1.88, 2.0),
        ]  # fmt: skip
        assert found.duration == pytest.approx((12 + 1) * 0.08 + 1 - 0.0, abs=0.081)
        assert found.source == ""

    def test_long_speech_without_a_pause_is_heard_in_parts(self, sound):
        recognizer = ToneRecognizer()
        assert recognizer.transcribe(sound).text == plain(TEXT)
        assert recognizer.longest <= 16_000 * (segmentation.LONGEST + segmentation.OVERLAP + 0.5)

    def test_both_directions(self, sound, whole):
        recognizer = ToneRecognizer(bidirectional=True)
        assert recognizer.transcribe(sound).words == whole.words
        with pytest.raises(InputError, match="bidirectional"):
            recognizer.stream()

    def test_times_grow_and_end_with_the_recording(self, sound):
        recognizer = ToneRecognizer()
        recognizer.config.time_shift = (-0.3, 5.0)
        found = recognizer.transcribe(sound)
        assert all(word.start <= word.end <= found.duration for word in found.words)
        assert all(a.end <= b.start for a, b in pairwise(found.words))
        assert found.words[0].start == 0

    def test_confidences_are_calibrated(self):
        recognizer = ToneRecognizer()
        raw = recognizer.transcribe(say("hello")).confidence
        recognizer.config.calibration = (2.0, -1.0)
        expected = 1 / (1 + np.exp(-(2 * np.log(raw / (1 - raw)) - 1)))
        assert recognizer.transcribe(say("hello")).confidence == pytest.approx(expected)

    @pytest.mark.parametrize("samples", [np.zeros(40_000), np.zeros(100), np.full(40_000, 0.25), say("|||")])
    def test_silence_is_an_empty_transcript(self, samples):
        found = ToneRecognizer().transcribe(samples)
        assert (found.text, found.words) == ("", ())
        assert found.duration == len(samples) / 16_000

    def test_where_there_is_no_sound_the_model_hears_nothing(self):
        recognizer = ToneRecognizer()
        recognizer.transcribe(np.zeros(160_000))
        assert recognizer.heard == 0

    def test_a_language_model_that_is_none(self):
        for lm, said in ((3, "int is no language model"), ("no-such-model", "there is no model")):
            with pytest.raises(InputError, match=said):
                ToneRecognizer().transcribe(say("a"), lm=lm)

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            ({"hotwords": [" "]}, "a hot word is empty"),
            ({"hotwords": ["日本"]}, "which the recogniser cannot write"),
            ({"beam": 0}, "beam must be at least 1"),
            ({"beam": 1.5}, "whole number"),
        ],
    )
    def test_options_that_are_wrong(self, options, said):
        for verb in (
            lambda: ToneRecognizer().transcribe(say("a"), **options),
            lambda: stream(ToneRecognizer(), **options),
        ):
            with pytest.raises(InputError, match=said) as error:
                verb()
            assert error.value.usage

    def test_hot_words_are_spelt_as_texts_are(self):
        assert ToneRecognizer().transcribe(say("o'neil"), hotwords=["O’Neil,", "twenty-one"]).text == "o'neil"


class TestStream:
    @settings(max_examples=6)
    @given(sizes=st.lists(st.integers(0, 60_000), max_size=40))
    def test_equals_one_pass(self, sound, whole, sizes):
        final, found = pushed(ToneRecognizer().stream(), sound, sizes)
        assert found == whole
        assert tuple(final) == whole.words[: len(final)]

    @pytest.mark.parametrize("lookahead", [0, 2, 3, 8])
    def test_equals_one_pass_of_a_network(self, sound, lookahead):
        torch.manual_seed(0)
        config = RecognizerConfig(hidden_size=16, layers=3, lookahead=lookahead, language_model="")
        recognizer = Recognizer(config).eval()
        with torch.no_grad():
            recognizer.head.weight *= 20
        part = sound[: 45 * 16_000]
        whole = transcribe(recognizer, part, beam=2)
        assert len(whole.words) > 5
        _, found = pushed(stream(recognizer, beam=2), part, [8000, 300] * 40)
        assert [(word.text, word.start, word.end) for word in found.words] == [
            (word.text, word.start, word.end) for word in whole.words
        ]
        assert [word.confidence for word in found.words] == pytest.approx(
            [word.confidence for word in whole.words], abs=1e-4
        )

    @pytest.mark.parametrize("rate", [8_000, 44_100, 48_000])
    def test_other_rates(self, rate):
        samples = say("hello world|ok", rate=rate)
        _, found = pushed(ToneRecognizer().stream(rate=rate), samples, [rate // 20] * 30)
        assert found == ToneRecognizer().transcribe(samples, rate=rate)
        assert found.duration == pytest.approx(len(samples) / rate)

    def test_words_come_while_one_speaks(self):
        live = ToneRecognizer().stream()
        samples = say("hello world|")
        # The first letter has been heard for 0.08 s, and the model looks 0.32 s ahead
        for place in range(0, 8_000, 800):
            update = live.push(samples[place : place + 800])
        assert update.partial[0].text.startswith("h")
        final = live.push(samples[8_000:]).final
        assert [word.text for word in final] == ["hello", "world"]  # a pause decides
        assert live.push(np.zeros(0)).partial == ()

    def test_it_is_new_again_after_its_end(self):
        live = ToneRecognizer().stream()
        first = pushed(live, say("one two"), [500])[1]
        assert pushed(live, say("one two"), [700])[1] == first

    def test_the_rate_may_change(self):
        live = ToneRecognizer().stream(rate=48_000)
        live.push(say("hello|", rate=48_000))
        live.push(say("world|"), rate=16_000)
        assert live.finish().text == "hello world"

    def test_bad_samples_leave_it_as_it_was(self):
        live = ToneRecognizer().stream()
        samples = say("hello world")
        live.push(samples[:7_000])
        for bad, said in (
            (np.full(9, np.nan), "no numbers"),
            (np.zeros((2, 2, 2)), "array"),
            (np.array(["text"]), "array of"),
        ):
            with pytest.raises(InputError, match=said):
                live.push(bad)
        with pytest.raises(InputError, match="samples a second"):
            live.push(samples[:10], rate=7)
        live.push(samples[7_000:])
        assert live.finish() == ToneRecognizer().transcribe(samples)


class TestSegments:
    def test_the_outputs_tile_the_recording(self, sound):
        segmenter = Segmenter(1280, 8, 2)
        heard = np.concatenate([np.zeros(20_000, np.float32), sound])
        place, at, kinds = 0, 0, []
        size = 0
        for event in [*segmenter.push(heard), *segmenter.finish()]:
            if isinstance(event, Silence):
                place += event.outputs
            elif isinstance(event, Begin):
                # What it hears before its first output is what was there
                at = place * 640 - event.skip * 640
                assert np.array_equal(event.before, heard[at : at + len(event.before)])
                size = len(event.before)
            elif isinstance(event, End):
                kinds.append(event.pause)
                place += (size + at) // 640 - place if event.outputs is None else event.outputs
            else:
                assert np.array_equal(event, heard[at + size : at + size + len(event)])
                size += len(event)
        assert abs(place - len(heard) / 640) <= 2
        assert kinds.count(False) >= 2
        assert kinds.count(True) >= 3

    def test_a_pause_is_not_within_a_word(self):
        """Segments end in the noise between the texts only."""
        samples = say("some words|more words|and more")
        events = list(Segmenter(1280, 8, 2).push(samples))
        assert [event.pause for event in events if isinstance(event, End)] == [True, True]

    def test_noise_that_grows_is_no_endless_speech(self):
        generator = np.random.default_rng(0)
        noise = generator.normal(size=16_000 * 60) * np.repeat([0.001, 0.05], 16_000 * 30)
        ends = [event for event in Segmenter(1280, 8, 2).push(noise.astype(np.float32)) if isinstance(event, End)]
        assert len(ends) >= 2


def test_three_hours_need_no_more_memory_than_minutes() -> None:
    class Quick(ToneRecognizer):
        """Hears a word a minute: what is measured is what is around the model."""

        def log_probs(self, recordings):
            self.heard += sum(map(len, recordings))
            made = []
            for samples in recordings:
                outputs = np.full((2 * -(-len(samples) // 1280), 29), -12.0, np.float32)
                outputs[:, 0] = 0.0
                made.append(outputs)
            return made

    def seconds(count: int):
        block = say("a b c d e f", letter=0.085).astype(np.float32)[:15_000]
        block = np.pad(block, (0, 16_000 - len(block)))
        for _ in range(count):
            yield block

    def peak(count: int) -> int:
        audio = Audio("long", 16_000, 1, None, seconds(count))
        recognizer = Quick()
        tracemalloc.start()
        found = transcribe(recognizer, audio)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert found.duration == count
        assert recognizer.heard >= 16_000 * count
        return most

    few = peak(20 * 60)
    assert peak(3 * 3600) < 1.1 * few + 2**20
    assert few < 2**26


class TestAlign:
    def test_words_as_they_are_written(self):
        found = align(ToneRecognizer(), say("hello world|it's ok"), "“Hello, World!” – It’s\nOK.")
        assert [word.text for word in found.words] == ["“Hello,", "World!” –", "It’s", "OK."]
        assert found.text == "“Hello, World!” – It’s OK."
        starts = [word.start for word in found.words]
        assert starts == pytest.approx([0, 0.48, 1.88, 2.28], abs=0.041)

    def test_numbers_are_aligned_as_they_are_spoken(self):
        found = align(ToneRecognizer(), say("in nineteen ninety nine"), "in 1999")
        assert [word.text for word in found.words] == ["in", "1999"]
        assert not found.notes

    def test_a_text_that_is_not_said_is_told(self):
        found = align(ToneRecognizer(), say("hello world"), "quite other")
        assert any("does not seem to be what is said in the recording" in note for note in found.notes)

    def test_of_long_speech(self, sound, whole):
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
    def test_texts_that_cannot_be(self, text, said):
        with pytest.raises(InputError, match=said):
            align(ToneRecognizer(), say("hello"), text)

    def test_more_than_half_an_hour(self):
        with pytest.raises(InputError, match="longer than 30 minutes"):
            align(ToneRecognizer(), np.zeros(8_000 * 1801, np.int8), "a", rate=8_000)
