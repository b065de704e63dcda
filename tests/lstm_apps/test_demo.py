"""The demo without a browser: what its handlers yield, what it names files, which ports and hosts it refuses.

Run: python -m pytest tests/lstm_apps/test_demo.py
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.request
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from lstm_apps import demo, tabs
from lstm_models.errors import InputError
from lstm_models.results import Drawing

gr = pytest.importorskip("gradio")

from lstm_apps.handwriting import demo as handwriting  # noqa: E402 - needs gradio


def handler(page, name: str):
    """The function behind an event of the page."""
    return next(fn.fn for fn in page.fns.values() if fn.fn is not None and fn.fn.__name__ == name)


def by_id(update: dict, elem_id: str):
    return next((value for block, value in update.items() if block.elem_id == elem_id), None)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """Gradio's cache, in a folder of the test's own."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "gradio"))
    return tmp_path / "gradio"


@pytest.fixture
def write(writer):
    return handler(handwriting.build(lambda: writer), "write")


class TestHandwriting:
    def test_the_drawing_grows_then_comes_as_three_files(self, write, writer, monkeypatch):
        monkeypatch.setattr(handwriting, "_FRAME_SECONDS", 0)
        counts, files, last = [], [], ""
        for update in write("Anna.", "steep", 0.5, 3):
            if (paper := by_id(update, "writing-paper")) is not None:
                counts.append(paper.count("<path"))
            last = by_id(update, "writing-status") or last
            shown = [by_id(update, f"save-{kind}") for kind in ("SVG", "PNG", "JSON")]
            if shown[0] is not None and shown[0].value is not None:
                files = [button.value["path"] for button in shown]
                assert all(button.interactive for button in shown)
        assert writer.asked == [("Anna.", "steep", 0.5, 3)]
        assert counts == sorted(counts)
        assert counts[0] < counts[-1] == 9
        assert [os.path.basename(path) for path in files] == ["anna.svg", "anna.png", "anna.json"]
        assert "9 strokes in" in last
        assert "seed 3." in last

    def test_the_files_lie_in_gradios_cache_alone(self, write, cache, monkeypatch):
        ours = cache.parent / "ours"
        ours.mkdir()
        monkeypatch.setattr(tempfile, "tempdir", str(ours))
        *_, last = write("Anna.", "", 0.5, 3)
        path = Path(by_id(last, "save-JSON").value["path"])
        drawing = Drawing.from_json(path.read_bytes())
        assert (drawing.text, drawing.seed, len(drawing.strokes)) == ("Anna.", 3, 9)
        assert cache in path.parents
        assert list(ours.iterdir()) == []

    def test_style_in_particular_is_none(self, write, writer):
        list(write("a", "", 0.5, None))
        assert writer.asked == [("a", None, 0.5, None)]

    def test_text_is_escaped_everywhere(self, write):
        told = ""
        for update in write('<img src=x onerror="x()"> é', "", 0.75, 1):
            told = by_id(update, "writing-status") or told
            for elem_id in ("writing-paper", "writing-status"):
                html = by_id(update, elem_id)
                if html is not None:
                    assert "<img" not in html
                    ElementTree.fromstring(html)  # well-formed, so nothing broke out of its place
        assert "“é” was written as “e”" in told

    @pytest.mark.parametrize(
        ("text", "sentence"),
        [("", "there is no text"), ("   ", "there is no text"), ("☃", "&lt;b&gt;cannot&lt;/b&gt;")],
    )
    def test_what_cannot_be_written_is_told_in_a_sentence(self, write, text, sentence):
        with pytest.warns(UserWarning, match=sentence):
            updates = list(write(text, "", 0.75, 1))
        status = by_id(updates[-1], "writing-status")
        assert 'role="alert"' in status
        assert sentence in status
        assert by_id(updates[0], "save-SVG").interactive is False

    def test_opening_a_page_loads_the_writer_once_and_fills_the_styles(self, writer):
        loads = []

        def load():
            loads.append(1)
            return writer

        page = handwriting.build(load)
        threads = [threading.Thread(target=handler(page, "open_page")) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        update = handler(page, "open_page")()
        assert loads == [1]
        assert by_id(update, "writing-style").choices == [
            (handwriting.ANY_STYLE, ""),
            ("round", "round"),
            ("steep", "steep"),
        ]

    def test_missing_weights_are_told_on_the_page(self):
        def load():
            raise InputError("the writer's weights are damaged & gone")

        with pytest.warns(UserWarning, match="damaged &amp; gone"):
            update = handler(handwriting.build(load), "open_page")()
        assert "damaged &amp; gone" in by_id(update, "writing-status")

    def test_live_keeps_the_first_and_the_last(self, writer):
        slow = list(
            handwriting.live(writer, "Anna Karenina.", style=None, legibility=1, seed=1, pause=60),
        )
        every = list(handwriting.live(writer, "Anna Karenina.", style=None, legibility=1, seed=1, pause=0))
        assert len(slow) == 2
        assert len(every) == 14
        assert slow[0] == every[0]
        assert slow[-1] == every[-1]

    def test_live_leaves_time_to_write_where_showing_is_slow(self, monkeypatch):
        clock = [0.0]
        monkeypatch.setattr(handwriting.time, "perf_counter", lambda: clock[0])

        class Steady:
            styles = ()

            def stream(self, text, **_):
                for n in range(100):  # one drawing a second
                    clock[0] += 1
                    yield Drawing(([[n, 0]],), text)

        shown = 0
        for _ in handwriting.live(Steady(), "x", style=None, legibility=1, seed=1, pause=0):
            clock[0] += 5  # to show it
            shown += 1
        assert shown == 11  # one shown, ten written meanwhile

    def test_live_shows_a_single_drawing_once(self, writer):
        assert len(list(handwriting.live(writer, "a", style=None, legibility=1, seed=1, pause=0))) == 1

    def test_frame_starts_with_the_room_of_the_text_and_only_grows(self):
        frame = handwriting.Frame("Anna\nb")
        left, top, right, bottom = frame.around(Drawing((), "x"))
        assert (left, right) == (0, 4 * 19)
        assert top < 0 < bottom
        assert frame.around(Drawing(([[0, -5], [100, 300]],), "x")) == (0, top, 100, 300)
        assert frame.around(Drawing(([[-1, -200], [5, 7]],), "x")) == (-1, -200, 100, 300)
        assert handwriting.Frame("a" * 5000).box[2] == 50 * 19
        assert handwriting.Frame("").box[2] == 0

    @pytest.mark.parametrize(
        ("text", "name"),
        [
            ("Dear Reader,", "dear-reader"),
            ("../../etc/passwd", "etc-passwd"),
            ("Café №5", "cafe-no5"),
            ("☃", "handwriting"),
            ("", "handwriting"),
            ("a" * 5000, "a" * 40),
            ("a" * 39 + " b", "a" * 39),
        ],
    )
    def test_file_names(self, text, name):
        assert handwriting.file_name(text) == name

    def test_new_seeds_differ(self):
        seeds = {handwriting.new_seed() for _ in range(20)}
        assert len(seeds) > 15
        assert all(0 <= seed < 1_000_000 for seed in seeds)


class TestServing:
    def test_a_taken_port_is_told(self, writer):
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            port = other.getsockname()[1]
            with pytest.raises(InputError, match=rf"Port {port} of 127.0.0.1 is taken .* --port") as error:
                demo.serve(demo.assemble("handwriting", load=lambda: writer), port=port)
        assert error.value.exit_code == 2

    @pytest.mark.parametrize(("host", "port", "said"), [
        ("127.0.0.1", -1, "from 0 to 65535"),
        ("127.0.0.1", 70_000, "from 0 to 65535"),
        ("203.0.113.7", 0, "not an address of this machine"),
        ("a..b", 0, "not an address"),
    ])  # fmt: skip
    def test_senseless_addresses_are_told(self, host, port, said):
        with pytest.raises(InputError, match=said):
            demo.serve(None, host=host, port=port)

    def test_an_unknown_task_is_told(self):
        with pytest.raises(InputError, match="of 'cooking'; there is one of: captioning, speech, handwriting") as error:
            demo.assemble("cooking")
        assert error.value.exit_code == 2

    def test_all_tabs_stand_on_one_page_and_nothing_is_loaded_for_it(self, monkeypatch):
        import lstm_models

        monkeypatch.setattr(lstm_models, "load", lambda name: pytest.fail(f"{name} was loaded"))
        page = demo.assemble()
        assert [block.label for block in page.blocks.values() if isinstance(block, gr.Tab)] == [
            "Captioning",
            "Speech",
            "Handwriting",
            "Inside the LSTM",
        ]
        ids = [block.elem_id for block in page.blocks.values() if block.elem_id]
        assert len(ids) == len(set(ids))

    def test_a_model_of_ones_own_needs_its_task(self, monkeypatch, writer):
        import lstm_models

        with pytest.raises(InputError, match="--model needs the task it is for") as error:
            demo.launch(model="runs/mine")
        assert error.value.exit_code == 2
        with pytest.raises(
            InputError, match=r"The tab inside shows the bundled models and takes no --model\."
        ) as error:
            demo.launch("inside", model="runs/mine")
        assert error.value.exit_code == 2
        with pytest.raises(TypeError):
            demo.assemble(load=lambda: writer)
        monkeypatch.setattr(lstm_models, "load", lambda name: writer)
        with pytest.raises(InputError, match="runs/mine is not a model for captioning"):
            demo._load("captioning", "runs/mine")

    def test_what_could_not_be_loaded_is_tried_again(self):
        answers = iter([None, "the model"])

        def load():
            if (answer := next(answers)) is None:
                raise InputError("not yet")
            return answer

        once = tabs.Once(load)
        with pytest.raises(InputError):
            once()
        assert not once.done
        assert once() == once() == "the model"
        assert once.done

    def test_serves_and_stops(self, writer):
        page = demo.assemble("handwriting", load=lambda: writer)
        url = demo.serve(page, port=0)
        try:
            with urllib.request.urlopen(url) as answer:
                assert b"lstm-models" in answer.read()
        finally:
            page.close()
        with pytest.raises((urllib.error.URLError, ConnectionError)):
            urllib.request.urlopen(url, timeout=5)

    def test_the_module_imports_without_gradio(self):
        code = "import sys, lstm_apps.demo; assert not {'gradio', 'lightning'} & set(sys.modules)"
        subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONPATH": ":".join(sys.path)})
