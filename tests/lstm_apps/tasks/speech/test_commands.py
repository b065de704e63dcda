"""``lstm-models transcribe --punctuate``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import soundfile

import lstm_models
from lstm_apps.cli import entry_point as cli
from lstm_apps.tasks.speech import commands
from lstm_models.results import Word
from tests.helpers import tone_recognizer


class Shouter:
    def punctuate_words(self, words: Sequence[Word], /) -> list[str]:
        return [word.text.upper() + "!" for word in words]


@pytest.fixture
def talk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    soundfile.write(tmp_path / "talk.wav", tone_recognizer.say("|ab|"), 16_000)
    monkeypatch.setattr(commands, "load", lambda model: tone_recognizer.ToneRecognizer())
    monkeypatch.setattr(lstm_models, "load", lambda name: {"punctuator": Shouter()}[name])
    return tmp_path / "talk.wav"


def test_marks_and_capitals_where_they_are_wanted(talk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["transcribe", str(talk), "--lm", "off"]
    assert cli.main(arguments) == 0
    plain = capsys.readouterr().out
    assert cli.main([*arguments, "--punctuate"]) == 0
    assert capsys.readouterr().out.split() == [f"{word.upper()}!" for word in plain.split()]


def test_not_for_the_microphone(talk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["transcribe", "--microphone", "--punctuate"]) == 2
    assert "--punctuate needs whole recordings" in capsys.readouterr().err


def test_a_file_name_is_a_file_and_its_ending_the_format(talk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A name without an ending is a folder's."""
    subtitles = talk.with_name("mine.srt")
    assert cli.main(["transcribe", str(talk), "--lm", "off", "-o", str(subtitles)]) == 0
    assert subtitles.read_text("utf-8").startswith("1\n00:00:0")
    assert cli.main(["transcribe", str(talk), "--lm", "off", "-o", str(talk.with_name("texts"))]) == 0
    assert talk.with_name("texts").joinpath("talk.txt").is_file()
    assert cli.main(["transcribe", str(talk), "-o", str(subtitles), "--format", "vtt"]) == 2
    assert "is named as another format" in capsys.readouterr().err
