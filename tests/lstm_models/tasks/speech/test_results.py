"""Transcripts as time-marked words, and numbers as they are spoken."""

from __future__ import annotations

from pathlib import Path

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
