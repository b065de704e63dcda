"""Speech in WebDataset shards: ``KEY.flac`` (or ``.opus``) at 16 kHz, mono, with ``KEY.json`` {text, speaker, …}.

>>> from lstm_datasets.speech.shards import Line, read_lines, write_shard
>>> write_shard("train-mine-000.tar", [Line("mine_00000", samples, {"text": "HELLO", "speaker": "me"})])
>>> [line.meta["text"] for line in read_lines("train-mine-000.tar")]
['HELLO']
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from lstm_models.errors import InputError
from lstm_models.io.atomic_write import shown, written_whole
from lstm_models.io.samples import SAMPLE_RATE

__all__ = ["Line", "encoded", "read_lines", "read_meta", "write_shard"]

Format = Literal["flac", "opus"]
MOST_META = 2**20  # bytes; more is no description of one line


@dataclass(frozen=True)
class Line:
    """One utterance of a shard.

    Attributes:
        key: its name in the shard, without a dot.
        samples: float32 [samples], −1 to 1, 16 kHz mono.
        meta: its JSON: text, speaker, duration in seconds, source_id, label, …
    """

    key: str
    samples: np.ndarray = field(repr=False)
    meta: dict[str, Any]


def encoded(samples: np.ndarray, format: Format = "flac") -> bytes:
    """Samples [samples] at 16 kHz as the bytes of a FLAC (16 bit) or Ogg Opus file."""
    import soundfile

    container, subtype = {"flac": ("FLAC", "PCM_16"), "opus": ("OGG", "OPUS")}[format]
    out = io.BytesIO()
    soundfile.write(out, np.clip(samples, -1, 1), SAMPLE_RATE, format=container, subtype=subtype)
    return out.getvalue()


def write_shard(path: str | Path, lines: Iterable[Line], format: Format = "flac") -> int:
    """Write one shard, whole or not at all, and return how many lines it has. Nothing is written for no lines.

    Equal lines make equal bytes, whenever they are written.

    Raises:
        InputError: the file cannot be written, or the disk is full.
    """
    from webdataset.writer import TarWriter

    lines = iter(lines)
    first = next(lines, None)
    if first is None:
        return 0
    count = 0
    with written_whole(path) as file, TarWriter(file, mtime=0.0, user="", group="", encoder=False) as shard:
        while first is not None:
            meta = json.dumps(first.meta).encode()
            shard.write({"__key__": first.key, format: encoded(first.samples, format), "json": meta})
            count += 1
            first = next(lines, None)
    return count


def read_meta(path: str | Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The key and the JSON of every line of a shard; sound is passed over, not decoded.

    Raises:
        InputError: the file is missing, cut off, or no shard of speech.
    """
    for name, data in _members(path, (".json",)):
        yield name.rpartition(".")[0], _meta(path, name, data)


def read_lines(path: str | Path) -> Iterator[Line]:
    """Every line of a shard with its sound, in order, one in memory at a time.

    Raises:
        InputError: the file is missing, cut off, or no shard of 16 kHz speech.
    """
    import soundfile

    held: dict[str, dict[str, bytes]] = {}
    for name, data in _members(path, (".json", ".flac", ".opus", ".wav", ".ogg")):
        key, _, suffix = name.rpartition(".")
        parts = held.setdefault(key, {})
        parts["json" if suffix == "json" else "sound"] = data
        if len(parts) < 2:
            continue
        del held[key]
        try:
            samples, rate = soundfile.read(io.BytesIO(parts["sound"]), dtype="float32", always_2d=True)
        except (soundfile.LibsndfileError, RuntimeError):
            raise InputError(f"{shown(path)}: the sound of {shown(key)} is damaged.") from None
        if rate != SAMPLE_RATE or samples.shape[1] != 1:
            raise InputError(f"{shown(path)}: {shown(key)} is not 16 kHz mono.")
        yield Line(key, samples[:, 0], _meta(path, f"{key}.json", parts["json"]))


def _members(path: str | Path, suffixes: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
    try:
        with tarfile.open(path, "r:") as shard:
            for member in shard:
                suffix = Path(member.name).suffix
                if not member.isfile() or suffix not in suffixes:
                    continue
                if suffix == ".json" and member.size > MOST_META:
                    raise InputError(f"{shown(path)}: {shown(member.name)} is too large for one line of speech.")
                file = shard.extractfile(member)
                assert file is not None  # a regular file
                data = file.read()
                if len(data) != member.size:
                    raise InputError(f"{shown(path)} is cut off.")
                yield member.name, data
    except OSError as error:
        if isinstance(error, FileNotFoundError):
            raise InputError(f"there is no shard {shown(path)}.") from None
        raise InputError(f"{shown(path)} cannot be read: {(error.strerror or str(error)).lower()}.") from None
    except (tarfile.TarError, EOFError):
        raise InputError(f"{shown(path)} is no whole tar of speech.") from None


def _meta(path: str | Path, name: str, data: bytes) -> dict[str, Any]:
    try:
        meta = json.loads(data)
    except ValueError:
        meta = None
    if not isinstance(meta, dict):
        raise InputError(f"{shown(path)}: {shown(name)} is no JSON object.")
    return meta
