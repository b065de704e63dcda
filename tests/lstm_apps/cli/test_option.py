"""Options that do nothing without another."""

from __future__ import annotations

from pathlib import Path

import pytest

from lstm_apps import cli
from lstm_apps.cli.option import check_goes_with
from lstm_models.errors import InputError


def command(seed: int | None = None, top_p: float = 1.0) -> None:
    """Options with defaults."""


def test_an_option_that_does_nothing_alone_is_refused() -> None:
    check_goes_with("--sample", True, command, seed=3, top_p=0.5)
    check_goes_with("--sample", False, command, seed=None, top_p=1.0)
    with pytest.raises(InputError, match=r"^--top-p goes with --sample$") as caught:
        check_goes_with("--sample", False, command, seed=None, top_p=0.5)
    assert caught.value.usage


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("complete The --seed 3", "--seed goes with --sample."),
        ("complete The --temperature 0.5", "--temperature goes with --sample."),
        ("complete The --sample --n-best 2", "--n-best goes with the search, without --sample."),
        ("score The --candidates 3", "--candidates goes with --json."),
        ("translate Hello. --n-best 2", "--n-best goes with --json."),
        ("read ink.json --alternatives 5", "--alternatives goes with --format json."),
        ("generate 7 --rounds 3", "--rounds goes with --complete."),
        ("generate 7 --format gif", "--format goes with --complete FOLDER."),
        ("generate --complete ink.png --temperature 0.5", "--temperature goes with new images, without --complete."),
        ("generate 7 --json --scale 3", "--scale goes with pictures, without --json."),
        ("caption film.mp4 --groups 5 --diversity 0.5", "--groups is for photos, and film.mp4 is a film."),
    ],
)
def test_commands_say_what_an_option_goes_with(
    arguments: str, sentence: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "film.mp4").write_bytes(b"no film")
    assert cli.main(arguments.split()) == 2
    assert sentence in capsys.readouterr().err
