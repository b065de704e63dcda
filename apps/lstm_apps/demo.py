"""The demo: one page with a tab for each task, served from this machine, without a network.

Run: lstm-models demo
"""

from __future__ import annotations

import errno
import functools
import importlib
import os
import socket
from typing import Any

from lstm_apps import suite, theme
from lstm_apps.inside import style
from lstm_apps.tabs import KEEP_SECONDS
from lstm_models.errors import InputError

# Task -> the module with `TITLE` and `build() -> gradio.Blocks`, imported when the demo is assembled.
TASKS = {
    "captioning": "lstm_apps.captioning.demo",
    "speech": "lstm_apps.speech.demo",
    "handwriting": "lstm_apps.handwriting.demo",
    "inside": "lstm_apps.inside.demo",
}
_MOST_UPLOAD = "64mb"  # a file sent to the server is refused above this


def launch(
    task: str | None = None,
    model: str | None = None,
    host: str = "127.0.0.1",
    port: int = 7860,
    share: bool = False,
    open_browser: bool = False,
) -> None:
    """Serve the demo until Ctrl-C.

    Args:
        task: show this task's tab alone; all of them if left out.
        model: a model for that task, instead of the bundled one: a folder, or a Hugging Face Hub id.
        host: address to listen on; 0.0.0.0 lets other machines in.
        port: number of the port; 0 takes a free one.
        share: ask Gradio for a public address, through its servers; everything else stays on this machine.
        open_browser: open the page in the browser.

    Raises:
        InputError: no such task, or a model without one; the port is taken, not allowed or no port; the host is not
            this machine's.
    """
    if model is not None and task is None:
        raise InputError(f"--model needs the task it is for: {', '.join(TASKS)}.", usage=True)
    if model is not None and task not in suite.TASKS and task in TASKS:
        raise InputError(f"The tab {task} shows the bundled models and takes no --model.", usage=True)
    options = {} if model is None or task is None else {"load": functools.partial(_load, task, model)}
    page = assemble(task, **options)
    url = serve(page, host=host, port=port, share=share, open_browser=open_browser)
    print(f"The demo is at {url} (Ctrl-C stops it).", flush=True)
    if page.share_url:
        print(f"For a week also at {page.share_url}", flush=True)
    page.block_thread()


def assemble(task: str | None = None, **options: Any) -> Any:
    """The page as `gradio.Blocks`: a heading and a tab for each task (or for `task` alone).

    `options` go to the `build` of the task's module; they need a task.

    Raises:
        InputError: there is no such task.
    """
    if options and task is None:
        raise TypeError("options are those of one task's tab")
    if task is not None and task not in TASKS:
        raise InputError(f"There is no demo of {task!r}; there is one of: {', '.join(TASKS)}.", usage=True)
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    import gradio as gr

    tasks = [importlib.import_module(TASKS[name]) for name in ([task] if task else TASKS)]
    tabs = [module.build(**options) for module in tasks]
    keep = (KEEP_SECONDS, KEEP_SECONDS)  # how often Gradio's cache is looked through, and how old a file may become
    with gr.Blocks(title="lstm-models", analytics_enabled=False, delete_cache=keep) as page:
        heading = "<h1>lstm-models</h1><p>LSTMs at work, on this machine alone.</p>"
        gr.HTML(heading, elem_classes="page-head", apply_default_css=False)
        with gr.Tabs():
            for module, tab in zip(tasks, tabs, strict=True):
                with gr.Tab(module.TITLE):
                    tab.render()
    return page


def serve(page: Any, host: str = "127.0.0.1", port: int = 7860, share: bool = False, open_browser: bool = False) -> str:
    """Start serving what `assemble` gave, in a thread of its own, and give back the address; `page.close()` ends it.

    Raises:
        InputError: the port is taken, not allowed or no port; the host is not this machine's.
    """
    port = _free(host, port)
    _without_proxy(host)
    try:
        page.launch(
            server_name=host,
            server_port=port,
            share=share,
            inbrowser=open_browser,
            quiet=True,
            prevent_thread_lock=True,
            theme=theme.theme(),
            css=theme.CSS + style.CSS,
            footer_links=[],
            ssr_mode=False,
            run_history=False,
            mcp_server=False,
            enable_monitoring=False,
            max_file_size=_MOST_UPLOAD,
        )
    except OSError as error:  # taken between the look and the start
        raise InputError(_taken(host, port), usage=True) from error
    return str(page.local_url)


def _load(task: str, source: str) -> Any:
    """The model of that name, once it is known to be one for the task."""
    import lstm_models

    model = lstm_models.load(source)
    if not any(hasattr(model, verb) for verb in suite.TASKS[task].verbs):
        raise InputError(f"{source} is not a model for {task}.")
    return model


def _free(host: str, port: int) -> int:
    """The port if it can be listened on, or a free one for 0."""
    if not 0 <= port <= 65535:
        raise InputError(f"A port is a number from 0 to 65535, not {port}.", usage=True)
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            if os.name == "posix":  # a server that has just stopped does not hold its port
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            return int(probe.getsockname()[1])
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


def _without_proxy(host: str) -> None:
    """Keep Gradio's look at its own server from going through a proxy of the environment."""
    for name in ("NO_PROXY", "no_proxy"):
        hosts = [part for part in os.environ.get(name, "").split(",") if part]
        os.environ[name] = ",".join(dict.fromkeys([*hosts, "localhost", "127.0.0.1", host]))
