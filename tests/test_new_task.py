"""The example of docs/adding_a_task.md works: written into a copy of the project, trained, tested and used.

Run: pytest tests/test_new_task.py
"""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("lstm_models", "datasets/lstm_datasets", "apps/lstm_apps")
# One process for all commands of a checkout, as each would import torch anew; prints what each printed, as JSON
DRIVER = """
import contextlib, io, json, runpy, sys
from lstm_apps.cli import main
printed = []
for program, *words in json.load(sys.stdin):
    with contextlib.redirect_stdout(io.StringIO()) as out:
        if program == "pytest":
            import pytest
            code = pytest.main(words)
        elif program == "python":
            code = runpy.run_path(*words) and 0
        else:
            code = main(words)
    printed.append(out.getvalue())
    assert code == 0, (program, words, code, printed[-1])
print(json.dumps(printed))
"""
UNIT_TESTS = ("pytest", "-q", "-p", "no:cacheprovider", "tests/lstm_models")


def load_script(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


script = load_script(ROOT / "docs" / "new_task.py")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The three packages without their weights."""
    for package in PACKAGES:
        ignore = shutil.ignore_patterns("weights", "__pycache__", "examples")
        shutil.copytree(ROOT / package, tmp_path / package, ignore=ignore)
    return tmp_path


def run(checkout: Path, *commands: tuple[str, ...]) -> list[str]:
    """What each command prints, with the packages of the checkout."""
    path = os.pathsep.join(str(checkout / folder) for folder in (".", "datasets", "apps"))
    done = subprocess.run(
        [sys.executable, "-c", DRIVER],
        cwd=checkout,
        env=os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
        input=json.dumps(commands),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    printed = json.loads(done.stdout.splitlines()[-1])
    assert isinstance(printed, list)
    return printed


def page_blocks() -> Mapping[str, str]:
    return {title: text for _, title, text in script.blocks(script.PAGE.read_text("utf-8"))}


@pytest.mark.slow
def test_the_example_trains_and_spells_numbers(checkout: Path) -> None:
    """The commands of the page, in order; most lines it then writes are numbers, also some that it never saw."""
    from num2words import num2words

    script.new_task("character_model", checkout)
    blocks = page_blocks()
    (checkout / "make_numbers.py").write_text(blocks["make_numbers.py"], "utf-8")
    commands = [tuple(line.split()) for line in blocks["in the checkout"].splitlines()]
    assert [command[0] for command in commands] == ["python", *["lstm-models"] * 3]
    sample = ("lstm-models", "sample-text", "--model", "runs/numbers/model", "--count", "100", "--seed", "2")
    *_, ten, figures, hundred, _ = run(checkout, *commands, sample, UNIT_TESTS)
    assert len(ten.splitlines()) == 10
    # No model can know which line comes next: by Gibbs' inequality the mean of the lines is at least ln(857) nats
    lines = (checkout / "numbers.txt").read_text("utf-8").splitlines()
    best = len(lines) ** (len(lines) / sum(len(line) + 1 for line in lines))
    assert best < ast.literal_eval(figures.splitlines()[-1])["perplexity"] < 1.15 * best
    numbers = {num2words(number) for number in range(1000)}
    assert sum(line in numbers for line in hundred.splitlines()) > 60
    assert any(line in numbers - set(lines) for line in hundred.splitlines())


@pytest.mark.slow
def test_another_name_names_everything(checkout: Path) -> None:
    changed = script.new_task("weather_forecasting", checkout)
    for path in changed:
        text = path.read_text("utf-8")
        assert "character_model" not in text
        assert "CharacterModel" not in text
        assert path.suffix == ".yaml" or ast.parse(text)
    assert checkout / "lstm_models" / "tasks" / "weather_forecasting" / "network.py" in changed
    commands = (("lstm-models", "--help"), ("lstm-models", "train", "weather-forecasting", "--help"), UNIT_TESTS)
    general, train, _ = run(checkout, *commands)
    assert "weather-forecasting" in general
    assert "--model.hidden_size" in train


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("Weather", "is not a name for a task"),
        ("weather-forecasting", "is not a name for a task"),
        ("class", "is not a name for a task"),
        ("speech", "there is a task “speech” already"),
    ],
)
def test_names_that_do_not_fit(name: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        script.new_task(name, ROOT)


def test_a_checkout_of_another_layout_is_left_alone(tmp_path: Path) -> None:
    registry = tmp_path / "apps" / "lstm_apps" / "cli" / "registry.py"
    registry.parent.mkdir(parents=True)
    registry.write_text("TASKS = {}\n", "utf-8")
    with pytest.raises(ValueError, match="has no line “for task in \\(” to insert below"):
        script.new_task("weather_forecasting", tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [registry]
