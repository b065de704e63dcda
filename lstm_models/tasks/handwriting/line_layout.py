"""Written lines as things of a size: where a line stands, how high its letters are, how wide a text will be.

The writer's unit is a line's vertical standard deviation, which depends on what the line says. Letters of one size
come from measuring them: the lower turns of the strokes gather on the baseline, the upper ones at the x-height.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from lstm_models.ink.line_metrics import TALL, level, measured, parts_of, slant_of
from lstm_models.ink.verdict import Verdict
from lstm_models.tasks.handwriting.composition import compose
from lstm_models.tasks.handwriting.line_plan import ComposedLine, planned, room
from lstm_models.tasks.handwriting.reranking import Reranker, choose, replanned
from lstm_models.tasks.handwriting.stray_marks import without_stray
from lstm_models.text.spelling import spell

if TYPE_CHECKING:
    from torch import Tensor

    from lstm_models.tasks.handwriting.network import HandwritingWriterNetwork

__all__ = ["Hand", "narrowed", "soft", "spread", "x_height_of"]

Strokes = list[np.ndarray]

# Every small letter several times and some capitals, in lines as long as those on a page
_PROBE = (
    "we saw them come home as soon as the",
    "rain was over and nine oxen ran away",
    "Many a quick brown fox jumps over it",
    "The lazy dog keeps an eye on our van",
    "I have known of six such zinc mixers",
    "her cousin was never in Vienna again",
)
_PROBE_SEED = 20  # the same for every text: a style has one size
_DRAWN_SEED = 2**31
_NARROW, _WIDE = "iljtfrI.,:;!'|()1", "mwMWQGDNHOQ"
_LONGEST = 52  # characters written at once; most training lines are shorter
_TRIES = 2
_ASTRAY = 0.4  # of a line's width from what was expected, as a logarithm
_BLUR = 0.25  # of the turns' heights, in the writer's units
_TRUST = 12.0  # turns after which a line's own height counts as much as the style's
_MOST_RESIZED = 1.25


class Hand:
    """A style at work: writes lines with letters of one height, and knows how wide they will be.

    Args:
        writer: the network.
        style: the style's vector [style_size].
        bias: of the sampling.
        seeds: where the random numbers of all lines come from.
        x_height: of the letters, in mm.
        judge: re-reads the lines, of which the best of several is kept; none if missing.
        alphabet: the characters that it writes, the others are drawn; all that the writer can if missing.

    Attributes:
        verdicts: on the lines written last, with a judge.
        drawn: of the lines written last, the numbers of the strokes that were drawn: see `Drawing`.
    """

    def __init__(
        self,
        writer: HandwritingWriterNetwork,
        style: Tensor,
        bias: float,
        seeds: np.random.SeedSequence,
        x_height: float,
        judge: Reranker | None = None,
        alphabet: str | None = None,
    ) -> None:
        self.writer, self.style, self.bias, self.seeds, self.mm = writer, style, bias, seeds, x_height
        self.judge, self.verdicts = judge, list[Verdict]()
        self.drawn: list[list[int]] = []
        self._traced = False  # whether strokes have a third column: which character of the text each point writes
        # Beside the seeds that lines spawn, so that a text without drawn strokes is written as ever
        self._random = np.random.default_rng(np.random.SeedSequence(seeds.entropy, spawn_key=(_DRAWN_SEED,)))
        self.alphabet = alphabet = writer.writable if alphabet is None else alphabet
        probe = [text for text in (spell(each, alphabet)[0].strip() for each in _PROBE) if text] or [alphabet.strip()]
        lines = self._sample(probe, _PROBE_SEED)
        self._slant = slant_of([level(line) for line in lines])
        heights = [height for _, height, _ in (_settled(strokes, None) for strokes in lines) if height is not None]
        self._x_height = float(np.median(heights)) if heights else 1.0
        self._advances = _Advances(alphabet)
        for text, strokes in zip(probe, lines, strict=True):
            self._advances.learn(text, _right(self._sized(strokes)))
        self._advances.solve()

    def width(self, text: str) -> float:
        """How wide the text will be, in mm."""
        line = planned(text, self.alphabet)
        if not line.composed:
            return self._advances.width(text)
        drawn, spaces = room(line)
        return max(self._advances.width(line.plain) + spaces * self._advances.width(" ") + drawn * self.mm, 0.0)

    def write(self, texts: Sequence[str]) -> list[Strokes]:
        """The texts as strokes in mm, each from x = 0 on, baseline at y = 0."""
        plans = [planned(text, self.alphabet) for text in texts]
        lines = self._written(plans)
        verdicts, drawn = self.verdicts, self.drawn
        again = {
            number: plan
            for number, verdict in enumerate(verdicts)
            if (plan := replanned(plans[number], verdict, self.alphabet)) is not None
        }
        if again:  # capitals that nobody can read come from the font, where that mends them
            others = self._written(list(again.values()))
            for number, line, verdict, strokes in zip(again, others, self.verdicts, self.drawn, strict=True):
                if verdict.errors < verdicts[number].errors:
                    tries = verdicts[number].drawn + verdict.drawn
                    lines[number], drawn[number], verdicts[number] = line, strokes, replace(verdict, drawn=tries)
            self.verdicts, self.drawn = verdicts, drawn
        return lines

    def _written(self, plans: Sequence[ComposedLine]) -> list[Strokes]:
        self._traced = any(plan.composed for plan in plans)
        pieces = [_pieces(plan.plain) for plan in plans]
        strokes, verdicts = self._pieces([piece for each in pieces for piece in each])
        strokes_of_pieces, judged = iter(strokes), iter(verdicts)
        self.verdicts = (
            [Verdict.together(islice(judged, len(each)), one_line=True) for each in pieces] if verdicts else []
        )
        lines: list[Strokes] = []
        self.drawn = []
        for plan, each in zip(plans, pieces, strict=True):
            line: Strokes = []
            start = 0
            for piece in each:
                shift = _right(line) + self.width(" ") if line else 0.0
                move = np.array([shift, 0.0, start] if self._traced else [shift, 0.0])
                line += [stroke + move for stroke in next(strokes_of_pieces)]
                start += len(piece) + 1
            drawn: list[int] = []
            if self._traced:
                places = [stroke[:, 2].astype(int) for stroke in line]
                line = [stroke[:, :2] for stroke in line]
                if plan.composed:
                    tall = measured(line, places, plan.plain).tall if line else TALL
                    line, drawn = compose(plan, line, places, self.mm, self._slant, tall=tall, random=self._random)
            lines.append(line)
            self.drawn.append(drawn)
        self._judge_composed(plans, lines)
        return lines

    def _judge_composed(self, plans: Sequence[ComposedLine], lines: Sequence[Strokes]) -> None:
        """Verdicts on whole lines, where strokes were drawn into what was written."""
        numbers = [number for number, plan in enumerate(plans) if plan.composed and lines[number]]
        if self.judge is None or not numbers:
            return
        found = self.judge([lines[number] for number in numbers], [plans[number].text for number in numbers])
        for number, verdict in zip(numbers, found, strict=True):
            self.verdicts[number] = replace(verdict, drawn=self.verdicts[number].drawn)

    def _pieces(self, texts: Sequence[str]) -> tuple[list[Strokes], list[Verdict]]:
        """As `write`, of texts short enough to be written at once; those that went astray are written again."""
        if self.judge is not None:
            return self._judged(texts, self.judge)
        best: list[Strokes] = [[] for _ in texts]
        errors = np.full(len(texts), np.inf)
        todo = list(range(len(texts)))
        for _ in range(1 + _TRIES):
            if not todo:
                break
            (seed,) = self.seeds.spawn(1)
            rows = self._sample([texts[number] for number in todo], int(seed.generate_state(1, np.uint64)[0] >> 1))
            for number, row in zip(todo, rows, strict=True):
                line = self._sized(row)
                error = self._astray(texts[number], line)
                if error < errors[number]:
                    best[number], errors[number] = line, error
            todo = [number for number in todo if errors[number] > _ASTRAY]
        self._learn(texts, best)
        return best, []

    def _judged(self, texts: Sequence[str], judge: Reranker) -> tuple[list[Strokes], list[Verdict]]:
        """As `_pieces`, of several candidates the most legible that did not go astray."""

        def drawn(numbers: Sequence[int], seed: int) -> list[Strokes]:
            return [self._sized(row) for row in self._sample([texts[number] for number in numbers], seed)]

        def astray(number: int, line: Strokes) -> bool:
            return self._astray(texts[number], line) > _ASTRAY

        (seed,) = self.seeds.spawn(1)
        drawing_seed = int(seed.generate_state(1, np.uint64)[0] >> 1)
        chosen = choose(
            drawn, lambda line: [stroke[:, :2] for stroke in line], texts, judge, drawing_seed, astray=astray
        )
        self._learn(texts, chosen.rows)
        return chosen.rows, chosen.verdicts

    def _astray(self, text: str, line: Strokes) -> float:
        """How far from its expected width a line is, as a logarithm."""
        return float(abs(np.log((_right(line) + self.mm) / (self.width(text) + self.mm))))

    def _learn(self, texts: Sequence[str], lines: Sequence[Strokes]) -> None:
        for text, line in zip(texts, lines, strict=True):
            if self._astray(text, line) <= _ASTRAY:
                self._advances.learn(text, _right(line))
        self._advances.solve()

    def _sample(self, texts: Sequence[str], seed: int) -> list[Strokes]:
        styles = self.style.expand(len(texts), -1)
        trace: list[np.ndarray] = []
        traced: dict[str, Any] = {"trace": trace} if self._traced else {}
        *_, rows = self.writer.sample(texts, styles, bias=self.bias, seed=seed, tidy=True, **traced)
        lines = [self.writer.config.features.decode(row) for row in rows]
        kept = [without_stray(line, text) for line, text in zip(lines, texts, strict=True)]
        if self._traced:
            for number, line in enumerate(kept):
                places = parts_of(lines[number], trace[number])
                kept[number] = [np.column_stack(each) for each in zip(line, places, strict=False)]
        return kept

    def _sized(self, strokes: Strokes) -> Strokes:
        """In mm, the letters as high as the style's: what the line itself measures counts as far as it is sure."""
        places = [stroke[:, 2:] for stroke in strokes]
        strokes, height, turns = _settled([stroke[:, :2] for stroke in strokes], self._x_height)
        measured_height = self._x_height if height is None else height
        fraction = turns / (turns + _TRUST)
        factor = float(np.clip((self._x_height / measured_height) ** fraction, 1 / _MOST_RESIZED, _MOST_RESIZED))
        scale = factor * self.mm / self._x_height
        return [np.concatenate([stroke * scale, place], 1) for stroke, place in zip(strokes, places, strict=True)]


class _Advances:
    """How far each character moves the pen, in mm: ridge regression of lines' widths on their letters."""

    def __init__(self, alphabet: str) -> None:
        self.index = {character: number for number, character in enumerate(alphabet)}
        self.prior = np.array([0.6 if c in _NARROW else 1.4 if c in _WIDE or c.isupper() else 1.0 for c in alphabet])
        self.squares = np.eye(len(alphabet)) * 30  # as much as thirty lines with one such letter
        self.products = np.zeros(len(alphabet))
        self.unit = [0.0, 0.0]
        self.advances: dict[str, float] = {}

    def learn(self, text: str, width: float) -> None:
        counts = np.bincount([self.index[c] for c in text], minlength=len(self.index)).astype(float)
        self.squares += np.outer(counts, counts)
        self.products += counts * width
        self.unit[0] += width
        self.unit[1] += float(counts @ self.prior)

    def solve(self) -> None:
        prior = self.prior * max(self.unit[0] / self.unit[1], 1e-3)
        solved = np.linalg.solve(self.squares, self.products + 30 * prior)
        solved = np.clip(solved, prior / 3, prior * 3)
        self.advances = dict(zip(self.index, solved.tolist(), strict=True))

    def width(self, text: str) -> float:
        return sum(map(self.advances.__getitem__, text))


def _pieces(text: str) -> list[str]:
    """The text in equal parts that are short enough, cut at spaces."""
    count = -(-len(text) // _LONGEST)
    words, parts, part = text.split(" "), [], ""
    for number, word in enumerate(words):
        part = f"{part} {word}" if part else word
        left = sum(map(len, words[number + 1 :])) + len(words) - number - 2
        if count > 1 and left > 0 and len(part) >= len(text) / count - len(word) / 2:
            parts.append(part)
            part = ""
    return [*parts, part] if part else parts


def _right(strokes: Strokes) -> float:
    return max(float(stroke[:, 0].max()) for stroke in strokes)


# Measuring -----------------------------------------------------------------------------------------------------------


def x_height_of(strokes: Sequence[np.ndarray]) -> float | None:
    """The x-height of a line of strokes [points, 2] in their unit, the writer's; None where it shows none."""
    return _settled(list(strokes), None)[1]


def _settled(strokes: Strokes, x_height: float | None) -> tuple[Strokes, float | None, int]:
    """The line level and standing at y = 0, from x = 0 on; its x-height if it shows one, and by how many turns.

    Args:
        strokes: of a line, each [points, 2].
        x_height: of the style, if known: where a line's own is looked for.
    """
    strokes = level(strokes)
    low = _turns(strokes, 1)
    slope, base = 0.0, 0.0
    if len(low):
        base = _crowd(low[:, 1])
        near = low[np.abs(low[:, 1] - base) < 2 * _BLUR]
        x = near[:, 0]
        # Few turns say little about a slope
        slope = float(x @ (near[:, 1] - base) / (x @ x + 200)) if len(near) > 3 else 0.0
        base += float(np.mean(near[:, 1] - base - slope * x)) if len(near) > 3 else 0.0
    left = min(float(stroke[:, 0].min()) for stroke in strokes)
    strokes = [
        np.stack([stroke[:, 0] - left, stroke[:, 1] - base - slope * stroke[:, 0]], 1).astype(np.float64)
        for stroke in strokes
    ]
    high = -_turns(strokes, -1)[:, 1]
    middle = x_height or 1.25
    high = high[(high > 0.5 * middle) & (high < 1.8 * middle)]
    return strokes, (float(high.mean()) if len(high) > 2 else None), len(high)


def _turns(strokes: Strokes, sign: int) -> np.ndarray:
    """The points [turns, 2] where strokes turn round, below (sign 1) or above (−1)."""
    found = [np.zeros((0, 2))]
    for stroke in strokes:
        y = stroke[:, 1] * sign
        if len(y) > 2:
            found.append(stroke[1:-1][(y[1:-1] >= y[:-2]) & (y[1:-1] > y[2:])])
        if len(y) > 1:
            found += [stroke[[end]] for end, beside in ((0, 1), (-1, -2)) if y[end] > y[beside]]
    return np.concatenate(found)


def _crowd(values: np.ndarray) -> float:
    """Where most of the values lie: the peak of their density."""
    places = np.linspace(values.min(), values.max(), 200)
    return float(places[np.exp(-(((places[:, None] - values) / _BLUR) ** 2) / 2).sum(1).argmax()])


# Fitting -------------------------------------------------------------------------------------------------------------


def narrowed(strokes: Strokes, factor: float) -> Strokes:
    """The strokes with their widths times the factor."""
    return [stroke * np.array([factor, 1.0]) for stroke in strokes]


def soft(y: np.ndarray, up: float, down: float) -> np.ndarray:
    """Heights (y down) within −up and down: what comes near a bound bends away from it, and is not cut off."""
    bound = np.where(y < 0, up, down)
    knee = 0.85 * bound
    over = np.maximum(np.abs(y) - knee, 0)
    return np.asarray(np.sign(y) * np.minimum(np.abs(y), knee + (bound - knee) * np.tanh(over / (bound - knee))))


def spread(strokes: Strokes, text: str, hand: Hand, room: float) -> Strokes:
    """The line as wide as its room: a little in the letters, the rest between the words, unless that is too much."""
    strokes = narrowed(strokes, min(1.04, room / _right(strokes)))
    more = room - _right(strokes)
    cuts = _gaps(strokes, text, hand)
    if not cuts or not 0 < more / len(cuts) < 3 * hand.mm:
        return strokes
    middles = np.array([(stroke[:, 0].min() + stroke[:, 0].max()) / 2 for stroke in strokes])
    shifts = np.searchsorted(cuts, middles) * more / len(cuts)
    return [stroke + np.array([shift, 0.0]) for stroke, shift in zip(strokes, shifts, strict=True)]


def _gaps(strokes: Strokes, text: str, hand: Hand) -> list[float]:
    """Where the words part: the widest gap near each place where a space should be."""
    ends = sorted((float(stroke[:, 0].min()), float(stroke[:, 0].max())) for stroke in strokes)
    gaps: list[tuple[float, float]] = []  # middle, width
    right = ends[0][1]
    for start, end in ends[1:]:
        if start > right:
            gaps.append(((start + right) / 2, start - right))
        right = max(right, end)
    scale = _right(strokes) / hand.width(text)
    found: set[float] = set()
    for place in (number for number, character in enumerate(text) if character == " "):
        expected = hand.width(text[:place] + " ") * scale - hand.width(" ") * scale / 2
        near = [(width - 0.15 * abs(middle - expected), middle) for middle, width in gaps]
        near = [(score, middle) for score, middle in near if abs(middle - expected) < 4 * hand.mm]
        if near:
            found.add(max(near)[1])
    return sorted(found)
