"""``lstm-models transcribe``: punctuated by default, bare words with ``--raw``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile

import lstm_models
from lstm_apps.cli import entry_point as cli
from lstm_apps.tasks.speech import commands
from lstm_models.results import Word
from tests.helpers import tone_recognizer


class Shouter:
    def punctuate_words(self, words: Sequence[Word], *, complete: bool = True) -> list[str]:
        return [word.text.upper() + "!" for word in words]


@pytest.fixture
def talk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    soundfile.write(tmp_path / "talk.wav", tone_recognizer.say("|ab|"), 16_000)
    monkeypatch.setattr(commands, "load", lambda model: tone_recognizer.ToneRecognizer())
    monkeypatch.setattr(lstm_models, "load", lambda name: {"punctuator": Shouter()}[name])
    return tmp_path / "talk.wav"


def test_marks_and_capitals_unless_raw(talk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["transcribe", str(talk), "--lm", "off"]
    assert cli.main([*arguments, "--raw"]) == 0
    assert capsys.readouterr().out == "ab\n"
    assert cli.main(arguments) == 0
    assert capsys.readouterr().out == "AB!\n"


def test_times_and_confidences_are_those_of_the_bare_words(talk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = []
    for raw in ([], ["--raw"]):
        assert cli.main(["transcribe", str(talk), "--lm", "off", "--format", "json", *raw]) == 0
        found.append(json.loads(capsys.readouterr().out))
    marked, bare = (one["words"] for one in found)
    assert [word["text"] for word in marked] == ["AB!"]
    assert [{**word, "text": ""} for word in marked] == [{**word, "text": ""} for word in bare]


def test_the_help_names_the_licence_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["transcribe", "--help"]) == 0
    assert " ".join(capsys.readouterr().out.split()).count("non-commercial use") == 1


@pytest.mark.parametrize(("raw", "text"), [([], "AB! CD!"), (["--raw"], "ab cd")])
def test_the_microphone_is_punctuated_too(
    talk: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, raw: list[str], text: str
) -> None:
    """A microphone that gives a recording, and then Ctrl-C."""
    samples = tone_recognizer.say("|ab|cd||")[:, None]

    class InputStream:
        def __init__(self, *, callback: Any, **options: Any) -> None:
            for block in np.array_split(samples, 50):
                callback(block, len(block), None, None)
            self.callback = callback

        def __enter__(self) -> None:
            self.callback(Interrupting(), 0, None, None)

        def __exit__(self, *error: object) -> None: ...

    class Interrupting:
        def copy(self) -> Interrupting:
            return self

        def __array__(self, *_: Any, **__: Any) -> np.ndarray:
            raise KeyboardInterrupt

    device = SimpleNamespace(
        InputStream=InputStream, query_devices=lambda kind: {"default_samplerate": 16_000.0}, PortAudioError=OSError
    )
    monkeypatch.setattr(commands, "input_device", lambda: device)
    assert cli.main(["transcribe", "--microphone", *raw]) == 0
    assert " ".join(capsys.readouterr().out.split()) == text


def test_a_file_name_is_a_file_and_its_ending_the_format(talk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A name without an ending is a folder's."""
    subtitles = talk.with_name("mine.srt")
    assert cli.main(["transcribe", str(talk), "--lm", "off", "-o", str(subtitles)]) == 0
    assert subtitles.read_text("utf-8").startswith("1\n00:00:0")
    assert cli.main(["transcribe", str(talk), "--lm", "off", "-o", str(talk.with_name("texts"))]) == 0
    assert talk.with_name("texts").joinpath("talk.txt").is_file()
    assert cli.main(["transcribe", str(talk), "-o", str(subtitles), "--format", "vtt"]) == 2
    assert "is named as another format" in capsys.readouterr().err


def test_subtitles_in_another_language(
    talk: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Twice:
        def translate(self, texts: list[str]) -> list[SimpleNamespace]:
            (text,) = texts
            words = [SimpleNamespace(text=text, start=start, confidence=0.5) for start in (0, len(text) + 1)]
            sentence = SimpleNamespace(source=text, text=f"{text} {text}", words=words)
            return [SimpleNamespace(text=sentence.text, sentences=[sentence], notes=["twice"])]

    monkeypatch.setattr(commands, "bundled_translator", lambda language, option: Twice())
    arguments = ["transcribe", str(talk), "--lm", "off", "--format"]
    assert cli.main([*arguments, "srt"]) == 0
    plain = capsys.readouterr().out
    assert cli.main([*arguments, "srt", "--translate", "de"]) == 0
    made = capsys.readouterr()
    assert made.out == plain.replace("AB!", "AB! AB!")
    assert "twice" in made.err
    for wrong in ([str(talk), "--raw"], ["--microphone"]):
        assert cli.main(["transcribe", "--translate", "de", *wrong]) == 2
        assert "--translate needs sentences" in capsys.readouterr().err


def test_a_language_without_a_translator_is_one_sentence(talk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["transcribe", str(talk), "--translate", "xx"]) == 2
    assert "--translate is xx; one of de" in capsys.readouterr().err
    assert cli.main(["translate", "A dog.", "--to", ""]) == 2
    assert "--to is empty; one of de" in capsys.readouterr().err
