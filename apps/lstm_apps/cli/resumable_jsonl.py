"""Results as JSON Lines that a stopped command goes on with: each line is written at once and whole.

- A line is what the result's own ``json()`` gives, with ``made``: the model and the options it was made with.
- A source that failed has a line of its ``source`` and ``error``; it is tried again, and a later line counts.
- The half of a line that a kill left is cut off; a file of anything else is not touched.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, TypeVar

from lstm_apps.cli.batch_files import note
from lstm_models.errors import InputError
from lstm_models.io.atomic_write import one_line, shown
from lstm_models.io.file_lock import locked

__all__ = ["ResumableJsonl"]

R = TypeVar("R")


class ResumableJsonl(Generic[R]):
    """The results of one command, by source; in a file that is there, those of earlier runs.

    Args:
        path: the file; None for one that vanishes at the end.
        made: what the results depend on: "model", "sha256" of its weights, and the options that are not as usual.
        to_json: a result as a line of JSON with its "format" or "source" first.
        from_json: a result from such a line; raises ValueError for another.
        kind: what a result is called, as in its "format", such as "caption".
        of: what a source is called, such as "photo".

    Raises:
        InputError: the file holds something else, or results made otherwise, or is being written to by another run.
    """

    def __init__(
        self,
        path: str | None,
        made: dict[str, Any],
        *,
        to_json: Callable[[R], str],
        from_json: Callable[[bytes], R],
        kind: str,
        of: str,
    ) -> None:
        self.path, self.made = path, made
        self.to_json, self.from_json, self.kind, self.of = to_json, from_json, kind, of
        self.places: dict[str, tuple[int, int]] = {}  # source -> where its result's line begins, and its bytes
        self.errors: dict[str, str] = {}
        self.tail = f', "made": {one_line(made)}}}\n'
        self._open = contextlib.ExitStack()
        if path is None:
            self.file: Any = self._open.enter_context(tempfile.TemporaryFile(buffering=0))  # noqa: SIM115 - closed by __exit__
            return
        with contextlib.ExitStack() as opened:
            opened.enter_context(locked(_lock_path(path), f"{shown(path)}: another run is writing to it"))
            try:
                self.file = opened.enter_context(open(path, "ab+", buffering=0))
            except OSError as error:
                raise InputError(f"{shown(path)} cannot be written: {(error.strerror or '').lower()}") from None
            self._recall(path)
            self._open = opened.pop_all()

    def __enter__(self) -> ResumableJsonl[R]:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def add(self, source: str, result: R) -> str:
        """Add a result, and give back its line."""
        line = self.to_json(result).rstrip()[:-1] + self.tail
        self.places[source] = self._append(line.encode())
        return line

    def add_failure(self, source: str, sentence: str) -> str:
        """Add what is wrong with a source, unless the last run said the same, and give back the line."""
        line = one_line({"source": source, "error": sentence}) + "\n"
        if self.errors.get(source) != sentence:
            self._append(line.encode())
            self.errors[source] = sentence
        return line

    def read(self, source: str) -> R:
        """The result of a source that has one."""
        place, size = self.places[source]
        self.file.seek(place)
        return self.from_json(self.file.read(size))

    def _append(self, line: bytes) -> tuple[int, int]:
        """Add a line, or nothing of it; gives back its place."""
        place = self.file.seek(0, os.SEEK_END)
        try:
            if self.file.write(line) < len(line):
                raise OSError(errno.ENOSPC, "the disk is full")
        except OSError as error:
            with contextlib.suppress(OSError):
                self.file.truncate(place)
            name = "the temporary file" if self.path is None else shown(self.path)
            raise InputError(f"{name} cannot be written: {(error.strerror or str(error)).lower()}") from None
        return place, len(line)

    def _recall(self, path: str) -> None:
        """What earlier runs wrote."""
        starts = (f'{{"format": "lstm-models {self.kind}"'.encode(), b'{"source": ')
        place, whole = 0, True
        with open(path, "rb") as lines:
            for number, line in enumerate(lines, 1):
                whole = line.endswith(b"\n")
                try:
                    self._recall_line(line, place)
                except (ValueError, RecursionError) as error:
                    if whole or not any(line.startswith(start[: len(line)]) for start in starts):
                        made_otherwise = isinstance(error, _MadeOtherwiseError)
                        reason = error if made_otherwise else f"it is no {self.kind}, nor a {self.of}'s error"
                        raise InputError(
                            f"{shown(path)}, line {number}: {reason}; nothing was changed, name another file"
                        ) from None
                    self.file.truncate(place)
                    note(f"{shown(path)}: its last line was cut short, and is made again.")
                    return
                place += len(line)
        if not whole:  # only the line's end was missing
            self._append(b"\n")

    def _recall_line(self, line: bytes, place: int) -> None:
        record = json.loads(line)
        source = record.get("source") if isinstance(record, dict) else None
        if not isinstance(source, str):
            raise ValueError("no source")
        if isinstance(record.get("error"), str):
            self.errors[source] = record["error"]
            return
        self.from_json(line)
        theirs = record.get("made")
        if not isinstance(theirs, dict):
            raise _MadeOtherwiseError("it does not say how it was made")
        if theirs.get("sha256") != self.made["sha256"]:
            raise _MadeOtherwiseError(f"another model made it ({theirs.get('model')})")
        for name in sorted((theirs.keys() | self.made.keys()) - {"model"}):
            if theirs.get(name) != self.made.get(name):
                raise _MadeOtherwiseError(f"it was made with another --{name.replace('_', '-')}")
        self.places[source] = place, len(line)


class _MadeOtherwiseError(ValueError):
    """A line of another model or other options."""


def _lock_path(path: str) -> Path:
    """The lock of a file, in the temporary folder: nothing is left beside the results."""
    name = hashlib.sha256(os.path.realpath(path).encode("utf-8", "surrogateescape")).hexdigest()[:32]
    return Path(tempfile.gettempdir(), f"lstm-models-{name}.lock")
