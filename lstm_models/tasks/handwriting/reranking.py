"""Re-reading: a writer's lines are drawn several times, read, and the most legible of each is kept.

    reader = lstm_models.load("reader")
    drawing = lstm_models.load("writer").write("Dear reader,", reader=reader, candidates=4, seed=1)
    print(drawing.verdict)

All candidates of all lines are drawn in one batch and read in one (`Reranker`). Lines whose best candidate is still
wrong are drawn again with other random numbers, a bounded number of times. How a reader judges a line is in
``lstm_models.tasks.handwriting_reader.legibility``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from lstm_models.errors import InputError
from lstm_models.ink.verdict import Verdict
from lstm_models.tasks.handwriting.stray_marks import without_stray_offsets

if TYPE_CHECKING:
    pass
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
