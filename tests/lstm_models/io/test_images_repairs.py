"""Photos that are cut off, and photos with colour profiles."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageDraw

from lstm_models.errors import InputError
from lstm_models.io.images import open_image


def photo(size: tuple[int, int] = (320, 240)) -> Image.Image:
    picture = Image.new("RGB", size, "white")
    ImageDraw.Draw(picture).ellipse((60, 40, 260, 200), fill=(200, 40, 30))
    return picture


def jpeg(picture: Image.Image, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=90, **options)
    return file.getvalue()


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("missing", [1, 2, 20])
def test_the_last_bytes_of_a_jpeg_may_be_missing(missing: int, progressive: bool) -> None:
    content, notes = jpeg(photo(), progressive=progressive), []
    found = open_image(content[:-missing], notes=notes)
    off = np.abs(np.asarray(found, int) - np.asarray(open_image(content), int)).max(-1)
    assert (off[:200] < 30).mean() > 0.99
    assert len(notes) == 1
    assert notes[0].startswith("The picture is cut off")


def test_half_a_jpeg_is_refused_and_less_is_said() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (240, 320, 3), dtype=np.uint8)
    content = jpeg(Image.fromarray(noise))
    notes: list[str] = []
    open_image(content[: len(content) * 3 // 4], notes=notes)
    assert notes in ([f"The picture is cut off: {share} % of its rows are missing."] for share in range(17, 28))
    with pytest.raises(InputError, match="more than half of it is missing"):
        open_image(content[: len(content) // 4])
    with pytest.warns(UserWarning, match="is cut off"):
        open_image(content[:-2])


def test_a_white_half_is_not_missing() -> None:
    picture = Image.new("RGB", (320, 240), "white")
    ImageDraw.Draw(picture).rectangle((0, 0, 320, 40), fill="navy")
    notes: list[str] = []
    open_image(jpeg(picture)[:-2], notes=notes)
    assert notes == ["The picture is cut off: 0 % of its rows are missing."]


def swapped_profile() -> bytes:
    """sRGB with the primaries of red and blue in each other's place."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    red, blue = profile.find(b"rXYZ"), profile.find(b"bXYZ")
    profile[red : red + 4], profile[blue : blue + 4] = b"bXYZ", b"rXYZ"
    return bytes(profile)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
def test_colour_profiles_are_followed(mode: str) -> None:
    picture = photo((300, 220))
    red, green, blue = picture.split()
    other, file = Image.merge("RGB", (blue, green, red)), io.BytesIO()
    if mode == "RGBA":
        other.putalpha(255)
    (other.quantize(16) if mode == "P" else other).save(file, "PNG", icc_profile=swapped_profile())
    found = np.asarray(open_image(file.getvalue()), int)
    assert np.abs(found - np.asarray(picture, int)).max() <= 3


def test_cmyk_and_grey_with_profiles_that_fit_or_not() -> None:
    grey = photo().convert("L")
    file = io.BytesIO()
    grey.save(file, "PNG", icc_profile=swapped_profile())  # one for RGB
    np.testing.assert_array_equal(np.asarray(open_image(file.getvalue()))[..., 0], np.asarray(grey))
    file = io.BytesIO()
    photo().save(file, "PNG", icc_profile=b"no profile at all")
    np.testing.assert_array_equal(np.asarray(open_image(file.getvalue())), np.asarray(photo()))


def test_an_open_file_is_taken() -> None:
    file = io.BytesIO(jpeg(photo()))
    assert open_image(file).size == (320, 240)
    with pytest.raises(InputError, match="open as text"):
        open_image(io.StringIO("text"))  # type: ignore[arg-type]
