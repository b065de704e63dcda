"""Video prediction on the command line: trained for seconds, measured, and asked how films go on."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("lightning")

from PIL import Image

from lstm_apps import cli
from lstm_models.io.films import read_film
from tests.helpers import tiny_digits, tiny_films

FILM = tiny_digits.crossing(8, 32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    tiny_digits.idx(folder / "train-images-idx3-ubyte.gz")
    tiny_digits.gif(folder / "a.gif", FILM)
    return folder


@pytest.fixture(scope="module")
def model(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    run = tmp_path_factory.mktemp("predictor") / "run"
    train = ["train", "video-prediction", "--config", "tiny", "--data", str(folder / "train-images-idx3-ubyte.gz")]
    assert cli.main([*train, "--run", str(run), "--training.steps", "10"]) == 0
    assert cli.main([*train, "--run", str(run), "--resume", "true"]) == 0
    return str(run / "model")


def test_evaluation(model: str, folder: Path, tmp_path: Path) -> None:
    out, forecasts = tmp_path / "figures.json", tmp_path / "forecasts.npz"
    data = str(folder / "train-images-idx3-ubyte.gz")
    arguments = ["--data", data, "--model", model, "--films", "5", "--steps", "4", "--json", str(out)]
    assert cli.main(["evaluate", "video-prediction", *arguments, "--forecasts", str(forecasts)]) == 0
    figures = json.loads(out.read_text())
    arrays = np.load(forecasts)
    assert arrays["truth"].shape == arrays["forecast"].shape == (5, 4, 32, 32)
    black = np.square(arrays["truth"].astype(float)).sum((2, 3))
    copied = np.square(arrays["truth"].astype(float) - arrays["given"][:, -1:]).sum((2, 3))
    assert figures["mse_black"] == pytest.approx(black.mean(), abs=1e-3)
    assert figures["by_step"]["mse_copy_last"] == pytest.approx(copied.mean(0).tolist(), abs=1e-2)
    wanted = np.square(arrays["truth"].astype(float) - arrays["forecast"]).sum((2, 3)).mean()
    assert figures["mse"] == pytest.approx(wanted, abs=1e-3)
    assert figures["films"] == 5


def test_evaluation_of_films(model: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["evaluate", "video-prediction", "--data", str(folder / "a.gif"), "--model", model]) == 1
    assert "no film has 14 frames" in capsys.readouterr().err
    arguments = ["--data", str(folder / "a.gif"), "--model", model, "--steps", "3"]
    assert cli.main(["evaluate", "video-prediction", *arguments]) == 0
    assert '"films": 1' in capsys.readouterr().out


def test_one_film_to_a_file(model: str, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "forecast.gif"
    assert cli.main(["predict-video", str(folder / "a.gif"), "--steps", "3", "--out", str(out), "--model", model]) == 0
    with Image.open(out) as picture:
        assert picture.n_frames == 4 + 3
    out = tmp_path / "forecast.mp4"
    command = ["predict-video", str(folder / "a.gif"), "--steps", "3", "--rate", "5", "--model", model]
    assert cli.main([*command, "--out", str(out)]) == 0
    film = read_film(out)
    assert len(film.times) == 4 + 3 + 3  # the last stands for 0.8 s
    assert film.rate == pytest.approx(5, rel=0.01)


def test_several_films_to_a_folder(
    model: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a").mkdir()
    for number, frame in enumerate(FILM):
        Image.fromarray(frame).save(tmp_path / "a" / f"{number}.png")
    (tmp_path / "c.mp4").write_bytes(tiny_films.video(tiny_films.square_frames(6)))
    (tmp_path / "d.gif").write_bytes(b"GIF89a")
    paths = [str(folder / "a.gif"), *(str(tmp_path / name) for name in ("a", "c.mp4", "d.gif"))]
    out = tmp_path / "out"
    assert cli.main(["predict-video", *paths, "--out", str(out), "--format", "npy", "--model", model]) == 1
    assert sorted(path.name for path in out.iterdir()) == ["a-1.npy", "a-2.npy", "c.npy"]
    np.testing.assert_allclose(np.load(out / "a-1.npy"), np.load(out / "a-2.npy"), atol=1e-5)
    error = capsys.readouterr().err
    assert "d.gif" in error
    assert "1 of 4 films could not be read" in error
    assert "scaled to fit into 32 × 32" in error


def test_json_a_summary_and_standard_input(
    model: str, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import io
    import sys

    assert cli.main(["predict-video", str(folder / "a.gif"), "--model", model, "--steps", "2", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert np.shape(content["frames"]) == (2, 32, 32)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO((folder / "a.gif").read_bytes())))
    assert cli.main(["predict-video", "-", "--model", model, "--steps", "2"]) == 0
    assert "4 frames given, 2 forecast" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "PATHS is missing"),
        (["a.gif", "--steps", "0"], "from 1 to 1,000"),
        (["a.gif", "--out", "a.txt"], "saved as .gif"),
        (["a.gif", "--format", "avi"], "saved as .gif"),
        (["a.gif", "--rate", "0"], "--rate must be"),
        (["a.gif", "--every", "-1"], "--every must be"),
        (["a.gif", "--end", "0.05"], "1 frame; at least 2"),
        (["none.gif"], "none.gif"),
        (["empty.gif"], "empty"),
        (["text.gif"], "not a film that can be read"),
        (["nothing"], "no "),
    ],
)
def test_wrong_calls_are_one_sentence(
    arguments: list[str], sentence: str, model: str, folder: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str], tmp_path: Path,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    Path("a.gif").write_bytes((folder / "a.gif").read_bytes())
    Path("empty.gif").write_bytes(b"")
    Path("text.gif").write_bytes(b"hello, this is no film")
    Path("nothing").mkdir()
    assert cli.main(["predict-video", *arguments, "--model", model]) in (1, 2)
    error = capsys.readouterr().err
    assert sentence in error
    assert "Traceback" not in error
    assert not Path("a.txt").exists()


@pytest.mark.parametrize("preset", ["tiny", "films"])
def test_films_of_ones_own(preset: str, tmp_path: Path) -> None:
    for number in range(3):
        tiny_digits.gif(tmp_path / f"{number}.gif", np.roll(tiny_digits.crossing(9, 32), number, 2))
    small = "--model.given 4 --model.ahead 3 --model.height 32 --model.width 32 --model.stem_channels 8"
    small += " --model.hidden_channels 8 --model.layers 1 --training.steps 3 --training.batch_frames 21"
    small += " --training.precision 32 --training.accelerator cpu"
    train = ["train", "video-prediction", "--config", preset, "--data", str(tmp_path), "--run", str(tmp_path / "run")]
    assert cli.main([*train, *small.split()]) == 0
    out = tmp_path / "out.npy"
    film = str(tmp_path / "0.gif")
    assert cli.main(["predict-video", film, "--model", str(tmp_path / "run/model"), "--out", str(out)]) == 0
    assert np.load(out).shape == (10, 32, 32)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--variety", "2"], "--variety from 0 to 1"),
        (["--films", "0"], "--films"),
        (["--model.objects", "9"], "objects must be from 0 to 5"),
        (["--data", "none-idx3-ubyte"], "cannot be read"),
    ],
)
def test_wrong_training(
    options: list[str], sentence: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train = ["train", "video-prediction", "--config", "tiny", "--run", str(tmp_path / "run")]
    if "--data" not in options:
        train += ["--data", str(folder / "train-images-idx3-ubyte.gz")]
    assert cli.main([*train, *options]) in (1, 2)
    assert sentence in capsys.readouterr().err


def test_films_that_are_too_short(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tiny_digits.gif(tmp_path / "a.gif", FILM[:3])
    train = ["train", "video-prediction", "--config", "tiny", "--data", str(tmp_path), "--run", str(tmp_path / "run")]
    assert cli.main(train) == 1
    assert "give more or longer films" in capsys.readouterr().err
