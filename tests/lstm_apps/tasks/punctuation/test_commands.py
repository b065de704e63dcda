"""The punctuator on the command line: trained on a few sentences, measured, and given files of all kinds."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

pytest.importorskip("lightning")

from lstm_apps import cli
from lstm_models.checkpoints import hub
from lstm_models.tasks.punctuation.model import Punctuator
from tests.helpers import tiny_sentences

OPTIONS = ["--config", "tiny", "--piece", "20", "--training.steps", "4", "--training.validate_every", "2"]
OPTIONS += ["--training.accelerator", "cpu", "--validation-words", "100"]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "texts.jsonl"
    rows = [
        {"text": " ".join(tiny_sentences.MARKED), "split": "dev" if number < 4 else "train"} for number in range(20)
    ]
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


@pytest.fixture(scope="module")
def model(data: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    run = tmp_path_factory.mktemp("punctuator") / "run"
    arguments = ["--data", str(data), "--data", str(data), "--validation", str(data), "--run", str(run)]
    assert cli.main(["train", "punctuation", *arguments, *OPTIONS]) == 0
    return str(run / "model")


def test_training_leaves_a_model_and_its_settings(model: str) -> None:
    punctuator = hub.load(model)
    assert isinstance(punctuator, Punctuator)
    words = " ".join(tiny_sentences.MARKED).lower().translate(str.maketrans("", "", ",.?!")).split()
    assert set(punctuator.config.vocabulary.split()) == set(words)
    config = json.loads((Path(model).parent / "config.json").read_text())
    assert config["task"] == "punctuation"
    assert config["model"]["hidden_size"] == 16  # the preset's
    assert "# Punctuator" in (Path(model) / "README.md").read_text()


def test_training_goes_on(model: str, data: Path) -> None:
    run = str(Path(model).parent)
    arguments = ["--data", str(data), "--data", str(data), "--validation", str(data), "--run", run, *OPTIONS]
    assert cli.main(["train", "punctuation", *arguments, "--training.steps", "5", "--resume", "true"]) == 0


def test_evaluation(model: str, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    iwslt = tmp_path / "a.tsv"
    iwslt.write_text("hello\tCOMMA\nhow\tO\nare\tO\nyou\tQUESTION\n")
    out = tmp_path / "figures.json"
    arguments = ["--model", model, "--data", str(iwslt), "--data", str(data), "--json", str(out)]
    assert cli.main(["evaluate", "punctuation", *arguments]) == 0
    figures = json.loads(out.read_text())
    marks = figures["files"][str(iwslt)]["marks"]
    assert [marks[name]["count"] for name in ("comma", "period", "question", "all")] == [1, 0, 1, 2]
    assert "capitalised_words" not in figures["files"][str(iwslt)]
    assert figures["files"][str(data)]["words"] == 4 * 21
    assert figures["files"][str(data)]["capitalised_words"]["count"] == 4 * 9
    assert json.loads(capsys.readouterr().out) == figures
    assert cli.main(["evaluate", "punctuation", "--model", model, "--data", str(data), "--lookahead", "3"]) == 0
    assert json.loads(capsys.readouterr().out)["lookahead"] == 3


def test_a_text_files_and_standard_input(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def said(*arguments: str) -> str:
        assert cli.main(["punctuate", "--model", model, *arguments]) == 0
        return capsys.readouterr().out

    expected = hub.load(model).punctuate("hello how are you").text + "\n"
    assert said("hello how are you") == expected
    (tmp_path / "a.txt").write_text("hello how are you\n")
    assert said(str(tmp_path / "a.txt")) == expected
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"hello how are you")))
    assert said("-") == expected
    lines = said("--json", str(tmp_path / "a.txt"), "mary lives in paris").splitlines()
    assert [json.loads(line).get("source") for line in lines] == [str(tmp_path / "a.txt"), None]


def test_folders_go_to_a_folder_and_can_be_resumed(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    (folder / "a.txt").write_text("hello how are you")
    (folder / "b.srt").write_text("1\n00:00:01,000 --> 00:00:02,000\nmary lives in paris\n")
    assert cli.main(["punctuate", "--model", model, str(folder), "--out", str(out)]) == 0
    assert sorted(path.name for path in out.iterdir()) == ["a.txt", "b.srt"]
    assert (out / "b.srt").read_text().startswith("1\n00:00:01,000 --> 00:00:02,000\nM")
    (out / "a.txt").write_text("kept")
    capsys.readouterr()
    assert cli.main(["punctuate", "--model", model, str(folder), "--out", str(out), "--resume", "true"]) == 0
    assert "2 done before" in capsys.readouterr().err
    assert (out / "a.txt").read_text() == "kept"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "TEXT is missing"),
        ([""], "the name of the text is empty|the text is empty"),
        (["none.txt"], "none.txt does not exist"),
        (["no/such"], "no/such does not exist"),
        (["EMPTY"], "is empty"),
        (["LATIN"], "is not UTF-8 text"),
        (["BINARY"], "zero bytes"),
        (["BAD.srt"], "BAD.srt: these are not subtitles"),
        (["FOLDER"], "has no texts"),
        (["hello you", "--model", "recognizer"], "recognizer is not a punctuator"),
        (["hello you", "--model", "none"], "there is no model"),
        (["hello you", "--out", "no/folder/a.txt"], "cannot be written"),
        (["hello you", "how are you"], "several texts need --out"),
        (["hello you", "--resume", "true"], "--resume goes with --out"),
        (["https://example.org/a.txt"], "is an address"),
    ],
)
def test_bad_input_is_one_sentence_and_writes_nothing(
    model: str, tmp_path: Path, arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    (tmp_path / "EMPTY").write_text(" \n")
    (tmp_path / "LATIN").write_bytes("café".encode("latin-1"))
    (tmp_path / "BINARY").write_bytes(b"a\0b")
    (tmp_path / "BAD.srt").write_text("hello")
    (tmp_path / "FOLDER").mkdir()
    before = sorted(tmp_path.rglob("*"))
    chosen = [] if "--model" in arguments else ["--model", model]
    assert cli.main(["punctuate", *arguments, *chosen]) in (1, 2)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert any(part in captured.err for part in sentence.split("|"))
    assert "Traceback" not in captured.err
    assert sorted(tmp_path.rglob("*")) == before


def test_of_several_files_the_good_ones_are_done(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.txt").write_text("hello how are you")
    (tmp_path / "b.txt").write_bytes(b"a\0b")
    arguments = [str(tmp_path / "b.txt"), str(tmp_path / "a.txt"), "--out", str(tmp_path / "out")]
    assert cli.main(["punctuate", "--model", model, *arguments]) == 1
    assert "zero bytes" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.txt"]


def test_results_never_overwrite_what_they_are_of(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text("hello how are you")
    assert cli.main(["punctuate", "--model", model, str(tmp_path), "--out", str(tmp_path)]) == 2
    assert "would be overwritten" in capsys.readouterr().err
    assert (tmp_path / "a.txt").read_text() == "hello how are you"
