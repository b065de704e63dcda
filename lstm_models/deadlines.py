"""A deadline for the work of a thread, which long loops ask about between two of their steps.

- Who gives work sets the deadline (`within`); the searches, samplers and readers of this package ask (`check`).
- No thread is killed: what a loop holds, such as its turn in a batch that others share, is given back as it unwinds.
- Without a deadline a check costs a tenth of a microsecond.

>>> with within(2.0):
...     transcript = recognizer.transcribe("talk.flac")    # raises DeadlineExceeded after about two seconds
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator

__all__ = ["DeadlineExceeded", "check", "passed", "stop_all", "until", "within"]

_local = threading.local()
_stopping = threading.Event()


class DeadlineExceeded(RuntimeError):
    """The time that was given for the work is over."""


def passed() -> bool:
    """Whether the time of the work that this thread does is over; False where it has no deadline."""
    end = getattr(_local, "until", None)
    return end is not None and (_stopping.is_set() or time.monotonic() > end)


def check() -> None:
    """Raise `DeadlineExceeded` where the time of the work that this thread does is over."""
    if passed():
        raise DeadlineExceeded("the time that was given for the work is over")


def stop_all() -> None:
    """End the time of all work that has a deadline, in every thread, for good: the process is about to end."""
    _stopping.set()


def within(seconds: float) -> contextlib.AbstractContextManager[None]:
    """A context whose work has so many seconds from now on."""
    return until(time.monotonic() + seconds)


@contextlib.contextmanager
def until(end: float) -> Iterator[None]:
    """A context whose work has time until `time.monotonic` is `end`."""
    before = getattr(_local, "until", None)
    _local.until = end
    try:
        yield
    finally:
        _local.until = before
