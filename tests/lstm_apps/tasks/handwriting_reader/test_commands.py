"""The reader on the command line: trained on a few lines, measured on others, and reading files."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from types import SimpleNamespace

import pytest

pytest.importorskip("lightning")
pytest.importorskip("jiwer")

from lstm_apps import cli
from lstm_models.checkpoints import hub
from lstm_models.ink.drawing import Drawing
from lstm_models.tasks.handwriting_reader.model import HandwritingReader
from tests.helpers import tiny_handwriting

OPTIONS = [
    *("--config", "tiny", "--model.hidden_size", "8", "--training.steps", "2", "--training.validate_every", "1"),
    *("--training.accelerator", "cpu"),
]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_handwriting.jsonl(tmp_path_factory.mktemp("data") / "lines.jsonl", tiny_handwriting.lines(18))


@pytest.fixture(scope="module")
def model(data: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    run = tmp_path_factory.mktemp("reader") / "run"
    assert cli.main(["train", "handwriting-reader", "--data", str(data), "--run", str(run), *OPTIONS]) == 0
    return str(run / "model")


@pytest.fixture
def drawing(tmp_path: Path) -> Path:
    line = tiny_handwriting.lines(1)[0]
    return Drawing(tuple(line["strokes"]), line["text"]).save(tmp_path / "a.json")


def test_training_leaves_a_model_and_its_settings(model: str) -> None:
    reader = hub.load(model)
    assert isinstance(reader, HandwritingReader)
    assert reader.config.alphabet == " " + tiny_handwriting.LETTERS
    assert reader.config.hidden_size == 8  # an option after the preset wins
    config = json.loads((Path(model).parent / "config.json").read_text())
    assert config["task"] == "handwriting-reader"
    assert config["model"]["channels"] == 16  # the preset's
    assert "Handwriting reader" in (Path(model) / "README.md").read_text()


def test_training_says_what_is_wrong(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def said(*options: str) -> str:
        assert cli.main(["train", "handwriting-reader", "--run", str(tmp_path / "run"), *OPTIONS, *options]) != 0
        return capsys.readouterr().err

    assert f"there is no handwriting data at {tmp_path / 'no'}" in said("--data", str(tmp_path / "no"))
    assert "leaves 0 lines to train on" in said("--data", str(data), "--model.alphabet", "xyz")
    assert "the list of suspects nowhere cannot be read" in said("--data", str(data), "--suspects", "nowhere")


def test_evaluation_counts_what_jiwer_counts(
    model: str, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import jiwer

    out = tmp_path / "figures.json"
    options = ["--model", model, "--data", str(data), "--lm", "words", "--json", str(out), "--worst", "2"]
    assert cli.main(["evaluate", "handwriting-reader", *options]) == 0
    shown = capsys.readouterr().out
    figures = json.loads(out.read_text())
    rows = figures.pop("worst_first")
    assert json.loads(shown[: shown.index("\n}") + 2]) == figures
    assert figures["lines"] == figures["clean_lines"] == len(rows) == 3
    for search in ("greedy", "beam", "lm"):
        wanted, found = [row["text"] for row in rows], [row[search] for row in rows]
        assert figures[search]["cer"] == pytest.approx(100 * jiwer.cer(wanted, found), abs=0.01)
        assert figures[search]["wer"] == figures[search]["clean_wer"]
    assert [row["errors"] for row in rows] == sorted((row["errors"] for row in rows), reverse=True)
    assert shown.rstrip().splitlines()[-2].strip() == rows[1]["text"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--beam", "0"], "beam and limit must be 1 or more"),
        (["--validation", "none"], "leave 18 to train on and 0 to validate on"),
        (["--json", "nowhere/a.json"], "the folder nowhere does not exist"),
        (["--model", "writer"], "writer is not a handwriting reader"),
        (["--lm", "writer"], "writer is no n-gram language model"),
    ],
)
def test_evaluation_says_what_is_wrong(
    options: list[str], sentence: str, model: str, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["evaluate", "handwriting-reader", "--model", model, "--data", str(data), *options]) != 0
    assert sentence in capsys.readouterr().err


def test_a_file_is_read_to_the_screen_or_to_a_file(
    model: str, drawing: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = hub.load(model).read(drawing).text
    assert cli.main(["read", str(drawing), "--model", model]) == 0
    assert capsys.readouterr().out == text + "\n"
    assert cli.main(["read", str(drawing), "--model", model, "--format", "json", "--alternatives", "1"]) == 0
    reading = json.loads(capsys.readouterr().out)
    assert (reading["text"], reading["source"]) == (text, str(drawing))
    assert len(reading["alternatives"]) == 1
    out, copy = tmp_path / "read.txt", tmp_path / "copy.json"
    copy.write_bytes(drawing.read_bytes())
    assert cli.main(["read", str(tmp_path), str(drawing), "--model", model, "-o", str(out)]) == 0
    assert capsys.readouterr().out == f"{out}: 2 read.\n"  # none twice
    assert out.read_text() == f"{drawing}: {text}\n{copy}: {text}\n"


def test_the_rest_is_read_where_one_cannot_be(model: str, drawing: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dot = drawing.with_name("dot.json")
    dot.write_text('{"strokes": [[[1, 1]]]}')
    assert cli.main(["read", str(dot), str(drawing), "nowhere.svg", "--model", model]) == 1
    shown = capsys.readouterr()
    assert shown.out.startswith(f"{drawing}: ")
    assert f"{dot} is a single dot, which says nothing." in shown.err
    assert re.search(r"nowhere\.svg does not exist", shown.err)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ([], "PATHS is missing"),
        (["a.json", "--format", "pdf"], "--format is pdf; txt or json would be right"),
        (["a.json", "--alternatives", "-1"], "--alternatives and --beam must be 0 or more"),
        (["a.json", "--out", "nowhere/a.txt"], "the folder nowhere does not exist"),
        (["a.json", "--model", "writer"], "writer is not a handwriting reader"),
    ],
)
def test_reading_says_what_is_wrong(options: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["read", *options]) != 0
    assert sentence in capsys.readouterr().err


def test_a_drawing_from_standard_input(
    model: str, drawing: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cli.main(["read", str(drawing), "--model", model]) == 0
    told = capsys.readouterr().out
    for more in ([], ["--out", "-"]):
        monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(drawing.read_bytes())))
        assert cli.main(["read", "-", "--model", model, *more]) == 0
        assert capsys.readouterr().out == told
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(b"")))
    assert cli.main(["read", "-", "--model", model]) == 1
    assert "standard input is empty" in capsys.readouterr().err
