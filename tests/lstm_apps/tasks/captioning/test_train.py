"""Training a captioner, from the command line to a model that describes, and on from there."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

pytest.importorskip("lightning")

from lstm_apps.tasks.captioning.train import train
from lstm_apps.training.config import TrainingConfig
from lstm_models.checkpoints import hub
from lstm_models.errors import InputError
from lstm_models.nn.image_encoder import ImageConfig
from lstm_models.tasks.captioning.config import CaptionerConfig
from tests.helpers import tiny_photos

SMALL = CaptionerConfig(
    image=ImageConfig(backbone="tf_efficientnet_lite0", size=64), word_size=12, hidden_size=16, attention_size=8
)
SHORT = TrainingConfig(
    steps=4, batch_frames=100, warmup=2, precision="32", validate_every=2, accelerator="cpu", learning_rate=0.01
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_photos.folder(tmp_path_factory.mktemp("data"), 24)


@pytest.fixture(scope="module")
def trained(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a few steps."""
    run = tmp_path_factory.mktemp("runs") / "first"
    figures = train(str(data), str(run), SMALL, SHORT, features=str(run.parent / "features"), min_count=1)
    assert set(figures) >= {"validation_loss", "validation/reward", "validation/cross_entropy"}
    return run


def test_command_line_from_photos_to_a_caption(data: Path, tmp_path: Path) -> None:
    """The one test that starts Python anew, as a user does."""
    run = tmp_path / "run"
    command = [sys.executable, "-m", "lstm_apps", "train", "captioning", "--config", "tiny", "--data", str(data)]
    options = ["--run", str(run), "--features", str(tmp_path / "features"), "--training.steps", "4"]
    options += ["--training.validate_every", "2", "--training.accelerator", "cpu"]
    done = subprocess.run(
        [*command, *options], capture_output=True, text=True, timeout=280, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    assert done.returncode == 0, done.stderr
    said = done.stdout.strip().splitlines()[-1]
    assert re.fullmatch(rf"{run}/model: .*validation/reward [\d.]+, .*", said), said
    for word in ("Warning", "Tip", "Traceback"):
        assert word not in done.stderr + done.stdout
    config = json.loads((run / "config.json").read_text())
    assert config["task"] == "captioning"
    assert config["model"]["vocabulary"]
    caption = hub.load(run / "model").caption(tiny_photos.photo("red", "ball"))
    assert caption.text


def test_self_critical_training_goes_on_from_a_model(trained: Path, data: Path, tmp_path: Path) -> None:
    figures = train(
        str(data),
        str(tmp_path / "critical"),
        training=SHORT,
        init=str(trained / "model"),
        critical=True,
        features=str(trained.parent / "features"),
        min_count=1,
    )
    assert figures["validation/reward"] == -figures["validation_loss"]
    before, after = (hub.load(run / "model").state_dict() for run in (trained, tmp_path / "critical"))
    assert before.keys() == after.keys()
    assert any(not torch.equal(before[name], after[name]) for name in before)


def test_weights_between_two_models(trained: Path, data: Path, tmp_path: Path) -> None:
    fast = dataclasses.replace(SHORT, learning_rate=0.05)
    options = {"training": fast, "init": str(trained / "model"), "min_count": 1}
    for fraction in (1.0, 0.25):
        train(
            str(data),
            str(tmp_path / f"run{fraction}"),
            features=str(trained.parent / "features"),
            interpolation=fraction,
            **options,
        )  # type: ignore[arg-type]
    before, after, between = (
        hub.load(run / "model").state_dict() for run in (trained, tmp_path / "run1.0", tmp_path / "run0.25")
    )
    for name, value in between.items():
        torch.testing.assert_close(value, before[name].lerp(after[name], 0.25), atol=2e-3, rtol=2e-3)
    assert any((after[name] - before[name]).abs().max() > 0.02 for name in before)


def test_new_words_are_added_to_a_model(trained: Path, tmp_path: Path) -> None:
    folder = tiny_photos.folder(tmp_path / "mine", 20)
    table = (folder / "captions.csv").read_text().replace("ball", "zeppelin")
    (folder / "captions.csv").write_text(table)
    train(str(folder), str(tmp_path / "run"), training=SHORT, init=str(trained / "model"), min_count=1,
          features=str(tmp_path / "features"))  # fmt: skip
    before, after = (hub.load(run / "model").vocabulary.words for run in (trained, tmp_path / "run"))
    assert after == (*before, "zeppelin")


def test_the_model_is_that_of_the_best_validation(trained: Path, data: Path) -> None:
    """The very reward that training reported comes out of the saved model."""
    from lstm_datasets.captioning.readers import read_captions, split_photos
    from lstm_models.tasks.captioning.cider import CiderD

    model = hub.load(trained / "model")
    _, held = split_photos(read_captions(data))
    judge = CiderD([[model.vocabulary.encode(text) for text in photo.captions] for photo in held], end=None)
    said = [model.caption(photo.image(), beam=1, no_repeat=0, max_words=24, objects=False).text for photo in held]
    reward = judge.score([model.vocabulary.encode(text) for text in said], range(len(held))).mean()
    rows = (trained / "logs" / "version_0" / "metrics.csv").read_text().splitlines()
    column = rows[0].split(",").index("validation/reward")
    reported = [float(row.split(",")[column]) for row in rows[1:] if row.split(",")[column]]
    assert max(reported) == pytest.approx(reward, abs=0.05)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"critical": True}, "--init"),
        ({"versions": 0}, "at least 1"),
        ({"interpolation": 0.5}, "--init"),
        ({"interpolation": 1.5}, "at most 1"),
        ({"min_count": 1000}, "lower --min-count"),
        ({"validation": "test", "min_count": 1, "init": "writer"}, "is not a captioner"),
    ],
)
def test_what_cannot_be(data: Path, tmp_path: Path, options: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        train(str(data), str(tmp_path / "run"), SMALL, SHORT, features=str(tmp_path / "f"), **options)  # type: ignore[arg-type]
    assert not (tmp_path / "run" / "model").exists()
