"""Whose request is next: each address in its turn, and none with more places than its share.

Gradio's queue is first come first served; one address that asks for much would be served before all who come after
it, and could take all places. Here the first request of every address comes before the second of any. Of those at
work at a time an address has one where others use the server, else a quarter, so that who comes next does not find
all hands full of one visitor's work. An address that has had a sixth of the last minute at work waits while others use
the server.
"""

from __future__ import annotations

import contextlib
import itertools
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from lstm_apps.server.putting_aside import is_aside

__all__ = ["ADDRESS", "BYTES", "FairQueue", "RecentWork"]

ADDRESS, BYTES = "lstm_models.address", "lstm_models.bytes"
"""Keys of a request's ASGI scope, set by `lstm_apps.server.middleware`."""
_MINUTE = 60.0  # seconds
_BETWEEN_LOOKS = 0.5
_SHARE_OF_TIME = 6  # of a minute an address has one such part at work, where others use the server
_REMEMBERED = 4096  # addresses
_SHARE = 4  # an address has at most one of so many places at work, and one at the least


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
        self._served: dict[str, int] = {}  # address -> when its turn was last, the longest ago first
        self._turns = itertools.count(1)
        self.work = RecentWork()
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

    def install(self) -> None:
        """Let the queue give out work in this order, and to each address its share of the hands."""
        take = self._queue.get_events

        def get_events() -> Any:
            self.work.look([event for event in self.at_work() if not is_aside(event)])
            if not self._has_room():  # it is asked a thousand times a second
                return None
            self.order()
            with self._held_back():
                taken = take()
            for event in taken[0] if taken else ():
                self.work.begin(event)
                self._served.pop(_address(event), None)
                self._served[_address(event)] = next(self._turns)
            while len(self._served) > _REMEMBERED:
                del self._served[next(iter(self._served))]
            return taken

        self._queue.get_events = get_events

    def _has_room(self) -> bool:
        lines = self._queue.event_queue_per_concurrency_id.values()
        return any(
            line.queue and (line.concurrency_limit is None or line.current_concurrency < line.concurrency_limit)
            for line in lines
        )

    @contextlib.contextmanager
    def _held_back(self) -> Iterator[None]:
        """Meanwhile the lines are without those whose address has its share at work; this machine's own stay."""
        lines = self._queue.event_queue_per_concurrency_id
        working = Counter((event.fn.concurrency_id, _address(event)) for event in self.at_work())
        held: dict[str, list[Any]] = {}
        for name, line in lines.items():
            if line.concurrency_limit is None:
                continue
            most = 1 if self.work.shared else max(1, line.concurrency_limit // _SHARE)
            held[name] = [
                event for event in line.queue
                if not _is_here(address := _address(event))
                and (working[name, address] >= most or address in self.work.heavy)
            ]  # fmt: skip
            for event in held[name]:
                line.queue.remove(event)
        try:
            yield
        finally:
            for name, events in held.items():
                lines[name].queue.extend(events)  # the next look puts them in order

    def order(self) -> None:
        """Put every line in order: by the turn of its address, then who was served longest ago, then as they came."""
        working = Counter(map(_address, self.at_work()))
        for line in self._queue.event_queue_per_concurrency_id.values():
            if len(line.queue) < 2:
                continue
            turns = Counter(working)
            ranks = {}
            for event in sorted(line.queue, key=lambda event: event.enqueue_time):
                address = _address(event)
                ranks[id(event)] = (turns[address], self._served.get(address, 0), event.enqueue_time)
                turns[_address(event)] += 1
            line.queue.sort(key=lambda event: ranks[id(event)])


class RecentWork:
    """How long each address has been at work in the last minute.

    Args:
        clock: in seconds.

    Attributes:
        shared: whether several addresses had any of it.
        heavy: the addresses that had a sixth of it, where others were at work in it too.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._before = clock()
        self._began: dict[int, float] = {}
        self._spans: deque[tuple[float, str, float]] = deque()  # when, who, how many seconds
        self.shared = False
        self.heavy: frozenset[str] = frozenset()

    def begin(self, event: Any) -> None:
        """A request goes to work."""
        self._began[id(event)] = self._clock()

    def look(self, at_work: Sequence[Any]) -> None:
        """Count the time since the last look, or since they began, for all that are at work."""
        now = self._clock()
        if now - self._before < _BETWEEN_LOOKS:
            return
        for event in at_work:
            began = max(self._before, self._began.get(id(event), self._before))
            self._spans.append((now, _address(event), max(0.0, now - began)))
        self._began = {id(event): self._began[id(event)] for event in at_work if id(event) in self._began}
        self._before = now
        while self._spans and self._spans[0][0] < now - _MINUTE:
            self._spans.popleft()
        totals: defaultdict[str, float] = defaultdict(float)
        for _, who, seconds in self._spans:
            totals[who] += seconds
        self.shared = len(totals) > 1
        most = _MINUTE / _SHARE_OF_TIME
        self.heavy = frozenset(who for who, seconds in totals.items() if self.shared and seconds > most)


def _is_here(address: str) -> bool:
    return address in ("", "::1") or address.startswith("127.")


def _address(event: Any) -> str:
    request = event.request
    return "" if request is None else str(request.scope.get(ADDRESS, ""))
