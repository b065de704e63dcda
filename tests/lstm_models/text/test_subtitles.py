"""Tests of the times of subtitles."""

from __future__ import annotations

import pytest

from lstm_models.errors import InputError
from lstm_models.text.subtitles import TimedText, read_subtitles


def test_both_forms():
    srt = "1\n00:00:01,500 --> 00:00:02,000\nGood\n<i>morning.</i>\n\n2\n01:00:00,000 --> 01:00:01,000\n\n"
    assert read_subtitles(srt) == [TimedText("Good morning.", 1.5, 2.0)]
    assert read_subtitles("WEBVTT\n\n00:01.000 --> 00:02.250 align:start\nYes\n") == [TimedText("Yes", 1.0, 2.25)]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("no times", "no line has times"),
        ("00:00:03,000 --> 00:00:01,000\nYes\n", "line 1 .* ends before it starts"),
        ("00:00:01,000 --> 00:00:02,000\n\n", "no words"),
    ],
)
def test_what_is_none(content, sentence):
    with pytest.raises(InputError, match=sentence):
        read_subtitles(content)
