"""Ink as other programs and pens write it, and what in a drawing is paper."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lstm_datasets.handwriting.readers import read_lines
from lstm_models.errors import InputError
from lstm_models.ink.stroke_files import open_strokes

STROKES = [[[0.0, 0.0], [3.0, 4.0], [5.0, 1.0], [6.0, 6.0], [8.0, 2.0]], [[10.0, 0.0], [12.0, 3.0]]]
TIMED = [[[x, y, 10 * n, 0.5] for n, (x, y) in enumerate(stroke)] for stroke in STROKES]
POINTS = [[{"x": x, "y": y, "t": n, "pressure": 0.5} for n, (x, y) in enumerate(stroke)] for stroke in STROKES]
COLUMNS = [[list(axis) for axis in zip(*stroke, strict=True)] for stroke in STROKES]
INKML = (
    '<ink xmlns="http://www.w3.org/2003/InkML"><traceFormat><channel name="T"/><channel name="X"/><channel name="Y"/>'
    "</traceFormat>"
    + "".join(f"<trace>{', '.join(f'{n} {x} {y}' for n, (x, y) in enumerate(each))}</trace>" for each in STROKES)
    + "</ink>"
)
DOCUMENTS: dict[str, Any] = {
    "time and pressure": {"strokes": TIMED},
    "points with names": POINTS,
    "signature_pad": [{"penColor": "black", "points": each} for each in POINTS],
    "Quick, Draw!": {"word": "cat", "drawing": COLUMNS},
    "Quick, Draw! with times": {"drawing": [[*each, list(range(len(each[0])))] for each in COLUMNS]},
}


def same(found: list[np.ndarray]) -> None:
    assert [stroke.tolist() for stroke in found] == STROKES


@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS)
def test_json_of_other_programs(document: Any, tmp_path: Path) -> None:
    content = json.dumps(document).encode()
    (tmp_path / "ink.json").write_bytes(content)
    for source in (tmp_path / "ink.json", content, io.BytesIO(content)):
        same(open_strokes(source))


def test_inkml(tmp_path: Path) -> None:
    (tmp_path / "ink.inkml").write_text(INKML)
    same(open_strokes(tmp_path / "ink.inkml"))
    same(open_strokes(INKML.encode()))
    plain = "".join(f"<trace>{','.join(f'{x} {y}' for x, y in each)}</trace>" for each in STROKES)
    same(open_strokes(f"<ink>{plain}</ink>".encode()))
    with pytest.raises(InputError, match="differences"):
        open_strokes(b"<ink><trace>0 0, '1 2</trace></ink>")
    with pytest.raises(InputError, match="damaged or no InkML"):
        open_strokes(b"<ink><trace>")


@pytest.mark.parametrize("strokes", [TIMED, POINTS])
def test_lines_to_train_on(strokes: Any, tmp_path: Path) -> None:
    (tmp_path / "lines.jsonl").write_text(json.dumps({"text": "cat", "strokes": strokes}) + "\n")
    (line,) = read_lines(tmp_path / "lines.jsonl")
    same(list(line.strokes))


@pytest.mark.parametrize("bad", [[[[1]]], [[{"x": 1}]], [["ab"]], [[list(range(9))]], {"drawing": [[[1, 2], [1]]]}])
def test_what_is_no_ink_is_refused(bad: Any) -> None:
    with pytest.raises(InputError):
        open_strokes(json.dumps(bad).encode())


WORD = '<path d="M10 10L20 40L35 12L48 38" fill="none" stroke="black"/>'
PAPERS = {
    "a group by name": '<g id="ruling" stroke="gray"><path d="M0 20L300 20"/></g>',
    "a class": '<line class="grid" x1="0" y1="0" x2="300" y2="0" stroke="gray"/>',
    "a background": '<rect width="300" height="200" fill="#fffff0"/>',
    "a styled background": '<rect width="300" height="200" style="fill:white;stroke:none"/>',
    "hidden": '<g display="none"><path d="M0 0L300 200" stroke="red"/></g>',
    "ruled": "".join(f'<line x1="0" y1="{y}" x2="300" y2="{y}" stroke="gray"/>' for y in range(0, 200, 10)),
    "squared": "".join(
        f'<path d="M0 {n}H200" stroke="gray"/><path d="M{n} 0V200" stroke="gray"/>' for n in range(0, 200, 10)
    ),
}


@pytest.mark.parametrize("paper", PAPERS.values(), ids=PAPERS)
def test_paper_is_no_ink(paper: str) -> None:
    alone = open_strokes(f"<svg>{WORD}</svg>".encode())
    found = open_strokes(f"<svg>{paper}{WORD}</svg>".encode())
    assert len(found) == len(alone) == 1
    np.testing.assert_allclose(found[0][[0, -1]], alone[0][[0, -1]], atol=1e-4)


def test_lines_of_a_drawing_are_ink() -> None:
    dashes = "".join(f'<line x1="{x}" y1="5" x2="{x + 4}" y2="5" stroke="black"/>' for x in (0, 10, 20, 30))
    assert len(open_strokes(f"<svg>{dashes}</svg>".encode())) == 4
    assert len(open_strokes(b'<svg><rect width="9" height="9" fill="red" stroke="black"/></svg>')) == 1
