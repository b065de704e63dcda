"""The image generation tab: what its handlers yield, its endpoints, and the tab in a browser."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lstm_models.tasks.image_generation.config import ImageGeneratorConfig
from lstm_models.tasks.image_generation.model import ImageGenerator
from tests.helpers.tab_events import handler, last
from tests.lstm_apps.conftest import expect, tab_served

gr = pytest.importorskip("gradio")

from lstm_apps.tasks.image_generation.demo import tab as images  # noqa: E402 - needs gradio

pytestmark = pytest.mark.filterwarnings("ignore:::gradio.queueing")  # its use of pandas

DRAWING, STATUS = "image-generation-drawing", "image-generation-status"


def tiny_generator():
    torch.manual_seed(0)
    return ImageGenerator(ImageGeneratorConfig("0 1 2 3 4 5 6 7 8 9", 28, 5, 3, 5, 3, 8, 8)).eval()


@pytest.fixture(scope="module")
def page():
    return images.build(tiny_generator)


def test_a_drawing_has_its_steps_and_files(page):
    shown = last(list(handler(page, "draw")("42", 1, 1.0)), DRAWING)
    assert shown.count('<g class="step"') == 5
    assert shown.count("<rect") == 10
    assert 'download="digits-42.gif"' in shown
    assert "seed 1" in last(list(handler(page, "draw")("42", 1, 1.0)), STATUS)


@pytest.mark.parametrize(
    ("what", "seed", "sentence"),
    [("<b>x", 1, "&lt;b&gt;x” is not something"), ("7", 1.5, "no whole number"), ("7", None, "no whole number")],
)
def test_bad_input_is_one_sentence(page, what, seed, sentence):
    assert sentence in last(list(handler(page, "draw")(what, seed, 1.0)), STATUS)


def test_a_drawing_is_finished(page):
    value, missing = images._half("Half a 3")
    updates = list(handler(page, "finish")(value, missing, "3", 1))
    shown = last(updates, "image-generation-finished-drawing")
    assert shown.count("<rect") == 10  # a reading and a writing window a step
    three = images._half("Half a 3")[0]
    for value, label, sentence in (
        ("[]", "any", "The pad is empty"),
        ("{", "any", "no JSON"),
        (three, "??", "not something"),
    ):
        updates = list(handler(page, "finish")(value, "bottom", label, 1))
        assert sentence in last(updates, "image-generation-finished-status")


def test_strokes_become_lines_of_a_pen():
    image = images.rastered([np.array([[20.0, 127.0], [234.0, 127.0]])], 28)
    assert image.shape == (28, 28)
    assert image[13:15, 3:25].min() > 0.9
    assert image[:11].max() == 0
    assert 2 <= image[:, 14].sum() <= 2.6  # as wide as the pen


def test_endpoints(page):
    found = handler(page, "generate")("7", 3)
    assert np.array(found["image"]).shape == (28, 28)
    assert len(found["windows"]) == 5
    rows = np.zeros((28, 28), int)
    rows[4:12, 10:14] = 255
    finished = handler(page, "complete_image")(rows.tolist(), "bottom", "any", 3)
    np.testing.assert_array_equal(np.array(finished["image"])[:14], rows[:14])
    for bad in ("x", [], [[1], [2, 3]], [[300]], [[float("nan")]], {"a": 1}):
        with pytest.raises(gr.Error, match="The image"):
            handler(page, "complete_image")(bad)
    with pytest.raises(gr.Error, match="not something"):
        handler(page, "generate")("x")


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gradio")
    with tab_served("image-generation", folder, load=tiny_generator) as address:
        yield address


@pytest.mark.browser
class TestInBrowser:
    def test_it_opens_with_a_drawing_that_can_be_stepped_through(self, visit, url):
        page = visit(url, ready="steps in")
        drawing = page.locator(f"#{DRAWING}")
        drawing.get_by_role("button").first.wait_for()
        slider = drawing.get_by_role("slider")
        slider.fill("2")
        expect(drawing.locator("output")).to_have_text("step 2 of 5")
        expect(drawing.locator('g.step[visibility="visible"]')).to_have_count(1)
        slider.press("ArrowRight")
        expect(drawing.locator("output")).to_have_text("step 3 of 5")
        drawing.get_by_role("button", name="Play").click()
        expect(drawing.locator("output")).to_have_text("finished")
        with page.expect_download() as download:
            drawing.get_by_role("link", name="Save GIF").click()
        assert download.value.suggested_filename == "digits-7.gif"

    def test_half_a_digit_is_finished(self, visit, url):
        page = visit(url, ready="steps in")
        page.get_by_role("button", name="Half a 3").click()
        finished = page.locator("#image-generation-finished-drawing")
        expect(finished.locator("g.step")).to_have_count(5)
        box = page.locator("#image-generation-pad .paper-pad").bounding_box()
        assert (round(box["width"]), round(box["height"])) == (images.PAD, images.PAD)

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_on_a_phone(self, visit, url, scheme):
        page = visit(url, ready="steps in", viewport={"width": 360, "height": 800}, color_scheme=scheme)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
