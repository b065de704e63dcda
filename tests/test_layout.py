"""Tests lie where what they test lies: tests/lstm_models/io/test_images_refused.py tests lstm_models/io/images.py."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = {"lstm_models": "lstm_models", "lstm_datasets": "datasets/lstm_datasets", "lstm_apps": "apps/lstm_apps"}
WHOLE = {
    "lstm_apps/server/test_exhaustion.py",  # attacks on the server as it runs
    "lstm_apps/server/test_hostile_input.py",
    "lstm_models/test_package.py",  # what is installed
    "lstm_models/test_wrong_arguments.py",  # of every bundled model
}
"""Those of no single module."""
LONGEST = 550  # lines


def test_a_test_is_named_after_a_module() -> None:
    others = set()
    for package, folder in PACKAGES.items():
        for path in (ROOT / "tests" / package).rglob("test_*.py"):
            place = ROOT / folder / path.parent.relative_to(ROOT / "tests" / package)
            modules = {each.stem for each in place.glob("*.py")} | {
                each.name for each in place.iterdir() if each.is_dir()
            }
            topic = path.stem.removeprefix("test_")
            if not any(topic == module or topic.startswith(f"{module}_") for module in modules):
                others.add(path.relative_to(ROOT / "tests").as_posix())
    assert others == WHOLE


def test_files_are_of_a_length_that_can_be_read() -> None:
    long = {
        path.relative_to(ROOT).as_posix(): lines
        for folder in ("lstm_models", "datasets", "apps", "benchmarks")
        for path in (ROOT / folder).rglob("*.py")
        if (lines := len(path.read_text("utf-8").splitlines())) > LONGEST
    }
    assert not long
