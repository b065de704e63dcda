"""Glyphs and accents: that there are any, their sizes, and where they come to stand in a line.

Run: python -m pytest tests/lstm_models/tasks/handwriting/test_glyphs.py
"""

from __future__ import annotations

import dataclasses
import json
import string
import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_models.errors import InputError
from lstm_models.ink.drawing import Drawing
from lstm_models.ink.line_metrics import TALL, measured, parts_of, slant_of
from lstm_models.ink.page import PageOptions
from lstm_models.tasks.handwriting.accents import parted, placed
from lstm_models.tasks.handwriting.composition import compose, glyph_words
from lstm_models.tasks.handwriting.glyphs import glyph, has_glyph, rounded
from lstm_models.tasks.handwriting.line_plan import drawable, planned
from tests.helpers.zigzag_writer import CONFIG, X_HEIGHT, Pen

ALPHABET = CONFIG.alphabet


class Traced(Pen):
    """A `Pen` that stops now and then to show what it has written."""

    def sample(self, texts, styles, *, bias, seed, every=None, tidy=False, trace=None):
        places: list[np.ndarray] = []
        (rows,) = super().sample(texts, styles, bias=bias, seed=seed, trace=places)
        most = max(map(len, rows))
        for stop in [*range(every or most, most, every or most), most]:
            if trace is not None:
                trace[:] = [place[:stop] for place in places]
            yield [row[:stop] for row in rows]


def write(text: str, **options) -> Drawing:
    return Traced().write(text, seed=1, **options)


def split(drawing: Drawing) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Strokes that were written, and those that were drawn."""
    drawn = set(drawing.drawn)
    strokes = enumerate(drawing.strokes)
    sorted_out: tuple[list, list] = ([], [])
    for number, stroke in strokes:
        sorted_out[number in drawn].append(stroke)
    return sorted_out


# Glyphs -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("character", [*string.printable[:94], *"€£¥§°×÷±«»„ßæøœÆŒþðŋ²³µ¿¡"])
def test_what_can_be_drawn(character):
    assert drawable(character, "")
    if not has_glyph(character):
        return
    shape = glyph(character)
    points = np.concatenate(shape.strokes)
    assert points[:, 0].min() == pytest.approx(0)
    assert points[:, 0].max() == pytest.approx(shape.width)
    assert 0 <= shape.width < 2
    assert -0.7 < points[:, 1].min() <= points[:, 1].max() < 1.8
    for stroke in shape.strokes:
        assert np.hypot(*np.diff(stroke, axis=0).T).max(initial=0) < 0.4  # as close as a pen's points


def test_sizes_are_those_of_the_font():
    """Simplex capitals of Hershey's tables are 21 units high, small letters 14, descenders 7."""
    for character, low, top in (("X", 0, 1.5), ("H", 0, 1.5), ("x", 0, 1), ("8", 0, 1.5), ("p", -0.5, 1)):
        heights = np.concatenate(glyph(character).strokes)[:, 1]
        assert heights.min() == pytest.approx(low, abs=0.02)
        assert heights.max() == pytest.approx(top, abs=0.02)


@pytest.mark.parametrize("character", ["“", "’", "–", "…", "я", "漢", "😀", "\u0301", "", "ab"])
def test_what_has_no_glyph(character):
    assert not has_glyph(character)
    with pytest.raises(KeyError):
        glyph(character)


def test_corners_stay_and_curves_are_round():
    corner = rounded(np.array([[0, 0], [0, 1], [1, 1]], float))
    assert np.abs(corner - (0, 1)).sum(1).min() == 0
    assert np.all((corner[:, 0] == 0) | (corner[:, 1] == 1))
    turn = np.linspace(0, np.pi, 6)
    circle = rounded(np.stack([np.cos(turn), np.sin(turn)], 1))
    assert np.abs(np.hypot(*circle.T) - 1).max() < 0.05


# Accents ------------------------------------------------------------------------------------------------------------


def test_letters_with_marks_are_those_of_unicode():
    """Every letter of Latin-1 and Latin Extended-A with a canonical decomposition is drawn as its base with marks."""
    for code in range(0xC0, 0x180):
        character = chr(code)
        base = unicodedata.normalize("NFD", character)[0]
        if base != character:
            assert parted(character).base == base
    assert parted("ế").marks == "\u0302\u0301"
    assert (parted("ø").base, parted("Ł").base, parted("ı").base) == ("o", "L", "i")
    assert all(parted(character) is None for character in "aZ&ßþ漢")


LETTER = np.array([[0, 0], [0, 1], [0.8, 1], [0.8, 0]], float)


@pytest.mark.parametrize("character", "éèêñëōŏȯẻåőǒ")
def test_marks_above(character):
    points = np.concatenate(placed(parted(character), LETTER))
    assert 1 < points[:, 1].min() < 1.4
    assert points[:, 1].max() < 1.9
    assert abs(points[:, 0].mean() - 0.4) < 0.25


def test_marks_stand_on_capitals_and_on_each_other():
    capital = np.concatenate(placed(parted("É"), LETTER * (1, 1.8)))
    assert capital[:, 1].min() > 1.8
    circumflex, acute = placed(parted("ế"), LETTER)
    assert acute[:, 1].min() > circumflex[:, 1].max() - 0.1


@pytest.mark.parametrize("character", "çęạș")
def test_marks_below(character):
    assert np.concatenate(placed(parted(character), LETTER))[:, 1].max() <= 0.1


def test_stroke_through_a_letter():
    points = np.concatenate(placed(parted("ø"), LETTER))
    assert points[:, 1].min() < 0
    assert points[:, 1].max() > 1
    assert points[:, 0].min() < 0.1
    assert points[:, 0].max() > 0.7


def down(x: float, low: float = 0.0, top: float = 1.0) -> np.ndarray:
    """A stem from `top` to `low`, y down."""
    return np.stack([np.full(5, x), np.linspace(-top, -low, 5)], 1)


def composed(text: str, strokes, places, **options):
    random = np.random.default_rng(0)
    return compose(planned(text, ALPHABET), strokes, places, 1.0, options.pop("slant", 0.0), random=random, **options)


@pytest.mark.parametrize(("letter", "dots"), [("í", 0), ("ï", 0), ("ı", 0), ("į", 1)])
def test_the_dot_of_an_i_gives_way_to_what_stands_there(letter, dots):
    strokes = [down(0), down(1), down(2), np.array([[1.1, -1.5]])]
    places = [np.full(len(stroke), place) for stroke, place in zip(strokes, (0, 1, 2, 2), strict=True)]
    made, drawn = composed(f"n{letter}n", strokes, places)
    assert sum(len(stroke) == 1 for number, stroke in enumerate(made) if number not in drawn) == dots
    assert len(made) - len(drawn) == 3 + dots
    if letter == "í":
        assert abs(float(made[drawn[0]][:, 0].mean()) - 1.1) < 0.3


def test_marks_and_glyphs_lean_with_the_writing():
    def middle(slant):
        lean = [stroke - np.stack([slant * stroke[:, 1], 0 * stroke[:, 1]], 1) for stroke in (down(0), down(1))]
        made, (mark, cross, *_) = composed("lé=", lean, [np.full(5, 0), np.full(5, 1)], slant=slant)
        return made[mark].mean(0), made[cross].mean(0)

    (upright, glyph_upright), (leant, glyph_leant) = middle(0.0), middle(0.5)
    assert leant[0] - upright[0] == pytest.approx(-0.5 * upright[1])
    assert glyph_leant[0] - glyph_upright[0] == pytest.approx(-0.5 * glyph_upright[1], abs=1e-6)


# Plans --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "plain", "joints"),
    [
        ("plain  text ", "plain  text ", ["", ""]),
        ("a & b", "a b", ["", " & ", ""]),
        ("At&t", "At t", ["", "&", ""]),
        ("AT&T", "", ["AT&T"]),
        ("- nom", "nom", ["- ", ""]),
        ("to NASA, and I", "to and I", ["", " NASA, ", ""]),
        ("#4", "4", ["#", ""]),
        ("x =", "x", ["", " ="]),
        ("$ = &", "", ["$ = &"]),
        ("a_b@c d", "a b c d", ["", "_", "@", ""]),
        ("on €. So", "on So", ["", " €. ", ""]),
        ("one = ?", "one", ["", " = ?"]),
        ("one. = two", "one. two", ["", " = ", ""]),
        ("Café", "Cafe", ["", ""]),
        ("Ærø", "ro", ["Æ", ""]),
    ],
)
def test_plans(text, plain, joints):
    line = planned(text, ALPHABET)
    assert line.plain == plain
    assert ["".join(" " if each is None else each.base for each in joint) for joint in line.joints] == joints
    assert [plain[cut] for cut in line.cuts] == [" "] * (len(joints) - 2 if plain else 0)
    assert line.composed == (text != plain)


@given(st.text("ab &é=i\u0301", max_size=20))
def test_plans_hold_every_character_in_order(text):
    line = planned(text, ALPHABET)
    joints = ["".join(" " if each is None else each.base for each in joint) for joint in line.joints]
    starts, ends = [0, *(cut + 1 for cut in line.cuts)], [*line.cuts, len(line.plain)]
    parts = [line.plain[start:end] for start, end in zip(starts, ends, strict=True)]
    said = joints[0] + "".join(part + joint for part, joint in zip(parts, joints[1:] or [""], strict=True))
    assert said == text.replace("é", "e").replace("\u0301", "")


@pytest.mark.parametrize(
    "text", ["Z" + "\u0301" * 3000, "a" + "\u0301" * 3000, "\u0301" * 3000 + "a", "e\u0301\u0302" * 40]
)
def test_marks_without_end_are_few(text):
    drawing = write(text)
    assert len(drawing.drawn) <= 2 * 80
    assert len(drawing.strokes) < 200
    assert text[0] == "e" or "accents without a letter, or too many on one, were left out" in drawing.notes
    assert all(len(page.strokes) < 200 for page in Traced().write_pages(text, seed=1))


def test_nothing_but_marks():
    with pytest.raises(InputError, match="nothing in the text can be written: accents without a letter"):
        write("\u0301" * 60)


@pytest.mark.parametrize("late", [-1.5, 0, 0.5, 1.5])
def test_words_are_told_apart_where_the_window_is_late(late):
    words, places = [(0, 1), (3, 4), (6, 7)], np.array([0.0, 1, 3, 4, 6, 7])
    gaps = np.array([0, 0.2, 1, 0.1, 1, 0.4, 0])
    assert glyph_words(words, np.maximum(places - late, 0), np.full(6, 8), gaps) == [0, 0, 1, 1, 2, 2]


def test_a_word_may_be_missing():
    words, gaps = [(0, 3), (5, 8), (10, 13)], np.array([0, 0.2, 1, 0.1, 0])
    assert glyph_words(words, np.array([0.0, 2, 11, 13]), np.full(4, 8), gaps) == [0, 0, 2, 2]
    assert glyph_words(words, np.array([0.0, 2, 5, 7]), np.full(4, 8), gaps) == [0, 0, 1, 1]


def test_words_of_signs_or_capitals_alone_are_drawn_and_named():
    drawing = write("- PLEASE, nom I")
    assert len(split(drawing)[0]) == 2
    assert drawing.notes == ("“-”, “PLEASE,” were drawn from a font, not written by the model",)
    (page,) = Traced().write_pages("- PLEASE, nom I", seed=1)
    assert len(page.drawn) == len(drawing.drawn)


@pytest.mark.parametrize("late", [0, 1, 2])
def test_an_accent_stands_over_its_letter_where_the_window_is_late(late):
    """Letters two x-heights wide: the e of a word of three stands from 4 to 6, whatever the window says."""
    letter = np.array([[0, 0.3], [0.5, 0], [1, -1], [1.5, 0]])
    strokes = [
        np.concatenate([letter + np.array([2.0 * n, 0]) for n in range(3)]),
        np.array([[9.0, -1], [9.4, 0], [9.8, -1]]),
    ]
    places = [np.maximum(np.repeat([0, 1, 2], 4) - late, 0), np.full(3, 4)]
    line = planned("noé u", ALPHABET)
    made, (number,) = compose(line, strokes, places, 1.0, 0.0, random=np.random.default_rng(0))
    mark = made[number]
    assert mark[:, 1].max() < -1
    assert 4 <= mark[:, 0].mean() <= 5.6


# Measures -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("slant", [-0.3, 0.0, 0.4])
def test_slant(slant):
    lean = [stroke - np.stack([slant * stroke[:, 1], 0 * stroke[:, 1]], 1) for stroke in map(down, range(8))]
    assert slant_of([lean]) == pytest.approx(slant, abs=0.1)
    assert slant_of([]) == slant_of([[np.zeros((1, 2))]]) == 0


def test_measures_of_a_line():
    pen = Traced()
    trace: list[np.ndarray] = []
    *_, (row,) = pen.sample(["name Bob hen"], None, bias=0, seed=1, trace=trace)
    strokes = CONFIG.features.decode(row)
    found = measured(strokes, parts_of(strokes, trace[0]), "name Bob hen")
    assert found.x_height == pytest.approx(X_HEIGHT, rel=0.05)
    assert found.tall * X_HEIGHT == pytest.approx(2.2 * X_HEIGHT, rel=0.1)  # 3.0, taken for 2.2 x-heights at the most
    assert found.letters == 7
    # Where the window is late by half a letter, tops are the next letter's in part
    late = measured(strokes, parts_of(strokes, trace[0] - 0.5), "name Bob hen")
    assert late.x_height == pytest.approx(X_HEIGHT, rel=0.05)


def test_two_small_letters_do_not_tell_the_size_alone():
    """Seen of them no more than the feet, but tall letters 3 high: nearer to those by the usual 1.7 x-heights."""
    strokes = [np.array([[n, 0.0], [n + 0.2, -3.0 if n < 3 else -0.3]]) for n in range(4)]
    found = measured(strokes, [np.full(2, n) for n in range(4)], "lbdu")
    assert found.x_height == pytest.approx(3 / TALL, rel=0.01)


# Writing ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["name & nom", "ab&cd", "nam@e", "#42 one", "so = ", "man € 50"])
def test_a_glyph_stands_between_its_neighbours_on_their_baseline(text):
    drawing = write(text)
    written, drawn = split(drawing)
    ink = np.concatenate(drawn)
    assert all(
        stroke[:, 0].max() < ink[:, 0].min() + 1 or stroke[:, 0].min() > ink[:, 0].max() - 1 for stroke in written
    )
    base = np.median([stroke[:, 1].max() for stroke in written])
    assert ink[:, 1].max() < base + 9 * 0.5
    assert ink[:, 1].min() > base - 9 * X_HEIGHT * 3
    assert drawing.bounds[0] == 0


def test_parts_move_apart_and_keep_their_shape():
    plain, whole = write("nom men"), write("nom & men")
    assert len(split(whole)[0]) == len(plain.strokes)
    shifts = [np.ptp(one - other, axis=0) for one, other in zip(split(whole)[0], plain.strokes, strict=True)]
    assert np.abs(shifts).max() < 1e-3
    assert whole.bounds[2] > plain.bounds[2] + 9


def test_without_drawn_strokes_nothing_changes():
    drawing = write("some words")
    *_, rows = Traced().sample(["some words"], None, bias=0, seed=1)
    assert drawing.drawn == drawing.notes == ()
    # Private: what was sampled is placed without drawn strokes by nothing public
    expected = list(Traced()._place(["some words"], rows))
    assert all(map(np.array_equal, drawing.strokes, expected))


def test_accents_leave_the_letters_as_they_are():
    plain, accented = write("cafe nom"), write("café ñom")
    assert all(map(np.array_equal, plain.strokes, split(accented)[0])) or np.allclose(
        np.concatenate(plain.strokes), np.concatenate(split(accented)[0]), atol=1e-3
    )
    assert len(split(accented)[1]) == 2
    assert accented.notes == (
        "“é” is “e” with strokes that were drawn, not written by the model",
        "“ñ” is “n” with strokes that were drawn, not written by the model",
    )


def test_only_glyphs():
    drawing = write("& =\n\n@")
    assert drawing.drawn == tuple(range(len(drawing.strokes)))
    assert len(drawing.strokes) == 4
    assert drawing.notes[0] == "“&”, “=”, “@” were drawn from a font, not written by the model"
    assert len(list(Traced().stream("&", seed=1))) == 1


def test_stream_ends_with_the_whole():
    text = "nämen & mön, #7\nand 5 € more ="
    drawings = list(Traced().stream(text, seed=1, every=10))
    assert len(drawings) > 3
    assert drawings[-1] == write(text)
    assert [len(drawing.drawn) for drawing in drawings] == sorted(len(drawing.drawn) for drawing in drawings)
    assert len(drawings[0].drawn) < len(drawings[-1].drawn)


def test_the_seed_makes_the_jitter():
    one, other = Traced().write("a & b", seed=1), Traced().write("a & b", seed=2)
    assert one == Traced().write("a & b", seed=1)
    shapes = [np.concatenate(split(drawing)[1]) for drawing in (one, other)]
    assert not np.allclose(shapes[0] - shapes[0].mean(0), shapes[1] - shapes[1].mean(0), atol=0.1)


def test_marks_without_a_letter_are_left_out_and_others_are_drawn():
    assert split(write("\u0301nom"))[1] == []
    assert len(split(write("nq\u0303m"))[1]) == 1


def test_pages():
    text = "the café & bar, " * 12 + "\n\n# = €"
    pages = list(Traced().write_pages(text, seed=1, options=PageOptions(size="105x148")))
    drawn = [page.strokes[number] for page in pages for number in page.drawn]
    assert len(drawn) > 20
    assert pages[0].drawing.drawn == pages[0].drawn
    assert json.loads(pages[0].json())["drawn"] == list(pages[0].drawn)
    assert "the café & bar" in pages[0].text
    for page in pages:
        for stroke in page.strokes:
            assert stroke[:, 0].min() > 0
            assert stroke[:, 0].max() < page.options.width


def test_pages_without_drawn_strokes_stay_as_they_are():
    pages = [list(writer.write_pages("some words, and more", seed=1)) for writer in (Pen(), Traced())]
    assert all(map(np.array_equal, pages[0][0].strokes, pages[1][0].strokes))
    assert pages[0][0].drawn == ()
    assert "drawn" not in json.loads(pages[0][0].json())


def test_what_a_writer_seldom_gets_right_is_drawn():
    writer = Traced()
    writer.config = dataclasses.replace(CONFIG, drawn="Q7")
    drawing = writer.write("Qum 7 Q", seed=1)
    assert len(split(drawing)[0]) == 1
    assert drawing.notes == ("“Q”, “7” were drawn from a font, not written by the model",)
    (page,) = writer.write_pages("Qum 7 Q", seed=1)
    assert len(page.drawn) == len(drawing.drawn)
    with pytest.raises(ValueError, match="without a glyph"):
        dataclasses.replace(CONFIG, drawn="Q ")


# The result ---------------------------------------------------------------------------------------------------------


def test_json_keeps_what_was_drawn():
    drawing = write("a & b")
    assert Drawing.from_json(drawing.json()).drawn == drawing.drawn != ()
    assert "drawn" not in json.loads(write("a b").json())
    for wrong in ('"0"', "[0.5]", "[true]", "[7]", "[-1]"):
        with pytest.raises(InputError):
            Drawing.from_json(f'{{"strokes": [[[0, 0]]], "drawn": {wrong}}}')


def test_numbers_of_drawn_strokes_follow_those_left_out():
    made = Drawing(([], [[0, 0]], [], [[1, 1]]), "x", drawn=(3, 1, 0, 3))
    assert made.drawn == (0, 1)
    assert made != Drawing(([[0, 0]], [[1, 1]]), "x")
    with pytest.raises(ValueError, match="no stroke 4"):
        Drawing(([[0, 0]],), "x", drawn=(0, 4))
