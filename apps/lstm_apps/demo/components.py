"""What the tabs of the demo share: a model loaded once, the line that says what is going on, names of downloads."""

from __future__ import annotations

import contextlib
import re
import threading
import time
import unicodedata
from collections.abc import Callable, Iterator
from html import escape
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from lstm_models.errors import InputError

if TYPE_CHECKING:
    import gradio as gr

__all__ = [
    "KEEP_SECONDS",
    "LONGEST_TEXT",
    "Once",
    "blocks",
    "bundled",
    "checked_text",
    "collected",
    "file_name",
    "once",
    "status",
]

KEEP_SECONDS = 3600
"""Uploads and downloads wait in Gradio's cache this long; it is emptied when the server stops."""

LONGEST_TEXT = 20_000
"""Characters that a tab for texts takes."""

T = TypeVar("T")


class Once(Generic[T]):
    """Calls `load` at the first use and keeps its result; several pages may use it at once.

    What `load` raises is passed on, and the next use tries again.

    Attributes:
        seconds: what loading took; None before.
        failed: whether the last try to load raised something.
    """

    def __init__(self, load: Callable[[], T]) -> None:
        self._load = load
        self._lock = threading.Lock()
        self._loaded: list[T] = []
        self.seconds: float | None = None
        self.failed = False
        for found in _collecting:
            found.append(self)

    @property
    def done(self) -> bool:
        """Whether it is loaded."""
        return bool(self._loaded)

    @property
    def state(self) -> Literal["not loaded", "loading", "loaded", "failed"]:
        """What a page, or who watches the server, may see of it."""
        if self._loaded:
            return "loaded"
        if self._lock.locked():
            return "loading"
        return "failed" if self.failed else "not loaded"

    def __call__(self) -> T:
        with self._lock:
            if not self._loaded:
                started, self.failed = time.perf_counter(), True
                self._loaded.append(self._load())
                self.seconds, self.failed = time.perf_counter() - started, False
            return self._loaded[0]


_collecting: list[list[Once[Any]]] = []


def once(load: Callable[[], T]) -> Once[T]:
    """`load` as a `Once`: itself, if it is one already, so that panels can share a model."""
    return load if isinstance(load, Once) else Once(load)


def bundled(name: str) -> Callable[[], Any]:
    """What loads the model of that name: a bundled one, a folder, or a Hugging Face Hub id."""

    def load() -> Any:
        import lstm_models

        return lstm_models.load(name)

    return load


@contextlib.contextmanager
def collected() -> Iterator[list[Once[Any]]]:
    """The models of the tabs that are built inside, for the server to say in what state they are."""
    found: list[Once[Any]] = []
    _collecting.append(found)
    try:
        yield found
    finally:
        _collecting.remove(found)


def blocks(title: str) -> contextlib.AbstractContextManager[gr.Blocks]:
    """A context in which a tab is built, which gives `gradio.Blocks`: those of the page that is being built, or, for a
    tab alone, new ones. A page whose tabs were Blocks of their own would take Gradio a second longer to make.
    """
    import gradio as gr
    from gradio.context import Context

    if Context.root_block is not None:
        return contextlib.nullcontext(Context.root_block)
    return gr.Blocks(title=title, analytics_enabled=False, delete_cache=(KEEP_SECONDS, KEEP_SECONDS))


def status(*sentences: str, problem: bool = False) -> str:
    """The HTML of a status line, which screen readers announce; its sentences are escaped."""
    kind = ' class="problem" role="alert"' if problem else ' role="status"'
    return f"<div{kind}>" + "".join(f"<p>{escape(sentence)}</p>" for sentence in sentences) + "</div>"


def checked_text(text: Any) -> str:
    """The text that a script or a page sent.

    Raises:
        InputError: it is no text, or longer than `LONGEST_TEXT`.
    """
    if not isinstance(text, str):
        raise InputError("a text is expected", usage=True)
    if len(text) > LONGEST_TEXT:
        raise InputError(f"The text has {len(text):,} characters; the demo takes {LONGEST_TEXT:,}.", usage=True)
    return text


def file_name(text: str, otherwise: str) -> str:
    """A name for a download, without suffix, from the first words of the text: letters, digits and hyphens.

    `otherwise` where the text has no such letters.
    """
    plain = unicodedata.normalize("NFKD", text[:200]).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:40].strip("-") or otherwise
