"""Kinds of SVG: read back with svgelements, filled by the nonzero rule worked out here, played by a browser.

Run: python -m pytest tests/lstm_models/ink/test_svg.py
"""

from __future__ import annotations

import io
import itertools
import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
import svgelements
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lstm_models.errors import InputError
from lstm_models.ink import pen_pressure
from lstm_models.ink.drawing import Drawing
from lstm_models.ink.svg import AIR_SPEED, KINDS
from tests.helpers import browser

SVG = "{http://www.w3.org/2000/svg}"
WAVE = np.column_stack([np.linspace(0, 200, 30), 30 + 20 * np.sin(np.linspace(0, 12, 30))])
LINE = np.column_stack([np.linspace(0, 100, 21), np.zeros(21)])
DOT = [[100, 80]]


def below(y: float) -> np.ndarray:
    """`LINE`, further down."""
    return LINE + np.array([0, y])


numbers = st.floats(-500, 500, width=32)
strokes = st.lists(st.lists(st.tuples(numbers, numbers), min_size=1, max_size=12), min_size=1, max_size=4)


def read(svg: str) -> list[list[np.ndarray]]:
    """Of each path its parts, as the Béziers [segments, 4, 2] that svgelements reads, in a drawing's coordinates."""
    left, top, *_ = map(float, ElementTree.fromstring(svg).attrib["viewBox"].split())
    made: list[list[np.ndarray]] = []
    for path in svgelements.SVG.parse(io.StringIO(svg)).elements():
        if not isinstance(path, svgelements.Path):
            continue
        parts: list[list[list[svgelements.Point]]] = []
        for each in path:
            if isinstance(each, svgelements.Move):
                parts.append([])
            elif isinstance(each, svgelements.CubicBezier):
                parts[-1].append([each.start, each.control1, each.control2, each.end])
            else:
                assert isinstance(each, (svgelements.Line, svgelements.Close))
                parts[-1].append([each.start, each.start, each.end, each.end])
        made.append([np.array([[(p.x, p.y) for p in each] for each in part]) + np.array([left, top]) for part in parts])
    return made


def along(curve: np.ndarray, samples: int = 8) -> np.ndarray:
    """Points [segments * samples + 1, 2] of Béziers, by the definition."""
    t = np.linspace(0, 1, samples + 1)[:-1, None, None]
    weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3)
    points = sum(weight * curve[:, place] for place, weight in enumerate(weights))
    return np.concatenate([points.swapaxes(0, 1).reshape(-1, 2), curve[-1:, 3]])


def winding(polygon: np.ndarray, points: np.ndarray) -> np.ndarray:
    """How often a closed polygon runs around each of the points, by the sum of angles."""
    ends = polygon[None] - points[:, None]
    angles = np.arctan2(ends[..., 1], ends[..., 0])
    turns = np.diff(np.concatenate([angles, angles[:, :1]], axis=1), axis=1)
    return np.rint(((turns + np.pi) % (2 * np.pi) - np.pi).sum(axis=1) / (2 * np.pi)).astype(int)


def filled(parts: list[np.ndarray], points: np.ndarray) -> np.ndarray:
    """Whether the nonzero rule fills each of the points."""
    return sum(winding(along(part, 4), points) for part in parts) != 0


class TestEveryKind:
    @pytest.mark.parametrize("kind", KINDS)
    def test_one_path_a_stroke_with_title_and_no_reference_to_elsewhere(self, kind):
        svg = Drawing((WAVE, DOT), "a & b", "round", 7).svg(kind=kind, background="ivory")
        root = ElementTree.fromstring(svg)
        assert len(read(svg)) == len(list(root.iter(f"{SVG}path"))) == 2
        assert root.find(f"{SVG}title").text == "a & b"
        assert root.find(f"{SVG}desc").text == "Handwriting by lstm-models, style round, seed 7"
        assert root.find(f"{SVG}rect").attrib["fill"] == "ivory"
        assert not re.search(r"href|url\(|@import|<script", svg)
        assert svg.count("http") == 1  # the name space

    @pytest.mark.parametrize("kind", KINDS)
    def test_empty_drawing(self, kind):
        root = ElementTree.fromstring(Drawing((), "").svg(kind=kind))
        assert root.attrib["viewBox"] == "0 0 32 32"
        assert not list(root.iter(f"{SVG}path"))

    @given(strokes)
    @settings(max_examples=40, deadline=None)
    def test_plain_lines_go_through_the_points(self, points):
        drawing = Drawing(tuple(points), "x")
        for (curve,), stroke in zip(read(drawing.svg()), drawing.strokes, strict=True):
            ends = np.concatenate([curve[:1, 0], curve[:, 3]])
            far = np.linalg.norm(stroke[:, None] - ends[None], axis=2).min(axis=1)
            assert far.max() < 0.02

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            ({"kind": "bold"}, "The kind of an SVG is one of plain, pressure, animated, not 'bold'."),
            ({"seconds": 3}, "Only an animated SVG takes seconds, not a plain one."),
            ({"kind": "pressure", "seconds": 3}, "Only an animated SVG takes seconds, not a pressure one."),
            ({"kind": "animated", "seconds": 0}, "An animation must take more than zero seconds, not 0."),
            ({"kind": "animated", "seconds": float("nan")}, "An animation must take more than zero seconds, not nan."),
            ({"kind": "pressure", "width": -1}, "The width of the pen line must be above zero, not -1."),
        ],
    )
    def test_what_cannot_be_made_gets_a_message(self, options, said):
        with pytest.raises(InputError) as error:
            Drawing((WAVE,), "x").svg(**options)
        assert str(error.value) == said
        assert error.value.exit_code == 2


class TestPressure:
    def test_slower_is_wider_and_nothing_jumps(self):
        slow, fast = np.arange(0, 40, 2), np.arange(40, 100, 3)
        line = np.column_stack([np.concatenate([slow, fast]), np.zeros(len(slow) + len(fast))])
        (wide,) = pen_pressure.widths([line])
        assert wide[5:12].min() > 1.2 * wide[28:36].max()
        assert np.abs(np.diff(wide)).max() < 0.21
        assert wide[0] < wide[3]
        assert wide[-1] < wide[-4]

    def test_one_speed_is_one_width_but_for_the_ends(self):
        (wide,) = pen_pressure.widths([LINE])
        assert wide[2:-2] == pytest.approx(np.ones(17))

    @given(strokes, st.floats(0.1, 50))
    @settings(max_examples=40, deadline=None)
    def test_widths_keep_their_range_and_do_not_depend_on_the_size(self, points, scale):
        made = [np.round(np.array(stroke)) for stroke in points]  # so that the same points are distinct at both sizes
        for wide, other in zip(
            pen_pressure.widths(made), pen_pressure.widths([stroke * scale for stroke in made]), strict=True
        ):
            assert (wide >= pen_pressure.THINNEST).all()
            assert (wide <= pen_pressure.WIDEST).all()
            assert wide == pytest.approx(other)

    def test_area_of_a_straight_line(self):
        ((outline,),) = read(Drawing((LINE,), "x").svg(kind="pressure", width=4))
        x, y = along(outline).T
        area = abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))) / 2
        (wide,) = pen_pressure.widths([LINE])
        expected = 4 * np.trapezoid(wide, LINE[:, 0]) + np.pi * (2 * wide[0]) ** 2
        assert area == pytest.approx(expected, rel=0.01)

    def test_a_dot_is_a_disc(self):
        ((outline,),) = read(Drawing((DOT,), ".").svg(kind="pressure", width=4))
        assert np.linalg.norm(along(outline) - DOT, axis=1) == pytest.approx(2 * 1.3, rel=0.01)

    @given(st.lists(st.tuples(st.integers(-30, 30), st.integers(-30, 30)), min_size=2, max_size=9))
    @settings(max_examples=20, deadline=None)
    @example([(0, 0), (0, 24), (0, -30), (3, 19)])  # there and back
    @example([(0, 0), (0, 1), (0, 0)])
    def test_ink_has_no_holes_and_keeps_to_the_line(self, points):
        """However the line turns, all that is near it is ink, and nothing far from it."""
        width = 6.0
        (parts,) = read(Drawing((points,), "x").svg(kind="pressure", width=width))
        line = along(read(Drawing((points,), "x").svg())[0][0])
        around = np.linspace(0, 2 * np.pi, 6)[:-1]
        circle = np.column_stack([np.cos(around), np.sin(around)])
        near = line[:, None] + 0.45 * pen_pressure.THINNEST * width * circle
        assert filled(parts, near.reshape(-1, 2)).all()
        ink = np.concatenate([along(part, 2) for part in parts])
        fine = along(read(Drawing((points,), "x").svg())[0][0], 60)
        far = np.min([np.linalg.norm(ink - point, axis=1) for point in fine], axis=0)
        assert far.max() < pen_pressure.WIDEST * width / 2 + 0.1

    def test_all_outlines_turn_the_same_way(self):
        zigzag = [[0, 0], [30, 0], [1, 1], [30, 2], [0, 2], [0, 2.1], [0, 0]]
        (parts,) = read(Drawing((zigzag,), "x").svg(kind="pressure", width=8))
        assert len(parts) > 3
        for part in parts:
            x, y = along(part).T
            assert np.dot(np.roll(x, 1), y) > np.dot(np.roll(y, 1), x)

    @given(strokes)
    @settings(max_examples=30, deadline=None)
    def test_the_picture_holds_all_ink(self, points):
        svg = Drawing(tuple(points), "x").svg(kind="pressure", width=5, margin=0)
        left, top, width, height = map(float, ElementTree.fromstring(svg).attrib["viewBox"].split())
        ink = np.concatenate([along(part) for parts in read(svg) for part in parts])
        assert (ink > (left - 0.3, top - 0.3)).all()
        assert (ink < (left + width + 0.3, top + height + 0.3)).all()


class TestAnimated:
    def times(self, svg: str) -> list[tuple[float, float]]:
        """When each path begins, and how long it takes."""
        found = re.findall(r'style="animation-delay:([\d.]+)s;animation-duration:([\d.]+)s"', svg)
        return [(float(start), float(length)) for start, length in found]

    @given(strokes, st.floats(0.5, 100))
    @settings(max_examples=40, deadline=None)
    def test_strokes_follow_each_other_and_end_in_time(self, points, seconds):
        times = self.times(Drawing(tuple(points), "x").svg(kind="animated", seconds=seconds))
        assert len(times) == len(points)
        assert times[0][0] == 0
        assert sum(times[-1]) == pytest.approx(seconds, abs=0.0015)
        for (start, length), (following, _) in itertools.pairwise(times):
            assert start + length <= following + 0.0015

    def test_time_is_in_proportion_to_length(self):
        drawing = Drawing((WAVE, WAVE[:10] * 3, below(90)), "x")
        svg = drawing.svg(kind="animated", seconds=60)
        lengths = [np.linalg.norm(np.diff(along(part, 100), axis=0), axis=1).sum() for (part,) in read(svg)]
        times = self.times(svg)
        speeds = [length / time for length, (_, time) in zip(lengths, times, strict=True)]
        assert speeds == pytest.approx([speeds[0]] * 3, rel=2e-3)
        way = np.linalg.norm(WAVE[-1] - WAVE[0] * 3)
        assert times[1][0] - sum(times[0]) == pytest.approx(way / (AIR_SPEED * speeds[0]), rel=5e-3)

    def test_without_seconds_it_goes_at_the_speed_of_a_hand(self):
        times = self.times(Drawing((LINE * 3,), "x").svg(kind="animated"))
        assert times == [(0, pytest.approx(2.0, abs=0.01))]

    def test_where_nothing_moves_it_is_the_finished_drawing(self):
        svg = Drawing((WAVE, DOT), "x").svg(kind="animated")
        root = ElementTree.fromstring(svg)
        for path in root.iter(f"{SVG}path"):
            assert set(path.attrib) == {"d", "style", "pathLength"}
            assert path.attrib["pathLength"] == "1"
        still = re.sub(r"@keyframes write\{(?:[^{}]*\{[^{}]*\})*\}", "", svg)
        assert "dash" not in still
        assert "@media (prefers-reduced-motion:reduce){path{animation:none}}" in still
        assert "@media print{path{animation:none}}" in still
        plain = read(Drawing((WAVE, DOT), "x").svg())
        for (moving,), (still_one,) in zip(read(svg), plain, strict=True):
            assert (moving == still_one).all()

    @pytest.mark.browser
    def test_a_browser_writes_it(self, tmp_path):
        from PIL import Image

        drawing = Drawing((LINE, below(20), below(40)), "x")
        path = drawing.save(tmp_path / "a.svg", kind="animated", seconds=8)
        ink = {}
        with browser.started() as chromium:
            page = chromium.new_page(viewport={"width": 140, "height": 80}, device_scale_factor=2)
            page.goto(path.as_uri())
            for time in (0, 4000, 8000, 9000):
                page.evaluate(
                    f"document.getAnimations().forEach(each => {{ each.pause(); each.currentTime = {time}; }})"
                )
                shot = np.asarray(Image.open(io.BytesIO(page.screenshot())).convert("L"), dtype=float)
                ink[time] = (255 - shot).sum()
        assert ink[0] == 0
        assert ink[4000] == pytest.approx(ink[8000] / 2, rel=0.05)
        assert ink[9000] == ink[8000]
