"""What stands before the demo's pages on the server: limits of rate, size, time and places, and whose pages may ask.

An ASGI middleware; each refusal is an HTTP status and one sentence as ``{"detail": …}``, which Gradio's page and
clients show.

Names are checked here, as Starlette's ``TrustedHostMiddleware`` knows no trusted proxies and answers in plain text.
"""

from __future__ import annotations

import contextlib
import ipaddress
import json
import logging
import math
import os
from collections import Counter
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException

from lstm_apps.demo.components import KEEP_SECONDS
from lstm_apps.server.answer_streams import AnswerStreams
from lstm_apps.server.fair_queue import ADDRESS, BYTES, FairQueue
from lstm_apps.server.headers import policy, with_headers
from lstm_apps.server.rate_limits import Addresses, RateLimiter, UploadQuota
from lstm_apps.server.receiving import PartCounter, drained, in_time, whole

__all__ = ["API", "MOST_JSON", "RequestLimits", "Rules"]

API = "/gradio_api/"
_Message = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[_Message], Awaitable[None]]

MOST_JSON = 2**18
"""Bytes of a request that is no upload, but of the functions that take a drawing: see `lstm_apps.demo.ink_pad`."""
_MOST_VALUES = 100_000  # in the JSON of a request: commas and brackets, of which a full pad has 62,000
_MOST_WAITING = 8 * 2**20  # bytes of all requests that wait
_MOST_OPEN = 100  # connections of an address: a page holds two, a browser six
_MOST_PARTS = 8  # of a form: a page sends one file at a time
_LOGINS = 12  # tries to log in that an address may make a minute, whatever --rate is
_FREE = ("/healthz", "/readyz")  # for programs that watch the server
# Parts of Gradio that the demo does not use: they fetch from other machines, run other programs, or tell of visitors
_CLOSED = (
    "file=http:", "file=https:", "file/", "proxy=", "process_recording", "vibe-", "run-history", "runs", "profiling",
    "deep_link", "dev/",
)  # fmt: skip
# What a request costs of its address's tokens. A microphone sends three sounds a second, a page has a hundred parts.
_COSTS = {"queue/join": 1.0, "call/": 1.0, "run/": 1.0, "api/": 1.0, "component_server": 1.0, "mcp": 1.0}
_COSTS |= {"upload": 0.2, "stream/": 0.1}
_OTHER = 0.02
# What a proxy says of a request; believed of trusted ones alone
_FORWARDED = frozenset({b"forwarded", b"x-forwarded-host", b"x-forwarded-proto", b"x-forwarded-server",
                        b"x-forwarded-port", b"x-forwarded-prefix"})  # fmt: skip
# What Gradio's routes raise at requests that make no sense, such as for a function that is not there
_CONFUSED = (LookupError, ValueError, TypeError, AttributeError, RecursionError)
_SENSELESS = "The demo can make nothing of this request; /gradio_api/info says what it takes."
_OURS = "Something went wrong on the server; its log says what."
_LOG = logging.getLogger("lstm_apps.server.app")


@dataclass(frozen=True)
class Rules:
    """What is allowed.

    Attributes:
        rate: requests a minute and address; 0 sets no limit of rate, nor of an address's share of places.
        queue: requests that may wait.
        max_bytes: of a file that is sent.
        kept_bytes: of all files that are kept at a time; one address may have a quarter of it.
        seconds: that a request may be at work.
        addresses: tells a client's address, and which proxies are trusted.
        origins: pages of other addresses that may call the server, such as ``https://example.org``.
        frames: addresses whose pages may show the demo in a frame, as in a policy: ``'self'``, ``'none'``, ``*``.
        hosts: names under which the server may be asked, ``*.example.org`` for all below one; ``*`` for any.
        numbers: whether it may be asked under any IP address too, which no page of others can fake.
    """

    rate: float = 120.0
    queue: int = 32
    max_bytes: int = 64 * 2**20
    kept_bytes: int = 4 * 2**30
    seconds: float = 300.0
    addresses: Addresses = field(default_factory=Addresses)
    origins: tuple[str, ...] = ()
    frames: str = "'self'"
    hosts: tuple[str, ...] = ("*",)
    numbers: bool = False

    def host_allowed(self, host: str) -> bool:
        """Whether a ``Host`` header names this server."""
        try:
            name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
        except ValueError:
            return False
        for pattern in self.hosts:
            if pattern in ("*", name) or (pattern.startswith("*.") and name.endswith(pattern[1:])):
                return True
        if self.numbers:
            with contextlib.suppress(ValueError):
                return bool(ipaddress.ip_address(name))
        return False


class RequestLimits:
    """The middleware.

    Args:
        app: what it stands before.
        rules: what is allowed.
        page: the Gradio page, for its queue and its functions.
        count: is called with "limited" or "full" for each request that is turned away.
    """

    def __init__(self, app: Any, rules: Rules, page: Any, count: Callable[[str], None]) -> None:
        self.app, self.rules, self.page, self.count = app, rules, page, count
        self.rates, self.logins = RateLimiter(rules.rate), RateLimiter(_LOGINS)
        self.quota = UploadQuota(rules.kept_bytes, 2 * KEEP_SECONDS)
        self.queue = FairQueue(page._queue, rules.queue, page.tasks)
        if rules.rate:
            self.queue.install()
        self.streams = AnswerStreams(app, page)
        self.open: Counter[str] = Counter()

    async def __call__(self, scope: _Message, receive: _Receive, send: _Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            else:
                await send({"type": "websocket.close", "code": 1003})
            return
        peer = (scope.get("client") or ("",))[0]
        trusted = self.rules.addresses.trusts(peer)
        if not trusted:
            scope["headers"] = [pair for pair in scope["headers"] if pair[0].lower() not in _FORWARDED]
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        send = with_headers(
            send, policy(self.rules.frames, file=scope["path"].startswith((API + "file=", API + "file/")))
        )
        receive = in_time(receive)
        address = self.rules.addresses.client(peer, headers.get(b"x-forwarded-for", ""))
        scope[ADDRESS] = address
        self.open[address] += 1
        try:
            if scope["path"] in _FREE:
                await self.app(scope, receive, send)
                return
            try:
                self._admit(scope, headers, address, trusted)
            except HTTPException as refusal:
                await drained(receive, 4 * self.rules.max_bytes)
                await _refused(send, refusal)
                return
            await self._pass_on(scope, headers, receive, send)
        finally:
            self.open[address] -= 1
            if not self.open[address]:
                del self.open[address]

    # Before the body is read -----------------------------------------------------------------------------------------

    def _admit(self, scope: _Message, headers: dict[bytes, str], address: str, trusted: bool) -> None:
        """Raise what speaks against the request before its body is read."""
        path, method = scope["path"], scope["method"]
        rest = path.removeprefix(API) if path.startswith(API) else None
        host = headers.get(b"host", "")
        if not trusted and not self.rules.host_allowed(host):
            raise HTTPException(
                421, "The demo is not asked under this name: it is started with --hosts for others, and behind a proxy "
                "with --trusted-proxy.",
            )  # fmt: skip
        if (rest is not None and rest.lower().startswith(_CLOSED)) or path.startswith("/monitoring"):
            raise HTTPException(404, "The demo has nothing there.")
        if method not in ("GET", "HEAD", "OPTIONS") and (origin := headers.get(b"origin")) is not None:
            hosts = {host, headers.get(b"x-forwarded-host", "").split(",")[0].strip() or host}
            if urlsplit(origin).netloc not in hosts and origin not in self.rules.origins:
                raise HTTPException(403, "Pages of other addresses may not use this demo.")
        if self.open[address] > _MOST_OPEN:
            self._turn_away("limited", 429, "Too many connections of your address are open; close some pages.")
        self._charge(scope, headers, address)
        if path.rstrip("/") == "/logout":
            if method != "POST":
                raise HTTPException(405, "One logs out by POST.", {"Allow": "POST"})
            scope["method"] = "GET"  # as Gradio has it
        if method == "POST" and rest is not None and rest.startswith(("queue/join", "call/")):
            self._find_place(address)
        size = int(length) if (length := headers.get(b"content-length", "")).isdecimal() else 0
        upload = rest is not None and rest.startswith("upload")
        if size > self._most(upload):
            raise self._too_large(upload)
        if upload and max(size, 1) > self.quota.room(address):
            self._turn_away("full", 503, "The demo keeps as many files as it can; try again in an hour.")

    def _charge(self, scope: _Message, headers: dict[bytes, str], address: str) -> None:
        """Take what the request costs from its address's tokens."""
        path, method = scope["path"], scope["method"]
        wait = 0.0
        if (path.rstrip("/") == "/login" and method == "POST") or (path == "/metrics" and b"authorization" in headers):
            wait = self.logins.wait(address)
        cost = _OTHER
        if method == "POST" and path.startswith(API):
            rest = path.removeprefix(API)
            cost = next((cost for start, cost in _COSTS.items() if rest.startswith(start)), _OTHER)
        if wait := max(wait, self.rates.wait(address, cost)):
            seconds = math.ceil(wait)
            sentence = f"That was much at once: try again in {seconds} {'second' if seconds == 1 else 'seconds'}."
            self._turn_away("limited", 429, sentence, {"Retry-After": str(seconds)})

    def _find_place(self, address: str) -> None:
        if len(self.page._queue) >= self.rules.queue or self.queue.bytes() > _MOST_WAITING:
            sentence = f"{len(self.page._queue)} others are waiting, which is all that fit; try again in a minute."
            self._turn_away("full", 503, sentence, {"Retry-After": "60"})
        if self.rules.rate and self.queue.crowded(address):
            sentence = (
                f"{self.queue.of_address} requests of your address are waiting, which is its share; try again soon."
            )
            self._turn_away("full", 503, sentence, {"Retry-After": "10"})

    def _turn_away(self, outcome: str, code: int, sentence: str, headers: dict[str, str] | None = None) -> None:
        self.count(outcome)
        raise HTTPException(code, sentence, headers)

    def _most(self, upload: bool) -> int:
        return self.rules.max_bytes + 2**16 if upload else self.page.most_bytes()

    def _too_large(self, upload: bool) -> HTTPException:
        if not upload:
            return HTTPException(413, "More was sent than any request to the demo needs.")
        size = self.rules.max_bytes / 2**20
        return HTTPException(413, f"The file is too large: the demo takes up to {size:.3g} MB.")

    # The body, and what comes back -----------------------------------------------------------------------------------

    async def _pass_on(self, scope: _Message, headers: dict[bytes, str], receive: _Receive, send: _Send) -> None:
        path, started = scope["path"], False
        held: list[_Message] = []

        async def sending(message: _Message) -> None:
            nonlocal started
            if held or (message["type"] == "http.response.start" and message["status"] == 500):
                held.append(message)  # until it is known whether it is meant
            else:
                started = True
                await send(message)

        try:
            if path.rstrip("/") == API + "queue/data":
                await self.streams.serve(scope, receive, sending)
            elif path.startswith(API + "upload") and scope["method"] == "POST":
                await self._upload(scope, headers, receive, sending)
            elif scope["method"] in ("GET", "HEAD", "OPTIONS"):
                await self.app(scope, receive, sending)
            else:
                await self._ask(scope, receive, sending)
            for message in held:
                await send(message)
        except HTTPException as refusal:
            if refusal.status_code == 413:
                await drained(receive, 4 * self.rules.max_bytes)
            if not started:
                await _refused(send, refusal)
        except Exception as error:
            stream = path.startswith((API + "queue/data", API + "call/"))
            confused = isinstance(error, _CONFUSED) or type(error).__module__ == "gradio.exceptions" or stream
            _LOG.log(logging.INFO if confused else logging.ERROR, "a request failed", exc_info=True)
            if started and not stream:
                raise
            if started:  # Gradio has put it into the stream, which only has to end
                with contextlib.suppress(OSError, RuntimeError):
                    await send({"type": "http.response.body", "body": b"", "more_body": False})
                return
            await _refused(send, HTTPException(400 if confused else 500, _SENSELESS if confused else _OURS))

    async def _upload(self, scope: _Message, headers: dict[bytes, str], receive: _Receive, send: _Send) -> None:
        """Pass an upload on while it comes, and count what of it has come to lie on the disk."""
        over: HTTPException | None = None
        got, parts = 0, PartCounter(headers.get(b"content-type", ""))
        answer: list[bytes] = []
        status = 0

        async def bounded() -> _Message:
            nonlocal got, over
            try:
                message = await receive()
                got += len(message.get("body", b""))
                parts.feed(message.get("body", b""))
                if got > self._most(True):
                    raise self._too_large(True)
                if parts.parts > _MOST_PARTS + 1:  # the last boundary ends the form
                    raise HTTPException(413, f"A form may have {_MOST_PARTS} files.")
            except HTTPException as error:
                over = error
                raise MultiPartException(error.detail) from error  # at which Gradio deletes what it has of it
            if message["type"] == "http.disconnect":
                raise MultiPartException("The client went.")
            return message

        async def sending(message: _Message) -> None:
            nonlocal status
            if over is not None:
                return  # the message about what is too much follows below
            status = message.get("status", status)
            answer.append(message.get("body", b""))
            await send(message)

        await self.app(scope, bounded, sending)
        if over is not None:
            raise over
        if status == 200:
            with contextlib.suppress(ValueError, TypeError):
                paths = [path for path in json.loads(b"".join(answer)) if isinstance(path, str) and os.path.isabs(path)]
                self.quota.add(scope[ADDRESS], paths)

    async def _ask(self, scope: _Message, receive: _Receive, send: _Send) -> None:
        """Pass a request with a small body on, once all of it is there and known to be bounded."""
        body = await whole(receive, self._most(False))
        if body is None:
            return
        if body.count(b",") + body.count(b"[") + body.count(b"{") > _MOST_VALUES:
            raise HTTPException(413, "More values were sent than any request to the demo needs.")
        rest = scope["path"].removeprefix(API).rstrip("/")
        asks = rest == "queue/join" or rest.startswith("call/")
        session, function = _target(body, rest) if asks else ("", None)
        if len(body) > (MOST_JSON if function is None else self.page.most_bytes(function)):
            raise HTTPException(413, "More was sent than this function of the demo needs.")
        if asks and self.rules.rate and self.queue.full(self.queue.task_of(self.page.function(function))):
            sentence = "Many others are waiting for this task; try again in a minute, or another one."
            self._turn_away("full", 503, sentence, {"Retry-After": "60"})
        scope[BYTES] = len(body)
        sent = False

        async def replay() -> _Message:
            nonlocal sent
            if sent:
                return await receive()
            sent = True
            return {"type": "http.request", "body": body, "more_body": False}

        if not asks:
            await self.app(scope, replay, send)
            return
        async with self.streams.request(session):
            await self.app(scope, replay, send)
            if self.rules.rate:
                self.queue.order()


def _target(body: bytes, rest: str) -> tuple[str, int | str | None]:
    """The session of a request, and the number or the name of the function it asks for, where it has them."""
    try:
        request = json.loads(body)
    except (ValueError, RecursionError):  # Gradio says so
        return "", None
    if not isinstance(request, dict):
        return "", None
    session, function = request.get("session_hash"), request.get("fn_index")
    if rest.startswith("call/"):
        function = rest.split("/")[1]
    known = isinstance(function, (int, str)) and not isinstance(function, bool)
    return (session if isinstance(session, str) else ""), (function if known else None)


async def _refused(send: _Send, refusal: HTTPException) -> None:
    body = json.dumps({"detail": refusal.detail}, ensure_ascii=False).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    headers += [(name.lower().encode(), value.encode()) for name, value in (refusal.headers or {}).items()]
    with contextlib.suppress(OSError):
        await send({"type": "http.response.start", "status": refusal.status_code, "headers": headers})
        await send({"type": "http.response.body", "body": body})
