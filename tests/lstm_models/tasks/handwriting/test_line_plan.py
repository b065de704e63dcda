"""Characters that say how a page is set, and amounts: no-break spaces, indents, form feeds, fractions, prices."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch

import lstm_models
from lstm_models.ink.line_metrics import TALL
from lstm_models.tasks.handwriting.composition import compose
from lstm_models.tasks.handwriting.glyphs import glyph
from lstm_models.tasks.handwriting.line_plan import drawable, planned, room
from lstm_models.tasks.handwriting.model import HandwritingWriter
from lstm_models.tasks.handwriting.pages import paragraph_segments
from lstm_models.text.spelling import spell

LETTERS = " abcdefghijklmnopqrstuvwxyz-.,"


def test_fractions_are_spelt_with_digits_that_are_drawn() -> None:
    assert spell("1½ cups, ¼", LETTERS, drawable)[0] == "1 1/2 cups, 1/4"
    assert spell("½", "abc/12")[0] == "1/2"
    assert spell("½", "abc")[0] == ""


def test_characters_drawn_alike_have_one_note() -> None:
    _, notes = spell("3 € 4", LETTERS, drawable)
    assert notes == ["“3”, “€”, “4” were drawn from a font, not written by the model"]


def test_no_break_spaces_stay_in_their_word() -> None:
    text = spell("10\u00a0km to go", LETTERS, drawable, keep="\u00a0")[0]
    assert text == "10\u00a0km to go"
    (segment,) = paragraph_segments(text, True)
    assert segment.text.split(" ") == ["10\u00a0km", "to", "go"]


def test_rows_that_begin_with_spaces_are_lines_of_their_own() -> None:
    poem = "roses are red\n    violets are\n        blue\n\nand so"
    for breaks in (True, False):
        made = [(each.text, each.spaces, each.opens) for each in paragraph_segments(poem, breaks)]
        assert made == [("roses are red", 0, True), ("violets are", 4, False), ("blue", 8, False), ("and so", 0, True)]
    assert [each.text for each in paragraph_segments("one\ntwo", False)] == ["one two"]


def test_a_form_feed_begins_a_page() -> None:
    assert [(each.text, each.page) for each in paragraph_segments("one\ftwo\nthree", True)] == [
        ("one", False), ("two", True), ("three", False),
    ]  # fmt: skip


def test_codes_are_drawn_whole_and_words_are_not() -> None:
    assert planned("#4711-b", LETTERS).plain == ""
    assert planned("paris 2", LETTERS).plain.strip() == "paris"
    assert planned("3cups", LETTERS).plain.strip() == "cups"


def test_signs_between_digits_are_to_be_seen() -> None:
    for sign in ".,":
        points = np.concatenate(glyph(sign).strokes)
        assert np.ptp(points, axis=0).max() > 0.1  # x-heights
    (joint, _) = planned("1,249.50", LETTERS).joints[0], None
    assert [letter.base for letter in joint if letter] == list("1,249.50")


@pytest.mark.parametrize(("text", "distance"), [("Cl", 0.42), ("Él", 0.42), ("3cups", 0.24)])
def test_drawn_capitals_keep_a_distance_to_what_is_written_after_them(text: str, distance: float) -> None:
    """Nearer, a C before an l looks like a d."""
    line = planned(text, LETTERS)
    stem = np.array([[5.0, -1.5], [5.0, 0.0]])  # of the next letter, by a pen
    strokes, drawn = compose(line, [stem], [np.zeros(2)], 1.0, 0.0, random=np.random.default_rng(1))
    right = max(float(strokes[number][:, 0].max()) for number in drawn)
    assert float(strokes[-1][:, 0].min()) - right == pytest.approx(distance)
    width = glyph("C" if text[0] == "C" else "E" if text[0] == "É" else "3").width
    assert room(line)[0] == pytest.approx(width * math.sqrt(TALL / 1.5) + distance)


def test_some_characters_are_drawn_in_some_styles_alone() -> None:
    """In a line, on a page, and with a sentence about it; the other styles write as ever."""
    torch.set_num_threads(1)
    writer = lstm_models.load("writer")
    assert isinstance(writer, HandwritingWriter)
    config = writer.config
    try:
        writer.config = dataclasses.replace(config, drawn_by_style={"dora": "S"})
        assert "S" not in writer.writable_in("dora")
        assert "S" in writer.writable_in("ada+dora")
        found = writer.write("Sam came", style="dora", seed=1)
        assert found.drawn
        assert any("“S” was drawn from a font" in note for note in found.notes)
        assert not writer.write("Sam came", style="ada", seed=1).drawn
        (page,) = writer.write_pages("Sam came", style="dora", seed=1)
        assert page.drawn
    finally:
        writer.config = config
    with pytest.raises(ValueError, match="drawn has a character without a glyph: 'ж'"):
        dataclasses.replace(config, drawn_by_style={"dora": "ж"})
