"""What a captioner sees in each frame of films, computed once and kept on disk in half precision.

For each frame the features of the places of its grid, and for each film the probabilities of ImageNet's classes, which
say what objects it shows. The files are named after the films and the captioner; a killed run goes on where it was.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from lstm_models.errors import InputError
from lstm_models.io.atomic_write import write_whole

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["FilmFeatures", "film_features"]

Progress = Callable[[Iterable[int], int], Iterable[int]]


@dataclass(frozen=True)
class FilmFeatures:
    """Of films: ``grids`` [films, frames, places, features] float16 and ``classes`` [films, 1000] float16."""

    grids: np.ndarray
    classes: np.ndarray


def film_features(
    names: Sequence[str],
    frames_of: Callable[[int], Sequence[Image]],
    frames: int,
    captioner: Any,
    folder: str | Path,
    *,
    precision: str = "bf16",
    progress: Progress | None = None,
) -> FilmFeatures:
    """Computes features, or opens those computed before.

    Args:
        names: what tells the films apart, such as a file and a seed; they name the files of features.
        frames_of: gives the frames of a film by its number, ``frames`` of them.
        frames: of each film.
        captioner: whose ``frame_features`` computes them.
        folder: where they are kept.
        precision: bf16 or 32.
        progress: wraps the numbers of the films (and gets how many), to show how far it is.

    Raises:
        InputError: the folder cannot be written.
    """
    digest = hashlib.sha256(json.dumps([*names, frames]).encode())
    digest.update(captioner.project[0].weight.detach().float().numpy().tobytes())
    folder, name = Path(folder), f"films-{len(names)}x{frames}-{digest.hexdigest()[:16]}"
    paths = [folder / f"{name}-{part}.npy" for part in ("grids", "classes")]
    mark = folder / f"{name}.json"
    places = captioner.encoder.rows * captioner.encoder.columns
    shapes = ((len(names), frames, places, captioner.config.hidden_size), (len(names), 1000))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        done = int(json.loads(mark.read_text("utf-8"))["done"]) if mark.exists() else 0
        kept = [
            np.lib.format.open_memmap(path, "r+" if done else "w+", np.float16, None if done else shape)
            for path, shape in zip(paths, shapes, strict=True)
        ]
        left = range(done, len(names))
        for number in left if progress is None or not left else progress(left, len(left)):
            with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
                grids, classes, _ = captioner.frame_features(frames_of(number))
            kept[0][number] = grids.float().numpy()
            kept[1][number] = classes.float().mean(0).numpy()
            if number % 50 == 49 or number == len(names) - 1:
                for each in kept:
                    each.flush()
                write_whole(mark, json.dumps({"done": number + 1}))
    except OSError as error:
        raise InputError(f"{folder} cannot be written: {error.strerror or error}") from None
    except (ValueError, KeyError):
        raise InputError(f"{mark} is damaged: delete it, and it is computed anew") from None
    return FilmFeatures(*(np.load(path, mmap_mode="r") for path in paths))
