"""A bar on standard error that shows how far a command has come, where somebody sees it."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Generator
from typing import Protocol

from lstm_apps.cli.common_options import is_quiet

__all__ = ["News", "bar"]


class News(Protocol):
    """Takes how much is done, and how much there is in all where that has changed."""

    def __call__(self, done: float, total: float | None = None, /) -> object: ...


@contextlib.contextmanager
def bar(
    what: str, total: float | None = None, *, shown: bool | None = None, counted: bool = True
) -> Generator[News, None, None]:
    """The bar, while one is inside.

    Args:
        what: is being counted or done.
        total: how much there is; not known yet if left out.
        shown: whether there is a bar at all; if left out, where standard error is a terminal.
        counted: show the numbers, too.
    """
    if is_quiet() or not (sys.stderr.isatty() if shown is None else shown):
        yield lambda done, total=None: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    numbers = (MofNCompleteColumn(),) if counted else ()
    columns = (TextColumn("{task.description}"), BarColumn(), *numbers, TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=False) as progress:
        task = progress.add_task(what, total=total)
        yield lambda done, total=None: progress.update(task, completed=done, total=total)
