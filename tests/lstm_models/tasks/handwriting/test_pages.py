"""Whole pages: wrapping, the same size from line to line, and no stroke outside the margins.

Run: python -m pytest tests/lstm_models/tasks/handwriting/test_pages.py
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import lstm_models
from lstm_models.errors import InputError
from lstm_models.ink.page import PageOptions
from lstm_models.tasks.handwriting import pages as module
from lstm_models.tasks.handwriting.line_layout import Hand, soft, spread
from lstm_models.tasks.handwriting.pages import Drift, wrap_words
from lstm_models.tasks.handwriting.stray_marks import without_stray
from tests.helpers.zigzag_writer import DEEP, TALL, Pen

WORDS = "we saw them come home as soon as the rain was over and many a quick fox ran away"
LONG = "Donaudampfschifffahrtselektrizitaetenhauptbetriebswerkbauunterbeamtengesellschaft"


def prose(words: int, seed: int = 0) -> str:
    return " ".join(np.random.default_rng(seed).choice(WORDS.split(), words))


def pages_of(text: str, writer: Pen | None = None, seed: int = 1, **options):
    return list((writer or Pen()).write_pages(text, seed=seed, options=PageOptions(**options)))


def equal(one, two) -> bool:
    return len(one) == len(two) and all(
        len(a.strokes) == len(b.strokes) and all(map(np.array_equal, a.strokes, b.strokes))
        for a, b in zip(one, two, strict=True)
    )


# Wrapping -----------------------------------------------------------------------------------------------------------

words = st.lists(st.text("abcdefghim-", min_size=1, max_size=30), max_size=40)


def proportional(text: str) -> float:
    return sum({"i": 0.5, "m": 1.6, " ": 0.8, "-": 0.7}.get(letter, 1.0) for letter in text)


@given(words, st.floats(5, 40), st.floats(4, 40))
def test_lines_hold_every_word_in_order_and_are_no_wider_than_the_room(words, room, first):
    lines = wrap_words(words, proportional, room, first)
    assert all(proportional(line) <= (room if number else first) for number, line in enumerate(lines) if len(line) > 3)
    assert all(line and line == line.strip() for line in lines)
    # What lines were split by: a space, a hyphen of the word's own, or an added one
    read = "".join(lines).replace(" ", "").replace("-", "")
    assert read == "".join(words).replace("-", "")
    whole = [word for word in words if proportional(word) <= min(room, first)]
    written = iter(" ".join(lines).split(" "))
    assert all(word in written for word in whole)  # in this order


@given(words, st.floats(5, 40))
def test_lines_are_as_full_as_can_be(words, room):
    lines = wrap_words(words, proportional, room)
    for line, following in itertools.pairwise(lines):
        assert proportional(f"{line} {following.split(' ')[0]}") > room or line.endswith("-")


def test_splitting_words():
    assert wrap_words(["abcdefghij"], len, 4) == ["abc-", "def-", "ghij"]
    assert wrap_words(["a", "well-known", "word"], len, 7) == ["a", "well-", "known", "word"]
    assert wrap_words(["abcdefghij"], len, 4, hyphen="") == ["abcd", "efgh", "ij"]
    assert wrap_words(["one", "two"], len, 8, first=3) == ["one", "two"]
    assert wrap_words([], len, 8) == []
    assert wrap_words(["abc"], len, 0.5) == ["a-", "b-", "c"]  # no room at all: it ends all the same


# Pages --------------------------------------------------------------------------------------------------------------


def inside(page) -> None:
    options = page.options
    top, right, bottom, left = options.margins
    points = np.concatenate(page.strokes)
    half = options.pen / 2 - 1e-3
    assert points[:, 0].min() >= left + half
    assert points[:, 0].max() <= options.width - right - half
    assert points[:, 1].min() >= top + half
    assert points[:, 1].max() <= options.height - bottom - half


@pytest.mark.parametrize("align", ["left", "right", "center", "justify"])
@pytest.mark.parametrize(
    "options",
    [{}, {"size": "a5", "margins": (12, 8, 15, 20), "paper": "ruled"}, {"size": "60x80", "margins": 3, "indent": 15},
     {"size": "1200x300", "x_height": 1.5}, {"drift": 2.25}, {"pen": 3, "drift": 0}],
    ids=str,
)  # fmt: skip
def test_no_stroke_leaves_the_margins(align, options):
    text = f"{prose(60)} {LONG} {prose(40)}\n\n{prose(30)}"
    for page in pages_of(text, Pen(wild=0.1, sizes=True), align=align, **options):
        inside(page)


@pytest.mark.parametrize("seed", [0, 1])
def test_what_a_network_without_training_writes_stays_inside_too(seed):
    torch.manual_seed(seed)
    writer = lstm_models.HandwritingWriter(
        lstm_models.WriterConfig(alphabet=" abcdeimnorstuw", hidden_size=8, text_size=4, components=2, mixtures=2,
                                 step=0.3, style_size=0)
    )  # fmt: skip
    for page in writer.write_pages("some words to write and one more\n\nsmile", seed=seed):
        inside(page)


def test_pages_say_the_whole_text():
    text = f"{prose(200)}\n\n{prose(3, 1)}\n{prose(400, 2)}\n\n\n\n{prose(7, 3)}"
    made = pages_of(text, Pen(wild=0.1), size="a5")
    assert len(made) > 3
    assert [page.number for page in made] == list(range(1, len(made) + 1))
    assert " ".join(page.text for page in made).split() == text.split()
    assert all(page.text.count("\n") < page.options.lines for page in made)


def test_breaks():
    lines = "Dear Anna,\nhow are you\n\nYours"
    assert [page.text for page in pages_of(lines)] == ["Dear Anna,\nhow are you\n\nYours"]
    assert [page.text for page in pages_of(lines, breaks=False)] == ["Dear Anna, how are you\n\nYours"]


def test_paragraph_spacing_and_indent():
    def starts(**options):
        (page,) = pages_of("aa\n\naa\naa", drift=0, **options)
        lines = np.array([[stroke[:, 0].min(), stroke[-1:, 1].max()] for stroke in page.strokes])
        return lines[:, 0] - 20.2, np.diff(lines[:, 1])

    left, down = starts(paragraph_spacing=0.5, indent=10)
    np.testing.assert_allclose(left, [10, 10, 0], atol=1e-3)
    np.testing.assert_allclose(down, [13.5, 9], atol=0.3)
    left, down = starts(paragraph_spacing=0.5, paper="ruled", align="right", indent=10)
    np.testing.assert_allclose(down, [18, 9], atol=0.3)  # on the lines
    assert left.min() > 150


def test_a_word_wider_than_a_line_is_split():
    (page,) = pages_of(f"so {LONG} it is", size="a5")
    assert "".join(page.text.split("\n")).replace("-", "").replace(" ", "") == f"so{LONG}itis"
    assert page.text.count("-") >= 1


def test_the_same_seed_writes_the_same_pages():
    text = prose(300)
    assert equal(pages_of(text, Pen(wild=0.1)), pages_of(text, Pen(wild=0.1)))
    assert not equal(pages_of(text), pages_of(text, seed=2))
    first, second = Pen().write_pages("word"), Pen().write_pages("word")
    assert next(first).seed != next(second).seed


def test_notes_are_on_the_first_page():
    first, *others = pages_of("é " + prose(500), size="a5")
    assert first.notes == ("“é” is “e” with strokes that were drawn, not written by the model",)
    assert others
    assert all(page.notes == () for page in others)
    assert {page.style for page in [first, *others]} == {"round"}


def heights(page, options) -> list[float]:
    """How high the lowest letters of each line reach above its deepest baseline points."""
    found = []
    for number in range(options.lines):
        base = options.baseline(number)
        near = [s for s in page.strokes if abs(np.median(s[:, 1]) - base + options.x_height / 2) < 3]
        if near:
            points = np.concatenate([stroke[2::4] for stroke in near])  # the tops of the zigzags
            found.append(float(base - points[:, 1].mean()))
    return found


@pytest.mark.parametrize("x_height", [1.0, 2.0, 3.0])
def test_letters_have_one_size_from_line_to_line(x_height):
    """Lines that differ in size as the network writes them come out with letters of the height asked for."""
    text = " ".join(word for word in prose(2000).split() if not set(word) & {*TALL, *DEEP})
    page = pages_of(text, Pen(sizes=True), drift=0, x_height=x_height, line_height=12)[0]
    measured = heights(page, page.options)
    assert len(measured) == page.options.lines
    np.testing.assert_allclose(measured, x_height, rtol=0.08)
    assert np.std(measured) < 0.03 * x_height


def test_lines_stand_on_the_ruling():
    page = pages_of(prose(500), drift=0, paper="ruled")[0]
    rules = [line[0, 1] for line in page.options.ruling()]
    for stroke in page.strokes:
        base = stroke[1::4, 1]  # where the zigzags stand
        assert min(abs(base.mean() - rule) for rule in rules) < 0.35


def test_justified_lines_end_at_the_margin_and_words_stay_whole():
    page = pages_of(prose(60), align="justify")[0]
    ends: dict[int, float] = {}
    for stroke in page.strokes:
        line = round((stroke[:, 1].mean() - page.options.baseline(0)) / page.options.line_height)
        ends[line] = max(ends.get(line, 0), float(stroke[:, 0].max()))
    *full, last = (end for _, end in sorted(ends.items()))
    np.testing.assert_allclose(full, 190 - 0.2, atol=1e-2)
    assert last < 189
    assert len(page.strokes) == len(page.text.split())


def test_spreading_stops_where_gaps_would_gape():
    hand = Hand(Pen(), torch.zeros(1), 1.0, np.random.SeedSequence(1), 2.0)
    (line,) = hand.write(["as we saw"])
    width = max(stroke[:, 0].max() for stroke in line)
    spread_, loose = (spread(line, "as we saw", hand, width + more) for more in (5.0, 60.0))
    assert max(stroke[:, 0].max() for stroke in spread_) == pytest.approx(width + 5)
    assert max(stroke[:, 0].max() for stroke in loose) == pytest.approx(width * 1.04)


def test_long_lines_are_written_in_parts():
    hand = Hand(Pen(), torch.zeros(1), 1.0, np.random.SeedSequence(1), 2.0)
    text = prose(40)
    (line,) = hand.write([text])
    assert hand.writer.batches[-1] == -(-len(text) // 52)
    assert len(line) == 40
    assert all(a[:, 0].max() < b[:, 0].min() for a, b in itertools.pairwise(line))


def test_stray_marks_after_the_last_letter_are_left_out():
    word, dot, dash = (
        np.array([[0, 0], [1, -1.2], [9, 0.0]]),
        np.array([[9.5, 0.0]]),
        np.array([[9.6, -1], [10.4, -0.9]]),
    )
    letter = np.array([[9.5, 0], [9.8, -1.2], [10.1, 0]])
    assert len(without_stray([word, dot, dash], "came")) == 1
    assert len(without_stray([word, dot], "came.")) == 2
    assert len(without_stray([word, letter], "came")) == 2
    assert len(without_stray([word, dot - (4, 2)], "taxi")) == 2  # over the letter
    assert len(without_stray([word, dot - (4, 2), dot - (0, 2)], "taxi")) == 2  # two dots, but one i
    assert len(without_stray([dot], "a")) == 1


def test_bounds_bend_and_do_not_cut():
    y = np.linspace(-20, 20, 401)
    bent = soft(y, 4.0, 2.0)
    assert bent.min() >= -4
    assert bent.max() <= 2
    assert (np.diff(bent) >= 0).all()
    np.testing.assert_array_equal(bent[np.abs(y) < 1.7], y[np.abs(y) < 1.7])


@given(st.floats(0, 5), st.integers(0, 2**63 - 1))
def test_drift_is_bounded_and_slow(amount, seed):
    drift = Drift(amount, seed)
    x = np.arange(0, 210, 1.0)
    lines = np.array([drift.next(210)(x) for _ in range(40)])
    assert np.abs(lines).max() <= amount
    assert np.abs(np.diff(lines, axis=1)).max() <= 0.06 * amount + 1e-12  # no steps: below four degrees at 1 mm
    again = Drift(amount, seed)
    np.testing.assert_array_equal(lines[0], again.next(210)(x))


# A generator --------------------------------------------------------------------------------------------------------


def test_pages_come_one_after_another_with_few_lines_in_hand():
    writer, said = Pen(), []
    pages = writer.write_pages(prose(20_000), seed=1, progress=lambda *counts: said.append(counts))
    first = next(pages)
    written = sum(writer.batches)
    assert written < 4 * module.LINES_AT_ONCE
    assert max(writer.batches) <= module.LINES_AT_ONCE
    assert said[-1][0] == first.options.lines + 1
    assert said[-1][1] > 900
    pages.close()  # what cancelling is
    assert sum(writer.batches) == written


def test_a_hundred_pages_with_progress():
    said = []
    options = PageOptions(size="100x100", margins=10)
    pages = Pen(wild=0.02).write_pages(prose(4_000), seed=1, options=options, progress=lambda *c: said.append(c))
    count = 0
    for count, page in enumerate(pages, 1):
        assert page.number == count
    assert count >= 100
    done, total = np.array(said).T
    assert (np.diff(done) == 1).all()
    assert (done <= total).all()
    assert done[-1] == total[-1]
    assert np.ptp(total) < 0.05 * total[-1]  # an estimate, but a good one


# What goes wrong ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        ("", {}, "there is no text to write"),
        (" \n ", {}, "there is no text to write"),
        (None, {}, "there is no text to write"),
        ("😀 ☃", {}, "nothing in the text can be written: “😀” cannot be written and was left out"),
        ("\u200d", {}, "nothing in the text can be written"),
        ("a" * 500_001, {}, "the text has 500,001 characters; pages are written of at most 500,000 at a time"),
        ("a", {"style": "steep"}, "there is no style “steep”; the styles are: round"),
        ("a", {"legibility": 2}, "legibility must lie between 0 and 1, not 2"),
        ("a", {"seed": -1}, "seed must be a whole number from 0"),
    ],
)
def test_what_goes_wrong_is_said_before_the_first_page(text, options, said):
    with pytest.raises(InputError, match=said) as error:
        Pen().write_pages(text, **options)
    assert error.value.exit_code == 2


@pytest.mark.slow
def test_the_bundled_writer_fills_a_page():
    writer = lstm_models.load("writer")
    text = "Dear Anna,\n\nit was a bright cold day in April, and the clocks were striking thirteen.\n\nYours, Bram"
    (page,) = writer.write_pages(text, seed=1, options=PageOptions(size="a5"))
    inside(page)
    assert page.text.split() == text.split()
    # Letters without ascenders, by an independent measure: half the points lie below their middle
    points = np.concatenate(page.strokes)
    above = [page.options.baseline(line) - points[:, 1] for line in range(page.options.lines)]
    near = np.concatenate([each[(each > 0.2) & (each < 5)] for each in above])
    assert 0.4 * 2 < np.median(near) < 1.3 * 2
