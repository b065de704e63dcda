"""One process at a time at a file or a folder of results.

>>> from lstm_models.io.file_lock import locked
>>> with locked("results.lock", "another run is writing to results.jsonl"):
...     pass
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from lstm_models.errors import InputError

__all__ = ["locked"]


@contextlib.contextmanager
def locked(path: str | os.PathLike[str], message: str, *, remove: bool = False) -> Iterator[None]:
    """Hold the lock; the system gives it back when the process ends, however it does.

    Where there can be none (a file system without locks, a folder of another user's) nothing is locked.

    Args:
        path: of the lock's file, which is made if need be.
        message: of the error where another process holds it.
        remove: whether the file is removed at the end.

    Raises:
        InputError: another process holds it.
    """
    import filelock

    lock = filelock.FileLock(path, mode=0o666)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        raise InputError(message) from None
    except (OSError, NotImplementedError):
        yield
        return
    try:
        yield
    finally:
        lock.release()
        if remove:
            with contextlib.suppress(OSError):
                os.unlink(path)
