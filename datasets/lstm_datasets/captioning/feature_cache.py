"""Features of photos, computed once by the frozen part of an image encoder and kept on disk in bfloat16.

A photo is kept in several versions, so that training sees it anew: as it is, mirrored, and cropped at random. What is
kept is named after the photos, the encoder and the versions: another encoder computes anew, the same one goes on.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from lstm_datasets.captioning.readers import CaptionedPhoto
from lstm_models.errors import InputError
from lstm_models.io.atomic_write import write_whole
from lstm_models.nn.image_encoder import ImageEncoder

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["PhotoFeatures", "photo_features"]

FORMAT = 1
TOLERATED = 0.1  # share of photos that may be unreadable

Progress = Callable[[Iterable[range], int], Iterable[range]]


@dataclass(frozen=True)
class PhotoFeatures:
    """Features [photos, versions, channels, rows, columns] as the bits of bfloat16, and the photos that had none."""

    bits: np.ndarray
    failures: dict[int, str]

    def __call__(self, photo: int, version: int = 0) -> Tensor:
        """[channels, rows, columns] in bfloat16."""
        return torch.from_numpy(np.array(self.bits[photo, version])).view(torch.bfloat16)


def photo_features(
    photos: Sequence[CaptionedPhoto],
    encoder: ImageEncoder,
    folder: str | Path,
    *,
    versions: int = 1,
    seed: int = 0,
    precision: str = "bf16",
    device: str = "cpu",
    progress: Progress | None = None,
) -> PhotoFeatures:
    """Computes features, or opens those computed before; a killed run goes on where it was.

    Args:
        photos: of which.
        encoder: whose ``freeze`` computes them.
        folder: where they are kept.
        versions: of each photo: as it is, mirrored, then cropped at random and mirrored by turns.
        seed: of the crops.
        precision: bf16 or 32.
        device: where they are computed.
        progress: wraps the batches (and gets their number), to show how far it is.

    Raises:
        InputError: the folder cannot be written, or more than a tenth of the photos cannot be read.
    """
    folder = Path(folder)
    name = _name(photos, encoder, versions, seed)
    done, part, bad = folder / f"{name}.npy", folder / f".{name}.npy.part", folder / f"{name}.json"
    shape = (len(photos), versions, *_shape(encoder))
    if not done.exists():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _compute(photos, encoder, part, bad, shape, seed, precision, torch.device(device), progress)
            part.replace(done)
        except OSError as error:
            raise InputError(f"{folder} cannot be written: {error.strerror or error}") from None
    try:
        bits = np.load(done, mmap_mode="r")
        failures = {int(key): value for key, value in json.loads(bad.read_text("utf-8"))["failures"].items()}
    except (OSError, ValueError, KeyError):
        raise InputError(f"{done} is damaged: delete it, and it is computed anew") from None
    if len(failures) > TOLERATED * len(photos):
        raise InputError(
            f"{len(failures)} of {len(photos)} photos cannot be read; the first: {next(iter(failures.values()))}"
        )
    return PhotoFeatures(bits, failures)


def _compute(
    photos: Sequence[CaptionedPhoto],
    encoder: ImageEncoder,
    part: Path,
    bad: Path,
    shape: tuple[int, ...],
    seed: int,
    precision: str,
    device: torch.device,
    progress: Progress | None,
) -> None:
    start, failures = 0, {}
    if part.exists() and bad.exists():
        with contextlib.suppress(ValueError, KeyError):
            state = json.loads(bad.read_text("utf-8"))
            start, failures = state["done"], state["failures"]
    free = os.statvfs(part.parent) if hasattr(os, "statvfs") else None
    if not start and free and free.f_bavail * free.f_frsize < 2 * np.prod(shape):  # a full disk would be a bus error
        raise InputError(f"the features need {2 * np.prod(shape) / 2**30:.1f} GiB in {part.parent}: the disk is full")
    bits = np.lib.format.open_memmap(part, "r+" if start else "w+", np.uint16, None if start else shape)
    batches = [range(first, min(first + 8, len(photos))) for first in range(start, len(photos), 8)]
    for number, batch in enumerate(batches if progress is None else progress(batches, len(batches))):
        pixels, rows = [], []
        for index in batch:
            try:
                image = photos[index].image()
            except InputError as error:
                failures[str(index)] = str(error)
                continue
            pixels += [encoder.preprocess(version) for version in _versions(image, shape[1], (seed, index))]
            rows.append(index)
        if rows:
            with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16"):
                features = encoder.freeze(torch.stack(pixels).to(device))
            values = features.to("cpu", torch.bfloat16).contiguous().view(torch.uint16).numpy()
            bits[rows] = values.reshape(len(rows), *shape[1:])
        if number % 32 == 31 or number == len(batches) - 1:
            bits.flush()
            write_whole(bad, json.dumps({"done": batch.stop, "failures": failures}))


def _versions(image: Image, count: int, seed: tuple[int, ...]) -> Iterator[Image]:
    from PIL.Image import Transpose

    generator = np.random.default_rng(seed)
    for number in range(count):
        version = image
        if number >= 2:
            width, height = image.size
            side = np.sqrt(generator.uniform(0.7, 0.95))
            size = [max(1, int(full * min(1, side * generator.uniform(0.95, 1.05)))) for full in (width, height)]
            x, y = (int(generator.integers(0, full - part + 1)) for full, part in zip(image.size, size, strict=True))
            version = image.crop((x, y, x + size[0], y + size[1]))
        yield version.transpose(Transpose.FLIP_LEFT_RIGHT) if number % 2 else version


def _shape(encoder: ImageEncoder) -> tuple[int, int, int]:
    pixels = torch.zeros(1, 3, encoder.config.size, encoder.config.size)
    channels, rows, columns = encoder.freeze(pixels).shape[1:]
    return channels, rows, columns


def _name(photos: Sequence[CaptionedPhoto], encoder: ImageEncoder, versions: int, seed: int) -> str:
    digest = hashlib.sha256()
    for photo in photos:
        with contextlib.suppress(OSError):
            status = photo.file.stat()
            digest.update(f"{status.st_size} {status.st_mtime_ns} ".encode())
        digest.update(f"{photo.file.absolute()} {photo.place}\n".encode())
    settings = [FORMAT, dataclasses.astuple(encoder.config), versions, seed if versions > 2 else 0]
    digest.update(json.dumps(settings).encode())
    return f"{encoder.config.backbone}-{len(photos)}-{digest.hexdigest()[:16]}"
