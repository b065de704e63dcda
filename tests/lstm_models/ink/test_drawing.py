"""Drawing: its curves against independently computed splines, its files against other readers, every error path.

Run: python -m pytest tests/lstm_models/ink/test_drawing.py
"""

from __future__ import annotations

import dataclasses
import errno
import io
import json
import os
import re
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from lstm_models.errors import InputError
from lstm_models.ink import drawing as drawings
from lstm_models.ink import raster
from lstm_models.ink.drawing import Drawing
from lstm_models.ink.plotter import PlotterOptions
from lstm_models.io import atomic_write

SVG = "{http://www.w3.org/2000/svg}"
WAVE = np.column_stack([np.linspace(0, 200, 30), 30 + 20 * np.sin(np.linspace(0, 12, 30))])
DOT = [[100, 10]]


def drawing(text: str = "a & b", **kwargs: object) -> Drawing:
    return Drawing(strokes=(WAVE, DOT), text=text, style="round", seed=7, notes=("“é” was written as “e”",), **kwargs)


def catmull_rom(p0: np.ndarray, p1: np.ndarray, p2: np.ndarray, p3: np.ndarray, share: float) -> np.ndarray:
    """The point at `share` between p1 and p2, by the Barry-Goldman pyramid: no Bézier in it."""
    t0 = 0.0
    t1 = t0 + np.linalg.norm(p1 - p0) ** 0.5
    t2 = t1 + np.linalg.norm(p2 - p1) ** 0.5
    t3 = t2 + np.linalg.norm(p3 - p2) ** 0.5
    t = t1 + share * (t2 - t1)
    a1 = (t1 - t) / (t1 - t0) * p0 + (t - t0) / (t1 - t0) * p1
    a2 = (t2 - t) / (t2 - t1) * p1 + (t - t1) / (t2 - t1) * p2
    a3 = (t3 - t) / (t3 - t2) * p2 + (t - t2) / (t3 - t2) * p3
    b1 = (t2 - t) / (t2 - t0) * a1 + (t - t0) / (t2 - t0) * a2
    b2 = (t3 - t) / (t3 - t1) * a2 + (t - t1) / (t3 - t1) * a3
    return (t2 - t) / (t2 - t1) * b1 + (t - t1) / (t2 - t1) * b2


def curve_of(path: str) -> np.ndarray:
    """The Béziers `[segments, 4, 2]` of a path `M x y C ...`, read back from its numbers."""
    points = np.array([float(n) for n in re.findall(r"-?\d+(?:\.\d+)?", path)]).reshape(-1, 2)
    assert path[0] == "M"
    assert path.count("C") == 1
    starts = points[:-1:3]
    return np.stack([starts, points[1::3], points[2::3], points[3::3]], axis=1)


def paths(svg: str) -> list[str]:
    return [path.attrib["d"] for path in ElementTree.fromstring(svg).iter(f"{SVG}path")]


class TestDataclass:
    def test_strokes_are_read_only_float32_copies(self):
        mine = WAVE.copy()
        made = Drawing((mine,), "x")
        mine[0] = 99
        assert made.strokes[0].dtype == np.float32
        assert made.strokes[0][0, 0] == 0
        with pytest.raises(ValueError, match="read-only"):
            made.strokes[0][0, 0] = 1
        with pytest.raises(dataclasses.FrozenInstanceError):
            made.text = "y"

    @pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e300])
    def test_coordinates_that_are_not_finite_are_refused(self, bad):
        with pytest.raises(ValueError, match=r"Stroke 2 .* not a finite number"):
            Drawing((DOT, [[0, 0], [1, bad]]), "x")

    @pytest.mark.parametrize("bad", [[1, 2], [[1, 2, 3]], [[[1, 2]]]])
    def test_another_shape_is_refused(self, bad):
        with pytest.raises(ValueError, match=r"a stroke is \[points, 2\]"):
            Drawing((bad,), "x")

    def test_strokes_without_points_are_left_out(self):
        assert len(Drawing((np.zeros((0, 2)), DOT, []), "x").strokes) == 1

    def test_equality_and_hash_look_at_everything(self):
        assert drawing() == drawing()
        assert hash(drawing()) == hash(drawing())
        changed = [
            drawing("other"),
            dataclasses.replace(drawing(), seed=8),
            dataclasses.replace(drawing(), notes=()),
            dataclasses.replace(drawing(), strokes=(WAVE,)),
            dataclasses.replace(drawing(), strokes=(WAVE, [[100, 11]])),
        ]
        assert all(other != drawing() for other in changed)
        assert drawing() != "a drawing"

    def test_bounds(self):
        assert Drawing(([[3, -1], [5, 8]], [[-2, 4]]), "x").bounds == (-2, -1, 5, 8)
        assert Drawing((), "x").bounds == (0, 0, 0, 0)


class TestSvg:
    def test_one_path_a_stroke_with_title_and_description(self):
        root = ElementTree.fromstring(drawing().svg())
        assert len(list(root.iter(f"{SVG}path"))) == 2
        assert root.find(f"{SVG}title").text == "a & b"
        assert "style round, seed 7" in root.find(f"{SVG}desc").text
        assert "“é” was written as “e”" in root.find(f"{SVG}desc").text
        assert root.attrib["role"] == "img"
        assert root.attrib["aria-label"] == "a & b"

    def test_curve_is_the_centripetal_spline_through_the_points(self):
        points = np.array([[0, 0], [10, 40], [60, 45], [62, 44], [120, 0.0]])
        curve = curve_of(paths(Drawing((points,), "x").svg())[0])
        mirrored = np.concatenate([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
        assert len(curve) == len(points) - 1
        for i, control in enumerate(curve):
            for share in (0.0, 0.2, 0.5, 0.9, 1.0):
                s = 1 - share
                weights = np.array([s**3, 3 * s * s * share, 3 * s * share**2, share**3])
                expected = catmull_rom(*mirrored[i : i + 4], share)
                assert weights @ control == pytest.approx(expected, abs=0.011)  # two decimals in the file

    def test_straight_strokes_stay_straight(self):
        curve = curve_of(paths(Drawing(([[0, 0], [30, 10], [90, 30]],), "x").svg())[0])
        assert np.abs(curve[..., 1] - curve[..., 0] / 3).max() < 0.02

    def test_a_dot_is_a_short_round_capped_segment(self):
        for stroke in (DOT, [[100, 10], [100, 10]]):
            svg = Drawing((stroke,), ".").svg()
            assert paths(svg) == ["M100 10h0.01"]
            assert 'stroke-linecap="round"' in svg

    def test_repeated_points_do_not_divide_by_zero(self):
        repeated = np.repeat(WAVE, 3, axis=0)
        with np.errstate(all="raise"):
            assert paths(Drawing((repeated,), "x").svg()) == paths(Drawing((WAVE,), "x").svg())

    def test_box_holds_the_ink_and_the_margin(self):
        left, top, width, height = map(
            float, ElementTree.fromstring(drawing().svg(width=2, margin=10)).attrib["viewBox"].split()
        )
        least_x, least_y, most_x, most_y = drawing().bounds
        assert (left, top) == (pytest.approx(least_x - 11, abs=0.5), pytest.approx(least_y - 11, abs=0.5))
        assert left + width == pytest.approx(most_x + 11, abs=0.5)
        assert top + height == pytest.approx(most_y + 11, abs=0.5)

    def test_frame_keeps_a_growing_drawing_still(self):
        frame = (-5, -5, 300, 80)
        boxes = {
            ElementTree.fromstring(Drawing((WAVE[:n],), "x").svg(frame=frame)).attrib["viewBox"] for n in (0, 5, 30)
        }
        assert boxes == {"-17.8 -17.8 330.6 110.6"}

    def test_colour_width_and_background(self):
        root = ElementTree.fromstring(drawing().svg(width=3.25, color='"><script>', background="ivory"))
        group = root.find(f"{SVG}g")
        assert group.attrib["stroke"] == '"><script>'
        assert group.attrib["stroke-width"] == "3.25"
        assert root.find(f"{SVG}rect").attrib["fill"] == "ivory"
        assert ElementTree.fromstring(drawing().svg()).find(f"{SVG}rect") is None

    @given(st.text(st.characters(codec=None), max_size=40))
    @settings(max_examples=60, deadline=None)
    def test_any_text_gives_xml_that_parses(self, text):
        made = Drawing((DOT,), text, style=text, notes=(text,))
        root = ElementTree.fromstring(made.svg(color=text).encode())
        kept = "".join(c for c in text if c in "\t\n\r" or (c >= " " and not re.match("[\x7f-\x9f\ud800-\udfff￾￿]", c)))
        assert (root.find(f"{SVG}title").text or "") == kept.replace("\r\n", "\n").replace("\r", "\n")
        assert len(list(root.iter())) == 5

    def test_control_characters_are_removed(self):
        assert "<title>ab</title>" in Drawing((), "a\x00\x1b\ud800b").svg()

    def test_empty_drawing_is_a_small_blank_picture(self):
        root = ElementTree.fromstring(Drawing((), "").svg())
        assert root.attrib["viewBox"] == "0 0 32 32"
        assert not list(root.iter(f"{SVG}path"))

    @pytest.mark.parametrize("options", [{"width": 0}, {"width": float("nan")}, {"margin": -1}, {"margin": np.inf}])
    def test_senseless_sizes_are_refused(self, options):
        for render in (drawing().svg, drawing().png):
            with pytest.raises(InputError) as error:
                render(**options)
            assert error.value.exit_code == 2


class TestPng:
    def pixels(self, content: bytes) -> np.ndarray:
        picture = Image.open(io.BytesIO(content))
        assert picture.format == "PNG"
        return np.asarray(picture)

    def test_ink_area_of_a_line_and_a_dot(self):
        line = Drawing(([[0, 0], [50, 20], [100, 40]],), "x")
        dark = (255 - self.pixels(line.png(scale=2, width=3, color="black")).astype(float)[..., 0]).sum() / 255
        expected = 4 * (3 * np.hypot(100, 40) + np.pi * 1.5**2)
        assert dark == pytest.approx(expected, rel=0.05)
        dot = Drawing((DOT,), ".")
        dark = (255 - self.pixels(dot.png(scale=4, width=3, color="black")).astype(float)[..., 0]).sum() / 255
        assert dark == pytest.approx(16 * np.pi * 1.5**2, rel=0.08)

    def test_ink_lies_where_the_svg_says(self):
        picture = self.pixels(drawing().png(scale=3, width=2, margin=5))
        left, top, width, height = map(
            float, ElementTree.fromstring(drawing().svg(width=2, margin=5)).attrib["viewBox"].split()
        )
        assert picture.shape == (pytest.approx(height * 3, abs=1), pytest.approx(width * 3, abs=1), 3)
        for x, y in [*WAVE, *DOT]:
            assert picture[int((y - top) * 3), int((x - left) * 3)].tolist() == [0x1A, 0x2A, 0x5C]

    def test_edges_are_anti_aliased(self):
        assert len(np.unique(self.pixels(drawing().png())[..., 0])) > 10

    def test_bands_join_without_a_seam(self, monkeypatch):
        whole = self.pixels(drawing().png())
        monkeypatch.setattr(raster, "_BAND_SAMPLES", 1)
        assert (self.pixels(drawing().png()) == whole).all()

    def test_transparent_paper_has_no_pale_fringe(self):
        picture = self.pixels(drawing().png(background=None, color="#102030"))
        assert picture.shape[2] == 4
        assert np.unique(picture[..., :3].reshape(-1, 3), axis=0).tolist() == [[0x10, 0x20, 0x30]]
        assert picture[0, 0, 3] == 0
        assert picture[..., 3].max() == 255

    def test_empty_drawing_is_a_small_blank_picture(self):
        picture = self.pixels(Drawing((), "").png(scale=1))
        assert picture.shape == (32, 32, 3)
        assert (picture == 255).all()

    def test_what_cannot_be_drawn_gets_a_message(self):
        with pytest.raises(InputError, match="above zero"):
            drawing().png(scale=0)
        with pytest.raises(InputError, match="100 million"):
            drawing().png(scale=1000)
        with pytest.raises(InputError, match="needs a colour"):
            drawing().png(color="currentColor")


class TestJson:
    def test_round_trip(self):
        read = Drawing.from_json(drawing().json())
        assert (read.text, read.style, read.seed, read.notes) == ("a & b", "round", 7, ("“é” was written as “e”",))
        assert np.abs(read.strokes[0] - WAVE).max() <= 0.00501
        assert Drawing.from_json(read.json()) == read
        assert Drawing.from_json(Drawing((), "").json().encode()) == Drawing((), "")

    def test_numbers_have_two_decimals(self):
        assert json.loads(Drawing(([[1 / 3, 2.0]],), "x").json())["strokes"] == [[[0.33, 2.0]]]

    @pytest.mark.parametrize(
        ("document", "sentence"),
        [
            ("{", "not a JSON document"),
            (b"\xff\xfe\xfa", "not a JSON document"),
            ("[" * 100_000, "not a JSON document"),
            ("[]", '"strokes"'),
            ('{"strokes": 3}', '"strokes"'),
            ('{"strokes": [], "version": 2}', "version 2"),
            ('{"strokes": [], "text": 1}', "are strings"),
            ('{"strokes": [], "seed": "1"}', "whole number"),
            ('{"strokes": [], "seed": true}', "whole number"),
            ('{"strokes": [], "notes": "no"}', "list of strings"),
            ('{"strokes": [[[1, NaN]]]}', "finite"),
            ('{"strokes": [[[1, 2], [3]]]}', "cannot be read"),
            ('{"strokes": [[["a", 2]]]}', "cannot be read"),
            ('{"strokes": [[[1, null]]]}', "finite"),
            ('{"strokes": [{}]}', "cannot be read"),
        ],
    )
    def test_a_foreign_document_gets_a_sentence(self, document, sentence):
        with pytest.raises(InputError, match=sentence):
            Drawing.from_json(document)


class TestSave:
    @pytest.mark.parametrize("name", ["a.svg", "b.PNG", "c.json", "d.pdf", "e.GCODE", "f.hpgl"])
    def test_suffix_picks_the_format(self, tmp_path, name):
        path = drawing().save(str(tmp_path / name))
        assert path == tmp_path / name
        content = path.read_bytes()
        render = getattr(drawing(), path.suffix[1:].lower())()
        assert content == (render if isinstance(render, bytes) else render.encode())
        assert [p.name for p in tmp_path.iterdir()] == [name]

    def test_an_older_file_is_replaced_and_a_link_stays_a_link(self, tmp_path):
        target, link = tmp_path / "target.svg", tmp_path / "link.svg"
        target.write_text("old")
        link.symlink_to(target)
        drawing().save(link)
        assert link.is_symlink()
        assert target.read_text() == drawing().svg()

    def test_permissions_are_those_of_a_new_file(self, tmp_path):
        (tmp_path / "plain").touch()
        mode = drawing().save(tmp_path / "a.svg").stat().st_mode
        assert mode == (tmp_path / "plain").stat().st_mode

    @pytest.mark.parametrize(("name", "said"), [("a.bmp", r"suffix \.bmp"), ("a", "without a suffix")])
    def test_another_suffix_is_a_wrong_call(self, tmp_path, name, said):
        with pytest.raises(InputError, match=rf"{said}.*\.svg, \.png, \.pdf, \.json, \.gcode or \.hpgl\.") as error:
            drawing().save(tmp_path / name)
        assert error.value.exit_code == 2

    def test_options_go_into_the_file(self, tmp_path):
        for kind in ("plain", "pressure", "animated"):
            assert drawing().save(tmp_path / "a.svg", kind=kind).read_text() == drawing().svg(kind=kind)
        timed = drawing().save(tmp_path / "a.svg", kind="animated", seconds=9).read_text()
        assert timed == drawing().svg(kind="animated", seconds=9)
        for kind in ("plain", "pressure"):
            assert drawing().save(tmp_path / "a.png", kind=kind).read_bytes() == drawing().png(kind=kind)
            assert drawing().save(tmp_path / "a.pdf", kind=kind).read_bytes() == drawing().pdf(kind=kind)
        options = PlotterOptions(width_mm=33, pen="servo")
        assert drawing().save(tmp_path / "a.gcode", plotter=options).read_text() == drawing().gcode(options)
        assert drawing().save(tmp_path / "a.hpgl", plotter=options).read_text() == drawing().hpgl(options)

    @pytest.mark.parametrize(
        ("name", "options", "said"),
        [
            ("a.json", {"kind": "plain"}, "a.json has no kinds; a .svg, .png or .pdf does."),
            ("a.pdf", {"kind": "animated"}, "a.pdf does not move; only an SVG can be animated."),
            ("h.png", {"kind": "animated"}, "/h.png does not move; only an SVG can be animated."),
            ("a.png", {"kind": "wide"}, "a.png is plain or pressure, not 'wide'."),
            ("a.json", {"seconds": 3}, "a.json does not move and takes no seconds; an animated .svg does."),
            ("a.svg", {"plotter": PlotterOptions()}, "a.svg is not for a plotter; a .gcode or .hpgl is."),
            ("a.svg", {"kind": "wide"}, "The kind of an SVG is one of plain, pressure, animated, not 'wide'."),
            ("a.svg", {"seconds": 3}, "Only an animated SVG takes seconds, not a plain one."),
            ("a.gcode", {"plotter": PlotterOptions(width_mm=300)}, "beyond the bed's 297 mm"),
            ("a.hpgl", {"plotter": PlotterOptions(width_mm=300)}, "beyond the bed's 297 mm"),
        ],
    )
    def test_options_that_do_not_go_with_the_format(self, tmp_path, name, options, said):
        with pytest.raises(InputError, match=re.escape(said)) as error:
            drawing().save(tmp_path / name, **options)
        assert error.value.exit_code == 2
        assert list(tmp_path.iterdir()) == []

    def test_missing_folder_folder_and_odd_file(self, tmp_path):
        (tmp_path / "folder.svg").mkdir()
        os.mkfifo(tmp_path / "pipe.svg")
        for path, said in [
            (tmp_path / "no" / "a.svg", "does not exist"),
            (tmp_path / "folder.svg", "is a folder"),
            (tmp_path / "pipe.svg", "not an ordinary file"),
        ]:
            with pytest.raises(InputError, match=said) as error:
                drawing().save(path)
            assert error.value.exit_code == 1
            assert str(path) in str(error.value)

    @pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
    def test_a_folder_without_permission(self, tmp_path):
        tmp_path.chmod(0o500)
        with pytest.raises(InputError, match="permission denied"):
            drawing().save(tmp_path / "a.svg")

    @pytest.mark.parametrize("suffix", ["svg", "png", "pdf", "json", "gcode", "hpgl"])
    @pytest.mark.parametrize("failing", ["fsync", "replace"])
    def test_a_full_disk_leaves_the_old_file_and_nothing_else(self, tmp_path, monkeypatch, failing, suffix):
        def full(*_: object) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        path = tmp_path / f"a.{suffix}"
        path.write_text("old")
        monkeypatch.setattr(atomic_write.os, failing, full)
        with pytest.raises(InputError, match="no space left on device"):
            drawing().save(path)
        assert path.read_text() == "old"
        assert list(tmp_path.iterdir()) == [path]

    def test_a_file_used_as_a_folder(self, tmp_path):
        (tmp_path / "file").touch()
        with pytest.raises(InputError, match="not a directory"):
            drawing().save(tmp_path / "file" / "a.svg")

    def test_a_name_too_long_for_the_disk(self, tmp_path):
        with pytest.raises(InputError, match="cannot be written"):
            drawing().save(tmp_path / ("a" * 300 + ".svg"))
        assert list(tmp_path.iterdir()) == []


def test_the_module_imports_without_pillow_and_matplotlib():
    """Pillow is loaded by the PNG and matplotlib by the PDF alone."""
    import subprocess

    code = (
        "import sys, lstm_models.ink.drawing as r; d = r.Drawing((), ''); d.svg(); d.gcode(); d.hpgl(); "
        "assert not {'PIL', 'matplotlib'} & {*sys.modules}"
    )
    root = Path(drawings.__file__).parents[2]
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONPATH": str(root)})
