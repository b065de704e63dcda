"""The demo as people meet it: in a browser, by mouse and keyboard, on a desk and on a phone, light and dark.

Run: python -m pytest tests/lstm_apps/test_browser.py
"""

from __future__ import annotations

import json
import re
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from lstm_apps import demo
from lstm_models.errors import InputError
from lstm_models.results import Drawing

pytest.importorskip("gradio")

SVG_PATH = "{http://www.w3.org/2000/svg}path"
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


def served(load):
    page = demo.assemble("handwriting", load=load)
    yield demo.serve(page, port=0)
    page.close()


@pytest.fixture(scope="module")
def url(slow_writer):
    yield from served(lambda: slow_writer)


@pytest.fixture(scope="module")
def broken_url():
    def load():
        raise InputError("the weights are damaged; reinstall lstm-models.")

    yield from served(load)


def write_button(page):
    return page.get_by_role("button", name="Write", exact=True)


def wait_until_written(page) -> None:
    page.locator("#save-SVG:not([disabled])").wait_for()
    page.get_by_text(re.compile(r"strokes? in \d")).wait_for()


def saved(page, kind: str) -> Path:
    with page.expect_download() as download:
        page.locator(f"#save-{kind}").click()
    path = Path(download.value.path())
    assert download.value.suggested_filename == f"dear-reader-thank-you-for-your-letter-of.{kind.lower()}"
    return path


def test_a_sentence_grows_on_the_paper_and_is_saved(visit, url):
    page = visit(url)
    page.get_by_label("Text").fill(SENTENCE)
    write_button(page).click()
    paths = page.locator("#writing-paper svg path")
    paths.first.wait_for()
    growing = set()
    while "Writing" in page.locator("#writing-status").inner_text():
        growing.add(paths.count())
        time.sleep(0.05)
    wait_until_written(page)
    strokes = paths.count()
    assert strokes == 2 * len(re.sub(r"[ .]", "", SENTENCE)) + 1
    assert len([count for count in growing if 0 < count < strokes]) >= 2

    svg = ElementTree.parse(saved(page, "SVG")).getroot()
    assert len(list(svg.iter(SVG_PATH))) == strokes
    assert saved(page, "PNG").read_bytes().startswith(b"\x89PNG\r\n")
    drawing = Drawing.from_json(saved(page, "JSON").read_bytes())
    assert (drawing.text, drawing.seed, len(drawing.strokes)) == (SENTENCE, 1, strokes)


def test_enter_writes_in_the_chosen_style_and_the_notes_are_shown(visit, url, slow_writer):
    page = visit(url)
    page.get_by_label("Style").click()
    page.get_by_role("option", name="steep").click()
    page.get_by_label("Seed", exact=True).fill("42")
    page.get_by_label("Text").fill("Café")
    page.get_by_label("Text").press("Enter")
    wait_until_written(page)
    assert slow_writer.asked[-1] == ("Café", "steep", 0.75, 42)
    assert "“é” was written as “e”" in page.locator("#writing-status").inner_text()
    assert page.locator("#writing-paper").get_by_role("img", name="Café").count() == 1


def test_by_keyboard_alone(visit, url, slow_writer):
    page = visit(url)
    page.get_by_label("Text").focus()
    page.keyboard.press("Control+A")
    page.keyboard.type("keys")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "writing-go"
    page.keyboard.press("Enter")
    wait_until_written(page)
    assert slow_writer.asked[-1][0] == "keys"


def test_a_new_seed_writes_anew(visit, url, slow_writer):
    page = visit(url)
    page.get_by_label("Text").fill("again")
    page.get_by_role("button", name="New seed").click()
    wait_until_written(page)
    seed = int(page.get_by_label("Seed", exact=True).input_value())
    assert slow_writer.asked[-1] == ("again", None, 0.75, seed)
    assert f"seed {seed}." in page.locator("#writing-status").inner_text()


def test_a_sentence_to_try_is_written_at_a_click(visit, url, slow_writer):
    page = visit(url)
    page.get_by_role("button", name="Dear reader").click()
    wait_until_written(page)
    assert slow_writer.asked[-1][0] == SENTENCE
    assert page.get_by_label("Text").input_value() == SENTENCE


@pytest.mark.parametrize("text", ["<img src=x onerror=alert(1)><b>x</b>", "${1+1} {{value}} {value}", "\"'--></svg>"])
def test_markup_is_written_not_run(visit, url, text):
    page = visit(url)
    page.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
    page.get_by_label("Text").fill(text)
    write_button(page).click()
    wait_until_written(page)
    paper = page.locator("#writing-paper")
    assert paper.locator("svg").get_attribute("aria-label") == text
    assert paper.locator("img, b").count() == 0


def test_what_cannot_be_written_is_a_sentence(visit, url):
    page = visit(url)
    for text, sentence in [("☃", "“☃” <b>cannot</b> be written"), ("  ", "there is no text to write")]:
        page.get_by_label("Text").fill(text)
        write_button(page).click()
        page.locator("#writing-status").get_by_text(sentence).wait_for()
        toast = page.get_by_test_id("toast-body").first
        assert sentence in toast.inner_text()
        assert page.locator("#save-SVG").is_disabled()
        assert "Traceback" not in page.content()
        page.get_by_test_id("toast-close").first.click()
        page.get_by_test_id("toast-body").first.wait_for(state="detached")


def test_missing_weights_are_a_sentence(visit, broken_url):
    page = visit(broken_url, ready="the weights are damaged; reinstall lstm-models.")
    assert "Loading" not in page.locator("#writing-paper").inner_text()


def test_loading_is_visible(visit, slow_writer):
    def load():
        time.sleep(1.5)
        return slow_writer

    for url in served(load):
        page = visit(url, ready="Loading the writer")
        page.get_by_text("Ready.").wait_for()
        assert "Your handwriting appears here." in page.locator("#writing-paper").inner_text()


def test_stopping_empties_the_cache(visit, slow_writer, cache):
    before = set(cache.rglob("*.*"))
    for url in served(lambda: slow_writer):
        page = visit(url)
        page.get_by_label("Text").fill("short lived")
        write_button(page).click()
        wait_until_written(page)
        assert {p.name for p in set(cache.rglob("*.*")) - before} == {
            f"short-lived.{k}" for k in ("svg", "png", "json")
        }
    assert set(cache.rglob("*.*")) == before


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_it_fits_the_screen(visit, url, tmp_path, width, scheme):
    page = visit(url, viewport={"width": width, "height": 844}, color_scheme=scheme)
    page.get_by_label("Text").fill(SENTENCE)
    write_button(page).click()
    wait_until_written(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    picture, paper = page.locator("#writing-paper svg").bounding_box(), page.locator(".paper").bounding_box()
    assert paper["x"] <= picture["x"]
    assert picture["x"] + picture["width"] <= paper["x"] + paper["width"]
    ink, sheet = page.evaluate(
        "['.paper svg', '.paper'].map(s => getComputedStyle(document.querySelector(s)))"
        ".map((style, i) => i ? style.backgroundColor : style.color)"
    )
    assert abs(brightness(ink) - brightness(sheet)) > 0.6
    assert (brightness(sheet) > 0.5) == (scheme == "light")
    page.screenshot(path=tmp_path / "page.png", full_page=True)


def brightness(css_color: str) -> float:
    return sum(map(int, re.findall(r"\d+", css_color)[:3])) / (3 * 255)


def test_the_picture_answers_an_api_call_too(url):
    """The event is a public endpoint of Gradio's, so the demo can be scripted."""
    from urllib.request import urlopen

    with urlopen(f"{url}gradio_api/info") as answer:
        endpoints = json.load(answer)["named_endpoints"]
    assert list(endpoints) == ["/write"]
    assert [p["parameter_name"] for p in endpoints["/write"]["parameters"]] == ["text", "style", "legibility", "seed"]


def test_the_bundled_writer(visit, tmp_path):
    import lstm_models

    if "writer" not in lstm_models.available():
        pytest.skip("this checkout has no bundled writer")
    for url in served(lambda: lstm_models.load("writer")):
        page = visit(url)
        page.get_by_label("Text").fill(SENTENCE)
        write_button(page).click()
        wait_until_written(page)
        shown = page.locator("#writing-paper svg path").count()
        assert shown >= len(SENTENCE.split())  # nobody writes two words without lifting the pen
        svg = ElementTree.parse(saved(page, "SVG")).getroot()
        assert len(list(svg.iter(SVG_PATH))) == shown
        page.screenshot(path=tmp_path / "writer.png", full_page=True)
