"""Attention over a photo: smooth, in its place, honest about maps that say nothing.

Run: python -m pytest tests/lstm_models/tasks/captioning/test_attention_maps.py
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from lstm_models.results import Word
from lstm_models.tasks.captioning import attention_maps
from lstm_models.tasks.captioning.attention_maps import looked_at, sheet, upsampled
from lstm_models.tasks.captioning.results import Caption


def spot(row: int, column: int, rows: int = 7, columns: int = 9) -> np.ndarray:
    made = np.zeros((rows, columns), np.float32)
    made[row, column] = 1
    return made


def colours(width: int = 180, height: int = 140) -> Image.Image:
    values = np.random.default_rng(0).integers(60, 200, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(values)


class TestUpsampled:
    @pytest.mark.parametrize(("row", "column"), [(0, 0), (3, 4), (6, 8), (1, 7)])
    def test_the_peak_is_where_the_cell_is(self, row, column):
        made = upsampled(spot(row, column), 70, 180)
        assert made.shape == (70, 180)
        top, left = np.unravel_index(made.argmax(), made.shape)
        assert row * 10 <= top < row * 10 + 10
        assert column * 20 <= left < column * 20 + 20

    @given(arrays.arrays(np.float32, (4, 5), elements=st.floats(0, 1, width=32)))
    def test_it_stays_within_the_range_of_the_map(self, attention):
        made = upsampled(attention, 33, 47)
        assert made.min() >= float(attention.min()) - 1e-9
        assert made.max() <= float(attention.max()) + 1e-9

    def test_an_even_map_stays_even_and_a_turned_map_gives_the_turned_picture(self):
        assert np.ptp(upsampled(np.full((7, 7), 1 / 49), 100, 100)) < 1e-12
        attention = np.random.default_rng(0).random((4, 6))
        assert np.allclose(upsampled(attention, 40, 60).T, upsampled(attention.T, 60, 40))
        assert np.allclose(upsampled(attention, 40, 60)[:, ::-1], upsampled(attention[:, ::-1], 40, 60))

    def test_it_is_smooth(self):
        """No step between two pixels: the greatest is a small part of the range."""
        made = upsampled(np.random.default_rng(0).random((7, 7)), 280, 280)
        for axis in (0, 1):
            assert np.abs(np.diff(made, axis=axis)).max() < 0.05 * np.ptp(made)


class TestLookedAt:
    def test_bright_and_coloured_where_looked_at_dim_and_grey_elsewhere(self):
        photo = colours()
        before, after = np.asarray(photo).astype(float), np.asarray(looked_at(photo, spot(3, 4))).astype(float)
        centre, corner = (slice(68, 72), slice(88, 92)), (slice(0, 10), slice(0, 10))
        assert np.abs(after[centre] - before[centre]).max() <= 3
        assert after[corner].mean() < 0.5 * before[corner].mean()
        assert after[corner].mean() > 0.2 * before[corner].mean()  # one can still tell what is there
        assert np.ptp(after[corner], axis=2).max() <= 1

    def test_an_even_map_dims_evenly(self):
        photo = Image.new("RGB", (90, 70), (200, 200, 200))
        after = np.asarray(looked_at(photo, np.full((7, 7), 1 / 49, np.float32)))
        assert np.ptp(after) == 0
        assert 60 < after[0, 0, 0] < 180

    def test_only_the_shape_of_the_map_counts(self):
        photo = colours()
        assert looked_at(photo, spot(1, 1)).tobytes() == looked_at(photo, 20 * spot(1, 1)).tobytes()

    @pytest.mark.parametrize("attention", [None, np.zeros((3, 3), np.float32)])
    def test_without_a_map_it_is_a_copy(self, attention):
        photo = colours()
        after = looked_at(photo, attention)
        assert after is not photo
        assert after.tobytes() == photo.tobytes()

    def test_a_photo_smaller_than_the_map(self):
        assert looked_at(Image.new("RGB", (1, 2)), spot(0, 0)).size == (1, 2)


class TestPictures:
    def test_one_a_word_and_no_larger_than_asked(self):
        words = (Word("a", 0.5, attention=spot(0, 0)), Word("dog", 0.9), Word("runs", attention=spot(6, 8)))
        caption = Caption("a dog runs", words, -3)
        photo = colours(400, 200)
        made = caption.attention_pictures(photo, side=100)
        assert [picture.size for picture in made] == [(100, 50)] * 3
        assert [picture.size for picture in caption.attention_pictures(photo)] == [(400, 200)] * 3
        brightest = [np.asarray(picture).mean(axis=2)[:10, :10].mean() for picture in made]
        assert brightest[0] > 1.5 * brightest[2]
        assert made[1].tobytes() == attention_maps.photo(photo, 100).tobytes()

    def test_a_thin_photo(self):
        assert attention_maps.photo(Image.new("RGB", (1, 5000)), 640).size == (1, 640)


class TestSheet:
    @pytest.mark.parametrize("count", [1, 2, 5, 6, 13, 40])
    def test_every_tile_is_on_it(self, count):
        photo = Image.new("RGB", (120, 80), (255, 0, 0))
        words = [Word(f"w{number}", 0.5) for number in range(count)]
        made = np.asarray(sheet(photo, "words", words)).astype(int)
        red = (made == (255, 0, 0)).all(axis=2).sum()
        assert red == (count + 1) * 120 * 80

    def test_the_bar_is_as_long_as_the_confidence(self):
        photo = Image.new("RGB", (200, 80), "white")
        lengths = []
        for share in (0.0, 0.25, 1.0):
            made = np.asarray(sheet(photo, "", [Word("", share)])).astype(int)
            lengths.append(int((made == (0x38, 0x50, 0x92)).all(axis=2).sum(axis=1).max()))
        assert lengths == [0, 50, 200]
        assert not (np.asarray(sheet(photo, "", [Word("", None)])) == (0x38, 0x50, 0x92)).all(axis=2).any()

    @pytest.mark.slow
    def test_long_and_foreign_texts_stay_inside(self):
        photo = Image.new("RGB", (40, 40), "white")
        words = [Word("donaudampfschifffahrtsgesellschaft", 0.5), Word("собака", 0.5), Word("犬", 0.1), Word("")]
        long = sheet(photo, "an endless caption " * 60, words)
        assert long.height < 40 * 5 + 60 * 5 + 200
        edge = np.asarray(long)[:, -8:]
        assert (edge == 255).all()

    def test_a_line_that_does_not_fit_is_cut_with_an_ellipsis(self):
        lines = attention_maps.wrapped("one two three four five six seven", 20, 100, lines=2)
        assert len(lines) == 2
        assert lines[1].endswith("…")
        assert all(attention_maps.font_for(20, line).getlength(line) <= 100 for line in lines)
        assert attention_maps.wrapped("one two", 20, 1000) == ["one two"]
        assert attention_maps.wrapped("  ", 20, 1000) == [""]
        assert attention_maps.wrapped("wide", 20, 1, lines=9) == ["w", "i", "d", "e"]
