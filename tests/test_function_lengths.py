"""No function of the packages and benchmarks has more than 60 lines of code, its signature and docstring aside."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parents[1]
MOST = 60

EXCEPTIONS = {
    "lstm_models/nn/soft_window.py: _backward",  # one loop over buffers that it shares with what comes before
}
"""Longer ones: no new ones, please."""


def _lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """From the first statement after the docstring to the end."""
    first, *others = function.body
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        first = others[0] if others else first
    assert function.end_lineno is not None
    return function.end_lineno - first.lineno + 1


def test_functions_are_short() -> None:
    long = set()
    for folder in ("lstm_models", "datasets", "apps", "benchmarks", "docs"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _lines(node) > MOST:
                    long.add(f"{path.relative_to(ROOT).as_posix()}: {node.name}")
    assert long <= EXCEPTIONS
