"""Connections of the demo's server: they send their headers in time, and there are never more than can be served.

Uvicorn waits for headers without an end, and takes connections until the system has no more descriptors: then nobody is
answered, and each try is a line in the log.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import Counter
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from lstm_apps.server.rate_limits import Addresses

__all__ = ["HEADER_SECONDS", "FewLines", "most_connections", "protocol"]

HEADER_SECONDS = 10.0
"""Within which the headers of a connection's first request must be there; after an answer, uvicorn waits 5 s."""
_MOST_OF_AN_ADDRESS = 200  # connections, where it is no trusted proxy's
_KEPT_FREE = 256  # descriptors for files, pipes and what libraries open


def most_connections() -> int:
    """Connections that the process has descriptors for, as the system limits them."""
    try:
        import resource

        allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    except (ImportError, OSError):  # Windows
        return 512
    return max(64, min(8192, (allowed if allowed > 0 else 8192) - _KEPT_FREE))


def protocol(addresses: Addresses, most: int, header_seconds: float = HEADER_SECONDS) -> type[H11Protocol]:
    """Uvicorn's protocol for HTTP with the limits.

    Args:
        addresses: says which peers are trusted proxies, whose connections are counted all together alone.
        most: connections at a time; one beyond it is closed at once.
        header_seconds: within which headers must be there.
    """
    of_peer: Counter[str] = Counter()

    class Bounded(H11Protocol):
        _peer: str | None = None
        _deadline: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            peer = self.client[0] if self.client else ""
            self._peer = peer
            of_peer[peer] += 1
            crowded = of_peer[peer] > _MOST_OF_AN_ADDRESS and not addresses.trusts(peer)
            if crowded or of_peer.total() > most:
                transport.abort()
                return
            self._expect_headers()

        def connection_lost(self, exc: Exception | None) -> None:
            if self._peer is not None:
                of_peer[self._peer] -= 1
                if not of_peer[self._peer]:
                    del of_peer[self._peer]
                self._peer = None
            self._stop_waiting()
            super().connection_lost(exc)

        def data_received(self, data: bytes) -> None:
            if self._deadline is None and (self.cycle is None or self.cycle.response_complete):
                self._expect_headers()
            before = self.cycle
            super().data_received(data)
            if self.cycle is not before:
                self._stop_waiting()

        def handle_events(self) -> None:  # also called when an answer is complete and another request waits behind it
            before = self.cycle
            super().handle_events()
            if self.cycle is not before:
                self._stop_waiting()

        def _expect_headers(self) -> None:
            self._deadline = self.loop.call_later(header_seconds, self._too_late)

        def _stop_waiting(self) -> None:
            if self._deadline is not None:
                self._deadline.cancel()
                self._deadline = None

        def _too_late(self) -> None:
            self._deadline = None
            with contextlib.suppress(Exception):
                self.transport.abort()

    return Bounded


class FewLines(logging.Filter):
    """Lets so many lines of each kind a minute into the log, so that nobody fills the disk by it.

    Args:
        most: lines a minute of one logger and one message, before its values are filled in.
    """

    def __init__(self, most: int = 30) -> None:
        super().__init__()
        self._most = most
        self._counts: Counter[tuple[str, str]] = Counter()
        self._minute = 0.0

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line is one of the first of its kind in this minute; the last one says that more are left out.

        What the server's end cuts short is no error, and has no line at all.
        """
        if record.exc_info and isinstance(record.exc_info[1], asyncio.CancelledError):
            return False
        now = time.monotonic()
        if now - self._minute > 60 or len(self._counts) > 1000:
            self._counts.clear()
            self._minute = now
        kind = (record.name, str(record.msg)[:200])
        self._counts[kind] += 1
        if self._counts[kind] == self._most:
            record.msg = f"{str(record.msg)[:2000]} (more such lines of this minute are left out)"
        return self._counts[kind] <= self._most
