"""The pad: what the server makes of what it is sent, and the sheet in a browser, by mouse, finger and keyboard.

Run: python -m pytest tests/lstm_apps/demo/test_ink_pad.py
"""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_apps.demo import components
from lstm_models.errors import InputError
from lstm_models.ink.drawing import Drawing
from tests.lstm_apps.conftest import expect, tab_served

gr = pytest.importorskip("gradio")

from lstm_apps.demo import ink_pad  # noqa: E402 - needs gradio

pytestmark = pytest.mark.filterwarnings("ignore:::gradio.queueing")  # its use of pandas

HOOK = [[10, 50], [12, 30], [20, 20], [28, 30], [30, 50]]
BAR = [[15, 38], [26, 38]]


def draw(page, selector: str, strokes, offset=(0.0, 0.0)) -> None:
    """Plays strokes [points, 2], pixels of the pad, with the mouse."""
    paper = page.locator(f"{selector} .paper-pad")
    paper.scroll_into_view_if_needed()
    box = paper.bounding_box()
    for stroke in strokes:
        x, y = (np.asarray(stroke) + offset + [box["x"] + 1, box["y"] + 1]).T  # 1: the border
        page.mouse.move(x[0], y[0])
        page.mouse.down()
        for point in zip(x[1:], y[1:], strict=True):
            page.mouse.move(*point)
        page.mouse.up()


class TestStrokes:
    def test_of_a_value_and_of_lists(self):
        for value in (json.dumps([HOOK, [], BAR]), [HOOK, [], BAR]):
            hook, bar = ink_pad.strokes(value)
            assert hook.tolist() == HOOK
            assert bar.tolist() == BAR
        assert ink_pad.strokes("") == ink_pad.strokes("[]") == ink_pad.strokes(None) == []

    def test_a_value_is_whole_pixels(self):
        assert ink_pad.value_of([np.array([[0.4, 1.6], [2.5, -3.51]])]) == "[[[0,2],[2,-4]]]"

    @pytest.mark.parametrize(("value", "sentence"), [
        ("{", "The pad sent strokes that are no JSON"),
        ("[" * 100_000, "no JSON"),
        ({"strokes": []}, "The pad sent a dict; strokes are a list of lists"),
        (5, "a int"),
        ([5], "something else than strokes"),
        ([[5]], r"Stroke 1 of the pad is no list of points; each is a list of \[x, y\]"),
        ([BAR, [[1, 2, 3]]], "Stroke 2"),
        ([[[1, "2"]]], "Stroke 1"),
        ([[[1, True]]], "Stroke 1"),
        ([[[1, None]]], "Stroke 1"),
        ("[[[1, NaN]]]", "numbers from -100,000 to 100,000"),
        ("[[[1, Infinity]]]", "numbers from"),
        ([[[1, 10**400]]], "numbers from"),
        ([[[1, 100_001]]], "numbers from"),
        ([[]] * 2_001, "2,001 strokes; the demo takes 2,000"),
        ([[[0, 0]] * 20_001], "20,001 points; the demo takes 20,000"),
        (" " * 2_000_001, "more than 900,000 characters"),
    ])  # fmt: skip
    def test_what_is_wrong_is_a_sentence(self, value, sentence):
        with pytest.raises(InputError, match=sentence) as error:
            ink_pad.strokes(value)
        assert len(str(error.value)) < 200

    @given(st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=2),
        max_leaves=20,
    ))  # fmt: skip
    def test_whatever_is_sent_ends_in_strokes_or_a_sentence(self, value):
        for sent in (value, json.dumps(value)):
            try:
                found = ink_pad.strokes(sent)
            except InputError:
                continue
            assert all(stroke.ndim == 2 and np.isfinite(stroke).all() for stroke in found)


class TestFiles:
    def test_json_and_svg(self):
        drawing = Drawing((np.array(HOOK), np.array(BAR)), "A")
        hook, bar = ink_pad.sent_file("a.json", drawing.json())
        assert hook.tolist() == HOOK
        assert bar.tolist() == BAR
        hook, bar = ink_pad.sent_file("a.svg", drawing.svg(margin=0))
        assert np.allclose(np.ptp(hook, axis=0), np.ptp(HOOK, axis=0), atol=1.5)

    @pytest.mark.parametrize(("name", "text", "sentence"), [
        ("/tmp/a.json", "words", r"^a\.json is no drawing"),
        ("a.json", "[]", r"^a\.json has no strokes"),
        ("", "", "The file"),
        ("a.json", json.dumps([[[0, 0]] * 20_001 + [[1, 1]]]), "20,002 points in 1 strokes"),
        ("a.json", " " * 2_000_001, "a.json is too large"),
        ("a.json", "\ud800", "no drawing"),
        (5, "[]", "its name and its text"),
        ("a.json", None, "its name and its text"),
    ])  # fmt: skip
    def test_what_is_wrong_is_a_sentence_without_the_servers_paths(self, name, text, sentence):
        with pytest.raises(InputError, match=sentence) as error:
            ink_pad.sent_file(name, text)
        assert "/tmp" not in str(error.value)

    @pytest.mark.parametrize("size", [1e-3, 1.0, 1e4])
    def test_placed_at_the_size_of_a_hand_whatever_it_was(self, size):
        line = [np.array(HOOK) * size + [40 * size * k, 7e3] for k in range(6)]
        made = ink_pad.placed(line)
        points = np.concatenate(made)
        assert points[:, 1].std() == pytest.approx(11)
        assert 0 < points.min() < 40
        ratio = np.ptp(points[:, 0]) / np.ptp(points[:, 1])
        assert ratio == pytest.approx(np.ptp(np.concatenate(line)[:, 0]) / np.ptp(np.concatenate(line)[:, 1]))

    def test_placed_where_it_is_flat_or_far_too_long(self):
        assert np.ptp(ink_pad.placed([np.array([[0, 5], [9, 5]])])[0][:, 0]) == 20_000
        assert np.ptp(ink_pad.placed([np.array([[0, 5], [1e8, 6]])])[0][:, 0]) == 20_000


TITLE = "Pads"


def build() -> gr.Blocks:
    """A small pad that tells what it is sent, a wide one, and a button that puts strokes on the first."""
    with gr.Blocks(analytics_enabled=False) as blocks:
        sheet = ink_pad.pad("sheet", label="A <b>pad</b>", opens=True)
        wide = ink_pad.pad("wide", label="A wide pad", wide=True)
        shown = gr.HTML("", elem_id="shown")
        put = gr.Button("Put")
        gr.HTML(components.status("Ready."))
        sheet.input(lambda value: f"<p>{value}</p>", sheet, shown)
        wide.input(lambda value: f"<p>wide {value}</p>", wide, shown)
        put.click(lambda: ink_pad.value_of([np.array(BAR)]), outputs=sheet)

        def opened(event: gr.EventData) -> str:
            return f"<p>{event.name}: {event.text}</p>"

        sheet.upload(opened, outputs=shown)
    return blocks


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ink_pad, "MOST_POINTS", 60)
        with tab_served("pads", tmp_path_factory.mktemp("gradio"), __name__) as address:
            yield address


@pytest.mark.browser
class TestBrowser:
    def shows(self, page, text: str) -> None:
        page.locator("#shown").get_by_text(text, exact=True).wait_for()

    def value(self, *strokes) -> str:
        return json.dumps(strokes, separators=(",", ":"))

    def button(self, page, name: str, pad: str = "sheet"):
        return page.locator(f"#{pad}").get_by_role("button", name=name)

    def test_ink_is_sent_when_the_pen_rests_and_can_be_taken_back(self, visit, url):
        page = visit(url)
        expect(self.button(page, "Undo")).to_be_disabled()
        expect(page.locator("#sheet .hint")).to_be_visible()
        draw(page, "#sheet", [HOOK, BAR])
        expect(page.locator("#sheet .ink path")).to_have_count(2)
        expect(page.locator("#sheet .hint")).to_be_hidden()
        self.shows(page, self.value(HOOK, BAR))
        expect(page.locator("#sheet svg")).to_have_attribute("aria-label", "A <b>pad</b>: 2 strokes")
        self.button(page, "Undo").click()
        self.shows(page, self.value(HOOK))
        draw(page, "#sheet", [BAR])
        self.shows(page, self.value(HOOK, BAR))
        page.keyboard.press("Control+z")  # the pad was written on, so it has the focus
        self.shows(page, self.value(HOOK))
        self.button(page, "Clear").focus()
        page.keyboard.press("Enter")
        self.shows(page, "[]")
        expect(page.locator("#sheet .ink path")).to_have_count(0)
        expect(self.button(page, "Clear")).to_be_disabled()

    def test_a_dot_the_edge_and_other_buttons_of_the_mouse(self, visit, url):
        page = visit(url)
        box = page.locator("#sheet .paper-pad").bounding_box()
        draw(page, "#sheet", [[[40, 40]], [[20, 20], [-300, 20]]])
        self.shows(page, self.value([[40, 40]], [[20, 20], [0, 20]]))
        page.mouse.click(box["x"] + 60, box["y"] + 60, button="right")
        page.mouse.move(box["x"] + 90, box["y"] + 60)  # no button is down
        expect(page.locator("#sheet .ink path")).to_have_count(2)

    def test_it_takes_no_more_than_it_may(self, visit, url):
        page = visit(url)
        wave = [[10 + 3 * k, 30 + 20 * (k % 2)] for k in range(70)]
        draw(page, "#sheet", [wave])
        page.locator("#sheet").get_by_text("The pad is full.").wait_for()
        draw(page, "#sheet", [BAR])
        self.shows(page, self.value(wave[:60]))
        self.button(page, "Undo").click()
        draw(page, "#sheet", [BAR])
        self.shows(page, self.value(BAR))

    def test_strokes_stay_when_the_page_is_laid_out_anew_or_the_server_puts_some(self, visit, url):
        page = visit(url)
        width = page.locator("#sheet .paper-pad").bounding_box()["width"]
        far = [[round(width) - 60, 40], [round(width) - 20, 60]]
        draw(page, "#sheet", [HOOK, far])
        self.shows(page, self.value(HOOK, far))
        page.set_viewport_size({"width": 390, "height": 844})
        page.wait_for_function(
            "document.querySelector('#sheet svg').getBoundingClientRect().width < 390 && "
            f"document.querySelector('#sheet svg').viewBox.baseVal.width >= {far[1][0]}"
        )  # the far stroke is on the narrow sheet, too
        draw(page, "#sheet", [[[100, 40]]])  # lands where it is drawn, on a sheet that is shown smaller
        page.wait_for_function("document.querySelectorAll('#sheet .ink path').length === 3")
        drawn = page.locator("#sheet .paper-pad").evaluate("paper => paper.drawn()")
        shown = page.locator("#sheet svg").evaluate("sheet => sheet.viewBox.baseVal.width / sheet.clientWidth")
        assert shown > 2
        assert np.allclose(drawn[2], np.array([[100, 40]]) * shown, atol=1.5)
        assert drawn[:2] == [HOOK, far]
        page.get_by_role("button", name="Put").click()
        page.wait_for_function("document.querySelectorAll('#sheet .ink path').length === 1")
        assert page.locator("#sheet .paper-pad").evaluate("paper => paper.drawn()") == [BAR]

    def test_by_finger_on_a_narrow_screen_the_paper_moves_on_under_the_hand(self, visit, url):
        page = visit(url, viewport={"width": 390, "height": 844}, has_touch=True, reduced_motion="reduce")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        paper = page.locator("#wide .paper-pad")
        box = paper.bounding_box()
        touch = page.context.new_cdp_session(page)

        def finger(kind: str, *points) -> None:
            at = [{"x": box["x"] + 1 + x, "y": box["y"] + 1 + y} for x, y in points]
            touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": at})

        finger("touchStart", (250, 40))
        finger("touchMove", (255, 60))
        finger("touchMove", (255, 60), (30, 30))  # a second finger writes nothing
        finger("touchEnd")
        self.shows(page, "wide " + self.value([[250, 40], [255, 60]]))
        page.wait_for_function("document.querySelector('#wide .paper-pad').scrollLeft > 100")
        moved = paper.evaluate("paper => paper.scrollLeft")
        finger("touchStart", (50, 40))
        finger("touchEnd")
        page.wait_for_function("document.querySelectorAll('#wide .ink path').length === 2")
        assert paper.evaluate("paper => paper.drawn()")[1] == [[round(50 + moved), 40]]
        self.button(page, "←", "wide").click()
        page.wait_for_function(f"document.querySelector('#wide .paper-pad').scrollLeft < {moved}")
        assert page.evaluate("scrollY") == 0  # writing does not scroll the page

    def test_a_file_is_sent_with_its_name(self, visit, url, tmp_path):
        page = visit(url)
        file = tmp_path / "strokes.json"
        file.write_text("[[[1, 2]]]")
        with page.expect_file_chooser() as chooser:
            self.button(page, "Open a file").click()
        chooser.value.set_files(file)
        self.shows(page, "strokes.json: [[[1, 2]]]")
        file.write_text("x" * 2_000_001)
        page.locator("#sheet input[type=file]").set_input_files(file)
        page.locator("#sheet").get_by_text("strokes.json is too large for the pad.").wait_for()

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_ink_and_words_can_be_told_from_the_paper(self, visit, url, scheme):
        from tests.lstm_apps.tasks.speech.demo.test_tab_served import COLOURS, contrast

        page = visit(url, color_scheme=scheme)
        for selector in (".hint", ".paper-pad", ".tools button:not([disabled])"):
            assert contrast(*page.locator(f"#sheet {selector}").first.evaluate(COLOURS)) >= 4.5, selector
