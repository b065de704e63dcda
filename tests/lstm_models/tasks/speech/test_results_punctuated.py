"""Transcripts with marks and capitals, and subtitles that break at marks."""

from __future__ import annotations

from collections.abc import Sequence

from lstm_models.results import Word
from lstm_models.tasks.speech.results import Transcript
from lstm_models.tasks.speech.subtitles import cues


class Shouter:
    """Every word in capitals, every third with a full stop."""

    def punctuate_words(self, words: Sequence[Word], *, complete: bool = True) -> list[str]:
        return [word.text.upper() + "." * (number % 3 == 2) for number, word in enumerate(words)]


def spoken(text: str) -> tuple[Word, ...]:
    """A word each half a second, a pause of 100 ms after each."""
    return tuple(Word(word, 0.5, 0.5 * number, 0.5 * number + 0.4) for number, word in enumerate(text.split()))


def test_marks_and_capitals_leave_times_and_confidences() -> None:
    transcript = Transcript("a b c d", spoken("a b c d"), 2.0, "talk.wav", ("a note",))
    made = transcript.punctuated(Shouter())
    assert made.text == "A B C. D"
    assert [(word.start, word.end, word.confidence) for word in made.words] == [
        (word.start, word.end, word.confidence) for word in transcript.words
    ]
    assert (made.duration, made.source, made.notes) == (2.0, "talk.wav", ("a note",))


def test_nothing_heard_stays_nothing() -> None:
    transcript = Transcript("", (), 1.0)
    assert transcript.punctuated(Shouter()) is transcript


def test_subtitles_break_at_marks() -> None:
    """All pauses alike: without marks in the middle (after eight words), with one after the sixth there."""
    words = "alpha bravo charlie delta echo foxtrot golf hotel india juliet kilo lima mike november oscar papa"
    plain = cues(spoken(words), 8.0)
    marked = cues(spoken(words.replace("foxtrot", "foxtrot.")), 8.0)
    firsts = [" ".join(word.text for line in made[0].lines for word in line) for made in (plain, marked)]
    assert firsts[0].endswith("hotel")
    assert firsts[1].endswith("foxtrot.")
