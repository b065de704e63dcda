"""A limit on the parameters of a module that is being built from a file's config, which may ask for anything."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

__all__ = ["TooLargeError", "at_most", "uncounted"]

_uncounted: ContextVar[bool] = ContextVar("uncounted", default=False)


@contextlib.contextmanager
def uncounted() -> Iterator[None]:
    """For a network of another library that is built whole, by its name, though little of it may be in the file."""
    token = _uncounted.set(True)
    try:
        yield
    finally:
        _uncounted.reset(token)


class TooLargeError(Exception):
    """The model being built has more parameters than its file."""


@contextlib.contextmanager
def at_most(most: int) -> Iterator[None]:
    """Stop this thread from building a module of far more than `most` parameters: a config may ask for 10**9 layers."""
    from torch.nn.modules.module import register_module_parameter_registration_hook

    thread, total = threading.get_ident(), 0

    def count(module: Any, name: str, parameter: Any) -> None:
        nonlocal total
        if parameter is not None and threading.get_ident() == thread and not _uncounted.get():
            total += parameter.numel()
            if total > 4 * most:  # with room for a parameter that is registered anew while a module is made
                raise TooLargeError

    handle = register_module_parameter_registration_hook(count)
    try:
        yield
    finally:
        handle.remove()
