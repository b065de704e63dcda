"""The stream of a page's answers, open a moment longer than Gradio keeps it.

Gradio ends it as soon as no request of the page is left. What a page asks for in that very moment would wait for an
answer on a stream that has just ended: so the end is held back, and where a request came meanwhile, the stream goes on.
What comes while the page learns of the end is held back in its turn, see `AnswerStreams.settled`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qs

__all__ = ["AnswerStreams"]

_Message = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[_Message], Awaitable[None]]

_GRACE = 1.0  # seconds that a stream of answers is kept open for the next request
_PAGE_GRACE = 10.0  # the same for a browser; a script would wait for it when it ends
_SETTLING = 2.0  # seconds within which a page learns that its stream has ended


class AnswerStreams:
    """The streams of all sessions.

    Args:
        app: gives a stream, as ASGI.
        page: the Gradio page, for its queue.

    Attributes:
        asking: by session, its requests on their way into the queue.
    """

    def __init__(self, app: Any, page: Any) -> None:
        self.app, self.page = app, page
        self.asking: Counter[str] = Counter()
        self._ended: dict[str, float] = {}  # by session, when its stream was ended

    async def serve(self, scope: _Message, receive: _Receive, send: _Send) -> None:
        """One stream, as ASGI."""
        session = parse_qs(scope["query_string"].decode("latin-1")).get("session_hash", [""])[0]
        plain = [(name, value) for name, value in scope["headers"] if name.lower() != b"accept-encoding"]
        grace = _PAGE_GRACE if any(name.lower() == b"sec-fetch-mode" for name, _ in plain) else _GRACE
        started = False
        while True:
            ended: _Message | None = None

            async def hold(message: _Message) -> None:
                nonlocal started, ended
                if message["type"] == "http.response.start":
                    if not started:
                        started = True
                        await send(message)
                elif b'"msg":"close_stream"' in message.get("body", b""):
                    ended = message
                elif ended is None:
                    await send(message)

            await self.app({**scope, "headers": plain}, receive, hold)
            if ended is None:
                return
            if not await self._requested(session, grace, receive):
                now = asyncio.get_running_loop().time()
                self._ended = {each: when for each, when in self._ended.items() if when > now - _SETTLING}
                self._ended[session] = now
                with contextlib.suppress(OSError):
                    await send(ended)
                    await send({"type": "http.response.body", "body": b"", "more_body": False})
                return

    async def settled(self, session: str) -> None:
        """Wait until the page that asks knows that its last stream has ended, so that it opens another."""
        when = self._ended.get(session)
        if when is not None:
            await asyncio.sleep(when + _SETTLING - asyncio.get_running_loop().time())

    @contextlib.asynccontextmanager
    async def request(self, session: str) -> Any:
        """While a request of the session is on its way into the queue."""
        await self.settled(session)
        self.asking[session] += 1
        try:
            yield
        finally:
            self.asking[session] -= 1
            if not self.asking[session]:
                del self.asking[session]

    async def _requested(self, session: str, grace: float, receive: _Receive) -> bool:
        """Whether the session asks something within the grace; False as soon as the client goes."""
        gone = asyncio.ensure_future(receive())
        loop = asyncio.get_running_loop()
        until = loop.time() + grace
        try:
            while not gone.done() and not self.page._queue.stopped:
                if loop.time() >= until and session not in self.asking:
                    break
                if self.page._queue.pending_event_ids_session.get(session):
                    return True
                await asyncio.wait([gone], timeout=0.02)
            return bool(self.page._queue.pending_event_ids_session.get(session)) and not gone.done()
        finally:
            gone.cancel()
