"""Files are written whole or not at all, links stay links, and every refusal is a sentence.

Run: python -m pytest tests/lstm_models/io/test_atomic_write.py
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from lstm_models.errors import InputError
from lstm_models.io import atomic_write
from lstm_models.io.atomic_write import check_writable, shown, write_whole, written_whole


def test_text_and_bytes_and_what_was_there(tmp_path: Path):
    path = tmp_path / "a.txt"
    write_whole(path, "naïve\n")
    assert path.read_bytes() == "naïve\n".encode()
    write_whole(str(path), b"\xff\0")
    assert path.read_bytes() == b"\xff\0"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_keeps_being_a_link(tmp_path: Path):
    (tmp_path / "target").write_text("old")
    (tmp_path / "link").symlink_to("target")
    write_whole(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_text() == "new"


def test_nobody_sees_half_a_file(tmp_path: Path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with written_whole(path) as file:
        file.write(b"half")
        file.flush()
        assert path.read_text() == "old"
        file.write(b" and half")
    assert path.read_text() == "half and half"


@pytest.mark.parametrize("error", [RuntimeError("of the caller"), KeyboardInterrupt(), InputError("A photo is bad.")])
def test_the_callers_errors_pass_and_leave_nothing(tmp_path: Path, error):
    def fail() -> None:
        with written_whole(tmp_path / "a.txt") as file:
            file.write(b"half")
            raise error

    with pytest.raises(type(error)) as raised:
        fail()
    assert raised.value is error
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_a_full_disk(tmp_path: Path, monkeypatch, failing):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    (tmp_path / "a.txt").write_text("old")
    monkeypatch.setattr(atomic_write.os, failing, full)
    with pytest.raises(InputError, match=r"a\.txt cannot be written: no space left on device\.$"):
        write_whole(tmp_path / "a.txt", "new")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a.txt", "old")]


@pytest.mark.parametrize("check", [check_writable, lambda path: write_whole(path, "x")])
def test_places_where_no_file_can_lie(tmp_path: Path, check):
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    for path in [
        tmp_path / "no" / "a",
        tmp_path / "file" / "a",
        tmp_path / "folder",
        tmp_path / ("a" * 300) / "a",
        str(tmp_path / "a\0b"),
    ]:
        with pytest.raises(InputError) as error:
            check(path)
        assert shown(path) in str(error.value)
        assert error.value.exit_code == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


def test_a_pipe_is_not_replaced(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="not an ordinary file"):
        check_writable(tmp_path / "pipe")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_permissions(tmp_path: Path):
    (tmp_path / "a").touch(mode=0o400)
    with pytest.raises(InputError, match="permission denied"):
        check_writable(tmp_path / "a")
    tmp_path.chmod(0o500)
    for check in (check_writable, lambda path: write_whole(path, "x")):
        with pytest.raises(InputError, match="permission denied"):
            check(tmp_path / "b")
    tmp_path.chmod(0o700)


def test_names_are_shown_on_one_line_and_as_text():
    assert shown("holiday/ä.jpg") == "holiday/ä.jpg"
    assert shown(Path("a\nb\x1b[31m\u2028")) == "a\ufffdb\ufffd[31m\ufffd"
    assert shown(os.fsdecode(b"a\xff.jpg")) == "a\ufffd.jpg"
