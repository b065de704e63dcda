"""What opening pictures and recordings has in common: ordinary files, folders of them, and their order."""

from __future__ import annotations

import codecs
import contextlib
import io
import os
import re
import stat
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from lstm_models.errors import InputError
from lstm_models.io.atomic_write import shown

__all__ = ["are_several", "decode_text", "files_of", "natural", "opened"]


def decode_text(data: bytes) -> str:
    """A text in UTF-8, or in UTF-16 with a byte order mark, as Windows and spreadsheets save “Unicode”.

    Raises:
        UnicodeDecodeError: it is neither.

    >>> decode_text("née".encode("utf-16")), decode_text("née".encode())
    ('née', 'née')
    """
    return data.decode("utf-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig")


def are_several(source: Any, *kinds: type) -> bool:
    """Whether a source is a list or tuple of sources, each a path, bytes, an open file or of one of the kinds.

    A list of numbers, or of strokes, is one source.
    """
    one = (str, os.PathLike, bytes, bytearray, *kinds)
    return (
        isinstance(source, (list, tuple))
        and len(source) > 0
        and all(isinstance(each, one) or hasattr(each, "read") for each in source)
    )


def files_of(
    folder: str | os.PathLike[str], suffixes: Collection[str], wanted: str, *, recursive: bool = False
) -> list[Path]:
    """The files of a folder whose names end in one of the suffixes (lower case), in natural order, no hidden ones.

    Raises:
        InputError: the folder is missing, is no folder, may not be read, or has nothing of what is ``wanted``.
    """
    label = shown(folder)
    root = Path(folder)
    found: list[Path] = []
    deeper = 0

    def refuse(error: OSError) -> None:
        raise InputError(f"{label} cannot be read: {(error.strerror or str(error)).lower()}.") from error

    try:
        if not root.exists():
            raise InputError(f"{label} does not exist.")
        if not root.is_dir():
            raise InputError(f"{label} is not a folder.")
        for place, folders, files in os.walk(root, onerror=refuse):
            folders[:] = [inner for inner in folders if not inner.startswith(".")]
            deeper += len(folders)
            for file in files:
                path = Path(place, file)
                if not file.startswith(".") and path.suffix.lower() in suffixes:
                    found.append(path)
            if not recursive:
                break
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{label} cannot be read: {getattr(error, 'strerror', None) or error}.") from error
    if not found:
        hint = "" if recursive or not deeper else "; its folders were not looked into"
        raise InputError(f"{label} has no {wanted}{hint}.")
    return sorted(found, key=natural)


def natural(path: Path) -> list[tuple[list[tuple[int, int, str]], str]]:
    """A sort key by the parts of the path, numbers in them by their value."""
    return [
        ([(0, int(bit), "") if bit.isdecimal() else (1, 0, bit) for bit in re.split(r"(\d+)", part.casefold())], part)
        for part in path.parts
    ]


@contextlib.contextmanager
def opened(
    source: str | os.PathLike[str], label: str, what: str, most_bytes: int | None = None
) -> Iterator[io.BufferedIOBase]:
    """The file, open for reading, once it is known to be an ordinary one that is not empty."""
    text = os.fspath(source)
    if not text:
        raise InputError(f"The name of the {what} is empty.", usage=True)
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]+)://|(data):", text)
    if scheme:
        raise InputError(
            f"{label if len(label) < 200 else label[:60] + '…'} is an address and not a file; nothing is fetched from "
            f"the network, so save the {what} and give its path."
        )
    try:
        found = os.stat(text)
        if stat.S_ISDIR(found.st_mode):
            raise InputError(f"{label} is a folder, and one {what} is wanted.")
        if not stat.S_ISREG(found.st_mode):
            raise InputError(f"{label} is not an ordinary file (a pipe, a device or a socket), so it is not opened.")
        if found.st_size == 0:
            raise InputError(f"{label} is empty: it has no bytes.")
        if most_bytes is not None and found.st_size > most_bytes:
            raise InputError(f"{label} has {_size(found.st_size)}; a {what} may have {_size(most_bytes)}.")
        file = open(text, "rb")  # noqa: SIM115 - closed below
    except FileNotFoundError as error:
        missing = "is a link to a file that does not exist" if os.path.islink(text) else "does not exist"
        raise InputError(f"{label} {missing}.") from error
    except PermissionError as error:
        raise InputError(f"{label} cannot be read: permission denied.") from error
    except OSError as error:
        raise InputError(f"{label} cannot be read: {(error.strerror or str(error)).lower()}.") from error
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{label} is not the name of a file: {error}.") from error  # a zero byte in it
    with file:
        yield file


def _size(count: int) -> str:
    for unit, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if count >= unit:
            return f"{count / unit:.1f} {name}"
    return f"{count} bytes"
