"""What decoding a picture may take: counted in bytes before it begins, converted band by band, one large one at a time.

Run: python -m pytest tests/lstm_models/io/test_images_memory.py
"""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lstm_models.errors import InputError
from lstm_models.io import pixels
from lstm_models.io.images import open_image


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def noise(mode: str, size: tuple[int, int] = (90, 70)) -> Image.Image:
    values = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), np.uint8)
    if mode == "F":
        return Image.fromarray((values[:, :, 0] / 255).astype(np.float32))
    if mode == "I":
        return Image.fromarray(values[:, :, 0].astype(np.int32) * 200)
    if mode == "I;16":
        return Image.fromarray(values[:, :, 0].astype(np.uint16) * 257)
    return Image.fromarray(values).convert(mode)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "I", "F", "I;16", "LA"])
@pytest.mark.parametrize("factor", [1, 2, 4])
def test_bands_make_the_picture_that_is_made_at_once(mode: str, factor: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = np.asarray(pixels.upright_rgb(noise(mode), "It", factor))
    monkeypatch.setattr(pixels, "_BAND", 1000)
    assert (np.asarray(pixels.upright_rgb(noise(mode), "It", factor)) == whole).all()


def test_what_a_value_means_depends_on_the_whole_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    """The upper band of a picture of floats up to 255 holds nothing above one."""
    monkeypatch.setattr(pixels, "_BAND", 100)
    values = np.zeros((40, 10), np.float32)
    values[0], values[-1] = 1, 255
    found = np.asarray(pixels.upright_rgb(Image.fromarray(values), "It"))
    assert (found[0, 0, 0], found[-1, 0, 0]) == (1, 255)


@pytest.mark.parametrize(
    ("image", "kind", "options"),
    [
        (("I", (12_000, 9_000)), "TIFF", {"compression": "tiff_deflate"}),
        (("F", (12_000, 9_000)), "TIFF", {"compression": "tiff_deflate"}),
        (("RGB", (10_000, 9_500)), "JPEG", {"progressive": True, "subsampling": 0}),
    ],
)
def test_bytes_are_counted_before_anything_is_decoded(image, kind, options, tmp_path: Path) -> None:
    """By the mode: 108 million pixels of four bytes, twice in TIFF; six bytes a pixel in a progressive JPEG."""
    path = tmp_path / "big"
    path.write_bytes(encoded(Image.new(*image), kind, **options))
    with pytest.raises(InputError, match=r"big would take [\d,]+ MB of memory to decode, and a picture may take 537"):
        open_image(path)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads the peak of memory from Linux")
@pytest.mark.parametrize("mode", ["I", "F", "RGB"])
def test_a_large_picture_takes_little_more_than_itself(mode: str, tmp_path: Path) -> None:
    """36 million pixels: 144 MB decoded, and as much in the decoder where it is TIFF. Before: 0.9 GB."""
    path = tmp_path / "large"
    path.write_bytes(encoded(Image.new(mode, (6_000, 6_000)), "TIFF", compression="tiff_deflate"))
    code = f"""
import resource
from lstm_models.io.images import open_image
import numpy, PIL.Image, PIL.TiffImagePlugin
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert open_image({str(path)!r}).size == (1500, 1500)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    assert int(run.stdout) / 1024 < 2 * 144 + 130
