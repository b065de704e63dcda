"""Opening drawings: every kind, and a sentence for each that is none."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from lstm_models.errors import InputError
from lstm_models.ink.drawing import Drawing
from lstm_models.ink.stroke_files import MOST_POINTS, open_strokes

STROKES = [[[0, 0], [10, 5], [20, 0]], [[30, 2.5]]]


def test_every_kind_gives_the_same_strokes(tmp_path: Path) -> None:
    drawing = Drawing(tuple(map(np.array, STROKES)), "v.")
    (tmp_path / "drawing.json").write_text(drawing.json())
    (tmp_path / "object.json").write_text(json.dumps({"strokes": STROKES}))
    (tmp_path / "list.json").write_text("\ufeff" + json.dumps(STROKES), encoding="utf-8")
    files = [tmp_path / name for name in ("drawing.json", "object.json", "list.json")]
    for source in (drawing, STROKES, [np.array(each) for each in STROKES], [*STROKES, []], *files, str(files[0])):
        found = open_strokes(source)
        assert [each.tolist() for each in found] == STROKES
        assert {each.dtype for each in found} == {np.dtype(np.float64)}
    (one,) = open_strokes(np.array(STROKES[0]))
    assert one.tolist() == STROKES[0]


def test_svg_paths_polylines_and_lines_are_strokes(tmp_path: Path) -> None:
    path = tmp_path / "a.svg"
    path.write_text(
        '<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><g transform="translate(100 0)">'
        '<path d="M0 0C10 0 20 20 30 0M40 0L50 9"/><polyline points="60,0 70,9"/><line x1="80" y1="0" x2="90" y2="9"/>'
        "</g></svg>"
    )
    found = open_strokes(path)
    assert [(each[0].tolist(), each[-1].tolist()) for each in found] == [
        ([100, 0], [130, 0]), ([140, 0], [150, 9]), ([160, 0], [170, 9]), ([180, 0], [190, 9]),
    ]  # fmt: skip
    assert len(found[0]) > 8


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("note.txt", b"Dear reader,", "{} is no drawing: expected an SVG drawing or JSON such as"),
        ("note.json", b"Dear reader,", "{} is no drawing: expected an SVG drawing or JSON such as"),
        ("cut.json", b'{"strokes": [[[0, 1]', "{} is damaged or not one JSON document \\("),
        ("bytes.json", b"[\xff]", "{} is damaged or not one JSON document \\(it is not JSON in UTF-8"),
        ("deep.json", b"[" * 200_000, "{} is damaged or not one JSON document"),
        ("lines.jsonl", b'{"strokes": []}\n{"strokes": []}', "{} is damaged or not one JSON document \\("),
        ("other.json", b'{"text": "a"}', "{} has no list of strokes: expected"),
        ("none.json", b'{"strokes": []}', "{} has no strokes"),
        ("empty.json", b'{"strokes": [[], []]}', "{} has no strokes"),
        ("dot.json", b'{"strokes": [[[3, 4]], [[3, 4], [3, 4]]]}', "{} is a single dot, which says nothing"),
        ("flat.json", b'{"strokes": [[3, 4]]}', "Stroke 1 of {} is no list of points; each is a list of"),
        ("three.json", b'{"strokes": [[[1], [2]]]}', "Stroke 1 of {} is no list of points"),
        ("words.json", b'{"strokes": [["ab"]]}', "Stroke 1 of {} is no list of points"),
        ("uneven.json", b'{"strokes": [[[1, 2], [3]]]}', "Stroke 1 of {} is no list of points"),
        ("nan.json", b'{"strokes": [[[1, 2], [NaN, 4]]]}', "Stroke 1 of {} has a coordinate that is not finite"),
        ("far.json", b'{"strokes": [[[1, 2], [1e300, 4]]]}', "Stroke 1 of {} has a coordinate that is not finite"),
        ("page.svg", b"<!doctype html><html></html>", "{} is no drawing: expected"),
        ("bare.svg", b'<svg xmlns="http://www.w3.org/2000/svg"><text>a</text></svg>', "{} has no strokes"),
        ("cut.svg", b'<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0', "{} is damaged or no SVG \\("),
        ("zero.json", b"", "{} is empty: it has no bytes"),
    ],
)
def test_files_that_are_no_drawing(name: str, content: bytes, sentence: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match=sentence.format(path)) as caught:
        open_strokes(path)
    assert "\n" not in str(caught.value)


def test_files_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.json does not exist"):
        open_strokes(tmp_path / "nowhere.json")
    with pytest.raises(InputError, match="is a folder, and one drawing is wanted"):
        open_strokes(tmp_path)


def test_objects_that_are_no_drawing() -> None:
    for source in (7, None, {"strokes": STROKES}):
        with pytest.raises(InputError, match=r"The drawing is a .*; give a path, a Drawing") as e:
            open_strokes(source)
        assert e.value.usage
    with pytest.raises(InputError, match="The drawing has no strokes"):
        open_strokes([])
    with pytest.raises(InputError, match="mine has no strokes"):
        open_strokes(Drawing((), ""), name="mine")
    with pytest.raises(InputError, match="Stroke 2 of the drawing is no list of points"):
        open_strokes([[[0, 1], [2, 3]], [0, 1]])
    with pytest.raises(InputError, match="more than 200,000 points, which is more than handwriting has"):
        open_strokes([np.zeros((MOST_POINTS // 2 + 1, 2))] * 2)
