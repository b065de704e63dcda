"""Every attack of docs/threat_model.md, and every fault of docs/faults.md, names a test that is there.

Run: python -m pytest tests/test_threat_model.py
"""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
DOCS = TESTS.parent / "docs"
ROW = re.compile(r"^\| (\d+) \| (.+?) \| (.+) \| `([\w/]+\.py)::(\w+)(?:\[(.+)\])?` \|$", re.MULTILINE)
PAGES = {"threat_model.md": 47, "faults.md": 35}


@cache
def names_and_texts(path: Path) -> tuple[frozenset[str], frozenset[str]]:
    """The names of a file's tests, and the texts in it, of which some name the cases of a test."""
    nodes = list(ast.walk(ast.parse(path.read_text("utf-8"))))
    names = frozenset(node.name for node in nodes if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)))
    texts = frozenset(node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str))
    return names, texts


@pytest.mark.parametrize("page", PAGES)
def test_each_row_names_a_test_that_is_there(page: str) -> None:
    text = (DOCS / page).read_text("utf-8")
    rows = ROW.findall(text)
    assert [int(number) for number, *_ in rows] == list(range(1, len(rows) + 1))
    assert len(rows) == len(re.findall(r"^\| \d+ \|", text, re.MULTILINE)), "a row names no test"
    assert len(rows) >= PAGES[page]
    assert len({what for _, what, *_ in rows}) == len(rows)
    for _, what, _, file, test, case in rows:
        names, texts = names_and_texts(TESTS / file)
        assert test in names, what
        assert test.startswith("test_")
        assert not case or case in texts, what
