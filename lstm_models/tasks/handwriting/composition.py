"""Lines with what a writer cannot write: accents on the letters that it wrote, and glyphs set among its words.

The writer gets a line without accents, and with a space where it lacks a character. Which character each point of the
pen belongs to is known from the soft window (`HandwritingWriter.sample`, ``trace``): there the marks go, and the words
part to let a glyph in, in the size and slant that the writing around it has.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lstm_models.ink.line_metrics import TALL, Measures, level, measured, parts_of, slant_of
from lstm_models.tasks.handwriting.accents import Letter, dotless, placed
from lstm_models.tasks.handwriting.features import StrokeFeatures
from lstm_models.tasks.handwriting.glyphs import glyph, rough
from lstm_models.tasks.handwriting.line_plan import GLYPHS_TALL, TIGHT, ComposedLine, bearing

__all__ = ["compose", "compose_lines", "glyph_words"]

Strokes = list[np.ndarray]

_TIGHTEST = (0.12, 0.6)  # joined letters have no gap between them, a glyph has one
_WORD_GAP = 1.3  # where a line shows none of its own
_GAP_COUNTS, _WIDEST = 10.0, 2.5  # an x-height of gap between words counts as so many points; what counts at most
_LATE, _FAR = 0.7, 2.0  # characters by which a place is always off; from where on it is no nearer to another word
_MISSING = 5.0  # points that a word without strokes costs
_ASIDE = 0.25  # x-heights that an accented letter may stand beside its place in the word
_WIDTHS = dict.fromkeys("iljtfrI.,:;!'|()1", 0.6) | dict.fromkeys("mwMW", 1.5)  # of letters, beside the others
_DOT, _DOT_AWAY = 0.6, 0.8  # most extent of the dot of an i, and how far from its stem, in x-heights


@dataclass
class _Stroke:
    """A stroke: `original` as it was written, None for one that is drawn; `upright` [points, 2] in x-heights."""

    original: np.ndarray | None
    upright: np.ndarray
    place: float  # which character of the plain line, from 0
    word: int = 0
    part: int = 0


def compose(
    line: ComposedLine,
    strokes: Sequence[np.ndarray],
    places: Sequence[np.ndarray],
    x_height: float,
    slant: float,
    *,
    tall: float = TALL,
    random: np.random.Generator,
    complete: bool = True,
) -> tuple[Strokes, list[int]]:
    """The line with its marks and glyphs.

    Args:
        line: what to put together.
        strokes: of its plain text, each [points, 2], y down, the baseline at 0.
        places: which character of the plain text each point writes [points], see `parts_of`.
        x_height: of its letters, in the units of the strokes.
        slant: of its letters, x by height.
        tall: height of its capitals, in x-heights.
        random: for the strokes that are drawn.
        complete: whether all is written; if not, what stands after the pen is left out.

    Returns:
        Strokes as those given, and the numbers of those that were drawn. The line begins where it did.
    """
    pen_strokes = []
    for stroke, place in zip(strokes, places, strict=True):
        height = -stroke[:, 1] / x_height
        upright = np.stack([stroke[:, 0] / x_height - slant * height, height], 1)
        pen_strokes.append(_Stroke(stroke, upright, float(place.mean())))
    reached = np.inf if complete else max((float(place.max()) for place in places), default=0.0)
    items = _marked(line, pen_strokes, places, reached, random)
    spans = _parted(line, items)
    space, tight = _gaps(line.plain, items, pen_strokes, places)
    made: list[tuple[_Stroke, float]] = []
    shifts, glyphs = _set(line, spans, space, tight, tall, random)
    begun = -1
    for item in items:
        while begun < item.part:
            begun += 1
            made += [(each, 0.0) for each in glyphs[begun]]
        made.append((item, shifts[item.part]))
    if complete:
        made += [(each, 0.0) for joint in glyphs[begun + 1 :] for each in joint]
    left = min((float(stroke[:, 0].min()) for stroke in strokes), default=0.0)
    composed, drawn = [], []
    for number, (item, shift) in enumerate(made):
        if item.original is not None:
            composed.append(item.original + np.array([shift * x_height, 0.0], item.original.dtype))
            continue
        u, height = item.upright.T
        composed.append(np.stack([(u + shift + slant * height) * x_height, -height * x_height], 1))
        drawn.append(number)
    if composed and any(line.joints):
        begins = min(float(stroke[:, 0].min()) for stroke in composed)
        composed = [stroke + np.array([left - begins, 0.0], stroke.dtype) for stroke in composed]
    return composed, drawn


def _marked(
    line: ComposedLine,
    strokes: list[_Stroke],
    places: Sequence[np.ndarray],
    reached: float,
    random: np.random.Generator,
) -> list[_Stroke]:
    """The strokes with those of the accents, each after the letter that has it, and without the dots they replace."""
    if not line.letters or not strokes:
        return list(strokes)
    points = np.concatenate([item.upright for item in strokes])
    place = np.concatenate(list(places))
    owner = np.repeat(np.arange(len(strokes)), [len(item.upright) for item in strokes])
    after: dict[int, list[_Stroke]] = {}
    gone: set[int] = set()
    expected = _middles(line.plain, strokes)
    for number, letter in line.letters.items():
        marks_seed = int(random.integers(2**62))  # drawn or not yet, the next letter's marks stay as they are
        if reached < number + 2:
            continue
        mine = np.flatnonzero(place == number)
        if not len(mine):  # the window passed it by
            mine = np.flatnonzero(np.abs(place - number) == np.abs(place - number).min())
        letter_points = points[mine]
        dot, middle = None, None
        if dotless(letter):
            dot = _dot(strokes, letter_points, number, gone)
            if dot is not None:
                gone.add(dot)
                middle = float(strokes[dot].upright[:, 0].mean())
                rest = mine[owner[mine] != dot]
                letter_points = points[rest] if len(rest) else letter_points
        if (
            middle is None
        ):  # the window may be late by a letter, whose place in its word tells it less sharply, but surely
            found = float(letter_points[:, 0].min() + letter_points[:, 0].max()) / 2
            shift = float(np.clip(found, expected[number] - _ASIDE, expected[number] + _ASIDE)) - found
            letter_points = letter_points + np.array([shift, 0.0])
        drawn = rough(placed(letter, letter_points, middle), np.random.default_rng(marks_seed), of_mark=True)
        last = max(dot if dot is not None else 0, int(owner[mine].max()))
        after.setdefault(last, []).extend(_Stroke(None, stroke, float(number)) for stroke in drawn)
    items = []
    for number, item in enumerate(strokes):
        items += [] if number in gone else [item]
        items += after.get(number, [])
    return items


def _middles(plain: str, strokes: list[_Stroke]) -> np.ndarray:
    """Where each character of the plain line should stand by its place in its word [characters], in x-heights."""
    middles = np.zeros(len(plain))
    words = [(found.start(), found.end() - 1) for found in re.finditer(r"[^ ]+", plain)]
    of_stroke = np.array(_word_of_each(words, strokes))
    edge = 0.0
    for number, (first, last) in enumerate(words):
        points = [strokes[at].upright[:, 0] for at in np.flatnonzero(of_stroke == number)]
        left, right = (min(map(np.min, points)), max(map(np.max, points))) if points else (edge, edge)
        ends = np.cumsum([0.0, *(_WIDTHS.get(character, 1.0) for character in plain[first : last + 1])])
        middles[first : last + 1] = left + (ends[1:] + ends[:-1]) / 2 / ends[-1] * (right - left)
        edge = right
    return middles


def _dot(strokes: list[_Stroke], letter: np.ndarray, place: int, gone: set[int]) -> int | None:
    """The stroke that is the dot of the i or j with these points, at this place of the text, if one can be told."""
    best, nearest = None, _DOT_AWAY
    stem = letter[letter[:, 1] < 1.1, 0]
    middle = float(stem.mean()) if len(stem) else float(letter[:, 0].mean())
    for number, item in enumerate(strokes):
        low, high = item.upright.min(0), item.upright.max(0)
        if number in gone or (high - low).max() > _DOT or low[1] < 0.9:
            continue
        # Where the window is late, the points are the next letter's in part, and the dot seems far from them
        away = abs(float(low[0] + high[0]) / 2 - middle) / (2 if abs(item.place - place) < 1.5 else 1)
        if away < nearest:
            best, nearest = number, away
    return best


def _parted(line: ComposedLine, items: list[_Stroke]) -> list[tuple[float, float]]:
    """Gives every stroke the number of its word and of its part; left and right edge of each part that has begun."""
    words = [(found.start(), found.end() - 1) for found in re.finditer(r"[^ ]+", line.plain)]
    if any(line.joints) and items and words:
        for item, word in zip(items, _word_of_each(words, items), strict=True):
            item.word, item.part = word, sum(cut < words[word][0] for cut in line.cuts)
    spans: list[tuple[float, float]] = []
    for number in range(max((item.part for item in items), default=-1) + 1):
        points = np.concatenate([item.upright[:, 0] for item in items if item.part == number] or [np.zeros(0)])
        if not len(points):  # the writer left a part out
            points = np.array([spans[-1][1] if spans else 0.0])
        spans.append((float(points.min()), float(points.max())))
    return spans


def _word_of_each(words: list[tuple[int, int]], items: list[_Stroke]) -> list[int]:
    """Which word each stroke belongs to; `words` are the first and last character of each."""
    edges = np.array([(item.upright[:, 0].min(), item.upright[:, 0].max()) for item in items])
    order = np.argsort(edges.mean(1), kind="stable")
    # How wide the gap before each stroke of the row is, the first excepted
    reach = np.maximum.accumulate(edges[order, 1])
    coming = np.minimum.accumulate(edges[order, 0][::-1])[::-1]
    gaps = np.concatenate([[0], np.clip(coming[1:] - reach[:-1], 0, _WIDEST), [0]])
    places = np.array([items[at].place for at in order])
    lengths = np.array([len(items[at].upright) for at in order])
    found = [0] * len(items)
    for at, word in zip(order.tolist(), glyph_words(words, places, lengths, gaps), strict=True):
        found[at] = word
    return found


def glyph_words(words: list[tuple[int, int]], places: np.ndarray, lengths: np.ndarray, gaps: np.ndarray) -> list[int]:
    """Which word each stroke of a row belongs to.

    All words of a line are told apart at once (dynamic programming), where the gaps are wide and where it agrees with
    what the window says the strokes write. The window alone would not do: it is late or early by a letter or two.

    Args:
        words: first and last character of each.
        places: which character each stroke writes [strokes], from left to right.
        lengths: points of each stroke [strokes].
        gaps: before each stroke and after the last [strokes + 1], in x-heights.
    """
    count = len(places)
    begins, ends = np.array(words).T[:, :, None]
    away = np.clip(np.maximum(begins - places, places - ends) - _LATE, 0, _FAR) / _FAR
    costs = np.concatenate([np.zeros((len(words), 1)), (away * lengths).cumsum(1)], 1)
    missing = np.where(begins[:, 0] > places.max(), 0.0, _MISSING)  # not written yet, or left out
    best = costs[0] + np.where(np.arange(count + 1) == 0, missing[0], 0)
    starts: list[np.ndarray] = []
    for word in range(1, len(words)):
        begun = best - _GAP_COUNTS * gaps - costs[word]
        whole = np.where(np.tri(count + 1, k=-1, dtype=bool), begun, np.inf)  # [where it ends, where it begins]
        np.fill_diagonal(whole, best - costs[word] + missing[word])
        starts.append(whole.argmin(1))
        best = whole.min(1) + costs[word]
    found, end = [0] * count, count
    for word in range(len(words) - 1, 0, -1):
        begin = int(starts[word - 1][end])
        found[begin:end] = [word] * (end - begin)
        end = begin
    return found


def _gaps(
    plain: str, items: list[_Stroke], strokes: list[_Stroke], places: Sequence[np.ndarray]
) -> tuple[float, float]:
    """How far words stand apart in this line, and letters of a word, in x-heights."""
    if not strokes:
        return _WORD_GAP, TIGHT
    u, place = np.concatenate([item.upright[:, 0] for item in strokes]), np.concatenate(list(places))
    spans = {number: (u[place == number].min(), u[place == number].max()) for number in np.unique(place)}
    inner = [float(spans[number][0] - spans[number - 1][1]) for number in spans if number - 1 in spans
             and " " not in plain[number - 1 : number + 1]]  # fmt: skip
    words: dict[int, list[np.ndarray]] = {}
    for item in items:
        words.setdefault(item.word, []).append(item.upright[:, 0])
    edges = [(min(map(np.min, words[number])), max(map(np.max, words[number]))) for number in sorted(words)]
    outer = [float(after[0] - before[1]) for before, after in itertools.pairwise(edges)]
    # Where letters stand far apart, words stand further
    smallest = 0.6 + max(float(np.median(inner)), 0.0) if inner else 0.6
    space = float(np.clip(np.median(outer), smallest, 2.6)) if outer else _WORD_GAP + smallest - 0.6
    return space, float(np.clip(np.median(inner), *_TIGHTEST)) if inner else TIGHT


def _set(
    line: ComposedLine,
    spans: list[tuple[float, float]],
    space: float,
    tight: float,
    tall: float,
    random: np.random.Generator,
) -> tuple[list[float], list[list[_Stroke]]]:
    """How far each part is moved, in x-heights, and the strokes of what stands before each and after the last."""
    shifts, glyphs = [], []
    edge = spans[0][0] if spans else 0.0
    for number, joint in enumerate(line.joints):
        gap = 0.0 if number == 0 else tight
        strokes: list[_Stroke] = []
        before = ""
        for token in joint:
            if token is None:
                gap = space
                continue
            shape = _drawn(token, tall, random)
            left = min(float(stroke[:, 0].min()) for stroke in shape)
            gap = max(gap, bearing(before, token.base)) if gap == tight and strokes else gap
            before = token.base
            move = np.array([edge + gap - left, 0.0])
            strokes += [_Stroke(None, stroke + move, 0.0) for stroke in shape]
            edge = max(float(item.upright[:, 0].max()) for item in strokes)
            gap = tight
        glyphs.append(strokes)
        if number < len(spans):
            left, right = spans[number]
            gap = max(gap, bearing(before, "")) if gap == tight else gap
            shift = edge + gap - left if joint or number else 0.0
            shifts.append(shift)
            edge = right + shift
    return shifts, glyphs


def _drawn(token: Letter, tall: float, random: np.random.Generator) -> Strokes:
    """A glyph with its marks in x-heights, upright, as high as the capitals around it."""
    shape = glyph(token.base)
    scale = (np.sqrt(tall / GLYPHS_TALL), tall / GLYPHS_TALL) if shape.top > 1.2 else (1.0, 1.0)
    strokes = rough([stroke * scale for stroke in shape.strokes], random)
    if token.marks:
        strokes += rough(placed(token, np.concatenate(strokes)), random, of_mark=True)
    return strokes


# Whole drawings ------------------------------------------------------------------------------------------------------


def compose_lines(
    lines: Sequence[ComposedLine],
    rows: Sequence[np.ndarray],
    trace: Sequence[np.ndarray],
    features: StrokeFeatures,
    *,
    scale: float,
    pitch: float,
    seed: int,
    complete: bool = True,
) -> tuple[Strokes, tuple[int, ...]]:
    """Lines one under another.

    Args:
        lines: what they say, some of them perhaps nothing.
        rows: offsets [points, 3] of the plain text of each line that has any.
        trace: which character each offset writes [points], as `HandwritingWriter.sample` gives it.
        features: how offsets become strokes.
        scale: pixels of the writer's unit.
        pitch: pixels between two baselines.
        seed: of the strokes that are drawn.
        complete: see `compose`.

    Returns:
        The strokes in pixels, and the numbers of those that were drawn.
    """
    following = zip(rows, trace, strict=True)
    of_line: dict[int, tuple[Strokes, Strokes, Measures]] = {}
    for number, line in enumerate(lines):
        if line.plain:
            row, place = next(following)
            strokes = level(features.decode(row))
            places = parts_of(strokes, place)
            of_line[number] = (strokes, places, measured(strokes, places, line.plain))
    slant = slant_of([strokes for strokes, _, _ in of_line.values()])
    usual = Measures.together([measures for _, _, measures in of_line.values()])
    made: Strokes = []
    drawn: list[int] = []
    for number, line in enumerate(lines):
        if not line.text:
            continue
        strokes, places, found = of_line.get(number, ([], [], Measures(base=usual.base)))
        measures = found.beside(usual)
        flat = [_tilted(stroke, -measures.base, -measures.slope) for stroke in strokes]
        whole, added = compose(
            line,
            flat,
            places,
            measures.x_height,
            slant,
            tall=measures.tall,
            random=np.random.default_rng((seed, number)),
            complete=complete,
        )
        if not whole:
            continue
        drawn += [len(made) + each for each in added]
        whole = [_tilted(stroke, measures.base, measures.slope) for stroke in whole]
        left = min(float(stroke[:, 0].min()) for stroke in whole)
        made += [((stroke - (left, 0)) * scale + (0, number * pitch)).astype(np.float32) for stroke in whole]
    return made, tuple(drawn)


def _tilted(stroke: np.ndarray, down: float, slope: float) -> np.ndarray:
    return np.stack([stroke[:, 0], stroke[:, 1] + down + slope * stroke[:, 0]], 1)
