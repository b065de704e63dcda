"""Files written whole or not at all, and the sentences for those that cannot be.

>>> from lstm_models.io.atomic_write import write_whole
>>> write_whole("figures.json", "{}")
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from lstm_models.errors import InputError

__all__ = ["check_writable", "one_line", "shown", "write_whole", "written_whole"]

# Control characters, line ends, and surrogates: bytes of a name that are not text.
_UNSHOWN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def shown(path: str | os.PathLike[str]) -> str:
    """The path as a sentence can hold it: one line, and no byte that is not text."""
    return _UNSHOWN.sub("\ufffd", os.fspath(path))


def one_line(content: dict[str, Any]) -> str:
    """JSON that is one line to every reader and that UTF-8 can hold, whatever a file's name is made of."""
    line = json.dumps(content, ensure_ascii=False)
    if any("\x7f" <= letter < "\xa0" or letter in "\u2028\u2029" or "\ud800" <= letter < "\ue000" for letter in line):
        line = json.dumps(content)
    return line


def check_writable(path: str | os.PathLike[str]) -> None:
    """Raise InputError where a file cannot come to lie at `path`, before any work is done for it."""
    path = Path(path)
    folder = path.parent
    name = shown(path)
    try:
        path.stat()
    except FileNotFoundError:
        pass
    except (OSError, ValueError) as error:  # a name too long, a loop of links, a file used as a folder, a zero byte
        raise InputError(f"{name} cannot be written: {_reason(error)}.") from error
    if path.is_dir():
        raise InputError(f"{name} is a folder; name a file in it.")
    if not folder.is_dir():
        raise InputError(f"{name} cannot be written: the folder {shown(folder)} does not exist.")
    if path.exists() and not path.is_file():
        raise InputError(f"{name} is not an ordinary file, so it cannot be replaced.")
    if not os.access(folder, os.W_OK) or (path.exists() and not os.access(path, os.W_OK)):
        raise InputError(f"{name} cannot be written: permission denied.")


@contextlib.contextmanager
def written_whole(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A file to write into, which comes to lie at `path` when the block ends well, and not at all when it does not.

    It lies under a temporary name in the same folder until then. A link keeps being a link: what it points to is
    replaced.

    Raises:
        InputError: the folder is missing, the path is a folder, or the disk refuses. An OSError of the block itself
            counts as the disk's.
    """
    if "\0" in os.fspath(path):
        raise InputError(f"{shown(path)} cannot be written: its name has a zero byte.")
    temporary: Path | None = None
    try:
        target = Path(os.path.realpath(path))
        temporary = target.with_name(f".{uuid.uuid4().hex}.part")
        with open(temporary, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException as error:
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink()
        if isinstance(error, OSError):
            raise InputError(f"{shown(path)} cannot be written: {_reason(error)}.") from error
        raise


def write_whole(path: str | os.PathLike[str], data: str | bytes) -> None:
    """Write a whole file or none: see `written_whole`. Text is written as UTF-8."""
    with written_whole(path) as file:
        file.write(data.encode() if isinstance(data, str) else data)


def _reason(error: OSError | ValueError) -> str:
    return (getattr(error, "strerror", None) or str(error)).lower()
