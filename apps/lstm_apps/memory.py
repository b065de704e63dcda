"""Memory that has been freed goes back to the system when the demo has had nothing to do for a while.

glibc keeps what threads have freed for later, in an arena for each: after a rush, a server would stay as large as it
has been at most.
"""

from __future__ import annotations

import ctypes
import gc
import threading
from collections.abc import Callable

__all__ = ["WhenIdle", "give_back"]


def give_back() -> bool:
    """Let the C library return what it keeps; whether there was any. False where it cannot (it is not glibc)."""
    gc.collect()
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        return False
    return bool(trim(0))


class WhenIdle:
    """Calls `then` once nothing has run inside of it for some seconds; runs may overlap.

    Args:
        then: is called from a thread of its own.
        seconds: without a run.
    """

    def __init__(self, then: Callable[[], object], seconds: float = 5.0) -> None:
        self._then, self._seconds = then, seconds
        self._lock = threading.Lock()
        self._running = 0
        self._timer: threading.Timer | None = None

    def __enter__(self) -> None:
        with self._lock:
            self._running += 1
            if self._timer is not None:
                self._timer.cancel()

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._running -= 1
            if not self._running:
                self._timer = threading.Timer(self._seconds, self._then)
                self._timer.daemon = True
                self._timer.start()
