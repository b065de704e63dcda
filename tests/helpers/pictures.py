"""A picture of four colours, in files, and the message about one that cannot be opened."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from lstm_models.errors import InputError
from lstm_models.io.images import open_image

RED, GREEN, BLUE, GREY, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (102, 102, 102), (255, 255, 255)


def quarters(mode: str = "RGB") -> Image.Image:
    """24 × 16: red, green above blue, grey; no turn of it is itself."""
    pixels = np.zeros((16, 24, 3), np.uint8)
    pixels[:8, :12], pixels[:8, 12:], pixels[8:, :12], pixels[8:, 12:] = RED, GREEN, BLUE, GREY
    return Image.fromarray(pixels).convert(mode)


def encoded(image: Image.Image, format_: str = "PNG", **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, format_, **options)
    return file.getvalue()


def pixels(image: Image.Image) -> np.ndarray:
    assert image.mode == "RGB"
    return np.asarray(image).astype(int)


def message_for(source: object, **options: object) -> str:
    """The sentence a bad input gets: one, with an end, and without what only a programmer reads."""
    with pytest.raises(InputError) as error:
        open_image(source, **options)
    sentence = str(error.value)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert not any(word in sentence for word in ("Errno", "Traceback", "BytesIO", "0x", "object at"))
    return sentence
