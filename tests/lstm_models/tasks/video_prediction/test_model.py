"""The verbs: what is read as a film, what comes back, what is wrong, files and notebooks, ONNX."""

from __future__ import annotations

import dataclasses
import io
import json

import numpy as np
import pytest
import torch
from PIL import Image

from lstm_models.checkpoints import hub
from lstm_models.errors import InputError
from lstm_models.io.films import read_film
from lstm_models.tasks.video_prediction.config import VideoPredictorConfig
from lstm_models.tasks.video_prediction.features import are_films, grey_frames, last_frames
from lstm_models.tasks.video_prediction.model import VideoPredictor
from tests.helpers import tiny_digits, tiny_films

CONFIG = VideoPredictorConfig(
    given=4, ahead=3, height=32, width=32, object_size=16, stem_channels=8, hidden_channels=8, layers=1, path_size=16,
    appearance_channels=4,
)  # fmt: skip


def predictor(**changes):
    torch.manual_seed(0)
    return VideoPredictor(dataclasses.replace(CONFIG, **changes)).eval()


@pytest.fixture(scope="module")
def model():
    return predictor()


FILM = tiny_digits.crossing(6, 32)


@pytest.mark.parametrize("objects", [2, 0])
def test_a_forecast(objects):
    model = predictor(objects=objects)
    found = model.forecast(FILM, 5)
    assert found.frames.shape == found.spread.shape == (5, 32, 32)
    assert found.frames.dtype == np.float32
    assert 0 <= found.frames.min() <= found.frames.max() <= 1
    assert found.paths.shape == (objects, 5, 2)
    assert found.layers.shape == (objects, 5, 32, 32)
    np.testing.assert_array_equal(found.given, FILM[2:].astype(np.float32) / 255)  # the last config.given frames
    np.testing.assert_array_equal(model.predict(FILM, 5), found.frames)
    assert len(found) == 5


def test_all_forms_of_a_film_give_the_same(model, tmp_path):
    wanted = model.predict(FILM)
    assert wanted.shape == (10, 32, 32)
    np.save(tmp_path / "a.npy", FILM)
    (tmp_path / "frames").mkdir()
    for number, frame in enumerate(FILM):
        Image.fromarray(frame).save(tmp_path / "frames" / f"{number}.png")
    path = tiny_digits.gif(tmp_path / "a.gif", FILM)
    forms = [FILM / 255, torch.from_numpy(FILM), np.repeat(FILM[..., None], 3, -1), tmp_path / "a.npy", str(path)]
    forms += [path.read_bytes(), tmp_path / "frames", list(FILM)]
    for form in forms:
        np.testing.assert_allclose(model.predict(form), wanted, atol=1e-5)


def test_several_films_give_a_list(model, tmp_path):
    path = tiny_digits.gif(tmp_path / "a.gif", FILM)
    found = model.predict([FILM, FILM[::-1].copy()], 2)
    assert [each.shape for each in found] == [(2, 32, 32)] * 2
    assert (found[0] != found[1]).any()
    assert len(model.forecast([path, path], 1)) == 2
    assert not are_films([np.zeros((8, 8))] * 3)
    assert not are_films([np.zeros((8, 8, 3))] * 3)


def test_times_of_a_film(model, tmp_path):
    path = tiny_digits.gif(tmp_path / "a.gif", tiny_digits.crossing(8, 32), 100)
    np.testing.assert_array_equal(last_frames(path, 10, end=0.35).pixels[..., 0], tiny_digits.crossing(8, 32)[:4])
    np.testing.assert_array_equal(last_frames(path, 10, every=0.2).pixels[..., 0], tiny_digits.crossing(8, 32)[::2])


def test_a_film_of_another_size_says_so(model, tmp_path):
    (tmp_path / "a.mp4").write_bytes(tiny_films.video(tiny_films.square_frames(6)))
    found = model.forecast(tmp_path / "a.mp4", 2)
    assert found.frames.shape == (2, 32, 32)
    assert "frames of 64 × 48 pixels were scaled to fit into 32 × 32" in found.notes[0]


def test_scaling_keeps_the_shape_of_things():
    pixels = np.zeros((2, 20, 40, 3), np.uint8)
    pixels[:, :, :, 1] = 255
    frames = grey_frames(pixels, 32, 32)
    np.testing.assert_allclose(frames[:, 8:24], 0.587, atol=1e-3)  # green, by BT.601
    assert not frames[:, :8].any()
    assert not frames[:, 24:].any()


def test_films_that_the_model_does_not_know_get_a_note(model):
    assert "0% of the film is black: the model knows up to 2 bright" in model.forecast(np.ones((4, 32, 32)), 1).notes[0]
    stars = (np.random.default_rng(0).random((4, 32, 32)) > 0.85).astype(float)
    assert "explains" in model.forecast(stars, 1).notes[0]
    assert model.forecast(np.zeros((4, 32, 32)), 1).notes == ("the film is black: there is nothing to forecast",)
    assert "2 frames show little of the motion" in model.forecast(FILM[:2], 1).notes[0]


@pytest.mark.parametrize(
    ("film", "sentence"),
    [
        (np.zeros((1, 32, 32)), "has 1 frame; at least 2 are needed"),
        (np.zeros((0, 32, 32)), "shape"),
        (np.zeros((32, 32)), "shape"),
        (np.zeros((4, 1, 32, 32)), "shape"),
        (np.full((4, 32, 32), 2.0), "outside of 0 to 1"),
        (np.full((4, 32, 32), np.nan), "outside of 0 to 1"),
        (np.zeros((4, 32, 32), np.int32), "int32"),
        (b"", "is empty"),
        (b"not a film at all", "not a film that can be read"),
        (3, "give a path"),
        ("missing.gif", "missing.gif"),
        ([], "has no frames"),
        ([np.zeros((8, 8), np.uint8), np.zeros((9, 8), np.uint8)], "frames of 8 × 8 and of 8 × 9"),
    ],
)
def test_what_is_no_film_is_one_sentence(model, film, sentence):
    with pytest.raises(InputError, match=sentence) as error:
        model.predict(film)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"PK\x03\x04nonsense"])
def test_a_damaged_array_is_one_sentence(model, tmp_path, content):
    (tmp_path / "a.npy").write_bytes(content)
    with pytest.raises(InputError, match="cannot be read"):
        model.predict(tmp_path / "a.npy")


@pytest.mark.parametrize("steps", [0, -1, 1001, 2.5])
def test_wrong_steps(model, steps):
    with pytest.raises(InputError, match="from 1 to 1,000"):
        model.predict(FILM, steps)


def test_files(model, tmp_path):
    found = model.forecast(FILM, 3)
    np.testing.assert_array_equal(np.load(found.save(tmp_path / "a.npy")), found.frames)
    arrays = np.load(found.save(tmp_path / "a.npz"))
    assert set(arrays) == {"given", "frames", "spread", "paths", "layers"}
    content = json.loads(found.save(tmp_path / "a.json").read_text())
    assert content["format"] == "lstm-models forecast"
    np.testing.assert_allclose(content["frames"], found.frames, atol=6e-4)
    for name in ("a.gif", "a.webp"):
        with Image.open(found.save(tmp_path / name, rate=5)) as picture:
            assert picture.n_frames == 7
            picture.seek(1)
            picture.load()
            assert picture.info["duration"] == 200
    with Image.open(found.save(tmp_path / "a.png")) as picture:
        assert picture.height == 3 * (32 * 2 + 8)
    with pytest.raises(InputError, match=r"saved as \.gif"):
        found.save(tmp_path / "a.avi")


@pytest.mark.parametrize("kind", ["mp4", "webm"])
def test_a_film_of_a_forecast_has_its_pictures(model, tmp_path, kind):
    path = tiny_digits.gif(tmp_path / "a.gif", FILM, 250)
    found = model.forecast(path, 3)
    assert found.rate == 4
    film = read_film(found.save(tmp_path / f"a.{kind}"))
    np.testing.assert_allclose(film.times, np.arange(len(film.times)) / 4, atol=0.002)
    assert len(film.times) == 7 + 2  # the last stands for 0.8 s
    for number in range(7):
        away = film.pixels[number].astype(int) - np.asarray(found.picture(number))
        assert np.abs(away).mean() < 6
    assert np.abs(film.pixels[-1].astype(int) - np.asarray(found.picture(6))).mean() < 6
    assert read_film(found.save(tmp_path / f"b.{kind}", rate=8)).rate == pytest.approx(8, rel=0.01)


def test_an_animation_shows_what_was_forecast(model):
    found = model.forecast(FILM, 2)
    shown = np.asarray(found.picture(4, scale=1))
    np.testing.assert_array_equal(shown[4:36, 4:36, 0], np.round(found.frames[0] * 255).astype(np.uint8))
    assert (np.asarray(found.picture(0, scale=1))[4:36, 44:76] == 0).all()  # what was given is sure
    assert tuple(shown[0, 0]) != tuple(np.asarray(found.picture(0))[0, 0])


def test_in_a_notebook(model):
    assert model.forecast(FILM, 2)._repr_html_().startswith('<figure><img alt="4 frames given, 2 forecast')


@pytest.mark.parametrize("objects", [2, 0])
def test_saved_and_loaded(tmp_path, objects):
    model = predictor(objects=objects)
    hub.save(model, tmp_path / "model", card="# Video predictor\n")
    loaded = hub.load_as(VideoPredictor, tmp_path / "model")
    np.testing.assert_allclose(loaded.predict(FILM, 2), model.predict(FILM, 2), atol=0.05)  # half precision


@pytest.mark.parametrize("objects", [2, 0])
def test_onnx_gives_what_the_network_gives(tmp_path, objects):
    pytest.importorskip("onnx")
    onnxruntime = pytest.importorskip("onnxruntime")
    model = predictor(objects=objects)
    path = model.export_onnx(tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    frames = FILM[None, 2:].astype(np.float32) / 255
    with torch.no_grad():
        wanted = model.next_frames(torch.from_numpy(frames), 3)
    for found, each in zip(session.run(None, {"frames": frames}), wanted, strict=True):
        np.testing.assert_allclose(found, each.numpy(), atol=1e-4)
    assert io.BytesIO(path.read_bytes()).getbuffer().nbytes > 1000
