"""The language model on the command line: trained on a few sentences, measured, and given texts of all kinds."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path

import pytest

pytest.importorskip("lightning")

from lstm_apps import cli
from lstm_apps.tasks.language_modeling.metrics import bits_per_character, perplexity, xz_bits_per_character
from lstm_models.checkpoints import hub
from lstm_models.tasks.language_modeling.model import LanguageModel
from tests.helpers import tiny_sentences

OPTIONS = ["--config", "tiny", "--training.steps", "60", "--training.validate_every", "30"]
OPTIONS += ["--training.accelerator", "cpu", "--training.learning_rate", "0.03"]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tiny_sentences.texts(tmp_path_factory.mktemp("data") / "texts.txt"))


@pytest.fixture(scope="module")
def model(data: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    run = tmp_path_factory.mktemp("language") / "run"
    assert (
        cli.main(["train", "language-modeling", "--data", data, "--validation", data, "--run", str(run), *OPTIONS]) == 0
    )
    return str(run / "model")


def test_training_learns_the_texts(model: str, data: str, tmp_path: Path) -> None:
    assert isinstance(hub.load(model), LanguageModel)
    out = tmp_path / "figures.json"
    assert cli.main(["evaluate", "language-modeling", "--model", model, "--data", data, "--json", str(out)]) == 0
    plain = json.loads(out.read_text())["files"][data]
    assert plain["bits_per_character"] < 2.5  # untrained, a piece of the 300 takes 8.2 bits
    assert plain["characters"] == len(Path(data).read_text().rstrip("\n"))
    assert cli.main(["evaluate", "language-modeling", "--model", model, "--data", data, "--adapt", "true",
                     "--json", str(out)]) == 0  # fmt: skip
    assert json.loads(out.read_text())["files"][data]["bits_per_character"] < plain["bits_per_character"]


def test_a_trained_model_learns_how_a_recogniser_writes(model: str, data: str, tmp_path: Path) -> None:
    (tmp_path / "texts.txt").write_text("Mr. Fox saw 2 dogs! “So what?”\n" * 200)
    arguments = ["--data", data, "--validation", data, "--transcripts", str(tmp_path / "texts.txt"), "--init", model]
    assert cli.main(["train", "language-modeling", *arguments, "--run", str(tmp_path / "run"), *OPTIONS]) == 0
    before, after = hub.load_as(LanguageModel, model), hub.load_as(LanguageModel, tmp_path / "run" / "model")
    assert after.config.merges == before.config.merges
    said = "mister fox saw two dogs"
    assert after.log_probs([said])[0] > before.log_probs([said])[0] + 10
    assert after.log_probs([said])[0] > after.log_probs(["Mr. Fox saw 2 dogs!"])[0]


def test_a_model_of_words(tmp_path: Path) -> None:
    (tmp_path / "ptb.txt").write_text("the cat <unk> N\nthe dog sat\n" * 60)
    arguments = ["--data", str(tmp_path / "ptb.txt"), "--run", str(tmp_path / "run"), "--words", "true", *OPTIONS]
    assert cli.main(["train", "language-modeling", *arguments, "--validation", str(tmp_path / "ptb.txt")]) == 0
    out = tmp_path / "figures.json"
    arguments = ["--model", str(tmp_path / "run/model"), "--data", str(tmp_path / "ptb.txt"), "--json", str(out)]
    assert cli.main(["evaluate", "language-modeling", *arguments]) == 0
    (figures,) = json.loads(out.read_text())["files"].values()
    assert figures["tokens"] == 60 * 9  # the ends of lines, the last one as that of the text
    assert figures["perplexity"] < 3


def test_texts_files_and_standard_input(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def shown(*arguments: str) -> str:
        assert cli.main([*arguments, "--model", model]) == 0
        return capsys.readouterr().out

    assert shown("score", "Hello, how are you?").startswith("log probability -")
    scored = json.loads(shown("score", "Hello, how are you?", "--json", "true", "--candidates", "2"))
    assert [word["text"] for word in scored["words"]] == ["Hello", ",", "how", "are", "you", "?"]
    assert len(scored["words"][0]["candidates"]) == 2
    assert shown("score", "Hello, how", "--format", "tsv").count("\n") == 3
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"Hello, how are")))
    assert 1 <= len(shown("complete", "-", "--words", "1").splitlines()) <= 3
    found = json.loads(shown("complete", "Hello, how are", "--json", "true", "--n_best", "2"))
    assert found["prompt"] == "Hello, how are"
    assert len(found["completions"]) <= 2
    sampled = shown("complete", "Hello", "--sample", "true", "--seed", "1", "--words", "4")
    assert sampled.startswith("Hello")
    assert sampled == shown("complete", "Hello", "--sample", "true", "--seed", "1", "--words", "4")
    (tmp_path / "a.txt").write_text("Hello, how are")
    (tmp_path / "b.txt").write_text("I am")
    shown("complete", str(tmp_path), "--out", str(tmp_path / "out"))
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.txt", "b.txt"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["score"], "TEXT is missing"),
        (["score", "none.txt"], "none.txt does not exist"),
        (["score", "EMPTY.txt"], "EMPTY.txt is empty"),
        (["score", "BYTES.txt"], "is not UTF-8 text"),
        (["score", "a b", "--format", "xml"], "--format is xml; one of txt, tsv, json would be right"),
        (["score", "a b", "--unlikely", "3"], "unlikely must be from 0 to 1, and is 3"),
        (["score", "a b", "--model", "words"], "words is not a language model"),
        (["score", "a b", "c d"], "several texts need --out"),
        (["complete", "a b", "--words", "0"], "words must be a whole number from 1 to 1000"),
        (["complete", "a b", "--sample", "true", "--temperature", "0"], "temperature must be above 0"),
        (["complete", "a b", "--out", "no/folder/a.txt"], "cannot be written"),
        (["complete", "a b", "--beam", "1000000"], "beam must be a whole number from 1 to 1000, not 1000000"),
        (["complete", "a b", "--n-best", "100000"], "n_best must be a whole number from 1 to 1000, not 100000"),
    ],
)
def test_bad_input_is_one_sentence_and_writes_nothing(
    model: str, tmp_path: Path, arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    (tmp_path / "EMPTY.txt").write_text(" ")
    (tmp_path / "BYTES.txt").write_bytes(b"\xe9\xff")
    chosen = [] if "--model" in arguments else ["--model", model]
    assert cli.main([*arguments, *chosen]) in (1, 2)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert sentence in captured.err
    assert "Traceback" not in captured.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["BYTES.txt", "EMPTY.txt"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--data", "none.txt"], "none.txt cannot be read"),
        (["--data", "DATA", "--streams", "0"], "--streams must be from 1 to half"),
        (["--data", "DATA", "--vocabulary", "10"], "--vocabulary must be at least 259"),
        (["--data", "DATA", "--streams", "160", "--training.batch_frames", "100000"], "not enough"),
        (["--data", "WORDS", "--words", "true", "--model.hidden_size", "0"], "hidden_size must be at least 1"),
        (["--data", "WORDS", "--words", "true", "--transcripts", "WORDS"], "--words goes without --transcripts"),
        (["--data", "DATA", "--init", "none"], "none"),
    ],
)
def test_training_says_what_is_wrong(
    data: str, tmp_path: Path, arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "words.txt").write_text("a b\n")
    arguments = [{"DATA": data, "WORDS": str(tmp_path / "words.txt")}.get(each, each) for each in arguments]
    run = ["--run", str(tmp_path / "run"), "--validation", str(tmp_path / "words.txt")]
    assert cli.main(["train", "language-modeling", *run, *OPTIONS, *arguments]) != 0
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_figures_by_hand() -> None:
    assert bits_per_character(-8 * math.log(2), 4) == pytest.approx(2)
    assert perplexity(-2 * math.log(5), 2) == pytest.approx(5)
    assert xz_bits_per_character(["a" * 100_000]) < 0.1
