"""Frames as the network reads them: grey, from 0 to 1, of one size."""

from __future__ import annotations

import os
from collections import deque
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm_models.errors import InputError
from lstm_models.io.atomic_write import shown
from lstm_models.io.films import Frames, open_film

__all__ = ["are_films", "grey_frames", "last_frames"]

_GREY = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601


def grey_frames(pixels: NDArray[np.uint8], height: int, width: int) -> NDArray[np.float32]:
    """Frames float32 [time, height, width] from 0 to 1, of uint8 [time, rows, columns, 3] or [time, rows, columns].

    They are scaled to fit and stand in the middle; what a film of another shape does not fill is black.
    """
    grey: NDArray[np.float32] = pixels.astype(np.float32) / np.float32(255)
    if grey.ndim == 4:
        same = (pixels == pixels[..., :1]).all()
        grey = grey[..., 0] if same else (grey @ _GREY).astype(np.float32)
    if grey.shape[1:] == (height, width):
        return grey
    from PIL import Image

    factor = min(height / grey.shape[1], width / grey.shape[2])
    tall, wide = max(1, round(grey.shape[1] * factor)), max(1, round(grey.shape[2] * factor))
    method = Image.Resampling.BOX if factor < 1 else Image.Resampling.BILINEAR
    top, left = (height - tall) // 2, (width - wide) // 2
    made = np.zeros((len(grey), height, width), np.float32)
    for number, frame in enumerate(grey):
        scaled = np.asarray(Image.fromarray(frame).resize((wide, tall), method))
        made[number, top : top + tall, left : left + wide] = scaled
    return made.clip(0, 1)


def last_frames(source: Any, most: int, *, every: float = 0.0, end: float | None = None) -> Frames:
    """The last frames of a film, at most ``most``.

    Args:
        source: what ``lstm_models.io.films.open_film`` takes, or a file of an array, .npy.
        most: frames.
        every: seconds from one frame to the next at least; 0 for all of them.
        end: seconds; later frames are passed over.

    Raises:
        InputError: it is no film, cannot be read, has fewer than 2 frames, or frames of several sizes.
    """
    label = shown(source) if isinstance(source, (str, os.PathLike)) else "The film"
    if isinstance(source, (str, os.PathLike)) and os.fspath(source).endswith(".npy"):
        source = _array(source, label)
    kept: deque[NDArray[np.uint8]] = deque(maxlen=most)
    times: deque[float] = deque(maxlen=most)
    with open_film(source, name=label) as film:
        for frame in film.frames(every=every, end=end):
            if kept and kept[-1].shape != frame.pixels.shape:
                (h0, w0), (h1, w1) = kept[-1].shape[:2], frame.pixels.shape[:2]
                raise InputError(
                    f"{label} has frames of {w0} × {h0} and of {w1} × {h1} pixels; those of a film have one size."
                )
            kept.append(frame.pixels)
            times.append(frame.time)
    if len(kept) < 2:
        raise InputError(f"{label} has {len(kept)} frame{'s' * (len(kept) != 1)}; at least 2 are needed to see motion.")
    return Frames(np.stack(kept), np.array(times), tuple(film.notes))


def are_films(source: Any) -> bool:
    """Whether a source is a list of films, and not of the frames of one: paths, or arrays [time, height, width]."""
    if not isinstance(source, (list, tuple)) or not source:
        return False
    if all(isinstance(each, (str, os.PathLike)) for each in source):
        return True
    shapes: list[tuple[int, ...]] = [tuple(getattr(each, "shape", ())) for each in source]
    return all(len(shape) == 4 or (len(shape) == 3 and shape[-1] not in (3, 4)) for shape in shapes)


def _array(path: str | os.PathLike[str], label: str) -> NDArray[Any]:
    try:
        with open(path, "rb") as file:
            if file.read(6) != b"\x93NUMPY":
                raise ValueError
            file.seek(0)
            return np.load(file, allow_pickle=False)  # type: ignore[no-any-return]
    except (OSError, ValueError, EOFError) as error:
        reason = getattr(error, "strerror", None)
        raise InputError(f"{label} cannot be read: {reason.lower() if reason else 'it holds no array'}.") from None
