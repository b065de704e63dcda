"""One's own recordings, in a table with a column for the audio file and one for the text; the `Row` of every layout.

A table that is damaged raises InputError; what is wrong with one row is for `lstm_datasets.speech.readers` to say.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lstm_models.errors import InputError
from lstm_models.io.atomic_write import shown
from lstm_models.io.images import AUDIO_SUFFIXES

__all__ = [
    "SPLITS",
    "Row",
    "csv_rows",
    "is_file",
    "is_ljspeech",
    "read_ljspeech",
    "read_table",
    "read_text",
    "row_of",
    "split_of",
    "with_suffix",
]

SPLITS = {
    "train": "train", "training": "train", "dev": "dev", "val": "dev", "valid": "dev", "validation": "dev",
    "test": "test", "testing": "test", "eval": "test",
}  # fmt: skip
AUDIO_COLUMNS = (
    "audio", "file", "path", "audio_filepath", "filename", "file_name", "audio_path", "audio_file", "wav",
    "wav_filename", "wav_path", "recording",
)  # fmt: skip
TEXT_COLUMNS = ("text", "transcript", "sentence", "transcription", "normalized_text", "words", "label_text")
SPEAKER_COLUMNS = ("speaker", "speaker_id", "client_id", "speakerid", "user")
MOST_CSV_FIELD = 2**20
# Common Voice names decades; their middle
_DECADES = {
    "teens": 15, "twenties": 25, "thirties": 35, "fourties": 45, "forties": 45, "fifties": 55, "sixties": 65,
    "seventies": 75, "eighties": 85, "nineties": 95,
}  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One recording as its layout names it.

    Attributes:
        where: what a sentence calls it, such as “my.csv, line 3”.
        key: its name within the data.
        text: as written.
        file: the recording, or the tar that it lies in; None where the row names none.
        place: offset and size within the tar, in bytes; None for a file of its own.
        speaker, source, label, gender, split: "" if unknown.
        age: in years, None if unknown.
    """

    where: str
    key: str
    text: str
    file: Path | None
    place: tuple[int, int] | None = None
    speaker: str = ""
    source: str = ""
    label: str = ""
    age: float | None = None
    gender: str = ""
    split: str = ""


def row_of(
    where: str,
    key: str,
    meta: dict[str, Any],
    file: Path | None,
    place: tuple[int, int] | None,
    source: str,
    split: str,
) -> Row:
    """A row of a mapping with the usual names."""
    text = next((meta[column] for column in TEXT_COLUMNS if meta.get(column)), "")
    age = meta.get("age")
    return Row(
        where,
        key,
        text if isinstance(text, str) else "",
        file,
        place,
        speaker=next((str(meta[column]) for column in SPEAKER_COLUMNS if meta.get(column)), ""),
        source=str(meta.get("source") or source),
        label=str(meta.get("label") or ""),
        age=_age(age),
        gender=str(meta.get("gender") or "")[:1].lower().replace("-", ""),
        split=SPLITS.get(str(meta.get("split") or "").strip().lower(), str(meta.get("split") or "").strip()) or split,
    )


def _age(age: Any) -> float | None:
    if isinstance(age, str) and age.strip().lower() in _DECADES:
        return float(_DECADES[age.strip().lower()])
    try:
        years = float(age)
    except (TypeError, ValueError):
        return None
    return years if math.isfinite(years) and years > 0 else None


def read_table(path: Path) -> Iterator[Row]:
    """A table with a column for the audio file and one for the text."""
    if path.suffix.lower() == ".csv" and is_ljspeech(path):
        yield from read_ljspeech(path)
        return
    find = _Finder(path.parent)
    columns: list[str] | None = None
    for number, row in _rows(path):
        if columns is None:
            columns = [column for column in (*AUDIO_COLUMNS, *TEXT_COLUMNS) if column in row]
            if not set(columns) & set(AUDIO_COLUMNS) or not set(columns) & set(TEXT_COLUMNS):
                raise InputError(
                    f"{shown(path)} needs a column “audio” and a column “text”; it has "
                    + (", ".join(f"“{shown(str(name))[:40]}”" for name in list(row)[:8]) or "none")
                )
        audio = next((row[column] for column in AUDIO_COLUMNS if row.get(column)), None)
        if isinstance(audio, dict):  # as the library “datasets” has it
            audio = audio.get("path")
        name = audio.strip() if isinstance(audio, str) else ""
        yield row_of(
            f"{path.name}, line {number}",
            name,
            row,
            find(name) if name else None,
            None,
            path.stem,
            split_of(path.stem),
        )


def _rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    suffix = path.suffix.lower()
    if suffix in (".csv", ".tsv"):
        bars = next(iter(read_text(path).splitlines()), "")
        delimiter = "\t" if suffix == ".tsv" else max(",;|\t", key=bars.count)
        yield from csv_rows(path, delimiter)
        return
    lines: Iterable[tuple[int, Any]]
    text = read_text(path)
    if suffix == ".json" and text.lstrip()[:1] == "[":
        try:
            lines = list(enumerate(json.loads(text), 1))
        except (ValueError, RecursionError) as error:
            raise InputError(f"{shown(path)} is damaged or no JSON ({str(error)[:100]})") from None
    else:
        lines = _json_lines(path, text)
    for number, row in lines:
        if not isinstance(row, dict):
            raise InputError(f'{shown(path)}, line {number}: expected {{"audio": "…", "text": "…"}}')
        yield number, {str(name).strip().lower(): value for name, value in row.items()}


def _json_lines(path: Path, text: str) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                yield number, json.loads(line)
            except (ValueError, RecursionError) as error:
                raise InputError(f"{shown(path)}, line {number} is no JSON ({str(error)[:100]})") from None


def csv_rows(path: Path, delimiter: str, quoting: int = csv.QUOTE_MINIMAL) -> Iterator[tuple[int, dict[str, Any]]]:
    csv.field_size_limit(MOST_CSV_FIELD)
    reader = csv.DictReader(io.StringIO(read_text(path)), delimiter=delimiter, quoting=quoting)  # type: ignore[call-overload]
    try:
        for row in reader:
            yield reader.line_num, {str(name).strip().lower(): value for name, value in row.items()}
    except csv.Error as error:
        raise InputError(f"{shown(path)}, line {reader.line_num} is no CSV ({error})") from None


class _Finder:
    """Where a recording lies: beside the table, or in a folder below it. One not found is left for later."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.below: dict[str, Path] | None = None

    def __call__(self, name: str) -> Path:
        direct = self.folder / name.replace("\0", "\ufffd")
        if is_file(direct):
            return direct
        if self.below is None:
            self.below = {file.name: file for file in self.folder.rglob("*") if file.suffix.lower() in AUDIO_SUFFIXES}
        return self.below.get(Path(name).name, direct)


def is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name too long, a folder that may not be looked into
        return False


def split_of(path: str | Path) -> str:
    """The split that a name begins with (“dev-clean”) or that a folder on the way is named by; "" if none."""
    for part in reversed(Path(path).parts):
        first = re.split(r"[-_.]", part.lower())[0]
        if first in SPLITS:
            return SPLITS[first]
    return ""


def read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"{shown(path)} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InputError(f"{shown(path)} is damaged or no UTF-8 text") from None


def is_ljspeech(path: Path) -> bool:
    """LJSpeech's metadata.csv has bars and no header, unlike one's own of the same name."""
    line = next(iter(read_text(path).splitlines()), "")
    return line.count("|") >= 1 and line.partition("|")[0].strip().lower() not in AUDIO_COLUMNS


def read_ljspeech(path: Path) -> Iterator[Row]:
    """LJSpeech: metadata.csv “ID|text|text with numbers spelt out”, and wavs/ID.wav; one speaker."""
    for number, line in enumerate(read_text(path).splitlines(), 1):
        key, _, texts = line.partition("|")
        if key.strip():
            text = texts.rpartition("|")[2] or texts.partition("|")[0]
            file = with_suffix(path.parent / "wavs" / key.strip())
            yield Row(f"{path.name}, line {number}", key.strip(), text, file, speaker=path.parent.name,
                      source=path.parent.name)  # fmt: skip


def with_suffix(*stems: Path) -> Path:
    """The file of one of these names, as .wav or another kind of audio; the first as .wav if there is none."""
    for stem in stems:
        for suffix in ("", ".flac", ".wav", ".sph", ".mp3", ".ogg", ".opus"):
            file = stem.with_name(stem.name + suffix)
            if is_file(file):
                return file
    return stems[0].with_name(f"{stems[0].name}.wav")
