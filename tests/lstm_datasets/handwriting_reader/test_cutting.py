"""Words and letters cut out of lines that were drawn letter by letter, so that it is known where each lies."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import lstm_models
from lstm_datasets.handwriting.readers import HandwritingLine
from lstm_datasets.handwriting_reader.cutting import cut_line, cut_lines
from lstm_models.tasks.handwriting.glyphs import glyph
from lstm_models.tasks.handwriting_reader.model import HandwritingReader

GAP, WORD_GAP, SIZE, SLANT = 0.35, 1.5, 40.0, 0.2


def drawn(text: str) -> tuple[list[np.ndarray], dict[int, int]]:
    """Strokes of a text in glyphs, leaning, y down; and of each character how many strokes it has."""
    strokes, counts, right = [], {}, 0.0
    for number, character in enumerate(text):
        if character == " ":
            right += WORD_GAP - GAP
            continue
        shape = glyph(character)
        for stroke in shape.strokes:
            x, y = stroke.T
            strokes.append(np.stack([(x + right + SLANT * y) * SIZE, -y * SIZE], 1))
        counts[number] = len(shape.strokes)
        right += shape.width + GAP
    return strokes, counts


@pytest.fixture(scope="module")
def reader() -> HandwritingReader:
    torch.set_num_threads(1)
    model = lstm_models.load("reader")
    assert isinstance(model, HandwritingReader)
    return model


def test_words_and_capitals_of_a_line(reader: HandwritingReader) -> None:
    text = "He met Tom on a hill"
    strokes, counts = drawn(text)
    cut = cut_line(strokes, text, reader, "ann")
    assert cut is not None
    assert cut.writer == "ann"
    assert [word.text for word in cut.words] == text.split(" ")
    at = 0
    for word in cut.words:  # each has the strokes that it was drawn with
        assert len(word.strokes) == sum(counts[k] for k in range(at, at + len(word.text)))
        at += len(word.text) + 1
    assert [(letter.text, len(letter.strokes)) for letter in cut.letters] == [("H", 3), ("T", 2)]
    for ink in (*cut.words, *cut.letters):
        points = np.concatenate(ink.strokes)
        assert points[:, 0].min() == pytest.approx(0, abs=1e-6)
        assert abs(points[:, 1].min()) < 0.35  # the baseline
    capital = np.concatenate(cut.letters[0].strokes)
    assert capital[:, 1].max() == pytest.approx(glyph("H").top, rel=0.2)
    assert cut.gap == pytest.approx(WORD_GAP, rel=0.25)
    assert cut.slant == pytest.approx(SLANT, abs=0.12)


def test_lines_that_are_too_short_for_their_text_are_left_out(reader: HandwritingReader) -> None:
    strokes, _ = drawn("hill")
    lines = [
        HandwritingLine(tuple(strokes), "hill"),
        HandwritingLine(tuple(strokes), "no hill is as long as this " * 5),
    ]
    assert len(list(cut_lines(lines, reader))) == 1


def test_words_that_share_a_stroke_are_not_told_apart(reader: HandwritingReader) -> None:
    strokes, _ = drawn("on hill")
    joined = [np.concatenate(strokes)]
    cut = cut_line(joined, "on hill", reader)
    assert cut is None or cut.words == ()
