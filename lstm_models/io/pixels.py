"""Pixels of every kind, made one kind: Pillow's RGB, upright, in the colours of sRGB.

What `lstm_models.io.images` opens goes through here.
"""

from __future__ import annotations

import contextlib
import io
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from lstm_models import deadlines
from lstm_models.errors import InputError

if TYPE_CHECKING:
    from PIL.Image import Image

MOST_PIXELS = 128_000_000
"""A picture of more is refused before it is decoded; the largest common phone camera makes 108 million."""
MOST_DECODED = 2**29
"""Bytes that decoding a picture may take: 128 million pixels of four bytes."""
_PRIMARIES = np.array([[0.4361, 0.2225, 0.0139], [0.3851, 0.7169, 0.0971], [0.1431, 0.0606, 0.7141]])  # XYZ of sRGB
_ORIENTATION = 0x0112  # EXIF tag
_BAND = 2**22  # pixels that are converted at a time: floats of them take 64 MB
_BYTES = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16L": 2, "I;16B": 2, "I;16N": 2}  # of a pixel, by mode; others have 4
_TWICE = frozenset({"TIFF", "WEBP", "AVIF", "HEIF", "JPEG2000"})  # their decoders hold a picture of their own


def decoding_bytes(image: Image, full: tuple[int, int]) -> int:
    """Bytes that decoding an opened picture will take at its peak.

    Args:
        image: opened, not decoded; a JPEG perhaps set to a fraction of its size.
        full: its size in the file.
    """
    needed = image.width * image.height * _BYTES.get(image.mode, 4)
    if image.info.get("progressive"):  # libjpeg keeps two bytes a coefficient of the whole picture, at any fraction
        needed += full[0] * full[1] * 2 * len(image.getbands())
    return needed * 2 if image.format in _TWICE else needed


def upright_rgb(image: Image, label: str, factor: int = 1) -> Image:
    """A new RGB picture, turned as EXIF says and reduced by the factor; decodes what was only opened.

    A large one is converted and reduced band by band: beside the picture itself, little is in memory.
    """
    if image.width < 1 or image.height < 1:
        raise InputError(f"{label} has no pixels: it is {image.width} × {image.height}.")
    if image.width * image.height > MOST_PIXELS:
        raise InputError(too_large(label, image.size))
    kind = image.format
    try:
        image.load()
        turn = _turn(image)
        plain = _banded(image, kind, label, factor)
    except (InputError, deadlines.DeadlineExceeded):
        raise
    except MemoryError as error:
        raise InputError(f"{label} cannot be opened: there is not enough memory.") from error
    except Exception as error:  # whatever a decoder raises when its file lies
        article = "an" if (kind or "p")[0] in "AI" else "a"
        what = f"{article} {kind} picture" if kind else "a picture"
        raise InputError(f"{label} is {what} that is damaged or cut off: it cannot be decoded to its end.") from error
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


def _banded(image: Image, kind: str | None, label: str, factor: int) -> Image:
    """A new RGB picture of a loaded one, reduced by the factor."""
    from PIL import Image as images

    span: tuple[float, float] | None = None
    if image.mode in ("I", "F"):  # what its values mean depends on all of them
        span = cast("tuple[float, float]", image.getextrema())
    rows = max(1, _BAND // (image.width * factor)) * factor
    if rows >= image.height:
        plain = _rgb(image, kind, label, span)
        return plain if factor == 1 else plain.reduce(factor)
    made = images.new("RGB", (-(-image.width // factor), -(-image.height // factor)))
    for top in range(0, image.height, rows):
        deadlines.check()
        band = _rgb(image.crop((0, top, image.width, min(top + rows, image.height))), kind, label, span)
        made.paste(band if factor == 1 else band.reduce(factor), (0, top // factor))
    return made


def _managed(image: Image) -> Image:
    """The picture in sRGB, where it has a colour profile of its own; as it is where the profile is broken."""
    from PIL import Image as images
    from PIL import ImageCms

    content = image.info.get("icc_profile")
    if not isinstance(content, bytes) or image.mode not in ("RGB", "RGBA", "CMYK", "L", "LA", "P"):
        return image
    with contextlib.suppress(Exception):  # lcms raises whatever it likes, and a photo without its profile is a photo
        profile = ImageCms.ImageCmsProfile(io.BytesIO(content))
        if _is_srgb(profile.profile):
            return image
        alpha = None
        if image.mode == "P":
            image = image.convert("RGBA" if "transparency" in image.info else "RGB")
        if image.mode in ("RGBA", "LA"):
            alpha = image.getchannel("A")
            image = image.convert(image.mode[:-1])
        space = {"RGB": "RGB", "CMYK": "CMYK", "L": "GRAY"}[image.mode]
        if profile.profile.xcolor_space.strip() == space:
            transparency = image.info.get("transparency")
            made = ImageCms.profileToProfile(image, profile, ImageCms.createProfile("sRGB"), outputMode="RGB")
            image = cast("Image", made)
            if transparency is not None and space == "RGB":
                image.info["transparency"] = transparency
        if alpha is not None:
            image = images.merge("RGBA", (*image.convert("RGB").split(), alpha))
    return image


def _is_srgb(profile: Any) -> bool:
    """Whether a profile says that it is sRGB and has its primaries (IEC 61966-2-1, adapted to D50)."""
    if "srgb" not in (profile.profile_description or "").lower():
        return False
    found = [profile.red_colorant, profile.green_colorant, profile.blue_colorant]
    return None not in found and bool(np.abs(np.array(found)[:, 0] - _PRIMARIES).max() < 0.002)


def _rgb(image: Image, kind: str | None, label: str, span: tuple[float, float] | None) -> Image:
    """A new RGB picture of a loaded one; `span` is the least and the largest value of all of an I or F picture."""
    from PIL import Image as images

    image = _managed(image)
    if image.mode == "RGB" and "transparency" not in image.info:
        plain = images.new("RGB", image.size)
        plain.paste(image)
        return plain
    if image.mode.startswith("I;16"):
        return from_array(np.asarray(image).astype(np.uint16), label, channels_last=True)
    if image.mode == "I":
        values = np.asarray(image)
        low, high = span if span is not None else (values.min(), values.max())
        if low < 0:
            raise InputError(f"{label} has negative values ({low}), and the brightness of a pixel has none.")
        # 16-bit PNG and PGM come as 32-bit integers in some versions of Pillow; scientific TIFF holds anything.
        most = int(high)
        top = 65535 if kind in ("PNG", "PPM") or 255 < most <= 65535 else 255 if most <= 255 else 2**31 - 1
        return from_array((values / np.float32(top)).astype(np.float32, copy=False), label, channels_last=True)
    if image.mode == "F":
        return from_array(np.asarray(image), label, channels_last=True, span=span)
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


def from_array(
    values: np.ndarray, label: str, *, channels_last: bool, span: tuple[float, float] | None = None
) -> Image:
    """The RGB picture of an array `[height, width]` or with 1, 3 or 4 channels first or last.

    `span` is the least and the largest value of the floats it is a part of; its own, if left out.
    """
    from PIL import Image as images

    shape = list(values.shape)
    if 0 in shape:
        raise InputError(f"{label} has no pixels: its shape is {shape}.")
    if values.ndim == 3:
        last, first = shape[2] in (1, 3, 4), shape[0] in (1, 3, 4)
        if first and not (last and channels_last):
            values = np.moveaxis(values, 0, 2)
    if values.ndim == 2:
        values = values[:, :, None]
    if values.ndim != 3 or values.shape[2] not in (1, 3, 4):
        more = "; give the pictures of a batch one by one" if len(shape) == 4 else ""
        raise InputError(
            f"{label} has the shape {shape}; a picture is [height, width] or has 1, 3 or 4 channels{more}."
        )
    if values.shape[0] * values.shape[1] > MOST_PIXELS:
        raise InputError(too_large(label, (values.shape[1], values.shape[0])))
    pixels = _bytes_of(values, label, span)
    if pixels.shape[2] == 1:
        return images.fromarray(np.ascontiguousarray(pixels[:, :, 0])).convert("RGB")
    picture = images.fromarray(np.ascontiguousarray(pixels))
    if pixels.shape[2] == 3:
        return picture.copy()
    plain = images.new("RGB", picture.size, "white")
    plain.paste(picture, mask=picture.getchannel("A"))
    return plain


def _bytes_of(values: np.ndarray, label: str, span: tuple[float, float] | None) -> np.ndarray:
    """The values as uint8, scaled by what their type can hold."""
    if values.dtype == np.uint8:
        return values
    if values.dtype == np.bool_:
        return values.astype(np.uint8) * 255
    if values.dtype == np.uint16:
        return ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)
    if values.dtype.kind != "f":
        raise InputError(f"{label} is an array of {values.dtype}; a picture is one of uint8, uint16, bool or float.")
    if not np.isfinite(values).all():
        raise InputError(f"{label} has values that are not finite numbers (NaN or infinity).")
    low, high = span if span is not None else (float(values.min()), float(values.max()))
    # Resizing and rounding leave values a hair outside. Between 1 and 2 nobody can tell a bright picture that
    # overshoots from one that is all but black.
    scale = 255.0 if high <= 1.001 else 1.0
    if low < -0.001 * 255 / scale or 1.001 < high < 2 or high > 255.5:
        raise InputError(
            f"{label} has values from {low:.4g} to {high:.4g}; a picture of floats lies within 0 to 1 or 0 to 255."
        )
    return np.rint(np.clip(values * scale, 0, 255)).astype(np.uint8)


def too_large(label: str, size: tuple[int, int] | None) -> str:
    what = f"is {size[0]:,} × {size[1]:,} pixels" if size else "has too many pixels"
    return f"{label} {what}; a picture may have {MOST_PIXELS // 10**6} million pixels here, so make it smaller."
