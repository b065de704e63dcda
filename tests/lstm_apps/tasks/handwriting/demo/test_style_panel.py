"""The panel that fits a hand: what its handlers yield, its endpoint, stopping, and the panel in a browser.

Run: python -m pytest tests/lstm_apps/tasks/handwriting/demo/test_style_panel.py
"""

from __future__ import annotations

import base64
import json
import re
import threading
import types
from pathlib import Path

import numpy as np
import pytest

from lstm_models.errors import InputError
from lstm_models.ink.drawing import Drawing
from lstm_models.tasks.handwriting.styles import Style
from tests.helpers.tab_events import last
from tests.lstm_apps.conftest import expect, tab_served
from tests.lstm_apps.demo.test_ink_pad import BAR, HOOK, draw

gr = pytest.importorskip("gradio")

from lstm_apps.tasks.handwriting.demo import style_panel  # noqa: E402 - needs gradio

pytestmark = pytest.mark.filterwarnings("ignore:::gradio.queueing")  # its use of pandas


class FittingWriter:
    """Fits at once, or waits to be stopped where a line says “wait”; writes a stroke a word."""

    def __init__(self) -> None:
        self.fitted: list[list[tuple[list, str]]] = []
        self.written: list[tuple[str, str]] = []
        self.waits = threading.Event()

    def fit_style(self, lines, *, name="own", progress=None, cancelled=None, reader=None) -> Style:
        self.fitted.append([([stroke.tolist() for stroke in strokes], text) for strokes, text in lines])
        assert reader == "the reader"
        progress(1, 4)
        if any(text == "wrong" for _, text in lines):
            raise InputError("These strokes do not say “wrong” but “<b>right</b>”.")
        if any(text == "wait" for _, text in lines):
            self.waits.set()
            while not cancelled():
                threading.Event().wait(0.02)
            raise InputError("stopped")
        progress(4, 4)
        return Style((0.5, -1.0), name, facts={"lines": len(lines)})

    def write(self, text, *, style, seed=None, **_) -> Drawing:
        self.written.append((text, style.name))
        if "☃" in text:
            raise InputError("“☃” cannot be written", usage=True)
        wave = np.column_stack([np.arange(9) * 4.0, 6 * np.sin(np.arange(9))])
        strokes = tuple(np.add(wave, [40 * k, 0]) for k in range(len(text.split())))
        return Drawing(strokes, text, style.name, seed, ("“é” was written as “e”",) if "é" in text else ())


def handler(page, name: str):
    """The function behind an event of the page."""
    return next(fn.fn for fn in page.fns.values() if fn.fn is not None and fn.fn.__name__ == name)


VISITOR = types.SimpleNamespace(session_hash="anna")
DRAWN = json.dumps([HOOK, BAR])


@pytest.fixture
def writer():
    return FittingWriter()


@pytest.fixture
def kept():
    """Where fitted styles go."""
    return gr.State(None)


@pytest.fixture
def page(writer, kept):
    return style_panel.build(lambda: writer, lambda: "the reader", kept)


@pytest.fixture
def fit(page):
    def run(texts=("one", "two", "three"), pads=(DRAWN, "[]", "[]"), sample="Hello there"):
        return list(handler(page, "fit")(VISITOR, *texts, *pads, sample))

    return run


class TestHandlers:
    def test_the_lines_that_are_drawn_are_fitted_and_a_sentence_is_written(self, fit, writer, kept):
        updates = fit(pads=(DRAWN, "[]", json.dumps([BAR])))
        assert writer.fitted == [[([HOOK, BAR], "one"), ([BAR], "three")]]
        assert writer.written == [("Hello there", "own")]
        document = next(update[kept] for update in updates if kept in update)
        assert Style.from_json(document) == Style((0.5, -1.0), "own")
        paper = last(updates, "custom-paper")
        assert paper.count("<path") == 2
        links = dict(re.findall(r'download="([^"]+)" href="data:[^,]+,([^"]+)"', paper))
        assert list(links) == ["my.style.json", "hello-there.svg"]
        assert base64.b64decode(links["my.style.json"]).decode() == document
        assert base64.b64decode(links["hello-there.svg"]).startswith(b"<svg")
        assert "2 lines fitted" in last(updates, "custom-status")

    def test_the_whole_alphabet_is_asked_for(self):
        missing = set("abcdefghijklmnopqrstuvwxyz") - set("".join(style_panel.SENTENCES).lower())
        assert missing == set()

    @pytest.mark.parametrize(("texts", "pads", "sample", "sentence"), [
        (("a", "b", "c"), ("[]", "[]", "[]"), "x", "There are no strokes yet: write the first line on its pad."),
        (("a", " ", "c"), (DRAWN, DRAWN, "[]"), "x", "Line 2 has strokes and no text: type what they say."),
        (("a" * 121, "b", "c"), (DRAWN, "[]", "[]"), "x", "Line 1 has 121 characters"),
        (("a", "b", "c"), ("[]", "[[[1,null]]]", "[]"), "x", "Stroke 1 of pad 2 is no list of points"),
        (("wrong", "b", "c"), (DRAWN, "[]", "[]"), "x", "do not say “wrong” but “&lt;b&gt;right&lt;/b&gt;”"),
        (("a", "b", "c"), (DRAWN, "[]", "[]"), "☃", "“☃” cannot be written"),
        (("a", "b", "c"), (DRAWN, "[]", "[]"), "x" * 501, "up to 500 characters"),
    ])  # fmt: skip
    def test_problems_are_sentences(self, fit, texts, pads, sample, sentence):
        updates = fit(texts, pads, sample)
        status = last(updates, "custom-status")
        assert 'role="alert"' in status
        assert sentence in status
        assert last(updates, "custom-paper") is None

    def test_it_can_be_stopped(self, page, writer):
        found = []
        thread = threading.Thread(
            target=lambda: found.extend(handler(page, "fit")(VISITOR, "wait", "", "", DRAWN, "[]", "[]", "x"))
        )
        thread.start()
        assert writer.waits.wait(60)
        handler(page, "end")(types.SimpleNamespace(session_hash="bert"))  # another visitor's button stops nothing
        assert thread.is_alive()
        handler(page, "end")(VISITOR)
        thread.join(60)
        assert "Stopped." in last(found, "custom-status")
        assert writer.written == []

    def test_a_visitor_who_leaves_stops_it(self, page, writer):
        fitting = handler(page, "fit")(VISITOR, "wait", "", "", DRAWN, "[]", "[]", "x")
        while "25" not in (last([next(fitting)], "custom-status") or ""):
            pass
        fitting.close()
        waiting = [thread for thread in threading.enumerate() if thread.name == "fit a style"]
        for thread in waiting:
            thread.join(60)
            assert not thread.is_alive()

    def test_more_is_written_in_the_style(self, page, writer):
        write = handler(page, "write")
        update = write("Café", Style((0.5, -1.0), "own").json())
        assert writer.written == [("Café", "own")]
        assert "“é” was written as “e”" in last([update], "custom-paper")
        for document, sentence in [(None, "There is no style yet"), ("{}", "is no style")]:
            assert sentence in last([write("a", document)], "custom-status")


@pytest.fixture(scope="module")
def served():
    return FittingWriter()


@pytest.fixture(scope="module")
def url(served, tmp_path_factory):
    models = {"load_writer": lambda: served, "load_reader": lambda: "the reader"}
    with tab_served("own", tmp_path_factory.mktemp("gradio"), style_panel.__name__, **models) as address:
        yield address


class TestApi:
    @pytest.fixture
    def client(self, url):
        return pytest.importorskip("gradio_client").Client(url, verbose=False, analytics_enabled=False)

    def test_a_style_of_lines(self, client, served):
        lines = [{"text": "A  line", "strokes": [HOOK]}, {"text": "B", "strokes": [BAR]}]
        found = client.predict(lines=lines, sentence="Hello", api_name="/fit_style")
        assert Style.from_json(json.dumps(found["style"])).vector == (0.5, -1.0)
        assert found["svg"].startswith("<svg")
        assert served.fitted[-1] == [([HOOK], "A line"), ([BAR], "B")]

    @pytest.mark.parametrize(("lines", "sentence"), [
        ([], "There are 0 lines"),
        ([{"text": "a", "strokes": [HOOK]}] * 11, "There are 11 lines"),
        ({"text": "a"}, "a list of objects"),
        ([[HOOK]], "a list of objects"),
        ([{"text": "a"}], "Line 1 has no strokes"),
        ([{"strokes": [HOOK]}], "Line 1 has strokes and no text"),
        ([{"text": 5, "strokes": [HOOK]}], "Line 1 has strokes and no text"),
        ([{"text": "a", "strokes": [HOOK]}, {"text": "a", "strokes": [[["x", 1]]]}], "Stroke 1 of line 2"),
        ([{"text": "wrong", "strokes": [HOOK]}], "do not say “wrong”"),
    ])  # fmt: skip
    def test_errors_are_sentences(self, client, lines, sentence, capfd):
        from gradio_client.exceptions import AppError

        with pytest.raises(AppError, match=sentence):
            client.predict(lines=lines, api_name="/fit_style")
        assert "Traceback" not in capfd.readouterr().err


@pytest.mark.browser
class TestBrowser:
    def test_two_lines_are_fitted_and_more_is_written_and_saved(self, visit, url, served):
        page = visit(url)
        draw(page, "#custom-pad-1", [HOOK, BAR])
        draw(page, "#custom-pad-3", [BAR])
        page.get_by_label("Line 3", exact=True).fill("three")
        page.get_by_role("button", name="Fit my hand").click()
        page.get_by_text("2 lines fitted: below").wait_for()
        assert served.fitted[-1] == [([HOOK, BAR], style_panel.SENTENCES[0]), ([BAR], "three")]
        expect(page.locator("#custom-paper svg path")).to_have_count(len(style_panel.SAMPLE.split()))
        page.get_by_label("Write in your hand").fill("So it is")
        page.get_by_label("Write in your hand").press("Enter")
        page.locator("#custom-paper").get_by_role("img", name="So it is").wait_for()
        with page.expect_download() as download:
            page.get_by_role("link", name="Save style").click()
        assert download.value.suggested_filename == "my.style.json"
        assert Style.from_json(Path(download.value.path()).read_bytes()).vector == (0.5, -1.0)
        with page.expect_download() as download:
            page.get_by_role("link", name="Save picture").click()
        assert Path(download.value.path()).read_bytes().startswith(b"<svg")

    def test_nothing_drawn_scribbles_and_stopping(self, visit, url):
        page = visit(url)
        go = page.get_by_role("button", name="Fit my hand")
        go.click()
        page.locator("#custom-status .problem").get_by_text("There are no strokes yet").wait_for()
        page.locator("#custom-fit:not([disabled])").wait_for()
        draw(page, "#custom-pad-1", [HOOK])
        page.get_by_label("Line 1", exact=True).fill("wrong")
        go.click()
        page.locator("#custom-status .problem").get_by_text(
            "These strokes do not say “wrong” but “<b>right</b>”"
        ).wait_for()
        page.locator("#custom-fit:not([disabled])").wait_for()
        page.get_by_label("Line 1", exact=True).fill("wait")
        go.click()
        page.locator("#custom-status progress[value]").wait_for()
        page.get_by_role("button", name="Stop").click()
        page.locator("#custom-status").get_by_text("Stopped.").wait_for()
        page.locator("#custom-fit:not([disabled])").wait_for()
        expect(page.locator("#custom-pad-1 .ink path")).to_have_count(1)  # what was drawn is still there

    @pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1280, "light")])
    def test_it_fits_the_screen_and_can_be_read(self, visit, url, width, scheme, tmp_path):
        from tests.lstm_apps.tasks.speech.demo.test_tab_served import COLOURS, contrast

        page = visit(url, viewport={"width": width, "height": 844}, color_scheme=scheme)
        status = page.locator("#custom-status").get_by_text(
            re.compile("One line fitted: below|There are no strokes yet")
        )
        for _ in range(10):  # a pad that the page is still setting up takes no strokes, or loses them
            draw(page, "#custom-pad-1", [HOOK])
            page.get_by_role("button", name="Fit my hand").click()
            status.wait_for()
            page.locator("#custom-fit:not([disabled])").wait_for()
            if "fitted" in status.inner_text():
                break
        page.get_by_text("One line fitted: below").wait_for()
        page.locator("#custom-paper svg").wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        for selector in ("#custom-paper .paper", "#custom-paper .saves a", "#custom-status p", "#custom-pad-2 .hint"):
            assert contrast(*page.locator(selector).first.evaluate(COLOURS)) >= 4.5, selector
        page.screenshot(path=tmp_path / "page.png", full_page=True)


def test_the_bundled_reader_notices_that_strokes_say_something_else():
    import lstm_models
    from lstm_apps.demo import ink_pad

    if not {"writer", "reader"} <= set(lstm_models.available()):
        pytest.skip("this checkout has no bundled writer or reader")
    writer = lstm_models.load("writer")
    drawing = writer.write("Dear reader, how are you?", seed=3, legibility=0.9)
    value = ink_pad.value_of(ink_pad.placed(drawing.strokes))
    fit = handler(style_panel.build(lambda: writer), "fit")
    updates = list(fit(VISITOR, "Quite another sentence", "", "", value, "[]", "[]", "x"))
    assert "do not say “Quite another sentence”" in last(updates, "custom-status")
