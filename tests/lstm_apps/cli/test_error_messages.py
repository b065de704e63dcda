"""What goes wrong while a command runs: one sentence and an exit code."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from lstm_apps import cli
from lstm_apps.cli.error_messages import full_sentence
from lstm_models.errors import InputError
from tests.helpers.toy_commands import FAILURE, refused

pytestmark = pytest.mark.usefixtures("toys")


class OutOfMemoryError(RuntimeError):
    """Named as torch names its own."""


def enclosing(error: BaseException, cause: BaseException) -> BaseException:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "code", "part"),
    [
        (InputError("the file a.json is damaged."), 1, "the file a.json is damaged."),
        (InputError("two\nlines", usage=True), 2, "two lines"),
        (KeyboardInterrupt(), 130, "stopped"),
        (
            OSError(errno.ENOSPC, "No space left on device", "/run/last.ckpt"),
            1,
            "no space left on the disk (writing /run",
        ),
        (OSError(errno.ENOSPC, "No space left on device"), 1, "no space left on the disk; make room"),
        (enclosing(RuntimeError("x"), OSError(errno.ENOSPC, "full")), 1, "no space left"),
        (RuntimeError("[enforce fail] PytorchStreamWriter failed writing file data/0"), 1, "the disk is full"),
        (PermissionError(errno.EACCES, "Permission denied", "/srv/a.svg"), 1, "/srv/a.svg: Permission denied."),
        (MemoryError(), 1, "out of memory"),
        (OutOfMemoryError("CUDA out of memory. Tried"), 1, "out of memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), 1, "out of memory"),
        (ModuleNotFoundError("No module named 'onnx'", name="onnx"), 1, "pip install 'lstm-models[export]'"),
        (ModuleNotFoundError("No module named 'lightning.x'", name="lightning.x"), 1, "lstm-models[train]"),
        (ModuleNotFoundError("No module named 'zzz'", name="zzz"), 1, "internal error: ModuleNotFoundError"),
        (ZeroDivisionError("division\nby zero"), 1, "internal error: ZeroDivisionError: division by zero; run again"),
        (AssertionError(), 1, "internal error: AssertionError:"),
    ],
)
def test_every_failure_is_one_sentence(
    error: BaseException, code: int, part: str, capsys: pytest.CaptureFixture[str]
) -> None:
    FAILURE.append(error)
    assert part in refused(capsys, "fail", code=code)


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("a.jpg is empty", "a.jpg is empty."),
        ("a.jpg is empty.", "a.jpg is empty."),
        ("is “writer” meant?", "is “writer” meant?"),
        ("writing down …", "writing down …"),
        ("expected “Yes.”", "expected “Yes.”"),
        ("standard output (seed 3)", "standard output (seed 3)."),
        ("", ""),
    ],
)
def test_messages_end_in_a_full_stop(message: str, shown: str) -> None:
    assert full_sentence(message) == shown


def test_debug_shows_the_traceback(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LSTM_MODELS_DEBUG", "1")
    FAILURE.append(ZeroDivisionError("oops"))
    assert cli.main(["fail"]) == 1
    err = capsys.readouterr().err
    assert "Traceback (most recent call last)" in err
    assert "raise FAILURE[0]" in err
    assert "internal error: ZeroDivisionError: oops" in err


def test_torch_really_reports_a_lack_of_memory(capsys: pytest.CaptureFixture[str]) -> None:
    """Torch's own error, not a text of ours: more memory than an address space has."""
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**46)
    FAILURE.append(caught.value)
    assert "out of memory" in refused(capsys, "fail", code=1)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_full_disk_for_real(tmp_path: Path) -> None:
    """stdout on a full disk."""
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "lstm_apps", "--help"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=240)
    assert done.returncode == 1
    assert "no space left on the disk" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(os.name != "posix", reason="pipes of POSIX")
def test_a_reader_that_ends_is_no_error() -> None:
    """`lstm-models --help | true`: no traceback, no sentence, the exit code of SIGPIPE."""
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "lstm_apps", "--help"]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, timeout=240)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")
