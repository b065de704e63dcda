"""Which questions of bAbI's files are trained on."""

from __future__ import annotations

from pathlib import Path

import pytest

from lstm_apps.tasks.question_answering.train_stories import read_part
from lstm_models.errors import InputError


@pytest.fixture
def folder(tmp_path: Path) -> str:
    """en-10k with four questions of one task and one of another."""
    part = tmp_path / "en-10k"
    part.mkdir()
    lines = [f"1 Mary went home.\n2 Where is Mary {number}?\thome\t1\n" for number in range(4)]
    (part / "qa1_single_train.txt").write_text("".join(lines), "utf-8")
    (part / "qa3_three_valid.txt").write_text(lines[0], "utf-8")
    return str(tmp_path)


@pytest.mark.parametrize(
    ("brackets", "expected"),
    [
        ("", ["01 0", "01 1", "01 2", "01 3", "03 0"]),
        ("[:-1]", ["01 0", "01 1", "01 2"]),
        ("[-1:]", ["01 3", "03 0"]),
        ("[1:3]", ["01 1", "01 2"]),
    ],
)
def test_brackets_choose_questions_of_each_task(folder: str, brackets: str, expected: list[str]) -> None:
    stories = read_part(f"{folder}:en-10k{brackets}")
    assert [f"{story.kind} {story.question.split()[-1].rstrip('?')}" for story in stories] == expected


@pytest.mark.parametrize("brackets", ["[", "[3]", "[a:b]", "[1:2:3]", "[1:2"])
def test_brackets_that_are_no_slice(folder: str, brackets: str) -> None:
    with pytest.raises(InputError, match=r"as \[:1000\]"):
        read_part(f"{folder}:en-10k{brackets}")
