"""The translator on the command line: trained on numbers in words, resumed, measured, and given files of all kinds."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
import torch

pytest.importorskip("lightning")
pytest.importorskip("sacrebleu")

from lstm_apps import cli
from lstm_apps.tasks.translation.commands import read_glossary
from lstm_models.checkpoints import hub
from lstm_models.errors import InputError
from lstm_models.tasks.translation.model import Translator
from tests.helpers import tiny_pairs

OPTIONS = "--config tiny --model.dropout 0 --pieces 300 --training.batch_frames 600 --training.learning_rate 0.01"
OPTIONS += " --training.warmup 20 --training.validate_every 100 --training.accelerator cpu"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    tiny_pairs.tsv(folder / "train.tsv", 1200)
    tiny_pairs.tsv(folder / "held.tsv", 60, seed=1)
    return folder


@pytest.fixture(scope="module")
def model(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    run = tmp_path_factory.mktemp("translator") / "run"
    train = ["train", "translation", "--data", str(folder / "train.tsv"), "--run", str(run), *OPTIONS.split()]
    assert cli.main([*train, "--training.steps", "100"]) == 0
    pieces = hub.load(run / "model").config.pieces
    assert cli.main([*train, "--training.steps", "200", "--resume", "true"]) == 0
    assert hub.load(run / "model").config.pieces == pieces
    return str(run / "model")


def test_training_learns_and_evaluation_measures_it(model: str, folder: Path, tmp_path: Path) -> None:
    assert isinstance(hub.load(model), Translator)
    out, better = tmp_path / "figures.json", tmp_path / "better"
    arguments = ["--data", str(folder / "held.tsv"), "--model", model, "--json", str(out), "--calibrate", str(better)]
    assert cli.main(["evaluate", "translation", *arguments]) == 0
    figures = json.loads(out.read_text())
    scores = figures["files"][str(folder / "held.tsv")]
    assert scores["bleu_lowercase"] > 85
    assert "case:lc" in scores["bleu_lowercase_signature"]
    assert "tok:13a" in scores["bleu_lowercase_signature"]
    assert len(figures["worst_first"]) == scores["sentences"]
    fitted = figures["calibration"]["fitted_on_all"]
    assert hub.load(better).config.temperature == pytest.approx(fitted["temperature"], abs=1e-4)


def test_interpolation_lies_on_the_line_through_the_first_and_the_trained_weights(
    model: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def trained(fraction: str) -> dict[str, torch.Tensor]:
        run = tmp_path / fraction
        arguments = ["--data", str(folder / "train.tsv"), "--run", str(run), *OPTIONS.split(), "--training.steps", "10"]
        assert cli.main(["train", "translation", *arguments, "--init", model, "--interpolation", fraction]) == 0
        return hub.load(run / "model").state_dict()

    before, whole, beyond, half = hub.load(model).state_dict(), trained("1"), trained("1.5"), trained("0.5")
    moved = (whole["bias"] - before["bias"]).abs().max()
    assert moved > 1e-3
    for name, first in before.items():
        step = 0.02 * whole[name].abs().max()  # of the 8 bits that matrices are stored in
        torch.testing.assert_close(beyond[name], first + 1.5 * (whole[name] - first), atol=step, rtol=0)
        torch.testing.assert_close(half[name], first + 0.5 * (whole[name] - first), atol=step, rtol=0)
    capsys.readouterr()
    for fraction, init in (("1.5", []), ("2.5", ["--init", model])):
        arguments = ["--data", str(folder / "train.tsv"), "--interpolation", fraction, *init]
        assert cli.main(["train", "translation", *arguments]) == 2
        assert "interpolation must be above 0 and at most 2" in capsys.readouterr().err


def test_texts_files_subtitles_and_glossaries(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def printed(*arguments: str) -> str:
        assert cli.main(["translate", "--model", model, *arguments]) == 0
        return capsys.readouterr().out

    assert printed("Nine eight seven.") == "Neun acht sieben.\n"
    line = json.loads(printed("Nine eight seven.", "--json", "true", "--n-best", "2"))
    assert line["text"] == "Neun acht sieben."
    assert line["sentences"][0]["alternatives"]
    assert "acht" in printed("Nine two seven.", "--glossary", "two=acht")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"One two three.")))
    assert printed("-") == "Eins zwei drei.\n"
    talk, notes = tmp_path / "talk.srt", tmp_path / "notes.txt"
    talk.write_text("1\n00:00:01,000 --> 00:00:02,000\nOne two three.\n", "utf-8")
    notes.write_text("One two three.\n\nNine eight seven.\n", "utf-8")
    out = tmp_path / "out"
    printed(str(talk), str(notes), "--out", str(out))
    assert (out / "talk.srt").read_text() == "1\n00:00:01,000 --> 00:00:02,000\nEins zwei drei.\n"
    assert (out / "notes.txt").read_text() == "Eins zwei drei.\n\nNeun acht sieben.\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "TEXT is missing"),
        (["x" * 10_000], "10,000 characters"),
        (["{folder}/binary.txt"], "zero bytes"),
        (["{folder}/empty.txt"], "is empty"),
        (["{folder}/broken.srt"], "these are not subtitles"),
        (["{folder}/latin.txt"], "not UTF-8"),
        (["nothing.txt"], "nothing.txt"),
        (["One.", "--glossary", "{folder}/none.tsv"], "none.tsv"),
        (["One.", "--glossary", "{folder}/broken.srt"], "is not a pair of terms"),
        (["One.", "--glossary", "one="], "empty term"),
        (["One.", "--glossary", "one"], "--glossary one is not a pair of terms, such as dog=Köter"),
        (["One.", "--to", "xx", "--model", ""], "--to is xx; one of de"),
        (["One.", "--to", "fr"], "--to names a bundled translator, and --model another"),
        (["One.", "--json", "--n-best", "9"], "n_best is 9"),
    ],
)
def test_bad_input_is_one_sentence_and_an_exit_code(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    (tmp_path / "binary.txt").write_bytes(b"\x7fELF\0\1\2")
    (tmp_path / "empty.txt").write_text(" \n")
    (tmp_path / "broken.srt").write_text("1\n00:00:01 -> 00:00:02\nOne.\n")
    (tmp_path / "latin.txt").write_bytes("Müller".encode("latin-1"))
    filled = [argument.format(folder=tmp_path) for argument in arguments]
    chosen = [] if "--model" in filled else ["--model", model]
    assert cli.main(["translate", *filled, *chosen]) != 0
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error


def test_utf16_is_read_and_a_name_stands_once_before_what_is_wrong(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "windows.txt").write_text("One two three.", "utf-16")
    (tmp_path / "cut.txt").write_bytes("One".encode("utf-16") + b"\0")
    broken = tmp_path / "broken.srt"
    broken.write_text("1\n00:00:01 -> 00:00:02\nOne.\n")
    assert cli.main(["translate", "--model", model, str(tmp_path), "--out", str(tmp_path / "out")]) == 1
    assert (tmp_path / "out" / "windows.txt").read_text("utf-8") == "Eins zwei drei."
    lines = capsys.readouterr().err.splitlines()
    assert f"lstm-models: {tmp_path / 'cut.txt'} is not a text: it has zero bytes." in lines
    assert any(line.startswith(f"lstm-models: {broken}: these are not subtitles") for line in lines)


def test_glossaries(tmp_path: Path) -> None:
    path = tmp_path / "terms.tsv"
    path.write_text("dog\tKöter\n\nguide dog\tBlindenhund\n", "utf-8")
    assert read_glossary(str(path)) == [("dog", "Köter"), ("guide dog", "Blindenhund")]
    assert read_glossary("dog=Köter") == [("dog", "Köter")]
    path.write_text("dog\tKöter\n", "utf-16")
    assert read_glossary(str(path)) == [("dog", "Köter")]
    path.write_bytes(b"\xff\xff")
    with pytest.raises(InputError, match="not UTF-8"):
        read_glossary(str(path))
