"""The demo without a browser: what its handlers yield, what it names files, which ports and hosts it refuses.

Run: python -m pytest tests/lstm_apps/demo/test_interface.py
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request

import pytest

from lstm_apps.demo import components
from lstm_apps.demo import interface as demo
from lstm_models.errors import InputError

gr = pytest.importorskip("gradio")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """Gradio's cache, in a folder of the test's own."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "gradio"))
    return tmp_path / "gradio"


class TestServing:
    def test_a_taken_port_gets_a_message(self, writer):
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
    def test_senseless_addresses_get_a_message(self, host, port, said):
        with pytest.raises(InputError, match=said):
            demo.serve(None, host=host, port=port)

    def test_an_unknown_task_gets_a_message(self):
        with pytest.raises(InputError, match="of 'cooking'; there is one of: captioning, video-captioning") as error:
            demo.assemble("cooking")
        assert error.value.exit_code == 2

    def test_all_tabs_stand_on_one_page_and_nothing_is_loaded_for_it(self, monkeypatch):
        import lstm_models

        monkeypatch.setattr(lstm_models, "load", lambda name: pytest.fail(f"{name} was loaded"))
        page = demo.assemble()
        assert [block.label for block in page.blocks.values() if isinstance(block, gr.Tab)] == [
            "Captioning",
            "Video captioning",
            "Speech",
            "Handwriting",
            "Write",
            "Your own hand",
            "Read",
            "Punctuation",
            "Tagging",
            "Language model",
            "Translation",
            "Answers",
            "Video prediction",
            "Images",
            "Inside the LSTM",
        ]
        ids = [block.elem_id for block in page.blocks.values() if block.elem_id]
        assert len(ids) == len(set(ids))

    def test_a_model_of_ones_own_needs_its_task(self, writer):
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

    @pytest.mark.parametrize(
        ("task", "model", "sentence"),
        [
            ("captioning", "writer", "writer is not a model for captioning"),
            ("video-captioning", "captioner", "captioner is not a model for video-captioning"),
            ("speech", "nowhere", "there is no model or folder “nowhere”"),
            ("nothing", "writer", "There is no demo of 'nothing'"),
        ],
    )
    def test_a_model_of_another_task_is_refused_before_anything_is_served(self, task, model, sentence):
        with pytest.raises(InputError, match=sentence) as error:
            demo.launch(task, model=model)
        assert error.value.exit_code == 2

    def test_the_bundled_models_are_models_for_their_tabs(self):
        for task, model in (
            ("video-captioning", "video-captioner"),
            ("video-prediction", "video-predictor"),
            ("translation", "translator-en-fr"),
            ("image-generation", "image-generator-sentences"),
            ("handwriting", "writer"),
        ):
            demo._check_model(task, model)

    def test_what_could_not_be_loaded_is_tried_again(self):
        answers = iter([None, "the model"])

        def load():
            if (answer := next(answers)) is None:
                raise InputError("not yet")
            return answer

        once = components.Once(load)
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
        code = "import sys, lstm_apps.demo.interface; assert not {'gradio', 'lightning'} & set(sys.modules)"
        subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONPATH": ":".join(sys.path)})
