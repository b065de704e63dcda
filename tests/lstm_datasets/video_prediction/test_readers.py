"""Films to learn from, and what is taken for digits."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from lstm_datasets.video_prediction.readers import FilmPieces, is_digits, read_digits, read_films
from lstm_models.errors import InputError
from tests.helpers import tiny_digits


def test_a_folder_of_films_a_film_and_a_folder_of_frames(tmp_path):
    film = tiny_digits.crossing(6)
    (tmp_path / "films").mkdir()
    tiny_digits.gif(tmp_path / "films" / "a.gif", film)
    tiny_digits.gif(tmp_path / "films" / "b.gif", film[:4])
    (tmp_path / "frames").mkdir()
    for number, frame in enumerate(film):
        Image.fromarray(frame).save(tmp_path / "frames" / f"{number}.png")
    found = read_films([str(tmp_path / name) for name in ("films", "frames", "films/b.gif")], 64, 64)
    assert [len(each) for each in found] == [6, 4, 6, 4]
    np.testing.assert_array_equal(found[2], film)


def test_films_are_scaled_to_the_size(tmp_path):
    path = tiny_digits.gif(tmp_path / "a.gif", tiny_digits.crossing(3))
    (film,) = read_films([str(path)], 16, 32)
    assert film.shape == (3, 16, 32)
    assert not film[:, :, :8].any()
    assert film.any()


def test_pieces():
    films = [np.arange(5, dtype=np.uint8)[:, None, None], np.arange(2, dtype=np.uint8)[:, None, None]]
    pieces = FilmPieces(films, 3)
    assert [piece[:, 0, 0].tolist() for piece in map(pieces.__getitem__, range(len(pieces)))] == [
        [0, 1, 2], [1, 2, 3], [2, 3, 4],
    ]  # fmt: skip
    assert len(FilmPieces(films, 3, every=3)) == 1
    assert pieces.lengths == [3, 3, 3]


def test_digits(tmp_path):
    path = tiny_digits.idx(tmp_path / "train-images-idx3-ubyte")
    assert is_digits(path)
    assert is_digits(tmp_path)
    assert not is_digits(tmp_path / "film.mp4")
    np.testing.assert_array_equal(read_digits(tmp_path), tiny_digits.shapes())
    path.rename(tmp_path / "train-labels-idx3-ubyte")
    with pytest.raises(InputError, match="has no file of images"):
        read_digits(tmp_path)


def test_missing_films(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        read_films([str(tmp_path / "none.mp4")], 8, 8)
    with pytest.raises(InputError, match="no "):
        read_films([str(tmp_path)], 8, 8)
