"""Films of every kind are opened, or refused in a sentence."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lstm_models.errors import InputError
from lstm_models.io.films import list_films, open_film, read_film
from tests.helpers.tiny_films import BLUE, GREEN, animation, sound_only, square_frames, video

FRAMES = square_frames(12)


@pytest.mark.parametrize(("kind", "codec"), [("mp4", "mpeg4"), ("matroska", "mpeg4"), ("avi", "mpeg4")])
def test_a_video_has_the_frames_it_was_made_of(kind: str, codec: str) -> None:
    found = read_film(video(FRAMES, kind=kind, codec=codec))
    assert found.pixels.shape == FRAMES.shape
    assert np.abs(found.pixels.astype(int) - FRAMES).mean() < 8  # it is compressed
    np.testing.assert_allclose(found.times, np.arange(12) / 4, atol=0.01)
    assert found.notes == ()


@pytest.mark.parametrize("kind", ["GIF", "WEBP"])
def test_an_animation_has_the_frames_and_times_it_was_made_of(kind: str) -> None:
    found = read_film(animation(FRAMES, kind))
    assert np.abs(found.pixels.astype(int) - FRAMES).mean() < 2
    np.testing.assert_allclose(found.times, np.arange(12) / 4, atol=1e-6)


def test_a_folder_is_a_film_in_natural_order(tmp_path: Path) -> None:
    for number, frame in enumerate(FRAMES):
        Image.fromarray(frame).save(tmp_path / f"{number}.png")  # 10.png comes after 2.png
    found = read_film(tmp_path, rate=5)
    np.testing.assert_array_equal(found.pixels, FRAMES)
    np.testing.assert_allclose(found.times, np.arange(12) / 5)


def test_arrays_of_bytes_floats_and_greys() -> None:
    np.testing.assert_array_equal(read_film(FRAMES).pixels, FRAMES)
    np.testing.assert_array_equal(read_film(FRAMES.astype(np.float32) / 255).pixels, FRAMES)
    grey = FRAMES[..., 0]
    np.testing.assert_array_equal(read_film(grey).pixels, np.repeat(grey[..., None], 3, -1))
    np.testing.assert_array_equal(read_film(list(FRAMES)).pixels, FRAMES)


def test_parts_steps_and_sizes() -> None:
    film = video(FRAMES)
    found = read_film(film, every=0.5, start=1.0, end=2.5)
    np.testing.assert_allclose(found.times, [1.0, 1.5, 2.0], atol=0.01)
    assert np.abs(found.pixels[0].astype(int) - FRAMES[4]).mean() < 8
    assert read_film(film, side=24).pixels.shape == (12, 24, 32, 3)
    assert read_film(film, side=400).pixels.shape == FRAMES.shape  # nothing is enlarged
    assert len(read_film(film, most=3).times) == 3


def test_an_open_film_says_its_length_and_sound() -> None:
    with open_film(io.BytesIO(video(FRAMES, sound=True))) as film:
        assert film.seconds == pytest.approx(3.0, abs=0.1)
        assert film.has_sound
        assert len(list(film.frames())) == 12


def test_a_film_that_breaks_off_gives_what_there_is() -> None:
    content = video(np.concatenate([FRAMES] * 4), kind="matroska")
    found = read_film(content[: len(content) // 2])
    assert 4 < len(found.times) < 48
    gif = animation(np.concatenate([FRAMES] * 4))
    part = read_film(gif[: len(gif) // 2])
    assert 4 < len(part.times) < 48
    assert "breaks off" in part.notes[0]


BAD = {
    "nothing": (b"", "is empty"),
    "words": (b"Dear reader, this is no film. " * 20, "is not a film"),
    "zeros": (bytes(5000), "is not a film"),
    "sound": (sound_only(), "has no pictures: it is a recording of sound"),
    "cut": (video(FRAMES)[:300], "damaged or cut off"),
    "two thirds": (video(FRAMES)[: len(video(FRAMES)) * 2 // 3], "damaged or cut off"),
    "two thirds of a short one": (video(FRAMES[:8])[: len(video(FRAMES[:8])) * 2 // 3], "damaged or cut off"),
    "broken animation": (animation(FRAMES)[:20], "damaged or cut off"),
}


@pytest.mark.parametrize("what", BAD)
def test_what_is_no_film_is_said_in_one_sentence(what: str, tmp_path: Path) -> None:
    content, sentence = BAD[what]
    path = tmp_path / "film.mp4"
    path.write_bytes(content)
    with pytest.raises(InputError, match=sentence) as caught:
        read_film(path)
    assert str(caught.value).count("\n") == 0
    assert "film.mp4" in str(caught.value)


def test_other_mistakes(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        read_film(tmp_path / "missing.mp4")
    with pytest.raises(InputError, match="has no pictures"):
        read_film(tmp_path)
    with pytest.raises(InputError, match="address and not a file"):
        read_film("https://example.org/film.mp4")
    with pytest.raises(InputError, match="is a int"):
        read_film(3)
    with pytest.raises(InputError, match=r"shape \[3, 4\]"):
        read_film(np.zeros((3, 4)))
    with pytest.raises(InputError, match="outside of 0 to 1"):
        read_film(np.full((2, 8, 8), 3.0))
    with pytest.raises(InputError, match="int64"):
        read_film(np.zeros((2, 8, 8), np.int64))
    with pytest.raises(InputError, match="have one size"):
        read_film([FRAMES[0], FRAMES[1][:20]])
    with pytest.raises(InputError, match=r"before 9 s|from 9 s on"):
        read_film(video(FRAMES), start=9.0)
    with pytest.raises(InputError, match="has no frames"):
        read_film([])


def test_films_of_a_folder(tmp_path: Path) -> None:
    for name in ("10.mp4", "2.webm", "a.txt", ".hidden.mp4"):
        (tmp_path / name).write_bytes(b"x")
    assert [path.name for path in list_films(tmp_path)] == ["2.webm", "10.mp4"]


def test_colours_are_red_green_blue() -> None:
    found = read_film(video(square_frames(4, colours=(BLUE, GREEN))))
    assert found.pixels[0, 0, 0].argmax() == 2
    assert found.pixels[-1, 0, 0].argmax() == 1


def test_the_length_of_an_animation_is_known_at_its_end() -> None:
    with open_film(animation(FRAMES[:3], duration=250)) as film:
        assert film.seconds is None
        assert len(list(film.frames())) == 3
        assert film.seconds == 0.75
