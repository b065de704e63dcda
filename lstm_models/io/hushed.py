"""What libraries in C print by themselves is held back: libmpg123's complaints about MP3s that play well."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import tempfile
import threading
from typing import Any

__all__ = ["Hush"]

_CHATTER = re.compile(rb"^.*libmpg123.*(?:\n|$)|^Note: Illegal Audio-MPEG.*(?:\n|$)", re.MULTILINE)
_one = threading.Lock()


class Hush:
    """A block within which file descriptor 2 of the process is a file; all but the chatter in it is passed on after.

    One block at a time; what other threads print meanwhile comes a little later.
    """

    def __enter__(self) -> None:
        _one.acquire()
        self._kept: int | None = None
        self._file: Any = None
        with contextlib.suppress(OSError, ValueError, AttributeError):
            sys.stderr.flush()
        try:
            self._file = tempfile.TemporaryFile()
            self._kept = os.dup(2)
            os.dup2(self._file.fileno(), 2)
        except OSError:  # no standard error, or no place for the file: it is as loud as it was
            self._restore()

    def __exit__(self, *_: object) -> None:
        try:
            if self._kept is not None:
                os.dup2(self._kept, 2)
                self._file.seek(0)
                with contextlib.suppress(OSError):
                    if rest := _CHATTER.sub(b"", self._file.read()):
                        os.write(2, rest)
            self._restore()
        finally:
            _one.release()

    def _restore(self) -> None:
        if self._kept is not None:
            os.close(self._kept)
            self._kept = None
        if self._file is not None:
            self._file.close()
