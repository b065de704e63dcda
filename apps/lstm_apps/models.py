"""The bundled models: what there is, and how to take one along.

Run: lstm-models models
     lstm-models export writer --to my-writer
"""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path

from lstm_models import hub
from lstm_models.errors import InputError


def models(name: str | None = None) -> None:
    """List the bundled models with their sizes, or show the card of one.

    Args:
        name: a bundled model, a checkpoint folder or a hub id in the local cache, to show the card of.
    """
    if name is not None:
        print(hub.card(name).rstrip())
        return
    names = hub.available()
    if not names:
        raise InputError("this installation has no bundled models; reinstall lstm-models.")
    width = max(len(each) for each in names)
    for each in names:
        path = hub.WEIGHTS / each / hub.TENSORS
        weights, size = weight_count(path), path.stat().st_size / 2**20
        print(f"{each:<{width}}  {weights / 1e6:5.1f} M weights  {size:5.1f} MiB  {hub.describe(each)}")


def weight_count(path: Path) -> int:
    """How many numbers a safetensors file holds, from its header alone: 8 bytes with its length, then JSON."""
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
    return sum(math.prod(tensor["shape"]) for name, tensor in header.items() if name != "__metadata__")


def export(name: str, to: str, half: bool = True) -> None:
    """Copy a model out as a checkpoint folder, checked on the way, to keep, change or train further.

    Args:
        name: a bundled model, a checkpoint folder or a hub id in the local cache.
        to: the folder to write; made if missing.
        half: parameters are stored as float16, half the size.
    """
    hub.save(hub.load(name), to, card=hub.card(name), half=half)
    print(f"{name} was written to {to}")
