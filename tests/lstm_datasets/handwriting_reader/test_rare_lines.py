"""Lines put together from parts of others."""

from __future__ import annotations

import numpy as np
import pytest

from lstm_datasets.handwriting_reader.cutting import CutLine, Ink
from lstm_datasets.handwriting_reader.rare_lines import SIGNS, RareLines
from lstm_models.tasks.handwriting.glyphs import glyph, has_glyph


def ink(text: str, width: float = 1.0) -> Ink:
    """A bar: as wide as said, and as high as a small letter."""
    return Ink(text, (np.array([[0.0, 0.0], [width, 1.0]]),))


PARTS = [
    CutLine(tuple(map(ink, ("dear", "river", "stone"))), (ink("R", 0.77),), 1.3, 0.1, "ann"),
    CutLine(tuple(map(ink, ("green", "hill"))), (), None, 0.0, "bob"),
]


def test_equal_seeds_make_equal_lines() -> None:
    ours, theirs = RareLines(PARTS, 3), RareLines(PARTS, 3)
    for _ in range(20):
        one, other = ours.line(), theirs.line()
        assert one.text == other.text
        assert all(np.array_equal(a, b) for a, b in zip(one.strokes, other.strokes, strict=True))
    different = RareLines(PARTS, 4)
    assert [different.line().text for _ in range(5)] != [theirs.line().text for _ in range(5)]


def test_they_hold_what_is_rare() -> None:
    maker = RareLines(PARTS, 1)
    lines = [maker.line() for _ in range(600)]
    everything = "".join(line.text for line in lines)
    assert set(SIGNS) | set("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789%:/,.-") <= set(everything)
    assert all(line.text and line.text == " ".join(line.text.split()) and len(line.text) <= 60 for line in lines)
    assert all(np.isfinite(np.concatenate(line.strokes)).all() for line in lines)
    assert sum(any(word in line.text for word in ("dear", "river", "stone", "green", "hill")) for line in lines) > 150


def test_a_line_is_as_wide_as_its_words_and_gaps() -> None:
    """Two bars of 1 and 2, a gap of 1.5, no slant."""
    line = RareLines(PARTS)._set([ink("a"), ink("b", 2.0)], 1.5, 0.0)  # private: the layout by itself
    assert line.text == "a b"
    assert np.allclose(line.strokes[1][:, 0], [2.5, 4.5])
    assert np.allclose(line.strokes[1][:, 1], [0.0, -1.0])  # y goes down


def test_letters_are_somebodys_or_drawn() -> None:
    """Of R there is one, which is taken one time in ten or less; of Q none."""
    maker = RareLines(PARTS, 2)
    taken = 0
    for _ in range(300):
        letter = maker._style("ann")("R")  # private: a letter by itself
        taken += len(letter.strokes) == 1 and letter.width == pytest.approx(0.77)
    assert 3 <= taken <= 40
    assert len(maker._style("ann")("Q").strokes) == len(glyph("Q").strokes)


def test_without_lines_that_have_words_everything_is_drawn() -> None:
    maker = RareLines([], 1)
    for _ in range(30):
        assert all(character == " " or has_glyph(character) for character in maker.line().text)


def test_a_word_without_letters_is_no_word_to_begin_with_a_capital() -> None:
    """Two spaces in a text leave such a word between them."""
    parts = [CutLine(tuple(map(ink, ("dear", "", "stone"))), (), 1.3, 0.1, "ann")]
    maker = RareLines(parts, 1)
    assert all(maker._among().text.strip() for _ in range(200))  # private: only this kind of line
