"""Photos with their captions, from shards, the usual data sets or one's own files.

``read_captions`` recognises what it is given:

* WebDataset shards, ``KEY.jpg`` with ``KEY.json`` {"captions": […]}: one ``.tar`` or a folder of them, the split being
  the name up to the first dash (``train-000.tar``). They are read by position, not in sequence: evaluation wants single
  photos, and training only their features;
* Karpathy's ``dataset_….json``; COCO's ``captions_….json`` (also the ``annotations`` folder); Flickr8k's and
  Flickr30k's ``….token(.txt)`` with the lists ``….trainImages.txt`` and so on, if there; ``captions.txt`` as on Kaggle;
* one's own ``.csv``, ``.tsv``, ``.json`` or ``.jsonl`` with columns "image" and "caption" (or "captions"), and "split"
  if wanted, or a folder that holds such a file named ``captions``; a photo may come in several rows;
* a folder of pictures with a ``.txt`` beside each, a caption a line.

Photos are looked for beside the file of captions, and in the folders below it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lstm_datasets.tables import FileFinder, is_file, lines_of, read_text, table_rows
from lstm_datasets.tar_index import tar_members
from lstm_models.errors import InputError
from lstm_models.io.images import IMAGE_SUFFIXES, open_image

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["CaptionedPhoto", "read_captions", "split_photos"]

HELD_OUT = "test"  # never trained on
VALIDATION = ("dev", "val", "validation", "valid")
PHOTO_COLUMNS = ("image", "photo", "file", "file_name", "filename", "path", "image_name")
CAPTION_COLUMNS = ("captions", "caption", "text", "sentence", "description", "comment")
_ROW = '{"image": "…", "caption": "…"}'


@dataclass(frozen=True)
class CaptionedPhoto:
    """One photo and what people said of it.

    Attributes:
        name: its file name, or its key in the shard.
        captions: as written.
        split: the part of the data it belongs to, "" if none is given.
        file: the picture, or the tar that it lies in.
        place: offset and size within the tar, in bytes; None for a file of its own.
    """

    name: str
    captions: tuple[str, ...]
    split: str
    file: Path
    place: tuple[int, int] | None = None

    def image(self) -> Image:
        """The photo in RGB.

        Raises:
            InputError: it is missing or damaged.
        """
        if self.place is None:
            return open_image(self.file)
        offset, size = self.place
        try:
            with open(self.file, "rb") as file:
                file.seek(offset)
                data = file.read(size)
        except OSError as error:
            raise InputError(f"{self.file} cannot be read: {error.strerror}") from None
        return open_image(data, name=f"{self.name} in {self.file.name}")


def read_captions(path: str | Path, split: str | None = None) -> list[CaptionedPhoto]:
    """Every photo at ``path``, or those of one split; see the module for what it may be.

    Raises:
        InputError: nothing is there, the kind is unknown, a file is damaged, or no photo with a caption is in it.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"there are no captioned photos at {path}")
    photos = [photo for photo in _read(path) if photo.captions]
    if not photos:
        raise InputError(f"{path} holds no photo with a caption")
    if split is None:
        return photos
    wanted = VALIDATION if split in VALIDATION else (split,)
    chosen = [photo for photo in photos if photo.split in wanted]
    if not chosen:
        known = ", ".join(sorted({photo.split for photo in photos if photo.split})) or "none"
        raise InputError(f"{path} has no split “{split}”; it has {known}", usage=True)
    return chosen


def split_photos(
    photos: Sequence[CaptionedPhoto], validation: str = "dev"
) -> tuple[list[CaptionedPhoto], list[CaptionedPhoto]]:
    """Photos to train on and to validate on.

    Validation is the split of that name ("dev", "val" and "validation" mean the same); "test" is left out of both
    unless it is asked for. Where the data name no splits, every twentieth photo.

    Raises:
        InputError: one of the two would be empty.
    """
    if any(photo.split for photo in photos):
        names = VALIDATION if validation in VALIDATION else (validation,)
        held = [photo for photo in photos if photo.split in names]
        train = [photo for photo in photos if photo.split not in (*names, HELD_OUT)]
    else:
        held = list(photos[::20])
        train = [photo for number, photo in enumerate(photos) if number % 20]
    if not held or not train:
        splits = ", ".join(sorted({photo.split for photo in photos if photo.split}))
        raise InputError(
            f"{len(photos)} photos leave {len(train)} to train on and {len(held)} to validate on; both need at least "
            "one" + (f" (validation split: {validation}; in the data: {splits})" if splits else "")
        )
    return train, held


def _read(path: Path) -> list[CaptionedPhoto]:
    if path.is_dir():
        return _read_folder(path)
    name, suffix = path.name.lower(), path.suffix.lower()
    if suffix == ".tar":
        return list(_read_shard(path))
    if suffix == ".json":
        return _read_json(path)
    if suffix in (".csv", ".tsv", ".jsonl") or name == "captions.txt":
        return _gather(path, table_rows(path, _ROW))
    if suffix == ".token" or name.endswith(".token.txt"):
        return _read_tokens(path)
    raise InputError(f"{path} is no file of captions: expected .tar, .json, .jsonl, .csv, .tsv or .token")


def _read_folder(path: Path) -> list[CaptionedPhoto]:
    if shards := sorted(path.glob("*.tar")):
        return [photo for shard in shards for photo in _read_shard(shard)]
    for pattern in ("dataset*.json", "captions.*", "metadata.csv", "metadata.jsonl", "*.token", "*.token.txt"):
        for file in sorted(path.glob(pattern)):
            if file.suffix.lower() in (".json", ".jsonl", ".csv", ".tsv", ".token", ".txt"):
                return _read(file)
    if coco := sorted([*path.glob("captions_*.json"), *path.glob("annotations/captions_*.json")]):
        return [photo for file in coco for photo in _read_json(file)]
    photos = []
    for file in sorted(path.rglob("*")):
        beside = file.with_suffix(".txt")
        if file.suffix.lower() in IMAGE_SUFFIXES and beside.is_file():
            photos.append(CaptionedPhoto(file.name, _texts(lines_of(read_text(beside))), "", file))
    if not photos:
        raise InputError(
            f"{path} holds no captions: expected .tar shards, a file named captions.csv, .json or .jsonl, the files of "
            "Flickr8k, Flickr30k or COCO, or pictures with a .txt beside each"
        )
    return photos


def _read_shard(path: Path) -> Iterator[CaptionedPhoto]:
    split = path.stem.partition("-")[0] if "-" in path.stem else ""
    places: dict[str, tuple[int, int]] = {}
    captions: dict[str, tuple[str, ...]] = {}
    for member in tar_members(path):
        if member.suffix in IMAGE_SUFFIXES:
            places[member.key] = member.place
        elif member.suffix == ".json":
            try:
                captions[member.key] = _texts(json.loads(member.read())["captions"])
            except (ValueError, KeyError, TypeError, RecursionError):
                raise InputError(f'{path}: {member.name} is not a JSON object {{"captions": ["…", …]}}') from None
    for key, place in places.items():
        yield CaptionedPhoto(key, captions.get(key, ()), split, path, place)


def _read_json(path: Path) -> list[CaptionedPhoto]:
    try:
        content = json.loads(read_text(path))
    except (json.JSONDecodeError, RecursionError) as error:
        raise InputError(f"{path} is damaged or no JSON ({str(error)[:100]})") from None
    try:
        if isinstance(content, dict) and "annotations" in content:
            return _coco(path, content)
        if isinstance(content, dict) and "images" in content:
            return _karpathy(path, content)
    except (KeyError, TypeError, AttributeError):
        raise InputError(f"{path} is neither COCO's file of captions nor Karpathy's") from None
    if isinstance(content, dict):  # {"photo.jpg": "caption"} or {"photo.jpg": ["caption", …]}
        content = [{"image": name, "captions": captions} for name, captions in content.items()]
    if not isinstance(content, list):
        raise InputError(f'{path}: expected a list of {{"image": "…", "caption": "…"}}')
    return _gather(path, enumerate(content, 1))


def _coco(path: Path, content: Any) -> list[CaptionedPhoto]:
    """COCO: {"images": [{"id", "file_name"}], "annotations": [{"image_id", "caption"}]}."""
    split = re.sub(r"^captions_|\d+$", "", path.stem)
    captions: dict[Any, list[str]] = {}
    for annotation in content["annotations"]:
        captions.setdefault(annotation["image_id"], []).append(annotation["caption"])
    find = FileFinder(path.parent.parent if path.parent.name == "annotations" else path.parent, IMAGE_SUFFIXES)
    return [
        CaptionedPhoto(each["file_name"], _texts(captions.get(each["id"], [])), split, find(each["file_name"]))
        for each in content["images"]
    ]


def _karpathy(path: Path, content: Any) -> list[CaptionedPhoto]:
    """Karpathy and Fei-Fei (2015): {"images": [{"filename", "split", "sentences": [{"raw"}]}]}; restval trains."""
    find = FileFinder(path.parent, IMAGE_SUFFIXES)
    photos = []
    for each in content["images"]:
        name = str(Path(each.get("filepath", "")) / each["filename"])
        split = "train" if each.get("split") == "restval" else str(each.get("split", ""))
        captions = _texts(sentence["raw"] for sentence in each["sentences"])
        file = find(name)
        if not is_file(file):  # the folders of COCO may have been put into one
            file = find(each["filename"])
        photos.append(CaptionedPhoto(each["filename"], captions, split, file))
    return photos


def _read_tokens(path: Path) -> list[CaptionedPhoto]:
    """Flickr8k and Flickr30k: ``photo.jpg#0<TAB>caption``; the splits in lists of names beside it."""
    splits = {
        name.strip(): {"train": "train", "dev": "dev", "val": "dev", "test": "test"}[match[1].lower()]
        for file in path.parent.glob("*.txt")
        if (match := re.search(r"(train|dev|val|test)(?:images)?\.txt$", file.name, re.IGNORECASE))
        for name in lines_of(read_text(file))
    }
    rows = []
    for number, line in enumerate(lines_of(read_text(path)), 1):
        name, tab, caption = line.partition("\t")
        if not line.strip():
            continue
        if not tab:
            raise InputError(f"{path}, line {number}: expected “photo.jpg#0”, a tab and the caption")
        name = name.rpartition("#")[0] or name
        rows.append((number, {"image": name, "caption": caption, "split": splits.get(name, "") if splits else ""}))
    photos = _gather(path, rows)
    # With lists, a photo in none of them belongs to no split
    return [photo for photo in photos if photo.split] if splits else photos


def _gather(path: Path, rows: Iterable[tuple[int, Any]]) -> list[CaptionedPhoto]:
    """Photos of rows that name a photo and a caption or several; rows of the same photo are one."""
    find = FileFinder(path.parent, IMAGE_SUFFIXES)
    photos: dict[str, CaptionedPhoto] = {}
    for number, row in rows:
        names = [row[column] for column in PHOTO_COLUMNS if row.get(column)] if isinstance(row, dict) else []
        texts = [row[column] for column in CAPTION_COLUMNS if row.get(column)] if isinstance(row, dict) else []
        if not names or not isinstance(names[0], str) or not texts:
            raise InputError(
                f"{path}, line {number}: expected a photo and its caption, in columns named "
                f"“{PHOTO_COLUMNS[0]}” and “{CAPTION_COLUMNS[1]}”"
            )
        captions = _texts([texts[0]] if isinstance(texts[0], str) else texts[0])
        name = names[0].strip()
        if name in photos:
            photos[name] = replace(photos[name], captions=photos[name].captions + captions)
        else:
            photos[name] = CaptionedPhoto(name, captions, str(row.get("split") or ""), find(name))
    return list(photos.values())


def _texts(texts: Iterable[Any]) -> tuple[str, ...]:
    """Captions with something in them, on one line each."""
    cleaned = (" ".join(text.split()) for text in ([texts] if isinstance(texts, str) else texts))
    return tuple(text for text in cleaned if text)
