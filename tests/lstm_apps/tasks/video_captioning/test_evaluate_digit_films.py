"""Films of moving digits on the command line: learned, measured, described."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("lightning")

from lstm_apps import cli
from lstm_apps.tasks.video_captioning.evaluate_digit_films import sentence_parts
from tests.helpers import tiny_images


def test_a_captioner_of_moving_digits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tiny_images.digits(tmp_path / "digits", 40)
    run = tmp_path / "run"
    train = ["train", "video-captioning", "--config", "digits", "--data", str(tmp_path / "digits"), "--run", str(run)]
    sizes = "--digits.size 16 --digits.frames 2 --digits.channels 8 --digits.hidden_size 4 --digits.decoder_size 16"
    few = "--films 64 --held-films 8 --training.steps 30 --training.batch_frames 16 --training.validate_every 15"
    assert cli.main([*train, *sizes.split(), *few.split(), "--training.precision", "32"]) == 0
    model, out = str(run / "model"), tmp_path / "figures.json"
    evaluate = ["evaluate", "video-captioning", "--data", str(tmp_path / "digits"), "--model", model]
    assert cli.main([*evaluate, "--limit", "30", "--json", str(out)]) == 0
    found = json.loads(out.read_text())
    assert found["figures"]["films"] == 30
    assert found["figures"]["exact"] == pytest.approx(100 * (1 - len(found["wrong"]) / 30))
    assert "30 films" in capsys.readouterr().out
    frames = [Image.fromarray(np.full((20, 20), 60 * number, np.uint8)) for number in range(4)]
    frames[0].save(tmp_path / "film.gif", save_all=True, append_images=frames[1:], duration=100)
    assert cli.main(["caption", str(tmp_path / "film.gif"), "--model", model, "--format", "json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["scenes"]) == 1
    assert cli.main(evaluate[:2] + evaluate[4:]) == 2
    assert "--data MNIST" in capsys.readouterr().err
    assert cli.main([*train[:4], "--run", str(run)]) == 2
    assert "images of digits" in capsys.readouterr().err


def test_parts_of_a_sentence() -> None:
    text = "the digit three moves to the right and up and the digit one stands still"
    assert sentence_parts(text) == [("three", "moves to the right and up"), ("one", "stands still")]
    assert sentence_parts("the digit digit three up") == []
