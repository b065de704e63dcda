"""Standard streams that a shell has closed: work goes on, and nothing else comes to be written where they were.

Run: python -m pytest tests/lstm_apps/cli/test_entry_point_closed_streams.py
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = "import sys; from lstm_apps.cli import main; sys.exit(main())"


def run(arguments: str, closed: str, **options: object) -> subprocess.CompletedProcess[str]:
    command = f'exec "{sys.executable}" -c "{PROGRAM}" {arguments} {closed}'
    return subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=240, **options)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="a shell of POSIX closes them")
@pytest.mark.parametrize("closed", [">&-", "<&- >&- 2>&-"])
def test_a_command_does_its_work_whatever_is_closed(closed: str, tmp_path: Path) -> None:
    done = run(f"write Hello --out '{tmp_path}/a.json' --seed 1", closed)
    assert "internal error" not in done.stderr
    assert done.returncode == 0
    assert json.loads((tmp_path / "a.json").read_text())["text"] == "Hello"


@pytest.mark.skipif(sys.platform == "win32", reason="a shell of POSIX closes them")
def test_standard_input_that_is_closed_is_empty(tmp_path: Path) -> None:
    done = run("read -", "<&-")
    assert done.returncode != 0
    assert len(done.stderr.splitlines()) == 1
    assert "internal error" not in done.stderr
