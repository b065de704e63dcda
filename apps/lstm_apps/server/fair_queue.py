"""Whose request is next: each address in its turn, and none with more places than its share.

Gradio's queue is first come first served; one address that asks for much would be served before all who come after
it, and could take all places. Here the first request of every address comes before the second of any.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

__all__ = ["ADDRESS", "BYTES", "FairQueue"]

ADDRESS, BYTES = "lstm_models.address", "lstm_models.bytes"
"""Keys of a request's ASGI scope, set by `lstm_apps.server.middleware`."""


class FairQueue:
    """Looks at Gradio's queue, and puts it in order.

    Args:
        queue: `gradio.queueing.Queue`.
        places: requests that may wait, all together.
        tasks: task -> the functions of its tab.
    """

    def __init__(self, queue: Any, places: int, tasks: dict[str, list[Any]]) -> None:
        self._queue = queue
        self.of_address = max(2, places // 4)
        self.of_task = max(2, places - places // 4)
        self._tasks = {id(function): task for task, functions in tasks.items() for function in functions}

    def waiting(self) -> list[Any]:
        """The requests that wait."""
        return [event for line in self._queue.event_queue_per_concurrency_id.values() for event in line.queue]

    def at_work(self) -> list[Any]:
        """The requests that are being answered."""
        return [event for job in self._queue.active_jobs if job for event in job]

    def crowded(self, address: str) -> bool:
        """Whether the address has as many requests waiting as it may."""
        return sum(_address(event) == address for event in self.waiting()) >= self.of_address

    def task_of(self, function: Any) -> str | None:
        """The task that a function of the page belongs to."""
        return self._tasks.get(id(function))

    def full(self, task: str | None) -> bool:
        """Whether so many wait for the task that the others would find no place."""
        return task is not None and sum(self.task_of(event.fn) == task for event in self.waiting()) >= self.of_task

    def bytes(self) -> int:
        """What those who wait have sent."""
        return sum(event.request.scope.get(BYTES, 0) for event in self.waiting() if event.request is not None)

    def order(self) -> None:
        """Put every line in order: by the turn of its address, then as they came."""
        working = Counter(map(_address, self.at_work()))
        for line in self._queue.event_queue_per_concurrency_id.values():
            if len(line.queue) < 2:
                continue
            turns = Counter(working)
            ranks = {}
            for event in sorted(line.queue, key=lambda event: event.enqueue_time):
                ranks[id(event)] = (turns[_address(event)], event.enqueue_time)
                turns[_address(event)] += 1
            line.queue.sort(key=lambda event: ranks[id(event)])


def _address(event: Any) -> str:
    request = event.request
    return "" if request is None else str(request.scope.get(ADDRESS, ""))
