"""Opens one picture safely, or says in one sentence what is wrong with it; lists the pictures of a folder.

>>> from lstm_models.media import open_image
>>> open_image("photo.jpg").mode
'RGB'

Photos come turned as their camera says (EXIF), transparent parts become white, an animation gives its first frame.
Pillow is imported by the functions, not by the module.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import stat
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lstm_models.errors import InputError
from lstm_models.files import shown

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image

__all__ = ["IMAGE_SUFFIXES", "MOST_BYTES", "MOST_PIXELS", "list_images", "open_image"]

MOST_PIXELS = 128_000_000
"""A picture of more is refused before it is decoded; the largest common phone camera makes 108 million."""
MOST_BYTES = 2**30
"""A larger file is refused before it is read."""

IMAGE_SUFFIXES = frozenset({
    ".apng", ".avif", ".bmp", ".dib", ".gif", ".heic", ".heif", ".ico", ".j2k", ".jfif", ".jp2", ".jpe", ".jpeg",
    ".jpg", ".jpx", ".mpo", ".pbm", ".pgm", ".png", ".pnm", ".ppm", ".qoi", ".tif", ".tiff", ".webp",
})  # fmt: skip
"""Names that `list_images` takes for pictures. HEIC is among them, so that it is reported and not passed over."""

# What Pillow may try. Not here: formats that run other programs (EPS), have no signature (TGA), or hold no photos.
# HEIF is there when the user has registered a plugin for it; AVIF depends on how Pillow was built.
_FORMATS = (
    "JPEG", "PNG", "WEBP", "GIF", "MPO", "TIFF", "BMP", "DIB", "AVIF", "HEIF", "JPEG2000", "PPM", "ICO", "QOI",
)  # fmt: skip
_CONVERT = "save it as JPEG or PNG"
_ORIENTATION = 0x0112  # EXIF tag


def open_image(
    source: str | os.PathLike[str] | bytes | Image | np.ndarray | torch.Tensor,
    *,
    name: str | None = None,
    side: int | None = 1024,
) -> Image:
    """The picture as Pillow's RGB, upright.

    Transparent parts are laid on white; 16-bit pictures are scaled by the range of their type; of an animation or of
    several pages the first is taken; CMYK, palettes and the like are converted.

    Args:
        source: a file, the bytes of one, a Pillow image (left as it is), or an array or tensor: `[height, width]`,
            `[height, width, channels]` or `[channels, height, width]` with 1, 3 (RGB) or 4 (RGBA) channels, where
            both could be meant channels last for numpy and first for torch. uint8, uint16, bool (False is black), or
            float: within 0 to 1 when nothing is above 1, within 0 to 255 otherwise.
        name: what the sentences call the picture; the path if missing, or "the picture".
        side: a file is decoded at a half, a quarter or an eighth as long as both its sides keep at least so many
            pixels, which is all a model sees and bounds memory; None for its full size.

    Raises:
        InputError: the file is missing, a folder, empty, cut off, damaged, no picture or not an ordinary file, it may
            not be read, it has more than `MOST_PIXELS` pixels, or its format is unknown to Pillow; the array has a
            shape, a type or values that no picture has. One sentence each.
    """
    if isinstance(source, (str, os.PathLike)):
        told = shown(name if name is not None else source) or "the picture"
        with _opened(source, told) as file, _quiet():
            return _decoded(file, told, side)
    told = "the picture" if name is None else shown(name)
    if isinstance(source, (bytes, bytearray, memoryview)):
        if len(source) == 0:
            raise InputError(f"{told} is empty: it has no bytes.")
        with _quiet():
            return _decoded(io.BytesIO(source), told, side)
    if isinstance(source, np.ndarray):
        return _from_array(source, told, channels_last=True)
    torch = sys.modules.get("torch")  # whoever has a tensor has imported it
    if torch is not None and isinstance(source, torch.Tensor):
        values = source.detach().cpu()
        floating = values.is_floating_point()
        return _from_array((values.float() if floating else values).numpy(), told, channels_last=False)
    from PIL import Image as images

    if isinstance(source, images.Image):
        with _quiet():
            return _upright_rgb(source, told)
    raise InputError(
        f"{told} is a {type(source).__name__}; give a path, bytes, a Pillow image, an array or a tensor.", usage=True
    )


def list_images(folder: str | os.PathLike[str], *, recursive: bool = False) -> list[Path]:
    """The pictures of a folder by their names' suffixes, in natural order (2.jpg before 10.jpg), hidden ones left out.

    Args:
        folder: where to look.
        recursive: look into its folders too; links to folders are not followed.

    Raises:
        InputError: the folder is missing, is no folder, may not be read, or has no picture.
    """
    told = shown(folder)
    root = Path(folder)
    found: list[Path] = []
    deeper = 0

    def refuse(error: OSError) -> None:
        raise InputError(f"{told} cannot be read: {(error.strerror or str(error)).lower()}.") from error

    try:
        if not root.exists():
            raise InputError(f"{told} does not exist.")
        if not root.is_dir():
            raise InputError(f"{told} is not a folder.")
        for place, folders, files in os.walk(root, onerror=refuse):
            folders[:] = [inner for inner in folders if not inner.startswith(".")]
            deeper += len(folders)
            for file in files:
                path = Path(place, file)
                if not file.startswith(".") and path.suffix.lower() in IMAGE_SUFFIXES:
                    found.append(path)
            if not recursive:
                break
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{told} cannot be read: {getattr(error, 'strerror', None) or error}.") from error
    if not found:
        hint = "" if recursive or not deeper else "; its folders were not looked into"
        raise InputError(f"{told} has no pictures (names that end in .jpg, .png, .webp and the like){hint}.")
    return sorted(found, key=_natural)


def _natural(path: Path) -> list[tuple[list[tuple[int, int, str]], str]]:
    """A sort key by the parts of the path, numbers in them by their value."""
    return [
        ([(0, int(bit), "") if bit.isdecimal() else (1, 0, bit) for bit in re.split(r"(\d+)", part.casefold())], part)
        for part in path.parts
    ]


# --- files -----------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _opened(source: str | os.PathLike[str], told: str) -> Iterator[io.BufferedIOBase]:
    """The file, open for reading, once it is known to be an ordinary one that is not empty."""
    text = os.fspath(source)
    if not text:
        raise InputError("The name of the picture is empty.", usage=True)
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]+)://|(data):", text)
    if scheme:
        raise InputError(
            f"{told if len(told) < 200 else told[:60] + '…'} is an address and not a file; nothing is fetched from "
            "the network, so save the picture and give its path."
        )
    try:
        found = os.stat(text)
        if stat.S_ISDIR(found.st_mode):
            raise InputError(f"{told} is a folder, and one picture is wanted.")
        if not stat.S_ISREG(found.st_mode):
            raise InputError(f"{told} is not an ordinary file (a pipe, a device or a socket), so it is not opened.")
        if found.st_size == 0:
            raise InputError(f"{told} is empty: it has no bytes.")
        if found.st_size > MOST_BYTES:
            raise InputError(f"{told} has {found.st_size / 1e9:.1f} GB; a picture may have {MOST_BYTES / 1e9:.1f} GB.")
        file = open(text, "rb")  # noqa: SIM115 - closed below
    except FileNotFoundError as error:
        missing = "is a link to a file that does not exist" if os.path.islink(text) else "does not exist"
        raise InputError(f"{told} {missing}.") from error
    except PermissionError as error:
        raise InputError(f"{told} cannot be read: permission denied.") from error
    except OSError as error:
        raise InputError(f"{told} cannot be read: {(error.strerror or str(error)).lower()}.") from error
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{told} is not the name of a file: {error}.") from error  # a zero byte in it
    with file:
        yield file


def _decoded(file: Any, told: str, side: int | None) -> Image:
    from PIL import Image as images
    from PIL import UnidentifiedImageError

    images.init()
    formats = [format_ for format_ in _FORMATS if format_ in images.OPEN]
    head = file.read(4096)
    file.seek(0)
    try:
        image = images.open(file, formats=formats)
    except images.DecompressionBombError as error:
        raise InputError(_too_large(told, _size_of(file, head, formats))) from error
    except UnidentifiedImageError as error:
        raise InputError(f"{told} {_guess(head)}.") from error
    except MemoryError as error:
        raise InputError(f"{told} cannot be opened: there is not enough memory.") from error
    except Exception as error:  # whatever a decoder raises when its file lies
        raise InputError(f"{told} {_guess(head)}.") from error
    with image:
        width, height = image.size
        if width * height > MOST_PIXELS:
            raise InputError(_too_large(told, image.size))
        if side is not None and min(width, height) >= 2 * side and hasattr(image, "draft"):
            # A JPEG is decoded at a fraction; other formats have no such thing and ignore the call.
            image.draft(None, (width * side // min(width, height), height * side // min(width, height)))
        upright = _upright_rgb(image, told)
    if side is not None and (factor := min(upright.size) // side) >= 2:
        upright = upright.reduce(2 ** min(3, factor.bit_length() - 1))
    return upright


def _too_large(told: str, size: tuple[int, int] | None) -> str:
    what = f"is {size[0]:,} × {size[1]:,} pixels" if size else "has too many pixels"
    return f"{told} {what}; a picture may have {MOST_PIXELS // 10**6} million pixels here, so make it smaller."


def _size_of(file: Any, head: bytes, formats: list[str]) -> tuple[int, int] | None:
    """What the header says, for a file that Pillow refuses to open for its size."""
    from PIL import Image as images

    for format_ in formats:
        factory, accept = images.OPEN[format_]
        with contextlib.suppress(Exception):
            if accept is None or accept(head[:16]) is True:
                file.seek(0)
                return factory(file, "").size
    return None


_SIGNATURES = (
    (rb"\xff\xd8\xff", "begins as a JPEG picture, but it is damaged or cut off"),
    (rb"\x89PNG\r\n\x1a\n", "begins as a PNG picture, but it is damaged or cut off"),
    (rb"GIF8[79]a", "begins as a GIF picture, but it is damaged or cut off"),
    (rb"RIFF....WEBP", "begins as a WebP picture, but it is damaged or cut off"),
    (rb"II\*\0|MM\0\*|II\+\0|MM\0\+", "is a TIFF file that cannot be read: damaged, cut off, or a camera's raw format"),
    (rb"....ftyp(heic|heix|heim|heis|hevc|hevx|mif1|msf1)", f"is a HEIC picture, which is not read here; {_CONVERT}"),
    (rb"....ftyp(avif|avis)", f"is an AVIF picture that is not read here; {_CONVERT}"),
    (rb"\xff\x0a|\0\0\0\x0cJXL \r\n", f"is a JPEG XL picture, which is not read here; {_CONVERT}"),
    (rb"....ftypcrx|FUJIFILMCCD-RAW|IIRO|IIU\0", f"is a camera's raw file, which is not read here; {_CONVERT}"),
    (rb"....(ftyp|moov|mdat|wide)|\x1aE\xdf\xa3|RIFF....AVI |\0\0\x01[\xb3\xba]|FLV\x01|0&\xb2u\x8ef\xcf\x11",
     "is a video, and a picture is wanted; save one of its frames as JPEG or PNG"),
    (rb"RIFF....WAVE|ID3|fLaC|OggS|\xff[\xfb\xf3\xf2]", "is a sound file, and a picture is wanted"),
    (rb"%PDF-", "is a PDF document, and a picture is wanted; save the page as PNG"),
    (rb"%!PS|\xc5\xd0\xd3\xc6", f"is a PostScript file, which is not read here; {_CONVERT}"),
    (rb"8BPS", f"is a Photoshop file, which is not read here; {_CONVERT}"),
    (rb"gimp xcf", f"is a GIMP file, which is not read here; {_CONVERT}"),
    (rb"\xd7\xcd\xc6\x9a|\x01\0\0\0.{36} EMF", f"is a Windows metafile, which is not read here; {_CONVERT}"),
    (rb"PK\x03\x04|\x1f\x8b|7z\xbc\xaf|Rar!|BZh|\xfd7zXZ", "is an archive; unpack it and give its pictures"),
)  # fmt: skip


def _guess(head: bytes) -> str:
    """What a file that Pillow cannot open seems to be, as the rest of a sentence."""
    for signature, what in _SIGNATURES:
        if re.match(signature, head, re.DOTALL):
            return what
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if re.match(rb"<svg[\s>]", start) or (re.match(rb"<\?xml|<!--|<!doctype svg", start) and b"<svg" in start):
        return "is an SVG drawing, which is not read here; save it as PNG"
    if re.match(rb"<!doctype html|<html", start):
        return "is a web page and not a picture; perhaps a download went wrong"
    if not head.strip(b"\0"):
        return "holds nothing but zero bytes; perhaps a download or a copy went wrong"
    with contextlib.suppress(UnicodeDecodeError):
        if len(head) < 4096 or head.rfind(b"\n") > 0:
            head = head[: head.rfind(b"\n")] if len(head) == 4096 else head
            if not re.search("[\x00-\x08\x0e-\x1a\x1c-\x1f]", head.decode("utf-8")):
                return "is a text file and not a picture"
    return "is not a picture that can be read: it is damaged, or of an unknown format"


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without Pillow's own warnings: what is wrong with a picture is said by an InputError, the rest is unimportant.

    The filters are the process's: with several threads the first to come sets them and the last to leave restores.
    """
    with _quiet_lock:
        if not _quiet_inside:
            catcher = warnings.catch_warnings()
            catcher.__enter__()
            warnings.filterwarnings("ignore", module=r"PIL(\.|$)")
            _quiet_inside.append(catcher)
        else:
            _quiet_inside.append(_quiet_inside[-1])
    try:
        yield
    finally:
        with _quiet_lock:
            catcher = _quiet_inside.pop()
            if not _quiet_inside:
                catcher.__exit__(None, None, None)


_quiet_lock = threading.Lock()
_quiet_inside: list[warnings.catch_warnings[None]] = []


# --- pixels ----------------------------------------------------------------------------------------------------------


def _upright_rgb(image: Image, told: str) -> Image:
    """A new RGB picture, turned as EXIF says; decodes what was only opened."""
    if image.width < 1 or image.height < 1:
        raise InputError(f"{told} has no pixels: it is {image.width} × {image.height}.")
    if image.width * image.height > MOST_PIXELS:
        raise InputError(_too_large(told, image.size))
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
        what = f"a {kind} picture" if kind else "a picture"
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
        return _from_array(np.asarray(image).astype(np.uint16), told, channels_last=True)
    if image.mode == "I":
        values = np.asarray(image)
        if values.min() < 0:
            raise InputError(f"{told} has negative values ({values.min()}), and the brightness of a pixel has none.")
        # 16-bit PNG and PGM come as 32-bit integers in some versions of Pillow; scientific TIFF holds anything.
        most = int(values.max())
        top = 65535 if kind in ("PNG", "PPM") or 255 < most <= 65535 else 255 if most <= 255 else 2**31 - 1
        return _from_array((values / top).astype(np.float32), told, channels_last=True)
    if image.mode == "F":
        return _from_array(np.asarray(image), told, channels_last=True)
    if image.mode == "LAB":
        from PIL import ImageCms

        return ImageCms.profileToProfile(
            image, ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        full = image.convert("LA").convert("RGBA") if image.mode == "La" else image.convert("RGBA")
        plain = images.new("RGB", full.size, "white")
        plain.paste(full, mask=full.getchannel("A"))
        return plain
    return image.convert("RGB")


def _from_array(values: np.ndarray, told: str, *, channels_last: bool) -> Image:
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
        raise InputError(_too_large(told, (values.shape[1], values.shape[0])))
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
