"""Opens one picture safely, or says in one sentence what is wrong with it; lists those of a folder.

>>> from lstm_models.io.images import open_image
>>> open_image("photo.jpg").mode
'RGB'

Photos come turned as their camera says (EXIF), transparent parts become white, an animation gives its first frame.
Pillow is imported by the functions, not by the module.
"""

from __future__ import annotations

import codecs
import contextlib
import io
import os
import re
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Union

import numpy as np

from lstm_models.errors import InputError
from lstm_models.io.atomic_write import shown
from lstm_models.io.inputs import files_of, opened
from lstm_models.io.pixels import MOST_DECODED, MOST_PIXELS, decoding_bytes, from_array, too_large, upright_rgb

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image

__all__ = ["IMAGE_SUFFIXES", "MOST_BYTES", "MOST_PIXELS", "Picture", "is_large", "list_images", "open_image"]

Picture = Union[str, "os.PathLike[str]", bytes, BinaryIO, "Image", np.ndarray, "torch.Tensor"]
"""What `open_image` takes."""

MOST_BYTES = 2**30
"""A larger file is refused before it is read."""

IMAGE_SUFFIXES = frozenset({
    ".apng", ".avif", ".bmp", ".dib", ".gif", ".heic", ".heif", ".ico", ".j2k", ".jfif", ".jp2", ".jpe", ".jpeg",
    ".jpg", ".jpx", ".mpo", ".pbm", ".pgm", ".png", ".pnm", ".ppm", ".qoi", ".tif", ".tiff", ".webp",
})  # fmt: skip
"""Names that `list_images` takes for pictures. HEIC is among them, so that it is reported and not passed over."""

_HELD_BACK = 18  # rows that libjpeg has decoded and not given out yet
_LARGE = 2**26  # bytes; pictures that take more are decoded one after the other, whatever threads there are
_one_large = threading.Lock()

# What Pillow may try. Not here: formats that run other programs (EPS), have no signature (TGA), or hold no photos.
# HEIF is there when the user has registered a plugin for it; AVIF depends on how Pillow was built.
_FORMATS = (
    "JPEG", "PNG", "WEBP", "GIF", "MPO", "TIFF", "BMP", "DIB", "AVIF", "HEIF", "JPEG2000", "PPM", "ICO", "QOI",
)  # fmt: skip
_CONVERT = "save it as JPEG or PNG"


def open_image(
    source: Picture,
    *,
    name: str | None = None,
    side: int | None = 1024,
    notes: list[str] | None = None,
) -> Image:
    """The picture as Pillow's RGB, upright.

    Transparent parts are laid on white; 16-bit pictures are scaled by the range of their type; of an animation or of
    several pages the first is taken; CMYK, palettes and the like are converted, and so are colour profiles, to sRGB.

    Args:
        source: a file, the bytes of one, a file open for reading, a Pillow image (left as it is), or an array or
            tensor: `[height, width]`, `[height, width, channels]` or `[channels, height, width]` with 1, 3 (RGB) or 4
            (RGBA) channels, where both could be meant channels last for numpy and first for torch. uint8, uint16, bool
            (False is black), or float: within 0 to 1 when nothing is above 1, within 0 to 255 otherwise.
        name: what the sentences call the picture; the path if missing, or "The picture".
        side: a file's picture is halved, and halved again, as long as both its sides keep at least so many pixels,
            which is more than a model sees and bounds memory and time; None for its full size.
        notes: takes a sentence where the end of a JPEG is missing, which is a warning otherwise.

    Raises:
        InputError: the file is missing, a folder, empty, cut off, damaged, no picture or not an ordinary file, it may
            not be read, it has more than `MOST_PIXELS` pixels or takes more than 512 MB to decode, or its format is
            unknown to Pillow; the array has a shape, a type or values that no picture has. One sentence each.
    """
    if isinstance(source, (str, os.PathLike)):
        label = shown(name if name is not None else source) or "The picture"
        with opened(source, label, "picture", MOST_BYTES) as file, _quiet():
            return _decoded(file, label, side, notes)
    label = "The picture" if name is None else shown(name)
    if isinstance(source, (bytes, bytearray, memoryview)):
        if len(source) == 0:
            raise InputError(f"{label} is empty: it has no bytes.")
        with _quiet():
            return _decoded(io.BytesIO(source), label, side, notes)
    if hasattr(source, "read") and not hasattr(source, "getbands"):
        return open_image(_content(source, label), name=label, side=side, notes=notes)
    if isinstance(source, np.ndarray):
        return from_array(source, label, channels_last=True)
    torch = sys.modules.get("torch")  # whoever has a tensor has imported it
    if torch is not None and isinstance(source, torch.Tensor):
        values = source.detach().cpu()
        floating = values.is_floating_point()
        return from_array((values.float() if floating else values).numpy(), label, channels_last=False)
    from PIL import Image as images

    if isinstance(source, images.Image):
        with _quiet():
            return upright_rgb(source, label)
    raise InputError(
        f"{label} is a {type(source).__name__}; give a path, bytes, an open file, a Pillow image, an array or "
        "a tensor.",
        usage=True,
    )


def is_large(path: str | os.PathLike[str], *, side: int | None = 1024) -> bool:
    """Whether `open_image` would need more than 64 MB to decode the file; decodes nothing.

    False for what is no picture, which `open_image` then says.

    Args:
        path: of the file.
        side: as for `open_image`; a JPEG is decoded at a fraction.
    """
    from PIL import Image as images

    images.init()
    formats = [format_ for format_ in _FORMATS if format_ in images.OPEN]
    with contextlib.suppress(Exception), _quiet(), images.open(path, formats=formats) as image:
        full = image.size
        _reduce(image, side)
        return decoding_bytes(image, full) > _LARGE
    return False


def list_images(folder: str | os.PathLike[str], *, recursive: bool = False) -> list[Path]:
    """The pictures of a folder by their names' suffixes, in natural order (2.jpg before 10.jpg), hidden ones left out.

    Args:
        folder: where to look.
        recursive: look into its folders too; links to folders are not followed.

    Raises:
        InputError: the folder is missing, is no folder, may not be read, or has no picture.
    """
    wanted = "pictures (names that end in .jpg, .png, .webp and the like)"
    return files_of(folder, IMAGE_SUFFIXES, wanted, recursive=recursive)


def _content(source: Any, label: str) -> bytes:
    try:
        content = source.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        raise InputError(f"{label} cannot be read: {getattr(error, 'strerror', None) or error}.") from error
    if not isinstance(content, bytes):
        raise InputError(f"{label} is open as text; open it with mode “rb”.", usage=True)
    if len(content) > MOST_BYTES:
        raise InputError(f"{label} has more than {MOST_BYTES / 1e9:.1f} GB, which no picture has.")
    return content


# --- files -----------------------------------------------------------------------------------------------------------


def _decoded(file: Any, label: str, side: int | None, notes: list[str] | None) -> Image:
    from PIL import Image as images
    from PIL import UnidentifiedImageError

    images.init()
    formats = [format_ for format_ in _FORMATS if format_ in images.OPEN]
    head = file.read(4096)
    file.seek(0)
    try:
        image = images.open(file, formats=formats)
    except images.DecompressionBombError as error:
        raise InputError(too_large(label, _size_of(file, head, formats))) from error
    except UnidentifiedImageError as error:
        raise InputError(f"{label} {_guess(head)}.") from error
    except MemoryError as error:
        raise InputError(f"{label} cannot be opened: there is not enough memory.") from error
    except Exception as error:  # whatever a decoder raises when its file lies
        raise InputError(f"{label} {_guess(head)}.") from error
    with image:
        width, height = image.size
        if width * height > MOST_PIXELS:
            raise InputError(too_large(label, image.size))
        _reduce(image, side)
        needed = decoding_bytes(image, (width, height))
        if needed > MOST_DECODED:
            raise InputError(
                f"{label} would take {needed / 1e6:,.0f} MB of memory to decode, and a picture may take "
                f"{MOST_DECODED / 1e6:,.0f} here, so make it smaller."
            )
        times = 1 if side is None else max(1, min(image.size) // side)
        factor = 2 ** (times.bit_length() - 1)
        with _one_large if needed > _LARGE else contextlib.nullcontext():
            try:
                return upright_rgb(image, label, factor)
            except InputError as error:
                if image.format != "JPEG" or "truncated" not in str(error.__cause__):
                    raise
            return upright_rgb(_ended(file, image, label, notes), label, factor)


def _reduce(image: Any, side: int | None) -> None:
    """Let a JPEG be decoded at a fraction; other formats have no such thing and ignore the call."""
    width, height = image.size
    if side is not None and min(width, height) >= 2 * side and hasattr(image, "draft"):
        image.draft(None, (width * side // min(width, height), height * side // min(width, height)))


def _ended(file: Any, image: Any, label: str, notes: list[str] | None) -> Image:
    """A JPEG that breaks off, with the mark of its end: what is missing below is of one colour.

    Raises:
        InputError: more than half of it is missing.
    """
    from PIL import Image as images

    file.seek(0)
    ended = images.open(io.BytesIO(file.read() + b"\xff\xd9"), formats=["JPEG"])
    ended.draft(None, image.size)
    ended.load()
    rows = np.asarray(ended).reshape(ended.height, -1)
    filled = _last(rows == np.tile(rows[-1, -len(ended.getbands()) :], ended.width))
    if not image.info.get("progressive"):  # what the decoder did not come to is black there, whatever the rows show
        black = _last(np.asarray(image._new(image.im)).reshape(image.height, -1) == 0)
        filled = min(filled, max(0, black - _HELD_BACK))
    missing = filled / len(rows)
    if missing > 0.5:
        raise InputError(f"{label} is a JPEG picture that is damaged or cut off: more than half of it is missing.")
    sentence = f"{label} is cut off: {100 * missing:.0f} % of its rows are missing."
    if notes is not None:
        notes.append(sentence)
    else:
        warnings.warn(sentence, stacklevel=4)
    return ended


def _last(rows: np.ndarray) -> int:
    """How many rows at the end are true throughout."""
    ends = np.flip(~rows.all(1))
    return int(ends.argmax()) if ends.any() else len(rows)


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
    (rb"II\*\0|MM\0\*|II\+\0|MM\0\+",
     "is a TIFF file that cannot be read: damaged, of a rare kind, or a camera's raw file"),
    (rb"....ftyp(heic|heix|heim|heis|hevc|hevx|mif1|msf1)", f"is a HEIC picture, which is not read here; {_CONVERT}"),
    (rb"....ftyp(avif|avis)", f"is an AVIF picture that cannot be read here, or a damaged one; {_CONVERT}"),
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
        text = codecs.getincrementaldecoder("utf-8")().decode(head)  # a letter cut in two at the end is no error
        if not re.search("[\x00-\x08\x0e-\x1a\x1c-\x1f]", text):
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
