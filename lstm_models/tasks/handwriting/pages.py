"""Whole pages by hand: a text wrapped by what its lines measure, written in batches, and set on paper.

    for page in lstm_models.load("writer").write_pages(text, style="ada", seed=1):
        page.save(f"letter-{page.number}.svg")

A style's letters are measured once (`_Hand`), so that they have one size from line to line. From that follow the
widths that lines are wrapped by; a line that comes out too wide is narrowed a little, written again, or gives its last
word to the next.
"""

from __future__ import annotations

import itertools
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from lstm_models.errors import InputError
from lstm_models.ink.page import ASCENT, DESCENT, Page, PageOptions
from lstm_models.ink.verdict import Verdict
from lstm_models.tasks.handwriting.decoding import Settings, WriteOptions, settings_of
from lstm_models.tasks.handwriting.line_layout import Hand, narrowed, soft, spread
from lstm_models.tasks.handwriting.line_plan import drawable, words_note
from lstm_models.tasks.handwriting.reranking import Reranker, still_wrong
from lstm_models.text.spelling import spell

if TYPE_CHECKING:
    from lstm_models.tasks.handwriting.network import HandwritingWriterNetwork

__all__ = ["MOST_PAGE_CHARACTERS", "Page", "PageOptions", "Progress", "write_pages"]

Progress = Callable[[int, int], object]
"""Takes how many lines are written, and how many there are in all (an estimate until the end)."""

MOST_PAGE_CHARACTERS = 500_000
LINES_AT_ONCE = 24
NARROWEST = 0.9  # of its width that a line is narrowed to before it is broken elsewhere
_TRIES = 2  # how often a line that is too wide is written again
_PAGES_SEED, _DRIFT_SEED = 1, 2
_NO_BREAK, _NEW_PAGE = "\u00a0", "\f"
_MOST_INDENTED = 0.5  # of a line's width, by the spaces it begins with


@dataclass
class _Line:
    """A line on its way to the page; `strokes` in mm, left end and baseline at 0, once it is written."""

    text: str
    segment: int  # what stands between two line breaks
    start: int  # where in the segment the line begins
    indent: float = 0.0
    opens: bool = False  # a paragraph
    closes: bool = False  # a segment: its last line is never spread out
    page: bool = False  # begins a new one
    strokes: list[np.ndarray] = field(default_factory=list)
    verdict: Verdict | None = None  # where lines are re-read
    drawn: list[int] = field(default_factory=list)  # numbers of the strokes that were not written

    @property
    def content(self) -> str:
        """The text with spaces where a line may not end, too."""
        return self.text.replace(_NO_BREAK, " ")

    @property
    def width(self) -> float:
        return max(float(stroke[:, 0].max()) for stroke in self.strokes)


def write_pages(
    writer: HandwritingWriterNetwork,
    text: str,
    options: WriteOptions,
    page: PageOptions,
    *,
    progress: Progress | None = None,
    judge: Reranker | None = None,
) -> Iterator[Page]:
    """See `HandwritingWriter.write_pages`; the judge re-reads lines."""
    if not isinstance(text, str) or not text.strip():
        raise InputError("there is no text to write", usage=True)
    if len(text) > MOST_PAGE_CHARACTERS:
        raise InputError(
            f"the text has {len(text):,} characters; pages are written of at most {MOST_PAGE_CHARACTERS:,} at a time",
            usage=True,
        )
    prepared = re.sub("[\u00a0\u2007\u202f]", _NO_BREAK, text.replace("\r\n", "\n").replace("\r", "\n").expandtabs(4))
    settings = settings_of(writer, options)
    alphabet = writer.writable_in(settings.style)
    spelt, notes = spell(prepared, alphabet, drawable, keep=_NO_BREAK + _NEW_PAGE)
    if not spelt.strip():
        raise InputError(f"nothing in the text can be written: {'; '.join(notes)}", usage=True)
    notes = [*notes, *words_note(spelt, alphabet)]
    return _pages(writer, spelt, settings, tuple(notes), page, progress, judge)


def _pages(
    writer: HandwritingWriterNetwork,
    text: str,
    settings: Settings,
    notes: tuple[str, ...],
    options: PageOptions,
    progress: Progress | None,
    judge: Reranker | None,
) -> Iterator[Page]:
    style, vector, bias, seed = settings
    seeds, alphabet = np.random.SeedSequence((seed, _PAGES_SEED)), writer.writable_in(style)
    hand = Hand(writer, vector, bias, seeds, options.x_height, judge, alphabet)
    drift = Drift(options.drift, seed)
    strokes: list[np.ndarray] = []
    drawn: list[int] = []
    lines: list[str] = []
    verdicts: list[tuple[str, Verdict]] = []
    place = 0.0  # of the next line, in lines from the top
    pages = itertools.count(1)

    def page() -> Page:
        which = next(pages)
        content = "\n".join(lines)
        page_notes = (*(notes if which == 1 else ()), *still_wrong(verdicts))
        verdict = Verdict.together(verdict for _, verdict in verdicts) if verdicts else None
        return Page(which, tuple(strokes), content, options, style, seed, page_notes, verdict, tuple(drawn))

    for line in _Composer(hand, text, options, progress).lines():
        spaced = line.opens and place > 0
        place += options.spacing if spaced else 0
        if place > options.lines - 1 + 1e-9 or (line.page and place > 0):
            yield page()
            strokes, drawn, lines, verdicts, place = [], [], [], [], 0.0
        elif spaced:
            lines.append("")
        drawn += [len(strokes) + number for number in line.drawn]
        strokes += _placed(line, hand, options, drift.next(options.width), options.baseline(place))
        lines.append(line.content)
        verdicts += [(line.content, line.verdict)] if line.verdict is not None else []
        place += 1
    yield page()


# Lines ---------------------------------------------------------------------------------------------------------------


def wrap_words(
    words: Sequence[str], width: Callable[[str], float], room: float, first: float | None = None, hyphen: str = "-"
) -> list[str]:
    """Lines no wider than there is room for, each as full as can be; words wider than a line are split with a hyphen.

    Args:
        words: without spaces.
        width: of a text, in any unit; grows with its length.
        room: width of a line; a single letter may exceed it.
        first: of the first line, if another.
        hyphen: what a split word's front ends with.
    """
    lines: list[str] = []
    line = ""
    for word in words:
        space = room if lines or first is None else first
        if line and width(f"{line} {word}") <= space:
            line = f"{line} {word}"
            continue
        if line:
            lines.append(line)
            space = room
        while width(word) > space and len(word) > 1:
            front, word = _split(word, width, space, hyphen)
            lines.append(front)
            space = room
        line = word
    return [*lines, line] if line else lines


def _split(word: str, width: Callable[[str], float], room: float, hyphen: str) -> tuple[str, str]:
    """As much of the word as there is room for, with a hyphen unless it ends with one, and the rest."""

    def front(cut: int) -> str:
        return word[:cut] if word[cut - 1] == "-" else word[:cut] + hyphen

    cut = 1
    while cut < len(word) - 1 and width(front(cut + 1)) <= room:
        cut += 1
    at_hyphen = word.rfind("-", 1, cut)  # rather at a at_hyphen of its own
    cut = at_hyphen + 1 if at_hyphen > 0 else cut
    return front(cut), word[cut:]


class _Composer:
    """Plans lines, has them written many at a time, and hands out those that fit, in order."""

    def __init__(self, hand: Hand, text: str, options: PageOptions, progress: Progress | None) -> None:
        self.hand, self.options, self.progress = hand, options, progress
        alphabet = hand.alphabet
        self.hyphen = "-" if "-" in alphabet else ""
        self.segments = paragraph_segments(text, options.breaks or " " not in alphabet)
        # How many lines a segment makes is known when it is planned; until then, this many
        self.expected = [len(self._plan(number)) for number in range(len(self.segments))]

    def lines(self) -> Iterator[_Line]:
        planned, done = 0, 0
        waiting: deque[_Line] = deque()
        while planned < len(self.segments) or waiting:
            while planned < len(self.segments) and len(waiting) < LINES_AT_ONCE:
                waiting.extend(self._plan(planned))
                planned += 1
            self._write(list(itertools.islice(waiting, LINES_AT_ONCE)))
            while waiting and waiting[0].strokes and self._fits(waiting[0], waiting):
                line = waiting.popleft()
                done += 1
                if self.progress is not None:
                    self.progress(done, done + len(waiting) + sum(self.expected[planned:]))
                yield line

    def _plan(self, number: int, start: int = 0) -> list[_Line]:
        """Lines of a segment, or of what it says from `start` on."""
        segment = self.segments[number]
        content, opens = segment.text, segment.opens and not start
        indent, inset = 0.0, 0.0
        room = self.options.room - self.options.pen
        if self.options.align in ("left", "justify"):
            indent = self.options.indent if opens else 0.0
            inset = min(segment.spaces * self._width(" "), _MOST_INDENTED * room)
        room -= inset
        lines = []
        for text in wrap_words(content[start:].split(" "), self._width, room, room - indent, self.hyphen):
            lines.append(_Line(text, number, start, inset))
            # A hyphen that was added is not in what it says
            start += len(text) if content.startswith(text, start) else len(text) - len(self.hyphen)
            start += content.startswith(" ", start)
        lines[0].indent, lines[0].opens, lines[-1].closes = indent + inset, opens, True
        lines[0].page = segment.page and not start
        return lines

    def _width(self, text: str) -> float:
        return self.hand.width(text.replace(_NO_BREAK, " "))

    def _write(self, lines: Sequence[_Line]) -> None:
        todo = [line for line in lines if not line.strokes]
        for line, strokes in zip(todo, self.hand.write([line.content for line in todo]), strict=True):
            line.strokes = strokes
        for line, drawn in zip(todo, self.hand.drawn, strict=True):
            line.drawn = drawn
        for line, verdict in zip(todo, self.hand.verdicts, strict=False):
            line.verdict = verdict

    def _fits(self, line: _Line, waiting: deque[_Line]) -> bool:
        """Whether the line can be set as it is; if not, its last word begins the next, and the rest is planned anew."""
        room = (self.options.room - self.options.pen - line.indent) / NARROWEST
        for _ in range(_TRIES):
            if line.width <= room:
                return True
            line.strokes = []
            self._write([line])
        if line.width <= room or " " not in line.text:
            return True
        line.text = line.text.rpartition(" ")[0]
        line.strokes, line.closes = [], False
        while len(waiting) > 1 and waiting[1].segment == line.segment:
            del waiting[1]
        for place, other in enumerate(self._plan(line.segment, line.start + len(line.text) + 1), 1):
            waiting.insert(place, other)
        return False


@dataclass
class Segment:
    """What stands between two line breaks: words parted by one space."""

    text: str
    opens: bool  # a paragraph
    spaces: int  # that it begins with
    page: bool  # it begins a new one


def paragraph_segments(text: str, breaks: bool) -> list[Segment]:
    """The segments of a text; where a row begins with spaces, all rows of its paragraph are lines of their own."""
    segments: list[Segment] = []
    for number, part in enumerate(text.split(_NEW_PAGE)):
        page = number > 0 and bool(segments)
        for paragraph in re.split(r"\n[ \u00a0]*(?=\n)", part):
            rows = [row for row in paragraph.split("\n") if row.strip()]
            each_row = breaks or any(row.startswith(" ") for row in rows[1:])
            for place, row in enumerate(rows):
                words = " ".join(re.findall(rf"[^\s]+(?:{_NO_BREAK}+[^\s]+)*", row))
                if place and not each_row:
                    segments[-1].text += f" {words}"
                    continue
                segments.append(Segment(words, not place, len(row) - len(row.lstrip(" ")), page))
                page = False
    return segments


# Setting -------------------------------------------------------------------------------------------------------------


class Drift:
    """How far the writing wanders off its baselines: a slow random walk along the line and from line to line.

    Args:
        amount: most millimetres up or down; 0 for none.
        seed: of the random numbers.
    """

    _KNOT = 12.0  # mm

    def __init__(self, amount: float, seed: int) -> None:
        self.amount = amount
        self._random = np.random.default_rng((seed, _DRIFT_SEED))
        self._level = 0.0

    def next(self, width: float) -> Callable[[np.ndarray], np.ndarray]:
        """Millimetres down at each place [points] on the next line, which is `width` mm wide."""
        steps = self._random.normal(scale=0.25, size=int(width / self._KNOT) + 3)
        self._level = 0.8 * self._level + self._random.normal(scale=0.5)
        walk = (np.tanh(self._level) + np.tanh(np.cumsum(steps))) * self.amount / 2
        return lambda x: np.interp(x, np.arange(len(walk)) * self._KNOT, walk)


def _placed(
    line: _Line,
    hand: Hand,
    options: PageOptions,
    drift: Callable[[np.ndarray], np.ndarray],
    baseline: float,
) -> Iterable[np.ndarray]:
    """The strokes of the line in mm on the page, none of them outside the margins."""
    half = options.pen / 2  # the ink, too, keeps within the margins
    room = options.room - options.pen - line.indent
    strokes = narrowed(line.strokes, min(1.0, room / max(line.width, 1e-6)))
    if options.align == "justify" and not line.closes:
        strokes = spread(strokes, line.content, hand, room)
    over = room - max(float(stroke[:, 0].max()) for stroke in strokes)
    fraction = {"right": 1.0, "center": 0.5}.get(options.align, 0.0)
    left = options.left + half + line.indent + fraction * max(over, 0.0)
    most_up, most_down = ASCENT * options.line_height - half, DESCENT * options.line_height - half
    for stroke in strokes:
        x = stroke[:, 0] + left
        y = soft(stroke[:, 1], most_up, most_down)
        yield np.stack([x, y + drift(x) + baseline], 1).astype(np.float32)
