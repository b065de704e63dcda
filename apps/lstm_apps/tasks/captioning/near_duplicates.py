"""Finds photos that two sets share: the same file, or the same picture saved, resized or mirrored anew.

lstm-models evaluate captioning --data PHOTOS --overlap true

The hash is the difference hash of the package imagehash, both ways. Here all pairs of two sets are compared by one
product of matrices, and imagehash compares its objects two at a time: Flickr8k's splits have some 7 million pairs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from lstm_datasets.captioning.readers import CaptionedPhoto
from lstm_models.errors import InputError

__all__ = ["Match", "overlap"]

CELLS = 9  # rows and columns of the brightness that is hashed
SIDE = 32  # of the thumbnails that are compared
MOST_BITS = 26  # of 144 that may differ; saving anew changes a few, other photos differ in 72 on average
MIN_CORRELATION = 0.9
_CHUNK = 512


class Match(NamedTuple):
    """A photo of the one set that is in the other, too.

    Attributes:
        train: its name in the first set.
        held: its name in the second set.
        kind: "same file" (SHA-256), "alike" or "mirrored".
        correlation: of the two pictures' brightness at 32 × 32, 1 for the same file.
    """

    train: str
    held: str
    kind: str
    correlation: float


def overlap(train: Iterable[CaptionedPhoto], held: Sequence[CaptionedPhoto]) -> list[Match]:
    """Pairs of photos that are the same file or nearly the same picture; the surest first.

    Nearly the same is: difference hashes (whether each of 9 × 9 cells is brighter than the one to its left, and the
    one above) that differ in at most 26 of 144 bits, and thumbnails that correlate by at least 0.9, as they are or
    with one of them mirrored. Pictures that were cropped or turned are not found. Photos that cannot be opened are
    compared by their files alone.
    """
    ours, theirs = _Pictures(train), _Pictures(held)
    if not ours.names or not theirs.names:
        return []
    found: dict[tuple[int, int], Match] = {}
    by_file: dict[bytes, list[int]] = {}
    for index, digest in enumerate(ours.digests):
        by_file.setdefault(digest, []).append(index)
    for other, digest in enumerate(theirs.digests):
        for index in by_file.get(digest, []):
            found[index, other] = Match(ours.names[index], theirs.names[other], "same file", 1.0)
    for kind, thumbnails in (("alike", theirs.thumbnails), ("mirrored", theirs.thumbnails[:, :, ::-1])):
        bits = _bits(thumbnails)
        for start in range(0, len(ours.names), _CHUNK):
            part = slice(start, start + _CHUNK)
            differing = (bits.shape[1] - _bits(ours.thumbnails[part]) @ bits.T) / 2
            for offset, other in np.argwhere(differing <= MOST_BITS):
                index = start + int(offset)
                value = _correlation(ours.thumbnails[index], thumbnails[other])
                if value >= MIN_CORRELATION and (index, int(other)) not in found:
                    found[index, int(other)] = Match(ours.names[index], theirs.names[other], kind, value)
    return sorted(found.values(), key=lambda match: (-match.correlation, match.train, match.held))


class _Pictures:
    """Names, digests of the files, and thumbnails [photos, 32, 32] (not a number where a photo cannot be opened)."""

    def __init__(self, photos: Iterable[CaptionedPhoto]) -> None:
        self.names: list[str] = []
        self.digests: list[bytes] = []
        rows = []
        for photo in photos:
            self.names.append(photo.name)
            self.digests.append(_digest(photo))
            try:
                small = photo.image().convert("L").resize((SIDE, SIDE))
                rows.append(np.asarray(small, dtype=np.float32))
            except InputError:
                rows.append(np.full((SIDE, SIDE), np.nan, dtype=np.float32))
        self.thumbnails = np.stack(rows or [np.zeros((SIDE, SIDE), np.float32)])


def _digest(photo: CaptionedPhoto) -> bytes:
    try:
        with open(photo.file, "rb") as file:
            if photo.place is not None:
                file.seek(photo.place[0])
            return hashlib.sha256(file.read() if photo.place is None else file.read(photo.place[1])).digest()
    except OSError:
        return f"missing: {photo.name}".encode("utf-8", "surrogateescape")


def _bits(thumbnails: np.ndarray) -> np.ndarray:
    """Difference hashes [photos, 144] as 1 and −1; their inner product is 144 − 2 · differing bits."""
    edges = np.linspace(0, SIDE, CELLS + 1).round().astype(int)[:-1]
    cells = np.add.reduceat(np.add.reduceat(thumbnails, edges, axis=1), edges, axis=2)
    sizes = np.diff([*edges, SIDE]).astype(np.float32)
    cells = cells / (sizes[:, None] * sizes)
    across, down = np.diff(cells, axis=2), np.diff(cells, axis=1)
    bits = np.concatenate([across.reshape(len(cells), -1), down.reshape(len(cells), -1)], axis=1)
    signs = np.where(bits > 0, np.float32(1), np.float32(-1))
    signs[np.isnan(bits)] = 0  # a photo that cannot be opened is half unlike any
    return signs  # type: ignore[no-any-return]


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    a, b = one - one.mean(), other - other.mean()
    size = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / size if size > 0 else 0.0
