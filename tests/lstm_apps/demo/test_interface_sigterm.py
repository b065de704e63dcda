"""SIGTERM ends the demo whatever is still at work, and leaves nothing on the disk.

Run: python -m pytest tests/lstm_apps/demo/test_interface_sigterm.py
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("gradio")

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM that a program receives")

PROGRAM = """
import atexit, threading, time
from lstm_apps.demo import interface

class Page:
    is_running, share_url = True, None
    def close(self, verbose):
        print("closed", flush=True)
        {close}

{before}
interface._STOP_SECONDS = 0.5
interface.assemble = lambda task, **options: Page()
interface.serve = lambda page, **options: "http://127.0.0.1/"
interface.launch()
"""
HINDRANCES = {
    "nothing": ("pass", ""),
    "a server that does not close": ("time.sleep(600)", ""),
    "a thread that does not end": ("pass", "threading.Thread(target=time.sleep, args=(600,)).start()"),
    "work at the interpreter's end": ("pass", "atexit.register(time.sleep, 600)"),
    "work without a deadline in an executor": (
        "pass",
        "from concurrent.futures import ThreadPoolExecutor as Pool; Pool().submit(time.sleep, 600)",
    ),
}


@pytest.mark.parametrize("name", HINDRANCES)
def test_sigterm_ends_the_process(name: str, tmp_path: Path) -> None:
    close, before = HINDRANCES[name]
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(close=close, before=before)],
        env=os.environ | {"GRADIO_TEMP_DIR": str(tmp_path)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "The demo is at http://127.0.0.1/ (Ctrl-C stops it).\n"
        process.send_signal(signal.SIGTERM)
        out, errors = process.communicate(timeout=120)  # the hindrances last ten minutes
    finally:
        process.kill()
    assert (process.returncode, out, errors) == (0, "closed\n", "")
    if name != "a server that does not close":  # what that one leaves, the next start removes
        assert list(tmp_path.iterdir()) == []
