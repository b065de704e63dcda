"""A deadline for each request at work: it ends cleanly, between two of its steps, with a sentence.

Work goes on in steps: a generator's, and within a step wherever the work itself asks `passed` (each line of a page,
each drawing of a line). No thread is killed: what it holds, such as its turn in a batch that others share, is given
back.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["limited", "passed"]

_local = threading.local()


def passed() -> bool:
    """Whether the time of the work that this thread does is over; False where it has no limit."""
    until = getattr(_local, "until", None)
    return until is not None and time.monotonic() > until


@contextlib.contextmanager
def _within(until: float) -> Iterator[None]:
    before = getattr(_local, "until", None)
    _local.until = until
    try:
        yield
    finally:
        _local.until = before


def limited(function: Callable[..., Any], seconds: float) -> Callable[..., Any]:
    """The function, or generator function, stopped after so many seconds.

    A generator is closed after the step in which its time ended, and its answer so far is followed by a
    `gradio.Error` that says so; unless it has come to its end by itself.
    """
    if not inspect.isgeneratorfunction(function):

        @functools.wraps(function)
        def run(*args: Any, **kwargs: Any) -> Any:
            with _within(time.monotonic() + seconds):
                return function(*args, **kwargs)

        return run

    @functools.wraps(function)
    def run_on(*args: Any, **kwargs: Any) -> Any:
        until = time.monotonic() + seconds
        steps = function(*args, **kwargs)
        try:
            late = 0
            while True:
                with _within(until):  # each step may run in another thread
                    try:
                        value = next(steps)
                    except StopIteration:
                        return
                yield value
                late += time.monotonic() > until
                if late > _LAST_STEPS:
                    raise _error(seconds)
        finally:
            steps.close()

    return run_on


_LAST_STEPS = 4  # that may follow the deadline: what has been made so far is shown, and saved


def _error(seconds: float) -> Exception:
    import gradio as gr

    return gr.Error(
        f"It took longer than the {seconds:g} seconds that this server gives one request, and was stopped.",
        print_exception=False,
    )
