"""Work that is put aside: a request gives up its place while something slow is done for it at a low priority.

A large picture is decoded by a process of its own that yields to all others (`lstm_models.io.picture_process`). Were
the request to keep its place meanwhile, those that wait would wait for it all the longer.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lstm_models.io.images import is_large, open_image
from lstm_models.io.picture_process import open_large

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["is_aside", "open_upload", "put_aside"]


def open_upload(path: str) -> Image:
    """A picture that a visitor sent, named as they named it; a large one is put aside.

    Raises:
        InputError: as `lstm_models.io.images.open_image`.
        DeadlineExceeded: the request's time is over.
    """
    name = Path(path).name
    if not is_large(path):
        return open_image(path, name=name)
    with put_aside():
        return open_large(path, name=name)


@contextlib.contextmanager
def put_aside() -> Iterator[None]:
    """A context in which the place of the request that this thread works for is free for another one.

    Outside of a request, as in a test that calls the function itself, nothing is changed.
    """
    found = _at_work()
    if found is None:
        yield
        return
    from anyio import from_thread

    line, event = found

    def lend(by: int) -> None:  # in the event loop's thread, as only there the queue is changed
        line.current_concurrency -= by
        event.put_aside = by > 0

    from_thread.run_sync(lend, 1)
    try:
        yield
    finally:
        from_thread.run_sync(lend, -1)


def is_aside(event: Any) -> bool:
    """Whether a request of Gradio's queue is put aside at present."""
    return bool(getattr(event, "put_aside", False))


def _at_work() -> tuple[Any, Any] | None:
    """The line of Gradio's queue and the request in it that this thread works for."""
    from gradio.context import LocalContext

    page, number = LocalContext.blocks.get(None), LocalContext.event_id.get(None)
    if page is None or number is None:
        return None
    queue = page._queue
    event = next((each for job in queue.active_jobs if job for each in job if each._id == number), None)
    line = None if event is None else queue.event_queue_per_concurrency_id.get(event.concurrency_id)
    return None if line is None else (line, event)
