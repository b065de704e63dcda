"""Words of a stream with marks: a sentence is final once it has ended and eight words follow."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lstm_models.results import Word
from lstm_models.tasks.speech.live_punctuation import LivePunctuation
from tests.helpers.tone_recognizer import ToneRecognizer, say


class FullStops:
    """A full stop after each "stop", a capital after it and at the beginning; notes how many words it was given."""

    def __init__(self) -> None:
        self.most = 0

    def punctuate_words(self, words: Sequence[Word], *, complete: bool = True) -> list[str]:
        self.most = max(self.most, len(words))
        texts = [word.text + "." * (word.text == "stop") for word in words]
        begins = [True, *(text.endswith(".") for text in texts[:-1])]
        texts = [text.capitalize() if first else text for text, first in zip(texts, begins, strict=True)]
        if complete and texts and not texts[-1].endswith("."):
            texts[-1] += "."
        return texts


def words(text: str, start: float = 0.0) -> list[Word]:
    return [Word(word, 0.5, start + number, start + number + 0.5) for number, word in enumerate(text.split())]


def texts(found: Sequence[Word]) -> str:
    return " ".join(word.text for word in found)


def test_a_sentence_is_final_when_eight_words_follow_it() -> None:
    live = LivePunctuation(FullStops())
    final, partial = live.update(words("one two stop"), words("three four", 3))
    assert (texts(final), texts(partial)) == ("", "One two stop. Three four")
    final, partial = live.update(words("three four five six", 3), words("seven eight nine ten", 7))
    assert (texts(final), texts(partial)) == ("One two stop.", "Three four five six seven eight nine ten")
    assert [(word.start, word.confidence) for word in final] == [(0.0, 0.5), (1.0, 0.5), (2.0, 0.5)]
    assert texts(live.finish(words("seven eight", 7))) == "Three four five six seven eight."


def test_a_sentence_without_end_is_final_in_parts() -> None:
    """What was final goes on in small letters, and the punctuator is never given all of a long recording."""
    punctuator = FullStops()
    live, final = LivePunctuation(punctuator), list[Word]()
    for number in range(300):
        final += live.update(words("on", number), ())[0]
    final += live.finish(())
    assert texts(final) == "On " + "on " * 298 + "on."
    assert [word.start for word in final] == list(range(300))
    assert punctuator.most <= 140


def test_a_stream_gives_punctuated_words() -> None:
    samples = say("go stop|now one two three four five six seven eight|")
    live = ToneRecognizer().stream(punctuate=FullStops())
    final = [word for block in np.array_split(samples, 20) for word in live.push(block).final]
    assert texts(final) == "Go stop."
    transcript = live.finish()
    assert transcript.text == "Go stop. Now one two three four five six seven eight."
    bare = ToneRecognizer().transcribe(samples)
    assert [(word.start, word.confidence) for word in transcript.words] == [
        (word.start, word.confidence) for word in bare.words
    ]


def test_nothing_spoken_stays_nothing() -> None:
    live = ToneRecognizer().stream(punctuate=FullStops())
    assert live.push(np.zeros(50_000)).partial == ()
    assert live.finish().text == ""
