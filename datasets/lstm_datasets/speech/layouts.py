"""The layouts in which recordings with their texts come: each reader gives a `Row` a recording, unchecked.

A file of its own that is damaged raises InputError; what is wrong with one row is for `lstm_datasets.speech.readers`
to report.
"""

from __future__ import annotations

import glob
import json
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from lstm_datasets.speech.tables import (
    SPLITS,
    Row,
    is_ljspeech,
    read_ljspeech,
    read_table,
    row_of,
    split_of,
    with_suffix,
)
from lstm_datasets.tables import csv_rows, lines_of, read_text
from lstm_datasets.tar_index import tar_members
from lstm_models.errors import InputError
from lstm_models.io.atomic_write import shown
from lstm_models.io.audio import AUDIO_SUFFIXES

__all__ = ["expand", "read_layout"]


def expand(data: str) -> list[Path]:
    """The paths that a path, a glob or a brace pattern such as ``train-{000..012}.tar`` stands for.

    Raises:
        InputError: it stands for nothing that exists.
    """
    if not data:
        raise InputError("the name of the data is empty", usage=True)
    if "\0" in data:
        raise InputError(f"{shown(data)} is no name of data: it has a zero byte", usage=True)
    try:
        if Path(data).exists():
            return [Path(data)]
    except OSError as error:  # a name too long, a folder that may not be looked into
        raise InputError(f"{shown(data)[:200]} cannot be read: {(error.strerror or str(error)).lower()}") from None
    patterns = [data]
    if "{" in data:
        from braceexpand import UnbalancedBracesError, braceexpand  # type: ignore[attr-defined]

        try:
            patterns = list(braceexpand(data))
        except UnbalancedBracesError:
            raise InputError(f"{shown(data)}: a brace is missing", usage=True) from None
    found = []
    for pattern in patterns:
        matches = sorted(glob.glob(pattern, recursive=True)) if glob.has_magic(pattern) else [pattern]
        if not matches or not Path(matches[0]).exists():
            of = f" (of {shown(data)})" if pattern != data else ""
            raise InputError(f"there is no speech data at {shown(pattern)}{of}")
        found += [Path(match) for match in matches]
    return found


def read_layout(path: Path) -> list[Row]:
    """Every recording at ``path``, whose layout is recognised.

    Raises:
        InputError: the layout is unknown, or a file that lists recordings is damaged.
    """
    if path.is_dir():
        return _read_folder(path)
    name, suffix = path.name.lower(), path.suffix.lower()
    if suffix == ".tar":
        return list(_shard(path))
    if name.endswith(".trans.txt"):
        return list(_librispeech([path], path.parent))
    if suffix == ".transcription":
        return list(_sphinx([path]))
    if suffix == ".csv" and is_ljspeech(path):
        return list(read_ljspeech(path))
    if suffix == ".tsv" and (path.parent / "clips").is_dir():
        return list(_common_voice([path]))
    if suffix in (".csv", ".tsv", ".jsonl", ".json"):
        return list(read_table(path))
    raise InputError(
        f"{shown(path)} is no speech data: expected .tar shards, a .csv, .tsv or .jsonl, or a folder of recordings"
    )


def _read_folder(path: Path) -> list[Row]:
    if shards := sorted(path.glob("*.tar")):
        return [row for shard in shards for row in _shard(shard)]
    for pattern, read in _FOLDERS:
        for place in ("", "*/", "*/*/"):
            if found := sorted(path.glob(place + pattern)):
                return list(read(found))
    if found := sorted(path.rglob("*.trans.txt")):
        return list(_librispeech(found, path))
    tables = [file for file in sorted(path.iterdir()) if file.suffix.lower() in (".csv", ".tsv", ".jsonl", ".json")]
    if tables:
        return [row for table in tables for row in read_table(table)]
    rows = []
    for file in sorted(path.rglob("*")):
        beside = file.with_suffix(".txt")
        if file.suffix.lower() in AUDIO_SUFFIXES and beside.is_file():
            inside = file.relative_to(path)
            rows.append(
                Row(str(inside), str(inside.with_suffix("")), read_text(beside), file, source=path.name,
                    split=split_of(inside.parent))
            )  # fmt: skip
    if not rows:
        raise InputError(
            f"{shown(path)} holds no recordings with texts: expected .tar shards, the files of LibriSpeech, LJSpeech, "
            "Common Voice, VoxForge or AN4, a .csv, .tsv or .jsonl with columns “audio” and “text”, or audio files "
            "with a .txt beside each"
        )
    return rows


# --- shards ----------------------------------------------------------------------------------------------------------


def _shard(path: Path) -> Iterator[Row]:
    """WebDataset: KEY.opus (or another format) and KEY.json {"text", …}, read by position."""
    stem = re.sub(r"-\d+$", "", path.stem)
    split, _, rest = stem.partition("-")
    split, source = (SPLITS[split], rest or stem) if split in SPLITS else ("", stem)
    places: dict[str, tuple[int, int]] = {}
    known: dict[str, Any] = {}
    name = shown(path)
    for member in tar_members(path):
        if member.suffix in AUDIO_SUFFIXES:
            places[member.key] = member.place
        elif member.suffix in (".json", ".txt"):
            try:
                content = member.read()
                known[member.key] = json.loads(content) if member.suffix == ".json" else {"text": content.decode()}
            except (ValueError, RecursionError):
                raise InputError(f'{name}: {member.name} is no JSON object {{"text": "…"}}') from None
    if not places:
        raise InputError(f"{name} holds no recordings (KEY.opus, .flac, .wav, .mp3 or .ogg, each with KEY.json)")
    for key, place in places.items():
        meta = known.get(key, {})
        yield row_of(f"{key} in {path.name}", key, meta if isinstance(meta, dict) else {}, path, place, source, split)


# --- data sets as their publishers lay them out --------------------------------------------------------------------


def _librispeech(files: Iterable[Path], root: Path) -> Iterator[Row]:
    """LibriSpeech: SUBSET/SPEAKER/CHAPTER/SPEAKER-CHAPTER.trans.txt, “SPEAKER-CHAPTER-0000 TEXT” a line, and .flac."""
    genders = {}
    for above in (root, *root.parents[:3]):
        if (speakers := above / "SPEAKERS.TXT").is_file():
            for line in lines_of(read_text(speakers)):
                parts = [part.strip() for part in line.split("|")]
                if not line.startswith(";") and len(parts) > 1:
                    genders[parts[0]] = parts[1].lower()
            break
    for file in files:
        subset = file.parent.parent.parent.name if len(file.parents) > 3 else ""
        for number, line in enumerate(lines_of(read_text(file)), 1):
            key, _, text = line.strip().partition(" ")
            if key:
                speaker = key.partition("-")[0]
                yield Row(
                    f"{file.name}, line {number}", key, text, with_suffix(file.parent / key), speaker=speaker,
                    source=subset or "librispeech", gender=genders.get(speaker, ""), split=split_of(Path(subset)),
                )  # fmt: skip


def _common_voice(files: list[Path]) -> Iterator[Row]:
    """Common Voice: train.tsv, dev.tsv and test.tsv, or validated.tsv where they are missing, and clips/."""
    for file in files:
        for number, row in csv_rows(file, "\t"):
            name = str(row.get("path") or "").strip()
            clip = file.parent / "clips" / (name if Path(name).suffix else f"{name}.mp3") if name else None
            # Its column “segment” says that these are single words, not where the row belongs
            meta = {column: value for column, value in row.items() if column not in ("split", "segment", "source")}
            yield row_of(
                f"{file.name}, line {number}", name, meta, clip, None, "commonvoice", split_of(Path(file.stem))
            )


def _common_voice_folder(clips: list[Path]) -> Iterator[Row]:
    for folder in (clip.parent for clip in clips):
        files = [folder / f"{split}.tsv" for split in ("train", "dev", "test")]
        files = [file for file in files if file.is_file()] or [folder / "validated.tsv"]
        if not files[0].is_file():
            files = [file for file in sorted(folder.glob("*.tsv")) if file.stem not in ("clip_durations", "reported")]
        if not files:
            raise InputError(f"{shown(folder)} has Common Voice's clips but no validated.tsv or train.tsv")
        yield from _common_voice(files)


def _voxforge(files: list[Path]) -> Iterator[Row]:
    """VoxForge: SPEAKER-DATE-ID/ with etc/prompts-original (or etc/PROMPTS), etc/README and wav/ (or flac/)."""
    for file in files:
        folder = file.parent.parent
        if file.name != "prompts-original" and (file.parent / "prompts-original").is_file():
            continue
        user, _, rest = folder.name.partition("-")
        about = read_text(file.parent / "README") if (file.parent / "README").is_file() else ""
        gender = re.search(r"^Gender:\s*(\w)", about, re.MULTILINE | re.IGNORECASE)
        for number, line in enumerate(lines_of(read_text(file)), 1):
            name, _, text = line.strip().partition(" ")
            name = name.rpartition("/")[2]
            if name:
                yield Row(
                    f"{folder.name}/etc/{file.name}, line {number}", f"{folder.name}/{name}", text,
                    with_suffix(folder / "wav" / name, folder / "flac" / name),
                    speaker=folder.name if user.lower() == "anonymous" and rest else user,
                    source="voxforge", gender=gender[1].lower() if gender else "",
                )  # fmt: skip


def _sphinx(files: list[Path]) -> Iterator[Row]:
    """AN4: etc/an4_train.transcription “<s> TEXT </s> (ID)”, etc/an4_train.fileids, and wav/; test likewise."""
    for file in files:
        fileids = file.with_suffix(".fileids")
        ids = [line.strip() for line in lines_of(read_text(fileids))] if fileids.is_file() else []
        by_name = {Path(each).name: each for each in ids}
        corpus, _, part = file.stem.rpartition("_")
        for number, line in enumerate(lines_of(read_text(file)), 1):
            match = re.fullmatch(r"(.*?)\s*\(([^()\s]+)\)\s*", line)
            if not match:
                if line.strip():
                    yield Row(f"{file.name}, line {number}", f"line {number}", "", None)
                continue
            text, key = re.sub(r"<[^>]*>|\+\+\w+\+\+|\(\d\)", " ", match[1]), match[2]
            inside = by_name.get(Path(key).name, key)
            yield Row(
                f"{file.name}, line {number}", key, text, with_suffix(file.parent.parent / "wav" / inside),
                speaker=inside.split("/")[-2] if "/" in inside else "", source=corpus or file.stem,
                split=SPLITS.get(part, ""),
            )  # fmt: skip


_FOLDERS: tuple[tuple[str, Callable[[list[Path]], Iterator[Row]]], ...] = (
    ("clips/", _common_voice_folder),
    ("etc/*.transcription", _sphinx),
    ("etc/[Pp][Rr][Oo][Mm][Pp][Tt][Ss]*", _voxforge),
)
