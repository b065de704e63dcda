"""Training a handwriting writer, from the command line to a model that writes."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("lightning")

from lstm_apps import cli
from lstm_apps.tasks.handwriting.train import fit_to_data, repeats_of_rare, train
from lstm_apps.training.config import TrainingConfig
from lstm_datasets.handwriting.readers import HandwritingLine, read_lines
from lstm_models.checkpoints import hub
from lstm_models.errors import InputError
from lstm_models.tasks.handwriting.config import WriterConfig
from lstm_models.tasks.handwriting.features import StrokeFeatures
from lstm_models.tasks.handwriting.model import HandwritingWriter
from tests.helpers import tiny_handwriting

SMALL = WriterConfig(hidden_size=8, text_size=4, components=2, mixtures=2, style_size=2)
SHORT = TrainingConfig(
    steps=4, batch_frames=800, warmup=2, precision="32", validate_every=2, accelerator="cpu", learning_rate=0.01
)
OPTIONS = [
    *("--config", "tiny", "--model.hidden_size", "8", "--training.steps", "4", "--training.batch_frames", "800"),
    *("--training.warmup", "2", "--training.validate_every", "2", "--training.accelerator", "cpu"),
]


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return tiny_handwriting.jsonl(tmp_path_factory.mktemp("data") / "lines.jsonl", tiny_handwriting.lines(18, words=3))


def test_command_line_from_lines_to_a_drawing(data, tmp_path):
    """The one test that starts Python anew, as a user does."""
    run = tmp_path / "run"
    command = [sys.executable, "-m", "lstm_apps", "train", "handwriting", "--data", str(data), "--run", str(run)]
    done = subprocess.run(
        [*command, *OPTIONS], capture_output=True, text=True, timeout=280, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    assert done.returncode == 0, done.stderr
    said = done.stdout.strip().splitlines()[-1]
    assert re.fullmatch(rf"{run}/model: .*validation/nats -?[\d.]+, .*validation_loss -?[\d.]+", said)
    for word in ("Warning", "Tip", "Traceback"):
        assert word not in done.stderr + done.stdout
    config = json.loads((run / "config.json").read_text())
    assert config["task"] == "handwriting"
    assert config["data"] == str(data)
    assert config["model"]["hidden_size"] == 8  # an option after the preset wins
    assert config["model"]["mixtures"] == 6  # the preset's
    assert config["model"]["alphabet"] == " " + tiny_handwriting.LETTERS
    assert config["training"]["precision"] == "32"
    writer = hub.load(str(run / "model"))
    assert isinstance(writer, HandwritingWriter)
    assert writer.styles == ("10000", "10001", "10002")
    assert json.loads(json.dumps(dataclasses.asdict(writer.config))) == config["model"]
    assert "Handwriting writer" in (run / "model" / "README.md").read_text()
    # As good as the checkpoint that validated best
    best = torch.load(run / "checkpoints" / "best.ckpt", weights_only=True)["state_dict"]
    for name, value in writer.state_dict().items():
        torch.testing.assert_close(value, best[f"model.{name}"], rtol=1e-3, atol=1e-4)  # stored in half precision
    out = tmp_path / "tea.svg"
    assert cli.main(["write", "tea", "--model", str(run / "model"), "--seed", "1", "-o", str(out)]) == 0
    assert out.read_text().startswith("<?xml") or out.read_text().startswith("<svg")


def test_help_documents_every_option(capsys):
    assert cli.main(["train", "handwriting", "--help"]) == 0
    text = capsys.readouterr().out
    explained = dict(re.findall(r"^  (--[\w.-]+)[^\n]*?\n? {2,}([^\s-][^\n]*)", text, re.MULTILINE))
    names = [f"--training.{field.name}" for field in dataclasses.fields(TrainingConfig)]
    names += [f"--model.{field.name}" for field in dataclasses.fields(WriterConfig) if field.name != "features"]
    names += [f"--model.features.{field.name}" for field in dataclasses.fields(StrokeFeatures)]
    names += ["--data", "--run", "--suspects", "--validation", "--raw", "--slant", "--scale", "--rare", "--resume"]
    names += ["--init", "--prediction"]
    for name in names:
        assert name in text, name
        assert len(explained.get(name, "")) > 8, f"{name} is not explained: {explained.get(name)}"
    assert "tiny, small, base" in text


def test_seed_makes_the_weights(data, tmp_path):
    states = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        torch.manual_seed(len(states))  # what came before does not matter
        train(str(data), str(tmp_path / name), SMALL, dataclasses.replace(SHORT, steps=2, seed=seed))
        states.append(torch.load(tmp_path / name / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"])
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())
    assert not torch.equal(states[0]["model.head.weight"], states[2]["model.head.weight"])


def test_figures_are_those_of_the_saved_model(data, tmp_path):
    figures = train(str(data), str(tmp_path), SMALL, SHORT, slant=0.1, scale=0.1)
    from lstm_apps.tasks.handwriting.evaluate import likelihood
    from lstm_datasets.handwriting.readers import clean, split_lines

    held = clean(split_lines(read_lines(data))[1])
    measured = likelihood(hub.load(str(tmp_path / "model")), held)
    assert measured["nats_a_line"] == pytest.approx(figures["validation/nats"], rel=2e-3)
    assert figures["validation/nats"] == pytest.approx(
        figures["validation/moves"] + figures["validation/lifts"], rel=1e-4
    )


def test_going_on_from_a_writer(data, tmp_path):
    """Its sizes, alphabet and styles stay; a new writer starts as the usual hand."""
    train(str(data), str(tmp_path / "first"), SMALL, SHORT)
    first = str(tmp_path / "first" / "model")
    before = hub.load(first)
    mine = [line | {"writer": "me"} for line in tiny_handwriting.lines(4, words=2)]
    ours = tiny_handwriting.jsonl(tmp_path / "mine.jsonl", mine)
    options = dataclasses.replace(SHORT, steps=1, learning_rate=1e-9)
    figures = train(
        str(ours), str(tmp_path / "second"), WriterConfig(), options, init=str(tmp_path / "first" / "model")
    )
    after = hub.load(str(tmp_path / "second" / "model"))
    assert after.styles == (*before.styles, "me")
    assert after.config == dataclasses.replace(before.config, styles=after.styles)
    torch.testing.assert_close(after.style.weight[:-1], before.style.weight, rtol=0, atol=1e-3)
    torch.testing.assert_close(after.style.weight[-1], before.style.weight[0], rtol=0, atol=1e-3)
    torch.testing.assert_close(after.head.weight, before.head.weight, rtol=0, atol=1e-3)
    assert np.isfinite(figures["validation/nats"])
    with pytest.raises(InputError, match="words is not a handwriting writer"):
        train(str(ours), str(tmp_path / "third"), SMALL, SHORT, init="words")


def test_prediction_never_sees_a_text(data, tmp_path, monkeypatch):
    seen, loss = set(), HandwritingWriter.loss

    def watched(self, batch):
        seen.update(batch["text"].flatten().tolist())
        return loss(self, batch)

    monkeypatch.setattr(HandwritingWriter, "loss", watched)
    train(str(data), str(tmp_path), SMALL, SHORT, prediction=True)
    assert seen == {0}
    assert hub.load(str(tmp_path / "model")).config.alphabet == " " + tiny_handwriting.LETTERS


def test_stopped_from_outside_and_resumed(data, tmp_path, monkeypatch, capsys):
    command = ["train", "handwriting", "--data", str(data), *OPTIONS, "--slant", "0.1", "--model.dropout", "0.2"]
    assert cli.main([*command, "--run", str(tmp_path / "whole")]) == 0
    loss, steps = HandwritingWriter.loss, []

    def stopping(self, batch):
        steps.append(self.training)
        if sum(steps) == 3:
            os.kill(os.getpid(), signal.SIGTERM)
        return loss(self, batch)

    monkeypatch.setattr(HandwritingWriter, "loss", stopping)
    capsys.readouterr()
    assert cli.main([*command, "--run", str(tmp_path / "run")]) == 143
    assert capsys.readouterr().err.strip().splitlines()[-1] == (
        "lstm-models: stopped after step 3 of 4: the same command with --resume goes on."
    )
    assert not (tmp_path / "run" / "model").exists()
    assert cli.main([*command, "--run", str(tmp_path / "run")]) == 1
    assert "holds a run already: add --resume" in capsys.readouterr().err
    assert cli.main([*command, "--run", str(tmp_path / "run"), "--resume"]) == 0
    models = [hub.load(str(tmp_path / name / "model")).state_dict() for name in ("whole", "run")]
    assert all(torch.equal(value, models[1][name]) for name, value in models[0].items())


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--data", "{folder}/nothing.jsonl"], 1, "there is no handwriting data at {folder}/nothing.jsonl"),
        (["--data", "{data}", "--validation", "test"], 1, "0 to validate on"),
        (["--data", "{data}", "--suspects", "{folder}/names.txt"], 1, "list of suspects {folder}/names.txt cannot"),
        (["--data", "{data}", "--training.batch_frames", "20"], 2, "training.batch_frames must be at least"),
        (["--data", "{data}", "--training.precision", "8"], 2, "training.precision must be 32 or bf16, not 8"),
        (["--data", "{data}", "--training.learning_rate", "fast"], 2, "--training.learning_rate is fast; a number"),
        (["--data", "{data}", "--model.hidden_size", "0"], 2, "hidden_size must be at least 1, not 0"),
        (["--data", "{data}", "--model.features.arc", "0"], 2, "arc must be above 0, not 0"),
        (["--data", "{data}", "--resume"], 1, "there is no run to resume"),
        (["--data", "{dots}"], 1, "holds no clean lines to train and to validate on"),
        ([], 2, "--data is missing"),
    ],
)
def test_what_goes_wrong(arguments, code, said, data, tmp_path, capsys):
    dots = tmp_path / "dots.json"
    dots.write_text(json.dumps([{"text": ".", "strokes": [[[0, 0]]]}] * 30))
    names = {"folder": str(tmp_path), "data": str(data), "dots": str(dots)}
    command = ["train", "handwriting", "--run", str(tmp_path / "run"), *OPTIONS]
    assert cli.main([*command, *(each.format(**names) for each in arguments)]) == code
    err = capsys.readouterr().err.strip()
    assert said.format(**names) in err
    assert len(err.splitlines()) == 1
    assert not (tmp_path / "run").exists()


# What the data decide -----------------------------------------------------------------------------------------------


def line(text: str, writer: str = "", points: int = 20) -> HandwritingLine:
    stroke = np.stack([np.arange(points) * 3.0, 10 * np.sin(np.arange(points))], 1).astype(np.float32)
    return HandwritingLine((stroke,), text, writer=writer)


def test_alphabet_styles_and_features_come_from_the_data():
    lines = [line("abc", "9"), line("ab", "7"), line("a")]
    config = fit_to_data(WriterConfig(features=StrokeFeatures(resample=False)), lines)
    assert config.alphabet == "abc"
    assert config.styles == ("7", "9")
    assert config.features.mean[0] == pytest.approx(3)
    assert config.step == pytest.approx(6 / 60)
    assert fit_to_data(config, [line("xyz", "1")]) == config  # what is given stays
    assert fit_to_data(WriterConfig(style_size=0), lines).styles == ()


def test_many_lines_leave_out_rare_characters():
    lines = [line("ab")] * 1000 + [line("q"), line("q")]
    assert fit_to_data(WriterConfig(features=StrokeFeatures(resample=False)), lines).alphabet == "ab"


def test_lines_with_rare_characters_come_more_often():
    lines = [line("e")] * 100 + [line("ez")] * 5 + [line("eq")]
    assert repeats_of_rare(lines, 20) == [1] * 100 + [2] * 5 + [4]
    assert repeats_of_rare(lines, 10_000)[-1] == 5


def test_raw_lines_are_not_cleaned(tmp_path):
    records = tiny_handwriting.lines(12)
    records[1]["text"] = records[6]["text"] = "#"
    path = tiny_handwriting.jsonl(tmp_path / "lines.jsonl", records)
    model = dataclasses.replace(SMALL, style_size=0, features=StrokeFeatures(resample=False))
    training = dataclasses.replace(SHORT, steps=1, batch_frames=4000)
    for raw, held in ((True, [records[0], records[6]]), (False, [records[0]])):
        figures = train(str(path), str(tmp_path / str(raw)), model, training, raw=raw, rare=0)
        points = sum(sum(map(len, record["strokes"])) - 1 for record in held)
        assert figures["validation/loss"] * len(held) == pytest.approx(figures["validation_loss"] * points, rel=1e-4)


def test_list_of_suspects(data, tmp_path):
    from lstm_datasets.handwriting.readers import read_names

    (tmp_path / "names.txt").write_text("a01-000u-02\na01-001w-01\n")
    assert read_names(str(tmp_path / "names.txt")) == ["a01-000u-02", "a01-001w-01"]
    assert read_names(None) == []
    (tmp_path / "names.txt").write_bytes(b"\xff\xff")
    with pytest.raises(InputError, match=r"names\.txt cannot be read"):
        read_names(str(tmp_path / "names.txt"))
