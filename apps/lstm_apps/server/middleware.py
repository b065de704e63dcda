"""What stands before the demo's pages on the server: limits of rate and size, whose pages may ask, headers of safety.

An ASGI middleware; each refusal is an HTTP status and one sentence as ``{"detail": …}``, which Gradio's page and
clients show.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import math
import re
from collections import Counter
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException

from lstm_apps.demo.components import KEEP_SECONDS
from lstm_apps.server.rate_limits import Addresses, Kept, Rates

__all__ = ["API", "Guard", "Rules", "policy"]

API = "/gradio_api/"
_Message = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[_Message], Awaitable[None]]

_MOST_JSON = 8 * 2**20  # bytes of a request that is no upload: the largest drawing of a pad has a quarter
_MOST_OPEN = 100  # connections of an address: a page holds two, a browser six
_GRACE = 1.0  # seconds that a stream of answers is kept open for the next question
_PAGE_GRACE = 10.0  # the same for a browser; a script would wait for it when it ends
_SETTLING = 2.0  # seconds within which a page learns that its stream has ended
_SESSION = re.compile(rb'"session_hash":\s*"([^"\\]{1,64})"')
_FREE = ("/healthz", "/readyz", "/metrics")  # for programs that watch the server
# Parts of Gradio that the demo does not use: they fetch from other machines, run other programs, or tell of visitors
_CLOSED = (
    "file=http:", "file=https:", "proxy=", "process_recording", "vibe-", "run-history", "runs", "profiling",
    "deep_link", "dev/",
)  # fmt: skip
# What a request costs of its address's tokens. A microphone sends three sounds a second, a page has a hundred parts.
_COSTS = {"queue/join": 1.0, "call/": 1.0, "run/": 1.0, "api/": 1.0, "component_server": 1.0, "mcp": 1.0}
_COSTS |= {"upload": 0.2, "stream/": 0.1}
_LOGIN, _OTHER = 5.0, 0.02
# What Gradio's routes raise at requests that make no sense, such as for a function that is not there
_CONFUSED = (LookupError, ValueError, TypeError, AttributeError)
_SENSELESS = "The demo can make nothing of this request; /gradio_api/info says what it takes."
_OURS = "Something went wrong on the server; its log says what."
_LOG = logging.getLogger("lstm_apps.server.app")


@dataclass(frozen=True)
class Rules:
    """What is allowed.

    Attributes:
        rate: asks a minute and address; 0 sets no limit.
        queue: requests that may wait.
        max_bytes: of a file that is sent.
        kept_bytes: of all files that are kept at a time.
        addresses: tells a client's address.
        origins: pages of other addresses that may call the server, such as ``https://example.org``.
        frames: addresses whose pages may show the demo in a frame, as in a policy: ``'self'``, ``'none'``, ``*``.
        hosts: names under which the server may be asked; any, if there are none.
    """

    rate: float = 120.0
    queue: int = 32
    max_bytes: int = 64 * 2**20
    kept_bytes: int = 4 * 2**30
    addresses: Addresses = field(default_factory=Addresses)
    origins: tuple[str, ...] = ()
    frames: str = "'self'"
    hosts: tuple[str, ...] = ()


class Guard:
    """The middleware.

    Args:
        app: what it stands before.
        rules: what is allowed.
        page: the Gradio page, for its queue.
        count: is called with "limited" or "full" for each request that is turned away.
    """

    def __init__(self, app: Any, rules: Rules, page: Any, count: Callable[[str], None]) -> None:
        self.app, self.rules, self.page, self.count = app, rules, page, count
        self.rates = Rates(rules.rate)
        self.kept = Kept(rules.kept_bytes, 2 * KEEP_SECONDS)
        self.open: Counter[str] = Counter()
        self.ended: dict[str, float] = {}  # by session, when its stream was ended
        self.asking: Counter[str] = Counter()  # by session, its questions on their way into the queue

    async def __call__(self, scope: _Message, receive: _Receive, send: _Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            else:
                await send({"type": "websocket.close", "code": 1003})
            return
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        path = scope["path"]
        send = _with_headers(send, policy(self.rules.frames, file=path.startswith(API + "file=")))
        if path in _FREE:
            await self.app(scope, receive, send)
            return
        peer = (scope.get("client") or ("",))[0]
        address = self.rules.addresses.client(peer, headers.get(b"x-forwarded-for", ""))
        try:
            self._admit(scope, headers, address)
        except HTTPException as refusal:
            await _drained(receive, 4 * self.rules.max_bytes)
            await _told(send, refusal)
            return
        self.open[address] += 1
        try:
            await self._pass_on(scope, headers, receive, send)
        finally:
            self.open[address] -= 1
            if not self.open[address]:
                del self.open[address]

    def _admit(self, scope: _Message, headers: dict[bytes, str], address: str) -> None:
        """Raise what speaks against the request before its body is read."""
        path, method = scope["path"], scope["method"]
        rest = path.removeprefix(API) if path.startswith(API) else None
        host = headers.get(b"host", "")
        if self.rules.hosts and (urlsplit(f"//{host}").hostname or "") not in self.rules.hosts:
            raise HTTPException(
                421, "The demo is not asked under this name; behind a proxy it is started with --trusted-proxy."
            )
        if (rest is not None and rest.lower().startswith(_CLOSED)) or path.startswith("/monitoring"):
            raise HTTPException(404, "The demo has nothing there.")
        if method not in ("GET", "HEAD", "OPTIONS") and (origin := headers.get(b"origin")) is not None:
            hosts = {host, headers.get(b"x-forwarded-host", "").split(",")[0].strip() or host}
            if urlsplit(origin).netloc not in hosts and origin not in self.rules.origins:
                raise HTTPException(403, "Pages of other addresses may not use this demo.")
        if self.open[address] >= _MOST_OPEN:
            self._turn_away("limited", 429, "Too many connections of your address are open; close some pages.")
        cost = _LOGIN if path.rstrip("/") == "/login" else _OTHER
        if method == "POST" and rest is not None:
            cost = next((cost for start, cost in _COSTS.items() if rest.startswith(start)), _OTHER)
        if wait := self.rates.wait(address, cost):
            seconds = math.ceil(wait)
            sentence = f"That was much at once: try again in {seconds} {'second' if seconds == 1 else 'seconds'}."
            self._turn_away("limited", 429, sentence, {"Retry-After": str(seconds)})
        asks = method == "POST" and rest is not None and rest.startswith(("queue/join", "call/"))
        if asks and len(self.page._queue) >= self.rules.queue:
            sentence = f"{self.rules.queue} others are waiting, which is all that fit; try again in a minute."
            self._turn_away("full", 503, sentence, {"Retry-After": "60"})
        size = int(length) if (length := headers.get(b"content-length", "")).isdecimal() else 0
        upload = rest is not None and rest.startswith("upload")
        if size > self._most(upload):
            raise self._too_large(upload)
        if upload and max(size, 1) > self.kept.room:
            self._turn_away("full", 503, "The demo keeps as many files as it can; try again in an hour.")

    def _turn_away(self, outcome: str, code: int, sentence: str, headers: dict[str, str] | None = None) -> None:
        self.count(outcome)
        raise HTTPException(code, sentence, headers)

    def _most(self, upload: bool) -> int:
        return self.rules.max_bytes + 2**16 if upload else _MOST_JSON

    def _too_large(self, upload: bool) -> HTTPException:
        if not upload:
            return HTTPException(413, "More was sent than any request to the demo needs.")
        size = self.rules.max_bytes / 2**20
        return HTTPException(413, f"The file is too large: the demo takes up to {size:.3g} MB.")

    async def _pass_on(self, scope: _Message, headers: dict[bytes, str], receive: _Receive, send: _Send) -> None:
        upload = scope["path"].startswith(API + "upload") and scope["method"] == "POST"
        join = scope["path"].rstrip("/") == API + "queue/join" and scope["method"] == "POST"
        got = 0
        asked = bytearray()
        session: str | None = None
        over: HTTPException | None = None

        async def bounded() -> _Message:
            nonlocal got, over, session
            message = await receive()
            got += len(message.get("body", b""))
            if got > self._most(upload):
                over = self._too_large(upload)
                raise MultiPartException(over.detail) if upload else over  # at which Gradio deletes what it has of it
            if upload and message["type"] == "http.disconnect":
                raise MultiPartException("The client went.")
            if join and message["type"] == "http.request" and session is None:
                asked.extend(message.get("body", b""))
                if not message.get("more_body"):
                    found = _SESSION.search(asked)
                    name = found[1].decode("latin-1") if found else ""
                    await self._settled(name)
                    self.asking[name] += 1
                    session = name
            return message

        started = False
        held: list[_Message] = []

        async def sending(message: _Message) -> None:
            nonlocal started
            if over is not None and not started:
                return  # what is too large is told below
            if held or (message["type"] == "http.response.start" and message["status"] == 500):
                held.append(message)  # until it is known whether it is meant
            else:
                started = True
                await send(message)

        try:
            if scope["path"].rstrip("/") == API + "queue/data":
                await self._stream(scope, bounded, sending)
            else:
                await self.app(scope, bounded, sending)
            if over is not None and not started:
                await _told(send, over)
            for message in held:
                await send(message)
        except HTTPException as refusal:
            if not started:
                await _told(send, refusal)
        except Exception as error:
            stream = scope["path"].startswith((API + "queue/data", API + "call/"))
            confused = isinstance(error, _CONFUSED) or type(error).__module__ == "gradio.exceptions" or stream
            _LOG.log(logging.INFO if confused else logging.ERROR, "a request failed", exc_info=True)
            if started and not stream:
                raise
            if started:  # Gradio has told of it in the stream, which only has to end
                with contextlib.suppress(OSError, RuntimeError):
                    await send({"type": "http.response.body", "body": b"", "more_body": False})
                return
            await _told(send, HTTPException(400 if confused else 500, _SENSELESS if confused else _OURS))
        finally:
            if upload:
                self.kept.add(got)
            if session is not None:
                self.asking[session] -= 1
                if not self.asking[session]:
                    del self.asking[session]

    async def _stream(self, scope: _Message, receive: _Receive, send: _Send) -> None:
        """The stream of a page's answers, open a moment longer than Gradio keeps it.

        Gradio ends it as soon as nothing is asked. What a page asks in that very moment would wait for an answer on a
        stream that has just ended: so the end is held back, and where a question came meanwhile, the stream goes on.
        What comes while the page learns of the end is held back in its turn, see `_settled`.
        """
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
            if not await self._asked(session, grace, receive):
                now = asyncio.get_running_loop().time()
                self.ended = {each: when for each, when in self.ended.items() if when > now - _SETTLING}
                self.ended[session] = now
                with contextlib.suppress(OSError):
                    await send(ended)
                    await send({"type": "http.response.body", "body": b"", "more_body": False})
                return

    async def _settled(self, session: str) -> None:
        """Wait until the page that asks knows that its last stream has ended, so that it opens another."""
        when = self.ended.get(session)
        if when is not None:
            await asyncio.sleep(when + _SETTLING - asyncio.get_running_loop().time())

    async def _asked(self, session: str, grace: float, receive: _Receive) -> bool:
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


def policy(frames: str, *, file: bool = False) -> dict[str, str]:
    """The headers of safety.

    Gradio's page has scripts of its own in it and makes functions of the texts of components: hence 'unsafe-inline'
    and 'unsafe-eval'. All else comes from this server. A visitor's file gets no rights at all.
    """
    rules = (
        "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; media-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' data: "
        "blob:; worker-src 'self' blob:; object-src 'none'; base-uri 'self'; form-action 'self'"
    )
    if file:
        rules = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
    found = {
        "Content-Security-Policy": f"{rules}; frame-ancestors {frames}",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Permissions-Policy": "camera=(self), microphone=(self), geolocation=()",
    }
    if frames in ("'self'", "'none'"):  # for browsers that do not know frame-ancestors
        found["X-Frame-Options"] = "SAMEORIGIN" if frames == "'self'" else "DENY"
    return found


def _with_headers(send: _Send, found: dict[str, str]) -> _Send:
    ours = [(name.lower().encode(), value.encode("latin-1")) for name, value in found.items()]
    names = {name for name, _ in ours}

    async def sending(message: _Message) -> None:
        if message["type"] == "http.response.start":
            kept = [(name, value) for name, value in message.get("headers", []) if name.lower() not in names]
            message = {**message, "headers": [*kept, *ours]}
        await send(message)

    return sending


async def _drained(receive: _Receive, most: int) -> None:
    """Take in what the client still sends, up to `most` bytes: who is sending does not read the answer."""
    while most > 0:
        message = await receive()
        most -= len(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body"):
            return


async def _told(send: _Send, refusal: HTTPException) -> None:
    body = json.dumps({"detail": refusal.detail}, ensure_ascii=False).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    headers += [(name.lower().encode(), value.encode()) for name, value in (refusal.headers or {}).items()]
    await send({"type": "http.response.start", "status": refusal.status_code, "headers": headers})
    await send({"type": "http.response.body", "body": body})
