"""Captions that others wrote of the same photos, such as in another language: JSON Lines, a photo a line.

    {"key": "1022454332_6af2c1449a", "captions": ["Ein Junge steht am Ufer."]}

Also as .xz. ``key`` is the photo's name, with or without the ending of its file.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePath

from lstm_datasets.captioning.readers import CaptionedPhoto
from lstm_datasets.packed_files import read_text
from lstm_models.errors import InputError
from lstm_models.io.atomic_write import shown

__all__ = ["with_references"]


def with_references(photos: Sequence[CaptionedPhoto], path: str | Path) -> list[CaptionedPhoto]:
    """The photos that the file has captions of, with these in place of their own.

    Raises:
        InputError: the file cannot be read, a line is not a photo with captions, or it has none of the photos.
    """
    captions = _read(Path(path))
    named = [(photo, captions.get(photo.name) or captions.get(PurePath(photo.name).stem)) for photo in photos]
    found = [replace(photo, captions=texts) for photo, texts in named if texts]
    if not found:
        raise InputError(f"{shown(str(path))} has captions of none of the {len(photos):,} photos")
    return found


def _read(path: Path) -> dict[str, tuple[str, ...]]:
    name = shown(str(path))
    text = read_text(path)
    found: dict[str, tuple[str, ...]] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            if not isinstance(row["captions"], list):
                raise TypeError("a list is expected")
            found[str(row["key"])] = tuple(each.strip() for each in row["captions"] if each.strip())
        except (ValueError, RecursionError, TypeError, KeyError, AttributeError):
            raise InputError(
                f'line {number} of {name} is not a photo with captions: expected {{"key": "…", "captions": ["…"]}}'
            ) from None
    return found
