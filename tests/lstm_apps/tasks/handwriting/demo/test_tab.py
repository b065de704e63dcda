"""The panel of the demo that writes, without a browser: what its handlers yield, what they refuse, what is saved.

Run: python -m pytest tests/lstm_apps/tasks/handwriting/demo/test_tab.py
"""

from __future__ import annotations

import io
import re
import tempfile
import threading
import xml.etree.ElementTree as ElementTree
import zipfile
from pathlib import Path
from types import SimpleNamespace

import gcodeparser
import numpy as np
import pypdf
import pytest
import svgelements
from PIL import Image

from lstm_models.errors import InputError
from lstm_models.ink.drawing import Drawing
from lstm_models.ink.page import Page, PageOptions
from lstm_models.ink.plotter import PlotterOptions
from lstm_models.tasks.handwriting.model import HandwritingWriter
from lstm_models.tasks.handwriting.styles import Style, fingerprint
from lstm_models.text.edit_distance import edits
from tests.lstm_apps.conftest import PolylineWriter

gr = pytest.importorskip("gradio")

from lstm_apps.tasks.handwriting.demo import html, inputs, jobs  # noqa: E402 - needs gradio
from lstm_apps.tasks.handwriting.demo import tab as demo  # noqa: E402
from lstm_apps.tasks.handwriting.demo.outputs import FORMATS, LineOutput, PagesOutput  # noqa: E402
from tests.helpers.zigzag_writer import Pen  # noqa: E402

LETTER = "Dear Anna,\n\n" + "we saw them come home as soon as the rain was over " * 6 + "\n\nYours"
SMALL = {"mode": demo.PAGES, "size": "own", "page_width": 60, "page_height": 60, "margins": 5}
VISITOR = SimpleNamespace(session_hash="a")


class EchoReader:
    """Reads what the drawing says, but for a word."""

    def read(self, drawing, **_):
        return SimpleNamespace(text=drawing.text.replace("thank", "thunk"))


def handler(page, name: str):
    """The function behind an endpoint of the page, or behind an event whose handler has that name."""
    fns = [fn for fn in page.fns.values() if fn.fn is not None]
    return next(fn.fn for fn in fns if fn.fn.__name__ == name)


def by_id(update: dict, elem_id: str):
    return next((value for block, value in update.items() if block.elem_id == elem_id), None)


def states(update: dict) -> dict[str, object]:
    """What was kept: the drawing or pages under "written", the number of the page shown under "page"."""
    kept = [value for block, value in update.items() if isinstance(block, gr.State)]
    return {"page" if isinstance(value, int) else "written": value for value in kept}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """Gradio's cache, in a folder of the test's own."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "gradio"))


@pytest.fixture
def page(writer):
    return demo.build(lambda: writer, EchoReader)


@pytest.fixture
def write(page):
    return handler(page, "draw")


@pytest.fixture(scope="module")
def pen() -> Pen:
    return Pen()


class TestALine:
    def test_the_drawing_grows_and_is_read_back(self, write, writer, monkeypatch):
        monkeypatch.setattr(jobs, "_FRAME_SECONDS", 0)
        counts, message, kept = [], "", None
        for update in write("I thank you.", "steep", 0.5, 3):
            if (paper := by_id(update, "writing-paper")) is not None:
                counts.append(paper.count("<path"))
            message = by_id(update, "writing-status") or message
            kept = states(update).get("written") or kept
        assert writer.calls == [("I thank you.", "steep", 0.5, 3)]
        assert counts == sorted(counts)
        assert counts[0] < counts[-1] == 19
        assert "19 strokes in" in message
        assert "seed 3." in message
        assert kept.drawing.text == "I thank you."
        verdict = by_id(update, "writing-verdict")
        assert 'Read back as: “I <mark title="should be “thank”">thunk</mark> you.”' in verdict
        assert "one word differs; 8.3 % of characters wrong." in verdict

    def test_a_script_is_given_the_drawing(self, write):
        answers = [value for update in write("Anna.", read_back=False)
                   for block, value in update.items() if isinstance(block, gr.JSON)]  # fmt: skip
        assert Drawing.from_json(__import__("json").dumps(answers[-1])).text == "Anna."

    def test_text_is_escaped_everywhere(self, write):
        message = ""
        for update in write('<img src=x onerror="x()"> é', "", 0.75, 1):
            message = by_id(update, "writing-status") or message
            for elem_id in ("writing-paper", "writing-status", "writing-verdict"):
                markup = by_id(update, elem_id)
                if markup:
                    assert "<img" not in markup
                    ElementTree.fromstring(markup)  # well-formed, so nothing broke out of its place
        assert "“é” was written as “e”" in message

    def test_another_line_of_the_same_visitor_ends_the_first(self, pen):
        desk = jobs.Desk(PolylineWriter, EchoReader)
        job = jobs.Job("Anna Karenina", None, 1, 1, False, inputs.Look())
        first = desk.line(job, "a")
        next(first)
        list(desk.line(job, "a"))
        *_, last = first
        assert len(last.output.drawing.strokes) < 26

    @pytest.mark.parametrize(
        ("text", "options", "sentence"),
        [
            ("", {}, "there is no text"),
            (None, {}, "there is no text"),
            (["a"], {}, "there is no text"),
            ("☃", {}, "&lt;b&gt;cannot&lt;/b&gt;"),
            ("a", {"style": "/etc/passwd.json"}, "there is no style “/etc/passwd.json”; the styles are: round, steep"),
            ("a", {"style": ["round"]}, "A style is a name, such as those of the gallery."),
            ("a", {"style": "round+nobody"}, "there is no style “nobody”"),
            ("a", {"style": inputs.CUSTOM_STYLE}, "There is no hand of your own yet"),
            ("a", {"style": inputs.CUSTOM_STYLE, "hand": "[]"}, "Your own hand is no style"),
            ("a", {"mix": "round", "style": "steep", "share": 7}, "The share of the second style must lie"),
            ("a", {"legibility": "much"}, "Legibility must be a number from 0 to 1."),
            ("a", {"legibility": float("nan")}, "Legibility must be a number from 0 to 1."),
            ("a", {"seed": 1.5}, "seed must be a whole number"),
            ("a", {"seed": float("inf")}, "seed must be a number from 0"),
            ("a", {"seed": -1}, "seed must lie between 0 and"),
            ("a", {"seed": "one"}, "seed must be a number from 0"),
            ("a", {"width": 1e9}, "The width of the line must lie between 0.3 and 8"),
            ("a", {"color": "url(x)"}, "The colour must be one such as #1a2a5c or navy."),
            ("a", {"color": 7}, "The colour must be one such as"),
            ("a", {"line": "dotted"}, "A line is plain or pressure."),
            ("a", {"mode": "Book"}, "One line or Pages can be written."),
            ("a", {"mode": demo.PAGES, "size": "a99"}, "size must be a4, a5, letter or width x height in mm"),
            ("a", {"mode": demo.PAGES, "size": None}, "The size of a page is a4"),
            ("a", {"mode": demo.PAGES, "size": "own", "page_width": 1e9}, "The width of the page in mm must lie"),
            ("a", {"mode": demo.PAGES, "size": "own", "page_height": None}, "The height of the page in mm must be"),
            ("a", {"mode": demo.PAGES, "margins": 140}, "the margins leave 0 of 210 mm for a line"),
            ("a", {"mode": demo.PAGES, "line_height": -1}, "The line height in mm must lie between 3 and 100"),
            ("a", {"mode": demo.PAGES, "align": 5}, "align must be one of left, right, center, justify"),
            ("a", {"mode": demo.PAGES, "paper_kind": "glass"}, "paper must be one of blank, ruled, squared"),
            ("a" * 150_001, {"mode": demo.PAGES}, "the demo writes pages of 150,000 at a time"),
        ],
    )  # fmt: skip
    def test_what_cannot_be_gets_a_message(self, write, text, options, sentence):
        with pytest.warns(UserWarning, match=re.escape(sentence)):
            updates = list(write(text, **options))
        status = by_id(updates[-1], "writing-status")
        assert 'role="alert"' in status
        assert sentence in status
        assert by_id(updates[-1], "writing-stop").interactive is False

    def test_opening_a_page_loads_the_writer_once_and_fills_the_gallery(self, writer):
        loads = []

        def load():
            loads.append(1)
            return writer

        page = demo.build(load)
        threads = [threading.Thread(target=handler(page, "open_page")) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        gallery = by_id(handler(page, "open_page")(), "writing-style")
        assert loads == [1]
        assert gallery.value == "round"
        assert re.findall('data-name="(.*?)"', gallery.props["cards"]) == ["round", "steep"]
        assert "<svg" not in gallery.props["cards"]  # they come after the page
        gallery = by_id(handler(page, "picture_cards")(None), "writing-style")
        assert gallery.props["cards"].count("<svg") == 2
        calls_before = len(writer.calls)
        handler(page, "picture_cards")(None)
        assert len(writer.calls) == calls_before  # kept

    def test_missing_weights_get_a_message_on_the_page(self):
        def load():
            raise InputError("the writer's weights are damaged & gone")

        with pytest.warns(UserWarning, match="damaged &amp; gone"):
            update = handler(demo.build(load), "open_page")()
        assert "damaged &amp; gone" in by_id(update, "writing-status")

    def test_look_and_replay_of_what_is_written(self, page):
        line = LineOutput(Drawing(([[0, 0], [50, 9], [90, 0]],), "a"))
        plain = by_id(handler(page, "restyle")(line, 1, 1.6, inputs.INK, "plain"), "writing-paper")
        assert 'stroke="currentColor" stroke-width="1.6"' in plain
        made = by_id(handler(page, "restyle")(line, 1, 3, "rgba(200, 10.4, 0, 1)", "pressure"), "writing-paper")
        assert 'fill="#c80a00"' in made
        assert 'class="paper wide lit"' in made
        replay = by_id(handler(page, "replay")(line, 1, 1.6, inputs.INK, "plain", 4), "writing-paper")
        assert ".replay path{animation:write" in replay
        assert not re.search(r"(?<!replay )path\{", replay)  # the page's other pictures stand still
        status = by_id(handler(page, "restyle")(line, 1, -1, inputs.INK, "plain"), "writing-status")
        assert "The width of the line must lie between" in status

    def test_frame_starts_with_the_room_of_the_text_and_only_grows(self):
        frame = jobs.Frame("Anna\nb")
        left, top, right, bottom = frame.around(Drawing((), "x"))
        assert (left, right) == (0, 4 * 19)
        assert top < 0 < bottom
        assert frame.around(Drawing(([[0, -5], [100, 300]],), "x")) == (0, top, 100, 300)
        assert frame.around(Drawing(([[-1, -200], [5, 7]],), "x")) == (-1, -200, 100, 300)
        assert jobs.Frame("a" * 5000).box[2] == 50 * 19
        assert jobs.Frame("").box[2] == 0

    def test_live_keeps_the_first_and_the_last(self, writer):
        options = {"style": None, "legibility": 1, "seed": 1}
        slow = list(jobs.live(writer, "Anna Karenina.", **options, pause=60))
        every = list(jobs.live(writer, "Anna Karenina.", **options, pause=0))
        assert (len(slow), len(every)) == (2, 14)
        assert (slow[0], slow[-1]) == (every[0], every[-1])

    def test_live_leaves_time_to_write_where_showing_is_slow(self, monkeypatch):
        clock = [0.0]
        monkeypatch.setattr(jobs.time, "perf_counter", lambda: clock[0])

        class Steady:
            styles = ()

            def stream(self, text, **_):
                for n in range(100):  # one drawing a second
                    clock[0] += 1
                    yield Drawing(([[n, 0]],), text)

        shown = 0
        for _ in jobs.live(Steady(), "x", style=None, legibility=1, seed=1, pause=0):
            clock[0] += 5  # to show it
            shown += 1
        assert shown == 11  # one shown, ten written meanwhile

    def test_new_seeds_differ(self):
        seeds = {demo.new_seed() for _ in range(20)}
        assert len(seeds) > 15
        assert all(0 <= seed < 1_000_000 for seed in seeds)


class TestStyles:
    def test_mixes(self, writer):
        assert inputs.hand(writer, "") is None
        assert inputs.hand(writer, "round", "steep", 0.3) == "round:0.7+steep:0.3"
        assert inputs.hand(writer, "", "steep", 0.3) == "round:0.7+steep:0.3"
        assert inputs.hand(writer, "round", "steep", 0) == "round"
        assert inputs.hand(writer, "round", "steep", 1) == "steep"
        assert inputs.hand(writer, "round:0.3+steep:0.7") == "round:0.3+steep:0.7"

    def test_the_own_hand_and_a_mix_with_it(self, pen):
        own = Style((0.5, -0.25), "mine", fingerprint(pen))
        assert inputs.hand(pen, inputs.CUSTOM_STYLE, custom=own.json()) == own
        mixed = inputs.hand(pen, "round", inputs.CUSTOM_STYLE, 0.5, own.json())
        learnt = pen.style.weight.detach()[pen.style_number("round")].numpy()
        assert mixed.vector == pytest.approx((learnt + own.vector) / 2)

    def test_a_style_file_comes_to_the_gallery(self, pen, tmp_path):
        page = demo.build(lambda: pen, EchoReader)
        path = Style((0.5, -0.25), "mine", fingerprint(pen)).save(tmp_path / "my.style.json")
        update = handler(page, "open_file")(str(path))
        assert "The style “mine” is in the gallery." in by_id(update, "writing-status")
        gallery = by_id(handler(page, "new_hand")(path.read_text()), "writing-style")
        assert gallery.value == inputs.CUSTOM_STYLE
        assert 'aria-label="mine"' in gallery.props["cards"]
        path.write_text('{"format": "other"}')
        said = by_id(handler(page, "open_file")(str(path)), "writing-status")
        assert "my.style.json is no style" in said
        Style((0.5, 1.0, 2.0), "three").save(path)
        assert "has 3 numbers" in by_id(handler(page, "open_file")(str(path)), "writing-status")


class TestPages:
    def test_pages_come_one_by_one_and_are_leafed_through(self, pen):
        page = demo.build(lambda: pen, EchoReader)
        shown, kept, message = [], None, []
        for update in handler(page, "draw")(LETTER, "", 0.75, 7, request=VISITOR, **SMALL):
            if (paper := by_id(update, "writing-paper")) is not None:
                shown.append(paper)
            message.append(by_id(update, "writing-status") or "")
            kept = states(update).get("written") or kept
        assert isinstance(kept, PagesOutput)
        count = len(kept)
        assert count >= 3
        assert f"page {count}, line" in " ".join(message)
        assert f"{count} pages in" in " ".join(message)
        assert "<title>Page 1</title>" in shown[-1]
        assert "Page 1." in by_id(update, "writing-verdict")
        turned = list(handler(page, "turn")(kept, 1.6, inputs.INK, "plain", True, SimpleNamespace(page=2)))
        assert "<title>Page 2</title>" in by_id(turned[0], "writing-paper")
        assert f"Page 2 of {count}" in by_id(turned[0], "writing-tools")
        assert "Page 2." in by_id(turned[-1], "writing-verdict")

    def test_they_are_on_the_disk_as_they_were_and_go_with_the_object(self, pen):
        sheets, pages = PagesOutput("x"), []
        for made in pen.write_pages(LETTER, seed=7, options=PageOptions("60x60", margins=5)):
            sheets.add(made)
            pages.append(made)
        # Private: nobody else may know the folder that must be gone
        folder = Path(sheets._folder.name)
        assert len(list(folder.iterdir())) == len(pages) == len(sheets)
        for made in pages:
            assert sheets.page(made.number).json() == made.json()
        del sheets
        assert not folder.exists()

    def test_stopping_keeps_what_is_written(self, pen):
        desk = jobs.Desk(lambda: pen, EchoReader)
        job = jobs.Job("word " * 2_000, None, 0.75, 1, False, inputs.Look())
        seen = 0
        for shown in desk.pages(job, PageOptions("60x60", margins=5), "a"):
            if shown.output is not None and (seen := seen + 1) == 2:
                desk.stop("a")
        assert 2 <= len(shown.output) < 60
        assert shown.sentences[-1] == "Stopped."
        # Private: a leak shows nowhere else
        assert desk._stops == {}

    def test_there_is_a_most(self, pen, monkeypatch):
        monkeypatch.setattr(jobs, "MOST_PAGES", 2)
        desk = jobs.Desk(lambda: pen, EchoReader)
        job = jobs.Job(LETTER, None, 0.75, 1, False, inputs.Look())
        *_, last = desk.pages(job, PageOptions("60x60", margins=5))
        assert len(last.output) == 2
        assert "The demo writes 2 pages at a time; the rest of the text was left out." in last.sentences

    def test_redrawing_hands_the_writer_a_reader(self):
        class Judging(PolylineWriter):
            def write(self, text, *, reader, candidates, **options):
                self.given = (type(reader), candidates)
                return Drawing(([[0, 0], [9, 9]],), text, seed=1)

        writer = Judging()
        list(handler(demo.build(lambda: writer, EchoReader), "draw")("Anna", redraw=True))
        assert writer.given == (EchoReader, 4)


class TestFiles:
    LINE = LineOutput(Drawing((np.column_stack([np.linspace(0, 200, 40), np.sin(np.arange(40))]),), "Dear Anna"))

    def saved(self, written, kind: str, plotter=PlotterOptions(), look=inputs.Look()):  # noqa: B008 - frozen
        desk = jobs.Desk(PolylineWriter, EchoReader)
        for news in desk.save(written, kind, look, 4, plotter):
            if isinstance(news, Path):
                return news.name, news.read_bytes()
        raise AssertionError("no file")

    def test_a_line_in_every_format(self, monkeypatch, tmp_path):
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        look = inputs.Look(2, "#aa0000", "pressure")
        made = {kind: self.saved(self.LINE, kind, look=look) for kind in FORMATS}
        assert [name for name, _ in made.values()] == [
            "dear-anna.svg", "dear-anna-pressure.svg", "dear-anna-animated.svg", "dear-anna.png", "dear-anna.pdf",
            "dear-anna.json", "dear-anna.gcode", "dear-anna.hpgl",
        ]  # fmt: skip
        for kind in ("svg", "pressure", "animated"):
            paths = [each for each in svgelements.SVG.parse(io.BytesIO(made[kind][1])).elements()
                     if isinstance(each, svgelements.Path)]  # fmt: skip
            assert len(paths) == 1
            paint = paths[0].fill if kind == "pressure" else paths[0].stroke
            assert paint.hexrgb == "#aa0000"
        assert b"@keyframes" in made["animated"][1]
        assert Image.open(io.BytesIO(made["png"][1])).size[0] > 600
        assert len(pypdf.PdfReader(io.BytesIO(made["pdf"][1]), strict=True).pages) == 1
        assert Drawing.from_json(made["json"][1]).text == "Dear Anna"
        assert len(list(gcodeparser.parse_gcode_lines(made["gcode"][1].decode()))) > 40
        assert made["hpgl"][1].startswith(b"IN;")
        assert list(tmp_path.iterdir()) == []

    def test_pages_as_one_pdf_or_zipped(self, pen):
        sheets = PagesOutput("Dear Anna")
        for made in pen.write_pages(LETTER, seed=7, options=PageOptions("60x60", margins=5)):
            sheets.add(made)
        name, content = self.saved(sheets, "pdf")
        assert name == "dear-anna.pdf"
        assert len(pypdf.PdfReader(io.BytesIO(content), strict=True).pages) == len(sheets)
        for kind in ("svg", "animated", "png", "json", "gcode"):
            name, content = self.saved(sheets, kind)
            suffix = {"animated": "svg"}.get(kind, kind)
            assert name == f"dear-anna-{suffix}.zip"
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                assert archive.testzip() is None
                expected = [f"dear-anna-{number}.{suffix}" for number in range(1, len(sheets) + 1)]
                assert archive.namelist() == expected

    def test_a_single_page_is_one_file(self):
        sheets = PagesOutput("Dear")
        sheets.add(Page(1, ([[10, 10], [20, 20.0]],), "Dear", PageOptions("a5", paper="ruled")))
        assert self.saved(sheets, "png")[0] == "dear.png"
        assert b'stroke-width="0.42"' in self.saved(sheets, "svg")[1]  # 1.6 pixels in mm

    @pytest.mark.parametrize(
        ("values", "said"),
        [
            ({"feed_mm_min": -5}, "feed_mm_min of a plotter must be above 0, not -5"),
            ({"feed_mm_min": "fast"}, "feed_mm_min of a plotter must be a number."),
            ({"bed_width_mm": 20}, "beyond the bed's 20 mm"),
            ({"pen": "z", "pen_up": 1e6}, "pen_up of a plotter must be -200 to 200"),
            ({"pen": "laser"}, "pen of a plotter is one of z, servo, spindle"),
            ({"pen": ["z"]}, "The pen of a plotter is moved by z, servo or spindle."),
        ],
    )
    def test_plotter_options_out_of_range_are_a_sentence(self, page, values, said):
        names = ["pen", *demo.PLOTTER]
        given = [values.get(name, None) for name in names]
        save = handler(page, "handler")
        *_, update = save(SimpleNamespace(kind="gcode"), self.LINE, 1.6, inputs.INK, "plain", 4, *given)
        assert said.replace("'", "&#x27;") in by_id(update, "writing-status")
        *_, update = save(SimpleNamespace(kind="gcode"), self.LINE, 1.6, inputs.INK, "plain", 4, *[None] * len(names))
        assert "dear-anna.gcode is saved." in by_id(update, "writing-status")

    def test_nothing_else_is_saved(self):
        with pytest.raises(InputError, match="There is no such format"):
            self.saved(self.LINE, "exe")


class TestVerdict:
    def test_words_that_differ(self):
        made = html.verdict("we saw them <now>", "we was them", 0.5)
        assert '<mark title="should be “saw”">was</mark> them <del>&lt;now&gt;</del>' in made
        assert "2 words differ; 50.0 % of characters wrong." in made
        assert "every word as it should be; 0.0 %" in html.verdict("a b", "a\nb", 0.0)

    @pytest.mark.parametrize(
        ("one", "other", "distance"), [("", "", 0), ("abc", "", 3), ("kitten", "sitting", 3), ("flaw", "lawn", 2)]
    )
    def test_distance(self, one, other, distance):
        assert edits(one, other) == edits(other, one) == distance

    def test_white_space_is_not_counted(self):
        assert html.error_rate("a b\nc", "a  b c") == 0

    def test_without_a_reader_nothing_breaks(self):
        def load():
            raise InputError("the reader is gone")

        desk = jobs.Desk(PolylineWriter, load)
        assert "It could not be read back: the reader is gone" in desk.verdict(TestFiles.LINE)


def test_a_pen_is_a_writer():
    assert issubclass(Pen, HandwritingWriter)
