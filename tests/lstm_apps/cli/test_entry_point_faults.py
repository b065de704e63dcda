"""What fails around a run (power, disk, port, model files): nothing done is lost, and one sentence says what is wrong.

Captioning's kill -9 is in tests/lstm_apps/tasks/captioning/test_commands.py, those of training in test_training.py.

Run: python -m pytest tests/lstm_apps/cli/test_entry_point_faults.py
"""

from __future__ import annotations

import errno
import os
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import soundfile

import lstm_models
from lstm_apps import cli
from lstm_apps.tasks.speech import commands
from lstm_models.errors import InputError
from tests.helpers import tone_recognizer

POSIX = pytest.mark.skipif(os.name != "posix", reason="signals and limits of POSIX")
SAID = ["one", "two", "three", "four", "five"]


@pytest.fixture
def recordings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of five recordings, which are heard by a recogniser of tones."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "talks"
    folder.mkdir()
    for number, text in enumerate(SAID):
        soundfile.write(folder / f"{number}.wav", tone_recognizer.say(f"|{text}|"), 16_000)
    monkeypatch.setattr(commands, "load", lambda model: tone_recognizer.ToneRecognizer())
    return folder


ARGUMENTS = ["transcribe", "talks", "--out", "out", "--format", "txt", "--lm", "off", "--raw"]


def written(folder: str = "out") -> dict[str, str]:
    """What lies in the folder, hidden files too."""
    return {path.name: path.read_text().strip() for path in sorted(Path(folder).iterdir())}


def all_heard() -> dict[str, str]:
    return {f"{number}.txt": text for number, text in enumerate(SAID)}


@POSIX
def test_kill_while_a_transcript_is_written(recordings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """kill -9 with the third file half-written; with --resume nothing is lost and nothing is done twice."""
    script = f"""
        import os, signal, sys
        sys.path[:0] = {sys.path!r}
        from tests.helpers import tone_recognizer
        from lstm_apps import cli
        from lstm_apps.tasks.speech import commands
        from lstm_models.io import atomic_write

        commands.load = lambda model: tone_recognizer.ToneRecognizer()
        replace, count = os.replace, []
        def killed(source, target, **options):
            if str(target).endswith(".txt"):
                count.append(target)
                if len(count) == 3:
                    os.kill(os.getpid(), signal.SIGKILL)
            return replace(source, target, **options)
        os.replace = killed
        cli.main({ARGUMENTS!r})
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, timeout=240)
    assert (done.returncode, done.stderr) == (-signal.SIGKILL, "")
    before = {name: text for name, text in written().items() if name.endswith(".txt") and not name.startswith(".")}
    assert before == {"0.txt": "one", "1.txt": "two"}  # whole, or not there
    times = {name: os.stat(Path("out") / name).st_mtime_ns for name in before}
    assert cli.main([*ARGUMENTS, "--resume"]) == 0
    assert "3 recordings transcribed, 2 done before" in capsys.readouterr().err
    found = written()
    assert {name: found[name] for name in all_heard()} == all_heard()
    assert {name: os.stat(Path("out") / name).st_mtime_ns for name in before} == times


def test_a_full_disk_while_transcripts_are_written(
    recordings: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real, count = commands.write_whole, []

    def full(path, text):
        count.append(path)
        if len(count) == 3:
            raise OSError(errno.ENOSPC, "No space left on device", os.fspath(path))
        return real(path, text)

    monkeypatch.setattr(commands, "write_whole", full)
    assert cli.main(ARGUMENTS) == 1
    message = capsys.readouterr().err
    assert "no space left on the disk" in message
    assert "Traceback" not in message
    assert written() == {"0.txt": "one", "1.txt": "two"}
    assert cli.main([*ARGUMENTS, "--resume"]) == 0
    assert written() == all_heard()


@pytest.mark.parametrize(
    ("verb", "name", "given"),
    [("caption", "captioner", "a.png"), ("transcribe", "recognizer", "a.wav"), ("read", "reader", "a.json"),
     ("write", "writer", "words")],
)  # fmt: skip
@pytest.mark.parametrize("damage", ["missing", "cut short"])
def test_a_model_that_is_not_whole(
    verb: str, name: str, given: str, damage: str, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    if name not in lstm_models.available():
        pytest.skip(f"this checkout has no bundled {name}")
    monkeypatch.chdir(tmp_path)
    from PIL import Image

    Image.new("RGB", (8, 8)).save("a.png")
    soundfile.write("a.wav", np.zeros(16_000, np.float32), 16_000)
    Path("a.json").write_text("[[[0, 0], [5, 5]]]")
    bundled = Path(lstm_models.__file__).parent / "weights" / name
    shutil.copytree(bundled, "model")
    weights = Path("model/model.safetensors")
    weights.unlink() if damage == "missing" else os.truncate(weights, weights.stat().st_size // 2)
    out = ["--out", "x.svg"] if verb == "write" else []
    assert cli.main([verb, given, "--model", "model", *out]) == 1
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    assert "model" in message
    assert not message.startswith("lstm-models: internal error")
    assert not Path("x.svg").exists()


def test_a_port_that_is_taken(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("gradio")
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert cli.main(["demo", "captioning", "--port", str(port)]) == 2
    assert capsys.readouterr().err == (
        f"lstm-models: Port {port} of 127.0.0.1 is taken by another program; choose another one with --port, or 0 for "
        "any free one.\n"
    )


class TestDemo:
    @pytest.fixture
    def served(self, tmp_path):
        pytest.importorskip("gradio")
        from tests.helpers.served_demo import serving

        with serving(tmp_path / "gradio", "captioning", rate=0) as running:
            yield running

    def test_a_model_that_cannot_be_loaded_gets_a_message_and_is_tried_again(self, served, monkeypatch):
        import io

        from PIL import Image

        file = io.BytesIO()
        Image.new("RGB", (8, 8), "red").save(file, "PNG")
        data = served.defaults("caption", image=served.upload("a.png", file.getvalue()))
        whole = lstm_models.load

        def broken(name):
            raise InputError("the weights are cut short; reinstall lstm-models.")

        monkeypatch.setattr(lstm_models, "load", broken)
        last = served.ask("caption", data)
        assert (last["success"], last["output"]["error"]) == (
            False,
            "the weights are cut short; reinstall lstm-models.",
        )
        assert served.http.get("/healthz").json()["models"] == {"captioning": "failed"}
        monkeypatch.setattr(lstm_models, "load", whole)
        assert served.ask("caption", data)["success"]
        assert served.http.get("/healthz").json()["models"] == {"captioning": "loaded"}

    def test_a_model_that_fails_gets_a_message_without_its_details(self, served, monkeypatch, caplog):
        def failing(image, **options):
            raise RuntimeError("[enforce fail at /home/secret/alloc.cpp:83]")
            yield

        import io

        from PIL import Image

        file = io.BytesIO()
        Image.new("RGB", (8, 8), "red").save(file, "PNG")
        data = served.defaults("caption", image=served.upload("a.png", file.getvalue()))
        monkeypatch.setattr(served.models["captioner"], "stream", failing)
        last = served.ask("caption", data)
        assert last["output"]["error"] == "Something went wrong on the server; its log says what."
        assert "alloc.cpp" in caplog.text
        assert served.metric('lstm_models_requests_total{outcome="failed"') == 1

    @POSIX
    def test_a_full_disk_while_files_are_sent(self, served):
        import resource

        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, limits[1]))
        try:
            answer = served.http.post("/gradio_api/upload", files={"files": ("a.png", bytes(3 * 2**20))})
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert answer.status_code == 500
        assert answer.json()["detail"] == "Something went wrong on the server; its log says what."
        assert served.upload("a.png", bytes(3 * 2**20))["path"]
        assert served.http.get("/healthz").status_code == 200
