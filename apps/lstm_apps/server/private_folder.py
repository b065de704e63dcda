"""A folder of a run of the server, for what visitors send: nobody else reads it, and it goes when the run is over.

A run that is killed cannot remove its folder; the next one to start does. Which folders belong to a run that lives is
known by a lock that the system releases with the process.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from filelock import BaseFileLock, FileLock, Timeout

__all__ = ["PrivateFolder"]

_PREFIX = "lstm-models-demo-"
_LOCK = ".lock"


class PrivateFolder:
    """Makes the folder, readable by this user alone, and removes those that runs before have left.

    Args:
        root: where to make it; where temporary files lie, if left out.

    Attributes:
        path: of the folder.
    """

    def __init__(self, root: str | os.PathLike[str] | None = None) -> None:
        root = Path(root or tempfile.gettempdir())
        root.mkdir(parents=True, exist_ok=True)
        for left in root.glob(f"{_PREFIX}*"):
            _remove(left)
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=root))
        self._lock: BaseFileLock = FileLock(self.path / _LOCK)
        self._lock.acquire(timeout=0)

    def close(self) -> None:
        """Remove it with all that is in it."""
        self._lock.release()
        shutil.rmtree(self.path, ignore_errors=True)


def _remove(folder: Path) -> None:
    """Remove a folder of this user that no run holds."""
    try:
        if (
            folder.is_symlink()
            or not folder.is_dir()
            or (hasattr(os, "getuid") and folder.stat().st_uid != os.getuid())
        ):
            return
        lock = FileLock(folder / _LOCK)
        lock.acquire(timeout=0)
    except (OSError, Timeout):
        return
    lock.release()
    shutil.rmtree(folder, ignore_errors=True)
