"""Re-reading: a writer's lines are drawn several times, read, and the most legible of each is kept.

    reader = lstm_models.load("reader")
    drawing = lstm_models.load("writer").write("Dear reader,", reader=reader, candidates=4, seed=1)
    print(drawing.verdict)

All candidates of all lines are drawn in one batch and read in one batch (`Judge`). Lines whose best candidate is still
wrong are drawn again with other random numbers, a bounded number of times. The reader judges by its best path and by
the probability of the right text (CTC's forward score: Graves et al. 2006), both without its language model, which
would mend what is illegible.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from lstm_models.errors import InputError
from lstm_models.ink.verdict import Verdict
from lstm_models.tasks.handwriting.stray_marks import without_stray_offsets
from lstm_models.text.edit_distance import edits, missing_words

if TYPE_CHECKING:
    from lstm_models.tasks.handwriting.network import HandwritingWriter
    from lstm_models.tasks.handwriting_reader.network import HandwritingReader

__all__ = ["CANDIDATES", "MOST_CANDIDATES", "ROUNDS", "Chosen", "Judge", "choose", "draw"]

CANDIDATES = 4
MOST_CANDIDATES = 32
ROUNDS = 2  # how often lines that are still wrong are drawn again
_BATCH = 32  # lines that are read together: few, of like length, so that little is padding
_ROWS = 400  # lines that are drawn together
_SEED = 3  # beside the seeds of pages
_UNREADABLE = 1e4  # nats of a line that cannot be read at all, or is too short for its text
_SHOWN = 3  # lines that a note quotes

Strokes = Sequence[np.ndarray]


class Judge:
    """Reads written lines and says how far they are from what they should say.

    A character of the text that the reader does not know stands for whatever it reads there; words of such characters
    alone are not judged.

    Args:
        reader: what reads them.
        candidates: how many of each line are to choose from.

    Raises:
        InputError: the reader is none, or the candidates are too few or too many (``usage=True``).
    """

    def __init__(self, reader: HandwritingReader, candidates: int = CANDIDATES) -> None:
        from lstm_models.tasks.handwriting_reader.network import HandwritingReader

        if not isinstance(reader, HandwritingReader):
            raise InputError(f"a handwriting reader re-reads what is written, not {type(reader).__name__}", usage=True)
        if isinstance(candidates, bool) or not isinstance(candidates, int) or not 1 <= candidates <= MOST_CANDIDATES:
            raise InputError(
                f"candidates must be a whole number from 1 to {MOST_CANDIDATES}, not {candidates}", usage=True
            )
        self.reader, self.candidates = reader, candidates
        self._number = {character: number for number, character in enumerate(reader.config.alphabet, 1)}
        self._names = " " + reader.config.alphabet  # of labels

    @torch.inference_mode()
    def __call__(self, lines: Sequence[Strokes], texts: Sequence[str]) -> list[Verdict]:
        """What the reader makes of each line of strokes ``[points, 2]``, beside the text it should say."""
        verdicts = [self._verdict(text, "", _UNREADABLE) for text in texts]
        features = {number: found for number, line in enumerate(lines) if (found := self._features(line)) is not None}
        order = sorted(features, key=lambda number: len(features[number]))
        for start in range(0, len(order), _BATCH):
            part = order[start : start + _BATCH]
            batch = nn.utils.rnn.pad_sequence([features[number] for number in part], batch_first=True)
            device = self.reader.head.weight.device
            log_probs, lengths = self.reader(batch.to(device), torch.tensor([len(features[number]) for number in part]))
            log_probs = log_probs.cpu()
            nats = self._nats(log_probs, lengths, [texts[number] for number in part])
            for number, row, length, own in zip(part, log_probs.argmax(-1), lengths, nats, strict=True):
                labels = torch.unique_consecutive(row[:length]).tolist()
                read = " ".join("".join(self._names[label] for label in labels if label).split())
                verdicts[number] = self._verdict(texts[number], read, own)
        return verdicts

    def _features(self, line: Strokes) -> Tensor | None:
        try:
            return torch.from_numpy(self.reader.config.features.encode(line))
        except ValueError:  # nothing to read, or an InputError: far too much
            return None

    def _nats(self, log_probs: Tensor, lengths: Tensor, texts: Sequence[str]) -> list[float]:
        """−log probability of each text; what the reader does not know is a label of its own, any but the blank."""
        anything = torch.log1p(-log_probs[..., :1].exp().clamp(max=1 - 1e-6))
        last = log_probs.size(-1)
        encoded = [torch.tensor([self._number.get(character, last) for character in text]) for text in texts]
        found = nn.functional.ctc_loss(
            torch.cat([log_probs, anything], -1).transpose(0, 1),
            nn.utils.rnn.pad_sequence(encoded, batch_first=True),
            lengths,
            torch.tensor([len(each) for each in encoded]),
            reduction="none",
        )
        return [float(value) for value in found.clamp(0, _UNREADABLE)]

    def _verdict(self, text: str, read: str, nats: float) -> Verdict:
        known = [character in self._number for character in text]
        missing, extra = missing_words(text, read, self._number)
        return Verdict(read, edits(text, read, known), sum(known), missing, extra, nats)


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
    judge: Judge,
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
            (own,) = seeds.spawn(1)
            found = drawn(numbers, int(own.generate_state(1, np.uint64)[0] >> 1))
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
    writer: HandwritingWriter,
    texts: Sequence[str],
    styles: Tensor,
    judge: Judge,
    *,
    bias: float,
    seed: int,
    trace: list[np.ndarray] | None = None,
) -> Chosen:
    """The best offsets [points, 3] of each line; see ``HandwritingWriter.sample`` for the arguments."""

    def drawn(numbers: Sequence[int], seed: int) -> list[tuple[np.ndarray, np.ndarray | None]]:
        which = torch.tensor(numbers, device=styles.device)
        said = [texts[number] for number in numbers]
        places: list[Any] = []
        traced: dict[str, Any] = {} if trace is None else {"trace": places}
        *_, rows = writer.sample(said, styles[which], bias=bias, seed=seed, tidy=True, **traced)
        rows = without_stray_offsets(rows, said, writer.config.features, None if trace is None else places)
        return list(zip(rows, places or [None] * len(rows), strict=True))

    chosen = choose(drawn, lambda row: writer.config.features.decode(row[0]), texts, judge, seed)
    if trace is not None:
        trace[:] = [place for _, place in chosen.rows]
    return replace(chosen, rows=[row for row, _ in chosen.rows])
