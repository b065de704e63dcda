"""Tiny captioned photos for tests: coloured shapes on plain grounds, in every layout that ``read_captions`` knows."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

from PIL import Image, ImageDraw

COLOURS = {"red": (220, 40, 40), "green": (40, 180, 60), "blue": (50, 70, 220), "yellow": (230, 220, 50)}
SHAPES = ("ball", "box", "bar")


def photo(colour: str, shape: str, size: tuple[int, int] = (120, 90), shift: int = 0) -> Image.Image:
    """A shape of a colour."""
    image = Image.new("RGB", size, (200, 200, 190))
    draw = ImageDraw.Draw(image)
    x, y = 20 + shift, 15
    if shape == "ball":
        draw.ellipse((x, y, x + 50, y + 50), COLOURS[colour])
    else:
        draw.rectangle((x, y, x + 50, y + (50 if shape == "box" else 12)), COLOURS[colour])
    return image


def photos(count: int = 12) -> list[tuple[str, Image.Image, list[str]]]:
    """Names, photos and two captions of each."""
    made = []
    for number in range(count):
        colour, shape = list(COLOURS)[number % 4], SHAPES[number % 3]
        captions = [f"A {colour} {shape} .", f"There is a {shape} that is {colour} on the wall"]
        made.append((f"p{number:02d}", photo(colour, shape, shift=number), captions))
    return made


def jpeg(image: Image.Image) -> bytes:
    """As a file's bytes."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def folder(path: Path, count: int = 12, *, table: bool = True) -> Path:
    """Pictures with a captions.csv, or with a .txt beside each."""
    path.mkdir(parents=True, exist_ok=True)
    rows = ["image,caption"]
    for name, image, captions in photos(count):
        (path / f"{name}.jpg").write_bytes(jpeg(image))
        if not table:
            (path / f"{name}.txt").write_text("\n".join(captions), encoding="utf-8")
        rows += [f"{name}.jpg,{caption}" for caption in captions]
    if table:
        (path / "captions.csv").write_text("\n".join(rows), encoding="utf-8")
    return path


def shard(path: Path, count: int = 12) -> Path:
    """A WebDataset shard."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as tar:
        for name, image, captions in photos(count):
            parts = {"jpg": jpeg(image), "json": json.dumps({"captions": captions}).encode()}
            for kind, data in parts.items():
                member = tarfile.TarInfo(f"{name}.{kind}")
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
    return path
