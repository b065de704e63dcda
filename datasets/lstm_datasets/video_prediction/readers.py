"""Films to learn from: a file or a folder of films, cut into pieces of equal length."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Dataset

from lstm_datasets.packed_files import idx_images, read_idx
from lstm_models.errors import InputError
from lstm_models.io.films import list_films, read_film
from lstm_models.tasks.video_prediction.features import grey_frames

__all__ = ["FilmPieces", "is_digits", "read_digits", "read_films"]

_MOST_FRAMES = 100_000  # of one film


def is_digits(path: str | Path) -> bool:
    """Whether a path names images in IDX format, or a folder that has MNIST's, and not films."""
    path = Path(path)
    return "idx3" in path.name or (path.is_dir() and any(path.glob("*idx3-ubyte*")))


def read_digits(path: str | Path) -> NDArray[np.uint8]:
    """Images uint8 [count, height, width] of an IDX file, or of the training images of a folder of MNIST's files.

    Raises:
        InputError: there are none, or they cannot be read.
    """
    path = Path(path)
    if path.is_dir():
        found = idx_images(path)
        if found is None:
            raise InputError(f"{path} has no file of images in IDX format, such as train-images-idx3-ubyte.gz")
        path = found
    return read_idx(path, 3)


def read_films(paths: list[str], height: int, width: int) -> list[NDArray[np.uint8]]:
    """The films of files and folders, grey and scaled to a size: uint8 [time, height, width] each.

    A folder with films gives each of them; a folder of pictures is one film.

    Raises:
        InputError: there are none, or one of them cannot be read.
    """
    sources: list[Path] = []
    for path in map(Path, paths):
        if not path.is_dir():
            sources.append(path)
            continue
        try:
            sources += list_films(path, recursive=True)
        except InputError:
            if not path.exists():
                raise
            sources.append(path)
    films = [read_film(source, most=_MOST_FRAMES).pixels for source in sources]
    return [np.round(grey_frames(film, height, width) * 255).astype(np.uint8) for film in films]


class FilmPieces(Dataset[NDArray[np.uint8]]):
    """Pieces uint8 [frames, height, width] of films.

    Args:
        films: uint8 [time, height, width] each; those with fewer frames are left out.
        frames: of a piece.
        every: frames from the beginning of one piece to that of the next.
    """

    def __init__(self, films: list[NDArray[np.uint8]], frames: int, every: int = 1) -> None:
        self.films, self.frames = films, frames
        self.starts = [
            (number, start) for number, film in enumerate(films) for start in range(0, len(film) - frames + 1, every)
        ]
        self.lengths = [frames] * len(self.starts)

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, index: int) -> NDArray[np.uint8]:
        number, start = self.starts[index]
        return self.films[number][start : start + self.frames]
