"""The demo: one page with a tab for each task, served from this machine, without a network.

Run: lstm-models demo
"""

from __future__ import annotations

import contextlib
import errno
import functools
import gc
import importlib
import ipaddress
import os
import re
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from typing import Any

from lstm_apps.cli import registry
from lstm_apps.demo import theme
from lstm_apps.demo.components import KEEP_SECONDS, collected
from lstm_apps.server.memory import limit_arenas
from lstm_apps.server.private_folder import PrivateFolder
from lstm_models import deadlines
from lstm_models.checkpoints import hub
from lstm_models.checkpoints.registry import MODELS
from lstm_models.errors import InputError

_FRAMES = {"same": "'self'", "none": "'none'", "any": "*"}
_STOP_SECONDS = 10.0  # after SIGTERM
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


def launch(
    task: str | None = None,
    model: str | None = None,
    host: str = "127.0.0.1",
    port: int = 7860,
    share: bool = False,
    open_browser: bool = False,
    auth: str | None = None,
    max_size: int = 64,
    concurrency: int = 0,
    queue: int = 32,
    rate: int = 120,
    trusted_proxy: str = "",
    origins: str = "",
    frames: str = "same",
    hosts: str = "",
    time_limit: int = 300,
    mcp: bool = False,
) -> None:
    """Serve the demo until Ctrl-C.

    Args:
        task: show this task's tab alone; all of them if left out.
        model: a model for that task, instead of the bundled one: a folder, or a Hugging Face Hub id.
        host: address to listen on; 0.0.0.0 lets other machines in.
        port: number of the port; 0 takes a free one.
        share: ask Gradio for a public address, through its servers; everything else stays on this machine.
        open_browser: open the page in the browser.
        auth: who may log in: user:password, or a file of such lines. Other users of this machine can see a command
            line: the environment variable LSTM_MODELS_AUTH says the same unseen.
        max_size: megabytes of the largest file that may be sent.
        concurrency: photos and recordings at work at a time; as many as there are processor cores if 0. Handwriting has
            places of its own, up to eight, as those who write share one network.
        queue: requests that may wait; further ones get a message.
        rate: requests that an address may make a minute, and half as many at once; a quarter of those that wait may
            be of one address. 0 sets no such limits.
        trusted_proxy: addresses or networks of proxies, with commas between, whose X-Forwarded-For is believed.
        origins: addresses, with commas between, whose pages may call this server: https://example.org.
        frames: whose pages may show the demo in a frame: same (its own), none, any, or addresses with commas between.
        hosts: names under which it may be asked, with commas between, beside this machine's addresses and its name:
            demo.example.org, *.example.org for all below, or * for any. Behind a trusted proxy any name is right.
        time_limit: seconds that a request may be at work.
        mcp: offer the demo's functions as tools by the Model Context Protocol, at /gradio_api/mcp/.

    Raises:
        InputError: no such task, or a model without one; the port is taken, not allowed or no port; the host is not
            this machine's; an option has a value that it cannot have.
    """
    if model is not None and task is None:
        raise InputError(f"--model needs the task it is for: {', '.join(registry.tabs())}.", usage=True)
    if model is not None and task in registry.MORE_TABS:
        raise InputError(f"The tab {task} shows the bundled models and takes no --model.", usage=True)
    options: dict[str, Any] = {}
    if model is not None and task in registry.TASKS:
        _check_model(task, model)
        options["load"] = functools.partial(hub.load, model)
    limits: dict[str, Any] = {
        "max_size": max_size,
        "concurrency": concurrency,
        "queue": queue,
        "rate": rate,
        "mcp": mcp,
    }
    limits |= {"auth": auth, "trusted_proxy": trusted_proxy, "origins": origins, "frames": frames}
    limits |= {"hosts": hosts, "time_limit": time_limit}
    _check(max_size=max_size, concurrency=concurrency, queue=queue, rate=rate, time_limit=time_limit)
    limit_arenas()
    with _private_folder():
        terminated = _serve_until_stopped(task, options, limits, host, port, share, open_browser)
    if terminated:  # the interpreter would wait for every thread, and take what is loaded apart piece by piece
        _flush()
        os._exit(0)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()


@contextlib.contextmanager
def _private_folder() -> Iterator[None]:
    """A folder of this run for what visitors send, and what is made for them; Gradio takes it from the environment."""
    name = "GRADIO_TEMP_DIR"
    before = os.environ.get(name)
    folder = PrivateFolder(before)
    os.environ[name] = str(folder.path)
    try:
        yield
    finally:
        folder.close()
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def _serve_until_stopped(
    task: str | None, options: dict[str, Any], limits: dict[str, Any], host: str, port: int, share: bool,
    open_browser: bool,
) -> bool:  # fmt: skip
    """Serve; whether it was SIGTERM that ended it."""
    page = assemble(task, **options)
    _share_cores(limits["concurrency"])
    url = serve(page, host=host, port=port, share=share, open_browser=open_browser, **limits)
    stop, received = threading.Event(), list[int]()

    def stopped(number: int, _: object) -> None:
        received.append(number)
        stop.set()

    for name in ("SIGTERM", "SIGINT"):  # a container is stopped by SIGTERM: what was sent to the demo goes then too
        with contextlib.suppress(AttributeError, ValueError):  # Windows; or not the main thread
            signal.signal(getattr(signal, name), stopped)
    print(f"The demo is at {url} (Ctrl-C stops it).", flush=True)
    if page.share_url:
        print(f"For a week also at {page.share_url}", flush=True)
    if limits["mcp"]:
        print(f"Its tools, by MCP, are at {url}gradio_api/mcp/", flush=True)
    gc.collect()
    gc.freeze()  # a collection need not look through the page and the libraries, for which it would stop everything
    try:
        while page.is_running and not stop.wait(0.5):
            pass
    finally:
        gc.unfreeze()
    terminated = getattr(signal, "SIGTERM", None) in received
    if terminated:  # whatever is still at work: who sends it wants the process gone
        last = threading.Timer(_STOP_SECONDS, os._exit, (0,))
        last.daemon = True
        last.start()
        deadlines.stop_all()
    page.close(verbose=False)
    return terminated


def assemble(task: str | None = None, **options: Any) -> Any:
    """The page as `gradio.Blocks`: a heading and a tab for each task (or for `task` alone).

    `options` go to the `build` of the task's module; they need a task.

    Raises:
        InputError: there is no such task.
    """
    if options and task is None:
        raise TypeError("options are those of one task's tab")
    tabs = registry.tabs()
    if task is not None and task not in tabs:
        raise InputError(f"There is no demo of {task!r}; there is one of: {', '.join(tabs)}.", usage=True)
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    import gradio as gr

    from lstm_apps.server.app import DemoPage

    modules = {name: importlib.import_module(tabs[name]) for name in ([task] if task else tabs)}
    keep = (KEEP_SECONDS, KEEP_SECONDS)  # how often Gradio's cache is looked through, and how old a file may become
    with DemoPage(title="lstm-models", analytics_enabled=False, delete_cache=keep) as page:
        heading = "<h1>lstm-models</h1><p>LSTMs at work, on this machine alone.</p>"
        gr.HTML(heading, elem_classes="page-head", apply_default_css=False)
        with gr.Tabs():
            for name, module in modules.items():
                before = set(page.fns)
                with gr.Tab(module.TITLE), collected() as page.models[name]:
                    module.build(**options)
                page.tasks[name] = [function for number, function in page.fns.items() if number not in before]
    page.style_sheet = theme.CSS + "".join(getattr(module, "CSS", "") for module in modules.values())
    return page


def serve(
    page: Any,
    host: str = "127.0.0.1",
    port: int = 7860,
    share: bool = False,
    open_browser: bool = False,
    auth: str | None = None,
    max_size: float = 64,
    concurrency: int = 0,
    queue: int = 32,
    rate: float = 120,
    trusted_proxy: str = "",
    origins: str = "",
    frames: str = "same",
    hosts: str = "",
    time_limit: float = 300,
    mcp: bool = False,
) -> str:
    """Start serving what `assemble` gave, in a thread of its own, and give back the address; `page.close()` ends it.

    The options are those of `launch`.

    Raises:
        InputError: the port is taken, not allowed or no port; the host is not this machine's; an option has a value
            that it cannot have.
    """
    bound = _bound(host, port)
    try:
        from lstm_apps.server import app
        from lstm_apps.server.auth import read_accounts
        from lstm_apps.server.middleware import Rules
        from lstm_apps.server.rate_limits import Addresses

        proxies = _listed(trusted_proxy)
        rules = Rules(
            rate=rate,
            queue=queue,
            max_bytes=round(max_size * 2**20),
            addresses=Addresses(proxies),
            origins=_addresses(origins, "--origins"),
            frames=_FRAMES.get(frames) or " ".join(_addresses(frames, "--frames")),
            hosts=("*",) if share else tuple(_names(hosts, host)),
            numbers=not _is_loopback(host),
            seconds=time_limit,
        )
        settings = app.Settings(
            rules,
            read_accounts(auth),
            concurrency=concurrency or app.cores(),
            mcp=mcp,
            style={"theme": theme.theme(), "css": page.style_sheet, "server_name": host},
        )
        page.server = app.Thread(app.application(page, settings), bound, rules.addresses)
        page.server_name, page.server_port = host, bound.getsockname()[1]
        shown = {"0.0.0.0": "localhost", "::": "localhost"}.get(host, host)
        page.local_url = f"http://{f'[{shown}]' if ':' in shown else shown}:{page.server_port}/"
        page.local_api_url = f"{page.local_url}gradio_api/"
        if mcp:
            page.mcp_server_obj._local_url = page.local_url
        page.server.start()
    except BaseException:
        bound.close()
        raise
    page.share_url = _shared(page) if share else None
    if open_browser:
        import webbrowser

        webbrowser.open(page.share_url or page.local_url)
    return str(page.local_url)


def _shared(page: Any) -> str:
    """The public address that Gradio's servers give.

    Raises:
        InputError: they cannot be reached; the page is closed then.
    """
    from gradio import networking

    try:
        return str(networking.setup_tunnel(page.server_name, page.server_port, page.share_token, None, None))
    except Exception as error:
        page.close(verbose=False)
        raise InputError("--share found no way to Gradio's servers, which give the public address.") from error


def _share_cores(concurrency: int) -> None:
    """Give each of the requests at work its share of the processor, and no more threads than there are cores."""
    import torch

    from lstm_apps.server.app import cores

    torch.set_num_threads(max(1, cores() // (concurrency or cores())))


def _check(**numbers: int) -> None:
    minimum = {"max_size": 1, "queue": 1, "time_limit": 1}
    for name, number in numbers.items():
        if number < minimum.get(name, 0):
            option = f"--{name.replace('_', '-')}"
            raise InputError(f"{option} is {number}; a number from {minimum.get(name, 0)} would be right.", usage=True)


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _addresses(text: str, option: str) -> tuple[str, ...]:
    """The addresses of pages in a text: scheme, name and port, and nothing after them."""
    for each in _listed(text):
        if not re.fullmatch(r"https?://[\w*.:\[\]-]+", each):
            words = "same, none, any or addresses" if option == "--frames" else "addresses"
            raise InputError(f"{option} is {each}; {words} such as https://example.org would be right.", usage=True)
    return tuple(_listed(text))


def _names(hosts: str, host: str) -> Iterator[str]:
    """The names under which a server that listens on `host` may be asked."""
    yield from _LOOPBACK
    yield host.strip("[]").lower()
    if not _is_loopback(host):
        name = socket.gethostname().lower()
        yield from (name, name.partition(".")[0], f"{name.partition('.')[0]}.local")
    for each in _listed(hosts.lower()):
        if not re.fullmatch(r"\*|(\*\.)?[a-z0-9_.-]+|[0-9a-f:]+", each):
            raise InputError(
                f"--hosts is {each}; names such as demo.example.org, *.example.org or * would be right.", usage=True
            )
        yield each


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _check_model(task: str, source: str) -> None:
    """Raise InputError where there is no such model, or it is one for another task."""
    if not MODELS[hub.kind_of(source)].startswith(f"lstm_models.tasks.{task.replace('-', '_')}."):
        raise InputError(f"{source} is not a model for {task}.", usage=True)


def _bound(host: str, port: int) -> socket.socket:
    """A socket that holds the port, or a free one for 0."""
    if not 0 <= port <= 65535:
        raise InputError(f"A port is a number from 0 to 65535, not {port}.", usage=True)
    try:
        family, *_, place = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)[0]
        bound = socket.socket(family, socket.SOCK_STREAM)
        try:
            if os.name == "posix":  # a server that has just stopped does not hold its port
                bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind(place)
            bound.listen(socket.SOMAXCONN)  # now: of two programs that start at once, one gets the message
        except OSError:
            bound.close()
            raise
        return bound
    except OSError as error:  # socket.gaierror is one
        if error.errno == errno.EADDRINUSE:
            raise InputError(_taken(host, port), usage=True) from error
        if error.errno in (errno.EACCES, errno.EPERM):
            raise InputError(
                f"Port {port} needs permission this user does not have; take one above 1023.", usage=True
            ) from error
        raise InputError(f"{host} is not an address of this machine ({error.strerror}).", usage=True) from error
    except UnicodeError as error:
        raise InputError(f"{host!r} is not an address.", usage=True) from error


def _taken(host: str, port: int) -> str:
    return f"Port {port} of {host} is taken by another program; choose another one with --port, or 0 for any free one."
