"""``lstm-models write``: a file for a text, or a sentence that says what is wrong, and nothing half-written."""

from __future__ import annotations

import io
import json
import os
import re
import xml.etree.ElementTree
from pathlib import Path

import pytest
import torch
from PIL import Image

from lstm_apps import cli
from lstm_models.checkpoints import hub
from lstm_models.tasks.handwriting.config import WriterConfig
from lstm_models.tasks.handwriting.model import HandwritingWriter


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> str:
    torch.manual_seed(0)
    config = WriterConfig(
        alphabet=" abcdefghijklmnopqrstuvwxyz.,", hidden_size=8, text_size=4, components=2, mixtures=2, step=0.3,
        style_size=2, styles=("10000", "10001"), names={"round": "10001"},
    )  # fmt: skip
    return str(hub.save(HandwritingWriter(config), tmp_path_factory.mktemp("models") / "model", card="A test."))


def run(capsys, *arguments: str) -> tuple[int, str, str]:
    code = cli.main(["write", *arguments])
    out, err = capsys.readouterr()
    return code, out.strip(), err.strip()


@pytest.mark.parametrize(
    ("suffix", "start"),
    [
        (".svg", b"<"),
        (".png", b"\x89PNG"),
        (".json", b"{"),
        (".pdf", b"%PDF-1."),
        (".gcode", b"; some words\n"),
        (".hpgl", b"IN;"),
    ],
)
def test_every_format(suffix, start, model, tmp_path, capsys):
    path = tmp_path / f"out{suffix}"
    code, out, err = run(capsys, "some words", "--model", model, "--seed", "7", "-o", str(path))
    assert (code, out, err) == (0, f"{path} (seed 7)", "")
    assert path.read_bytes().startswith(start)
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_the_reported_seed_writes_the_same_again(model, tmp_path, capsys):
    _, out, _ = run(capsys, "some words", "--model", model, "-o", str(tmp_path / "a.svg"))
    seed = re.search(r"\(seed (\d+)\)$", out)[1]
    run(capsys, "some words", "--model", model, "-o", str(tmp_path / "b.svg"), "--seed", seed)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    run(capsys, "some words", "--model", model, "-o", str(tmp_path / "c.svg"), "--seed", str(int(seed) ^ 1))
    assert (tmp_path / "a.svg").read_bytes() != (tmp_path / "c.svg").read_bytes()


def test_options_reach_the_writer(model, tmp_path, capsys):
    options = ["--model", model, "--seed", "1", "-o"]
    written = {}
    for name, more in {"plain": [], "style": ["--style", "10000"], "legible": ["--legibility", "1"]}.items():
        path = tmp_path / f"{name}.json"
        assert run(capsys, "some words", *options, str(path), *more)[0] == 0
        written[name] = json.loads(path.read_text())["strokes"]
    assert written["plain"] != written["style"]
    assert written["plain"] != written["legible"]


def test_kinds_of_svg(model, tmp_path, capsys):
    options = ["some words", "--model", model, "--seed", "7", "-o", str(tmp_path / "a.svg")]
    written = {}
    for kind in ("plain", "pressure", "animated"):
        assert run(capsys, *options, "--svg", kind)[0] == 0
        written[kind] = (tmp_path / "a.svg").read_text()
    assert 'fill="none"' in written["plain"]
    assert 'stroke="none"' in written["pressure"]
    assert run(capsys, *options, "--kind", "pressure")[0] == 0
    assert (tmp_path / "a.svg").read_text() == written["pressure"]
    for suffix in ("png", "pdf"):
        path = tmp_path / f"a.{suffix}"
        assert run(capsys, *options[:-1], str(path))[0] == 0
        plain = path.read_bytes()
        assert run(capsys, *options[:-1], str(path), "--kind", "pressure")[0] == 0
        assert path.read_bytes() != plain
    assert "@keyframes" in written["animated"]
    assert run(capsys, *options, "--svg", "animated", "--seconds", "2")[0] == 0
    timed = re.findall(r"animation-delay:([\d.]+)s;animation-duration:([\d.]+)s", (tmp_path / "a.svg").read_text())
    assert sum(map(float, timed[-1])) == pytest.approx(2, abs=0.002)


def test_plotter_options(model, tmp_path, capsys):
    path = tmp_path / "a.gcode"
    options = ["some words", "--model", model, "--seed", "7", "-o", str(path)]
    more = ["--plotter.width_mm", "50", "--plotter.x-mm", "20", "--plotter.pen=servo", "--plotter.feed_mm_min=800"]
    assert run(capsys, *options, *more, "--plotter.bed_height_mm", "900")[0] == 0
    gcode = path.read_text()
    across = [float(x) for x in re.findall(r"^G[01] X(\S+)", gcode, re.M)[:-1]]
    assert (min(across), max(across)) == pytest.approx((20, 70), abs=0.002)
    assert "M280 P0 S60" in gcode
    assert "F800" in gcode
    (tmp_path / "plotter.yaml").write_text("width_mm: 50\nx_mm: 20\npen: servo\nfeed_mm_min: 800\nbed_height_mm: 900")
    path.unlink()
    assert run(capsys, *options, "--plotter", str(tmp_path / "plotter.yaml"))[0] == 0
    assert path.read_text() == gcode


def test_what_was_written_otherwise_gets_a_message(model, tmp_path, capsys):
    code, _, err = run(capsys, "Café 😀", "--model", model, "-o", str(tmp_path / "a.svg"))
    assert code == 0
    assert err.splitlines() == [
        "lstm-models: “C” was drawn from a font, not written by the model.",
        "lstm-models: “é” is “e” with strokes that were drawn, not written by the model.",
        "lstm-models: “😀” cannot be written and was left out.",
    ]


class Input:
    def __init__(self, data: bytes) -> None:
        self.buffer = io.BytesIO(data)


def test_text_from_standard_input(model, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdin", Input("née\n".encode()))
    path = tmp_path / "a.json"
    assert run(capsys, "-", "--model", model, "-o", str(path))[0] == 0
    assert json.loads(path.read_text())["text"].strip() == "née"
    monkeypatch.setattr("sys.stdin", Input(b"\xe9\xff"))
    code, _, err = run(capsys, "-", "--model", model, "-o", str(tmp_path / "b.json"))
    assert (code, err) == (1, "lstm-models: standard input is not UTF-8 text: save it in that encoding.")
    assert not (tmp_path / "b.json").exists()


def test_a_picture_on_standard_output(model, capsysbinary):
    usual = ["write", "ab", "--model", model, "--seed", "1"]
    assert cli.main([*usual, "--out", "-", "--color", "navy", "--width", "3"]) == 0
    out, err = capsysbinary.readouterr()
    root = xml.etree.ElementTree.fromstring(out)
    assert root.tag.endswith("svg")
    assert b"navy" in out
    assert b"standard output (seed 1)" in err
    options = ["--background", "transparent", "--dpi", "96"]
    assert cli.main([*usual, "--out=-.png", *options]) == 0
    picture = Image.open(io.BytesIO(capsysbinary.readouterr().out))
    assert (picture.format, picture.mode) == ("PNG", "RGBA")
    assert picture.getpixel((0, 0))[3] == 0
    box = [float(value) for value in root.get("viewBox").split()]
    # At 96 dpi a pixel is a unit; the margin is the same, and the wider pen of the SVG adds to it
    assert picture.width == pytest.approx(box[2], abs=4)


def test_texts_that_could_be_paths_are_texts(model, tmp_path, capsys):
    for text in ("24/12/2026", "a.b", "ba: a.txt b"):
        assert run(capsys, text, "--model", model, "-o", str(tmp_path / "a.json"))[0] == 0
        assert json.loads((tmp_path / "a.json").read_text())["text"] == text, text


# What goes wrong ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([""], 2, "the text is empty"),
        ([" \n "], 2, "the text is empty"),
        (["missing.docx"], 1, "missing.docx does not exist"),
        (["{folder}/missing"], 1, "missing does not exist"),
        (["a", "--color", "blu"], 2, "color is blu; a colour such as navy or #1a2a5c would be right"),
        (["a", "--color", "transparent"], 2, "the ink cannot be transparent"),
        (["a", "--width", "2", "--out", "{folder}/a.json"], 2, "a.json has no width; a .svg, .png or .pdf does."),
        (["a", "--dpi", "300"], 2, "out.svg has no pixels; dpi is for a .png."),
        (["a", "--dpi", "3", "--out", "{folder}/a.png"], 2, "dpi must be from 10 to 2400, not 3"),
        (["a", "--out", "-.gif"], 2, "saved as .svg, .png, .pdf, .json, .gcode or .hpgl."),
        (["😀"], 2, "nothing in the text can be written: “😀” cannot be written and was left out"),
        (["a" * 10_000], 2, "the text has 10,000 characters; at most 5,000 can be written at a time"),
        (["a", "--style", "steep"], 2, "there is no style “steep”; the styles are: round"),
        (["a", "--legibility", "2"], 2, "legibility must lie between 0 and 1, not 2"),
        (["a", "--legibility", "much"], 2, "--legibility is much; a number would be right"),
        (["a", "--seed", "-1"], 2, "seed must be a whole number from 0"),
        ([], 2, "TEXT is missing"),
        (["a", "--out", "{folder}/a.gif"], 2, "saved as .svg, .png, .pdf, .json, .gcode or .hpgl."),
        (["a", "--out", "{folder}/a"], 2, "saved as .svg, .png, .pdf, .json, .gcode or .hpgl."),
        (["a", "--svg", "bold"], 2, "--svg is bold; one of 'plain', 'pressure', 'animated' would be right"),
        (["a", "--kind", "pressure", "--out", "{folder}/a.json"], 2, "a.json has no kinds; a .svg, .png or .pdf does."),
        (["a", "--svg", "animated", "--out", "{folder}/a.png"], 2, "a.png does not move; only an SVG can be animated."),
        (["a", "--seconds", "3"], 2, "Only an animated SVG takes seconds, not a plain one."),
        (["a", "--svg", "animated", "--seconds", "0"], 2, "An animation must take more than zero seconds, not 0.0."),
        (["a", "--plotter.x_mm", "3"], 2, "out.svg is not for a plotter; a .gcode or .hpgl is."),
        (["a", "--plotter.x_mm", "-3"], 2, "x_mm of a plotter must be 0 or more, not -3.0."),
        (["a", "--plotter.x_mm", "far"], 2, "--plotter.x_mm is far; a number would be right"),
        (["a", "--plotter.pen", "quill"], 2, "--plotter.pen is quill; one of 'z', 'servo', 'spindle' would be right"),
        (["a", "--plotter.x_mm", "300", "--out", "{folder}/a.hpgl"], 2, "beyond the bed's 297 mm; take a smaller"),
        (["a", "--out", "{folder}/none/a.svg"], 1, "{folder}/none does not exist"),
        (["a", "--out", "{folder}/folder.svg"], 1, "folder.svg is a folder"),
        (["a", "--out", "{folder}/file.txt/a.svg"], 1, "cannot be written"),
        (["a", "--model", "{folder}/none"], 2, "there is no model or folder"),
        (["a", "--model", "{folder}/file.txt"], 2, "file.txt"),
    ],
)
def test_what_goes_wrong(arguments, code, said, model, tmp_path, capsys):
    (tmp_path / "folder.svg").mkdir()
    (tmp_path / "file.txt").write_text("text")
    before = sorted(tmp_path.rglob("*"))
    arguments = [each.format(folder=tmp_path) for each in arguments]
    if "--model" not in arguments:
        arguments += ["--model", model]
    if "--out" not in arguments:
        arguments += ["--out", str(tmp_path / "out.svg")]
    got, out, err = run(capsys, *arguments)
    assert got == code, err
    assert out == ""
    assert said.format(folder=tmp_path) in err
    assert len(err.splitlines()) == 1
    assert err.startswith("lstm-models: ")
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may write everywhere")
def test_folder_without_permission(model, tmp_path, capsys):
    tmp_path.chmod(0o500)
    try:
        code, _, err = run(capsys, "a", "--model", model, "-o", str(tmp_path / "a.svg"))
    finally:
        tmp_path.chmod(0o700)
    assert code == 1
    assert "permission denied" in err


def copied(model: str, folder: Path) -> Path:
    folder.mkdir()
    for file in Path(model).iterdir():
        if file.name != "SHA256SUMS":
            (folder / file.name).write_bytes(file.read_bytes())
    return folder


def truncate(folder: Path) -> None:
    tensors = folder / "model.safetensors"
    tensors.write_bytes(tensors.read_bytes()[:-100])


def pickle(folder: Path) -> None:
    torch.save({"a": torch.zeros(1)}, folder / "model.safetensors")


def other_model(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "model": "image-captioner-of-tomorrow"}))


def other_size(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    config["config"]["hidden_size"] = 9
    (folder / "config.json").write_text(json.dumps(config))


def no_size(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    config["config"]["hidden_size"] = 0
    (folder / "config.json").write_text(json.dumps(config))


def newer(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "format": 99}))


def garbage(folder: Path) -> None:
    (folder / "config.json").write_bytes(b"\x00\xff" * 50)


def no_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


@pytest.mark.parametrize(
    "damage", [truncate, pickle, other_model, other_size, no_size, newer, garbage, no_weights], ids=lambda f: f.__name__
)
def test_damaged_and_foreign_checkpoints(damage, model, tmp_path, capsys):
    folder = copied(model, tmp_path / "model")
    damage(folder)
    code, out, err = run(capsys, "a", "--model", str(folder), "-o", str(tmp_path / "a.svg"))
    assert (code, out) == (1, "")
    assert str(folder) in err
    assert len(err.splitlines()) == 1
    assert "internal error" not in err
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


# Re-reading ---------------------------------------------------------------------------------------------------------


def test_candidates_are_reread_and_what_is_still_wrong_is_reported(model, tmp_path, capsys):
    path = tmp_path / "out.json"
    options = ("ab", "--model", model, "--seed", "7", "-o", str(path))
    assert run(capsys, *options) == (0, f"{path} (seed 7)", "")
    assert "verdict" not in json.loads(path.read_text())
    code, out, err = run(capsys, *options, "--candidates", "2")
    assert (code, out) == (0, f"{path} (seed 7)")
    assert re.fullmatch(r"lstm-models: the reader still misreads “ab” \(read: “.*”\)\.", err)  # it has learnt nothing
    assert json.loads(path.read_text())["verdict"]["drawn"] == 6


def test_pages_of_candidates_tell_what_is_wrong_on_each(model, tmp_path, capsys):
    options = ("ab\n" * 12, "--model", model, "--page", "60x60", "--margins", "5", "--candidates", "1")
    code, _, err = run(capsys, *options, "-o", str(tmp_path / "out.json"))
    assert (code, err) == (0, "")
    pages = len(list(tmp_path.iterdir()))
    code, _, err = run(capsys, *options[:-1], "2", "-o", str(tmp_path / "out.json"))
    assert code == 0
    assert len(err.splitlines()) == pages > 1
    assert json.loads((tmp_path / "out-2.json").read_text())["verdict"]["missing"] >= 0


@pytest.mark.parametrize("candidates", ["0", "-1", "33"])
def test_candidates_out_of_range(candidates, model, tmp_path, capsys):
    code, _, err = run(capsys, "ab", "--model", model, "-o", str(tmp_path / "out.svg"), "--candidates", candidates)
    assert code == 2
    assert err.endswith(f"candidates must be a whole number from 1 to 32, not {candidates}.")
    assert list(tmp_path.iterdir()) == []
