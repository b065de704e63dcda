"""Files that are read are never overwritten by what is made of them, whatever verb reads them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lstm_apps import cli
from lstm_apps.cli.batch_files import about, check_kept, targets
from lstm_models.errors import InputError

CONTENT = b"what somebody wrote"


@pytest.mark.parametrize(
    "arguments",
    [
        ["punctuate", "a.txt", "--out", "a.txt"],
        ["translate", "a.txt", "--out", "./a.txt"],
        ["score", "a.txt", "b.txt", "--out", "."],
        ["complete", "a.txt", "b.txt", "--out", "."],
        ["answer", "Who came?", "b.txt", "a.txt", "--out", "a.txt"],
        ["align", "talk.wav", "a.txt", "--out", "a.txt"],
        ["read", "a.json", "--out", "a.json"],
        ["style", "a.json", "--text", "hello", "--out", "a.json"],
        ["generate", "--complete", "a.png", "--out", "a.png"],
        ["generate", "--complete", "b.png", "--missing", "a.png", "--out", "a.png"],
        ["predict-video", "a.gif", "--out", "a.gif"],
        ["predict-video", "a.gif", "b.gif", "--out", "."],
        ["predict-video", "link.gif", "--out", "a.gif"],
        ["caption", "a.mp4", "--out", "a.mp4"],
        ["caption", "a.mp4", "--json", "--out", "a.mp4"],
    ],
    ids=" ".join,
)
def test_no_verb_overwrites_what_it_reads(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    names = ("a.txt", "b.txt", "talk.wav", "a.json", "a.png", "b.png", "a.gif", "b.gif", "a.mp4")
    for name in names:
        Path(name).write_bytes(CONTENT)
    os.symlink("a.gif", "link.gif")
    assert cli.main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "is one of the files that are read, and would be overwritten: name another" in err
    assert err.count("\n") == 1
    assert all(Path(name).read_bytes() == CONTENT for name in names)
    assert sorted(os.listdir()) == sorted([*names, "link.gif"])


def test_a_folder_of_results_may_be_that_of_the_files(tmp_path: Path) -> None:
    for name in ("1.png", "2.png"):
        (tmp_path / name).write_bytes(CONTENT)
    sources = [str(tmp_path / name) for name in ("1.png", "2.png")]
    made = targets(str(tmp_path), sources, str(tmp_path), ".gif", "--out")
    assert [os.path.basename(path) for path in made.values()] == ["1.gif", "2.gif"]
    with pytest.raises(InputError, match=r"1\.png is one of the files that are read"):
        targets(str(tmp_path), sources, str(tmp_path), ".png", "--out")


def test_what_is_no_file_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    check_kept("--out", ["-", "a.txt", "zero\0byte"], ["-", "a text itself", "zero\0byte"])


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (InputError("these are not subtitles"), "talk.srt: these are not subtitles"),
        (InputError("talk.srt is empty"), "talk.srt is empty"),
        (InputError("stroke 1 of talk.srt is bad"), "stroke 1 of talk.srt is bad"),
        (InputError("beam must be 1 or more", usage=True), "beam must be 1 or more"),
    ],
)
def test_an_error_names_its_file_once(error: InputError, sentence: str) -> None:
    assert str(about("talk.srt", error)) == sentence
