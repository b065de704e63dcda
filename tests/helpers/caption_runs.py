"""`lstm-models caption` on small photos, and what it leaves."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lstm_apps.cli.error_messages import explain
from lstm_apps.tasks.captioning import commands

WORDS = ("a", "dog", "man", "ball", "red", "runs", "on", "the", "grass", "with", "in", "water", "two", "'s")


def draw(folder: Path, count: int) -> Path:
    folder.mkdir()
    random = np.random.default_rng(0)
    for number in range(count):
        pixels = random.integers(0, 255, (3, 4, 3), np.uint8)
        Image.fromarray(pixels).resize((40, 30), Image.Resampling.NEAREST).save(folder / f"{number}.png")
    return folder


def run(capsys: pytest.CaptureFixture[str], *paths: str, **options: Any) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of the verb, as the command line ends it."""
    code = 0
    try:
        commands.caption(list(paths), **options)
    except BaseException as error:
        sentence, code = explain(error)
        print(f"lstm-models: {sentence}", file=sys.stderr)
    out, err = capsys.readouterr()
    return code, out, err


def records(text: str) -> list[dict[str, Any]]:
    assert not text or text.endswith("\n")
    return [json.loads(line) for line in text.splitlines()]


def sources(path: Path) -> list[str]:
    return [record["source"] for record in records(path.read_text())]
