"""Strokes of SVG files beside svgelements, an implementation of its own; what would use a machine up is refused.

Run: python -m pytest tests/lstm_models/ink/test_svg_paths.py
"""

from __future__ import annotations

import io
import random

import numpy as np
import pytest

from lstm_models.ink.stroke_files import svg_strokes
from lstm_models.ink.svg_paths import MOST_ELEMENTS, SVGError, svg_curves

SPACE = 'xmlns="http://www.w3.org/2000/svg"'
DRAWN = {
    "moves and lines": '<path d="M1 2L3 4 5 6H9V-2l1 1h2v-3z m3 3 4 5"/>',
    "numbers without blanks": '<path d="M.5.5-1-2L1e1,-.2.3.4"/>',
    "curves and their like": '<path d="M0 0C1 2 3 4 5 0S9 4 9 9c1 1 2-2 3 0s1 1 2 2"/>',
    "parabolas and their like": '<path d="M0 0Q1 2 3 1T6 1t3 0q1 1 2 5"/>',
    "S after none": '<path d="M0 0S1 2 3 1L6 6S9 9 9 0"/>',
    "after a close": '<path d="M1 1L4 1L4 5ZL9 9"/>',
    "flags without blanks": '<path d="M0 0a3 2 20 015 1A4 4 0 1 0 9 9"/>',
    "an arc that is too small": '<path d="M0 0A1 1 0 0 1 9 3"/>',
    "transforms": '<g transform="translate(3 4) scale(2)"><path transform="rotate(30 1 1) skewX(9)" d="M0 0L5 1"/></g>',
    "a matrix": '<path transform="matrix(1 2 3 4 5 6)" d="M1 1L2 3"/>',
    "shapes": '<line x1="1" y1="2" x2="3" y2="4"/><polyline points="0,0 3,1 4,9"/><polygon points="0 0 3 1 4 9"/>'
    '<rect x="1" y="2" width="5" height="3"/><circle cx="3" cy="2" r="4"/><ellipse cx="1" cy="1" rx="4" ry="2"/>',
}  # fmt: skip


def bezier(curve: np.ndarray, steps: int = 200) -> np.ndarray:
    """Points of cubic Béziers [segments, 4, 2], by de Casteljau's construction."""
    t = np.linspace(0, 1, steps)[:, None, None]
    a, b, c, d = (curve[None, :, k] for k in range(4))
    ab, bc, cd = a + t * (b - a), b + t * (c - b), c + t * (d - c)
    abc, bcd = ab + t * (bc - ab), bc + t * (cd - bc)
    return (abc + t * (bcd - abc)).reshape(-1, 2)


def others(svg: str) -> np.ndarray:
    """Points that svgelements finds on the same drawing."""
    svgelements = pytest.importorskip("svgelements")
    points = []
    for shape in svgelements.SVG.parse(io.StringIO(svg)).elements():
        if isinstance(shape, svgelements.Shape):
            for segment in svgelements.Path(shape):
                if not isinstance(segment, svgelements.Move):
                    points += [segment.point(t) for t in np.linspace(0, 1, 200)]
    return np.array([[point.x, point.y] for point in points])


def farthest(one: np.ndarray, other: np.ndarray) -> float:
    """The Hausdorff distance of two sets of points."""
    distance = np.linalg.norm(one[:, None] - other[None], axis=2)
    return float(max(distance.min(0).max(), distance.min(1).max()))


@pytest.mark.parametrize("name", DRAWN)
def test_the_same_as_another_implementation_finds(name: str) -> None:
    svg = f"<svg {SPACE}>{DRAWN[name]}</svg>"
    found = np.concatenate([bezier(curve) for curve in svg_curves(svg.encode())])
    assert farthest(found, others(svg)) < 0.3  # the steps along a curve differ; a wrong one is off by units


def test_arcs_are_those_of_another_implementation() -> None:
    draw = random.Random(3)
    for _ in range(40):
        ends = [draw.uniform(-5, 5) for _ in range(4)]
        arc = (
            f"{draw.uniform(1, 9)} {draw.uniform(1, 9)} {draw.uniform(-90, 90)} {draw.choice('01')} {draw.choice('01')}"
        )
        svg = f'<svg {SPACE}><path d="M{ends[0]} {ends[1]}A{arc} {ends[2]} {ends[3]}"/></svg>'
        found = np.concatenate([bezier(curve, 100) for curve in svg_curves(svg.encode())])
        assert farthest(found, others(svg)) < 0.8, svg


def test_a_shorthand_curve_mirrors_the_control_point_before() -> None:
    """SVG 1.1, 8.3.6 and 8.3.7, by hand."""
    [cubic] = svg_curves(b'<svg><path d="M0 0C1 2 3 4 5 0S9 4 9 9"/></svg>')
    assert cubic[1].tolist() == [[5, 0], [7, -4], [9, 4], [9, 9]]
    [plain] = svg_curves(b'<svg><path d="M0 0L1 1T4 1"/></svg>')
    assert plain[1].tolist() == [[1, 1], [1, 1], [2, 1], [4, 1]]
    [after] = svg_curves(b'<svg><path d="M0 0Q5 5 6 6S9 9 9 0"/></svg>')  # of a parabola nothing is mirrored
    assert after[1].tolist() == [[6, 6], [6, 6], [9, 9], [9, 0]]


def test_definitions_styles_and_use_are_not_drawn() -> None:
    svg = f"""<svg {SPACE}><style>path {{ stroke: red }}</style><defs><path id="a" d="M0 0L1 1"/><g><line x2="3"/></g>
        </defs><use href="#a"/><symbol><path d="M0 0L5 5"/></symbol><path d="M7 7L8 9"/></svg>"""
    assert [curve[0, 0].tolist() for curve in svg_curves(svg.encode())] == [[7, 7]]


def test_dots_stay() -> None:
    [dot, again] = svg_strokes(b'<svg><path d="M3 4l0 0"/><path d="M5 6z"/></svg>')
    assert dot.tolist() == [[3, 4], [3, 4]]
    assert again.tolist() == [[5, 6], [5, 6]]


def test_steps_are_equal() -> None:
    [stroke] = svg_strokes(b'<svg><path d="M0 0C40 0 40 0 40 30L90 30"/></svg>')
    steps = np.linalg.norm(np.diff(stroke.astype(float), axis=0), axis=1)
    assert np.ptp(steps) < 0.05 * steps.mean()


HOSTILE = {
    "entities": ('<!DOCTYPE svg [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><svg><path d="M0 0L1 1"/></svg>', "entities"),
    "elements": ("<svg>" + "<g/>" * (MOST_ELEMENTS + 1) + "</svg>", "more than 20,000 elements"),
    "groups": ("<svg>" + "<g>" * 5000 + "</g>" * 5000 + "</svg>", "nested more than 100 deep"),
    "lines": ('<svg><path d="M0 0' + "h1v1" * 110_000 + '"/></svg>', "more than 200,000 lines and curves"),
    "points": ('<svg><polyline points="' + "1 2 " * 210_000 + '"/></svg>', "more than 200,000 lines and curves"),
    "long lines": ("<svg>" + '<path d="M0 0H1e6"/>' * 200 + '<path d="M0 0v1"/></svg>', "points"),
    "a transform": (f'<svg><g transform="{"scale(2) " * 2000}"><path d="M0 0L1 1"/></g></svg>', "transform is longer"),
    "cut off": ('<svg><path d="M0 0', "not well-formed|unclosed"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_what_would_use_a_machine_up_is_refused(name: str) -> None:
    content, message = HOSTILE[name]
    with pytest.raises(SVGError, match=message):
        svg_strokes(content.encode())


@pytest.mark.parametrize("text", ["M" + "1" * 100_000, "M0 0" + "-" * 100_000, "M0 0L" + "1e" * 50_000, ", " * 100_000,
                                  "M0 0a1 1 0 " + "2" * 100_000, "M0 0" + "." * 100_000])  # fmt: skip
def test_path_data_of_no_sense_is_read_as_far_as_it_goes(text: str) -> None:
    """In time that grows with its length: a pattern that backtracks would take minutes, and the test's timeout."""
    svg_curves(f'<svg><path d="{text}"/></svg>'.encode())
    svg_curves(f'<svg><g transform="{text[:9000]}"/></svg>'.encode())
