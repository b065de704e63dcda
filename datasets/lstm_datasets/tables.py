"""Tables that name files, read alike for every task: .csv, .tsv, .json and .jsonl, and where the files lie.

* A .csv is divided by whichever of ``, ; |`` and tab its first line has most of; a quotation mark that is never closed
  is an error, not a long field. In a .tsv tabs divide and quotation marks are letters, as Common Voice has them.
* A line ends at ``\\n`` (or ``\\r\\n``) alone: U+2028 and U+0085 are characters of a text.
* A file is taken where the table says, or below it where the whole name fits; never by its bare name from another
  folder.

A table that is damaged raises InputError.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Collection, Iterator
from pathlib import Path, PureWindowsPath
from typing import Any

from lstm_models.errors import InputError
from lstm_models.io.atomic_write import shown
from lstm_models.io.inputs import decode_text

__all__ = ["FileFinder", "csv_rows", "is_file", "json_lines", "lines_of", "read_text", "table_rows"]

MOST_CSV_FIELD = 2**20  # characters


def table_rows(path: Path, expected: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """The rows of a table with the numbers of their lines; names of columns in lower case.

    Args:
        path: a .csv, .tsv, .json (a list of objects) or .jsonl file; any other name is read as .csv.
        expected: how a row of JSON looks, for the sentence about one that is no object.

    Raises:
        InputError: it cannot be read, is damaged, or a row of JSON is no object.
    """
    suffix = path.suffix.lower()
    if suffix == ".tsv":
        yield from csv_rows(path, "\t")
        return
    text = read_text(path)
    if suffix not in (".json", ".jsonl"):
        first = next(iter(lines_of(text)), "")
        yield from csv_rows(path, max(",;|\t", key=first.count))
        return
    rows: Iterator[tuple[int, Any]]
    if suffix == ".json" and text.lstrip()[:1] == "[":
        try:
            rows = iter(list(enumerate(json.loads(text), 1)))
        except (ValueError, RecursionError) as error:
            raise InputError(f"{shown(path)} is damaged or no JSON ({str(error)[:100]})") from None
    else:
        rows = json_lines(path, text)
    for number, row in rows:
        if not isinstance(row, dict):
            raise InputError(f"{shown(path)}, line {number}: expected {expected}")
        yield number, {str(name).strip().lower(): value for name, value in row.items()}


def json_lines(path: Path, text: str) -> Iterator[tuple[int, Any]]:
    """The value of each line of JSON Lines that is not empty, with its number."""
    for number, line in enumerate(lines_of(text), 1):
        if line.strip():
            try:
                yield number, json.loads(line)
            except (ValueError, RecursionError) as error:
                raise InputError(f"{shown(path)}, line {number} is no JSON ({str(error)[:100]})") from None


def csv_rows(path: Path, delimiter: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """The rows of a table with a header, with the numbers of their lines; quotation marks do nothing beside tabs."""
    csv.field_size_limit(MOST_CSV_FIELD)
    tabs = delimiter == "\t"
    lines = io.StringIO(read_text(path))
    reader = csv.DictReader(
        lines, delimiter=delimiter, quoting=csv.QUOTE_NONE if tabs else csv.QUOTE_MINIMAL, strict=True
    )
    begins = 1
    try:
        for row in reader:
            if tabs:
                row = {name: _unquoted(value) for name, value in row.items()}
            yield reader.line_num, {str(_unquoted(name)).strip().lower(): value for name, value in row.items()}
            begins = reader.line_num + 1
    except csv.Error as error:
        if "end of data" in str(error) or "expected after" in str(error):
            raise InputError(
                f"{shown(path)}, line {begins}: a quotation mark is opened and not closed;"
                " double the marks within a text, or leave them out"
            ) from None
        raise InputError(f"{shown(path)}, line {reader.line_num} is no CSV ({error})") from None


def _unquoted(value: Any) -> Any:
    """Without the quotation marks that a spreadsheet sets around a whole field, those within it doubled."""
    if isinstance(value, str) and len(value) > 1 and value[0] == value[-1] == '"':
        inner = value[1:-1].replace('""', "")
        if '"' not in inner:
            return value[1:-1].replace('""', '"')
    return value


class FileFinder:
    """Where the files that a table names lie: beside the table, or in a folder below it.

    Args:
        folder: the table's.
        suffixes: of the files that are looked for, in lower case.

    >>> FileFinder(Path("data"), {".wav"})("alice/001.wav")     # data/alice/001.wav, or data/clips/alice/001.wav
    """

    def __init__(self, folder: Path, suffixes: Collection[str]) -> None:
        self.folder, self.suffixes = folder, suffixes
        self._below: dict[str, list[tuple[tuple[str, ...], Path]]] | None = None

    def __call__(self, name: str) -> Path:
        """The file of a name; where there is none, the path that it should have.

        A file below the table is taken where all of the name is the end of its path, or all of its path within the
        folder, a folder of it at least, is the end of the name (a path of another machine).

        Raises:
            InputError: the name fits several files.
        """
        name = name.replace("\0", "\ufffd")
        direct = self.folder / name
        if is_file(direct):
            return direct
        if "\\" in name:  # as Windows writes it
            name = PureWindowsPath(name).as_posix()
            if is_file(self.folder / name):
                return self.folder / name
        wanted = tuple(part for part in Path(name).parts if part not in ("/", "."))
        if not wanted:
            return direct
        fitting = [
            path
            for parts, path in self._files().get(wanted[-1], ())
            if parts[-len(wanted) :] == wanted or (len(parts) > 1 and wanted[-len(parts) :] == parts)
        ]
        if len(fitting) > 1:
            listed = ", ".join(shown(path.relative_to(self.folder)) for path in sorted(fitting)[:3])
            raise InputError(
                f"“{shown(name)}” fits {len(fitting)} files below {shown(self.folder)} ({listed}); name its folder too"
            )
        return fitting[0] if fitting else direct

    def _files(self) -> dict[str, list[tuple[tuple[str, ...], Path]]]:
        if self._below is None:
            self._below = {}
            for path in self.folder.rglob("*"):
                if path.suffix.lower() in self.suffixes:
                    self._below.setdefault(path.name, []).append((path.relative_to(self.folder).parts, path))
        return self._below


def is_file(path: Path) -> bool:
    """Whether there is an ordinary file; False for a name too long and a folder that may not be looked into."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def lines_of(text: str) -> list[str]:
    """The lines of a text, divided by ``\\n``, ``\\r\\n`` or ``\\r`` alone (str.splitlines knows seven more)."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return lines if lines[-1] else lines[:-1]


def read_text(path: Path) -> str:
    """A text in UTF-8, or in UTF-16 with a byte order mark, as spreadsheets save “Unicode text”.

    Raises:
        InputError: it cannot be read, or is no such text.
    """
    try:
        return decode_text(path.read_bytes()).replace("\r\n", "\n").replace("\r", "\n")
    except OSError as error:
        raise InputError(f"{shown(path)} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InputError(f"{shown(path)} is damaged or no UTF-8 text") from None
