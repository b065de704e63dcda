"""The figures of a recogniser whose outputs are written into the sound, so that every error is known beforehand."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from lstm_apps import cli
from lstm_apps.tasks.speech.evaluate import evaluate
from lstm_apps.tasks.speech.latency import stream_words
from lstm_models.checkpoints import hub
from lstm_models.errors import InputError
from lstm_models.ngram.model import NGram
from lstm_models.tasks.speech.config import ALPHABET, RecognizerConfig
from lstm_models.tasks.speech.features import SpeechFeatures
from lstm_models.tasks.speech.model import Recognizer

BLOCK = 640  # samples of an output
AHEAD = 3  # outputs the stream waits for


def spelt(text: str, sure: bool = True) -> np.ndarray:
    """Sound whose loudness in each 40 ms is a label: letters of two outputs, a blank after each; silence around it."""
    labels = [0] * 6
    for letter in text:
        number = ALPHABET.index(letter) + 1
        labels += [number, number, 0]
    labels += [0] * 6
    levels = 0.05 + 0.025 * np.array(labels) + (0 if sure else 0.008)
    signs = np.resize([1.0, -1.0], BLOCK)
    return (levels[:, None] * signs).reshape(-1).astype(np.float32)


def outputs(samples: np.ndarray) -> np.ndarray:
    """Log probabilities of the labels in the sound: 98 %, or 60 % where it is a little louder."""
    levels = np.abs(samples[: len(samples) // BLOCK * BLOCK]).reshape(-1, BLOCK).mean(1)
    exact = np.clip((levels - 0.05) / 0.025, 0, 28)
    labels = np.round(exact).astype(int)
    sure = np.where(np.abs(exact - labels) > 0.2, 0.6, 0.98)
    found = np.repeat((1 - sure)[:, None] / 28, 29, axis=1)
    found[np.arange(len(labels)), labels] = sure
    return np.log(found).astype(np.float32)


class Stream:
    exact = True

    def __init__(self) -> None:
        self.samples, self.given = np.zeros(0, np.float32), 0

    def push(self, samples: np.ndarray) -> np.ndarray:
        self.samples = np.concatenate([self.samples, samples])
        return self._until(max(0, len(self.samples) // BLOCK - AHEAD))

    def finish(self) -> np.ndarray:
        rest = self._until(len(self.samples) // BLOCK)
        self.__init__()  # type: ignore[misc]
        return rest

    def _until(self, end: int) -> np.ndarray:
        start, self.given = self.given, max(self.given, end)
        return outputs(self.samples)[start : self.given]


@pytest.fixture
def recognizer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    config = RecognizerConfig(
        hidden_size=8, layers=1, lookahead=1, features=SpeechFeatures(std=(2.0,)), language_model=""
    )
    monkeypatch.setattr(Recognizer, "log_probs", lambda self, sounds: [outputs(sound) for sound in sounds])
    monkeypatch.setattr(Recognizer, "acoustics", lambda self: Stream())
    monkeypatch.setattr(Recognizer, "seconds_per_output", BLOCK / 16_000)
    return str(hub.save(Recognizer(config), tmp_path / "model", card="# A recogniser\n\nReads what is written.\n"))


# (speaker, age, said, heard)
LINES = [
    ("anna", 30, "the cat sat", "the cat sat"),
    ("anna", 30, "on a mat", "on the mat"),
    ("ben", 9, "two dogs", "two dogs ran"),
    ("cleo", 40, "it's late", "it's"),
    ("dora", 8, "good night", "good night"),
    ("emil", 12, "hello", "hello"),
]


def shard(path: Path, lines: list[Any] = LINES, ages: bool = True) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as tar:
        for number, (speaker, age, said, heard) in enumerate(lines):
            sound = io.BytesIO()
            soundfile.write(sound, spelt(heard, sure=said == heard), 16_000, format="FLAC")
            row = {"text": said.upper(), "speaker": speaker} | ({"age": age} if ages else {})
            for kind, data in (("flac", sound.getvalue()), ("json", json.dumps(row).encode())):
                member = tarfile.TarInfo(f"{path.stem}_{number}.{kind}")
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
    return path


def test_error_rates_by_set_and_age(recognizer: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = shard(tmp_path / "data" / "dev-young-000.tar").parent
    shard(data / "dev-old-000.tar", LINES[:3], ages=False)
    shard(data / "train-other-000.tar", LINES[:1])
    figures = evaluate([str(data)], recognizer, timed=0, json=str(tmp_path / "out.json"))
    rows = {row["set"]: row for row in figures["error_rates"]}
    assert list(rows) == ["dev-old", "dev-young", "dev-young adults", "dev-young children", "all"]
    # 13 words; wrong: a → the, + ran, − late
    young = rows["dev-young"]
    assert (young["utterances"], young["words"]) == (6, 13)
    assert (young["substitutions"], young["insertions"], young["deletions"]) == (1, 1, 1)
    assert young["wer"] == {"greedy": pytest.approx(100 * 3 / 13, abs=0.01), "beam": pytest.approx(23.08)}
    assert rows["dev-young adults"]["wer"]["greedy"] == pytest.approx(100 * 2 / 8)
    assert rows["dev-young children"]["wer"]["beam"] == pytest.approx(100 * 1 / 5)
    assert rows["all"]["words"] == 13 + 8
    # Letters: a → the 3, “ ran” 4, “ late” 5
    letters = sum(len(said) for _, _, said, _ in LINES)
    assert young["cer"]["greedy"] == pytest.approx(100 * 12 / letters, abs=0.01)
    saved = json.loads((tmp_path / "out.json").read_text())
    assert saved["error_rates"] == json.loads(json.dumps(figures["error_rates"]))
    assert len(saved["utterances"]) == 9
    assert saved["utterances"][1]["beam"] == "on the mat"
    told = capsys.readouterr().out
    assert "dev-young children" in told
    assert told.index("found  on the mat") > told.index("the 9 worst utterances")
    worst = [line for line in told.splitlines() if " %  dev-" in line]
    assert worst[0].split()[0] == "50"
    assert [line.split()[0] for line in worst] == sorted((line.split()[0] for line in worst), key=int, reverse=True)


def arpa(path: Path) -> NGram:
    """A language model that knows “a” and not “e”: what is between them is “a”."""
    rows = "\n".join(f"{value}\t{word}" for word, value in [
        ("<unk>", -5.0), ("<s>", -99), ("</s>", -1.0), ("cat", -0.5), ("bat", -4.0),
    ])  # fmt: skip
    path.write_text(f"\\data\\\nngram 1=5\n\n\\1-grams:\n{rows}\n\n\\end\\\n")
    return NGram.from_arpa(path)


def test_the_language_model_decides_between_like_sounds(
    recognizer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsure(self: Recognizer, sounds: list[np.ndarray]) -> list[np.ndarray]:
        """b is heard a little better than c."""
        found = [np.exp(outputs(sound)) for sound in sounds]
        c, b = ALPHABET.index("c") + 1, ALPHABET.index("b") + 1
        for each in found:
            each[:, b] = np.where(each.argmax(1) == c, each[:, c] * 1.1, each[:, b])
        return [np.log(each / each.sum(1, keepdims=True)) for each in found]

    monkeypatch.setattr(Recognizer, "log_probs", unsure)
    model, load = arpa(tmp_path / "lm.arpa"), hub.load
    monkeypatch.setattr(hub, "load", lambda name: model if name == "mine" else load(name))
    data = str(shard(tmp_path / "x-000.tar", [("a", 20, "cat", "cat"), ("b", 20, "cat cat", "cat cat")]))
    row = evaluate([data], recognizer, lm="mine", timed=0)["error_rates"][0]
    assert row["wer"] == {"greedy": 100.0, "beam": 100.0, "beam + LM": 0.0}
    row = evaluate([data], recognizer, lm="on", timed=0)["error_rates"][0]  # the recogniser names none
    assert list(row["wer"]) == ["greedy", "beam"]


def test_calibration_is_saved(recognizer: str, tmp_path: Path) -> None:
    lines = [(f"s{number}", 20, said, heard) for number in range(12) for _, _, said, heard in LINES[:3]]
    data = str(shard(tmp_path / "x-000.tar", lines))
    out = tmp_path / "calibrated"
    figures = evaluate([data], recognizer, timed=0, calibrate=str(out), plot=str(tmp_path / "plot.svg"))
    report = figures["calibration"]
    assert report["error_after"] < report["error_before"]
    assert report["right"] == pytest.approx(7 / 9)  # of nine words heard, “the” and “ran” are wrong
    a, b = hub.load(out).config.calibration
    assert (a, b) == (pytest.approx(1 / report["fitted_on_all"]["temperature"], abs=1e-4),
                      pytest.approx(report["fitted_on_all"]["bias"], abs=1e-4))  # fmt: skip
    assert hub.describe(out) == "Reads what is written."
    assert "<svg" in (tmp_path / "plot.svg").read_text()
    again = evaluate([data], str(out), timed=0)
    assert again["calibration"]["error_before_on_all"] == pytest.approx(report["error_after_on_all"], abs=1e-3)


def test_log_probabilities_are_written(recognizer: str, tmp_path: Path) -> None:
    data = shard(tmp_path / "data" / "dev-a-000.tar", LINES[:3])
    shard(data.with_name("dev-b-000.tar"), LINES[3:4])
    evaluate([str(data.parent)], recognizer, timed=0, dump=str(tmp_path / "deep" / "dump"))
    assert sorted(path.name for path in (tmp_path / "deep" / "dump").iterdir()) == ["dev-a.npz", "dev-b.npz"]
    with np.load(tmp_path / "deep" / "dump" / "dev-a.npz") as file:
        assert json.loads(str(file["texts"])) == ["the cat sat", "on a mat", "two dogs"]
        assert np.allclose(file["logp_1"], outputs(spelt("on the mat", sure=False)))


def test_what_is_chosen(recognizer: str, tmp_path: Path) -> None:
    data = shard(tmp_path / "dev-a-000.tar", LINES * 3)
    shard(tmp_path / "test-b-000.tar", LINES)
    both = [str(data), str(tmp_path / "test-*.tar")]
    chosen = evaluate(both, recognizer, timed=0, limit=4, worst=0)["error_rates"]
    assert [(row["set"], row["utterances"]) for row in chosen if " " not in row["set"]] == [("dev-a", 4)]
    assert evaluate(both, recognizer, timed=0, split="all", worst=0)["recordings"] == 24
    assert evaluate(both, recognizer, timed=0, split="test", worst=0)["recordings"] == 6
    with pytest.raises(InputError, match="have no split “train”; they have dev, test, and “all”"):
        evaluate(both, recognizer, split="train")


def test_damaged_sound_is_told(recognizer: str, tmp_path: Path) -> None:
    path = shard(tmp_path / "x-000.tar", LINES * 3)
    whole = path.read_bytes()
    at = whole.index(b"fLaC", 30_000) + 9000  # in the frames of a later recording
    path.write_bytes(whole[:at] + bytes(3000) + whole[at + 3000 :])
    figures = evaluate([str(path)], recognizer, timed=0, worst=0)
    assert figures["recordings"] == 17
    assert any("is damaged" in note for note in figures["notes"])


BAD: list[tuple[dict[str, Any], str]] = [
    ({"beam": 0}, "must be 1 or more"),
    ({"limit": 0}, "must be 1 or more"),
    ({"timed": -1}, "must be 1 or more"),
    ({"model": "writer"}, "writer is not a recogniser"),
    ({"model": "none"}, "none"),
    ({"lm": "writer"}, "writer is not a language model"),
    ({"aligner": "writer"}, "writer is not a recogniser"),
    ({"data": ["none.tar"]}, r"no speech data at none\.tar"),
    ({"json": "none/out.json"}, "does not exist"),
    ({"plot": "out.gif"}, "no name of a plot"),
    ({"dump": __file__}, "cannot be written"),
]


@pytest.mark.parametrize(("options", "sentence"), BAD)
def test_wrong_calls(recognizer: str, tmp_path: Path, options: dict[str, Any], sentence: str) -> None:
    given: dict[str, Any] = {"data": [str(shard(tmp_path / "x-000.tar"))], "model": recognizer, "timed": 0} | options
    with pytest.raises(InputError, match=sentence) as error:
        evaluate(**given)
    assert "\n" not in str(error.value)


def test_from_the_command_line(recognizer: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, two = shard(tmp_path / "x-000.tar", LINES[:2]), shard(tmp_path / "y-000.tar", LINES[2:4])
    arguments = ["evaluate", "speech", "--data", str(one), "--data", str(two), "--model", recognizer, "--timed", "0"]
    assert cli.main([*arguments, "--lm", "off", "--worst", "1"]) == 0
    told = capsys.readouterr().out
    assert "LM off" in told
    assert told.count("found  ") == 1
    assert cli.main([*arguments, "--beam", "0"]) == 2
    assert "must be 1 or more" in capsys.readouterr().err


# --- timing ----------------------------------------------------------------------------------------------------------


def test_delay_and_word_times(recognizer: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [("anna", 20, text, text) for text in ("the cat sat on a mat", "two dogs", "good night")]
    data = str(shard(tmp_path / "x-000.tar", lines))
    timing = evaluate([data], recognizer, timed=3)["timing"]
    assert timing["recordings"] == 3
    assert timing["wer"] == {"one pass": 0, "transcribe": 0, "stream": 0}
    # Sound and outputs say exactly when; alignment and search can but agree
    assert timing["start_error"] == {"median": 0, "p95": 0, "count": 10}
    assert timing["end_error"]["median"] == 0
    # A word can be shown when AHEAD outputs after its end were heard, in steps of 100 ms
    delay = timing["delay"]
    assert delay["count"] == 10
    assert 0.04 * (AHEAD - 1) <= delay["median"] <= 0.04 * AHEAD + 0.2
    assert timing["delay_of_first_word"]["count"] == 3
    assert timing["delay_of_anything"]["median"] <= timing["delay_of_first_word"]["median"]
    cost = timing["cpu_seconds_a_second"]
    assert set(cost) == {"front_end", "network", "search", "all", "stream"}
    assert min(cost.values()) >= 0
    told = capsys.readouterr().out
    assert "word shown after its end" in told
    assert "CPU seconds a second, stream" in told


def test_a_word_that_comes_again_is_shown_twice(recognizer: str) -> None:
    model = hub.load(recognizer)
    sound = spelt("no one no one")
    found = stream_words(model, sound, False, 8)
    assert [word.text for word in found.words] == ["no", "one", "no", "one"]
    assert found.shown == sorted(found.shown)
    assert found.shown[2] - found.shown[0] > 0.5
    assert found.first is not None
    assert found.first <= found.shown[0]
    for word, shown in zip(found.words, found.shown, strict=True):
        assert word.end is not None
        assert word.end <= shown <= word.end + 0.04 * AHEAD + 0.3


def test_two_directions_are_not_streamed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Recognizer, "log_probs", lambda self, sounds: [outputs(sound) for sound in sounds])
    config = RecognizerConfig(hidden_size=8, layers=1, lookahead=0, bidirectional=True, language_model="")
    model = str(hub.save(Recognizer(config), tmp_path / "model", card="# x\n\nx\n"))
    timing = evaluate([str(shard(tmp_path / "x-000.tar", LINES[:1]))], model, timed=1)["timing"]
    assert "stream" not in timing["cpu_seconds_a_second"]
    assert "delay" not in timing
    assert timing["wer"] == {"one pass": 0, "transcribe": 0}
