"""A language model that is small and knows a few sentences by heart."""

from __future__ import annotations

from functools import cache

import torch

from lstm_models.tasks.language_modeling.config import LanguageModelConfig
from lstm_models.tasks.language_modeling.model import LanguageModel
from lstm_models.text.word_pieces import END, WordPieces

TEXTS = ("The cat sat on the mat.", "The dog sat on the rug.", "A time came.\nThe cat slept.")


@cache
def tiny() -> LanguageModel:
    """Trained on `TEXTS` until it knows them."""
    torch.manual_seed(0)
    merges = WordPieces.train(TEXTS, 290).merges
    model = LanguageModel(LanguageModelConfig(merges=merges, embedding_size=24, hidden_size=32, layers=1))
    line = [END, *(number for text in TEXTS for number in (*model.vocabulary.encode(text), END))]
    batch = {"tokens": torch.tensor([line]), "first": torch.tensor(True)}
    optimizer = torch.optim.Adam(model.parameters(), 0.03)
    for _ in range(150):
        optimizer.zero_grad()
        result = model.loss(batch)
        (result["loss"] / result["points"]).backward()
        optimizer.step()
    return model.eval()
