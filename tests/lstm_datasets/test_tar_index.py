"""What lies in a shard and where: positions held against the bytes of the file, and shards that are damaged."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from lstm_datasets.tar_index import tar_members
from lstm_models.errors import InputError

FILES = {"a.JPG": b"first", "a.json": b"{}", "folder/b.c.txt": b"x" * 700}


@pytest.fixture
def shard(tmp_path: Path) -> Path:
    path = tmp_path / "train-000.tar"
    with tarfile.open(path, "w") as tar:
        tar.addfile(folder := tarfile.TarInfo("folder"))
        folder.type = tarfile.DIRTYPE
        for name, content in FILES.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def test_a_file_is_found_at_its_place(shard: Path) -> None:
    whole = shard.read_bytes()
    found = {member.name: member for member in tar_members(shard) if member.name in FILES}
    assert list(found) == list(FILES)
    for name, content in FILES.items():
        start, size = found[name].place
        assert whole[start : start + size] == content
    assert [(member.key, member.suffix) for member in found.values()] == [
        ("a", ".jpg"),
        ("a", ".json"),
        ("folder/b.c", ".txt"),
    ]


def test_content_is_read_on_the_way(shard: Path) -> None:
    assert {member.name: member.read() for member in tar_members(shard) if member.name in FILES} == FILES


@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: whole[:1100],  # within the first file
        lambda whole: whole[: len(whole) - 300],  # no whole block
        lambda whole: b"no tar",
        lambda whole: b"",
    ],
)
def test_a_damaged_shard_is_one_sentence(damage: Callable[[bytes], bytes], shard: Path) -> None:
    shard.write_bytes(damage(shard.read_bytes()))
    with pytest.raises(InputError, match=r"train-000\.tar is damaged, cut off, compressed or no tar"):
        list(tar_members(shard))


def test_a_shard_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read: No such file"):
        list(tar_members(tmp_path / "train-000.tar"))
