"""G-code read back with gcodeparser, HPGL by the grammar of its reference, and what a plotter cannot do.

Run: python -m pytest tests/lstm_models/ink/test_plotter.py
"""

from __future__ import annotations

import dataclasses
import math
import re

import gcodeparser
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_models.errors import InputError
from lstm_models.ink.drawing import Drawing
from lstm_models.ink.page import Page, PageOptions
from lstm_models.ink.plotter import PIXEL_MM, PlotterOptions

WAVE = np.column_stack([np.linspace(0, 200, 30), 30 + 20 * np.sin(np.linspace(0, 12, 30))])
DOT = [[100, 10]]
NAN, INF = float("nan"), float("inf")
HUGE = {"bed_width_mm": 100_000, "bed_height_mm": 100_000}

# One instruction: IN, SP and a pen, or PU/PD and pairs of whole numbers (HP 7475A Interfacing and Programming Manual)
HPGL = re.compile(r"IN|SP\d|P[UD](?:-?\d+,-?\d+(?:,-?\d+,-?\d+)*)?")

numbers = st.floats(-300, 300, width=32)
strokes = st.lists(st.lists(st.tuples(numbers, numbers), min_size=1, max_size=10), min_size=1, max_size=4)


def drawing() -> Drawing:
    return Drawing((WAVE, DOT), "Dear reader,")


def plotted(gcode: str, up: float, down: float) -> list[np.ndarray]:
    """The lines [points, 2] that a machine with a z axis draws on the paper, by RS-274's rules."""
    x = y = z = math.nan
    lines: list[list[tuple[float, float]]] = []
    for line in gcodeparser.parse_gcode_lines(gcode):
        kind, number = line.command
        assert kind == "G"
        assert number in (0, 1, 21, 90)
        if number not in (0, 1):
            continue
        before = z
        x, y, z = (line.params.get(axis, old) for axis, old in (("X", x), ("Y", y), ("Z", z)))
        assert z in (up, down)
        assert not (number == 0 and z == down)  # never fast over the paper
        if z == down and before == up:
            lines.append([(x, y)])
        elif z == down:
            lines[-1].append((x, y))
    assert z == up
    assert (x, y) == (0, 0)
    return [np.array(points) for points in lines]


def instructions(hpgl: str) -> list[str]:
    made = hpgl.replace("\n", "").split(";")
    assert made.pop() == ""
    for each in made:
        assert HPGL.fullmatch(each), each
    return made


def drawn(hpgl: str) -> list[np.ndarray]:
    """The lines [points, 2] that HPGL draws, in mm."""
    lines: list[list[tuple[float, float]]] = []
    place, is_down = (0, 0), False
    for each in instructions(hpgl)[2:-1]:
        values = [int(value) for value in each[2:].split(",") if value]
        pairs = list(zip(values[::2], values[1::2], strict=True))
        if each.startswith("PD"):
            lines += [] if is_down else [[place]]
            lines[-1] += pairs
        is_down, place = each.startswith("PD"), pairs[-1] if pairs else place
    return [np.array(points) / 40 for points in lines]


def far(points: np.ndarray, line: np.ndarray) -> float:
    """The greatest distance of the points from a polyline."""
    starts, steps = line[:-1], np.diff(line, axis=0)
    shares = ((points[:, None] - starts) * steps).sum(axis=2) / np.maximum((steps**2).sum(axis=1), 1e-12)
    feet = starts + np.clip(shares, 0, 1)[..., None] * steps
    return float(np.linalg.norm(points[:, None] - feet, axis=2).min(axis=1).max())


def expected(made: Drawing, lines: list[np.ndarray], width_mm: float | None) -> list[np.ndarray]:
    """Where the drawing's points should lie, judged by where its first lies: y turned, one scale."""
    scale = PIXEL_MM
    if width_mm is not None:
        scale = width_mm / np.ptp(np.concatenate([WAVE, DOT])[:, 0])
    first = made.strokes[0][0]
    return [lines[0][0] + (stroke - first) * np.array([scale, -scale]) for stroke in made.strokes]


class TestGcode:
    @given(strokes)
    @settings(max_examples=40, deadline=None)
    def test_points_come_back(self, points):
        made = Drawing(tuple(points), "x")
        lines = plotted(made.gcode(PlotterOptions(**HUGE)), up=5, down=0)
        for line, points_mm in zip(lines, expected(made, lines, None), strict=True):
            assert far(points_mm, line) < 0.003
        every = np.concatenate(lines)
        assert every.min(axis=0) == pytest.approx((10, 10), abs=0.001)

    def test_width_place_and_turned_axis(self):
        options = PlotterOptions(width_mm=80, x_mm=5, y_mm=7)
        lines = plotted(drawing().gcode(options), 5, 0)
        every = np.concatenate(lines)
        assert every.min(axis=0) == pytest.approx((5, 7), abs=0.001)
        assert every[:, 0].max() == pytest.approx(85, abs=0.001)
        for line, points in zip(lines, expected(drawing(), lines, 80), strict=True):
            assert far(points, line) < 0.003
        assert lines[0][0][0] < lines[0][-1][0]
        assert lines[1][0][1] > lines[0][:, 1].max()  # the dot is above the wave

    def test_moves_follow_the_curve_as_closely_as_asked(self):
        fine = plotted(drawing().gcode(PlotterOptions(width_mm=200, tolerance_mm=0.001)), 5, 0)
        rough = plotted(drawing().gcode(PlotterOptions(width_mm=200, tolerance_mm=0.5)), 5, 0)
        assert len(rough[0]) < len(fine[0]) / 3
        assert far(fine[0], rough[0]) < 0.6

    def test_head_speeds_and_end(self):
        gcode = drawing().gcode(PlotterOptions(feed_mm_min=900, travel_mm_min=4000, pen_up=3.5, pen_down=-0.25))
        lines = gcode.splitlines()
        assert lines[0] == "; Dear reader,"
        assert lines[2:5] == ["G21", "G90", "G0 Z3.5 F4000"]
        assert lines[-2:] == ["G0 Z3.5 F4000", "G0 X0 Y0 F4000"]
        feeds = {(line.command[1], line.params["F"]) for line in gcodeparser.parse_gcode_lines(gcode) if line.params
                 and "F" in line.params}  # fmt: skip
        assert feeds == {(0, 4000), (1, 900)}
        assert gcode.count("G1 Z-0.25 F900") == 2

    @pytest.mark.parametrize(
        ("options", "up", "down"),
        [
            ({"pen": "servo"}, ["M280 P0 S60", "G4 P200"], ["M280 P0 S30", "G4 P200"]),
            (
                {"pen": "servo", "pen_up": 10, "pen_down": 92.5, "pen_seconds": 0.05},
                ["M280 P0 S10", "G4 P50"],
                ["M280 P0 S92.5", "G4 P50"],
            ),
            ({"pen": "spindle"}, ["M3 S700", "G4 P0.2"], ["M3 S300", "G4 P0.2"]),
        ],
    )
    def test_servos(self, options, up, down):
        lines = [each for each in drawing().gcode(PlotterOptions(**options)).splitlines() if each[0] in "MG"]
        moves = [each for each in lines if each[:3] in ("G0 ", "G1 ")]
        assert lines[2:4] == up
        assert lines[4].startswith("G0 X")
        assert lines[5:7] == down
        assert lines[-3:-1] == up
        assert not any("Z" in each for each in moves)
        switches = [each for each in lines if each in (up[0], down[0])]
        assert switches == [up[0], down[0], up[0], down[0], up[0]]

    def test_a_dot_is_a_touch(self):
        (line,) = plotted(Drawing((DOT,), ".").gcode(), 5, 0)
        assert line.tolist() == [[10, 10], [10, 10]]

    def test_empty_drawing_only_lifts_the_pen(self):
        assert plotted(Drawing((), "").gcode(), 5, 0) == []

    @given(st.text(st.characters(codec=None), max_size=80))
    @settings(max_examples=60, deadline=None)
    def test_no_text_gives_orders_to_the_machine(self, text):
        """GRBL obeys ! ? ~ and bytes beyond ASCII wherever they stand, and a line break would end the comment."""
        plain = Drawing((DOT,), "").gcode()
        comment, _, rest = Drawing((DOT,), text).gcode().rpartition("; handwriting")
        assert plain == "; handwriting" + rest
        assert re.fullmatch(r"(?:; [A-Za-z0-9 .,:'-]{1,60}\n)?", comment)


class TestPages:
    """A page at its true size: where its strokes lie on the bed, in mm, upright or on its side."""

    STROKES = (np.array([[30, 40], [50, 45], [70, 40.0]]), np.array([[100, 150.0]]))

    def page(self, **options) -> Page:
        return Page(2, self.STROKES, "Dear Anna", PageOptions(**options))

    @pytest.mark.parametrize(
        ("size", "options", "place"),
        [
            ("a5", {}, lambda x, y: (x, 210 - y)),
            ("a5", {"x_mm": 7, "y_mm": 3, "bed_height_mm": 230}, lambda x, y: (x + 7, 213 - y)),
            ("a4", {}, lambda x, y: (y, x)),  # on its side: its top at the left edge of the bed, lines go up
            ("a4", {"bed_width_mm": 210, "bed_height_mm": 297}, lambda x, y: (x, 297 - y)),
        ],
    )
    def test_strokes_lie_where_they_lie_on_the_paper(self, size, options, place):
        made = self.page(size=size)
        options = PlotterOptions(**options)
        for lines in (plotted(made.gcode(options), 5, 0), drawn(made.hpgl(options))):
            assert len(lines) == 2
            for line, stroke in zip(lines, made.strokes, strict=True):
                expected = np.array([place(x, y) for x, y in stroke.tolist()])
                assert line[0] == pytest.approx(expected[0], abs=0.013)
                assert line[-1] == pytest.approx(expected[-1], abs=0.013)
                assert far(expected, line) < 0.03 or len(expected) == 1

    def test_all_pages_of_a_text_lie_the_same_way(self):
        small = Page(1, (np.array([[30, 40.0], [40, 40]]),), "a", PageOptions(size="a4"))
        assert "page 1, 210 x 297 mm, on its side, its top to the left" in small.gcode()

    def test_what_fits_neither_way(self):
        with pytest.raises(InputError, match=r"page of 400 x 297 mm does not fit on the plotter's bed of 297 x 210 mm"):
            self.page(size="400x297").gcode()
        with pytest.raises(InputError, match="HPGL ends at 819 mm; take a smaller page"):
            Page(1, (np.array([[900, 40.0], [910, 40]]),), "a", PageOptions("1000x200")).hpgl(PlotterOptions(**HUGE))
        with pytest.raises(InputError, match="A page is plotted at its true size; width_mm does not go with it"):
            self.page().hpgl(PlotterOptions(width_mm=100))


class TestHpgl:
    @given(strokes)
    @settings(max_examples=40, deadline=None)
    def test_points_come_back(self, points):
        made = Drawing(tuple(points), "x")
        lines = drawn(made.hpgl(PlotterOptions(**HUGE)))
        for line, points_mm in zip(lines, expected(made, lines, None), strict=True):
            assert far(points_mm, line) < 0.04  # units of 1/40 mm
        assert np.concatenate(lines).min(axis=0) == pytest.approx((10, 10))

    def test_frame_of_the_file(self):
        made = instructions(drawing().hpgl())
        assert made[:2] == ["IN", "SP1"]
        assert made[-3:] == ["PU", "PU0,0", "SP0"]
        assert max(each.count(",") for each in made) < 64
        assert instructions(Drawing((), "").hpgl()) == ["IN", "SP1", "PU", "PU0,0", "SP0"]

    def test_forty_units_are_a_millimetre(self):
        hpgl = Drawing(([[0, 0], [96, 48]],), "x").hpgl(PlotterOptions(x_mm=0, y_mm=0))  # an inch by half an inch
        assert instructions(hpgl)[2:4] == ["PU0,508", "PD1016,0"]

    def test_beyond_the_numbers_of_hpgl(self):
        with pytest.raises(InputError) as error:
            drawing().hpgl(PlotterOptions(width_mm=900, **HUGE))
        assert str(error.value) == "The drawing would reach 910 mm, and HPGL ends at 819 mm; take a smaller width_mm."


class TestBed:
    @pytest.mark.parametrize("render", ["gcode", "hpgl"])
    @pytest.mark.parametrize(
        ("options", "said"),
        [
            (
                {"width_mm": 290},
                "The drawing is 290.0 mm wide and begins at x_mm = 10, so it would end at 300.0 mm, beyond the bed's "
                "297 mm; take a smaller width_mm or x_mm.",
            ),
            ({"x_mm": 250}, r"begins at x_mm = 250, so it would end at 302.9 mm, beyond the bed's 297 mm"),
            ({"y_mm": 205}, r"mm high and begins at y_mm = 205"),
            ({"bed_height_mm": 12}, r"beyond the bed's 12 mm; take a smaller width_mm or y_mm."),
        ],
    )
    def test_a_drawing_beyond_the_bed_is_refused(self, render, options, said):
        with pytest.raises(InputError, match=re.escape(said)) as error:
            getattr(drawing(), render)(PlotterOptions(**options))
        assert error.value.exit_code == 2

    def test_as_wide_as_the_bed_is_just_right(self):
        drawing().gcode(PlotterOptions(width_mm=297, x_mm=0))

    def test_a_drawing_without_width_has_no_scale(self):
        with pytest.raises(InputError, match="has no width, so it cannot be scaled to width_mm"):
            Drawing((DOT,), ".").gcode(PlotterOptions(width_mm=10))


class TestOptions:
    @pytest.mark.parametrize(
        ("options", "said"),
        [
            *[
                ({name: value}, f"{name} of a plotter must be above 0, not {value}.")
                for name in ("width_mm", "bed_width_mm", "bed_height_mm", "feed_mm_min", "travel_mm_min")
                for value in (0, -1.5, NAN, INF)
            ],
            *[
                ({name: value}, f"{name} of a plotter must be 0 or more, not {value}.")
                for name in ("x_mm", "y_mm")
                for value in (-0.1, NAN, INF)
            ],
            ({"pen_seconds": 11}, "pen_seconds of a plotter must be 0 to 10, not 11."),
            ({"pen_seconds": NAN}, "pen_seconds of a plotter must be 0 to 10, not nan."),
            ({"tolerance_mm": 0}, "tolerance_mm of a plotter must be 0.001 to 1, not 0."),
            ({"pen": "quill"}, "pen of a plotter is one of z, servo, spindle, not 'quill'."),
            (
                {"pen": "servo", "pen_up": 181},
                "pen_up of a plotter must be 0 to 180 where the pen is moved by servo, not 181.",
            ),
            (
                {"pen": "spindle", "pen_down": -1},
                "pen_down of a plotter must be 0 to 30000 where the pen is moved by spindle, not -1.",
            ),
            ({"pen_down": NAN}, "pen_down of a plotter must be -200 to 200 where the pen is moved by z, not nan."),
            ({"pen_up": 0}, "pen_up and pen_down of a plotter must differ; both are 0."),
            (
                {"pen_up": -1},
                "pen_up of a plotter must be above pen_down where the z axis moves the pen, not -1 below 0.",
            ),
        ],
    )
    def test_values_out_of_range_get_a_message(self, options, said):
        with pytest.raises(InputError) as error:
            PlotterOptions(**options)
        assert str(error.value) == said
        assert error.value.exit_code == 2

    def test_options_are_frozen(self):
        with pytest.raises(dataclasses.FrozenInstanceError):
            PlotterOptions().x_mm = 3
