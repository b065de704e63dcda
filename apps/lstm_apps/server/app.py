"""The server of the demo: Gradio's page in a FastAPI application, with its health, its metrics and its limits.

``/healthz`` says whether it lives and which models are loaded, ``/readyz`` whether it takes more work, ``/metrics``
what Prometheus reads, ``/openapi.json`` what these are. Gradio's own is at ``/gradio_api/info``.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import inspect
import logging
import os
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any, Literal

import fastapi
import gradio as gr
import uvicorn
from gradio.components.api_component import Api
from pydantic import BaseModel
from starlette.middleware.cors import CORSMiddleware

from lstm_apps.demo.components import Once
from lstm_apps.server.auth import Sessions, matches
from lstm_apps.server.connections import FewLines, most_connections, protocol
from lstm_apps.server.deadlines import limited
from lstm_apps.server.fetching import fetched
from lstm_apps.server.metrics import Metrics
from lstm_apps.server.middleware import MOST_JSON, RequestLimits, Rules
from lstm_apps.server.rate_limits import Addresses
from lstm_models import __version__
from lstm_models.errors import InputError

__all__ = ["DemoPage", "Settings", "Thread", "application", "cores"]

_LOG = logging.getLogger("lstm_apps.server.app")
_LONGEST = 10_000  # characters of a field that does not say how many it takes
_START_SECONDS = 60.0  # a busy machine takes its time


class DemoPage(gr.Blocks):
    """The demo's page; what goes wrong in it reaches the client as a sentence without paths.

    Attributes:
        models: task -> what loads its models.
        tasks: task -> the functions of its tab.
        fetch_bytes: of a file that an input may be the address of, which the server fetches then; 0 to fetch nothing.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.models: dict[str, list[Once[Any]]] = {}
        self.tasks: dict[str, list[Any]] = {}
        self.fetch_bytes = 0
        self.metrics: Metrics | None = None

    def function(self, which: int | str | None) -> Any:
        """The function of that number, or of that name in the API; None where there is none."""
        if isinstance(which, int):
            return self.fns.get(which)
        return next((each for each in self.fns.values() if which is not None and each.api_name == which), None)

    def most_bytes(self, which: int | str | None = None) -> int:
        """Bytes that a request for a function may have; of the one that takes most, if none is named.

        A component, or a function, may say ``takes_bytes``, such as a pad that takes a page of ink.
        """
        functions = list(self.fns.values()) if which is None else [self.function(which)]
        parts = [
            part for each in functions if each is not None for part in (each.fn, *each.inputs, *self._targets(each))
        ]
        return max([MOST_JSON, *(getattr(part, "takes_bytes", 0) for part in parts)])

    def _targets(self, function: Any) -> Iterator[Any]:
        for number, _ in function.targets:
            if number in self.blocks:
                yield self.blocks[number]

    async def preprocess_data(self, block_fn: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """As Gradio's; inputs of a wrong kind, or too long for their fields, are a sentence."""
        for component, value in zip(block_fn.inputs, inputs, strict=False):
            _check_length(component, value)
        for each in filter(_is_elsewhere, _dictionaries(inputs)):
            if not self.fetch_bytes:
                raise gr.Error(
                    "Send the file itself: the demo fetches nothing from other addresses.", print_exception=False
                )
            each["path"] = await fetched(each["path"], self.fetch_bytes, self.GRADIO_CACHE)
            each.pop("url", None)
        try:
            return await super().preprocess_data(block_fn, inputs, *args, **kwargs)
        except gr.Error:
            raise
        except Exception as error:
            _LOG.info("an input was refused: %r", error)
            raise gr.Error(
                "What was sent is not what this function takes; /gradio_api/info says what it takes.",
                print_exception=False,
            ) from error

    def handle_streaming_diffs(
        self, block_fn: Any, data: list[Any], session_hash: str | None, run: str | None, final: bool,
        simple_format: bool = False,
    ) -> list[Any]:  # fmt: skip
        """As Gradio's, but what changes inside of an object is sent as a new object.

        Gradio's page makes a change in the very object that it has been given before. Where it has not come to show
        that one yet, because the machine is busy, what was in it alone (such as that a button can be pressed) is lost.
        """
        known = None not in (session_hash, run) and run in self.pending_diff_streams[session_hash]
        values = list(data)
        sent = super().handle_streaming_diffs(block_fn, data, session_hash, run, final, simple_format)
        if final or simple_format or not known:
            return sent
        return [
            [["replace", [], value]] if edits and isinstance(value, (dict, list)) else edits
            for value, edits in zip(values, sent, strict=True)
        ]

    async def process_api(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """As Gradio's; what nobody has foreseen goes to the log, and to the page without its details."""
        try:
            return await super().process_api(*args, **kwargs)
        except gr.Error as error:
            error.print_exception = False  # it is the sentence that counts
            raise
        except InputError as error:
            raise gr.Error(escape(str(error)), print_exception=False) from error
        except Exception as error:
            _LOG.exception("a request failed")
            raise gr.Error("Something went wrong on the server; its log says what.", print_exception=False) from error


@dataclass(frozen=True)
class Settings:
    """How the page is served.

    Attributes:
        rules: what is allowed.
        accounts: user -> password; nobody has to log in where there are none.
        concurrency: requests at work at a time, beside those that say for themselves how many may be.
        mcp: offer the page's functions as tools, by the Model Context Protocol.
        style: options of the looks, for Gradio.
    """

    rules: Rules
    accounts: Mapping[str, str]
    concurrency: int = 1
    mcp: bool = False
    style: Mapping[str, Any] | None = None


class Health(BaseModel):
    """What ``/healthz`` says."""

    status: Literal["alive"]
    version: str
    models: dict[str, Literal["not loaded", "loading", "loaded", "failed"]]


class Readiness(BaseModel):
    """What ``/readyz`` says."""

    status: Literal["ready", "full", "stopping"]
    waiting: int
    most: int


def application(page: DemoPage, settings: Settings) -> fastapi.FastAPI:
    """The page and the server's own routes as one application.

    Raises:
        InputError: MCP is wanted, and its package is missing or people have to log in.
    """
    if settings.mcp:
        _check_mcp(settings)
    page.queue(max_size=settings.rules.queue, api_open=False, default_concurrency_limit=settings.concurrency)
    page.fetch_bytes = settings.rules.max_bytes if settings.mcp else 0  # tools are given files by their addresses
    if page.metrics is None:
        page.metrics = _watched(page, settings)
    metrics = page.metrics
    app = fastapi.FastAPI(title="lstm-models", version=__version__, docs_url=None, redoc_url=None)
    _add_routes(app, page, metrics, settings)
    with _hushed():
        gr.mount_gradio_app(
            app,
            page,
            path="/",
            auth=_login(settings.accounts) if settings.accounts else None,
            footer_links=[],
            run_history=False,
            show_error=False,
            max_file_size=settings.rules.max_bytes + 2**17,  # so that it is our own limits that say so
            ssr_mode=False,
            enable_monitoring=False,
            mcp_server=settings.mcp,
            **(settings.style or {}),
        )
    page.has_launched = True  # mounting leaves it unset, and without it Gradio would open any file of this machine
    if settings.mcp and page.mcp_error:
        raise InputError(f"The tools could not be offered by MCP: {page.mcp_error}")
    page.app = page.server_app = app.routes[-1].app  # type: ignore[attr-defined]
    page._queue.set_server_app(page.app)
    page.app.tokens = Sessions()
    app.add_middleware(RequestLimits, rules=settings.rules, page=page, count=lambda name: metrics.count("any", name))
    # Gradio's own rules of other origins give way to these
    app.add_middleware(CORSMiddleware, allow_origins=settings.rules.origins, allow_methods=["*"], allow_headers=["*"])
    return app


def _watched(page: DemoPage, settings: Settings) -> Metrics:
    """Metrics of the page, whose functions from now on are counted, end in time, and share the places."""
    metrics = Metrics(lambda: len(page._queue), page.models)
    for task, functions in page.tasks.items():
        for function in filter(_works, functions):
            function.fn = metrics.watched(task, limited(function.fn, settings.rules.seconds))
            if function.concurrency_limit == "default":  # all that work share the places, first come first
                function.concurrency_id, function.concurrency_limit = "models", settings.concurrency
    return metrics


def _add_routes(app: fastapi.FastAPI, page: DemoPage, metrics: Metrics, settings: Settings) -> None:
    """The routes for monitors: ``/healthz``, ``/readyz`` and ``/metrics``."""
    basic = _basic(settings.accounts)

    # Monitors and load balancers ask by HEAD, which an answer to GET covers; a server leaves its body out
    @app.head("/healthz", include_in_schema=False)
    @app.get("/healthz", summary="Whether the server lives, and which models are loaded")
    async def healthz() -> Health:  # not in a thread, of which all may be busy
        states = {task: _state(models) for task, models in page.models.items()}
        return Health(status="alive", version=__version__, models=states)

    @app.head("/readyz", include_in_schema=False)
    @app.get("/readyz", summary="Whether it takes more work", responses={503: {"model": Readiness}})
    async def readyz(response: fastapi.Response) -> Readiness:
        waiting, most = len(page._queue), settings.rules.queue
        status: Any = "stopping" if page._queue.stopped else "full" if waiting >= most else "ready"
        response.status_code = 200 if status == "ready" else 503
        return Readiness(status=status, waiting=waiting, most=most)

    @app.head("/metrics", include_in_schema=False, dependencies=[fastapi.Depends(basic)])
    @app.get(
        "/metrics", summary="What Prometheus reads; with the name and password of an account, where there are accounts",
        response_class=fastapi.responses.PlainTextResponse, responses={401: {"description": "Log in"}},
        dependencies=[fastapi.Depends(basic)],
    )  # fmt: skip
    def read_metrics() -> fastapi.Response:
        text, kind = metrics.text()
        return fastapi.Response(text, headers={"Content-Type": kind})


class Thread:
    """Uvicorn in a thread, on a socket that is bound already.

    Args:
        app: what it serves.
        bound: the socket.
        addresses: say which peers are trusted proxies; none if left out.
    """

    def __init__(self, app: Any, bound: socket.socket, addresses: Addresses | None = None) -> None:
        config = uvicorn.Config(
            app, log_level="warning", proxy_headers=False, server_header=False, timeout_graceful_shutdown=3, ws="none",
            http=protocol(addresses or Addresses(), most_connections()), h11_max_incomplete_event_size=2**16,
        )  # fmt: skip
        limited_lines = FewLines()
        for name in ("uvicorn.error", "asyncio", _LOG.name):
            logger = logging.getLogger(name)
            if not any(isinstance(each, FewLines) for each in logger.filters):
                logger.addFilter(limited_lines)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([bound],), daemon=True)

    def start(self) -> None:
        """Start, and wait until it answers.

        Raises:
            InputError: it does not come up.
        """
        self._thread.start()
        waited = 0.0
        while not self._server.started:
            self._thread.join(0.01)
            waited += 0.01
            if not self._thread.is_alive() or waited > _START_SECONDS:
                raise InputError("The server did not come up.")

    def close(self) -> None:
        """Stop taking requests, and wait a moment for those at work; Gradio's page calls it."""
        self._server.should_exit = True
        self._thread.join(timeout=10)


def cores() -> int:
    """Processor cores this process may use."""
    with contextlib.suppress(AttributeError):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _works(function: Any) -> bool:
    """Whether a function of the page asks a model, and not only fills in a field."""
    if function.fn is None or inspect.iscoroutinefunction(function.fn) or function.concurrency_limit is None:
        return False
    return inspect.isgeneratorfunction(function.fn) or function.api_visibility == "public"


def _state(models: list[Once[Any]]) -> Any:
    """The state of a task's models together: that of the one that needs most attention."""
    states = {model.state for model in models}
    return next((state for state in ("failed", "loading", "loaded") if state in states), "not loaded")


def _check_mcp(settings: Settings) -> None:
    if settings.accounts:
        raise InputError("--mcp and --auth do not go together: Gradio offers its tools without a login.", usage=True)
    try:
        import mcp  # noqa: F401
    except ModuleNotFoundError as error:
        raise InputError("--mcp needs the package mcp: pip install 'gradio[mcp]' brings it.") from error


def _login(accounts: Mapping[str, str]) -> Callable[[str, str], bool]:
    def login(user: str, password: str) -> bool:
        if not matches(accounts, user, password):
            raise fastapi.HTTPException(400, "The user name or the password is wrong.")
        return True

    return login


def _basic(accounts: Mapping[str, str]) -> Callable[..., None]:
    """A dependency that wants a name and a password in the request, where there are accounts."""

    def check(request: fastapi.Request) -> None:
        if not accounts:
            return
        kind, _, given = request.headers.get("authorization", "").partition(" ")
        with contextlib.suppress(binascii.Error, ValueError):
            user, _, password = base64.b64decode(given.strip(), validate=True).decode().partition(":")
            if kind.lower() == "basic" and matches(accounts, user, password):
                return
        raise fastapi.HTTPException(
            401,
            "The name and the password of an account are needed.",
            {"WWW-Authenticate": 'Basic realm="lstm-models"'},
        )

    return check


def _dictionaries(value: Any) -> Iterator[dict[str, Any]]:
    """Every dictionary in the value, however deep, without recursion."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            yield each
            waiting.extend(each.values())
        elif isinstance(each, (list, tuple)):
            waiting.extend(each)


def _check_length(component: Any, value: Any) -> None:
    """Raise gradio.Error where a text is longer than its field takes; the page keeps to it, a script may not."""
    if not isinstance(value, str):
        return
    most = getattr(component, "max_length", None) or getattr(component, "takes_bytes", None) or _LONGEST
    if len(value) > most:
        name = "A text" if isinstance(component, Api) else getattr(component, "label", None) or "A field"
        raise gr.Error(f"{name} has {len(value):,} characters; the demo takes {most:,} there.", print_exception=False)


def _is_elsewhere(value: dict[str, Any]) -> bool:
    path = value.get("path")
    return "meta" in value and isinstance(path, str) and path.lower().startswith(("http:", "https:"))


@contextlib.contextmanager
def _hushed() -> Iterator[None]:
    """Without the lines that Gradio prints."""
    with contextlib.redirect_stdout(None):
        yield
