"""The floors of the three packages hold: see ``docs/architecture.py``, which reads the imports."""

from __future__ import annotations

import importlib.util
import sys
import xml.etree.ElementTree
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]

EXCEPTIONS: set[str] = set()
"""What breaks a rule for the time being. Each must still exist, so that the list shrinks and ends empty."""


@pytest.fixture(scope="module")
def architecture() -> ModuleType:
    path = ROOT / "docs" / "architecture.py"
    spec = importlib.util.spec_from_file_location("architecture", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["architecture"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def graph(architecture: ModuleType) -> dict[str, frozenset[str]]:
    return dict(architecture.imports())


def test_imports_keep_to_the_floors(architecture: ModuleType, graph: dict[str, frozenset[str]]) -> None:
    assert architecture.problems(graph) == EXCEPTIONS


def test_every_import_is_read(architecture: ModuleType, tmp_path: Path) -> None:
    files = {
        "lstm_models/__init__.py": "",
        "lstm_models/__init__.pyi": "from .nn.lstm import LSTM as LSTM",
        "lstm_models/errors.py": "import torch",
        "lstm_models/nn/__init__.py": "",
        "lstm_models/nn/cells.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from . import lstm",
        "lstm_models/nn/lstm.py": "def build():\n    import lstm_models.nn.cells\nfrom lstm_models import errors",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    graph = architecture.imports(tmp_path)
    assert graph == {
        "lstm_models": {"lstm_models.nn.lstm"},
        "lstm_models.errors": set(),
        "lstm_models.nn": set(),
        "lstm_models.nn.cells": {"lstm_models.nn.lstm"},
        "lstm_models.nn.lstm": {"lstm_models.nn.cells", "lstm_models.errors"},
    }
    assert architecture.problems(graph) == {"circle: lstm_models.nn.cells, lstm_models.nn.lstm"}


@pytest.mark.parametrize(
    ("name", "other", "problem"),
    [
        ("lstm_models.nn.lstm", "lstm_models.decoding.sampling", None),
        ("lstm_models.nn.lstm", "lstm_models.checkpoints.hub", "upward"),
        ("lstm_models.checkpoints.hub", "lstm_models", "upward"),
        ("lstm_models.checkpoints.hub", "lstm_models.nn.lstm", None),
        ("lstm_models.tasks.speech.model", "lstm_models.checkpoints.hub", None),
        ("lstm_models.tasks.speech.model", "lstm_models.tasks.speech.network", None),
        ("lstm_models.tasks.speech.model", "lstm_models.tasks.captioning.network", "task to task"),
        ("lstm_models.tasks.speech.model", "lstm_datasets.batching", "upward"),
        ("lstm_datasets.batching", "lstm_apps.cli", "upward"),
        ("lstm_apps.cli", "lstm_models", None),
    ],
)
def test_the_rules(architecture: ModuleType, name: str, other: str, problem: str | None) -> None:
    found = architecture.problems({name: frozenset({other}), other: frozenset()})
    assert found == (set() if problem is None else {f"{problem}: {name} -> {other}"})


def test_an_unknown_part_has_no_floor(architecture: ModuleType) -> None:
    with pytest.raises(ValueError, match="stands on no floor"):
        architecture.problems({"lstm_models.cellar.wine": frozenset({"lstm_models.errors"})})


def test_the_picture_shows_every_part(architecture: ModuleType, graph: dict[str, frozenset[str]]) -> None:
    drawn = xml.etree.ElementTree.fromstring(architecture.picture(graph))
    texts = {element.text for element in drawn.iter("{http://www.w3.org/2000/svg}text")}
    assert {"lstm_apps", "lstm_datasets", "lstm_models", "tasks", "nn", "errors"} <= texts
