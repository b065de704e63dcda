"""A translator that knows its words one by one, so that what surrounds the network can be tested."""

from __future__ import annotations

import functools
import math

import torch
from torch import Tensor

from lstm_models.nn.lstm import LSTMState
from lstm_models.tasks.translation.config import TranslatorConfig
from lstm_models.tasks.translation.model import Translator
from lstm_models.tasks.translation.network import Decoding, Source
from lstm_models.text.word_pieces import WordPieces

SURE = 0.9  # probability of every answer

SCRIPT = {
    "A": "Ein", "a": "ein", "dog": "Hund", "cat": "Katze", "runs": "rennt", "sleeps": "schläft", "and": "und",
    "Two": "Zwei", "dogs": "Hunde", "run": "rennen", "The": "Der", "the": "der", "man": "Mann", "Yes": "Ja",
}  # fmt: skip


@functools.cache
def _pieces() -> str:
    # Every word is a piece, with the blank before it
    return WordPieces.train([*SCRIPT, *SCRIPT.values()] * 9, 600).merges


class ScriptedTranslator(Translator):
    """Translates every piece of ``SCRIPT`` to its answer, all others to themselves, in the order they come."""

    def __init__(self) -> None:
        super().__init__(TranslatorConfig(_pieces(), "en", "de", 4, 2, 1, 2))
        answers = torch.arange(len(self.vocabulary))
        for source, target in SCRIPT.items():
            (number,), (answer,) = self.vocabulary.encode(source), self.vocabulary.encode(target)
            answers[number] = answer
        self.answers = answers
        self.searches: list[int] = []  # sentences of each
        self.eval()

    def encode(self, source: Tensor, lengths: Tensor) -> Source:
        self.searches.append(len(source))
        values = self.answers[source][..., None].float()
        real = torch.arange(source.size(1)) < lengths[:, None]
        return Source(values, values, real, values[:, 0])

    def initial(self, source: Source) -> Decoding:
        place = torch.zeros(1, len(source.values), 1)
        return Decoding(LSTMState(place, place), LSTMState(place, place))

    def step(self, pieces: Tensor, state: Decoding, source: Source) -> tuple[Tensor, Tensor, Decoding]:
        place = state.lower.h[0, :, 0].long()
        ids = source.values[..., 0].long().repeat_interleave(len(pieces) // len(source.values), 0)
        wanted = ids.gather(1, place.clamp(max=ids.size(1) - 1)[:, None])
        moved = LSTMState(state.lower.h + 1, state.lower.c)
        looks = torch.nn.functional.one_hot(place.clamp(max=ids.size(1) - 1), ids.size(1)).float()
        return self._log_p(wanted[:, 0]), looks, Decoding(moved, state.upper)

    def forward(self, source: Tensor, source_lengths: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        ids = self.answers[source]
        places = torch.arange(target.size(1)).clamp(max=source.size(1) - 1)
        looks = torch.nn.functional.one_hot(places, source.size(1)).float().expand(len(source), -1, -1)
        return self._log_p(ids[:, places]), looks

    def _log_p(self, wanted: Tensor) -> Tensor:
        rest = math.log((1 - SURE) / (len(self.vocabulary) - 1))
        return torch.full((*wanted.shape, len(self.vocabulary)), rest).scatter(-1, wanted[..., None], math.log(SURE))
