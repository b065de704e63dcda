"""The events of a tab: their handlers, and what they sent to its components."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any


def handler(page: Any, name: str) -> Callable[..., Any]:
    """The function of that name that an event of the page calls."""
    return next(fn.fn for fn in page.fns.values() if fn.fn is not None and fn.fn.__name__ == name)


def last(updates: Iterable[dict[Any, Any]], elem_id: str) -> Any:
    """What an event last sent to a component, or None."""
    found = [value for update in updates for block, value in update.items() if block.elem_id == elem_id]
    return found[-1] if found else None
