"""The video prediction tab: what its handlers give, its endpoint, and the tab in a browser."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from lstm_models.tasks.video_prediction.config import VideoPredictorConfig
from lstm_models.tasks.video_prediction.model import VideoPredictor
from tests.helpers import tiny_digits
from tests.helpers.tab_events import handler, last
from tests.lstm_apps.conftest import expect, tab_served

gr = pytest.importorskip("gradio")

from lstm_apps.tasks.video_prediction.demo import tab as forecasts  # noqa: E402 - needs gradio

pytestmark = pytest.mark.filterwarnings("ignore:::gradio.queueing")  # its use of pandas


def predictor():
    torch.manual_seed(0)
    return VideoPredictor(VideoPredictorConfig(stem_channels=8, hidden_channels=8, layers=1, path_size=16)).eval()


@pytest.fixture(scope="module")
def page():
    return forecasts.build(predictor)


def shown(page, *inputs, name="show"):
    update = handler(page, name)(*inputs)
    return last([update], "video-prediction-film"), last([update], "video-prediction-status")


def test_film_forecast_and_how_unsure(page):
    film, status = shown(page, "38", "[]", 4, 6)
    assert 'data-given="10" data-steps="6"' in film
    assert film.count('class="frame"') == 4
    assert 'max="15"' in film
    assert "if the last frame were just repeated" in status


def test_one_digit_and_a_drawn_shape():
    drawn = json.dumps([[[0, 0], [50, 80]]])
    assert forecasts._shapes("5", "[]").shape == (1, 28, 28)
    assert forecasts._shapes("", drawn).shape == (1, 28, 28)
    two = forecasts._shapes("38", drawn)
    assert two.shape == (2, 28, 28)
    np.testing.assert_array_equal(two[0], forecasts._shapes("", drawn)[0])
    np.testing.assert_array_equal(two[1], forecasts._shapes("8", "[]")[0])


@pytest.mark.parametrize(
    ("digits", "drawing", "steps", "sentence"),
    [
        ("", "[]", 10, "nothing to move yet"),
        ("ab", "[]", 10, "one or two digits"),
        ("123", "[]", 10, "one or two digits"),
        ("12", "nonsense", 10, "no JSON"),
        ("12", "[]", 0, "1 to 40 steps"),
        ("12", "[]", 2.5, "1 to 40 steps"),
        ("12", "[]", None, "1 to 40 steps"),
    ],
)
def test_bad_input_is_one_sentence(page, digits, drawing, steps, sentence):
    film, status = shown(page, digits, drawing, 1, steps)
    assert sentence in status
    assert "Nothing was forecast" in film


def test_a_film_of_ones_own(page, tmp_path):
    long = tiny_digits.gif(tmp_path / "long.gif", tiny_digits.crossing(14))
    assert "if the last frame were just repeated" in shown(page, str(long), 4, name="opened")[1]
    film, status = shown(page, str(long), 10, name="opened")
    assert "expected." in status
    assert 'data-given="10" data-steps="10"' in film
    (tmp_path / "a.gif").write_bytes(b"GIF89a")
    assert "damaged" in shown(page, str(tmp_path / "a.gif"), 4, name="opened")[1]


def test_endpoint(page):
    found = handler(page, "predict_video")(tiny_digits.crossing(10).tolist(), 3)
    assert np.shape(found["frames"]) == np.shape(found["spread"]) == (3, 64, 64)
    assert np.shape(found["paths"]) == (2, 3, 2)
    assert len(found["expected_squared_error"]) == 3
    json.dumps(found)


@pytest.mark.parametrize(
    ("frames", "steps", "sentence"),
    [
        ("no frames", 3, "frames are a list"),
        ([], 3, "frames are a list"),
        ([[[1, 2], [3]]], 3, "frames are a list"),
        ([[[1, 300]]] * 3, 3, "from 0 to 255"),
        ([[[1, None]]] * 3, 3, "frames are a list"),
        ([[[0] * 300]] * 3, 3, "256 × 256"),
        ([[[0]]], 3, "at least 2 are needed"),
        ([[[0, 0]]] * 3, 99, "steps"),
    ],
)
def test_endpoint_with_bad_input(page, frames, steps, sentence):
    with pytest.raises(gr.Error, match=sentence):
        handler(page, "predict_video")(frames, steps)


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gradio")
    with tab_served("video-prediction", folder, load=predictor) as address:
        yield address


@pytest.mark.browser
class TestInBrowser:
    def test_it_plays_and_scrubs(self, visit, url):
        page = visit(url, ready="Squared error a frame")
        film = page.locator("#video-prediction-film")
        expect(film.locator(".forecast.ahead")).to_be_visible()  # it plays by itself
        film.locator(".play").click()
        expect(film.locator(".play")).to_have_text("Play")
        film.locator("input[type=range]").focus()
        page.keyboard.press("Home")
        expect(film.locator("output")).to_have_text("given, frame 1")
        for _ in range(10):
            page.keyboard.press("ArrowRight")
        expect(film.locator("output")).to_have_text("forecast, step 1")
        page.get_by_role("button", name="A lone 5").click()
        expect(page.locator("#video-prediction-digits input, #video-prediction-digits textarea")).to_have_value("5")

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_on_a_phone(self, visit, url, scheme):
        page = visit(url, ready="Squared error a frame", viewport={"width": 360, "height": 800}, color_scheme=scheme)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
