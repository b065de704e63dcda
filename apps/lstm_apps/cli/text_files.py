"""What verbs for texts share: a text on the command line, files, folders or standard input; results to files or not."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Collection, Sequence

from lstm_apps.cli.batch_files import FoundFiles, about, check_kept, find, named_paths, note, targets, warn, warn_of
from lstm_apps.cli.progress import bar
from lstm_models.errors import InputError
from lstm_models.io.atomic_write import check_writable, shown, write_whole

__all__ = ["find_texts", "kept_suffix", "process_texts", "read_text"]

MOST_BYTES = 64 * 2**20


def kept_suffix(source: str, suffixes: Collection[str]) -> str:
    """The ending of a file's name, in lower case, where it is one of the suffixes; else .txt."""
    ending = os.path.splitext(source)[1].lower()
    return ending if ending in suffixes else ".txt"


def process_texts(
    paths: str | Sequence[str] | None,
    work: Callable[[str, str], str],
    *,
    suffixes: Collection[str],
    out: str | None,
    suffix_of: Callable[[str], str],
    lines: bool,
    resume: bool = False,
    recursive: bool = False,
) -> None:
    """Does ``work(text, name)`` for every text, and prints what it gives or writes it to files.

    Args:
        paths: one or more of files, folders of them, - for standard input, or a text itself: what is no file and does
            not look like the name of one.
        work: gives the result for a text; the name is that of its file, "" where it has none.
        suffixes: endings of the files that a folder is searched for, in lower case.
        out: a file for the only result, or a folder for a file each; None for the screen.
        suffix_of: the ending of the result's file for the name of a source.
        lines: whether several results can share the screen, a line each (JSON Lines).
        resume: leave out files whose result is there and newer.
        recursive: look into the folders of a folder, too.

    Raises:
        InputError: nothing is named, a file cannot be read or written, or ``work`` raised it; where several files are
            named, the others are done first.
    """
    paths = named_paths(paths, "TEXT is missing: give a text, files, a folder, or - for standard input")
    if resume and out is None:
        raise InputError("--resume goes with --out: what is done is seen by the files there", usage=True)
    found = find_texts(paths, suffixes, recursive)
    several = found.folders or len(found.sources) > 1
    if several and out is None and not lines:
        raise InputError("several texts need --out, a folder for their files, or --json", usage=True)
    files = {} if out is None else _files(out, found.sources, found.root, suffix_of, several)
    failures = dict(found.failures)
    for sentence in failures.values():
        warn(sentence)
    todo = [source for source in found.sources if not (resume and _is_done(files[source], source))]
    with bar("texts", len(todo), shown=several and bool(files) and sys.stderr.isatty()) as advance:
        for number, source in enumerate(todo, 1):
            try:
                text, name = read_text(source, suffixes)
                try:
                    result = work(text, name)
                except InputError as error:
                    raise (about(name, error) if name else error) from None
                if files:
                    check_writable(files[source])
                    write_whole(files[source], result)
                else:
                    print(result, end="" if result.endswith("\n") else "\n", flush=True)
            except InputError as error:
                if not several:
                    raise
                failures[source] = str(error)
                warn_of(source, error)
            advance(number)
    if out is not None:
        before = len(found.sources) - len(todo)
        done = f"{len(todo) - (len(failures) - len(found.failures))} written"
        note(f"{shown(out)}: {done}" + (f", {before} done before." if before else "."))
    if failures:
        raise InputError(f"{len(failures)} of {len(found.sources) + len(found.failures)} could not be done.")


def find_texts(paths: Sequence[str], suffixes: Collection[str], recursive: bool) -> FoundFiles:
    """The texts that paths lead to, and those with one of the suffixes in the folders among them.

    Raises:
        InputError: the only path is a folder without such files.
    """
    from lstm_models.io.inputs import files_of

    called = f"texts ({', '.join(sorted(suffixes))})"
    return find(paths, lambda folder, recursive: files_of(folder, suffixes, called, recursive=recursive), recursive)


def read_text(source: str, suffixes: Collection[str], most_bytes: int | None = None) -> tuple[str, str]:
    """The text that an argument of the command line stands for, and the name of its file, "" where it has none.

    Args:
        source: a file, - for standard input, or a text itself.
        suffixes: endings by which a name that is no file is known as one that is missing.
        most_bytes: that it may have; 64 MiB if None.

    Raises:
        InputError: the file is missing, too large or neither UTF-8 nor UTF-16, or there is nothing in it.
    """
    from lstm_models.io.inputs import decode_text, opened

    most_bytes = MOST_BYTES if most_bytes is None else most_bytes
    if source == "-":
        data, name = sys.stdin.buffer.read(most_bytes + 1), "standard input"
        if len(data) > most_bytes:
            raise InputError(f"standard input has more than {most_bytes // 2**20} MiB")
    elif os.path.lexists(source) or _looks_like_a_file(source, suffixes):
        with opened(source, shown(source), "text", most_bytes) as file:
            data, name = file.read(), source
    else:
        data, name = source.encode("utf-8", "surrogateescape"), ""
    label = shown(name) if name else "the text"
    try:
        text = decode_text(data)
    except UnicodeDecodeError:
        zero = b"\0" in data
        raise InputError(f"{label} is not a text: it has zero bytes" if zero else _not_utf8(label)) from None
    if "\0" in text:
        raise InputError(f"{label} is not a text: it has zero bytes")
    if not text.strip():
        raise InputError(f"{label} is empty", usage=not name)
    return text, "" if source == "-" else name


def _not_utf8(label: str) -> str:
    return f"{label} is not UTF-8 text: save it in that encoding"


def _looks_like_a_file(source: str, suffixes: Collection[str]) -> bool:
    """Whether a text that is no file was meant as one: a single word with one of the endings or with a path.

    Figures with strokes between, such as 24/12/2026, are a text.
    """
    if len(source.split()) != 1 or len(source) >= 4096:
        return False
    path = os.sep in source and not set(source) <= set("0123456789./,-")
    return path or os.path.splitext(source)[1].lower() in suffixes


def _files(
    out: str, sources: Sequence[str], root: str, suffix_of: Callable[[str], str], several: bool
) -> dict[str, str]:
    """Where each result goes."""
    if not several and not os.path.isdir(out) and not out.endswith(os.sep):
        check_writable(out)
        check_kept("--out", [out], sources)
        return {sources[0]: out}
    if os.path.lexists(out) and not os.path.isdir(out):
        raise InputError(f"--out {shown(out)} is not a folder; several texts go into one, a file each")
    made: dict[str, str] = {}
    for suffix in {suffix_of(source) for source in sources}:
        of_kind = [source for source in sources if suffix_of(source) == suffix]
        made |= targets(out, of_kind, root, suffix, "--out")
    check_kept("--out", made.values(), sources)
    return made


def _is_done(result: str, source: str) -> bool:
    try:
        return os.stat(result).st_mtime_ns >= os.stat(source).st_mtime_ns
    except (OSError, ValueError):
        return False
