"""Captioners that say what colour a photo has, and a red photo."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.colour_captioner import ColourCaptioner


@pytest.fixture
def captioner() -> ColourCaptioner:
    return ColourCaptioner()


@pytest.fixture(scope="session")
def slow_captioner() -> ColourCaptioner:
    """Slow enough that a browser sees the words come."""
    return ColourCaptioner(pause=0.3)


@pytest.fixture
def red_photo(tmp_path: Path) -> Path:
    """A red photo with a green corner, 90 pixels wide and 60 high."""
    from PIL import Image

    picture = Image.new("RGB", (90, 60), "red")
    picture.paste((0, 255, 0), (60, 40, 90, 60))
    path = tmp_path / "red & square.png"
    picture.save(path)
    return path
