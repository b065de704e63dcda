"""Transcripts as time-marked words, and numbers as they are spoken."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from lstm_models.results import Word
from lstm_models.tasks.speech.results import Transcript
from lstm_models.text.spelling import numbers_spoken

TALK = Transcript("hello you", (Word("hello", 0.9, 0.5, 1.0), Word("you", None, 1.25, 1.5)), 2.0, "my talk.wav")


def test_ctm_as_sclite_reads_it() -> None:
    assert TALK.ctm() == "my_talk 1 0.500 0.500 hello 0.900\nmy_talk 1 1.250 0.250 you\n"


def test_tsv() -> None:
    assert TALK.tsv() == "start\tend\ttext\tconfidence\n500\t1000\thello\t0.900\n1250\t1500\tyou\t\n"


def test_a_file_by_its_suffix(tmp_path: Path) -> None:
    for suffix in ("ctm", "tsv"):
        assert TALK.save(tmp_path / f"talk.{suffix}").read_text() == TALK.render(suffix)


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("1984,", "nineteen eighty four,"), ("$5", "five dollars"), ("3rd", "third"), ("50%", "fifty percent"),
        ("1,250", "one thousand two hundred and fifty"), ("word", "word"), ("a4", "a four"),
    ],
)  # fmt: skip
def test_numbers_as_they_are_spoken(written: str, spoken: str) -> None:
    assert numbers_spoken(written) == spoken


def test_translated_words_are_spoken_while_their_part_of_the_sentence_was():
    class Scripted:
        def translate(self, texts):
            assert texts == ["One two. Three."]
            made = []
            for source, target in (("One two.", "Eins, zwei drei."), ("Three.", "Vier.")):
                words = [
                    SimpleNamespace(start=start, confidence=sure) for start, sure in ((0, 0.9), (4, 0.5), (6, None))
                ]
                made.append(SimpleNamespace(source=source, text=target, words=words))
            return [SimpleNamespace(text="", sentences=made, notes=("unsure",))]

    words = (Word("One", 0.9, 1.0, 1.5), Word("two.", 0.8, 3.0, 4.0), Word("Three.", 0.7, 6.0, 7.0))
    made = Transcript("One two. Three.", words, 8.0).translated(Scripted())
    assert made.text == "Eins, zwei drei. Vier."
    assert made.notes == ("unsure",)
    # 16 letters and blanks over 8: three are spoken in 1.0 to 1.5 s, the blank in 1.5 to 3.0, four in 3.0 to 4.0
    expected = [(1.0, 1 + 0.5 * 2.5 / 3), (1.5, 3 + 0.5 / 2), (3 + 0.75 / 2, 4.0), (6.0, 7.0)]
    for word, (start, end) in zip(made.words, expected, strict=True):
        assert (word.start, word.end) == pytest.approx((start, end))
    assert [word.confidence for word in made.words] == [0.5, None, None, 0.5]
    assert Transcript("", (), 1.0).translated(Scripted()) == Transcript("", (), 1.0)
