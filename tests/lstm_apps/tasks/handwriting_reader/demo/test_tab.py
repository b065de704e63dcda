"""The panel that reads a pad: what its handlers yield, its endpoint, and the panel in a browser.

Run: python -m pytest tests/lstm_apps/tasks/handwriting_reader/demo/test_tab.py
"""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest

from lstm_models.errors import InputError
from lstm_models.ink.drawing import Drawing
from lstm_models.results import Word
from lstm_models.tasks.handwriting_reader.results import Reading
from tests.helpers.tab_events import last
from tests.lstm_apps.conftest import expect, tab_served
from tests.lstm_apps.demo.test_ink_pad import BAR, HOOK, draw

gr = pytest.importorskip("gradio")

from lstm_apps.demo import ink_pad  # noqa: E402 - needs gradio
from lstm_apps.tasks.handwriting_reader.demo import tab as reading  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:::gradio.queueing")  # its use of pandas


class CountingReader:
    """Reads a word a stroke, less and less sure; two lines where there are more than two strokes."""

    WORDS = ("one", "two", "<b>three", "four")

    def __init__(self) -> None:
        self.calls: list[dict] = []

    def read(self, source, **options) -> Reading:
        self.calls.append({"strokes": [stroke.tolist() for stroke in source], **options})
        if len(source) > 4:
            raise InputError("The pad has “more” than <i>this</i> can read.")
        words = [Word(text, sure) for text, sure in zip(self.WORDS, (0.97, 0.7, 0.3, 0.9), strict=True)][: len(source)]
        text = " ".join(word.text for word in words[:2]) + "".join(f"\n{word.text}" for word in words[2:])
        other = text.replace("one", "ore")
        others = (Reading(other, (Word("ore", 0.4), *words[1:]), (0.5,) * len(other), -2.0),)
        return Reading(text, tuple(words), (0.5,) * len(text), -1.0, others[: options["alternatives"]])


def handler(page, name: str):
    """The function behind an event of the page."""
    return next(fn.fn for fn in page.fns.values() if fn.fn is not None and fn.fn.__name__ == name)


@pytest.fixture
def reader():
    return CountingReader()


@pytest.fixture
def page(reader):
    return reading.build(lambda: reader)


class TestHandlers:
    def test_the_words_of_the_strokes(self, page, reader):
        updates = list(handler(page, "read")(json.dumps([HOOK, BAR])))
        assert reader.calls[0]["strokes"] == [HOOK, BAR]
        words = last(updates, "reading-words")
        assert 'class="word" data-about="“one”: 97\u00a0% sure"' in words
        assert 'class="word unsure"' in words
        assert "<b>ore</b> two" in words  # another text, what is different marked
        assert "2 words, read in" in last(updates, "reading-status")

    def test_lines_and_markup(self, page):
        words = last(handler(page, "read")(json.dumps([HOOK] * 4)), "reading-words")
        tree = ElementTree.fromstring(words)  # well-formed, so nothing broke out of its place
        first = tree.find("div[@class='text']")
        assert first.get("data-text") == "one two\n<b>three\nfour"
        assert first.get("data-name") == "one-two-b-three-four"
        assert [len(line) for line in first.findall("p")] == [2, 1, 1]
        assert [text.get("hidden") for text in tree.findall("div[@class='text']")] == [None, ""]

    @pytest.mark.parametrize(("value", "sentence"), [
        ("[]", "Ready."),
        ("[[[5,5],[5,5]]]", "One dot so far."),
        ("[[[5,null]]]", "Stroke 1 of the pad is no list of points"),
        (json.dumps([HOOK] * 5), "“more” than &lt;i&gt;this&lt;/i&gt;"),
    ])  # fmt: skip
    def test_what_cannot_be_read_gets_a_message(self, page, value, sentence):
        updates = list(handler(page, "read")(value))
        assert sentence in last(updates, "reading-status")
        assert "waiting" in last(updates, "reading-words")

    def test_no_text_and_no_alternatives(self):
        assert "No text was read." in reading.shown(Reading(""))
        assert "others" not in reading.shown(Reading("a", (Word("a"),), (1.0,)))

    def test_a_reader_that_is_missing_gets_a_message_and_is_loaded_again(self):
        def load():
            raise InputError("the reader's weights are gone")

        read = handler(reading.build(load), "read")
        for _ in range(2):
            assert "weights are gone" in last(read(json.dumps([HOOK])), "reading-status")


@pytest.fixture(scope="module")
def served():
    return CountingReader()


@pytest.fixture(scope="module")
def url(served, tmp_path_factory):
    with tab_served("reading", tmp_path_factory.mktemp("gradio"), reading.__name__, load=lambda: served) as address:
        yield address


class TestApi:
    @pytest.fixture
    def client(self, url):
        return pytest.importorskip("gradio_client").Client(url, verbose=False, analytics_enabled=False)

    def test_strokes_and_what_they_say(self, client, served):
        found = client.predict(strokes=[HOOK, BAR], api_name="/read_strokes")
        assert (found["text"], found["words"][1]) == ("one two", {"text": "two", "confidence": 0.7})
        assert found["alternatives"][0]["text"] == "ore two"
        found = client.predict(strokes=[[[0.5, 1], [2, 3]]], alternatives=0, api_name="/read_strokes")
        assert "alternatives" not in found
        assert served.calls[-1]["strokes"] == [[[0.5, 1], [2, 3]]]

    def test_only_this_can_be_called_by_name(self, client):
        assert set(client.view_api(return_format="dict", print_info=False)["named_endpoints"]) == {"/read_strokes"}

    @pytest.mark.parametrize(("options", "sentence"), [
        ({"strokes": "[[[1"}, "no JSON"),
        ({"strokes": [[[1, "x"]]]}, "Stroke 1 of the drawing"),
        ({"strokes": {"a": 1}}, "a dict"),
        ({"strokes": [HOOK], "alternatives": 10**9}, "from 0 to 20"),
        ({"strokes": [HOOK], "alternatives": "x"}, "from 0 to 20"),
        ({"strokes": [[[0, 0]] * 20_001]}, "20,001 points"),
    ])  # fmt: skip
    def test_errors_are_sentences(self, client, options, sentence, capfd):
        from gradio_client.exceptions import AppError

        with pytest.raises(AppError, match=sentence):
            client.predict(**options, api_name="/read_strokes")
        assert "Traceback" not in capfd.readouterr().err


@pytest.mark.browser
class TestBrowser:
    def test_the_text_as_one_writes_another_text_and_both_files(self, visit, url):
        page = visit(url)
        draw(page, "#reading-pad", [HOOK])
        page.locator("#reading-words").get_by_role("button", name="one: 97 % sure").wait_for()
        draw(page, "#reading-pad", [BAR])
        page.locator("#reading-status").get_by_text("2 words").wait_for()
        page.locator("#reading-words .text:not([hidden])").get_by_text("two").click()
        expect(page.locator("#reading-words .about")).to_have_text("“two”: 70\u00a0% sure")
        other = page.get_by_role("button", name="ore two")
        other.focus()
        page.keyboard.press("Enter")
        expect(other).to_have_attribute("aria-pressed", "true")
        expect(page.locator("#reading-words .text:not([hidden])")).to_have_attribute("data-text", "ore two")
        with page.expect_download() as download:
            page.get_by_role("button", name="Save text").click()
        assert download.value.suggested_filename == "ore-two.txt"
        assert Path(download.value.path()).read_text() == "ore two\n"
        with page.expect_download() as download:
            page.get_by_role("button", name="Save strokes").click()
        drawing = Drawing.from_json(Path(download.value.path()).read_bytes())
        assert (drawing.text, [stroke.tolist() for stroke in drawing.strokes]) == ("ore two", [HOOK, BAR])
        page.get_by_role("button", name="Clear: take away all strokes").click()
        page.get_by_text("Write on the pad: the text appears here.").wait_for()

    def test_a_file_of_strokes_and_what_is_none(self, visit, url, tmp_path):
        page = visit(url)
        file = tmp_path / "note.json"
        file.write_text(Drawing((np.array(HOOK), np.array(BAR)), "").json())
        page.locator("#reading-pad input[type=file]").set_input_files(file)
        page.locator("#reading-status").get_by_text("2 words").wait_for()
        expect(page.locator("#reading-pad .ink path")).to_have_count(2)
        file.write_text("no strokes")
        page.locator("#reading-pad input[type=file]").set_input_files(file)
        page.locator("#reading-status .problem").get_by_text("note.json is no drawing").wait_for()
        expect(page.locator("#reading-pad .ink path")).to_have_count(2)  # what was there is still there

    @pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1280, "light")])
    def test_it_fits_the_screen_and_can_be_read(self, visit, url, width, scheme, tmp_path):
        from tests.lstm_apps.tasks.speech.demo.test_tab_served import COLOURS, contrast

        page = visit(url, viewport={"width": width, "height": 844}, color_scheme=scheme)
        draw(page, "#reading-pad", [HOOK, BAR, BAR])
        page.locator("#reading-status").get_by_text("3 words").wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        for selector in (
            ".text .word",
            ".text .unsure",
            ".text .doubtful",
            ".about",
            ".marks span",
            ".other",
            ".other b",
        ):
            found = page.locator(f"#reading-words {selector}").first.evaluate(COLOURS)
            assert contrast(*found) >= 4.5, selector
        page.screenshot(path=tmp_path / "page.png", full_page=True)


def test_the_bundled_reader_reads_what_the_bundled_writer_writes_on_a_pad():
    """Whole pixels of a pad, where the lines of the training had finer ones."""
    import lstm_models

    if not {"writer", "reader", "words"} <= set(lstm_models.available()):
        pytest.skip("this checkout has no bundled writer or reader")
    drawing = lstm_models.load("writer").write("Dear reader,\nhow are you?", seed=3, legibility=0.9)
    value = ink_pad.value_of(ink_pad.placed(drawing.strokes))
    updates = list(handler(reading.build(), "read")(value))
    tree = ElementTree.fromstring(last(updates, "reading-words"))
    assert tree.find("div[@class='text']").get("data-text") == "Dear reader,\nhow are you?"
