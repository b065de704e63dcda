"""A punctuator and a tagger that know their answers word by word, so that what surrounds the networks can be tested."""

from __future__ import annotations

import torch
from torch import Tensor

from lstm_models.tasks.punctuation.config import PunctuatorConfig
from lstm_models.tasks.punctuation.features import CASES, MARKS
from lstm_models.tasks.punctuation.model import Punctuator
from lstm_models.tasks.tagging.config import TaggerConfig
from lstm_models.tasks.tagging.features import NAMES, POS_TAGS
from lstm_models.tasks.tagging.model import Tagger

SURE = 0.9  # probability of every answer

# word -> the mark after it, its case
_SCRIPT = "hello , lower|how  lower|are  lower|you ? lower|i  title|am  lower|fine . lower|paris  title|nasa  upper"
_SCRIPT += "|iphone  mixed|wow ! lower|first ; lower|note : lower"
SCRIPT = {word: (mark, case) for word, mark, case in (each.split(" ") for each in _SCRIPT.split("|"))}

LABELS = {
    "angela": ("PROPN", "B-PER"),
    "merkel": ("PROPN", "I-PER"),
    "visited": ("VERB", "O"),
    "paris": ("PROPN", "B-LOC"),
    ".": ("PUNCT", "O"),
    "nasa": ("PROPN", "B-ORG"),
}


class ScriptedPunctuator(Punctuator):
    """Gives every word of ``SCRIPT`` its mark and case, and all others neither."""

    def __init__(self) -> None:
        super().__init__(
            PunctuatorConfig(
                " ".join(SCRIPT), "iPhone", 4, 2, 8, hidden_size=2, layers=1, dropout=0, embedding_dropout=0
            )
        )
        answers = [("", "lower")] * 2 + list(SCRIPT.values()) + [("", "lower")]
        self.answers = torch.tensor([[MARKS.index(mark), CASES.index(case)] for mark, case in answers])
        self.seen: list[int] = []  # words of each call
        self.eval()

    def forward(self, words: Tensor, endings: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor]:
        self.seen.append(words.size(1))
        answers = self.answers[words]
        made = []
        for column, count in ((0, len(MARKS)), (1, len(CASES))):
            rest = (1 - SURE) / (count - 1)
            made.append(torch.where(_one_hot(answers[..., column], count), SURE, rest).log())
        return made[0], made[1]


def _one_hot(numbers: Tensor, count: int) -> Tensor:
    return torch.nn.functional.one_hot(numbers, count).bool()


class ScriptedTagger(Tagger):
    """Gives every word of ``LABELS`` its labels, and all others NOUN and O, with scores that differ by 5 nats."""

    def __init__(self) -> None:
        super().__init__(TaggerConfig(" ".join(LABELS), "abc", 4, 2, 2, hidden_size=2, layers=1, dropout=0))
        answers = [("NOUN", "O")] * 2 + list(LABELS.values())
        self.answers = torch.tensor([[POS_TAGS.index(tag), NAMES.index(name)] for tag, name in answers])
        self.eval()

    def forward(
        self, words: Tensor, spellings: Tensor, spelling_lengths: Tensor, places: Tensor, lengths: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        answers = self.answers[words]
        pos, names = (5.0 * _one_hot(answers[..., k], n) for k, n in ((0, len(POS_TAGS)), (1, len(NAMES))))
        return pos, names, pos.new_zeros(len(pos), 0)
