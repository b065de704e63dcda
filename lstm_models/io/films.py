"""Opens one film safely, or says in one sentence what is wrong with it: a video, an animation, a folder.

>>> from lstm_models.io.films import open_film, read_film
>>> with open_film("clip.mp4", side=256) as film:           # doctest: +SKIP
...     for frame in film.frames(every=0.5):
...         print(frame.time, frame.pixels.shape)
>>> read_film("digits.gif", most=20).pixels.shape           # doctest: +SKIP
(20, 64, 64, 3)

* Video (.mp4, .webm, .mkv, .avi, …) is decoded by PyAV, whose wheels carry FFmpeg; GIF, WebP and PNG by Pillow.
* Frames come one after the other, so a film of any length needs the memory of one frame.
* A film that breaks off gives what there is of it, and says so in its ``notes``.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from lstm_models.errors import InputError
from lstm_models.io.atomic_write import shown
from lstm_models.io.containers import container_of
from lstm_models.io.images import list_images, open_image
from lstm_models.io.inputs import files_of, opened
from lstm_models.io.pixels import MOST_PIXELS, too_large

__all__ = ["FILM_SUFFIXES", "Film", "FilmFrame", "Frames", "list_films", "open_film", "read_film"]

FILM_SUFFIXES = frozenset({
    ".3gp", ".asf", ".avi", ".flv", ".gif", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".ogv",
    ".ts", ".webm", ".webp", ".wmv",
})  # fmt: skip
"""Names that `list_films` takes for films."""

FOLDER_RATE = 10.0
"""Frames a second of a folder, an array, and an animation that does not say."""

_BROKEN = 100  # packets in a row that cannot be decoded: the rest is not looked at


@dataclass(frozen=True)
class FilmFrame:
    """One picture of a film: its ``time`` in seconds, and ``pixels`` [height, width, 3] uint8, red, green, blue."""

    time: float
    pixels: np.ndarray


@dataclass(frozen=True)
class Frames:
    """Frames of a film, all of one size.

    Attributes:
        pixels: [frames, height, width, 3] uint8.
        times: [frames] seconds from the film's start.
        notes: a sentence for each thing that is not as it should be.
    """

    pixels: np.ndarray
    times: np.ndarray
    notes: tuple[str, ...] = ()

    @property
    def rate(self) -> float:
        """Frames a second, on average."""
        length = float(self.times[-1] - self.times[0]) if len(self.times) > 1 else 0.0
        return (len(self.times) - 1) / length if length > 0 else FOLDER_RATE


@dataclass
class Film:
    """An open film.

    Attributes:
        label: what sentences call it.
        seconds: its length as the file says; None where it does not, as in an animation until it has been read.
        has_sound: whether there is a stream of sound beside the pictures.
        notes: a sentence for each thing that is not as it should be, complete once the frames have been read.
    """

    label: str
    seconds: float | None
    has_sound: bool
    _every: Callable[[float], Iterator[tuple[float, Callable[[], np.ndarray]]]]
    notes: list[str] = field(default_factory=list)

    def frames(self, *, every: float = 0.0, start: float = 0.0, end: float | None = None) -> Iterator[FilmFrame]:
        """The frames in order.

        Args:
            every: seconds from one to the next at least; 0 for all of them.
            start: seconds; earlier frames are passed over.
            end: seconds; the first frame at or after it ends the film.

        Raises:
            InputError: nothing can be decoded, the frames are too large, or ``start`` lies behind the end.
        """
        due, seen, last = start, False, 0.0
        for time, pixels in self._every(start):
            seen, last = True, time
            if end is not None and time >= end:
                break
            if time >= due - 1e-6:
                yield FilmFrame(time, pixels())
                due = max(due + every, time + every / 2) if every else time
        if not seen and start > 0:
            raise InputError(f"{self.label} has nothing from {start:g} s on.", usage=True)
        if not seen:
            raise InputError(f"{self.label} has no frame that can be decoded: it is damaged or cut off.")
        if last < start:
            raise InputError(f"{self.label} ends at {last:.1f} s, before {start:g} s.", usage=True)


@contextlib.contextmanager
def open_film(
    source: Any, *, name: str | None = None, side: int | None = None, rate: float = FOLDER_RATE
) -> Iterator[Film]:
    """The film, open until the end of the ``with`` block.

    Args:
        source: a file, the bytes of one, a file open for reading and seekable, a folder of pictures (in natural order:
            2.png before 10.png), a list of pictures, or an array [frames, height, width] or [frames, height, width, 3],
            uint8 or floats of 0 to 1.
        name: what the sentences call it; the path if missing, or "The film".
        side: larger frames are reduced so that their shorter side has so many pixels; None leaves them.
        rate: frames a second of folders, lists and arrays.

    Raises:
        InputError: it is missing, empty, damaged, no film (a sound, a document), or of too large frames.
    """
    label = shown(name) if name is not None else "The film"
    with contextlib.ExitStack() as stack:
        if isinstance(source, (str, os.PathLike)):
            label = shown(name if name is not None else source)
            if os.path.isdir(source):
                yield _of_pictures(list_images(source), label, side, rate)
                return
            file: Any = stack.enter_context(opened(source, label, "film"))
        elif isinstance(source, (bytes, bytearray)):
            if not source:
                raise InputError(f"{label} is empty: it has no bytes.")
            file = io.BytesIO(bytes(source))
        elif isinstance(source, np.ndarray) or hasattr(source, "is_floating_point"):
            yield _of_pictures(_array_frames(source, label), label, side, rate)
            return
        elif isinstance(source, (list, tuple)):
            if not source:
                raise InputError(f"{label} has no frames.")
            yield _of_pictures(source, label, side, rate)
            return
        elif hasattr(source, "read") and hasattr(source, "seek"):
            file = source
        else:
            raise InputError(
                f"{label} is a {type(source).__name__}; give a path, bytes, an open file, an array or pictures.",
                usage=True,
            )
        head = file.read(4096)
        file.seek(0)
        if _is_animation(head):
            yield _of_animation(file, label, side, stack)
        else:
            yield _of_video(file, head, label, side, stack)


def read_film(
    source: Any,
    *,
    name: str | None = None,
    side: int | None = None,
    rate: float = FOLDER_RATE,
    every: float = 0.0,
    start: float = 0.0,
    end: float | None = None,
    most: int = 1000,
) -> Frames:
    """The frames of a film in one array; see `open_film` and `Film.frames` for the options.

    Args:
        source: as for `open_film`.
        name: as for `open_film`.
        side: as for `open_film`.
        rate: as for `open_film`.
        every: seconds from one frame to the next at least.
        start: seconds; earlier frames are passed over.
        end: seconds; later frames are passed over.
        most: of a film with more frames only the first so many are read.

    Raises:
        InputError: as `open_film`; or the frames differ in size.
    """
    pixels: list[np.ndarray] = []
    times: list[float] = []
    with open_film(source, name=name, side=side, rate=rate) as film:
        for frame in film.frames(every=every, start=start, end=end):
            if pixels and frame.pixels.shape != pixels[0].shape:
                (h0, w0), (h1, w1) = pixels[0].shape[:2], frame.pixels.shape[:2]
                raise InputError(
                    f"{film.label} has frames of {w0} × {h0} and of {w1} × {h1} pixels; those of a film have one size."
                )
            pixels.append(frame.pixels)
            times.append(frame.time)
            if len(pixels) == most:
                break
        if not pixels:
            raise InputError(f"{film.label} has no frame between {start:g} s and {end:g} s.", usage=True)
        return Frames(np.stack(pixels), np.array(times), tuple(film.notes))


def list_films(folder: str | os.PathLike[str], *, recursive: bool = False) -> list[Path]:
    """The films of a folder by their names' suffixes, in natural order, hidden ones left out.

    Raises:
        InputError: the folder is missing, is no folder, may not be read, or has no film.
    """
    return files_of(folder, FILM_SUFFIXES, "films (names that end in .mp4, .webm and the like)", recursive=recursive)


# --- folders, lists and arrays ---------------------------------------------------------------------------------------


def _of_pictures(pictures: Sequence[Any], label: str, side: int | None, rate: float) -> Film:
    if not 0 < rate < 1000:
        raise InputError(f"the rate must be above 0 and below 1000 frames a second, not {rate:g}", usage=True)

    def one(picture: Any) -> np.ndarray:
        if isinstance(picture, np.ndarray) and picture.ndim == 2:
            picture = np.repeat(picture[..., None], 3, -1)
        return _reduced(np.asarray(open_image(picture, side=None)), side)

    def every(start: float) -> Iterator[tuple[float, Callable[[], np.ndarray]]]:
        for number, picture in enumerate(pictures):
            yield number / rate, lambda picture=picture: one(picture)  # type: ignore[misc]

    return Film(label, len(pictures) / rate, False, every)


def _array_frames(source: Any, label: str) -> list[np.ndarray]:
    values = source.detach().cpu().numpy() if hasattr(source, "is_floating_point") else source
    if values.ndim not in (3, 4) or (values.ndim == 4 and values.shape[-1] not in (1, 3)) or 0 in values.shape:
        raise InputError(
            f"{label} is an array of shape {list(values.shape)}; expected [frames, height, width] or "
            "[frames, height, width, 3]."
        )
    if np.issubdtype(values.dtype, np.floating):
        if not np.isfinite(values).all() or values.min() < 0 or values.max() > 1:
            raise InputError(f"{label} has floats outside of 0 to 1.")
        values = np.round(values * 255).astype(np.uint8)
    elif values.dtype == bool:
        values = values.astype(np.uint8) * 255
    elif values.dtype != np.uint8:
        raise InputError(f"{label} is an array of {values.dtype}; expected uint8, or floats of 0 to 1.")
    return [frame[..., 0] if frame.ndim == 3 and frame.shape[-1] == 1 else frame for frame in values]


def _reduced(pixels: np.ndarray, side: int | None) -> np.ndarray:
    height, width = pixels.shape[:2]
    if side is None or min(height, width) <= side:
        return pixels
    from PIL import Image

    size = _size(width, height, side)
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BOX))


def _size(width: int, height: int, side: int | None) -> tuple[int, int]:
    shorter = min(width, height)
    if side is None or shorter <= side:
        return width, height
    return max(1, round(width * side / shorter)), max(1, round(height * side / shorter))


# --- animations ------------------------------------------------------------------------------------------------------


def _is_animation(head: bytes) -> bool:
    return re.match(rb"GIF8[79]a|\x89PNG\r\n\x1a\n|RIFF....WEBP", head, re.DOTALL) is not None


def _of_animation(file: Any, label: str, side: int | None, stack: contextlib.ExitStack) -> Film:
    from PIL import Image

    try:
        image = stack.enter_context(Image.open(file, formats=["GIF", "WEBP", "PNG"]))
        if image.width * image.height > MOST_PIXELS:
            raise InputError(too_large(label, image.size))
        count = int(getattr(image, "n_frames", 1))
    except InputError:
        raise
    except Exception as error:  # whatever a decoder raises when its file lies
        raise InputError(f"{label} begins as an animation, but it is damaged or cut off.") from error
    notes: list[str] = []

    def every(start: float) -> Iterator[tuple[float, Callable[[], np.ndarray]]]:
        time = 0.0
        for number in range(count):
            try:
                image.seek(number)
                image.load()
            except Exception:
                notes.append(f"{label} breaks off at {time:.1f} s: the rest cannot be decoded.")
                return
            milliseconds = image.info.get("duration") or 1000 / FOLDER_RATE
            yield time, lambda: _reduced(_on_white(image), side)
            # Browsers show a frame of under 20 ms for a tenth of a second, so animations are made for that
            time += (milliseconds if milliseconds >= 20 else 100) / 1000
        film.seconds = time

    film = Film(label, None, False, every, notes)
    return film


def _on_white(image: Any) -> np.ndarray:
    from PIL import Image

    rgba = image.convert("RGBA")
    return np.asarray(Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB"))


# --- video -----------------------------------------------------------------------------------------------------------


def _of_video(file: Any, head: bytes, label: str, side: int | None, stack: contextlib.ExitStack) -> Film:
    kind = container_of(head)
    if kind is None:
        raise InputError(f"{label} is not a film that can be read: it is damaged, or of an unknown format.")
    import av

    errors = (av.FFmpegError, ValueError, OSError, EOFError, LookupError)
    try:
        container = stack.enter_context(av.open(file, format=kind, metadata_errors="replace"))
        # The cover of a song is a stream of one picture
        streams = [one for one in container.streams.video if not _is_cover(one)]
    except errors as error:
        raise InputError(f"{label} begins as a film, but it is damaged or cut off.") from error
    sound = container.streams.audio
    # Of a film that is cut off FFmpeg finds no stream, or no decoder for it
    if not (streams or sound or container.streams.subtitles) or (streams and streams[0].codec_context is None):
        raise InputError(f"{label} begins as a film, but it is damaged or cut off.")
    if not streams:
        what = "a recording of sound, and a film is wanted" if sound else "a file without pictures"
        raise InputError(f"{label} has no pictures: it is {what}.")
    stream = streams[0]
    width, height = stream.codec_context.width, stream.codec_context.height
    if width * height > MOST_PIXELS:
        raise InputError(too_large(label, (width, height)))
    stream.thread_type = "AUTO"
    length = stream.duration * stream.time_base if stream.duration else (container.duration or 0) / av.time_base
    first = float(stream.start_time * stream.time_base) if stream.start_time else 0.0
    notes: list[str] = []

    def every(start: float) -> Iterator[tuple[float, Callable[[], np.ndarray]]]:
        if start > 0:
            with contextlib.suppress(*errors):  # without an index it is read from its beginning
                container.seek(int((start + first) / stream.time_base), stream=stream)
        for number, frame in enumerate(_decoded(container, stream, errors, label, notes)):
            time = number / FOLDER_RATE if frame.time is None else float(frame.time) - first
            yield max(0.0, time), lambda frame=frame: _pixels(frame, side, label)  # type: ignore[misc]

    return Film(label, float(length) or None, bool(container.streams.audio), every, notes)


def _is_cover(stream: Any) -> bool:
    import av

    return bool(stream.disposition & av.stream.Disposition.attached_pic)


def _decoded(container: Any, stream: Any, errors: tuple[type[Exception], ...], label: str, notes: list[str]) -> Any:
    """The frames of a stream, what cannot be decoded left out."""
    packets, lost, row, time = container.demux(stream), 0, 0, 0.0
    while row < _BROKEN:
        try:
            packet = next(packets, None)
            if packet is None:
                break
            frames = packet.decode()
            row = 0
        except EOFError:
            break
        except errors:
            lost, row = lost + 1, row + 1
            continue
        for frame in frames:
            time = frame.time if frame.time is not None else time
            yield frame
    if lost:
        notes.append(f"{label} is damaged: {lost} of its parts cannot be decoded; the last frame is at {time:.1f} s.")


def _pixels(frame: Any, side: int | None, label: str) -> np.ndarray:
    if frame.width * frame.height > MOST_PIXELS:  # some change their size on the way
        raise InputError(too_large(label, (frame.width, frame.height)))
    width, height = _size(frame.width, frame.height, side)
    if (width, height) == (frame.width, frame.height):
        pixels = frame.to_ndarray(format="rgb24")
    else:
        pixels = frame.reformat(width, height, format="rgb24", interpolation="AREA").to_ndarray()
    turns = round(getattr(frame, "rotation", 0) / 90) % 4  # counterclockwise, as phones note it
    return np.ascontiguousarray(np.rot90(pixels, turns)) if turns else pixels
