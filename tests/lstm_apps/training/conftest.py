"""A training run of a toy model."""

from __future__ import annotations

from pathlib import Path

import pytest
from torch import nn

from tests.helpers import toy_training


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> tuple[Path, nn.Module, dict[str, float]]:
    """A run that nothing disturbed."""
    run = tmp_path_factory.mktemp("runs") / "whole"
    return run, *toy_training.train(run)
