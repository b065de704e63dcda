"""The demo as people meet it: in a browser, by mouse and keyboard, on a desk and on a phone, light and dark.

Run: python -m pytest tests/lstm_apps/demo/test_interface_in_browser.py
"""

from __future__ import annotations

import io
import json
import re
import threading
import time
import zipfile
from pathlib import Path
from types import SimpleNamespace

import gcodeparser
import pypdf
import pytest
import svgelements
from PIL import Image

from lstm_apps.demo import interface as demo
from lstm_models.errors import InputError
from lstm_models.ink.drawing import Drawing
from lstm_models.tasks.handwriting.styles import Style
from tests.lstm_apps.conftest import PolylineWriter, expect
from tests.lstm_apps.tasks.speech.demo.test_tab_served import COLOURS, contrast

pytest.importorskip("gradio")

from tests.helpers.zigzag_writer import Pen

SENTENCE = "Dear reader, thank you for your letter of 3 May."

pytestmark = [
    pytest.mark.browser,
    pytest.mark.filterwarnings("ignore:::gradio.queueing"),  # its use of pandas
]


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    """Gradio's cache, in a folder of these tests' own."""
    folder = tmp_path_factory.mktemp("gradio")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(folder))
        yield folder


class EchoReader:
    """Reads what the drawing says, but for a word."""

    def read(self, drawing, **_):
        return SimpleNamespace(text=drawing.text.replace("thank", "thunk"))


class WaitingWriter(PolylineWriter):
    """Writes half of a long text and then waits."""

    def __init__(self) -> None:
        super().__init__(pause=0.02)
        self.go_on = threading.Event()

    def stream(self, text, **options):
        for number, drawing in enumerate(super().stream(text, **options)):
            yield drawing
            if number == 24:
                self.go_on.wait(60)


class HeldPen(Pen):
    """Waits after some batches of lines, while it is held."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = threading.Event()
        self.go_on.set()

    def hold(self) -> None:
        self.batches.clear()
        self.go_on.clear()

    def sample(self, *arguments, **options):
        if len(self.batches) > 5:
            self.go_on.wait(60)
        return super().sample(*arguments, **options)


def served(load, load_reader=EchoReader):
    page = demo.assemble("handwriting", load=load, load_reader=load_reader)
    yield demo.serve(page, port=0)
    page.close()


@pytest.fixture(scope="module")
def url(slow_writer):
    yield from served(lambda: slow_writer)


@pytest.fixture(scope="module")
def many_url():
    writer = PolylineWriter()
    writer.styles = tuple(f"hand {number}" for number in range(9))
    yield from served(lambda: writer)


@pytest.fixture(scope="module")
def held_pen():
    return HeldPen()


@pytest.fixture(scope="module")
def pages_url(held_pen):
    yield from served(lambda: held_pen)


@pytest.fixture(scope="module")
def broken_url():
    def load():
        raise InputError("the weights are damaged; reinstall lstm-models.")

    yield from served(load)


def write_button(page):
    return page.get_by_role("button", name="Write", exact=True)


def wait_until_written(page) -> None:
    page.locator("#writing-verdict .verdict").wait_for()
    page.get_by_text(re.compile(r"strokes? in \d")).wait_for()


def saved(page, kind: str, name: str = "dear-reader-thank-you-for-your-letter-of") -> bytes:
    with page.expect_download() as download:
        page.locator(f"#save-{kind}").click()
    path = Path(download.value.path())
    assert download.value.suggested_filename.startswith(name)
    page.get_by_text(f"{download.value.suggested_filename} is saved.").wait_for()
    return path.read_bytes()


def paths(svg: bytes) -> list:
    return [each for each in svgelements.SVG.parse(io.BytesIO(svg)).elements() if isinstance(each, svgelements.Path)]


def test_a_sentence_grows_on_the_paper_is_read_back_and_saved(visit):
    writer = WaitingWriter()
    for url in served(lambda: writer):
        grow_and_save(visit(url), writer)


def grow_and_save(page, writer) -> None:
    page.locator("#writing-style svg").first.wait_for()
    page.get_by_label("Text").fill(SENTENCE)
    write_button(page).click()
    shown = page.locator("#writing-paper svg path")
    shown.nth(3).wait_for()
    expect(page.locator("#writing-status")).to_contain_text("Writing")
    few = shown.count()
    writer.go_on.set()
    wait_until_written(page)
    strokes = 2 * len(re.sub(r"[ .]", "", SENTENCE)) + 1
    expect(shown).to_have_count(strokes)
    assert few < strokes
    verdict = page.locator("#writing-verdict")
    expect(verdict).to_contain_text("Read back as: “Dear reader, thunk you for your letter of 3 May.”")
    expect(verdict.locator("mark")).to_have_text(["thunk"])

    for kind in ("svg", "pressure", "animated"):
        assert len(paths(saved(page, kind))) == strokes
    assert Image.open(io.BytesIO(saved(page, "png"))).size[0] > 1000
    assert len(pypdf.PdfReader(io.BytesIO(saved(page, "pdf")), strict=True).pages) == 1
    drawing = Drawing.from_json(saved(page, "json"))
    assert (drawing.text, drawing.seed, len(drawing.strokes)) == (SENTENCE, 1, strokes)
    assert len(list(gcodeparser.parse_gcode_lines(saved(page, "gcode").decode()))) > strokes
    assert saved(page, "hpgl").startswith(b"IN;")

    page.get_by_role("button", name="Replay").click()
    page.locator("#writing-paper .replay svg path").first.wait_for()
    moving = "path => [getComputedStyle(path).animationName, getComputedStyle(document.querySelector('button svg path, \
.gallery path')).animationName]"
    assert page.locator("#writing-paper path").first.evaluate(moving) == ["write", "none"]


def test_a_style_by_keyboard_a_mix_and_the_notes(visit, url, slow_writer):
    page = visit(url)
    page.locator("#writing-style svg").first.wait_for()
    card = page.get_by_role("radio", name="round")
    expect(card).to_have_attribute("aria-checked", "true")
    card.focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.dataset.name") == "steep"
    expect(page.get_by_role("radio", name="steep")).to_have_attribute("aria-checked", "true")
    expect(page.locator("#writing-style [tabindex='0']")).to_have_count(1)
    page.get_by_label("Seed", exact=True).fill("42")
    page.get_by_label("Text").fill("Café")
    page.get_by_label("Text").press("Enter")
    wait_until_written(page)
    assert slow_writer.calls[-1] == ("Café", "steep", 0.75, 42)
    expect(page.locator("#writing-status")).to_contain_text("“é” was written as “e”")
    expect(page.locator("#writing-paper").get_by_role("img", name="Café")).to_have_count(1)
    page.get_by_label("Mix with").click()
    page.get_by_role("option", name="round").click()
    page.get_by_label("Text").fill("Both")
    page.get_by_label("Text").press("Enter")
    page.locator("#writing-paper").get_by_role("img", name="Both").wait_for()
    assert slow_writer.calls[-1][:2] == ("Both", "steep:0.5+round:0.5")


def test_by_keyboard_alone(visit, url, slow_writer):
    page = visit(url)
    page.get_by_label("Text").focus()
    page.keyboard.press("Control+A")
    page.keyboard.type("keys")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "writing-go"
    page.keyboard.press("Enter")
    wait_until_written(page)
    assert slow_writer.calls[-1][0] == "keys"


def test_a_new_seed_writes_anew(visit, url, slow_writer):
    page = visit(url)
    page.get_by_label("Text").fill("again")
    page.get_by_role("button", name="New seed").click()
    wait_until_written(page)
    seed = int(page.get_by_label("Seed", exact=True).input_value())
    assert slow_writer.calls[-1] == ("again", "round", 0.75, seed)
    expect(page.locator("#writing-status")).to_contain_text(f"seed {seed}.")


def test_a_sentence_to_try_is_written_at_a_click(visit, url, slow_writer):
    page = visit(url)
    page.get_by_role("button", name="Dear reader").click()
    wait_until_written(page)
    assert slow_writer.calls[-1][0] == SENTENCE
    expect(page.get_by_label("Text")).to_have_value(SENTENCE)


def test_pages_are_leafed_through_saved_and_stopped(visit, pages_url, held_pen):
    page = visit(pages_url)
    page.get_by_label("Text").fill("we saw them come home as soon as the rain was over " * 30)
    page.locator("#writing-mode").get_by_label("Pages").check()
    page.get_by_label("Line height, mm").fill("20")
    write_button(page).click()
    page.get_by_text(re.compile(r"Page 1 of \d")).wait_for()
    count = int(page.locator(".tools .label").first.inner_text().split()[-1])
    assert count > 1
    page.locator("#writing-verdict .verdict").wait_for()
    page.get_by_role("button", name="Next page").click()
    page.get_by_text(f"Page 2 of {count}").wait_for()
    page.locator("#writing-verdict").get_by_text("Page 2.").wait_for()
    expect(page.locator("#writing-paper title")).to_have_text("Page 2")
    name = "we-saw-them-come-home-as-soon"
    assert len(pypdf.PdfReader(io.BytesIO(saved(page, "pdf", name)), strict=True).pages) == count
    with zipfile.ZipFile(io.BytesIO(saved(page, "svg", name))) as archive:
        assert len(archive.namelist()) == count
        assert all(len(paths(archive.read(each))) > 10 for each in archive.namelist())

    page.get_by_label("Text").fill("word " * 5_000)
    held_pen.hold()
    write_button(page).click()
    page.get_by_text(re.compile("Writing … page \\d")).wait_for()
    page.get_by_role("button", name="Stop", exact=True).click()
    page.locator("#writing-stop:disabled").wait_for()
    held_pen.go_on.set()
    page.locator("#writing-status").get_by_text("Stopped.").wait_for()
    page.locator("#save-pdf:enabled").wait_for()
    page.locator("#writing-verdict .verdict").wait_for()
    page.get_by_label("Text").fill("and the next")  # is written: the worker is free
    page.locator("#writing-mode").get_by_label("One line").check()
    write_button(page).click()
    wait_until_written(page)


def test_the_own_hand_is_a_card_of_the_gallery(visit, pages_url, tmp_path):
    page = visit(pages_url)
    path = Style((0.5, -0.25), "mine").save(tmp_path / "my.style.json")
    page.locator("#writing-style svg").first.wait_for()
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Open a style file").click()
    chooser.value.set_files(path)
    card = page.get_by_role("radio", name="mine")
    card.locator("svg").wait_for()
    expect(card).to_have_attribute("aria-checked", "true")


@pytest.mark.parametrize("text", ["<img src=x onerror=alert(1)><b>x</b>", "${1+1} {{value}} {value}", "\"'--></svg>"])
def test_markup_is_written_not_run(visit, url, text):
    page = visit(url)
    page.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
    page.get_by_label("Text").fill(text)
    write_button(page).click()
    wait_until_written(page)
    paper = page.locator("#writing-paper")
    expect(paper.locator("svg")).to_have_attribute("aria-label", text)
    expect(paper.locator("img, b")).to_have_count(0)


def test_what_cannot_be_written_is_a_sentence(visit, url):
    page = visit(url)
    for text, sentence in [("☃", "“☃” <b>cannot</b> be written"), ("  ", "there is no text to write")]:
        page.get_by_label("Text").fill(text)
        write_button(page).click()
        page.locator("#writing-status").get_by_text(sentence).wait_for()
        toast = page.get_by_test_id("toast-body").first
        expect(toast).to_contain_text(sentence)
        expect(page.locator("#save-svg")).to_be_disabled()
        assert "Traceback" not in page.content()
        page.get_by_test_id("toast-close").first.click()
        page.get_by_test_id("toast-body").first.wait_for(state="detached")


def test_missing_weights_are_a_sentence(visit, broken_url):
    page = visit(broken_url, ready="the weights are damaged; reinstall lstm-models.")
    expect(page.locator("#writing-paper")).not_to_contain_text("Loading")


def test_loading_is_visible(visit, slow_writer):
    def load():
        time.sleep(1.5)
        return slow_writer

    for url in served(load):
        page = visit(url, ready="Loading the writer")
        page.get_by_text("Ready.").wait_for()
        expect(page.locator("#writing-paper")).to_contain_text("Your handwriting appears here.")
        page.locator(".gallery .sample svg").first.wait_for()  # the last that a page asks for by itself


def test_stopping_empties_the_cache(visit, slow_writer, cache):
    before = set(cache.rglob("*.*"))
    for url in served(lambda: slow_writer):
        page = visit(url)
        page.get_by_label("Text").fill("short lived")
        write_button(page).click()
        wait_until_written(page)
        saved(page, "json", "short-lived")
        assert {p.name for p in set(cache.rglob("*.*")) - before} == {"short-lived.json"}
    assert set(cache.rglob("*.*")) == before


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_it_fits_the_screen(visit, many_url, tmp_path, width, scheme):
    page = visit(many_url, viewport={"width": width, "height": 844}, color_scheme=scheme)
    page.locator("#writing-style svg").nth(8).wait_for()
    page.get_by_label("Text").fill(SENTENCE)
    write_button(page).click()
    wait_until_written(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    picture, paper = page.locator("#writing-paper svg").bounding_box(), page.locator(".paper").bounding_box()
    assert paper["x"] <= picture["x"]
    assert picture["x"] + picture["width"] <= paper["x"] + paper["width"]
    for selector in ("#writing-paper svg", ".verdict .read", ".verdict mark", ".verdict .rate",
                     ".status", ".tools .label", "#save-svg", ".gallery .name", ".gallery .sample"):  # fmt: skip
        ink, behind = page.locator(selector).first.evaluate(COLOURS)
        assert contrast(ink, behind) >= 4.5, selector
    sheet = page.locator("#writing-paper svg").evaluate(COLOURS)[1]
    assert (sum(sheet[:3]) > 380) == (scheme == "light")
    page.screenshot(path=tmp_path / "page.png", full_page=True)


def test_the_picture_answers_an_api_call_too(url):
    """The event is a public endpoint of Gradio's, so the demo can be scripted."""
    from urllib.request import urlopen

    with urlopen(f"{url}gradio_api/info") as answer:
        endpoints = json.load(answer)["named_endpoints"]
    assert set(endpoints) == {"/write", "/fit_style", "/read_strokes"}
    names = [p["parameter_name"] for p in endpoints["/write"]["parameters"]]
    assert names == ["text", "style", "legibility", "seed", "redraw"]


def test_a_script_is_given_strokes_or_a_sentence(url):
    client_module = pytest.importorskip("gradio_client")
    from gradio_client.exceptions import AppError

    client = client_module.Client(url, verbose=False, analytics_enabled=False)
    answer = client.predict(text="Dear reader,", seed=1, api_name="/write")
    assert answer["text"] == "Dear reader,"
    assert answer["seed"] == 1
    assert len(answer["strokes"]) > 1
    for options, said in (({"text": " "}, "no text"), ({"text": "a", "style": "none"}, "no style"),
                          ({"text": "a", "legibility": 7}, "Legibility")):  # fmt: skip
        with pytest.raises(AppError, match=said):
            client.predict(**options, api_name="/write")


def test_the_bundled_writer(visit, tmp_path):
    import lstm_models

    if "writer" not in lstm_models.available():
        pytest.skip("this checkout has no bundled writer")
    for url in served(lambda: lstm_models.load("writer"), lambda: lstm_models.load("reader")):
        page = visit(url)
        page.get_by_label("Text").fill(SENTENCE)
        write_button(page).click()
        wait_until_written(page)
        shown = page.locator("#writing-paper svg path").count()
        assert shown >= len(SENTENCE.split())  # nobody writes two words without lifting the pen
        assert len(paths(saved(page, "svg"))) == shown
        expect(page.locator("#writing-verdict .read")).to_contain_text("letter")
        page.screenshot(path=tmp_path / "writer.png", full_page=True)
