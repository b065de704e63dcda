"""The benchmark of other photos: its manifest, its verdicts and its reader of resource files."""

from __future__ import annotations

import struct

import pytest

from benchmarks.tasks import captioning_objects as bench


def test_manifest_names_each_photo_once() -> None:
    rows = bench.manifest()
    assert len({row["name"] for row in rows}) == len({(row["package"], row["file"]) for row in rows}) == len(rows)
    assert len(bench.manifest("test")) >= 100
    for row in rows:
        assert row["licence"]
        assert row["main"]
        assert all(word[1:] in bench._GROUPS for word in row["there"] if word.startswith("@"))


@pytest.mark.parametrize(
    ("text", "named", "false", "names"),
    [
        ("A lion is lying on a rock", True, [], []),
        ("Lions are standing on rocks", True, ["standing"], []),
        ("A brown dog is on a rock", False, ["dog"], ["dog"]),
        ("An animal on a rock", False, [], []),
    ],
)
def test_verdicts(text: str, named: bool, false: list[str], names: list[str]) -> None:
    assert bench.judge(text, ["lion"], ["@rock", "@lie", "brown"]) == (named, false, names)


def test_resource_files_are_read() -> None:
    """One file in one folder, laid out by hand as Qt's format has it."""
    names = b"".join(struct.pack(">HI", len(name), 0) + name.encode("utf-16-be") for name in ("in", "a.txt"))
    root = struct.pack(">IHII", 0, 2, 1, 1)
    folder = struct.pack(">IHII", 0, 2, 1, 2)
    file = struct.pack(">IHHHI", 6 + 4, 0, 0, 0, 0)
    contents = struct.pack(">I", 5) + b"hello"
    tree = root + folder + file
    head = b"qres" + struct.pack(">4I", 1, 20, 20 + len(tree), 20 + len(tree) + len(contents))
    assert dict(bench.resources(head + tree + contents + names)) == {"in/a.txt": b"hello"}
