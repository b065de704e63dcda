"""Films made of photos: the camera pans, zooms or fades over a still scene, and the photo's captions describe it.

Clips with sentences are few and large; photos with captions are at hand. What moves here is the camera alone, so such
films teach what frames have in common, and nothing about actions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["KINDS", "photo_film"]

KINDS = ("pan", "zoom in", "zoom out", "fade")
_PART = (0.5, 0.75)  # of the photo's sides that a moving camera sees

Box = tuple[float, float, float, float]


def photo_film(photo: Image, frames: int, generator: np.random.Generator, kind: str | None = None) -> list[Image]:
    """The frames of a film over a photo.

    * pan: a part of the photo, from one side or corner to the opposite one;
    * zoom in, zoom out: between the whole and a part somewhere in it;
    * fade: from one part to another through their mixtures.

    Args:
        photo: in RGB.
        frames: how many, 1 or more.
        generator: of the path.
        kind: one of `KINDS`; drawn if None.
    """
    from PIL import Image as images

    kind = kind or KINDS[int(generator.integers(len(KINDS)))]
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, not {kind}")
    part = float(generator.uniform(*_PART))
    times = np.linspace(0, 1, frames) if frames > 1 else np.array([0.5])
    if kind == "fade":
        ends = [photo.crop(_pixels(_somewhere(part, generator), photo)).resize(photo.size) for _ in range(2)]
        return [images.blend(ends[0], ends[1], float(time)) for time in times]
    if kind == "pan":
        across, down = generator.choice([(1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1)])
        other = generator.uniform(0, 1, 2)  # where the axis lies along which it does not move
        boxes = []
        for time in times:
            x, y = (
                (time if way > 0 else 1 - time) if way else at for way, at in zip((across, down), other, strict=True)
            )
            boxes.append(_box(x * (1 - part), y * (1 - part), part))
    else:
        left, top, *_ = _somewhere(part, generator)
        steps = times if kind == "zoom in" else 1 - times
        boxes = [_box(step * left, step * top, 1 - step * (1 - part)) for step in steps]
    return [photo.crop(_pixels(box, photo)) for box in boxes]


def _somewhere(part: float, generator: np.random.Generator) -> Box:
    left, top = generator.uniform(0, 1 - part, 2)
    return _box(left, top, part)


def _box(left: float, top: float, part: float) -> Box:
    return float(left), float(top), float(left) + part, float(top) + part


def _pixels(box: Box, photo: Image) -> tuple[int, int, int, int]:
    left, top, right, bottom = (round(side * full) for side, full in zip(box, photo.size * 2, strict=True))
    return left, top, max(right, left + 1), max(bottom, top + 1)
