"""A question answerer whose answers follow from a rule, so that what surrounds the network can be tested.

The answer is the word after one that the question has; it is nowhere where the passage has none.
"""

from __future__ import annotations

import torch
from torch import Tensor

from lstm_models.tasks.question_answering.config import QuestionAnswererConfig
from lstm_models.tasks.question_answering.model import QuestionAnswerer
from lstm_models.tasks.question_answering.network import Pointers, Read

VOCABULARY = (
    "the a of to in is was it and who what when where how many came yesterday ann tom see house she he wrote letter "
    "train leaves at nine . , ?"
)


class ScriptedAnswerer(QuestionAnswerer):
    """0.9 for the first word after one of the question's, unless the question has it, too."""

    def __init__(self) -> None:
        super().__init__(QuestionAnswererConfig(VOCABULARY, 4, 0, 2, 4, 2, 1, 4, 2, False))
        self.eval()

    def forward(self, passage: Read, question: Read, owner: Tensor, flags: Tensor) -> Pointers:
        real = passage.real.index_select(0, owner)
        same = flags[..., 0].bool() & real
        after = torch.cat([torch.zeros_like(same[:, :1]), same[:, :-1]], 1) & ~same & real
        first = after & (after.cumsum(1) == 1)
        scores = torch.where(first, 0.9, 1e-4).where(real, torch.tensor(0.0))
        nowhere = torch.where(first.any(1, keepdim=True), 0.05, 0.95)
        start = torch.cat([nowhere, scores], 1)
        alignment = torch.ones(*real.shape, question.real.size(1)) / question.real.sum(1)[:, None, None]
        return Pointers((start / start.sum(1, keepdim=True)).log(), real[..., None].float(), real, alignment)

    def ends(self, found: Pointers, starts: Tensor, question: Read) -> Tensor:
        only = torch.full((len(starts), self.config.longest_answer), -torch.inf)
        only[:, 0] = 0
        return only
