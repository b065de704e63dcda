"""When the demo gives memory back.

Run: python -m pytest tests/lstm_apps/test_memory.py
"""

from __future__ import annotations

import threading

from lstm_apps.memory import WhenIdle, give_back


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
