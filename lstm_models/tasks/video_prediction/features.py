"""Frames as the network reads them: grey, from 0 to 1, of one size."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["GreyFrames", "grey_frames"]

_GREY = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601


class GreyFrames(NamedTuple):
    """Frames float32 [time, height, width] from 0 to 1, and the part of them that the film fills.

    ``box``: top, left, bottom, right of the film within the frames; the rest is black.
    """

    frames: NDArray[np.float32]
    box: tuple[int, int, int, int]


def grey_frames(pixels: NDArray[np.uint8], height: int, width: int) -> GreyFrames:
    """The frames uint8 [time, height, width, 3] or [time, height, width] in grey, scaled to fit, in the middle."""
    grey = pixels.astype(np.float32) / 255
    if grey.ndim == 4:
        same = (pixels == pixels[..., :1]).all()
        grey = grey[..., 0] if same else grey @ _GREY
    if grey.shape[1:] == (height, width):
        return GreyFrames(grey, (0, 0, height, width))
    from PIL import Image

    factor = min(height / grey.shape[1], width / grey.shape[2])
    tall, wide = max(1, round(grey.shape[1] * factor)), max(1, round(grey.shape[2] * factor))
    method = Image.Resampling.BOX if factor < 1 else Image.Resampling.BILINEAR
    top, left = (height - tall) // 2, (width - wide) // 2
    made = np.zeros((len(grey), height, width), np.float32)
    for number, frame in enumerate(grey):
        scaled = np.asarray(Image.fromarray(frame).resize((wide, tall), method))
        made[number, top : top + tall, left : left + wide] = scaled
    return GreyFrames(made.clip(0, 1), (top, left, top + tall, left + wide))
