"""Words and letters cut out of lines of handwriting, where a trained reader can tell them apart.

The reader aligns a line with its text (`align_labels`). A word is what the pen wrote between two of the widest ways of
the pen through the air; a capital, a digit or a sign is cut out where no stroke of it writes another character. All are
upright and in x-heights, x from 0 and y up from the baseline, so that letters of several lines fit together.

>>> cut = cut_line(line.strokes, line.text, reader)
>>> [word.text for word in cut.words], [letter.text for letter in cut.letters]
(['Dear', 'Anna'], ['D', 'A'])
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lstm_datasets.handwriting.readers import HandwritingLine
from lstm_models.decoding.ctc_alignment import align_labels
from lstm_models.ink.line_metrics import measured, slant_of
from lstm_models.tasks.handwriting_reader.features import sampled

if TYPE_CHECKING:
    from lstm_models.tasks.handwriting_reader.model import HandwritingReader

__all__ = ["CutLine", "Ink", "cut_line", "cut_lines"]

_BATCH = 32
_WIDEST = 3.0  # x-heights of a letter; what is wider holds something else
_LETTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
_HIGHEST, _LOWEST_TOP, _FARTHEST_BOTTOM = 3.0, 1.1, 0.5  # of capitals and digits; tails may go lower
_TAILS = frozenset("JQYGZ34579")
_NARROW, _NARROWEST = frozenset("IJ1"), 0.3  # x-heights of the others: what is narrower lacks a stroke


@dataclass(frozen=True, eq=False)
class Ink:
    """Strokes [points, 2] of a word or a letter, upright, in x-heights: x from 0, y up from the baseline."""

    text: str
    strokes: tuple[np.ndarray, ...]

    @property
    def width(self) -> float:
        """Of the ink, in x-heights."""
        return float(max(stroke[:, 0].max() for stroke in self.strokes))


@dataclass(frozen=True, eq=False)
class CutLine:
    """A line in parts.

    Attributes:
        words: all of them, in order; empty where they cannot be told apart.
        letters: capitals, digits and signs that stand by themselves.
        gap: median gap between two words, in x-heights; None where there is none.
        slant: x by height, which the parts have no more.
        writer: who wrote the line.
    """

    words: tuple[Ink, ...]
    letters: tuple[Ink, ...]
    gap: float | None
    slant: float
    writer: str = ""


def cut_lines(lines: Sequence[HandwritingLine], reader: HandwritingReader) -> Iterator[CutLine]:
    """The parts of each line that the reader can align with its text, the shortest lines first."""
    import torch

    order = sorted(range(len(lines)), key=lambda number: sum(map(len, lines[number].strokes)))
    for start in range(0, len(order), _BATCH):
        part = [lines[number] for number in order[start : start + _BATCH]]
        with torch.inference_mode():
            found = reader.log_probs([line.strokes for line in part])
        for line, log_probs in zip(part, found, strict=True):
            cut = _cut(line.strokes, line.text, reader, log_probs, line.writer)
            if cut is not None:
                yield cut


def cut_line(strokes: Sequence[np.ndarray], text: str, reader: HandwritingReader, writer: str = "") -> CutLine | None:
    """The parts of a line of strokes [points, 2]; None where the reader cannot align it with its text.

    Raises:
        ValueError: as `InkFeatures.normalize`.
    """
    (log_probs,) = reader.log_probs([strokes])
    return _cut(strokes, text, reader, log_probs, writer)


def _cut(
    strokes: Sequence[np.ndarray], text: str, reader: HandwritingReader, log_probs: np.ndarray, writer: str
) -> CutLine | None:
    spans = align_labels(log_probs, reader.encode(text).tolist())
    if spans is None:
        return None
    features = reader.config.features
    fine = features.normalize(strokes)
    coarse = sampled(fine, features.spacing)
    of_stroke = np.repeat(np.arange(len(coarse)), [len(stroke) for stroke in coarse])
    spikes = [min((first + last) // 2 * reader.config.stride + 1, len(of_stroke) - 1) for first, last in spans]
    at = [int(of_stroke[spike]) for spike in spikes]
    edges = [-1, *((a + b) // 2 for a, b in itertools.pairwise(spikes)), len(of_stroke)]
    places = np.repeat(np.arange(len(text)), np.diff(np.maximum(edges, -1)))[: len(of_stroke)]
    counts = np.cumsum([len(stroke) for stroke in coarse])[:-1]
    measures = measured(coarse, np.split(places, counts), text)
    slant = slant_of([coarse])
    upright = [_upright(stroke, measures.base, measures.slope, measures.x_height, slant) for stroke in fine]
    words, gaps = _words(text, upright, at)
    gap = float(np.median(gaps)) if gaps else None
    return CutLine(tuple(words), tuple(_letters(text, upright, at)), gap, slant, writer)


def _upright(stroke: np.ndarray, base: float, slope: float, x_height: float, slant: float) -> np.ndarray:
    height = (base + slope * stroke[:, 0] - stroke[:, 1]) / x_height
    return np.stack([stroke[:, 0] / x_height - slant * height, height], 1)


def _moved(text: str, strokes: Sequence[np.ndarray]) -> Ink:
    left = min(float(stroke[:, 0].min()) for stroke in strokes)
    return Ink(text, tuple(stroke - (left, 0.0) for stroke in strokes))


def _words(text: str, strokes: list[np.ndarray], at: list[int]) -> tuple[list[Ink], list[float]]:
    """The words and the gaps between them; nothing where two words share a stroke or overlap."""
    reach = np.maximum.accumulate([stroke[:, 0].max() for stroke in strokes])
    coming = np.minimum.accumulate([stroke[:, 0].min() for stroke in strokes][::-1])[::-1]
    begin, words, gaps = 0, [], []
    for number, character in enumerate(text):
        if character != " " or not 0 < number < len(text) - 1:
            continue
        before, after = at[number - 1], at[number + 1]
        if before >= after:
            return [], []
        holes = [float(coming[cut] - reach[cut - 1]) for cut in range(before + 1, after + 1)]
        if max(holes) <= 0:
            return [], []
        end = before + 1 + int(np.argmax(holes))
        if end <= begin:
            return [], []
        words.append(strokes[begin:end])
        gaps.append(max(holes))
        begin = end
    words.append(strokes[begin:])
    texts = text.split(" ")
    if len(texts) != len(words) or not all(words):
        return [], []
    return [_moved(*each) for each in zip(texts, words, strict=True)], gaps


def _letters(text: str, strokes: list[np.ndarray], at: list[int]) -> Iterator[Ink]:
    """Capitals and digits of which no stroke writes another character."""
    written = [stroke for stroke, character in zip(at, text, strict=True) if character != " "]
    for number, character in enumerate(text):
        here = at[number]
        if character not in _LETTERS or written.count(here) > 1:
            continue
        before = next((at[k] for k in range(number - 1, -1, -1) if text[k] != " "), -1)
        after = next((at[k] for k in range(number + 1, len(text)) if text[k] != " "), len(strokes))
        if not before < here < after:
            continue
        first = 0 if before < 0 else _parting(strokes, before, here)
        stop = len(strokes) if after == len(strokes) else _parting(strokes, here, after)
        ink = _moved(character, strokes[first:stop])
        points = np.concatenate(ink.strokes)
        low, high = float(points[:, 1].min()), float(points[:, 1].max())
        narrowest = 0.0 if character in _NARROW else _NARROWEST
        if not (_LOWEST_TOP < high < _HIGHEST and narrowest <= ink.width < _WIDEST):
            continue
        if (-1.5 if character in _TAILS else -_FARTHEST_BOTTOM) < low < _FARTHEST_BOTTOM:
            yield ink


def _parting(strokes: list[np.ndarray], here: int, there: int) -> int:
    """The number of the first stroke that belongs to what stroke ``there`` writes, not to what ``here`` writes.

    It is where the strokes before and after it are farthest apart, or overlap least: bars belong to their stems.
    """
    holes = [
        min(float(stroke[:, 0].min()) for stroke in strokes[cut : there + 1])
        - max(float(stroke[:, 0].max()) for stroke in strokes[here:cut])
        for cut in range(here + 1, there + 1)
    ]
    return here + 1 + int(np.argmax(holes))
