"""`lstm-models models` and `export`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

import lstm_models
from lstm_apps import cli
from lstm_models.checkpoints import hub
from lstm_models.checkpoints.registry import model_class
from tests.helpers.toy_commands import refused

pytestmark = pytest.mark.usefixtures("toys")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A checkpoint of a small writer, as if bundled."""
    torch.manual_seed(0)
    writer = lstm_models.HandwritingWriter(lstm_models.WriterConfig(alphabet="ab ", hidden_size=8))
    return hub.save(writer, tmp_path / "weights" / "scribe", card="# Scribe\n\nWrites a and b.\n\nMore.\n")


def test_models(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(hub, "WEIGHTS", folder.parent)
    assert cli.main(["models"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("scribe  ")
    assert out.rstrip().endswith("Writes a and b.")
    assert cli.main(["models", "scribe"]) == 0
    assert capsys.readouterr().out == "# Scribe\n\nWrites a and b.\n\nMore.\n"
    assert "did you mean “scribe”?" in refused(capsys, "models", "scrib")


def test_weights_are_counted_from_the_header(folder: Path) -> None:
    from lstm_apps.cli.models import weight_count

    model = hub.load(folder)
    assert weight_count(folder / "model.safetensors") == sum(value.numel() for value in model.state_dict().values())


def test_models_without_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr(hub, "WEIGHTS", tmp_path)
    assert "no bundled models" in refused(capsys, "models", code=1)


def test_export(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "mine"
    assert cli.main(["export", str(folder), "--to", str(target), "--no-half"]) == 0
    capsys.readouterr()
    assert (target / "README.md").read_text() == (folder / "README.md").read_text()
    ours, theirs = hub.load(target).state_dict(), hub.load(folder).state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    assert json.loads((target / "config.json").read_text())["model"] == "handwriting-writer"
    assert "is a file" in refused(capsys, "export", str(folder), "--to", str(folder / "config.json"))
    assert cli.main(["export", str(folder), "--to", str(target)]) == 0  # over a model of before


@pytest.mark.parametrize("to", ["", "project", "none/scribe.onnx"])
def test_export_leaves_what_is_there(
    to: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "README.md").write_text("mine")
    monkeypatch.chdir(tmp_path)
    sentence = {
        "": "--to is empty",
        "project": "project holds other files than a model's: name a new folder",
        "none/scribe.onnx": "none/scribe.onnx cannot be written: the folder none does not exist",
    }[to]
    assert sentence in refused(capsys, "export", str(folder), "--to", to, code=1 if to.endswith("x") else 2)
    assert (tmp_path / "project" / "README.md").read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["project", "weights"]


@pytest.mark.parametrize("int8", [False, True])
def test_export_of_the_stack_as_onnx(int8: bool, folder: Path, tmp_path: Path, capsys: Any) -> None:
    """The file gives in onnxruntime what the model's own stack gives."""
    onnxruntime = pytest.importorskip("onnxruntime")
    target = tmp_path / "stack.onnx"
    assert cli.main(["export", str(folder), "--to", str(target), "--part", "upper", *(["--int8"] if int8 else [])]) == 0
    assert "“upper”" in capsys.readouterr().out
    stack = hub.load(folder).upper
    torch.manual_seed(1)
    x, state = torch.randn(2, 5, stack.input_size), stack.initial_state(2)
    with torch.no_grad():
        expected, _ = stack(x)
    session = onnxruntime.InferenceSession(str(target), providers=["CPUExecutionProvider"])
    lengths = torch.tensor([5, 5])
    feed = {"x": x.numpy(), "lengths": lengths.numpy(), "h": state.h.numpy(), "c": state.c.numpy()}
    output = torch.from_numpy(session.run(["output"], feed)[0])
    assert torch.allclose(output, expected, atol=0.05 if int8 else 1e-5)
    assert output.abs().max() > 0.05


def test_export_of_a_stack_that_is_not_there(folder: Path, tmp_path: Path, capsys: Any) -> None:
    to = ["--to", str(tmp_path / "stack.onnx")]
    assert "it has “upper”" in refused(capsys, "export", str(folder), *to, "--part", "lower")
    assert "end" in refused(capsys, "export", str(folder), "--to", str(tmp_path / "copy"), "--int8")
    flat = lstm_models.HandwritingWriter(lstm_models.WriterConfig(alphabet="ab ", hidden_size=8, layers=1))
    hub.save(flat, tmp_path / "flat", card="# Flat\n")
    assert "has no LSTM stack" in refused(capsys, "export", str(tmp_path / "flat"), *to, "--part", "upper")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["flat", "weights"]


@pytest.mark.parametrize("name", hub.available())
def test_every_bundled_model_has_an_onnx_form(name: str, tmp_path: Path, capsys: Any) -> None:
    """The whole network, checked beside each network in its own test; the n-gram model, which is none, says so."""
    config = json.loads((hub.WEIGHTS / name / "config.json").read_text())
    if config["model"] != "ngram":
        assert hasattr(model_class(config["model"]), "export_onnx")
    else:
        sentence = refused(capsys, "export", name, "--to", str(tmp_path / "words.onnx"))
        assert f"{name} has no LSTM stack to write as ONNX; export it to a folder." in sentence
