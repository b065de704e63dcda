"""Bodies of requests: received in time and within their size."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.exceptions import HTTPException

__all__ = ["PartCounter", "drained", "in_time", "whole"]

_Message = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[_Message]]

_SECONDS = 30.0  # for a body to arrive, beside
_SLOWEST = 8 * 2**10  # bytes a second: half an hour for the largest photo there is
_DRAIN_SECONDS = 5.0
_BOUNDARY = re.compile(rb"boundary=(?:\"([^\"]{1,200})\"|([^\s;,\"]{1,200}))", re.IGNORECASE)


def in_time(receive: _Receive, seconds: float = _SECONDS) -> _Receive:
    """`receive`, which raises HTTPException 408 where a body takes longer than its size explains."""
    loop = asyncio.get_running_loop()
    begin, got, complete = loop.time(), 0, False

    async def receiving() -> _Message:
        nonlocal got, complete
        if complete:  # what follows is that the client goes, whenever that is
            return await receive()
        left = begin + seconds + got / _SLOWEST - loop.time()
        try:
            message = await asyncio.wait_for(receive(), max(0.0, left))
        except asyncio.TimeoutError:
            raise HTTPException(408, "The request did not arrive in time.") from None
        got += len(message.get("body", b""))
        complete = message["type"] != "http.request" or not message.get("more_body")
        return message

    return receiving


async def whole(receive: _Receive, most: int) -> bytes | None:
    """The body, or None where the client went before it was whole.

    Raises:
        HTTPException: 413, more than `most` bytes came.
    """
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        body += message.get("body", b"")
        if len(body) > most:
            raise HTTPException(413, "More was sent than any request to the demo needs.")
        if not message.get("more_body"):
            return bytes(body)


async def drained(receive: _Receive, most: int) -> None:
    """Take in what the client still sends, for a while, up to `most` bytes: who is sending does not read the answer."""

    async def take() -> None:
        left = most
        while left > 0:
            message = await receive()
            left -= len(message.get("body", b""))
            if message["type"] != "http.request" or not message.get("more_body"):
                return

    try:
        await asyncio.wait_for(take(), _DRAIN_SECONDS)
    except asyncio.TimeoutError:
        return


class PartCounter:
    """Counts the parts of a form while it streams by.

    Args:
        content_type: the request's header.
    """

    def __init__(self, content_type: str) -> None:
        match = _BOUNDARY.search(content_type.encode("latin-1", "replace"))
        self._boundary = b"--" + (match[1] or match[2]) if match else b""
        self._tail = b""
        self.parts = 0

    def feed(self, chunk: bytes) -> None:
        """Look at the next bytes of the body."""
        if not self._boundary:
            return
        text = self._tail + chunk
        self.parts += text.count(self._boundary)
        last = text.rfind(self._boundary)
        rest = text[last + len(self._boundary) :] if last >= 0 else text
        self._tail = rest[max(0, len(rest) - len(self._boundary) + 1) :]
