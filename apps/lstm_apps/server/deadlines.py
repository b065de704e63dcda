"""A deadline for each request at work: it ends cleanly, between two of its steps, with a sentence.

Work goes on in steps: a generator's, and within one wherever the models ask `lstm_models.deadlines` (each line of a
page, some points of a line, each second of sound, each word of a caption). No thread is killed: what it holds, such as
its turn in a batch that others share, is given back.
"""

from __future__ import annotations

import functools
import inspect
import time
from collections.abc import Callable
from typing import Any

from lstm_models.deadlines import DeadlineExceeded, until

__all__ = ["limited"]

_LAST_STEPS = 4  # that may follow the deadline: what has been made so far is shown, and saved


def limited(function: Callable[..., Any], seconds: float) -> Callable[..., Any]:
    """The function, or generator function, stopped after so many seconds.

    A generator is closed after the step in which its time ended, and its answer so far is followed by a
    `gradio.Error` that says so; unless it has come to its end by itself.
    """
    if not inspect.isgeneratorfunction(function):

        @functools.wraps(function)
        def run(*args: Any, **kwargs: Any) -> Any:
            try:
                with until(time.monotonic() + seconds):
                    return function(*args, **kwargs)
            except DeadlineExceeded:
                raise _error(seconds) from None

        return run

    @functools.wraps(function)
    def run_on(*args: Any, **kwargs: Any) -> Any:
        end = time.monotonic() + seconds
        steps = function(*args, **kwargs)
        try:
            late = 0
            while True:
                with until(end):  # each step may run in another thread
                    try:
                        value = next(steps)
                    except StopIteration:
                        return
                    except DeadlineExceeded:
                        raise _error(seconds) from None
                yield value
                late += time.monotonic() > end
                if late > _LAST_STEPS:
                    raise _error(seconds)
        finally:
            steps.close()

    return run_on


def _error(seconds: float) -> Exception:
    import gradio as gr

    return gr.Error(
        f"It took longer than the {seconds:g} seconds that this server gives one request, and was stopped.",
        print_exception=False,
    )
