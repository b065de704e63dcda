"""Your recordings, in a table with a column for the audio file and one for the text; the `Row` of every layout.

A table that is damaged raises InputError; what is wrong with one row is for `lstm_datasets.speech.readers` to report.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lstm_datasets.tables import FileFinder, is_file, lines_of, read_text, table_rows
from lstm_models.errors import InputError
from lstm_models.io.atomic_write import shown
from lstm_models.io.audio import AUDIO_SUFFIXES

__all__ = [
    "SPLITS",
    "Row",
    "is_ljspeech",
    "read_ljspeech",
    "read_table",
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
    find = FileFinder(path.parent, AUDIO_SUFFIXES)
    columns: list[str] | None = None
    for number, row in table_rows(path, '{"audio": "…", "text": "…"}'):
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


def split_of(path: str | Path) -> str:
    """The split that a name begins with (“dev-clean”) or that a folder on the way is named by; "" if none."""
    for part in reversed(Path(path).parts):
        first = re.split(r"[-_.]", part.lower())[0]
        if first in SPLITS:
            return SPLITS[first]
    return ""


def is_ljspeech(path: Path) -> bool:
    """LJSpeech's metadata.csv has bars and no header, unlike your file of the same name."""
    line = next(iter(lines_of(read_text(path))), "")
    return line.count("|") >= 1 and line.partition("|")[0].strip().lower() not in AUDIO_COLUMNS


def read_ljspeech(path: Path) -> Iterator[Row]:
    """LJSpeech: metadata.csv “ID|text|text with numbers spelt out”, and wavs/ID.wav; one speaker."""
    for number, line in enumerate(lines_of(read_text(path)), 1):
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
