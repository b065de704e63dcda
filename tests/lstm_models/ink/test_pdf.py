"""PDF, read back with pypdf: the size of the page, the curves on it, what it says about itself, and what is refused.

Run: python -m pytest tests/lstm_models/ink/test_pdf.py
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pypdf
import pytest
import svgelements
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf.generic import ContentStream

from lstm_models.errors import InputError
from lstm_models.ink.drawing import Drawing

WAVE = np.column_stack([np.linspace(0, 200, 30), 30 + 20 * np.sin(np.linspace(0, 12, 30))])
DOT = [[100, 10]]
MM = 72 / 25.4

numbers = st.floats(-300, 300, width=32)
strokes = st.lists(st.lists(st.tuples(numbers, numbers), min_size=1, max_size=10), min_size=1, max_size=3)


def drawing(text: str = "a & b") -> Drawing:
    return Drawing((WAVE, DOT), text, "round", 7)


def page_of(content: bytes) -> pypdf.PageObject:
    reader = pypdf.PdfReader(io.BytesIO(content), strict=True)
    assert len(reader.pages) == 1
    return reader.pages[0]


def operations(content: bytes) -> list[tuple[list[Any], str]]:
    page = page_of(content)
    stream = ContentStream(page.get_contents(), page.pdf)
    return [([float(each) if isinstance(each, (int, float)) else each for each in values], operator.decode())
            for values, operator in stream.operations]  # fmt: skip


def lines(content: bytes) -> list[np.ndarray]:
    """The ends of the segments [points, 2] of every stroked path, in points from the upper left corner, y down."""
    height = float(page_of(content).mediabox.height)
    made: list[list[list[float]]] = []
    for values, operator in operations(content):
        if operator == "m":
            made.append([])
        if operator in ("m", "l", "c"):
            made[-1].append([values[-2], height - values[-1]])
    return [np.array(points) for points in made]


class TestPdf:
    @given(strokes)
    @settings(max_examples=15, deadline=None)
    def test_lines_go_through_the_points(self, points):
        made = Drawing(tuple(points), "x")
        content = made.pdf(width=2, margin=10)
        read = lines(content)
        assert len(read) == len(made.strokes)
        ink = np.concatenate(read)
        corner = ink.min(axis=0)
        assert (corner >= (10 + 1) * 0.75 - 0.01).all()
        first = made.strokes[0][0]
        for line, stroke in zip(read, made.strokes, strict=True):
            expected = read[0][0] + (stroke - first) * 0.75
            assert np.linalg.norm(expected[:, None] - line, axis=2).min(axis=1).max() < 0.01

    def test_page_is_as_large_as_the_picture(self):
        box = page_of(Drawing(([[0, 0], [96, 48]],), "x").pdf(width=4, margin=10)).mediabox
        assert [float(each) for each in box] == pytest.approx([0, 0, 120 * 0.75, 72 * 0.75], abs=0.001)

    def test_pen_and_colours(self):
        made = operations(drawing().pdf(width=2, color="#ff8000", background="navy"))
        assert ([1.5], "w") in made
        assert ([1.0], "J") in made
        assert ([1.0], "j") in made
        pen = next(values for values, operator in made if operator == "RG")
        assert pen == pytest.approx([1, 0.50196, 0], abs=1e-4)
        paper = next(values for values, operator in made if operator == "rg")
        assert paper == pytest.approx([0, 0, 0.50196], abs=1e-4)
        assert sum(operator == "S" for _, operator in made) == 2
        assert not any(operator in ("BT", "Do", "sh") for _, operator in made)  # no text, no pixels

    @pytest.mark.parametrize("page", [(210, 297), (148, 105), (40, 60)])
    def test_picture_lies_in_the_middle_of_a_page(self, page):
        content = drawing().pdf(page=page)
        box = page_of(content).mediabox
        assert (float(box.width), float(box.height)) == pytest.approx((page[0] * MM, page[1] * MM), abs=0.001)
        ink = np.concatenate(lines(content))
        middle = (ink.min(axis=0) + ink.max(axis=0)) / 2
        assert middle == pytest.approx((page[0] * MM / 2, page[1] * MM / 2), abs=1)
        assert (ink > 0).all()
        assert (ink < (page[0] * MM, page[1] * MM)).all()
        scale = 0.75 if page[0] > 40 else 40 * MM / (200 + 24 + 1.6)  # made smaller only where it must be
        assert np.ptp(ink[:, 0]) == pytest.approx(200 * scale, rel=0.02)

    def test_a_frame_is_the_page(self):
        content = drawing().pdf(page=(25.4, 12.7), frame=(0, 0, 192, 96))
        assert lines(content)[1][0] == pytest.approx((100 * 0.375, 10 * 0.375), abs=0.01)

    def test_a_dot_has_a_length(self):
        (dot,) = lines(Drawing((DOT,), ".").pdf())
        assert len(dot) == 2
        assert 0 < np.ptp(dot[:, 0]) < 0.02

    def test_it_says_what_it_is_and_is_the_same_each_time(self):
        content = drawing("a “b”\x00\ud800\nc").pdf()
        about = pypdf.PdfReader(io.BytesIO(content)).metadata
        assert about.title == "a “b”\nc"
        assert about.subject == "Handwriting by lstm-models, style round, seed 7"
        assert about.creator == "lstm-models"
        assert about.creation_date is None
        assert drawing("a “b”\x00\ud800\nc").pdf() == content

    def test_empty_drawing_is_a_small_blank_page(self):
        content = Drawing((), "").pdf()
        assert [float(each) for each in page_of(content).mediabox] == [0, 0, 24, 24]
        assert lines(content) == []

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            ({"width": 0}, "The width of the pen line must be above zero, not 0."),
            ({"margin": -1}, "The margin must be zero or more pixels, not -1."),
            ({"page": (0, 10)}, "A page has a width and a height above zero mm, not 0 x 10."),
            ({"page": (10, float("nan"))}, "A page has a width and a height above zero mm, not 10 x nan."),
            ({"page": (6000, 9)}, "The page would be 6000 x 9 mm, and the sides of a PDF page are 2 to 5080 mm long."),
            ({"margin": 9600}, " mm, and the sides of a PDF page are 2 to 5080 mm long."),
            ({"page": (50, 1)}, "The page would be 50 x 1 mm, and the sides of a PDF page are 2 to 5080 mm long."),
        ],
    )
    def test_senseless_sizes_are_refused(self, options, said):
        with pytest.raises(InputError) as error:
            drawing().pdf(**options)
        assert said in str(error.value)
        assert error.value.exit_code == 2

    @pytest.mark.parametrize("options", [{"color": "currentColor"}, {"background": "paper"}])
    def test_a_colour_without_meaning(self, options):
        with pytest.raises(InputError, match="A PDF needs a colour such as #1a2a5c or navy"):
            drawing().pdf(**options)


class TestPressure:
    def test_ink_is_filled_as_the_svg_has_it(self):
        content = drawing().pdf(kind="pressure")
        made = operations(content)
        assert [operator for _, operator in made if operator in ("S", "f")] == ["f", "f"]
        rows = svgelements.SVG.parse(io.StringIO(drawing().svg(kind="pressure")))
        left, top, right, bottom = drawing_box(rows)
        box = page_of(content).mediabox
        assert float(box.width) / 0.75 == pytest.approx(float(rows.viewbox.width), abs=0.02)
        points = np.concatenate(lines(content)) / 0.75  # svgelements counts from the corner, too
        assert (*points.min(axis=0), *points.max(axis=0)) == pytest.approx((left, top, right, bottom), abs=0.3)

    def test_what_cannot_move(self):
        with pytest.raises(InputError, match=r"^A PDF does not move; only an SVG can be animated\.$"):
            drawing().pdf(kind="animated")
        with pytest.raises(InputError, match="The kind of a PDF is plain or pressure, not 'wide'"):
            drawing().pdf(kind="wide")


def drawing_box(rows: Any) -> tuple[float, float, float, float]:
    boxes = np.array([path.bbox() for path in rows.elements() if isinstance(path, svgelements.Path)])
    return (*boxes[:, :2].min(axis=0), *boxes[:, 2:].max(axis=0))
