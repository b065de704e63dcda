"""What verbs for many files share: what the paths lead to, where results go, the progress bar, notes on the screen."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from lstm_apps.cli import progress
from lstm_apps.cli.common_options import is_quiet
from lstm_apps.cli.error_messages import full_sentence
from lstm_models.errors import InputError
from lstm_models.io.atomic_write import check_writable, shown

__all__ = [
    "FoundFiles",
    "about",
    "check_kept",
    "find",
    "inside",
    "named_paths",
    "note",
    "standard_input",
    "targets",
    "tracked",
    "warn",
    "warn_of",
]


class FoundFiles(NamedTuple):
    """What paths lead to: files in order, none twice; what leads to none, and why; whether a folder was named."""

    sources: list[str]
    failures: dict[str, str]
    folders: bool
    root: str


def named_paths(paths: str | Sequence[str] | None, missing: str) -> list[str]:
    """What a command was given, as a list.

    Raises:
        InputError: that is nothing; the sentence is ``missing`` (``usage=True``).
    """
    named = [paths] if isinstance(paths, str) else list(paths or ())
    if not named:
        raise InputError(missing, usage=True)
    return named


def find(paths: Sequence[str], listed: Callable[..., list[Path]], recursive: bool) -> FoundFiles:
    """The files that are named, and those of the folders that are, by ``listed(folder, recursive=…)``.

    Raises:
        InputError: the only path is a folder without such files.
    """
    sources: dict[str, None] = {}
    failures: dict[str, str] = {}
    folders = [path for path in paths if os.path.isdir(path)]
    for path in paths:
        if path not in folders:
            sources[path] = None
            continue
        try:
            sources.update(dict.fromkeys(map(os.fspath, listed(path, recursive=recursive))))
        except InputError as error:
            if len(paths) == 1:
                raise
            failures[path] = str(error)
    above = {os.path.abspath(path if path in folders else os.path.dirname(path)) for path in paths}
    try:
        root = os.path.commonpath(above)
    except ValueError:  # several drives
        root = os.getcwd()
    return FoundFiles(list(sources), failures, bool(folders), root)


def standard_input(what: str, most_bytes: int = 256 * 2**20) -> bytes:
    """All of standard input, which an argument ``-`` names.

    Raises:
        InputError: there is nothing, or more than a ``what`` has.
    """
    content = sys.stdin.buffer.read(most_bytes + 1)
    if not content:
        raise InputError(f"standard input is empty: there is no {what} in it.")
    if len(content) > most_bytes:
        raise InputError(f"standard input has more than {most_bytes // 2**20} MiB; a {what} has less.")
    return content


def inside(path: str, folder: str, deep: bool) -> bool:
    """Whether the files of one folder are those of the other."""
    mine, theirs = os.path.realpath(path), os.path.realpath(folder)
    return mine == theirs or (deep and mine.startswith(os.path.join(theirs, "")))


def targets(folder: str, sources: Sequence[str], root: str, suffix: str, option: str) -> dict[str, str]:
    """Where each file's result goes: its name with the suffix, in folders as the files are. Makes the folders.

    Raises:
        InputError: a folder cannot be made or written to, or a result would overwrite one of the files.
    """
    inner = {source: os.path.relpath(os.path.abspath(source), root) for source in sources}
    inner = {source: os.path.basename(path) if path.startswith(os.pardir) else path for source, path in inner.items()}
    stems = Counter(os.path.splitext(path)[0].casefold() for path in inner.values())
    made = {}
    for source, path in inner.items():
        stem = os.path.splitext(path)[0]
        name = stem if stems[stem.casefold()] == 1 else path  # a.jpg beside a.png
        made[source] = os.path.join(folder, f"{name}{suffix}")
    check_kept(option, made.values(), sources)
    for place in sorted({folder, *map(os.path.dirname, made.values())}):
        try:
            os.makedirs(place, exist_ok=True)
        except (OSError, ValueError) as error:
            reason = (getattr(error, "strerror", None) or str(error)).lower()
            raise InputError(f"{option} {shown(place)} cannot be made: {reason}") from None
        check_writable(os.path.join(place, ".new"))
    return made


def check_kept(option: str, results: Iterable[str | os.PathLike[str]], sources: Iterable[str]) -> None:
    """Raise InputError where a result would overwrite one of the files that it is made from.

    Args:
        option: which names the results, such as --out.
        results: the files that are to be written.
        sources: the files that are read; what is no file, such as - or a text, is left out.
    """
    whole = [os.fspath(path) for path in sources if path != "-" and "\0" not in path]
    read = {os.path.realpath(path) for path in whole if os.path.lexists(path)}
    for result in [os.fspath(path) for path in results]:
        if "\0" not in result and os.path.realpath(result) in read:
            raise InputError(
                f"{option} {shown(result)} is one of the files that are read, and would be overwritten: name another",
                usage=True,
            )


def tracked(
    items: Iterable[Any], total: int, what: str, bar: bool, size: Callable[[Any], int] = lambda item: 1
) -> Generator[Any, None, None]:
    """The items, with a bar on standard error."""
    done = 0
    with progress.bar(what, total, shown=bar) as advance:
        for item in items:
            yield item
            done += size(item)
            advance(done)


def note(sentence: str) -> None:
    """A sentence on standard error; nothing after ``--quiet``."""
    if not is_quiet():
        warn(sentence)


def about(source: str, error: InputError) -> InputError:
    """The error with the name of the file that failed, unless that is there, or the call itself was wrong."""
    if error.usage or shown(source) in str(error):
        return error
    return InputError(f"{shown(source)}: {error}")


def warn_of(source: str, error: InputError) -> None:
    """A sentence on standard error about a file that failed, with its name in front unless it is there already."""
    warn(str(about(source, error)))


def warn(sentence: str) -> None:
    """A sentence on standard error about something that failed."""
    print(f"lstm-models: {full_sentence(sentence)}", file=sys.stderr, flush=True)
