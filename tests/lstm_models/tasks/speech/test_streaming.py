"""Streams give what one pass gives, however they are cut, at any rate."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_models.errors import InputError
from lstm_models.nn.acoustic_encoder import AcousticEncoderConfig
from lstm_models.results import Word
from lstm_models.tasks.speech.config import RecognizerConfig
from lstm_models.tasks.speech.model import Recognizer
from lstm_models.tasks.speech.results import Transcript
from lstm_models.tasks.speech.streaming import Stream
from tests.helpers.tone_recognizer import TEXT, ToneRecognizer, ToneStream, plain, say


@pytest.fixture(scope="module")
def sound() -> np.ndarray:
    return say(TEXT)


@pytest.fixture(scope="module")
def whole(sound: np.ndarray) -> Transcript:
    return ToneRecognizer().transcribe(sound)


def pushed(live: Stream, samples: np.ndarray, sizes: Sequence[int]) -> tuple[list[Word], Transcript]:
    """The words that became final while all was pushed, and the transcript."""
    final: list[Word] = []
    place = 0
    for size in sizes:
        final += live.push(samples[place : place + size]).final
        place += size
    final += live.push(samples[place:]).final
    return final, live.finish()


@settings(max_examples=6)
@given(sizes=st.lists(st.integers(0, 60_000), max_size=40))
def test_equals_one_pass(sound: np.ndarray, whole: Transcript, sizes: list[int]) -> None:
    final, found = pushed(ToneRecognizer().stream(), sound, sizes)
    assert found == whole
    assert tuple(final) == whole.words[: len(final)]


@pytest.mark.parametrize("lookahead", [0, 2, 3, 8])
def test_equals_one_pass_of_a_network(sound: np.ndarray, lookahead: int) -> None:
    torch.manual_seed(0)
    config = RecognizerConfig(hidden_size=16, layers=3, lookahead=lookahead, language_model="")
    recognizer = Recognizer(config).eval()
    with torch.no_grad():
        recognizer.head.weight *= 20
    part = sound[: 45 * 16_000]
    whole = recognizer.transcribe(part, beam=2)
    assert len(whole.words) > 5
    _, found = pushed(recognizer.stream(beam=2), part, [8000, 300] * 40)
    assert [(word.text, word.start, word.end) for word in found.words] == [
        (word.text, word.start, word.end) for word in whole.words
    ]
    assert [word.confidence for word in found.words] == pytest.approx(
        [word.confidence for word in whole.words], abs=1e-4
    )


@pytest.mark.parametrize("rate", [8_000, 44_100, 48_000])
def test_other_rates(rate: int) -> None:
    samples = say("hello world|ok", rate=rate)
    _, found = pushed(ToneRecognizer().stream(rate=rate), samples, [rate // 20] * 30)
    assert found == ToneRecognizer().transcribe(samples, rate=rate)
    assert found.duration == pytest.approx(len(samples) / rate)


def test_words_come_while_one_speaks() -> None:
    live = ToneRecognizer().stream()
    samples = say("hello world|")
    # The first letter has been heard for 0.08 s, and the model looks 0.32 s ahead
    for place in range(0, 8_000, 800):
        update = live.push(samples[place : place + 800])
    assert update.partial[0].text.startswith("h")
    final = live.push(samples[8_000:]).final
    assert [word.text for word in final] == ["hello", "world"]  # a pause decides
    assert live.push(np.zeros(0)).partial == ()


def test_it_is_new_again_after_its_end() -> None:
    live = ToneRecognizer().stream()
    first = pushed(live, say("one two"), [500])[1]
    assert pushed(live, say("one two"), [700])[1] == first


def test_the_rate_may_change() -> None:
    live = ToneRecognizer().stream(rate=48_000)
    live.push(say("hello|", rate=48_000))
    live.push(say("world|"), rate=16_000)
    assert live.finish().text == "hello world"


def test_bad_samples_leave_it_as_it_was() -> None:
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


class Mishearing(ToneRecognizer):
    """Hears everything a letter too high in a stream, as an encoder hears less through a window."""

    def acoustics(self) -> ToneStream:
        stream = super().acoustics()
        stream.exact = False
        push, finish = stream.push, stream.finish
        stream.push = lambda samples: shifted(push(samples))  # type: ignore[method-assign]
        stream.finish = lambda: shifted(finish())  # type: ignore[method-assign]
        return stream


def shifted(outputs: np.ndarray) -> np.ndarray:
    """The letters' columns moved by one; the blank, the space and the apostrophe stay."""
    return np.concatenate([outputs[:, :3], np.roll(outputs[:, 3:], 1, 1)], 1)


@pytest.mark.parametrize("partial", [True, False])
def test_final_words_are_those_of_one_pass_whatever_a_window_shows(
    sound: np.ndarray, whole: Transcript, partial: bool
) -> None:
    for sizes in ([70_000] * 5, [16_001, 3]):
        final, found = pushed(Mishearing().stream(partial=partial), sound, sizes)
        assert found == whole
        assert tuple(final) == whole.words[: len(final)]


def test_what_a_window_shows_is_partial_until_a_pause() -> None:
    live, samples = Mishearing().stream(), say("hal ibm|")
    update = live.push(samples[:10_000])
    assert not update.final
    assert "ibm jcn".startswith(" ".join(word.text for word in update.partial))
    update = live.push(samples[10_000:])
    assert [word.text for word in update.final] == ["hal", "ibm"]
    assert update.partial == ()


def test_what_a_window_shows_after_a_cut_follows_the_decoded_words(sound: np.ndarray) -> None:
    """In speech without pauses the second pass ends at a cut; what the first one had there is not shown twice."""
    live = Mishearing().stream()
    place, text = 0, plain(TEXT).split()
    known = 0
    for place in range(0, 16_000 * 30, 16_000):
        update = live.push(sound[place : place + 16_000])
        known += len(update.final)
        assert [word.text for word in update.final] == text[known - len(update.final) : known]
        starts = [word.start for word in update.partial if word.start is not None]
        assert starts == sorted(starts)
        heard = (place + 16_000) / 16_000 / 0.08  # characters; a second of noise for "|" only makes it fewer
        assert len(" ".join(text[:known])) + len(" ".join(word.text for word in update.partial)) <= heard + 8


def test_without_partial_words_both_directions_stream(sound: np.ndarray, whole: Transcript) -> None:
    live = ToneRecognizer(bidirectional=True).stream(partial=False)
    assert pushed(live, sound, [50_000] * 9)[1].words == whole.words


def test_a_network_with_an_encoder_gives_the_same_in_a_stream() -> None:
    torch.manual_seed(0)
    encoder = AcousticEncoderConfig(size=16, heads=2, blocks=2, inner=32, rotary=4, tuned=1)
    sizes = {"hidden_size": 16, "layers": 2, "lookahead": 0, "windows": (40, 6, 10)}
    recognizer = Recognizer(RecognizerConfig(**sizes, encoder=encoder, language_model="", beam=2)).eval()  # type: ignore[arg-type]
    with torch.no_grad():
        recognizer.head.weight *= 20
    part = say("hello world|this is a test|and so on")
    wanted = recognizer.transcribe(part)
    assert len(wanted.words) > 2
    found = pushed(recognizer.stream(), part, [8_000, 300] * 6)[1]
    assert [(word.text, word.start) for word in found.words] == [(word.text, word.start) for word in wanted.words]
