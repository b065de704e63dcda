"""Image generation on the command line: trained on bars, measured, and asked for images."""

from __future__ import annotations

import io
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("lightning")

from lstm_apps import cli
from lstm_apps.tasks.image_generation.metrics import nearest_kinds
from lstm_models.checkpoints import hub
from lstm_models.tasks.image_generation.config import ImageGeneratorConfig
from lstm_models.tasks.image_generation.model import ImageGenerator
from lstm_models.tasks.image_generation.sentence_model import SentenceImageGenerator
from tests.helpers import tiny_images

OPTIONS = "--config tiny --model.image_size 12 --training.learning_rate 0.01 --kl-warmup 1 --training.validate_every 60"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    tiny_images.mnist(folder)
    return folder


@pytest.fixture(scope="module")
def model(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    run = tmp_path_factory.mktemp("generator") / "run"
    train = ["train", "image-generation", "--data", str(folder), "--run", str(run), *OPTIONS.split()]
    assert cli.main([*train, "--training.steps", "60"]) == 0
    assert cli.main([*train, "--training.steps", "300", "--resume", "true"]) == 0
    return str(run / "model")


def test_training_learns_and_evaluation_measures_it(model: str, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "figures.json"
    arguments = ["--data", str(folder), "--model", model, "--json", str(out), "--samples", "5", "--drawn", "40"]
    assert cli.main(["evaluate", "image-generation", *arguments]) == 0
    figures = json.loads(out.read_text())
    assert figures["images"] == 200
    assert figures["bound"] < 40  # bars at 7 places, two kinds: 2.6 nats; a pixel by itself: 144 * 0.5
    assert figures["importance_weighted"] < figures["weighted_bound"]
    assert figures["bound_by_kinds"] == pytest.approx(figures["bound_given_kind"] + np.log(2))
    assert figures["drawn_as_wanted"] > 80
    assert figures["real_images_named"] > 95


def test_drawings_in_files_and_on_the_screen(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.gif", "a.svg", "a.json", "a.npy", "a.webp", "a.mp4", "a.webm"):
        assert cli.main(["generate", "10", "--model", model, "--seed", "3", "--out", str(tmp_path / name)]) == 0
    assert "(seed 3)" in capsys.readouterr().out
    assert np.load(tmp_path / "a.npy").shape == (12, 24)
    assert cli.main(["generate", "--model", model, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["label"], found["width"]) == ("any", 12)
    screen = SimpleNamespace(buffer=io.BytesIO(), flush=lambda: None, write=lambda text: None, isatty=lambda: False)
    with monkeypatch.context() as patch:
        patch.setattr("sys.stdout", screen)
        assert cli.main(["generate", "1", "--model", model, "--out", "-", "--scale", "2"]) == 0
    assert Image.open(io.BytesIO(screen.buffer.getvalue())).size == (24, 24)


def test_half_an_image_is_finished(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    image = np.zeros((12, 12), np.uint8)
    image[1:6, 5:8] = 255  # the upper half of a bar that stands
    Image.fromarray(image).save(tmp_path / "half.png")
    out = tmp_path / "whole.npy"
    words = ["generate", "--complete", str(tmp_path / "half.png"), "--missing", "bottom", "--model", model]
    assert cli.main([*words, "--seed", "1", "--out", str(out)]) == 0
    whole = np.load(out)
    np.testing.assert_array_equal(whole[:6], image[:6] / 255)
    assert whole[7:10, 5:8].mean() > 0.6
    assert whole[7:10, :4].mean() < 0.3
    content = (tmp_path / "half.png").read_bytes()
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(content)))
    assert cli.main(["generate", "1", "--complete", "-", "--missing", "bottom", "--model", model, "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["label"] == "1"


def test_a_folder_of_halves_is_finished(model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    halves = tmp_path / "halves"
    halves.mkdir()
    image = np.zeros((12, 12), np.uint8)
    image[1:6, 5:8] = 255
    for name in ("a", "b"):
        Image.fromarray(image).save(halves / f"{name}.png")
    (halves / "c.png").write_bytes(b"no picture")
    words = ["generate", "--complete", str(halves), "--missing", "bottom", "--model", model, "--seed", "1"]
    assert cli.main([*words, "--out", str(tmp_path / "whole"), "--format", "npy", "--candidates", "2"]) == 1
    assert "1 of 3 pictures could not be finished" in capsys.readouterr().err
    assert sorted(path.name for path in (tmp_path / "whole").iterdir()) == ["a.npy", "b.npy"]
    np.testing.assert_array_equal(np.load(tmp_path / "whole" / "a.npy")[:6], image[:6] / 255)
    (halves / "c.png").unlink()
    assert cli.main([*words, "--json", "--candidates", "2"]) == 0
    assert [Path(json.loads(line)["file"]).name for line in capsys.readouterr().out.splitlines()] == ["a.png", "b.png"]
    for more, message in ((["--out", "a.png"], "name one for --out"), (["--format", "bmp", "--out", "x"], "saved as")):
        assert cli.main([*words, *more]) != 0
        assert message in capsys.readouterr().err


def test_sentences_are_learned_measured_and_drawn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny_images.digits(tmp_path / "digits", 40)
    digits = ImageGenerator(ImageGeneratorConfig("0 1 2 3 4 5 6 7 8 9", 28, 4, 3, 5, 3, 8, 8)).eval()
    drawer = hub.save(digits, tmp_path / "drawer", card="# Digits")
    run = tmp_path / "run"
    train = ["train", "image-generation", "--config", "sentences", "--run", str(run), "--layout.generator", str(drawer)]
    few = "--training.steps 60 --training.validate_every 30 --scenes 2000 --validation-images 20"
    assert cli.main([*train, *few.split()]) == 0
    model = str(run / "model")
    out = tmp_path / "figures.json"
    evaluate = ["evaluate", "image-generation", "--data", str(tmp_path / "digits"), "--model", model]
    assert cli.main([*evaluate, "--drawn", "5", "--json", str(out)]) == 0
    figures = json.loads(out.read_text())
    for name in ("two_digits", "new_pairs", "one_digit"):
        assert figures[f"{name}_as_said"] <= figures[f"{name}_digits_right"] <= 100
        assert figures[f"{name}_real_as_said"] > 70  # printed digits, which are all alike
    capsys.readouterr()
    sentence = "a three above a seven on the left"
    picture = str(tmp_path / "scene.gif")
    assert cli.main(["generate", sentence, "--model", model, "--seed", "1", "--out", picture]) == 0
    asked = []
    loaded = hub.load_as(SentenceImageGenerator, model)
    assert loaded.generator.config == digits.config
    with monkeypatch.context() as patch:
        patch.setattr(hub, "load_as", lambda kind, name: asked.append(name) or loaded)
        capsys.readouterr()
        assert cli.main(["generate", sentence, "--json"]) == 0
    assert asked == ["image-generator-sentences"]
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found["words"] == sentence.split()
    assert found["width"] == 56
    for wrong, message in (
        (["train", "image-generation", "--config", "tiny"], "--data MNIST"),
        ([*train, "--data", str(tmp_path)], "--data goes without"),
        ([*train, "--layout.words", "a"], "lacks words"),
        ([*train, "--scenes", "0"], "--scenes"),
    ):
        assert cli.main(wrong) == 2
        assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([""], "the text is empty"),
        (["7"], "not something that this model draws"),
        (["1", "--out", "a.bmp"], "saved as"),
        (["1", "--out", "no/folder/a.gif"], "no/folder"),
        (["1", "--scale", "0"], "--scale"),
        (["1", "--temperature", "9"], "temperature"),
        (["1", "--missing", "top"], "--complete"),
        (["--complete", "nothing.png"], "does not exist"),
        (["--complete", "."], "name one for --out"),
        (["1", "--candidates", "0"], "candidates"),
        (["1", "--seed", "-4"], "seed"),
    ],
)
def test_what_cannot_be_is_a_sentence(
    model: str, words: list[str], message: str, capsys: pytest.CaptureFixture[str], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert cli.main(["generate", *words, "--model", model]) != 0
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_options_of_training_and_evaluation(folder: Path, model: str, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (
        ["train", "image-generation", "--data", str(folder), "--validation-images", "0"],
        ["evaluate", "image-generation", "--data", str(folder), "--model", model, "--samples", "0"],
    ):
        assert cli.main(words) == 2
    assert "--samples" in capsys.readouterr().err


def test_a_folder_of_pictures(tmp_path: Path) -> None:
    images, kinds = tiny_images.bars(40)
    for number, (image, kind) in enumerate(zip(images, kinds, strict=True)):
        place = tmp_path / "data" / ("lying", "standing")[kind]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(place / f"{number}.png")
    run = tmp_path / "run"
    words = ["train", "image-generation", "--data", str(tmp_path / "data"), "--run", str(run), *OPTIONS.split()]
    assert cli.main([*words, "--training.steps", "2"]) == 0
    generator = hub.load_as(ImageGenerator, run / "model")
    assert generator.config.names == ["lying", "standing"]
    assert generator.generate("standing", seed=1).image.shape == (12, 12)


def test_nearest_kinds() -> None:
    known = np.zeros((4, 1, 2), np.float32)
    known[:, 0] = [[0, 0], [0, 0.2], [1, 1], [1, 0.8]]
    assert nearest_kinds(known[:1] + 0.05, known, ["a", "a", "b", "b"], neighbors=3) == ["a"]
    assert nearest_kinds(known[2:3], known, ["a", "a", "c", "b"], neighbors=1) == ["b"]  # itself does not count
