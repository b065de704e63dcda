"""``Forecast``: the frames that come next, how sure each pixel is, and the files they are saved in."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lstm_models.io.atomic_write import one_line
from lstm_models.io.film_writing import WRITTEN_SUFFIXES, encode_film
from lstm_models.io.save_formats import save_by_suffix

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["SAVE_SUFFIXES", "Forecast", "heat"]

SAVE_SUFFIXES = (".gif", ".webp", *WRITTEN_SUFFIXES, ".png", ".npy", ".npz", ".json")
_GIVEN, _FORECAST = (110, 110, 120), (230, 120, 20)  # edges of frames that were given, and of those forecast
_SCALE = 4
_EDGE = 4
_HOLD = 0.8  # seconds for which the last frame of an animation stands


@dataclass(frozen=True, eq=False)
class Forecast:
    """What comes next in a film.

    Attributes:
        given: float32 [time, height, width] the frames that were read, grey, 0 to 1.
        frames: float32 [steps, height, width] the expected frames, 0 to 1.
        spread: float32 [steps, height, width] how far off each pixel is expected to be, as a standard deviation.
        paths: float32 [objects, steps, 2] expected centre of each object, row and column in pixels; no rows where the
            model forecasts pixels.
        layers: float32 [objects, steps, height, width] each object by itself, likewise.
        notes: why the result may be wrong, such as a film of another kind than the model knows.
        rate: frames a second of the film.
    """

    given: NDArray[np.float32]
    frames: NDArray[np.float32]
    spread: NDArray[np.float32]
    paths: NDArray[np.float32]
    layers: NDArray[np.float32]
    notes: tuple[str, ...] = ()
    rate: float = 10.0

    def __len__(self) -> int:
        return len(self.frames)

    def save(self, path: str | os.PathLike[str], *, rate: float | None = None) -> Path:
        """Writes the forecast in the format that the name's suffix picks, whole or not at all.

        ``.gif``, ``.webp``, ``.mp4`` and ``.webm``: an animation of the given frames (edge grey) and the forecast (edge
        orange), and beside it how unsure each pixel is; ``.png``: the same as a strip; ``.npy``: the forecast frames;
        ``.npz``: all arrays; ``.json``: frames and spread as numbers, with the paths.

        Args:
            path: of the file.
            rate: frames a second of an animation; those of the film if None, at most 50.

        Raises:
            InputError: another suffix, the file cannot be written, or there is no encoder for this kind of film.
        """
        formats: dict[str, Callable[[], str | bytes]] = {
            ".gif": lambda: self.animation("gif", rate),
            ".webp": lambda: self.animation("webp", rate),
            **{suffix: partial(self._film, suffix, rate) for suffix in WRITTEN_SUFFIXES},
            ".png": lambda: _png(self.strip()),
            ".npy": lambda: _saved(np.save, self.frames),
            ".npz": lambda: _saved(np.savez_compressed, **self.arrays()),
            ".json": self.json,
        }
        return save_by_suffix(path, formats, "a forecast")

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """All arrays by their names."""
        names = ("given", "frames", "spread", "paths", "layers")
        return {name: getattr(self, name) for name in names}

    def animation(self, kind: str = "gif", rate: float | None = None) -> bytes:
        """The bytes of an animation, "gif" or "webp"; see `save`."""
        pictures = self._pictures()
        made, milliseconds = io.BytesIO(), max(20, round(1000 / (rate or self.rate)))
        times = [milliseconds] * (len(pictures) - 1) + [max(milliseconds, round(1000 * _HOLD))]
        pictures[0].save(
            made, format=kind.upper(), save_all=True, append_images=pictures[1:], duration=times, loop=0, lossless=True
        )
        return made.getvalue()

    def _film(self, suffix: str, rate: float | None) -> bytes:
        return encode_film(self._pictures(), suffix, rate=min(max(rate or self.rate, 0.1), 50), hold=_HOLD)

    def _pictures(self) -> list[Image]:
        return [self.picture(number) for number in range(len(self.given) + len(self.frames))]

    def picture(self, number: int, scale: int = _SCALE) -> Image:
        """Frame ``number``, given frames first, and beside it how unsure its pixels are."""
        count = len(self.given)
        forecast = number >= count
        frame = self.frames[number - count] if forecast else self.given[number]
        spread = self.spread[number - count] if forecast else np.zeros_like(frame)
        return _row([_grey(frame), heat(spread)], _FORECAST if forecast else _GIVEN, scale)

    def strip(self, scale: int = 2) -> Image:
        """Rows of frames: those given, those forecast, and how unsure they are."""
        from PIL import Image as images

        rows = [
            _row([_grey(frame) for frame in self.given], _GIVEN, scale),
            _row([_grey(frame) for frame in self.frames], _FORECAST, scale),
            _row([heat(frame) for frame in self.spread], _FORECAST, scale),
        ]
        size = max(row.width for row in rows), sum(row.height for row in rows)
        whole = images.new("RGB", size, "white")
        for number, row in enumerate(rows):
            whole.paste(row, (0, sum(each.height for each in rows[:number])))
        return whole

    def as_dict(self) -> dict[str, Any]:
        """The forecast as what JSON can hold, numbers rounded."""
        made: dict[str, Any] = {"steps": len(self.frames), "given": len(self.given)}
        made |= {"height": self.frames.shape[1], "width": self.frames.shape[2]}
        for name, digits in (("paths", 2), ("frames", 3), ("spread", 3)):
            made[name] = np.round(getattr(self, name).astype(float), digits).tolist()
        return {**made, "notes": list(self.notes)} if self.notes else made

    def json(self) -> str:
        """One line of JSON."""
        return one_line({"format": "lstm-models forecast", "version": 1, **self.as_dict()}) + "\n"

    def _repr_html_(self) -> str:
        """The animation, for a notebook."""
        data = base64.b64encode(self.animation("gif")).decode()
        steps = f"{len(self.given)} frames given, {len(self.frames)} forecast; right: how unsure"
        return (
            f'<figure><img alt="{steps}" src="data:image/gif;base64,{data}"><figcaption>{steps}</figcaption></figure>'
        )


def _grey(frame: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.repeat(np.round(frame.clip(0, 1) * 255).astype(np.uint8)[..., None], 3, -1)


def heat(spread: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Standard deviations as colours uint8 [..., 3]: 0 is black, then red and yellow, 0.5 and more is white."""
    ramps = (spread.clip(0, 0.5) * 2)[..., None] * 3 - np.arange(3, dtype=np.float32)
    return np.round(ramps.clip(0, 1) * 255).astype(np.uint8)


def _row(frames: list[NDArray[np.uint8]], edge: tuple[int, int, int], scale: int) -> Image:
    from PIL import Image as images

    height, width = frames[0].shape[:2]
    tall, wide = height * scale + 2 * _EDGE, width * scale + 2 * _EDGE
    row = images.new("RGB", (wide * len(frames), tall), edge)
    for number, frame in enumerate(frames):
        scaled = images.fromarray(frame).resize((width * scale, height * scale), images.Resampling.NEAREST)
        row.paste(scaled, (number * wide + _EDGE, _EDGE))
    return row


def _png(picture: Image) -> bytes:
    made = io.BytesIO()
    picture.save(made, format="PNG")
    return made.getvalue()


def _saved(save: Any, *values: Any, **named: Any) -> bytes:
    made = io.BytesIO()
    save(made, *values, **named)
    return made.getvalue()
