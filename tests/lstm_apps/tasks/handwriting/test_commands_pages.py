"""``lstm-models write --page``: whole pages in files, and sentences for what cannot be.

Run: python -m pytest tests/lstm_apps/tasks/handwriting/test_commands_pages.py
"""

from __future__ import annotations

import io
import json
import sys

import pytest

from lstm_apps import cli
from lstm_apps.cli import text_files
from lstm_models.checkpoints import hub
from tests.helpers.zigzag_writer import Pen

TEXT = "Dear Anna,\n\nwe saw them come home as soon as the rain was over and many a quick fox ran away\n\nYours"
SMALL = ["--page", "60x60", "--margins", "5"]


@pytest.fixture(autouse=True)
def pen(monkeypatch) -> Pen:
    """In place of the bundled writer."""
    writer = Pen()
    monkeypatch.setattr(hub, "load", lambda name, *rest, **options: writer)
    return writer


def run(capsys, *arguments: str) -> tuple[int, str, str]:
    code = cli.main(["write", *arguments])
    out, err = capsys.readouterr()
    return code, out.strip(), err.strip()


@pytest.mark.parametrize(
    ("suffix", "start"), [(".svg", b"<svg"), (".png", b"\x89PNG"), (".json", b"{"), (".pdf", b"%PDF"),
                       (".gcode", b"; Dear Anna,"), (".hpgl", b"IN;")]
)  # fmt: skip
def test_one_page(suffix, start, tmp_path, capsys):
    path = tmp_path / f"letter{suffix}"
    code, out, err = run(capsys, TEXT, "--page", "a4", "--seed", "7", "-o", str(path))
    assert (code, out, err) == (0, f"{path} (seed 7)", "")
    assert path.read_bytes().startswith(start)
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_several_pages_are_numbered(tmp_path, capsys):
    code, out, _ = run(capsys, TEXT, *SMALL, "--seed", "7", "-o", str(tmp_path / "letter.json"))
    assert code == 0
    assert out == f"{tmp_path / 'letter-1.json'} to letter-3.json (seed 7)"
    assert sorted(each.name for each in tmp_path.iterdir()) == [f"letter-{number}.json" for number in (1, 2, 3)]
    read = [json.loads((tmp_path / f"letter-{number}.json").read_text()) for number in (1, 2, 3)]
    assert [each["page"] for each in read] == [1, 2, 3]
    assert " ".join(each["text"] for each in read).split() == TEXT.split()


def test_several_pages_in_one_pdf(tmp_path, capsys):
    path = tmp_path / "letter.pdf"
    assert run(capsys, TEXT, *SMALL, "--seed", "7", "-o", str(path))[:2] == (0, f"{path} (seed 7)")
    assert path.read_bytes().count(b"/Type /Page ") == 3


def test_pages_for_a_plotter(tmp_path, capsys):
    path = tmp_path / "letter.gcode"
    code, out, err = run(capsys, TEXT, *SMALL, "--seed", "7", "-o", str(path), "--plotter.pen", "servo")
    assert (code, out, err) == (0, f"{tmp_path / 'letter-1.gcode'} to letter-3.gcode (seed 7)", "")
    made = [(tmp_path / f"letter-{number}.gcode").read_text() for number in (1, 2, 3)]
    assert all(f"; page {number}, 60 x 60 mm, upright" in each for number, each in enumerate(made, 1))
    assert all("M280 P0 S30" in each for each in made)


def test_lines_as_a_pen_presses(tmp_path, capsys):
    options = [TEXT, "--page", "a5", "--seed", "7", "-o"]
    for suffix in ("svg", "png", "pdf"):
        assert run(capsys, *options, str(tmp_path / f"a.{suffix}"), "--kind", "pressure")[0] == 0
        assert run(capsys, *options, str(tmp_path / f"b.{suffix}"))[0] == 0
        assert (tmp_path / f"a.{suffix}").read_bytes() != (tmp_path / f"b.{suffix}").read_bytes()
    assert '<g id="ink" fill="#1a2a5c" stroke="none">' in (tmp_path / "a.svg").read_text()


def test_the_options_reach_the_page(tmp_path, capsys):
    def written(*options: str) -> dict:
        code, _, err = run(capsys, TEXT, "--page", "a5", "--seed", "7", "-o", str(tmp_path / "a.json"), *options)
        assert code == 0, err
        return json.loads((tmp_path / "a.json").read_text())

    plain = written()
    assert plain["size"] == [148, 210]
    for options in (
        ["--margins", "20,20,20,30"], ["--line-height", "8"], ["--x-height", "1.5"], ["--align", "right"],
        ["--indent", "10"], ["--paragraph-spacing", "0"], ["--drift", "0"],
    ):  # fmt: skip
        assert written(*options)["strokes"] != plain["strokes"], options
    assert written("--style", "10000")["style"] == "10000"
    assert written("--paper", "squared")["paper"] == "squared"
    assert "Dear Anna,\n\nwe" in plain["text"]
    assert run(capsys, "one\ntwo", "--page", "a5", "--breaks", "false", "-o", str(tmp_path / "b.json"))[0] == 0
    assert json.loads((tmp_path / "b.json").read_text())["text"] == "one two"


def test_text_from_a_file(tmp_path, capsys):
    (tmp_path / "my letter.txt").write_bytes("\ufeffDear\n\nAnna é".encode())
    code, _, err = run(capsys, str(tmp_path / "my letter.txt"), "--page", "a5", "-o", str(tmp_path / "a.json"))
    assert (code, err) == (0, "lstm-models: “é” is “e” with strokes that were drawn, not written by the model.")
    assert json.loads((tmp_path / "a.json").read_text())["text"] == "Dear\n\nAnna é"
    assert run(capsys, "look into notes.txt", "--page", "a5", "-o", str(tmp_path / "b.json"))[0] == 0
    assert json.loads((tmp_path / "b.json").read_text())["text"] == "look into notes.txt"


def test_a_text_too_long_for_one_drawing_fills_pages(tmp_path, capsys):
    code, _, err = run(capsys, "word " * 1_500, "--page", "a4", "-o", str(tmp_path / "a.json"))
    assert code == 0, err
    assert len(list(tmp_path.iterdir())) > 3


def test_stopped_it_leaves_whole_pages_only(pen, tmp_path, capsys):
    def stop(batch: int):
        sample = Pen.sample

        def stopping(*arguments, **options):
            if len(pen.batches) == batch:
                raise KeyboardInterrupt
            return sample(pen, *arguments, **options)

        return stopping

    text = " ".join(TEXT.split()[2:-1]) + " "
    pen.sample = stop(4)
    code, out, err = run(capsys, text * 20, *SMALL, "-o", str(tmp_path / "a.json"))
    assert (code, out, err) == (130, "", "lstm-models: stopped.")
    names = sorted((each.name for each in tmp_path.iterdir()), key=len)
    assert len(names) > 5
    for number, name in enumerate(names, 1):
        assert json.loads((tmp_path / name).read_text())["page"] == int(name[2:-5]), number
    pen.sample = stop(len(pen.batches) + 4)
    assert run(capsys, text * 20, *SMALL, "-o", str(tmp_path / "a.pdf"))[0] == 130
    assert sorted((each.name for each in tmp_path.iterdir()), key=len) == names


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_where_somebody_sees_it(tmp_path, capsys, monkeypatch):
    shown = Terminal()
    monkeypatch.setattr(sys, "stderr", shown)
    assert cli.main(["write", TEXT, *SMALL, "-o", str(tmp_path / "a.json")]) == 0
    assert "lines" in shown.getvalue()


# What goes wrong ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["a", "--page", "a9"], 2, "size must be a4, a5, letter or width x height in mm such as 100x150, not a9"),
        (["a", "--page", "5x5"], 2, "a page must be 50 to 1200 mm wide and high, not 5 x 5"),
        (["a", "--page", "a4", "--margins", "150"], 2, "the margins leave 0 of 210 mm for a line"),
        (["a", "--page", "a4", "--margins", "wide"], 2, "margins must be one number or top,right,bottom,left"),
        (["a", "--page", "a4", "--line-height", "500"], 2, "line_height must lie between 3 and 100 mm, not 500"),
        (["a", "--page", "a4", "--line-height", "4"], 2, "line_height must be at least three times x_height"),
        (["a", "--page", "a4", "--align", "middle"], 2, "--align is middle; one of"),
        (["a", "--page", "a4", "--drift", "9"], 2, "drift must lie between 0 and 2.25 mm"),
        (["", "--page", "a4"], 2, "the text is empty"),
        (["😀", "--page", "a4"], 2, "nothing in the text can be written"),
        (["a" * 500_001, "--page", "a4"], 2, "pages are written of at most 500,000 at a time"),
        (["{folder}/none.txt", "--page", "a4"], 1, "none.txt does not exist"),
        (["{folder}/bytes.txt", "--page", "a4"], 1, "bytes.txt is not UTF-8 text"),
        (["{folder}/folder.txt", "--page", "a4"], 1, "folder.txt is a folder"),
        (["a", "--page", "a4", "--kind", "animated"], 2, "A page does not move; only an SVG can be animated."),
        (["a", "--page", "a4", "--seconds", "3"], 2, "--seconds does not go with --page"),
        (["a", "--page", "a4", "--plotter.pen", "servo"], 2, "out.svg is not for a plotter; a .gcode or .hpgl is."),
        (["a", "--page", "a4", "--kind", "pressure", "--out", "{folder}/a.json"], 2, "a.json has no kinds"),
        (["a", "--page", "a4", "--out", "{folder}/a.gif"], 2, "a page is saved as .svg, .png, .pdf, .json, .gcode or"),
        (["a", "--page", "500x400", "--out", "{folder}/a.gcode"], 2, "does not fit on the plotter's bed of 297 x 210"),
        (
            ["a", "--page", "a4", "--plotter.width_mm", "90", "--out", "{folder}/a.hpgl"],
            2,
            "A page is plotted at its true size; width_mm does not go with it.",
        ),
        (["a", "--page", "a4", "--out", "{folder}/none/a.svg"], 1, "{folder}/none does not exist"),
        (["a", "--align", "right"], 2, "--align is for whole pages; add --page a4"),
        (["a", "--line-height", "8"], 2, "--line-height is for whole pages; add --page a4"),
    ],
)
def test_what_goes_wrong(arguments, code, said, tmp_path, capsys):
    (tmp_path / "bytes.txt").write_bytes(b"\xe9\xff")
    (tmp_path / "folder.txt").mkdir()
    before = sorted(tmp_path.rglob("*"))
    arguments = [each.format(folder=tmp_path) for each in arguments]
    if "--out" not in arguments:
        arguments += ["--out", str(tmp_path / "out.svg")]
    got, out, err = run(capsys, *arguments)
    assert got == code, err
    assert out == ""
    assert said.format(folder=tmp_path) in err
    assert len(err.splitlines()) == 1
    assert sorted(tmp_path.rglob("*")) == before


def test_a_file_that_is_far_too_long(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(text_files, "MOST_BYTES", 10)
    (tmp_path / "long.txt").write_text("many more words than ten")
    code, _, err = run(capsys, str(tmp_path / "long.txt"), "--page", "a4", "-o", str(tmp_path / "a.svg"))
    assert (code, "long.txt has 24 bytes; a text may have 10 bytes." in err) == (1, True)
