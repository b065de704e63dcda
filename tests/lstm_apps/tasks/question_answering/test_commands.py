"""Question answering on the command line: trained on who is where, measured, and asked about files of all kinds."""

from __future__ import annotations

import dataclasses
import io
import json
from pathlib import Path

import pytest
import torch

pytest.importorskip("lightning")

import lstm_models
from lstm_apps import cli
from lstm_apps.tasks.question_answering.documents import Document
from lstm_apps.tasks.question_answering.train import begin_from
from lstm_models.checkpoints import hub
from lstm_models.errors import InputError
from lstm_models.results import Word
from lstm_models.tasks.question_answering.decoding import AnswerOptions
from lstm_models.tasks.question_answering.model import QuestionAnswerer
from lstm_models.tasks.speech.results import Transcript
from tests.helpers import tiny_questions

OPTIONS = "--config tiny --model.dropout 0 --model.embedding_dropout 0 --training.batch_frames 1500"
OPTIONS += " --training.learning_rate 0.01 --training.validate_every 60 --others 0.3"
SRT = (
    "1\n00:01:05,000 --> 00:01:07,000\nAnn is in the garden.\n\n2\n00:01:08,000 --> 00:01:09,500\nTom is in the hall.\n"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    tiny_questions.squad(folder / "train.json", 300)
    tiny_questions.squad(folder / "held.json", 60, seed=1)
    return folder


@pytest.fixture(scope="module")
def model(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    run = tmp_path_factory.mktemp("answerer") / "run"
    train = ["train", "question-answering", "--data", str(folder / "train.json"), "--run", str(run), *OPTIONS.split()]
    assert cli.main([*train, "--training.steps", "60"]) == 0
    assert cli.main([*train, "--training.steps", "260", "--resume", "true"]) == 0
    return str(run / "model")


def test_training_learns_and_evaluation_measures_it(model: str, folder: Path, tmp_path: Path) -> None:
    out, better = tmp_path / "figures.json", tmp_path / "better"
    arguments = ["--data", str(folder / "held.json"), "--model", model, "--json", str(out), "--calibrate", str(better)]
    assert cli.main(["evaluate", "question-answering", *arguments]) == 0
    figures = json.loads(out.read_text())
    assert figures["questions"] == 120
    assert figures["exact_match"] > 80
    assert figures["f1"] >= figures["exact_match"]
    assert figures["nowhere"]["area_under_roc"] > 0.6
    assert all(each["answered_where_not"] <= 0.2 for each in figures["strict"].values())
    thresholds = [each["threshold"] for each in figures["strict"].values()]
    assert thresholds == sorted(thresholds)
    assert sum(each["questions"] for each in figures["by_kind"].values()) == 120
    config = hub.load_as(QuestionAnswerer, better).config
    assert config.threshold == figures["calibration"]["best_threshold"]
    assert (config.presence_temperature, config.presence_bias) != (1, 0)


def test_training_begins_where_another_model_is(model: str, folder: Path) -> None:
    other = hub.load_as(QuestionAnswerer, model)
    words = f"xylophone {other.config.vocabulary}"
    with torch.no_grad():
        other.tuned.weight.normal_(std=0.3)
    text = "Ann is in the garden. Tom is in the hall."
    for tuned in (other.config.tuned_words + 1, 1):  # of fewer trained vectors what was learnt of the others stays
        config = dataclasses.replace(other.config, vocabulary=words, tuned_words=tuned, character_filters=4)
        network = QuestionAnswerer(config).eval()
        begin_from(network, other)
        for question in ("Where is Ann?", "Who is in the hall?"):
            ours, theirs = (each.answer(question, text, AnswerOptions(threshold=0)) for each in (network, other))
            assert ours.text == theirs.text
            assert ours.confidence == pytest.approx(theirs.confidence, abs=1e-5)
    smaller = QuestionAnswerer(dataclasses.replace(config, embedding_size=3))
    with pytest.raises(InputError, match="features, not 3"):
        begin_from(smaller, other)


def test_files_folders_subtitles_and_standard_input(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(*words: str) -> str:
        assert cli.main(["answer", *words, "--model", model, "--threshold", "0"]) == 0
        return capsys.readouterr().out

    assert run("Where is Ann?", "Ann is in the garden. Tom is in the hall.").startswith("garden (")
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text("Paul is in the cellar.\nNora is in the attic.\n")
    (tmp_path / "talk.srt").write_text(SRT)
    shown = run("Where is Nora?", str(tmp_path / "notes"))
    assert "attic (" in shown
    assert "a.txt:2: Nora is in the attic." in shown or "a.txt:2: " in shown
    shown = run("Where is Tom?", str(tmp_path / "talk.srt"), str(tmp_path / "notes"))
    assert "talk.srt 00:01:08: " in shown
    made = json.loads(run("Where is Tom?", str(tmp_path / "talk.srt"), "--json"))
    assert (made["text"], made["start_seconds"], made["end_seconds"]) == ("hall", 68.0, 69.5)
    assert made["file"].endswith("talk.srt")
    assert len(made["attention"]) == len(made["question_words"])
    out = tmp_path / "answer.json"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"Ivan is in the office.")))
    run("Where is Ivan?", "-", "--json", "--out", str(out))
    assert json.loads(out.read_text())["file"] == "standard input"


def test_a_transcript_of_ours(model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spoken = ["Rita", "is", "in", "the", "kitchen", "."]
    words = [{"text": text, "start": at, "end": at + 0.5} for at, text in enumerate(spoken)]
    path = tmp_path / "talk.json"
    path.write_text(json.dumps({"text": "Rita is in the kitchen.", "duration": 6.0, "words": words}))
    assert cli.main(["answer", "Where is Rita?", str(path), "--model", model, "--json", "--threshold", "0"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert (made["text"], made["start_seconds"]) == ("kitchen", 4.0)


def test_a_recording(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the recogniser hears is read with its times; a word without a time, and a note, are no hindrance."""

    class Hears:
        def transcribe(self, source: str, *, punctuate: object) -> Transcript:
            assert (Path(source).name, punctuate) == ("talk.wav", "the punctuator")
            heard = ["Tom", "is", "in", "the", "hall.", "Rita", "is", "in", "the", "kitchen."]
            words = [Word(text, 0.9, 60.0 + at, 60.5 + at) for at, text in enumerate(heard)]
            return Transcript(" ".join(heard), (*words, Word("and", 0.1)), 70.0, source, ("its end is missing",))

    class HearsNothing:
        def transcribe(self, source: str, *, punctuate: object) -> Transcript:
            return Transcript("", (), 3.0, source)

    (tmp_path / "talk.wav").write_bytes(b"RIFF")
    command = ["answer", "Where is Rita?", str(tmp_path / "talk.wav"), "--model", model, "--threshold", "0"]
    bundled = {"recognizer": Hears(), "punctuator": "the punctuator"}
    monkeypatch.setattr(lstm_models, "load", bundled.__getitem__)
    assert cli.main(command) == 0
    shown = capsys.readouterr()
    assert shown.out.startswith("kitchen (")
    assert "talk.wav 00:01:09: Rita is in the kitchen." in shown.out
    assert "its end is missing" in shown.err
    assert cli.main([*command, "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert (made["text"], made["start_seconds"], made["end_seconds"]) == ("kitchen", 69.0, 69.5)
    bundled["recognizer"] = HearsNothing()
    assert cli.main(command) == 1
    assert "no words are heard in the recording" in capsys.readouterr().err


def test_a_book_and_a_word_without_end(model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """2 MB with the answer near its end, in a file and in standard input's size; a word of 10,000 characters."""
    filler = "Nobody knows what the weather was like on that day in the old town. " * 30_000
    (tmp_path / "book.txt").write_text(f"{filler}\n\nRita is in the kitchen.\n\n{filler[:7000]}", "utf-8")
    (tmp_path / "word.txt").write_text(f"{'a' * 10_000}. Rita is in the kitchen. {'b' * 10_000}", "utf-8")
    for name in ("book.txt", "word.txt"):
        assert cli.main(["answer", "Where is Rita?", str(tmp_path / name), "--model", model, "--threshold", "0"]) == 0
        shown = capsys.readouterr().out
        assert shown.startswith("kitchen (")
        assert "Rita is in the kitchen." in shown
        assert len(shown) < 2000


def test_times_of_characters() -> None:
    document = Document("talk", "one two three", ((0, 1.0, 1.5), (4, 2.0, 2.5), (8, 3.0, 3.5)))
    assert document.time_of(4, 7) == (2.0, 2.5)
    assert document.time_of(0, 13) == (1.0, 3.5)
    assert Document("", "one").time_of(0, 3) is None


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.txt", b"", "is empty"),
        ("a.txt", b" \n ", "is empty"),
        ("a.txt", b"\x00\x01\x02", "zero bytes"),
        ("a.txt", b"\xff\xfe\xfd", "not UTF-8"),
        ("a.srt", b"1\nno times\n", "no line has times"),
        ("a.srt", b"1\n00:00:05,000 --> 00:00:01,000\nAnn\n", "ends before it starts"),
        ("a.json", b"{", "not a JSON document"),
        ("a.json", b'{"text": "a", "duration": 1, "words": []}', "no words"),
        ("a.wav", b"RIFF", ""),
    ],
)
def test_bad_files_are_one_sentence(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, content: bytes, sentence: str
) -> None:
    (tmp_path / name).write_bytes(content)
    assert cli.main(["answer", "Where is Ann?", str(tmp_path / name), "--model", model]) != 0
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert sentence in error
    assert error.count(name) == 1
    assert "Traceback" not in error


def test_what_can_be_read_is_read(model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "good.txt").write_text("Ann is in the garden.")
    (tmp_path / "bad.txt").write_bytes(b"\x00")
    paths = [str(tmp_path / "good.txt"), str(tmp_path / "bad.txt")]
    assert cli.main(["answer", "Where is Ann?", *paths, "--model", model, "--threshold", "0"]) == 1
    shown = capsys.readouterr()
    assert "garden" in shown.out
    assert "1 of 2 could not be read" in shown.err


@pytest.mark.parametrize("words", [["Where is Ann?"], ["", "Ann came."], ["Who?", "x", "--threshold", "3"]])
def test_what_is_missing_or_cannot_be(model: str, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["answer", *words, "--model", model]) == 2
    assert capsys.readouterr().err


def test_stories(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tiny_questions.babi(tmp_path / "qa1_train.txt", 400)
    run = tmp_path / "run"
    train = ["train", "question-answering", "--config", "babi", "--data", str(tmp_path / "qa1_train.txt")]
    train += ["--story.hidden_size", "16", "--story.dropout", "0", "--training.steps", "150", "--training.ema", "0"]
    train += ["--training.warmup", "10", "--training.learning_rate", "0.01", "--training.batch_frames", "200"]
    train += ["--training.validate_every", "150", "--training.accelerator", "cpu", "--run", str(run)]
    assert cli.main(train) == 0
    tiny_questions.babi(tmp_path / "qa1_held.txt", 80, seed=1)
    out = tmp_path / "figures.json"
    evaluate = ["evaluate", "question-answering", "--data", str(tmp_path / "qa1_held.txt")]
    assert cli.main([*evaluate, "--model", str(run / "model"), "--json", str(out)]) == 0
    figures = json.loads(out.read_text())
    assert figures["tasks"]["01"] > 90
    assert figures["mean"] == figures["tasks"]["01"]
    assert hub.load(run / "model").answer("Where is Ann?", "Ann went to the office.").text
