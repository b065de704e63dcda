"""The captioning tab as it is served: to scripts by its API, and to people in a browser.

Run: python -m pytest tests/lstm_apps/tasks/captioning/demo/test_tab_served.py
"""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest

from lstm_models.tasks.captioning.results import Caption
from tests.lstm_apps.conftest import WIDTH, expect, tab_served

pytest.importorskip("gradio")

pytestmark = pytest.mark.filterwarnings("ignore:::gradio.queueing")  # its use of pandas
LOOKED = re.compile(r"\d words in \d")


@pytest.fixture(scope="module")
def url(slow_captioner, tmp_path_factory):
    with tab_served("captioning", tmp_path_factory.mktemp("gradio"), load=lambda: slow_captioner) as address:
        yield address


class TestApi:
    @pytest.fixture
    def ask(self, url, tmp_path):
        client = pytest.importorskip("gradio_client").Client(
            url, verbose=False, analytics_enabled=False, download_files=tmp_path / "downloads"
        )

        def predict(photo, **options):
            from gradio_client import handle_file

            return client.predict(image=handle_file(str(photo)), **options, api_name="/caption")

        return predict

    def test_a_photo_and_its_caption(self, ask, red_photo):
        answer, *_ = ask(red_photo, exclude="of", n_best=2)
        assert answer["text"] == "a red picture <b>"
        assert [word["confidence"] for word in answer["words"]] == [0.95] * 4
        assert [other["text"] for other in answer["alternatives"]] == ["a red picture"]
        assert answer["source"].endswith(".png")

    def test_errors_are_sentences(self, ask, red_photo, tmp_path):
        from gradio_client.exceptions import AppError

        with pytest.raises(AppError, match="the model does not know “zebra”"):
            ask(red_photo, include="zebra")
        bad = tmp_path / "bad.jpg"
        bad.write_text("not a picture")
        with pytest.raises(AppError, match=r"^bad\.jpg is a text file and not a picture\.$"):
            ask(bad)
        with pytest.raises(AppError, match="greater than maximum"):
            ask(red_photo, beam=1000)

    def test_no_file_of_this_machine_can_be_asked_for(self, url, slow_captioner):
        """Only uploads and the photos to try are read; the answer tells nothing of the file."""
        from urllib.request import Request, urlopen

        known = len(slow_captioner.calls)
        secret = Path(__file__).with_name("conftest.py")
        request = {"data": [{"path": str(secret), "meta": {"_type": "gradio.FileData"}}, "", "", 5, 3, 0, 1, 20, 0.7]}
        call = f"{url}gradio_api/call/caption"
        with urlopen(Request(call, json.dumps(request).encode(), {"Content-Type": "application/json"})) as answer:
            event = json.load(answer)["event_id"]
        with urlopen(f"{call}/{event}") as answer:
            message = answer.read().decode()
        assert message.startswith("event: error")
        assert "text file" not in message
        assert len(slow_captioner.calls) == known


@pytest.mark.browser
class TestBrowser:
    def upload(self, page, photo: Path) -> None:
        page.locator("#captioning-image input[type=file]").set_input_files(photo)

    def veil(self, page) -> str | None:
        """What covers the photo; None where nothing does."""
        veil = page.locator("#captioning-photo .veil")
        return veil.evaluate("v => v.classList.contains('on') ? v.style.maskImage : null")

    def test_a_photo_is_described_word_by_word_and_a_word_shows_where_it_looked(self, visit, url, red_photo):
        page = visit(url)
        self.upload(page, red_photo)
        words = page.locator("#captioning-words .sentence:not([hidden]) .word")
        words.first.wait_for()
        growing = set()
        while not LOOKED.search(page.locator("#captioning-status").inner_text()):
            growing.add(words.count())
            time.sleep(0.05)
        assert len(growing) >= 3  # they came one after another
        page.get_by_text(LOOKED).wait_for()
        expect(words).to_have_count(5)
        picture = page.locator("#captioning-photo").get_by_role("img", name="a red picture of <b>")
        assert picture.evaluate(WIDTH) == 90
        assert self.veil(page) is None

        red = page.get_by_role("button", name="red, 95 % sure")
        red.click()
        first = self.veil(page)
        assert first.startswith('url("data:image/png')
        expect(red).to_have_attribute("aria-pressed", "true")
        page.get_by_text("Where it looked for “red”").wait_for()
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")  # the next word
        page.mouse.move(5, 5)
        assert self.veil(page) not in (None, first)
        page.get_by_text("Where it looked for “picture”").wait_for()
        expect(red).to_have_attribute("aria-pressed", "false")
        page.keyboard.press("Escape")
        assert self.veil(page) is None

        with page.expect_download() as download:
            page.locator("#captioning-save-json").click()
        assert Caption.from_json(Path(download.value.path()).read_bytes()).text == "a red picture of <b>"
        with page.expect_download() as download:
            page.locator("#captioning-save-attention").click()
        assert Path(download.value.path()).read_bytes().startswith(b"\xff\xd8\xff")

    def test_another_caption_can_be_chosen(self, visit, url, red_photo):
        page = visit(url)
        self.upload(page, red_photo)
        page.get_by_text(LOOKED).wait_for()
        words = page.locator("#captioning-words button.word:visible")
        expect(words).to_have_count(5)
        page.get_by_role("button", name="a red picture", exact=True).click()
        expect(words).to_have_count(3)
        expect(page.locator("#captioning-words").get_by_text("Uncertain:")).to_be_hidden()
        page.get_by_role("button", name="a red picture of <b>", exact=True).click()
        expect(words).to_have_count(5)
        expect(page.locator("#captioning-words").get_by_text("Uncertain:")).to_be_visible()

    def test_what_is_no_photo_is_a_sentence(self, visit, url, tmp_path, red_photo):
        page = visit(url)
        bad = tmp_path / "bad.jpg"
        bad.write_text("not a picture")
        self.upload(page, bad)
        page.locator("#captioning-status").get_by_text("bad.jpg is a text file and not a picture.").wait_for()
        expect(page.get_by_test_id("toast-body").first).to_contain_text("bad.jpg is a text file")
        assert "Traceback" not in page.content()
        expect(page.locator("#captioning-save-json")).to_be_disabled()
        page.get_by_test_id("toast-close").first.click()
        self.upload(page, red_photo)  # and the next one is described
        page.get_by_text(LOOKED).wait_for()

    def test_an_example_by_keyboard_with_words_that_must_not_come(self, visit, url, slow_captioner):
        page = visit(url)
        page.get_by_label("Must not say").fill("picture, of")
        example = page.get_by_role("button", name="A tabby cat, close up")
        example.focus()
        page.keyboard.press("Enter")
        page.get_by_text(LOOKED).wait_for()
        assert slow_captioner.calls[-1]["exclude"] == ("picture", "of")
        expect(page.locator("#captioning-status")).to_contain_text("“a red <b>.” 3 words in")

    def test_taking_the_photo_away_takes_its_caption_away(self, visit, url, red_photo):
        page = visit(url)
        self.upload(page, red_photo)
        page.get_by_text(LOOKED).wait_for()
        page.get_by_label("Remove Image").click()
        page.get_by_text("There is no photo yet.").wait_for()
        expect(page.locator("#captioning-words .word")).to_have_count(0)
        expect(page.locator("#captioning-photo img")).to_have_count(0)

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    @pytest.mark.parametrize("width", [390, 1280])
    def test_it_fits_the_screen_and_can_be_read(self, visit, url, red_photo, width, scheme, tmp_path):
        page = visit(url, viewport={"width": width, "height": 844}, color_scheme=scheme)
        self.upload(page, red_photo)
        page.get_by_text(LOOKED).wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        word = page.get_by_role("button", name="red, 95 % sure")
        ink, tint = word.evaluate(
            """word => {
                const paint = document.createElement('canvas').getContext('2d');  // whatever the notation, as bytes
                return ['color', 'backgroundColor'].map(name => {
                    paint.fillStyle = getComputedStyle(word)[name];
                    paint.fillRect(0, 0, 1, 1);
                    return [...paint.getImageData(0, 0, 1, 1).data];
                });
            }"""
        )
        assert contrast(ink, tint) >= 4.5
        page.screenshot(path=tmp_path / "page.png", full_page=True)


def contrast(one: list[int], other: list[int]) -> float:
    """Of two colours (red, green, blue; 0 to 255), as WCAG 2.2 defines it: 4.5 is enough for text."""

    def luminance(colour: list[int]) -> float:
        linear = [c / 255 / 12.92 if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in colour]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)
