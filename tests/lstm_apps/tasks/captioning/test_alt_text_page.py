"""The page of alt texts: what is in it, what cannot get into it, and how it behaves in a browser.

Run: python -m pytest tests/lstm_apps/tasks/captioning/test_alt_text_page.py
"""

from __future__ import annotations

import base64
import hashlib
import io
import itertools
import os
import re
import tracemalloc
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from lstm_apps.tasks.captioning.alt_text_page import alt_text_chunks, alt_text_page, write_alt_text_page
from lstm_models.errors import InputError
from lstm_models.results import Word
from lstm_models.tasks.captioning.results import Caption
from tests.helpers import browser

NASTY = """</textarea><script>alert(1)</script> "quoted" 'single' & <b>"""


def caption(text: str = "a dog runs", confidence: float | None = 0.9, **options: Any) -> Caption:
    return Caption(text, tuple(Word(word, confidence) for word in text.split()), -2.0, **options)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photos" / "a b.jpg"
    path.parent.mkdir()
    Image.new("RGB", (800, 400), "green").save(path)
    return path


class Page(HTMLParser):
    """The elements of a page, each with its attributes and the text directly in it; raises where tags do not match."""

    EMPTY = ("meta", "img", "input", "br")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None], list[str]]] = []
        self.open: list[tuple[str, list[str]]] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element: tuple[str, dict[str, str | None], list[str]] = (tag, dict(attrs), [])
        self.elements.append(element)
        if tag not in self.EMPTY:
            self.open.append((tag, element[2]))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        if self.open:
            self.open[-1][1].append(data)

    def all(self, tag: str, class_: str = "") -> list[tuple[dict[str, str | None], str]]:
        return [
            (attributes, "".join(text))
            for name, attributes, text in self.elements
            if name == tag and class_ in ["", *(attributes.get("class") or "").split()]
        ]


class TestContent:
    def test_a_photo_with_its_caption_as_alt_text(self, photo: Path):
        page = Page(alt_text_page([(photo, caption())], title="Holiday"))
        ((image, _),) = page.all("img")
        assert image["alt"] == "a dog runs"
        kind, _, data = (image["src"] or "").partition(",")
        assert kind == "data:image/jpeg;base64"
        thumbnail = Image.open(io.BytesIO(base64.b64decode(data)))
        assert (thumbnail.format, thumbnail.size) == ("JPEG", (320, 160))
        assert (image["width"], image["height"]) == ("320", "160")
        assert page.all("title")[0][1] == page.all("h1")[0][1] == "Holiday"
        assert page.all("textarea")[0][1] == "a dog runs"
        assert page.all("code")[0][1] == '<img src="a%20b.jpg" alt="a dog runs">'
        assert page.all("html")[0][0]["lang"] == "en"
        assert page.all("p", "note")[-1][1] == "1 photo, 0 uncertain."

    def test_a_small_photo_is_not_enlarged_and_a_thin_one_not_lost(self, tmp_path: Path):
        for name, size in (("small.png", (30, 20)), ("thin.png", (2000, 1))):
            Image.new("RGB", size).save(tmp_path / name)
        captions = [(tmp_path / "small.png", caption()), (tmp_path / "thin.png", caption())]
        images = Page(alt_text_page(captions)).all("img")
        assert [(image["width"], image["height"]) for image, _ in images] == [("30", "20"), ("320", "1")]

    def test_every_control_has_a_name(self, photo: Path):
        page = Page(alt_text_page([(photo, caption()), (photo, caption())]))
        labels = {attributes.get("for") for attributes, _ in page.all("label")}
        identities = [attributes["id"] for _, attributes, _ in page.elements if "id" in attributes]
        assert len(identities) == len(set(identities))
        for field, _ in page.all("textarea"):
            assert field["id"] in labels
            assert field["aria-describedby"] in identities
        for button, text in page.all("button"):
            assert text
            assert button["type"] == "button"

    def test_words_are_tinted_by_confidence(self, photo: Path):
        shares = (0.1, 0.3, 0.5, 0.7, 0.95, None)
        words = tuple(Word(f"w{number}", share) for number, share in enumerate(shares))
        text = alt_text_page([(photo, Caption("w", words, -1))])
        tinted = re.search(r'<p class="words" lang="en">(.*)</p>', text)
        assert tinted
        assert re.findall(r'class="c(\d)" title="(\d+) % sure">(\w+)<', tinted[1]) == [
            ("0", "10", "w0"), ("1", "30", "w1"), ("2", "50", "w2"), ("3", "70", "w3"), ("4", "95", "w4"),
        ]  # fmt: skip
        assert tinted[1].endswith("</span> w5")

    def test_uncertain_captions_are_flagged_and_counted(self, photo: Path):
        page = Page(alt_text_page([(photo, caption()), (photo, caption(confidence=0.1)), (photo, caption())]))
        assert len(page.all("article", "photo")) == 3
        assert len(page.all("article", "uncertain")) == 1
        assert [text for _, text in page.all("strong", "flag")] == ["Uncertain: please check"]
        assert page.all("p", "note")[-1][1] == "3 photos, 1 uncertain."

    def test_other_captions_can_be_chosen(self, photo: Path):
        page = Page(alt_text_page([(photo, caption(alternatives=(caption("a cat"), caption("a <cow>"))))]))
        assert [text for _, text in page.all("button", "other")] == ["a cat", "a <cow>"]
        assert not Page(alt_text_page([(photo, caption())])).all("details")

    def test_failures_are_listed_with_their_sentence(self, photo: Path):
        failures = [("x/gone.jpg", "x/gone.jpg does not exist."), ("b.jpg", NASTY)]
        page = Page(alt_text_page([(photo, caption())], failures))
        assert [text.strip() for _, text in page.all("li")] == ["x/gone.jpg does not exist.", NASTY]
        assert [text for _, text in page.all("b")] == ["gone.jpg", "b.jpg"]
        assert not Page(alt_text_page([(photo, caption())])).all("section")

    def test_nothing_at_all(self):
        page = Page(alt_text_page([]))
        assert page.all("p", "none")[0][1] == "No photo has a caption."

    def test_a_photo_that_is_gone_keeps_its_caption(self, tmp_path: Path):
        page = Page(alt_text_page([(tmp_path / "gone.jpg", caption())]))
        assert not page.all("img")
        assert "gone.jpg does not exist." in page.all("p", "missing")[0][1]
        assert page.all("textarea")[0][1] == "a dog runs"

    def test_names_from_a_root(self, photo: Path, tmp_path: Path):
        def source(root: Path | None) -> str:
            line = Page(alt_text_page([(photo, caption())], root=root)).all("code")[0][1]
            return line.split('"')[1]

        assert source(tmp_path) == "photos/a%20b.jpg"
        assert source(photo.parent) == "a%20b.jpg"
        assert source(tmp_path / "elsewhere") == "a%20b.jpg"
        assert source(None) == "a%20b.jpg"

    def test_a_name_that_is_not_text_still_links_to_the_file(self, tmp_path: Path):
        path = os.fsdecode(os.fsencode(str(tmp_path)) + b"/\xff:a.png")
        Image.new("RGB", (3, 3)).save(path)
        text = alt_text_page([(path, caption())])
        text.encode()
        assert Page(text).all("code")[0][1].startswith('<img src="%FF%3Aa.png"')


class TestSafety:
    def test_everything_is_escaped(self, tmp_path: Path):
        plain = Page(alt_text_page([(tmp_path / "x", caption("a b", alternatives=(caption("a"),)))], [("y", "z")]))
        path = tmp_path / """<i>"x'&.png"""
        words = (Word(NASTY, 0.5), Word(NASTY))
        made = Caption(NASTY, words, -1, alternatives=(Caption(NASTY, (), -1),))
        page = Page(alt_text_page([(path, made)], [(path, NASTY)], title=NASTY, language='"><script>'))
        names = [name for name, _, _ in page.elements]
        assert names.count("script") == 1
        assert set(names) == {name for name, _, _ in plain.elements}  # nothing came in with the texts
        assert page.all("textarea")[0][1] == " ".join(NASTY.split())
        assert page.all("h1")[0][1] == page.all("title")[0][1] == NASTY
        assert page.all("code")[0][1].count('"') == 4

    def test_control_characters_and_lone_surrogates(self, photo: Path):
        text = alt_text_page([(photo, caption("a\0\x1b[31m dog\ud800\nruns"))])
        text.encode("utf-8")
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", text)

    def test_nothing_is_fetched_and_only_the_own_script_runs(self, photo: Path):
        text = alt_text_page([(photo, caption())])
        page = Page(text)
        (policy,) = [
            a["content"] or "" for a, _ in page.all("meta") if a.get("http-equiv") == "Content-Security-Policy"
        ]
        assert "default-src 'none'" in policy
        ((_, script),) = page.all("script")
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"script-src 'sha256-{digest}'" in policy
        assert not page.all("link")
        assert "://" not in re.sub("data:[^\"']*", "", text)


class TestWriting:
    def test_chunks_are_the_page_and_come_one_a_photo(self, photo: Path):
        taken = []

        def captions() -> Iterator[tuple[Path, Caption]]:
            for number in range(3):
                taken.append(number)
                yield photo, caption()

        chunks = alt_text_chunks(captions())
        head = "".join(itertools.takewhile(lambda chunk: "<main>" not in chunk, chunks))
        assert "<title>Alt texts</title>" in head
        assert taken == []
        next(chunk for chunk in chunks if "<article" in chunk)
        assert taken == [0]
        assert "".join(alt_text_chunks(captions(), title="T")) == alt_text_page(captions(), title="T")

    def test_failures_may_come_while_captions_are_made(self, photo: Path):
        failures: list[tuple[str, str]] = []

        def captions() -> Iterator[tuple[Path, Caption]]:
            yield photo, caption()
            failures.append(("b.jpg", "b.jpg is empty."))

        assert "b.jpg is empty." in alt_text_page(captions(), failures)

    @pytest.mark.slow
    def test_memory_does_not_grow_with_the_page(self, photo: Path, tmp_path: Path):
        def peak(count: int) -> int:
            tracemalloc.start()
            write_alt_text_page(tmp_path / "page.html", ((photo, caption("a dog " * 500)) for _ in range(count)))
            most = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            return most

        peak(1)
        few, many = peak(2), peak(60)
        assert (tmp_path / "page.html").stat().st_size > 2_000_000
        assert many < few + 500_000

    def test_the_file(self, photo: Path, tmp_path: Path):
        path = write_alt_text_page(str(tmp_path / "a.html"), [(photo, caption("ein größerer Hund"))], language="de")
        assert path == tmp_path / "a.html"
        assert path.read_text("utf-8") == alt_text_page([(photo, caption("ein größerer Hund"))], language="de")
        assert sorted(inner.name for inner in tmp_path.iterdir()) == ["a.html", "photos"]

    def test_an_error_on_the_way_leaves_the_old_page(self, photo: Path, tmp_path: Path):
        def captions() -> Iterator[tuple[Path, Caption]]:
            yield photo, caption()
            raise KeyboardInterrupt

        (tmp_path / "a.html").write_text("old")
        with pytest.raises(KeyboardInterrupt):
            write_alt_text_page(tmp_path / "a.html", captions())
        assert (tmp_path / "a.html").read_text() == "old"
        assert sorted(inner.name for inner in tmp_path.iterdir()) == ["a.html", "photos"]

    def test_a_folder_that_is_missing_gets_a_message_before_any_work(self, tmp_path: Path):
        def captions() -> Iterator[tuple[Path, Caption]]:
            pytest.fail("a caption was asked for")
            yield tmp_path, caption()

        with pytest.raises(InputError, match="does not exist"):
            write_alt_text_page(tmp_path / "no" / "a.html", captions())


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browser.started() as started:
        yield started


@pytest.mark.browser
class TestBrowser:
    @pytest.fixture
    def visit(self, chromium, photo: Path, tmp_path: Path) -> Iterator[Any]:
        captions = [
            (photo, caption("a dog runs", alternatives=(caption('a "cat" & <cow>'),))),
            (photo, caption("a bird sits on a branch", 0.2)),
        ]
        path = write_alt_text_page(tmp_path / "page.html", captions, [("b.jpg", "b.jpg is empty: it has no bytes.")])
        wrong: list[str] = []

        def open_page(**options: Any) -> Any:
            context = chromium.new_context(**options)
            context.grant_permissions(["clipboard-read", "clipboard-write"])
            page = context.new_page()
            page.on("console", lambda message: wrong.append(message.text))
            page.on("pageerror", lambda error: wrong.append(str(error)))
            page.on("request", lambda request: wrong.append(request.url) if "page.html" not in request.url else None)
            page.goto(path.as_uri())
            return page

        yield open_page
        assert [text for text in wrong if not text.startswith("data:image/jpeg")] == []

    def test_editing_changes_the_line_and_copy_copies_it(self, visit):
        page = visit()
        page.fill("#t1", 'A "dog" & <me>\n too')
        line = '<img src="a%20b.jpg" alt="A &quot;dog&quot; &amp; &lt;me&gt; too">'
        assert page.inner_text("code >> nth=0") == line
        assert page.get_attribute(".frame img >> nth=0", "alt") == 'A "dog" & <me> too'
        page.click(".copy >> nth=0")
        page.get_by_role("button", name="Copied").wait_for()  # the page's policy forbids what waits for a function
        assert page.evaluate("navigator.clipboard.readText()") == line
        assert page.inner_text("#message") == 'Copied: A "dog" & <me> too'

    def test_copying_without_the_clipboard_interface(self, visit):
        page = visit()
        page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
        page.click(".copy >> nth=1")
        page.get_by_role("button", name="Copied").wait_for()
        assert page.evaluate("document.activeElement.className") == "copy"
        page.keyboard.press("Control+a")
        page.focus("#t1")
        page.keyboard.press("Control+a")
        page.keyboard.press("Control+v")
        assert page.input_value("#t1") == '<img src="a%20b.jpg" alt="a bird sits on a branch">'

    def test_another_caption_by_keyboard(self, visit):
        page = visit()
        page.focus("summary")
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        assert page.input_value("#t1") == 'a "cat" & <cow>'
        assert page.evaluate("document.activeElement.id") == "t1"

    def test_only_uncertain(self, visit):
        page = visit()
        assert page.inner_text("#message") == "2 photos, 1 uncertain."
        page.focus("#only")
        page.keyboard.press("Space")
        assert [page.is_visible(f"#t{number}") for number in (1, 2)] == [False, True]
        page.keyboard.press("Space")
        assert [page.is_visible(f"#t{number}") for number in (1, 2)] == [True, True]

    def test_the_table(self, visit):
        page = visit()
        page.fill("#t1", 'a "dog"')
        with page.expect_download() as download:
            page.click("#table")
        assert download.value.suggested_filename == "alt-texts.csv"
        assert Path(download.value.path()).read_bytes().decode("utf-8-sig") == (
            'photo,alt\r\n"a b.jpg","a ""dog"""\r\n"a b.jpg","a bird sits on a branch"\r\n'
        )

    @pytest.mark.parametrize("width", [320, 390, 1200])
    def test_it_fits_the_screen(self, visit, width):
        page = visit(viewport={"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        for button in page.query_selector_all("button:visible"):
            assert button.bounding_box()["height"] >= 40

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_light_and_dark(self, visit, scheme):
        page = visit(color_scheme=scheme)

        def brightness(element: str, property_: str) -> float:
            colour = page.evaluate(f"getComputedStyle(document.querySelector('{element}')).{property_}")
            return sum(map(float, re.findall(r"[\d.]+", colour)[:3])) / 3

        for element in ("body", "textarea"):
            bright, dark = brightness(element, "backgroundColor"), brightness(element, "color")
            if scheme == "dark":
                bright, dark = dark, bright
            assert bright > 200
            assert dark < 60


def test_every_tint_of_a_word_has_its_colour():
    """Each class that a confidence gives a word has a rule in the page's style sheet."""
    words = tuple(Word("word", level / 10) for level in range(11))
    page = alt_text_page([("missing.jpg", Caption("word", words, -2.0))])
    classes = set(re.findall(r'<span class="(c\d)" title=', page))
    assert classes == {"c0", "c1", "c2", "c3", "c4"}
    assert all(f".{name} " in page for name in classes - {"c4"})
