"""A film as scenes: where its shots begin, and the frames of each that are looked at.

A shot ends where the colours of the picture change at once: the histograms of two frames a fifth of a second apart have
less than half in common, and clearly less than frames shortly before had (so that fast motion is no cut). PySceneDetect
does this more thoroughly and brings OpenCV along, ten times as large as this package.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from lstm_models import deadlines
from lstm_models.io.films import FilmFrame

__all__ = ["EVERY", "Shot", "evenly", "find_shots", "parts"]

EVERY = 0.2
"""Seconds from one frame that is compared to the next."""
_CUT = 0.5  # of 1, the difference of two frames' histograms from which there may be a cut between them
_CLEARLY = 0.25  # by so much it is above the mean difference of the frames before
_BINS = 6  # of each colour
_BANDS = 2  # the picture is compared in so many rows and columns of parts
_SHORTEST = 0.6  # seconds of a shot
_KEPT = 32  # frames of a shot that are kept, spread over it


@dataclass
class Shot:
    """A part of a film between two cuts.

    Attributes:
        start: seconds.
        end: seconds.
        frames: some of its frames, spread over it.
        continues: whether it goes on from the one before, without a cut.
    """

    start: float
    end: float
    frames: list[FilmFrame] = field(default_factory=list)
    continues: bool = False


def find_shots(frames: Iterable[FilmFrame], longest: float = 10.0) -> Iterator[Shot]:
    """The shots of a film, one after the other; memory for one of them is enough.

    Args:
        frames: of the film, about `EVERY` seconds apart.
        longest: seconds after which a shot is given out, so that it goes on as another one without a cut.
    """
    shot: Shot | None = None
    before: np.ndarray | None = None
    usual, step, number, continues = 0.0, 1, 0, False
    for frame in frames:
        deadlines.check()
        here = _histogram(frame.pixels)
        difference = 0.0 if before is None else float(1 - np.minimum(here, before).sum())
        before = here
        if shot is not None:
            cut = difference > _CUT and difference > usual + _CLEARLY and frame.time - shot.start >= _SHORTEST
            if cut or frame.time - shot.start >= longest:
                shot.end = frame.time
                yield shot
                shot, usual, continues = None, 0.0 if cut else usual, not cut
        if shot is None:
            shot, step, number = Shot(frame.time, frame.time, continues=continues), 1, 0
        usual = 0.8 * usual + 0.2 * min(difference, _CUT)
        if number % step == 0:
            shot.frames.append(frame)
            if len(shot.frames) == _KEPT:  # every other one is let go, and fewer are kept from here on
                shot.frames, step = shot.frames[::2], 2 * step
        number += 1
        shot.end = frame.time
    if shot is not None:
        yield shot


def evenly(frames: list[FilmFrame], most: int) -> list[FilmFrame]:
    """At most so many of the frames, spread over them, neither the first nor the last where there are more.

    >>> [frame.time for frame in evenly([FilmFrame(float(t), ...) for t in range(9)], 3)]
    [1.0, 4.0, 7.0]
    """
    if len(frames) <= most:
        return frames
    return [frames[int((place + 0.5) * len(frames) / most)] for place in range(most)]


def parts(values: np.ndarray) -> list[np.ndarray]:
    """The parts of a picture that are compared each by itself."""
    return [part for rows in np.array_split(values, _BANDS, 0) for part in np.array_split(rows, _BANDS, 1)]


def _histogram(pixels: np.ndarray) -> np.ndarray:
    """[parts, bins] how often each colour comes in each part of the picture; sums to 1."""
    step = max(1, min(pixels.shape[:2]) // 48)
    coarse = pixels[::step, ::step].astype(np.int64) * _BINS // 256
    codes = (coarse[..., 0] * _BINS + coarse[..., 1]) * _BINS + coarse[..., 2]
    counts = [np.bincount(part.ravel(), minlength=_BINS**3) / max(1, part.size) for part in parts(codes)]
    made: np.ndarray = np.stack(counts) / len(counts)
    return made
