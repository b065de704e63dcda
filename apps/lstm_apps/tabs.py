"""What the tabs of the demo share: a model loaded once, the line that says what is going on, names of downloads."""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Callable
from html import escape
from typing import Generic, TypeVar

__all__ = ["KEEP_SECONDS", "Once", "file_name", "status"]

KEEP_SECONDS = 3600
"""Uploads and downloads wait in Gradio's cache this long; it is emptied when the server stops."""

T = TypeVar("T")


class Once(Generic[T]):
    """Calls `load` when first asked and remembers what it gave; several pages may ask at once.

    What `load` raises is passed on, and the next one to ask tries again.
    """

    def __init__(self, load: Callable[[], T]) -> None:
        self._load = load
        self._lock = threading.Lock()
        self._loaded: list[T] = []

    @property
    def done(self) -> bool:
        """Whether it is loaded."""
        return bool(self._loaded)

    def __call__(self) -> T:
        with self._lock:
            if not self._loaded:
                self._loaded.append(self._load())
            return self._loaded[0]


def status(*sentences: str, problem: bool = False) -> str:
    """The HTML of a status line, which screen readers announce; its sentences are escaped."""
    kind = ' class="problem" role="alert"' if problem else ' role="status"'
    return f"<div{kind}>" + "".join(f"<p>{escape(sentence)}</p>" for sentence in sentences) + "</div>"


def file_name(text: str, otherwise: str) -> str:
    """A name for a download, without suffix, from the first words of the text: letters, digits and hyphens.

    `otherwise` where the text has no such letters.
    """
    plain = unicodedata.normalize("NFKD", text[:200]).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:40].strip("-") or otherwise
