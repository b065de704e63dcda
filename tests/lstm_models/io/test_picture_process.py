"""A large picture in a process of its own: the same picture, the same sentences, and an end in any case.

Run: python -m pytest tests/lstm_models/io/test_picture_process.py
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lstm_models import deadlines
from lstm_models.errors import InputError
from lstm_models.io import picture_process
from lstm_models.io.images import is_large, open_image
from lstm_models.io.picture_process import open_large


def saved(path: Path, size: tuple[int, int], **options: object) -> Path:
    values = np.random.default_rng(0).integers(0, 256, (size[1] // 100, size[0] // 100, 3), np.uint8)
    Image.fromarray(values).resize(size, Image.Resampling.NEAREST).save(path, **options)
    return path


def test_the_picture_is_the_same(tmp_path: Path) -> None:
    path = saved(tmp_path / "a photo.png", (2400, 2200))
    found = open_large(path, name="a photo.png")
    assert found.mode == "RGB"
    assert found.size == (1200, 1100)
    assert np.array_equal(np.asarray(found), np.asarray(open_image(path)))


@pytest.mark.parametrize(
    ("size", "name", "large"),
    [((3000, 3000), "a.png", False), ((5000, 5000), "a.png", True), ((5000, 5000), "a.jpg", False)],
)
def test_what_is_large_is_known_before_it_is_decoded(size: tuple[int, int], name: str, large: bool, tmp_path) -> None:
    """Four bytes a pixel, 64 MiB; a JPEG is decoded at half its size and less."""
    assert is_large(saved(tmp_path / name, size)) is large


def test_what_is_no_picture_is_not_large(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("no picture")
    assert not is_large(tmp_path / "a.png")
    assert not is_large(tmp_path / "missing.png")


def test_the_sentence_is_that_of_the_picture(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", (1200, 1200))
    path.write_bytes(path.read_bytes()[:-3000])
    with pytest.raises(InputError) as here:
        open_image(path, name="a.png")
    with pytest.raises(InputError) as there:
        open_large(path, name="a.png")
    assert str(here.value) == str(there.value)
    assert "a.png is a PNG picture that is damaged or cut off" in str(there.value)


def test_it_ends_at_its_deadline(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", (1200, 1200))
    with deadlines.within(-1), pytest.raises(deadlines.DeadlineExceeded):
        open_large(path, name="a.png")
    assert open_large(path, name="a.png").size == (1200, 1200)  # the next has its turn
    # Private: another's turn, held here as long as it takes
    picture_process._one_at_a_time.acquire()
    try:
        with deadlines.within(-1), pytest.raises(deadlines.DeadlineExceeded):
            open_large(path, name="a.png")
    finally:
        picture_process._one_at_a_time.release()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="not every system keeps a process to its limits")
def test_its_process_is_bounded_and_yields(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(tmp_path / "a.png", (1200, 1200))
    code = """
import os, resource
from lstm_models.io import picture_process
before = os.nice(0)
picture_process._bound()
assert os.nice(0) == min(19, before + 15)
assert resource.getrlimit(resource.RLIMIT_CPU) == (60, 60)
try:
    bytearray(2**31)
except MemoryError:
    open("a file of no bytes", "w").write("")
    print("bounded")
"""
    run = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, env=here())
    assert run.stdout == "bounded\n", run.stderr
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\nkill -KILL $$\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    with pytest.raises(InputError, match=r"^a\.png takes more time or memory to decode than a picture may here"):
        open_large(path, name="a.png")


def here() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
