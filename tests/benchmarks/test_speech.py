"""The benchmark of speech: who hears what, what is counted, and the tables it promises."""

from __future__ import annotations

import importlib
import json
import math
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from lstm_datasets.speech.readers import Recording
from lstm_models.checkpoints import hub
from lstm_models.tasks.handwriting.config import WriterConfig
from lstm_models.tasks.handwriting.model import HandwritingWriter
from lstm_models.tasks.speech.config import RecognizerConfig
from lstm_models.tasks.speech.model import Recognizer
from tests.helpers.tiny_speech import sentences, shard

pytest.importorskip("jiwer", reason="jiwer counts the errors")

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"
RATE = 16_000

# Recognisers with known texts and costs, for processes of their own
PEERS = '''
import os, threading, time

def burn():
    while time.thread_time() < 0.2:
        pass

def threads(model):
    """Works in a thread, which costs 0.2 s of the processor; says which model it was given and what it hears."""
    def hear(samples):
        thread = threading.Thread(target=burn)
        thread.start()
        thread.join()
        return f"{model} {len(samples)} {samples.dtype} {samples.mean():.2f}"
    return hear

def counting(model):
    """Says its process and how many recordings that has heard, and prints, which nobody should see."""
    heard = []
    def hear(samples):
        heard.append(len(samples))
        print("noise" * 100_000)
        return f"{os.getpid()} {len(heard)}"
    return hear

def hungry(model):
    kept = []
    def hear(samples):
        kept.append(bytearray(os.urandom(1)) * (len(samples) * 1024))
        return "full"
    return hear

def unlucky(model):
    """Dies of a recording of 7 samples; of one of 5 the first time only, if there is no file of that name."""
    def hear(samples):
        if len(samples) == 7:
            os._exit(9)
        if len(samples) == 5 and not os.path.exists(model):
            open(model, "w").close()
            os._exit(9)
        return "well"
    return hear

def broken(model):
    raise FileNotFoundError("its weights are missing.\\nand more")

def deaf(model):
    def hear(samples):
        raise ValueError("too quiet") if len(samples) > 10 else RuntimeError
    return hear
'''


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    folder = tmp_path_factory.mktemp("peers")
    (folder / "made_peers.py").write_text(PEERS, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(FOLDER))
        patch.syspath_prepend(str(folder))
        yield importlib.import_module("benchmarks.tasks.speech")


@pytest.fixture(scope="module")
def peers(speech: ModuleType) -> ModuleType:
    return importlib.import_module("benchmarks.speech_peers")


@pytest.fixture(scope="module")
def scores(speech: ModuleType) -> ModuleType:
    return importlib.import_module("benchmarks.speech_peers.scores")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recogniser that has learnt nothing, but writes letters."""
    torch.manual_seed(0)
    recognizer = Recognizer(RecognizerConfig(hidden_size=16, layers=2, lookahead=1, language_model=""))
    with torch.no_grad():
        recognizer.head.weight.mul_(20)
    folder = tmp_path_factory.mktemp("model") / "recognizer"
    return hub.save(recognizer.eval(), folder, card="# A recogniser\n\nA recogniser for the test.\n")


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two development sets and a training set."""
    folder = tmp_path_factory.mktemp("shards")
    for seed, name in enumerate(("dev-short-000", "dev-long-000", "train-long-000")):
        shard(folder / f"{name}.tar", sentences(3 + seed, seed=seed), seed=10 * seed)
    return folder


def recording(key: str, text: str = "two words", **told: Any) -> Any:
    known = {"set": "dev-x", "age": None, "duration": 2.0, "text": text, "key": key}
    return SimpleNamespace(**known | told, samples=lambda: np.zeros(len(text), np.float32))


# --- processes -------------------------------------------------------------------------------------------------------


def listen(peers: ModuleType, function: str, model: str = "m", restart: int | None = None) -> Any:
    return peers.Listener(peers.System(function, f"made_peers:{function}", (), restart), model, np.ones(3, np.float32))


def test_the_cost_of_all_threads_is_counted(peers: ModuleType) -> None:
    with listen(peers, "threads", "some model") as listener:
        heard = listener.hear(np.full(7, 0.25, np.float32))
    assert heard.text == "some model 7 float32 0.25"
    assert heard.cpu >= 0.2
    assert listener.loading[0] < 0.2 + heard.cpu  # the first recording belongs to no figure
    assert listener.starts == 1


def test_a_recogniser_is_started_anew_after_so_many_recordings(peers: ModuleType) -> None:
    with listen(peers, "counting", restart=2) as listener:
        answers = [listener.hear(np.zeros(2, np.float32)).text.split() for _ in range(5)]
    processes, counts = zip(*answers, strict=True)
    assert counts == ("2", "3", "2", "3", "2")  # the first of each process warms it
    assert len(set(processes)) == listener.starts == 3


def test_memory_is_that_of_the_process_at_its_highest(peers: ModuleType) -> None:
    with listen(peers, "hungry") as listener:
        if listener.loading[2] is None:
            pytest.skip("this system has no /proc")
        listener.hear(np.zeros(32 * 1024, np.float32))
    assert listener.loading[2] < 32 + listener.loading[2] < listener.peak


def test_a_recogniser_that_dies_is_started_anew(peers: ModuleType, tmp_path: Path) -> None:
    with listen(peers, "unlucky", str(tmp_path / "died")) as listener:
        assert listener.hear(np.zeros(5, np.float32)).text == "well"
        assert listener.starts == 2
        with pytest.raises(peers.PeerError, match=r"it dies with code 9 on 0\.0 s of sound"):
            listener.hear(np.zeros(7, np.float32))


def test_one_that_does_not_load_or_fails_says_so(peers: ModuleType) -> None:
    with pytest.raises(peers.PeerError, match=r"it does not load: FileNotFoundError: its weights are missing$"):
        listen(peers, "broken")
    with pytest.raises(peers.PeerError, match=r"it fails: RuntimeError$"):
        listen(peers, "deaf")
    with pytest.raises(peers.PeerError, match="it does not load: ModuleNotFoundError"):
        peers.Listener(peers.System("", "no_such_module:load"), "", np.ones(3, np.float32))


def test_what_is_missing_is_named(peers: ModuleType) -> None:
    assert peers.System("", "", ("json", "no_such_module")).missing == ["no_such_module"]
    assert not any(peers.SYSTEMS[name].needs for name in ("greedy", "lm", "stream"))


# --- scores ----------------------------------------------------------------------------------------------------------


def test_recordings_take_turns_by_set(scores: ModuleType) -> None:
    turns = scores.in_turns({"a": ["a0", "a1", "a2"], "b": ["b0"], "c": ["c0", "c1"]})
    assert turns == [("a", 0, "a0"), ("b", 0, "b0"), ("c", 0, "c0"), ("a", 1, "a1"), ("c", 1, "c1"), ("a", 2, "a2")]


def test_children_are_a_set_of_their_own(scores: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = [recording(f"{number}", age=age) for number, age in enumerate((9.0, 12.9, 13.0, None))]
    listed += [recording(f"{number}", set="dev-y", age=40.0) for number in range(30)]
    monkeypatch.setattr(scores, "read_speech", lambda data, split: listed)
    found = scores.chosen(["x"], 20)
    assert {name: len(of) for name, of in found.items()} == {"x, adults": 2, "x, children": 2, "y": 20}
    # Fewer lines are the first of more, whatever the order of the data
    listed.reverse()
    assert [each.key for each in scores.chosen(["x"], 5)["y"]] == [each.key for each in found["y"][:5]]


def test_digits_capitals_and_commas_are_no_errors(scores: ModuleType, peers: ModuleType) -> None:
    score = scores.Score("x")
    score.add("a", recording("1", "twenty one men don't"), peers.Heard("21 men, don't!", 0.5, 1.0))
    score.add("a", recording("2", "a b c d"), peers.Heard("A B x", 0.5, 2.0))  # one replaced, one missing of four
    score.add("b", recording("3", "yes"), peers.Heard("", 1.0, 1.0))
    assert (score.total("a").word_errors, score.total("a").words) == (2, 8)
    assert score.total("b").wer == 100
    assert score.total().wer == pytest.approx(100 * 3 / 9)
    assert score.cost() == {"cpu": pytest.approx(2 / 6), "clock": pytest.approx(4 / 6), "slowest": 1.0}


def test_the_interval_is_that_of_drawing_lines(scores: ModuleType, peers: ModuleType) -> None:
    same, mixed = scores.Score("same"), scores.Score("mixed")
    for number in range(100):
        same.add("a", recording(f"{number}", "a b"), peers.Heard("a x", 0, 0))
        mixed.add("a", recording(f"{number}", "a b"), peers.Heard("a b" if number % 2 else "x y", 0, 0))
    assert same.interval() == (50, 50)
    low, high = mixed.interval()
    # A mean of 100 draws of 0 or 100 has a standard deviation of 5
    assert low == pytest.approx(50 - 1.96 * 5, abs=1.5)
    assert high == pytest.approx(50 + 1.96 * 5, abs=1.5)


def test_all_hear_the_same_in_turns(
    scores: ModuleType, peers: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    heard: list[tuple[str, int]] = []

    class Listener:
        loading, peak, starts = (1.0, 2.0, 30.0), 40.0, 1
        closed: list[str] = []  # noqa: RUF012

        def __init__(self, system: Any, model: str, warm: np.ndarray) -> None:
            self.name = system.title
            if self.name == "absent":
                raise peers.PeerError("it does not load: so it is")

        def hear(self, samples: np.ndarray) -> Any:
            heard.append((self.name, len(samples)))
            if self.name == "late" and len(samples) == 5:
                raise peers.PeerError("it dies with code 9")
            return peers.Heard("one two", 0.4 if self.name == "whole" else 0.1, 0.5)

        def close(self) -> None:
            self.closed.append(self.name)

    monkeypatch.setattr(scores, "Listener", Listener)
    names = {"lm": "whole", "a": "absent", "l": "late", "f": "few"}
    made = {key: peers.System(title, "") for key, title in names.items()}
    monkeypatch.setattr(scores, "SYSTEMS", made | {"n": peers.System("unknown", "", ("no_such_module",))})
    sets = {"p": [recording("1", "one"), recording("2", "two t")], "q": [recording("3", "one two")]}
    found, rounds = scores.side_by_side(sets, [*names, "n"], "m", {"f": 1})
    assert rounds == 2
    assert heard == [
        *[("whole", 3), ("late", 3), ("few", 3)],
        *[("whole", 7), ("late", 7), ("few", 7)],
        *[("whole", 5), ("late", 5)],
    ]
    assert sorted(Listener.closed) == ["few", "late", "whole"]
    assert {key: score.problem for key, score in found.items() if score.problem} == {
        "a": "it does not load: so it is",
        "l": "it dies with code 9 (2)",
        "n": "not installed (no_such_module)",
    }
    scores.print_scores(found, rounds, {"f": 1})
    printed = capsys.readouterr().out
    assert "late is left out: it dies with code 9 (2)." in printed
    lines = {line.split("|")[1].strip(): line for line in printed.splitlines() if line.startswith("| few")}
    assert list(lines) == ["few (1 lines a set)"]
    cost = [cell.strip() for cell in lines["few (1 lines a set)"].split("|")]
    assert cost[2:5] == ["0.0500", "0.25", "0.2500"]  # 0.1 of 2 s; a quarter of the other's 0.4
    assert found["lm"].figures()["all"]["wer"] == pytest.approx(100 * 3 / 5)
    # No round begins after the time is up, but the first is always made
    heard.clear()
    found, rounds = scores.side_by_side(sets, ["lm"], "m", {}, seconds=0.0)
    assert rounds == 1
    assert [count for _, count in heard] == [3, 7]


# --- the recogniser alone --------------------------------------------------------------------------------------------


def test_sound_has_the_length_it_should(speech: ModuleType) -> None:
    made = speech.made_up(3.3)
    assert made.shape == (round(3.3 * RATE),)
    assert made.dtype == np.float32
    assert 0.05 < np.abs(made).max() < 1
    assert len(speech.strung([], 2.0)) == 2 * RATE
    strung = speech.strung([recording("1", "abc"), recording("2", "de")], 1.0)
    assert len(strung) == RATE


def test_a_long_file_is_written_bit_by_bit(speech: ModuleType, tmp_path: Path) -> None:
    import soundfile

    sound = np.linspace(-0.5, 0.5, 1000, dtype=np.float32)
    speech.long_file(tmp_path / "long.wav", sound, 0.01)
    found, rate = soundfile.read(tmp_path / "long.wav", dtype="float32")
    assert (len(found), rate) == (9600, RATE)
    np.testing.assert_allclose(found, np.resize(sound, 9600), atol=1e-4)


def test_words_are_late_by_the_sound_pushed_after_them(speech: ModuleType) -> None:
    """A stream that shows a second word for certain after 1 s, a third for a moment only, and that one again at 2 s."""

    class Stream:
        seen = 0

        def push(self, samples: np.ndarray) -> Any:
            self.seen += len(samples)
            now = self.seen / RATE
            final = ("a", "b") if now == 1 else ()
            partial = {0.5: ("a",), 1.0: ("c",), 2.0: ("c",)}.get(now, ())
            return SimpleNamespace(final=final, partial=partial)

        def finish(self) -> Any:
            ends = {"a": 0.4, "b": 0.5, "c": 0.9}
            return SimpleNamespace(words=[SimpleNamespace(text=text, end=end) for text, end in ends.items()])

    recognizer = SimpleNamespace(stream=lambda rate: Stream())
    line = speech.streamed_line(recognizer, np.zeros(2 * RATE, np.float32), 0.5)
    assert line["words"] == 3
    assert line["delay"] == pytest.approx(0.5)  # 0.1, 0.5 and, as it was taken back, 1.1
    assert line["late"] == pytest.approx(1.04)


def test_all_tables_are_printed(
    speech: ModuleType,
    model: Path,
    shards: Path,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []
    monkeypatch.setattr(speech, "peak_memory", lambda build, small, full: asked.append((small, full)) or 123.4)
    for name, few in {"LENGTHS": (1.0, 2.0), "BATCHES": (1, 3), "PUSHES": (0.1, 0.5)}.items():
        monkeypatch.setattr(speech, name, few)
    arguments = ["--model", str(model), "--data", str(shards), "--lines", "2", "--systems", "greedy", "lm", "stream"]
    arguments += ["--repeats", "1", "--minutes", "0.1", "0.2", "--streamed", "3", "--json", str(tmp_path / "out.json")]
    figures = speech.main(arguments)
    printed = capsys.readouterr().out
    ours = ["`Recognizer`, best path", "`Recognizer.transcribe`", "`Recognizer.stream`, 100 ms at a time"]
    assert [line.split("|")[1].strip() for line in printed.splitlines() if line.startswith("| ")] == [
        *("WER, %", *ours),
        *("CER, %", *ours),
        *("", *ours),
        "CPU-ms a second of sound",
        *("front end", "network", "best path", "search without language model", "`transcribe`, all of it"),
        *("CPU-ms a second of sound", "1 s each", "2 s each"),
        *("pushed", "100 ms", "500 ms"),
        *("minutes", "0.1", "0.2"),
    ]
    assert "| long | short | all |" in printed
    written = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert written["memory"] == figures["memory"]
    assert [[*map(str, line["cpu"])] for line in figures["batch"]] == [["1", "3"]] * 2
    errors = figures["errors"]
    assert {name: len(lines) for name, lines in errors["lm"]["keys"].items()} == {"short": 2, "long": 2}
    assert errors["lm"]["keys"] == errors["stream"]["keys"]
    texts = {name: [line[1] for lines in errors[name]["lines"].values() for line in lines] for name in errors}
    assert any(texts["lm"])
    assert texts["lm"] == texts["stream"]
    assert all(math.isfinite(errors[name]["all"]["cer"]) for name in errors)
    assert [(small[0], full[0]) for small, full in asked] == [(None, str(model))] * 2
    assert not Path(asked[0][1][1]).exists()  # the long file is gone


def test_without_data_the_sound_is_made_up(
    speech: ModuleType, model: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speech, "LENGTHS", (1.0,))
    figures = speech.main(["parts", "--model", str(model), "--repeats", "1"])
    assert "the sound is made up, without words" in capsys.readouterr().out
    assert set(figures) == {"machine", "repeats", "model", "parts"}


def test_memory_is_that_of_a_transcript(speech: ModuleType, model: Path, tmp_path: Path) -> None:
    speech.long_file(tmp_path / "long.wav", speech.made_up(3), 0.05)
    transcript = speech.build(str(model), str(tmp_path / "long.wav"))()
    assert transcript.duration == pytest.approx(3.0)
    assert speech.build(None, str(tmp_path / "long.wav"))().frames == 3 * RATE


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--model", "nothing/here/at/all"], r"speech\.py: "),
        (["errors"], r"speech\.py: error rates need --data"),
        (["errors", "--data", "nothing-here.tar"], r"speech\.py: .*nothing-here\.tar"),
    ],
)
def test_what_is_missing_is_one_sentence(speech: ModuleType, model: Path, arguments: list[str], sentence: str) -> None:
    given = arguments if "--model" in arguments else [*arguments, "--model", str(model)]
    with pytest.raises(SystemExit, match=sentence):
        speech.main(given)


def test_another_model_is_refused(speech: ModuleType, tmp_path: Path) -> None:
    torch.manual_seed(0)
    writer = HandwritingWriter(WriterConfig(alphabet=" ab", hidden_size=8, mixtures=2, components=2, layers=1))
    hub.save(writer, tmp_path / "writer", card="# A writer\n\nA writer for the test.\n")
    with pytest.raises(SystemExit, match="is no recogniser"):
        speech.main(["parts", "--model", str(tmp_path / "writer")])


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--fewer", "nobody=3"], "“nobody=3” is not NAME=LINES"),
        (["--fewer", "whisper=0"], "“whisper=0” is not NAME=LINES"),
        (["tables"], "there is no table “tables”"),
        (["--lines", "0"], "lines and repeats must be 1 or more"),
        (["--minutes", "-1"], "minutes and seconds above 0"),
    ],
)
def test_a_wrong_call_is_refused(
    speech: ModuleType, arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        speech.main(arguments)
    assert sentence in capsys.readouterr().err


def test_recordings_are_what_the_data_set_reads(scores: ModuleType, shards: Path) -> None:
    sets = scores.chosen([str(shards)], 10)
    assert {name: len(of) for name, of in sets.items()} == {"long": 4, "short": 3}
    assert all(isinstance(each, Recording) for of in sets.values() for each in of)
