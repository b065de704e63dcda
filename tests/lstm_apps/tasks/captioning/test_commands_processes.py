"""`lstm-models caption` as a program that is killed or not read to its end, and as the docs show it."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from lstm_apps import cli
from lstm_models.checkpoints import hub
from lstm_models.tasks.captioning.model import Captioner
from lstm_models.tasks.captioning.results import Caption
from tests.helpers.caption_runs import draw, records, run, sources

POSIX = pytest.mark.skipif(os.name != "posix", reason="signals and pipes of POSIX")


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "lstm_apps", "caption", *arguments]


@POSIX
def test_kill_in_the_middle_of_a_line(photos: Path, model: str, capsys: pytest.CaptureFixture[str]) -> None:
    """kill -9 while a line is half-written; the same command then loses nothing and does nothing twice."""
    arguments = ["photos", "--out", "c.jsonl", "--html", "p.html", "--batch", "2", "--model", model]
    script = f"""
        import os, signal, sys
        from lstm_apps import cli
        from lstm_apps.cli.resumable_jsonl import ResumableJsonl

        # Private: half a line is written only by a kill in the middle of it
        whole = ResumableJsonl._append
        def half(journal, line):
            if len(journal.places) == 3:
                journal.file.write(line[: len(line) // 2])
                os.kill(os.getpid(), signal.SIGKILL)
            return whole(journal, line)
        ResumableJsonl._append = half
        cli.main(["caption", *{arguments!r}])
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, timeout=240)
    assert (done.returncode, done.stderr) == (-signal.SIGKILL, "")
    torn = Path("c.jsonl").read_text()
    assert torn.count("\n") == 3
    assert not torn.endswith("\n")
    assert cli.main(["caption", *arguments]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert "its last line was cut short" in err
    assert "3 photos described, 3 done before" in err
    assert Path("c.jsonl").read_text().startswith(torn[: torn.rindex("\n")])
    assert sources(Path("c.jsonl")) == [f"photos/{number}.png" for number in range(6)]
    assert Path("p.html").read_text().count("<article") == 6


@POSIX
def test_a_reader_that_ends(photos: Path, model: str) -> None:
    """`lstm-models caption photos | head -n 1`: no sentence, no traceback, and what SIGPIPE gives."""
    Image.new("RGB", (8, 8)).save(photos / "bad.png")
    (photos / "bad.png").write_bytes(b"")
    arguments = command("photos", "--batch", "1", "--model", model)
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stderr is not None
    assert json.loads(process.stdout.readline())["source"] == "photos/0.png"
    process.stdout.close()
    assert (process.wait(240), process.stderr.read()) == (141, "")
    process.stderr.close()


DOCS = Path(__file__).parents[4] / "docs" / "tasks" / "captioning.md"


QUICK = ("--training.steps=2", "--training.validate_every=2", "--training.batch_frames=60", "--training.precision=32")


def blocks(language: str) -> list[str]:
    return [textwrap.dedent(text) for text in re.findall(rf"```{language}\n(.*?)```", DOCS.read_text(), re.DOTALL)]


@pytest.mark.slow
def test_commands_of_the_docs(photos: Path, model: str, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """Every command of the page, in its order, on drawn pictures; training shortened to two steps."""
    pytest.importorskip("lightning", reason="training comes with the extra “train”")
    scorer = importlib.util.find_spec("pycocoevalcap") is not None
    shutil.copytree(model, "weights/captioner")
    monkeypatch.setattr(hub, "WEIGHTS", Path("weights").absolute())
    Image.open(photos / "0.png").save("beach.jpg")
    for folder in ("my_photos", "FLICKR8K"):
        draw(Path(folder), 12)
        rows = [
            f"{number}.png,{caption},{'dev' if number > 8 else 'train'}"
            for number in range(12)
            for caption in ("A dog runs on the grass.", "A red ball.")
        ]
        Path(folder, "captions.csv").write_text("\n".join(["image,caption,split", *rows]))
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    assert len(lines) > 12
    for line in lines:
        program, *arguments = shlex.split(line)
        assert program == "lstm-models"
        if arguments[0] == "train":
            arguments += QUICK
            if "base" in arguments:  # its encoder alone would take a minute
                arguments[arguments.index("base")] = "tiny"
        elif arguments[0] == "evaluate":
            arguments += ["--no-meteor", "--timed", "0"]
            if not scorer:
                continue
        assert cli.main(arguments) == 0, (line, capsys.readouterr().err)
    for made in ("captions.jsonl", "page.html", "looked-at/0.attention.png", "mine.html", "runs/critical/model"):
        assert Path(made).exists()
    assert Path("mine.html").read_text().count("<article") == 12
    for code in blocks("python"):
        exec(code, {})
    assert Caption.from_json(Path("beach.json").read_text()).source == "beach.jpg"


def test_lines_of_the_docs_are_as_they_are_made(loaded: Captioner, photos: Path, capsys: Any) -> None:
    (shown,) = (json.loads(block) for block in blocks("json"))
    (record,) = records(run(capsys, "photos/1.png", json=True, beam=3)[1])
    assert list(record) == list(shown)
    assert list(record["made"]) == list(shown["made"])
