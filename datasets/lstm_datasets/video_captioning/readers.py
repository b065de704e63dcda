"""Films with sentences, from the usual data sets or one's own folder, and sentences about clips that are not there.

``read_films`` recognises what it is given:

* MSR-VTT: ``videodatainfo.json`` and the like, {"videos": [{"video_id", "split"}], "sentences": [{"video_id",
  "caption"}]};
* MSVD: the table of its authors with the columns VideoID, Start, End, Language and Description, whose English sentences
  belong to ID_START_END.avi; or lines of JSON {"clip": "…", "captions": ["…"]};
* one's own ``.csv``, ``.tsv``, ``.json`` or ``.jsonl`` with columns "video" (or "film", "clip", "file") and "caption"
  (or "captions"), and "start", "end" in seconds and "split" if wanted; or a folder with such a file named ``captions``;
* a folder of films with a ``.txt`` beside each, a sentence a line.

Films are looked for beside the table, and in the folders below it. Files may be compressed by xz.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lstm_datasets import packed_files
from lstm_datasets.tables import FileFinder, is_file, json_lines, lines_of, read_text, table_rows
from lstm_models.errors import InputError
from lstm_models.io.films import FILM_SUFFIXES

__all__ = ["CaptionedFilm", "read_films", "read_sentences", "split_films"]

FILM_COLUMNS = ("video", "film", "clip", "file", "file_name", "filename", "path", "video_id")
CAPTION_COLUMNS = ("captions", "caption", "text", "sentence", "description")
VALIDATION = ("dev", "val", "validation", "validate")
_ROW = '{"video": "…", "caption": "…"}'


@dataclass(frozen=True)
class CaptionedFilm:
    """A film, or a part of one, and what people said of it.

    Attributes:
        name: of the film or the part.
        captions: as written.
        split: the part of the data it belongs to, "" if none is given.
        file: the film.
        start: seconds.
        end: seconds; None for the film's end.
    """

    name: str
    captions: tuple[str, ...]
    split: str
    file: Path
    start: float = 0.0
    end: float | None = None


def read_films(path: str | Path) -> list[CaptionedFilm]:
    """The films with sentences at ``path`` whose files are there; see the module for what it may be.

    Raises:
        InputError: nothing is there, a file is damaged, or no film with a sentence is in it.
    """
    path = Path(path)
    films = [film for film in _read(path) if film.captions]
    if not films:
        raise InputError(f"{path} holds no film with a sentence")
    there = [film for film in films if is_file(film.file)]
    if not there:
        raise InputError(f"{path} describes {len(films)} films, and none of them is there; the first: {films[0].file}")
    return there


def read_sentences(path: str | Path) -> list[tuple[str, ...]]:
    """The sentences about each clip, whether the clips are there or not.

    Raises:
        InputError: as `read_films`.
    """
    found = [film.captions for film in _read(Path(path)) if film.captions]
    if not found:
        raise InputError(f"{path} holds no sentence about a clip")
    return found


def split_films(
    films: Sequence[CaptionedFilm], validation: str = "dev"
) -> tuple[list[CaptionedFilm], list[CaptionedFilm]]:
    """Films to train on and to validate on: the split of that name ("dev", "val", "validate" mean the same), "test" in
    neither; every twentieth film where the data name no splits.

    Raises:
        InputError: one of the two would be empty.
    """
    wanted = VALIDATION if validation in VALIDATION else (validation,)
    if any(film.split for film in films):
        held = [film for film in films if film.split in wanted]
        learn = [film for film in films if film.split not in (*wanted, "test")]
    else:
        held = list(films[::20])
        learn = [film for number, film in enumerate(films) if number % 20]
    if not learn or not held:
        raise InputError(f"the data leave {len(learn)} films to train on and {len(held)} to validate on")
    return learn, held


def _read(path: Path) -> Iterable[CaptionedFilm]:
    if not path.exists():
        raise InputError(f"{path} does not exist")
    if path.is_dir():
        for pattern in ("captions.*", "*videodatainfo*.json", "*corpus*.csv", "metadata.csv", "metadata.jsonl"):
            for file in sorted(path.glob(pattern)):
                return _read(file)
        return _texts_beside(path)
    if path.suffix == ".json":
        content = _json(path)
        if isinstance(content, dict):
            return _msr_vtt(path, content)
    if path.suffix == ".xz":
        return _gather(path, _lines_of_xz(path))
    return _gather(path, table_rows(path, _ROW))


def _texts_beside(folder: Path) -> Iterator[CaptionedFilm]:
    for file in sorted(folder.rglob("*")):
        beside = file.with_suffix(".txt")
        if file.suffix.lower() in FILM_SUFFIXES and beside.is_file():
            yield CaptionedFilm(file.name, _texts(lines_of(read_text(beside))), "", file)


def _json(path: Path) -> Any:
    try:
        return json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is damaged or no JSON ({str(error)[:100]})") from None


def _lines_of_xz(path: Path) -> Iterator[tuple[int, Any]]:
    return json_lines(path, packed_files.read_text(path))


def _msr_vtt(path: Path, content: dict[str, Any]) -> list[CaptionedFilm]:
    """MSR-VTT (Xu et al. 2016): {"videos": [{"video_id", "split"}], "sentences": [{"video_id", "caption"}]}."""
    captions: dict[str, list[str]] = {}
    try:
        for sentence in content["sentences"]:
            captions.setdefault(sentence["video_id"], []).append(sentence["caption"])
        splits = {video["video_id"]: str(video.get("split", "")) for video in content["videos"]}
    except (KeyError, TypeError, AttributeError):
        raise InputError(f"{path} is not MSR-VTT's file of sentences") from None
    find = _Films(path.parent)
    return [CaptionedFilm(name, _texts(texts), splits.get(name, ""), find(name)) for name, texts in captions.items()]


def _gather(path: Path, rows: Iterable[tuple[int, Any]]) -> list[CaptionedFilm]:
    """Films of rows that name a film and a sentence or several; rows of the same part of a film are one."""
    find = _Films(path.parent)
    films: dict[tuple[str, float, float | None], list[str]] = {}
    splits: dict[str, str] = {}
    for number, row in rows:
        msvd = isinstance(row, dict) and {"videoid", "start", "end", "description"} <= set(row)
        if msvd and str(row.get("language", "English")).strip().lower() != "english":
            continue
        names = [row[key] for key in FILM_COLUMNS if row.get(key)] if isinstance(row, dict) else []
        texts = [row[key] for key in CAPTION_COLUMNS if row.get(key)] if isinstance(row, dict) else []
        if msvd:
            names = [f"{row['videoid']}_{row['start']}_{row['end']}.avi"]
            row = {**row, "start": None, "end": None}  # the file is the part
        if not names or not isinstance(names[0], str) or not texts:
            raise InputError(f"{path}, line {number}: expected a film and its sentence, such as {_ROW}")
        key = (
            names[0].strip(),
            _seconds(path, number, row.get("start")) or 0.0,
            _seconds(path, number, row.get("end")),
        )
        films.setdefault(key, []).extend([texts[0]] if isinstance(texts[0], str) else texts[0])
        splits.setdefault(names[0].strip(), str(row.get("split") or ""))
    return [
        CaptionedFilm(name, _texts(texts), splits[name], find(name), start, end)
        for (name, start, end), texts in films.items()
    ]


def _seconds(path: Path, number: int, value: Any) -> float | None:
    if value in (None, ""):
        return None
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        seconds = -1.0
    if not 0 <= seconds < 1e6:
        raise InputError(f"{path}, line {number}: “{value}” is no time in seconds")
    return seconds


class _Films:
    """Where a film lies, named with its suffix or without."""

    def __init__(self, folder: Path) -> None:
        self._find = FileFinder(folder, FILM_SUFFIXES)

    def __call__(self, name: str) -> Path:
        if Path(name).suffix.lower() in FILM_SUFFIXES:
            return self._find(name)
        found = [self._find(name + suffix) for suffix in (".mp4", ".avi", ".webm", ".mkv")]
        return next((file for file in found if is_file(file)), found[0])


def _texts(texts: Iterable[Any]) -> tuple[str, ...]:
    """Sentences with something in them, on one line each."""
    cleaned = (" ".join(text.split()) for text in texts if isinstance(text, str))
    return tuple(text for text in cleaned if text)
