"""Saving by suffix: the name of a file picks the format, and the file is written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from lstm_models.errors import InputError
from lstm_models.io.atomic_write import check_writable, shown, write_whole

__all__ = ["check_suffix", "save_by_suffix"]


def check_suffix(path: str | os.PathLike[str], suffixes: Collection[str], what: str) -> Path:
    """The path, where its name ends in one of the suffixes, in upper or lower case.

    Args:
        path: of a file that is to be written.
        suffixes: such as ".svg", in lower case.
        what: is saved, such as "a drawing", for the sentence.

    Raises:
        InputError: the suffix is another one (``usage=True``).
    """
    path = Path(path)
    if path.suffix.lower() not in {suffix.lower() for suffix in suffixes}:
        has = f"with the suffix {path.suffix}" if path.suffix else "without a suffix"
        *most, last = suffixes
        known = f"{', '.join(most)} or {last}" if most else last
        raise InputError(f"{shown(path)} is a name {has}; {what} is saved as {known}.", usage=True)
    return path


def save_by_suffix(path: str | os.PathLike[str], formats: Mapping[str, Callable[[], str | bytes]], what: str) -> Path:
    """Write a file in the format that its suffix picks, whole or not at all, and give back its path.

    Args:
        path: of the file.
        formats: for each suffix, in lower case, what gives the content; only the one picked is called.
        what: is saved, such as "a drawing", for the sentence.

    Raises:
        InputError: the suffix is another one, the folder is missing, the path is a folder, or the disk refuses.
    """
    path = check_suffix(path, formats, what)
    check_writable(path)
    write_whole(path, formats[path.suffix.lower()]())
    return path
