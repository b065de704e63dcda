"""Where a captioner looked: its attention laid over the photo, one picture a word, and all of them on one sheet.

Used through `Caption.attention_pictures` and `Caption.attention_sheet`. Pillow is imported by the functions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lstm_models.io.images import open_image

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFont import FreeTypeFont, ImageFont

    from lstm_models.results import Word

__all__ = ["TILE", "looked_at", "photo", "sheet", "upsampled"]

TILE = 240  # longer side of a photo on the sheet, in pixels
_BLUR = 0.55  # standard deviation of the interpolation, in cells of the map: blobs join, neighbours stay distinct
_DARKEST = 0.34  # brightness that is left where the model did not look at all: one can still tell what is there
_PEAK = 4.0  # a map whose greatest weight is less than so many times the even one is not stretched to full contrast
_PAPER, _TEXT, _FAINT = "#ffffff", "#1c1e26", "#686c78"


def photo(image: Any, side: int) -> Image:
    """The photo in RGB with a longer side of at most `side` pixels; `image` is what `open_image` takes."""
    from PIL.Image import Resampling

    opened = open_image(image)
    scale = min(1.0, side / max(opened.size))
    size = (max(1, round(opened.width * scale)), max(1, round(opened.height * scale)))
    return opened if scale == 1.0 else opened.resize(size, Resampling.LANCZOS)


def upsampled(attention: np.ndarray, height: int, width: int) -> np.ndarray:
    """The map `[rows, columns]` at the pixels `[height, width]` of the photo that it covers, float64.

    Each pixel takes the mean of the cells weighted by a Gaussian of their distance (Nadaraya-Watson): smooth, never
    outside the range of the cells, and an even map stays even.
    """
    across, down = _weights(width, attention.shape[1]), _weights(height, attention.shape[0])
    return np.asarray(down @ attention.astype(np.float64) @ across.T)


def _weights(pixels: int, cells: int) -> np.ndarray:
    """What each of the `cells` along one side counts at each pixel, `[pixels, cells]`; the rows sum to one."""
    distance = (np.arange(pixels)[:, None] + 0.5) * cells / pixels - (np.arange(cells) + 0.5)
    weights = np.exp(-0.5 * (distance / _BLUR) ** 2)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def looked_at(picture: Image, attention: np.ndarray | None) -> Image:
    """The RGB picture, dimmed and greyed where the attention `[rows, columns]` is low; a copy of it without one.

    The weight is shown relative to the map's greatest; an even map dims everything evenly instead of showing noise.
    """
    if attention is None or not attention.any():
        return picture.copy()
    from PIL import Image as images

    pixels = np.asarray(picture, dtype=np.float32)
    map_ = upsampled(attention / attention.sum(), picture.height, picture.width)
    light = np.clip(map_ / max(map_.max(), _PEAK / attention.size), 0, 1)[:, :, None].astype(np.float32)
    grey = pixels @ np.array([[0.299], [0.587], [0.114]], dtype=np.float32)  # luma of ITU-R BT.601
    # Pixel values are gamma-coded, so equal steps of them are about equal steps to the eye.
    shown = (grey + (pixels - grey) * light) * (_DARKEST + (1 - _DARKEST) * light)
    return images.fromarray(np.rint(shown).astype(np.uint8))


def sheet(picture: Image, text: str, words: Sequence[Word]) -> Image:
    """The caption, the photo, and for each word what was looked at, with the word and its confidence beneath.

    Args:
        picture: the photo, RGB; the tiles have its size.
        text: the caption, the sheet's heading.
        words: what the tiles show, in reading order.
    """
    from PIL import Image as images
    from PIL import ImageDraw

    gap, label = 16, 46
    tiles = len(words) + 1
    cell = max(picture.width, 96)
    most = max(1, min(tiles, round(1400 / (cell + gap))))
    columns = math.ceil(tiles / math.ceil(tiles / most))  # rows filled as evenly as can be
    rows = math.ceil(tiles / columns)
    width = gap + columns * (cell + gap)
    heading = wrapped(text, 22, width - 2 * gap)
    top = gap + 30 * len(heading) + 10
    made = images.new("RGB", (width, top + rows * (picture.height + label + gap)), _PAPER)
    pen = ImageDraw.Draw(made)
    for number, line in enumerate(heading):
        pen.text((gap, gap + 30 * number), line, _TEXT, font=font_for(22, line))
    for number in range(tiles):
        left = gap + number % columns * (cell + gap)
        upper = top + number // columns * (picture.height + label + gap)
        if number == 0:
            made.paste(picture, (left, upper))
            continue
        word = words[number - 1]
        made.paste(looked_at(picture, word.attention), (left, upper))
        below = upper + picture.height + 8
        percent = "" if word.confidence is None else f"{round(100 * word.confidence)} %"
        room = cell - (pen.textlength(percent, font=font_for(15, percent)) + 8 if percent else 0)
        line = wrapped(word.text, 18, room, lines=1)[0]
        pen.text((left, below), line, _TEXT, font=font_for(18, line))
        if word.confidence is not None:
            pen.text((left + cell, below + 3), percent, _FAINT, font=font_for(15, percent), anchor="ra")
            pen.rectangle((left, below + 28, left + cell - 1, below + 31), "#e4e6eb")
            if (long := round(cell * word.confidence)) > 0:
                pen.rectangle((left, below + 28, left + long - 1, below + 31), "#385092")
    return made


def wrapped(text: str, size: int, width: float, *, lines: int = 4) -> list[str]:
    """The text in lines no wider than `width` pixels, what does not fit in so many of them cut with an ellipsis."""
    font = font_for(size, text)
    made: list[str] = []
    rest = " ".join(text.split())
    while rest:
        last = len(made) == lines - 1
        if font.getlength(rest) <= width:
            return [*made, rest]
        long = next((n for n in range(len(rest) - 1, 0, -1) if font.getlength(rest[:n] + "…" * last) <= width), 1)
        if last:
            return [*made, rest[:long].rstrip() + "…"]
        if (space := rest.rfind(" ", 0, long + 1)) > 0:
            long = space
        made.append(rest[:long])
        rest = rest[long:].lstrip()
    return made or [""]


def font_for(size: int, text: str) -> FreeTypeFont | ImageFont:
    """Pillow's own font, or matplotlib's DejaVu Sans where the text goes beyond Western European letters."""
    from PIL import ImageFont

    if any(ord(letter) > 0xFF and letter != "…" for letter in text):
        from pathlib import Path

        import matplotlib

        return ImageFont.truetype(str(Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")), size)
    return ImageFont.load_default(size)
