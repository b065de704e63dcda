"""Re-reading: a writer's lines are drawn several times, read, and the most legible of each is kept.

    reader = lstm_models.load("reader")
    drawing = lstm_models.load("writer").write("Dear reader,", reader=reader, candidates=4, seed=1)
    print(drawing.verdict)

All candidates of all lines are drawn in one batch and read in one (`Reranker`). Lines whose best candidate is still
wrong are drawn again with other random numbers, a bounded number of times; a capital that is then still misread comes
from the font, where that mends it (`misread_capitals`). How a reader judges a line is in
``lstm_models.tasks.handwriting_reader.legibility``.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from lstm_models.errors import InputError
from lstm_models.ink.verdict import Verdict
from lstm_models.tasks.handwriting.line_plan import ComposedLine, planned
from lstm_models.tasks.handwriting.stray_marks import without_stray_offsets

if TYPE_CHECKING:
    from lstm_models.tasks.handwriting.network import HandwritingWriterNetwork

__all__ = [
    "CANDIDATES",
    "MOST_CANDIDATES",
    "ROUNDS",
    "Chosen",
    "LegibilityScorer",
    "Reranker",
    "choose",
    "draw",
    "draw_planned",
    "drawn_note",
    "misread_capitals",
    "replanned",
]

CANDIDATES = 4
MOST_CANDIDATES = 32
ROUNDS = 2  # how often lines that are still wrong are drawn again
_ROWS = 400  # lines that are drawn together
_SEED = 3  # beside the seeds of pages
_SHOWN = 3  # lines that a note quotes

Strokes = Sequence[np.ndarray]


@runtime_checkable
class LegibilityScorer(Protocol):
    """Who re-reads lines: `lstm_models.tasks.handwriting_reader.model.HandwritingReader` is one."""

    def verdicts(self, lines: Sequence[Strokes], texts: Sequence[str], /) -> list[Verdict]:
        """What it makes of each line of strokes [points, 2], beside the text it should say."""
        ...


class Reranker:
    """Who re-reads what is written, and how many candidates of each line there are to choose from.

    Args:
        reader: what reads them.
        candidates: of each line.

    Raises:
        InputError: the reader is none, or the candidates are too few or too many (``usage=True``).
    """

    def __init__(self, reader: LegibilityScorer, candidates: int = CANDIDATES) -> None:
        if not isinstance(reader, LegibilityScorer):
            raise InputError(f"a handwriting reader re-reads what is written, not {type(reader).__name__}", usage=True)
        if isinstance(candidates, bool) or not isinstance(candidates, int) or not 1 <= candidates <= MOST_CANDIDATES:
            raise InputError(
                f"candidates must be a whole number from 1 to {MOST_CANDIDATES}, not {candidates}", usage=True
            )
        self.reader, self.candidates = reader, candidates

    def __call__(self, lines: Sequence[Strokes], texts: Sequence[str]) -> list[Verdict]:
        """What the reader makes of each line of strokes ``[points, 2]``, beside the text it should say."""
        return self.reader.verdicts(lines, texts)


@dataclass(frozen=True)
class Chosen:
    """The best candidates of lines, each as it was drawn, with the verdict on each.

    Attributes:
        rows: one a line.
        verdicts: likewise.
    """

    rows: list[Any]
    verdicts: list[Verdict]

    @property
    def verdict(self) -> Verdict:
        """On all lines."""
        return Verdict.together(self.verdicts)

    def notes(self, texts: Sequence[str]) -> list[str]:
        """A sentence about the lines that are still wrong, or none."""
        return still_wrong(list(zip(texts, self.verdicts, strict=True)))


def still_wrong(lines: Sequence[tuple[str, Verdict]]) -> list[str]:
    """A sentence about the lines, each with its text, that are still wrong, or none."""
    wrong = [f"“{text}” (read: “{verdict.text}”)" for text, verdict in lines if verdict.wrong]
    if not wrong:
        return []
    more = f" and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
    return [f"the reader still misreads {', '.join(wrong[:_SHOWN])}{more}"]


def choose(
    drawn: Callable[[Sequence[int], int], Sequence[Any]],
    strokes: Callable[[Any], Strokes],
    texts: Sequence[str],
    judge: Reranker,
    seed: int,
    rounds: int = ROUNDS,
    astray: Callable[[int, Any], bool] | None = None,
) -> Chosen:
    """Draws lines several times and keeps the best of each.

    Args:
        drawn: from the numbers of lines, each once a candidate, and a seed to rows, one a number.
        strokes: the strokes of a row.
        texts: what the lines should say.
        judge: of the candidates.
        seed: of all random numbers; the same seed chooses the same.
        rounds: how often those that are still wrong are drawn again, at most.
        astray: whether the row of a line cannot be used, if there is another.
    """
    seeds = np.random.SeedSequence((seed, _SEED))
    rows: list[Any] = [None] * len(texts)
    best = [Verdict("")] * len(texts)
    ranks: list[tuple[float, ...]] = [(np.inf,)] * len(texts)
    counts = [0] * len(texts)
    todo = list(range(len(texts)))
    for _ in range(1 + rounds):
        for start in range(0, len(todo), max(1, _ROWS // judge.candidates)):
            part = todo[start : start + max(1, _ROWS // judge.candidates)]
            numbers = [number for number in part for _ in range(judge.candidates)]
            (child,) = seeds.spawn(1)
            found = drawn(numbers, int(child.generate_state(1, np.uint64)[0] >> 1))
            verdicts = judge([strokes(row) for row in found], [texts[number] for number in numbers])
            for number, row, verdict in zip(numbers, found, verdicts, strict=True):
                counts[number] += 1
                rank = (float(astray is not None and astray(number, row)), *verdict.rank)
                if rank < ranks[number]:
                    rows[number], best[number], ranks[number] = row, verdict, rank
        todo = [number for number in todo if ranks[number][0] or best[number].wrong]
        if not todo:
            break
    return Chosen(rows, [replace(each, drawn=count) for each, count in zip(best, counts, strict=True)])


def draw(
    writer: HandwritingWriterNetwork,
    texts: Sequence[str],
    styles: Tensor,
    judge: Reranker,
    *,
    bias: float,
    seed: int,
    trace: list[np.ndarray] | None = None,
) -> Chosen:
    """The best offsets [points, 3] of each line; see ``HandwritingWriter.sample`` for the arguments."""

    def drawn(numbers: Sequence[int], seed: int) -> list[tuple[np.ndarray, np.ndarray | None]]:
        which = torch.tensor(numbers, device=styles.device)
        lines = [texts[number] for number in numbers]
        places: list[Any] = []
        traced: dict[str, Any] = {} if trace is None else {"trace": places}
        *_, rows = writer.sample(lines, styles[which], bias=bias, seed=seed, tidy=True, **traced)
        rows = without_stray_offsets(rows, lines, writer.config.features, None if trace is None else places)
        return list(zip(rows, places or [None] * len(rows), strict=True))

    chosen = choose(drawn, lambda row: writer.config.features.decode(row[0]), texts, judge, seed)
    if trace is not None:
        trace[:] = [place for _, place in chosen.rows]
    return replace(chosen, rows=[row for row, _ in chosen.rows])


def misread_capitals(text: str, read: str) -> str:
    """The capitals of a text in whose place something else was read; not where it is the same as a small letter."""
    found = set()
    for kind, a, b, c, d in difflib.SequenceMatcher(None, text, read, False).get_opcodes():
        if kind in ("replace", "delete"):
            found |= {each for each in text[a:b] if "A" <= each <= "Z" and each.lower() not in read[c:d]}
    return "".join(sorted(found))


def replanned(plan: ComposedLine, verdict: Verdict, alphabet: str) -> ComposedLine | None:
    """The plan of the same line with the capitals that were misread drawn from the font; None where none was."""
    capitals = misread_capitals(plan.plain, verdict.text) if verdict.errors else ""
    if not capitals:
        return None
    made = planned(plan.text, "".join(each for each in alphabet if each not in capitals))
    return made if made.plain else None


def drawn_note(before: Sequence[ComposedLine], after: Sequence[ComposedLine]) -> list[str]:
    """A sentence about the capitals that only the plans after have from the font, or none."""
    found = set()
    for old, new in zip(before, after, strict=True):
        if new is not old:
            drawn = [{each.base for joint in plan.joints for each in joint if each} for plan in (old, new)]
            found |= drawn[1] - drawn[0]
    if not found:
        return []
    names = ", ".join(f"“{each}”" for each in sorted(found))
    were = "were" if len(found) > 1 else "was"
    return [f"{names} {were} drawn from a font, as the reader misread what the model wrote"]


def draw_planned(
    writer: HandwritingWriterNetwork,
    plans: Sequence[ComposedLine],
    styles: Tensor,
    judge: Reranker,
    alphabets: Sequence[str],
    *,
    bias: float,
    seed: int,
    trace: list[np.ndarray],
) -> tuple[list[ComposedLine], Chosen]:
    """As `draw`, for the plain text of plans, each made with its alphabet: with the plans as they came out.

    A line whose capitals are still misread is planned anew with these from the font, and taken if it has fewer errors.
    """
    plans = list(plans)
    chosen = draw(writer, [plan.plain for plan in plans], styles, judge, bias=bias, seed=seed, trace=trace)
    again = {
        number: plan
        for number, verdict in enumerate(chosen.verdicts)
        if (plan := replanned(plans[number], verdict, alphabets[number])) is not None
    }
    if not again:
        return plans, chosen
    places: list[np.ndarray] = []
    texts = [plan.plain for plan in again.values()]
    other = draw(writer, texts, styles[list(again)], judge, bias=bias, seed=seed + 1, trace=places)
    rows, verdicts = list(chosen.rows), list(chosen.verdicts)
    for number, row, verdict, place in zip(again, other.rows, other.verdicts, places, strict=True):
        if verdict.errors < verdicts[number].errors:
            drawn = verdicts[number].drawn + verdict.drawn
            plans[number], rows[number], trace[number] = again[number], row, place
            verdicts[number] = replace(verdict, drawn=drawn)
    return plans, replace(chosen, rows=rows, verdicts=verdicts)
