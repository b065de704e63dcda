"""When the demo gives memory back.

Run: python -m pytest tests/lstm_apps/server/test_memory.py
"""

from __future__ import annotations

import re
import subprocess
import sys
import threading

import pytest

from lstm_apps.server.memory import WhenIdle, give_back


def test_it_waits_until_the_last_of_several_runs_is_over():
    called = threading.Event()
    idle = WhenIdle(called.set, seconds=0.05)
    with idle:
        with idle:
            pass
        assert not called.wait(0.5)
    assert called.wait(60)


def test_a_new_run_puts_it_off():
    called = threading.Event()
    idle = WhenIdle(called.set, seconds=1e6)
    with idle:
        pass
    # Private: that a call does not come could be seen only by waiting for it
    waiting = idle._timer
    with idle:
        assert waiting.finished.is_set()  # it will not call
        assert not called.is_set()
    assert idle._timer is not waiting
    idle._timer.cancel()


def test_giving_back_leaves_everything_usable():
    kept = [bytes(1000) for _ in range(1000)]
    assert isinstance(give_back(), bool)
    assert all(len(each) == 1000 for each in kept)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="arenas are glibc's")
def test_threads_share_limit_arenas():
    """glibc's own report has a line for each arena."""
    code = """
import ctypes, threading
from lstm_apps.server.memory import limit_arenas
if not limit_arenas(2):
    raise SystemExit("no glibc")
barrier = threading.Barrier(9)
def work():
    kept = bytearray(100_000)
    barrier.wait()
    barrier.wait()
threads = [threading.Thread(target=work) for _ in range(8)]
for thread in threads: thread.start()
barrier.wait()
ctypes.CDLL(None).malloc_stats()
barrier.wait()
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    if "no glibc" in run.stderr:
        pytest.skip("this is not glibc")
    assert len(re.findall(r"^Arena \d+", run.stderr, re.MULTILINE)) == 2
