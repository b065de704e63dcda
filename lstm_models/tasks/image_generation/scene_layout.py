"""What a sentence puts where: an LSTM that names digits and their places, one after the other, heeding the words.

The words are read in both directions; before each digit the decoder attends to them, then says which digit comes next
and where, or that there is no other (as Text2Scene composes scenes: Tan et al. 2019, arXiv:1809.01110, section 3).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from lstm_models.field_checks import check_at_least
from lstm_models.nn.attention import AdditiveAttention
from lstm_models.nn.lstm import LSTM, LSTMState

__all__ = ["LayoutItem", "PlacedDigit", "SceneLayout", "SceneLayoutConfig", "collate"]

PADDING = 0
_MOST = 8  # digits of a scene


@dataclass(frozen=True)
class SceneLayoutConfig:
    """Sizes of the network, its words, and the generator that draws the digits.

    Attributes:
        words: that sentences have, set apart by blanks.
        generator: what draws each digit: a bundled image generator or a folder.
        kinds: of digits.
        grid: rows and columns of places that a digit's middle may have.
        word_size: features of a word, and of a digit with its place.
        sentence_size: units, in each direction, of the LSTM that reads.
        decoder_size: units of the LSTM that places digits.
    """

    words: str = ""
    generator: str = "image-generator"
    kinds: int = 10
    grid: int = 28
    word_size: int = 24
    sentence_size: int = 32
    decoder_size: int = 64

    def __post_init__(self) -> None:
        check_at_least(self, 1, "kinds", "grid", "word_size", "sentence_size", "decoder_size", of="layout")
        if len(set(self.vocabulary)) < len(self.vocabulary):
            raise ValueError("layout: words must differ")

    @property
    def vocabulary(self) -> list[str]:
        """The words, numbered from 1."""
        return self.words.split()


class LayoutItem(NamedTuple):
    """A sentence as numbers of its words, and for each digit its kind and the row and the column of its middle."""

    words: tuple[int, ...]
    digits: tuple[tuple[int, int, int], ...]


class PlacedDigit(NamedTuple):
    """A digit that was placed.

    ``kind``; ``row`` and ``column`` of the grid; the ``confidence`` of the kind; and how much each word was heeded.
    """

    kind: int
    row: int
    column: int
    confidence: float
    attention: np.ndarray


class SceneLayout(nn.Module):
    """See the module, and ``SceneLayoutConfig``."""

    Config = SceneLayoutConfig

    def __init__(self, config: SceneLayoutConfig) -> None:
        super().__init__()
        self.config = config
        size, memory, hidden = config.word_size, 2 * config.sentence_size, config.decoder_size
        self.word = nn.Embedding(len(config.vocabulary) + 1, size, padding_idx=PADDING)
        self.reader = LSTM(size, config.sentence_size, bidirectional=True)
        self.attention = AdditiveAttention(memory, hidden, config.sentence_size)
        self.start = nn.Linear(memory, 2 * hidden)
        # The digit before: its kind (the last: none yet), row and column
        self.before = nn.ModuleList(nn.Embedding(count, size) for count in (config.kinds + 1, config.grid, config.grid))
        self.decoder = LSTM(memory + size, hidden)
        self.kind = nn.Linear(hidden, config.kinds + 1)  # the last: no further digit
        self.row, self.column = nn.Linear(hidden, config.grid), nn.Linear(hidden, config.grid)

    def read(self, words: Tensor) -> tuple[Tensor, Tensor, Tensor, LSTMState]:
        """What is made of ``words`` [batch, words], 0 in padding: the memory [batch, words, features], its keys, which
        words are padding, and the decoder's first state."""
        padding = words == PADDING
        memory, state = self.reader(self.word(words), lengths=(~padding).sum(1).cpu())
        h, c = self.start(state.h.transpose(0, 1).flatten(1)).float().chunk(2, 1)
        return memory.float(), self.attention.keys(memory).float(), padding, LSTMState(h.tanh()[None], c[None])

    def step(
        self, before: Tensor, read: tuple[Tensor, Tensor, Tensor], state: LSTMState
    ) -> tuple[tuple[Tensor, Tensor, Tensor], Tensor, LSTMState]:
        """One digit: log odds of its kind, row and column [batch, …] after the digit ``before`` [batch, 3]; the weights
        of the words [batch, words]; the new state."""
        memory, keys, padding = read
        scores = torch.tanh(keys + self.attention.query(state.h[0])[:, None].float()) @ self.attention.score
        weights = scores.masked_fill(padding, -torch.inf).softmax(-1)
        seen = torch.bmm(weights[:, None], memory)[:, 0]
        given = sum(table(before[:, number]) for number, table in enumerate(self.before))
        h, state = self.decoder.step(torch.cat([seen, given], 1), state)
        return (self.kind(h).float(), self.row(h).float(), self.column(h).float()), weights, state

    def loss(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Cross-entropy in nats of the digits, the end and the places, summed over ``points`` digits, ends counted, of
        ``lines`` sentences."""
        digits, lengths = batch["digits"], batch["lengths"]
        *read, state = self.read(batch["words"])
        before = self._none(len(digits), digits.device)
        total, kinds = digits.new_zeros((), dtype=torch.float32), self.config.kinds
        for number in range(digits.size(1) + 1):
            found, _, state = self.step(before, (read[0], read[1], read[2]), state)
            there, ends = lengths > number, lengths == number
            wanted = digits[:, min(number, digits.size(1) - 1)]
            kind = torch.where(there, wanted[:, 0], kinds).masked_fill(~(there | ends), -100)
            total = total + cross_entropy(found[0], kind, reduction="sum")
            for place in (1, 2):
                total = total + cross_entropy(found[place], wanted[:, place].masked_fill(~there, -100), reduction="sum")
            before = torch.where(there[:, None], wanted, before)
        return {"loss": total, "points": (lengths + 1).sum(), "lines": torch.tensor(float(len(digits)))}

    @torch.no_grad()
    def place(self, words: Sequence[int], seed: int, temperature: float = 1.0) -> list[PlacedDigit]:
        """The digits of a sentence: the likeliest kinds, and places drawn by the seed; at 0 the likeliest, too."""
        device = self.start.weight.device
        *read, state = self.read(torch.tensor([list(words)], device=device))
        before, generator = self._none(1, device), np.random.default_rng((seed, 2))
        made: list[PlacedDigit] = []
        while len(made) < _MOST:
            found, weights, state = self.step(before, (read[0], read[1], read[2]), state)
            probabilities = found[0][0].softmax(0)
            kind = int(probabilities.argmax())
            if kind == self.config.kinds:
                break
            row, column = (_drawn(odds[0], generator, temperature) for odds in found[1:])
            made.append(PlacedDigit(kind, row, column, float(probabilities[kind]), weights[0].cpu().numpy()))
            before = torch.tensor([[kind, row, column]], device=device)
        return made

    def _none(self, batch: int, device: torch.device) -> Tensor:
        return torch.tensor([[self.config.kinds, 0, 0]], device=device).expand(batch, -1)


def _drawn(odds: Tensor, generator: np.random.Generator, temperature: float) -> int:
    chance = generator.random()
    if temperature == 0:
        return int(odds.argmax())
    sums = (odds.double() / temperature).softmax(0).cumsum(0).cpu().numpy()
    return min(int(np.searchsorted(sums, chance)), len(sums) - 1)


def collate(items: Sequence[LayoutItem]) -> dict[str, Tensor]:
    """What ``loss`` takes: ``words`` [batch, words] and ``digits`` [batch, digits, 3], padded, and the ``lengths``
    [batch] of the latter."""
    pad = nn.utils.rnn.pad_sequence
    return {
        "words": pad([torch.tensor(item.words) for item in items], batch_first=True, padding_value=PADDING),
        "digits": pad([torch.tensor(item.digits) for item in items], batch_first=True),
        "lengths": torch.tensor([len(item.digits) for item in items]),
    }
