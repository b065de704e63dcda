"""Pixels of every kind, made one kind: Pillow's RGB, upright. What `lstm_models.io.images` opens goes through here."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from lstm_models.errors import InputError

if TYPE_CHECKING:
    from PIL.Image import Image

MOST_PIXELS = 128_000_000
"""A picture of more is refused before it is decoded; the largest common phone camera makes 108 million."""
_ORIENTATION = 0x0112  # EXIF tag


def upright_rgb(image: Image, told: str) -> Image:
    """A new RGB picture, turned as EXIF says; decodes what was only opened."""
    if image.width < 1 or image.height < 1:
        raise InputError(f"{told} has no pixels: it is {image.width} × {image.height}.")
    if image.width * image.height > MOST_PIXELS:
        raise InputError(too_large(told, image.size))
    kind = image.format
    try:
        image.load()
        turn = _turn(image)
        plain = _rgb(image, kind, told)
    except InputError:
        raise
    except MemoryError as error:
        raise InputError(f"{told} cannot be opened: there is not enough memory.") from error
    except Exception as error:  # whatever a decoder raises when its file lies
        article = "an" if (kind or "p")[0] in "AI" else "a"
        what = f"{article} {kind} picture" if kind else "a picture"
        raise InputError(f"{told} is {what} that is damaged or cut off: it cannot be decoded to its end.") from error
    return plain if turn is None else plain.transpose(turn)


def _turn(image: Image) -> Any:
    """How Pillow makes the picture upright; None where it is, or where the EXIF block cannot be read."""
    from PIL.Image import Transpose

    orientation: Any = None
    with contextlib.suppress(Exception):  # EXIF is often broken, and a photo without it is a photo
        orientation = image.getexif().get(_ORIENTATION)
    return {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }.get(orientation if isinstance(orientation, int) else 0)


def _rgb(image: Image, kind: str | None, told: str) -> Image:
    """A new RGB picture of a loaded one."""
    from PIL import Image as images

    if image.mode == "RGB" and "transparency" not in image.info:
        plain = images.new("RGB", image.size)
        plain.paste(image)
        return plain
    if image.mode.startswith("I;16"):
        return from_array(np.asarray(image).astype(np.uint16), told, channels_last=True)
    if image.mode == "I":
        values = np.asarray(image)
        if values.min() < 0:
            raise InputError(f"{told} has negative values ({values.min()}), and the brightness of a pixel has none.")
        # 16-bit PNG and PGM come as 32-bit integers in some versions of Pillow; scientific TIFF holds anything.
        most = int(values.max())
        top = 65535 if kind in ("PNG", "PPM") or 255 < most <= 65535 else 255 if most <= 255 else 2**31 - 1
        return from_array((values / top).astype(np.float32), told, channels_last=True)
    if image.mode == "F":
        return from_array(np.asarray(image), told, channels_last=True)
    if image.mode == "LAB":
        from PIL import ImageCms

        return cast(
            "Image",
            ImageCms.profileToProfile(
                image, ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), outputMode="RGB"
            ),
        )
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        full = image.convert("LA").convert("RGBA") if image.mode == "La" else image.convert("RGBA")
        plain = images.new("RGB", full.size, "white")
        plain.paste(full, mask=full.getchannel("A"))
        return plain
    return image.convert("RGB")


def from_array(values: np.ndarray, told: str, *, channels_last: bool) -> Image:
    """The RGB picture of an array `[height, width]` or with 1, 3 or 4 channels first or last."""
    from PIL import Image as images

    shape = list(values.shape)
    if 0 in shape:
        raise InputError(f"{told} has no pixels: its shape is {shape}.")
    if values.ndim == 3:
        last, first = shape[2] in (1, 3, 4), shape[0] in (1, 3, 4)
        if first and not (last and channels_last):
            values = np.moveaxis(values, 0, 2)
    if values.ndim == 2:
        values = values[:, :, None]
    if values.ndim != 3 or values.shape[2] not in (1, 3, 4):
        more = "; give the pictures of a batch one by one" if len(shape) == 4 else ""
        raise InputError(f"{told} has the shape {shape}; a picture is [height, width] or has 1, 3 or 4 channels{more}.")
    if values.shape[0] * values.shape[1] > MOST_PIXELS:
        raise InputError(too_large(told, (values.shape[1], values.shape[0])))
    pixels = _bytes_of(values, told)
    if pixels.shape[2] == 1:
        return images.fromarray(np.ascontiguousarray(pixels[:, :, 0])).convert("RGB")
    picture = images.fromarray(np.ascontiguousarray(pixels))
    if pixels.shape[2] == 3:
        return picture.copy()
    plain = images.new("RGB", picture.size, "white")
    plain.paste(picture, mask=picture.getchannel("A"))
    return plain


def _bytes_of(values: np.ndarray, told: str) -> np.ndarray:
    """The values as uint8, scaled by what their type can hold."""
    if values.dtype == np.uint8:
        return values
    if values.dtype == np.bool_:
        return values.astype(np.uint8) * 255
    if values.dtype == np.uint16:
        return ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)
    if values.dtype.kind != "f":
        raise InputError(f"{told} is an array of {values.dtype}; a picture is one of uint8, uint16, bool or float.")
    if not np.isfinite(values).all():
        raise InputError(f"{told} has values that are not finite numbers (NaN or infinity).")
    low, high = float(values.min()), float(values.max())
    # Resizing and rounding leave values a hair outside. Between 1 and 2 nobody can tell a bright picture that
    # overshoots from one that is all but black.
    scale = 255.0 if high <= 1.001 else 1.0
    if low < -0.001 * 255 / scale or 1.001 < high < 2 or high > 255.5:
        raise InputError(
            f"{told} has values from {low:.4g} to {high:.4g}; a picture of floats lies within 0 to 1 or 0 to 255."
        )
    return np.rint(np.clip(values * scale, 0, 255)).astype(np.uint8)


def too_large(told: str, size: tuple[int, int] | None) -> str:
    what = f"is {size[0]:,} × {size[1]:,} pixels" if size else "has too many pixels"
    return f"{told} {what}; a picture may have {MOST_PIXELS // 10**6} million pixels here, so make it smaller."
