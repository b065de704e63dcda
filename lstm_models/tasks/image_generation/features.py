"""Pictures as the network takes them: small grey squares, white on black, whose pixels are 0 or 1."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lstm_models.errors import InputError
from lstm_models.io.images import Picture, open_image

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["SIDES", "binarized", "missing_pixels", "small_grey"]

SIDES = ("top", "bottom", "left", "right")
_NEAR = 2  # black pixels so near to ink are known, too, where everything else may be missing
_PAPER = 0.5  # a picture whose rim is brighter on average is dark ink on light paper


def binarized(images: np.ndarray, seed: int = 1) -> np.ndarray:
    """Every pixel drawn once, white with its brightness as the probability (Salakhutdinov and Murray 2008).

    Args:
        images: uint8, or float from 0 to 1, of any shape.
        seed: the same seed gives the same images.

    Returns:
        float32 0 or 1 of that shape.
    """
    brightness = images.astype(np.float32) / 255 if images.dtype == np.uint8 else images
    drawn = np.random.default_rng(seed).random(images.shape, dtype=np.float32)
    return (drawn < brightness).astype(np.float32)


def small_grey(picture: Picture, size: int, name: str | None = None) -> tuple[np.ndarray, bool]:
    """A picture as float32 [size, size] from 0 to 1, and whether it was inverted, as dark ink on light paper is.

    One that is not square gets a black rim.

    Raises:
        InputError: it is no picture; see ``lstm_models.io.images.open_image``.
    """
    image = open_image(picture, name=name).convert("L")
    values = np.asarray(image, np.float32) / 255
    rim = np.concatenate([values[0], values[-1], values[:, 0], values[:, -1]])
    inverted = bool(rim.mean() > _PAPER)
    return _square(1 - values if inverted else values, size), inverted


def _square(values: np.ndarray, size: int) -> np.ndarray:
    from PIL import Image as images

    height, width = values.shape
    side = max(height, width)
    padded = np.zeros((side, side), np.float32)
    top, left = (side - height) // 2, (side - width) // 2
    padded[top : top + height, left : left + width] = values
    if side == size:
        return padded
    scaled: Image = images.fromarray(padded).resize((size, size), images.Resampling.BOX)
    return np.asarray(scaled, np.float32).clip(0, 1)


def missing_pixels(image: np.ndarray, missing: str | np.ndarray) -> np.ndarray:
    """Which pixels [height, width] of an image are to be filled in, bool.

    Args:
        image: 0 or 1, white is ink.
        missing: "top", "bottom", "left" or "right" for a half; "ink" for all but the ink and what is next to it, so
            that strokes may be added; or an array of the image's shape, true or above 0.5 where pixels are missing.

    Raises:
        InputError: it is none of these, or leaves nothing to fill in or nothing to go by.
    """
    height, width = image.shape
    found = np.zeros(image.shape, bool)
    if isinstance(missing, str):
        if missing == "ink":
            found = ~_grown(image > 0.5, _NEAR)
        elif missing in SIDES:
            half = {"top": np.s_[: height // 2], "bottom": np.s_[height // 2 :]}
            half |= {"left": np.s_[:, : width // 2], "right": np.s_[:, width // 2 :]}  # type: ignore[dict-item]
            found[half[missing]] = True
        else:
            raise InputError(f"missing is “{missing}”: expected ink, {', '.join(SIDES)} or a mask", usage=True)
    else:
        given = np.asarray(missing)
        if given.shape != image.shape:
            raise InputError(f"the mask has the shape {list(given.shape)}: expected {list(image.shape)}", usage=True)
        found = given > 0.5
    if not found.any():
        raise InputError("nothing is missing: the mask leaves no pixel to fill in")
    if not (image > 0.5).any() and isinstance(missing, str) and missing == "ink":
        raise InputError("the picture is empty: there is no ink to go by")
    if found.all():
        raise InputError("everything is missing: the mask leaves nothing to go by")
    return found


def _grown(ink: np.ndarray, pixels: int) -> np.ndarray:
    """The ink and what is at most so many pixels beside it, also slantwise."""
    height, width = ink.shape
    padded = np.pad(ink, pixels)
    span = range(2 * pixels + 1)
    near: np.ndarray = np.any([padded[y : y + height, x : x + width] for y in span for x in span], axis=0)
    return near
