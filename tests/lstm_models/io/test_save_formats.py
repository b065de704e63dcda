"""The suffix of a file's name picks its format."""

from __future__ import annotations

from pathlib import Path

import pytest

from lstm_models.errors import InputError
from lstm_models.io.save_formats import check_suffix, save_by_suffix


def never() -> str:
    raise AssertionError("another format was asked for")


@pytest.mark.parametrize("name", ["a.txt", "a.TXT", "a.b.Txt"])
def test_only_the_picked_format_is_made(tmp_path: Path, name: str) -> None:
    path = save_by_suffix(str(tmp_path / name), {".txt": lambda: "naïve\n", ".json": never}, "a letter")
    assert path == tmp_path / name
    assert path.read_bytes() == "naïve\n".encode()


@pytest.mark.parametrize(
    ("name", "suffixes", "sentence"),
    [
        ("a.gif", (".svg", ".png", ".pdf"), "with the suffix .gif; a letter is saved as .svg, .png or .pdf."),
        ("letter", (".svg", ".png"), "without a suffix; a letter is saved as .svg or .png."),
        ("a.b", (".json",), "with the suffix .b; a letter is saved as .json."),
        ("grid", (".TextGrid",), "without a suffix; a letter is saved as .TextGrid."),
    ],
)
def test_another_suffix_is_one_sentence(name: str, suffixes: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(InputError) as error:
        check_suffix(name, suffixes, "a letter")
    assert str(error.value) == f"{name} is a name {sentence}"
    assert error.value.usage


def test_nothing_is_made_for_a_folder_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        save_by_suffix(tmp_path / "missing" / "a.txt", {".txt": never}, "a letter")


def test_a_format_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(AssertionError):
        save_by_suffix(path, {".txt": never}, "a letter")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
