"""Settings of every test: one thread, and no deadlines, because the machine may be busy; which tests are slow."""

from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, settings

HERE = Path(__file__).parent

torch.set_num_threads(1)
settings.register_profile(
    "house", deadline=None, max_examples=30, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("house")

# Files whose tests train a model, start programs, build the package or load the large bundled models, many times over;
# `make test-fast` leaves them out. A single slow test of another file has the mark itself, or starts a program.
SLOW = (
    "benchmarks/*.py",
    "lstm_apps/cli/test_entry_point_faults.py",
    "lstm_apps/demo/test_interface.py",
    "lstm_apps/server/test_app.py",
    "lstm_apps/server/test_exhaustion.py",
    "lstm_apps/server/test_hostile_input.py",
    "lstm_apps/server/test_memory.py",
    "lstm_apps/tasks/*/demo/test_tab_served.py",
    "lstm_apps/tasks/*/test_commands*.py",
    "lstm_apps/tasks/*/test_evaluate*.py",
    "lstm_apps/tasks/*/test_train.py",
    "lstm_apps/tasks/speech/synthesis/*.py",
    "lstm_apps/training/test_fitting*.py",
    "lstm_models/io/test_images_memory.py",
    "lstm_models/test_package.py",
    "test_deploy.py",
    "test_docs.py",
)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Files that are slow as a whole are not even imported where slow tests are left out."""
    if "not slow" not in config.option.markexpr or not collection_path.is_relative_to(HERE):
        return None
    return _is_slow(collection_path) or None


def _is_slow(path: Path) -> bool:
    return any(path.relative_to(HERE).match(pattern) for pattern in SLOW)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        names = getattr(getattr(item, "function", None), "__code__", None)
        starts = names is not None and {"subprocess", "multiprocessing"} & set(names.co_names)
        if starts or _is_slow(item.path):
            item.add_marker(pytest.mark.slow)
