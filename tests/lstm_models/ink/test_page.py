"""Paper: what the options allow, and pages as other readers see them.

Run: python -m pytest tests/lstm_models/ink/test_page.py
"""

from __future__ import annotations

import dataclasses
import io
import json
import xml.etree.ElementTree as ElementTree

import numpy as np
import pypdf
import pytest
from PIL import Image
from pypdf.generic import ContentStream

from lstm_models.errors import InputError
from lstm_models.ink.page import SIZES, Page, PageOptions, save_pdf

SVG = "{http://www.w3.org/2000/svg}"
STROKES = (np.array([[30, 40], [50, 45], [70, 40.0]]), np.array([[100, 150.0]]))


def page(number: int = 1, **options) -> Page:
    return Page(number, STROKES, "a <b>\nc", PageOptions(**options), "round", 7, ("“é” was written as “e”",))


# Options ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "expected"),
    [("a4", (210, 297)), ("A5", (148, 210)), ("letter", (215.9, 279.4)), ("100x150", (100, 150)),
     ("100 × 150.5 mm", (100, 150.5)), ("1200x50", (1200, 50))],
)  # fmt: skip
def test_sizes(size, expected):
    options = PageOptions(size=size, margins=5)
    assert (options.width, options.height) == expected


@pytest.mark.parametrize(
    ("margins", "expected"),
    [(20, (20, 20, 20, 20)), ("20", (20, 20, 20, 20)), ("25, 20,30,15", (25, 20, 30, 15)), ((1, 2, 3, 4), (1, 2, 3, 4)),
     ([5], (5, 5, 5, 5)), (0, (0, 0, 0, 0))],
)  # fmt: skip
def test_margins(margins, expected):
    options = PageOptions(margins=margins)
    assert options.margins == expected
    assert options.room == 210 - expected[1] - expected[3]
    assert options.baseline(0) == expected[0] + 9


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("line_height", [6, 9, 25.4])
def test_as_many_lines_as_fit(size, line_height):
    options = PageOptions(size=size, line_height=line_height)
    room = options.height - 20 - options.baseline(options.lines - 1)
    assert line_height / 2 <= room < line_height * 1.5 + 0.5


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"size": "a3.5"}, "size must be a4, a5, letter or width x height in mm such as 100x150, not a3.5"),
        ({"size": ""}, "size must be a4, a5, letter or"),
        ({"size": "-5x100"}, "size must be"),
        ({"size": "1x1"}, "a page must be 50 to 1200 mm wide and high, not 1 x 1"),
        ({"size": "99999x100"}, "a page must be 50 to 1200 mm wide and high, not 99999 x 100"),
        ({"margins": "1,2"}, "margins must be one number or top,right,bottom,left, each from 0 to 600 mm, not 1,2"),
        ({"margins": "wide"}, "margins must be one number or"),
        ({"margins": -1}, "margins must be one number or"),
        ({"margins": float("nan")}, "margins must be one number or"),
        ({"margins": None}, "margins must be one number or"),
        ({"margins": 100}, "the margins leave 10 of 210 mm for a line; letters 2 mm high need 30 mm"),
        ({"margins": 300}, "the margins leave 0 of 210 mm for a line"),
        ({"margins": (200, 10, 90, 10)}, "no line of 9 mm fits between the margins of a page 297 mm high"),
        ({"line_height": 100, "margins": 90, "size": "400x297"}, "no line of 100 mm fits"),
        ({"line_height": 101}, "line_height must lie between 3 and 100 mm, not 101"),
        ({"line_height": "9"}, "line_height must be a number, not '9'"),
        ({"line_height": 5}, "line_height must be at least three times x_height, 6 mm, or lines run into each other"),
        ({"x_height": 0.1}, "x_height must lie between 0.8 and 20 mm, not 0.1"),
        ({"x_height": float("nan")}, "x_height must lie between 0.8 and 20 mm, not nan"),
        ({"align": "middle"}, "align must be one of left, right, center, justify, not middle"),
        ({"paper": "dotted"}, "paper must be one of blank, ruled, squared, not dotted"),
        ({"indent": 90}, "indent must lie between 0 and 85 mm, half a line, not 90"),
        ({"paragraph_spacing": 6}, "paragraph_spacing must lie between 0 and 5 lines, not 6"),
        ({"drift": 3}, "drift must lie between 0 and 2.25 mm, a quarter of line_height, not 3"),
        ({"drift": -0.1}, "drift must lie between 0"),
        ({"pen": 0}, "pen must lie between 0.05 and 3 mm, not 0"),
    ],
    ids=str,
)
def test_options_out_of_range(options, said):
    with pytest.raises(InputError) as error:
        PageOptions(**options)
    assert said in str(error.value)
    assert error.value.exit_code == 2


def test_ruling():
    assert PageOptions().ruling() == []
    ruled = PageOptions(paper="ruled")
    assert [line.tolist() for line in ruled.ruling()][:2] == [[[0, 29], [210, 29]], [[0, 38], [210, 38]]]
    assert len(ruled.ruling()) == ruled.lines
    squared = PageOptions(paper="squared", line_height=10).ruling()
    rows = {line[0, 1] for line in squared if line[0, 1] == line[1, 1]}
    assert {5.0, 30.0, 35.0} <= rows  # two squares a line, and the lines of writing on them
    columns = sorted(line[0, 0] for line in squared if line[0, 0] == line[1, 0])
    assert columns == list(range(0, 210, 5))


def test_paragraphs_stay_on_printed_lines():
    assert PageOptions(paragraph_spacing=0.5).spacing == 0.5
    assert PageOptions(paragraph_spacing=0.5, paper="squared").spacing == 1


# Formats ------------------------------------------------------------------------------------------------------------


def test_strokes_are_checked_and_read_only():
    with pytest.raises(ValueError, match="not a finite number"):
        Page(1, (np.array([[np.nan, 1]]),), "", PageOptions())
    with pytest.raises(ValueError, match="read-only"):
        page().strokes[0][0, 0] = 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        page().number = 2


def test_svg_in_millimetres_with_the_ruling_apart():
    root = ElementTree.fromstring(page(paper="ruled").svg())
    assert (root.attrib["width"], root.attrib["height"]) == ("210mm", "297mm")
    assert root.attrib["viewBox"] == "0 0 210 297"
    groups = {group.attrib["id"]: group for group in root.iter(f"{SVG}g")}
    assert list(groups) == ["ruling", "ink"]
    assert len(groups["ruling"]) == PageOptions().lines
    assert len(groups["ink"]) == 2
    assert groups["ink"].attrib["stroke-width"] == "0.4"
    assert "seed 7; “é”" in root.find(f"{SVG}desc").text
    assert root.attrib["aria-label"].split() == ["a", "<b>", "c"]
    blank = page().svg(color="red", background="#fff")
    assert 'id="ruling"' not in blank
    assert 'stroke="red"' in blank
    assert '<rect width="210" height="297" fill="#fff"/>' in blank


def test_another_reader_finds_the_sizes_in_the_svg():
    """svgelements, at 25.4 pixels an inch: one pixel is one millimetre."""
    svgelements = pytest.importorskip("svgelements")
    read = svgelements.SVG.parse(io.StringIO(page(size="letter").svg()), ppi=25.4)
    assert (read.width, read.height) == pytest.approx((215.9, 279.4), abs=1e-3)
    first, dot = (path.bbox() for path in read.elements() if isinstance(path, svgelements.Path))
    assert first == pytest.approx((30, 40, 70, 45), abs=0.02)
    assert dot == pytest.approx((100, 150, 100.01, 150), abs=0.02)


def test_png():
    made = page(paper="squared", line_height=10)
    picture = Image.open(io.BytesIO(made.png(dpi=254)))
    assert picture.size == (2100, 2970)
    assert picture.info["dpi"] == pytest.approx((254, 254), abs=0.1)
    pixels = np.asarray(picture).astype(int)
    assert pixels[1500, 1000].sum() < 200  # the dot, 100 mm and 150 mm in
    assert pixels[1000, 1025].tolist() == [185, 200, 220]  # a printed line at 100 mm
    assert pixels[1025, 1025].tolist() == [255, 255, 255]
    bare = np.asarray(Image.open(io.BytesIO(page().png(dpi=100, background="black"))))
    assert bare[0, 0].tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("options", "said"),
    [({"dpi": 0}, "must be above zero"), ({"dpi": float("nan")}, "must be above zero"),
     ({"dpi": 5000}, "take fewer dpi"), ({"color": "inkish"}, "a colour such as")],
)  # fmt: skip
def test_png_that_cannot_be(options, said):
    with pytest.raises(InputError, match=said):
        page().png(**options)


def test_json():
    read = json.loads(page(size="a5").json())
    assert read["size"] == [148, 210]
    assert (read["page"], read["seed"], read["style"], read["text"]) == (1, 7, "round", "a <b>\nc")
    assert read["strokes"] == [stroke.tolist() for stroke in STROKES]
    assert read["notes"] == ["“é” was written as “e”"]


def test_as_a_drawing_it_has_pixels_and_every_format(tmp_path):
    drawing = page().drawing
    assert drawing.bounds == pytest.approx((30 * 96 / 25.4, 40 * 96 / 25.4, 100 * 96 / 25.4, 150 * 96 / 25.4))
    assert (drawing.text, drawing.style, drawing.seed) == ("a <b>\nc", "round", 7)


def test_pressure_is_wider_where_the_pen_is_slower_in_every_picture(tmp_path):
    slow, fast = np.linspace(20, 60, 80), np.linspace(20, 60, 8)
    strokes = (np.column_stack([slow, 0 * slow + 40]), np.column_stack([fast, 0 * fast + 80]))
    made = Page(1, strokes, "a", PageOptions(size="100x150", pen=1))
    for kind, ratio in (("plain", 1.0), ("pressure", 1.3)):
        ink = np.asarray(Image.open(io.BytesIO(made.png(254, kind=kind))).convert("L")) < 128
        widths = [int(ink[row - 30 : row + 30, 400].sum()) for row in (400, 800)]  # at 40 mm, in tenths of a mm
        assert widths[0] / widths[1] == pytest.approx(1.0, abs=0.05) if ratio == 1 else widths[0] / widths[1] > ratio
        svg = ElementTree.fromstring(made.svg(kind=kind))
        group = next(each for each in svg.iter(SVG + "g") if each.get("id") == "ink")
        assert (group.get("stroke"), group.get("fill")) == (("#1a2a5c", "none") if ratio == 1 else ("none", "#1a2a5c"))
        save_pdf([made], tmp_path / "a.pdf", kind=kind)
        page = pypdf.PdfReader(tmp_path / "a.pdf", strict=True).pages[0]
        operators = [operator for _, operator in ContentStream(page.get_contents(), page.pdf).operations]
        assert (b"S" in operators, b"f" in operators) == (ratio == 1, ratio != 1)
    with pytest.raises(InputError, match="A page does not move"):
        made.svg(kind="animated")


def test_pdf_of_many_pages(tmp_path):
    path = save_pdf((page(number, size="a5", paper="ruled") for number in (1, 2, 3)), tmp_path / "a.pdf")
    data = path.read_bytes()
    assert data.startswith(b"%PDF")
    assert data.count(b"/Type /Page ") == 3
    box = data.split(b"/MediaBox [ ")[1].split(b" ]")[0].split()
    assert [float(side) * 25.4 / 72 for side in box] == pytest.approx([0, 0, 148, 210], abs=0.01)
    again = save_pdf((page(number, size="a5", paper="ruled") for number in (1, 2, 3)), tmp_path / "b.pdf")
    assert again.read_bytes() == data


def test_pdf_whole_or_not_at_all(tmp_path):
    def pages():
        yield page(1)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        save_pdf(pages(), tmp_path / "a.pdf")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(InputError, match="there is no page to save"):
        save_pdf([], tmp_path / "a.pdf")


@pytest.mark.parametrize(
    ("suffix", "start"), [(".svg", b"<svg"), (".png", b"\x89PNG"), (".json", b"{"), (".PDF", b"%PDF")]
)
def test_saving(suffix, start, tmp_path):
    path = page(size="100x150", paper="ruled").save(tmp_path / f"a{suffix}")
    assert path.read_bytes().startswith(start)
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("name", "said"),
    [("a.gif", "with the suffix .gif; a page is saved as .svg, .png, .pdf, .json, .gcode or .hpgl"),
     ("a", "without a suffix"),
     ("none/a.svg", "does not exist"), ("folder.svg", "is a folder"), ("none/a.pdf", "does not exist")],
)  # fmt: skip
def test_paths_that_cannot_be(name, said, tmp_path):
    (tmp_path / "folder.svg").mkdir()
    with pytest.raises(InputError, match=said):
        page().save(tmp_path / name)
    assert [each.name for each in tmp_path.iterdir()] == ["folder.svg"]
