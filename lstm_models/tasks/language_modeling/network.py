"""The network: token vectors, LSTM layers, and the same vectors again for the probabilities of the next token.

AWD-LSTM (Merity et al. 2018): tied weights, weight drop, variational and embedding dropout, AR and TAR. Texts stand one
after the other in a stream, each ended by END, which begins the next; a batch is the next stretch of many streams, and
the state goes on from batch to batch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lstm_models.nn.dropout import Dropout, draw_mask
from lstm_models.nn.lstm import LSTM, LSTMState
from lstm_models.nn.regularization import activation_penalty, embedding_mask, slowness_penalty
from lstm_models.tasks.language_modeling.config import LanguageModelConfig
from lstm_models.tasks.language_modeling.features import vocabulary_of
from lstm_models.text.word_pieces import END

__all__ = ["LanguageNetwork", "collate"]


class LanguageNetwork(nn.Module):
    """Probabilities of the next token; see the module and ``LanguageModelConfig``."""

    Config = LanguageModelConfig

    def __init__(self, config: LanguageModelConfig) -> None:
        super().__init__()
        self.config = config
        self.vocabulary = vocabulary_of(config)
        self.embedding = nn.Embedding(len(self.vocabulary), config.embedding_size)
        nn.init.uniform_(self.embedding.weight, -0.1, 0.1)
        dropout = Dropout(input=config.input_dropout, hidden=config.hidden_dropout, weight=config.weight_dropout)
        self.lstm = LSTM(config.embedding_size, config.hidden_size, config.layers, dropout=dropout)
        same = config.hidden_size == config.embedding_size
        self.bridge = nn.Identity() if same else nn.Linear(config.hidden_size, config.embedding_size, bias=False)
        self.bias = nn.Parameter(torch.zeros(len(self.vocabulary)))
        self._state: LSTMState | None = None  # where the stream of the last batch stopped

    def outputs(self, tokens: Tensor, state: LSTMState | None = None) -> tuple[Tensor, LSTMState]:
        """What each token [batch, time] is read as, in its context [batch, time, embedding]; and the state."""
        vectors = self.embedding(tokens)
        if self.training:
            mask = embedding_mask(tokens, len(self.vocabulary), self.config.embedding_dropout, like=vectors)
            vectors = vectors if mask is None else vectors * mask
        hidden, state = self.lstm(vectors, state)
        return self.bridge(hidden), state

    def forward(self, tokens: Tensor, state: LSTMState | None = None) -> tuple[Tensor, LSTMState]:
        """Log probabilities [batch, time, vocabulary] of the token after each of ``tokens`` [batch, time]; state."""
        outputs, state = self.outputs(tokens, state)
        return F.linear(outputs, self.embedding.weight, self.bias).float().log_softmax(-1), state

    def step(self, tokens: Tensor, state: LSTMState) -> tuple[Tensor, LSTMState]:
        """Log probabilities [batch, vocabulary] of the token after ``tokens`` [batch]; the state. For searches."""
        hidden, state = self.lstm.step(self.embedding(tokens), state)
        return F.linear(self.bridge(hidden), self.embedding.weight, self.bias).float().log_softmax(-1), state

    def loss(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Negative log-likelihood in nats, summed over ``points`` tokens; while training with the penalties.

        Args:
            batch: ``tokens`` [streams, time + 1], and ``first``: whether the streams begin here.

        Returns:
            ``loss``, ``points`` and ``lines`` (texts that end).
        """
        tokens = batch["tokens"]
        outputs, self._state = self.outputs(tokens[:, :-1], self._carried(tokens, bool(batch["first"])))
        self._state = self._state.detach()
        mask = (
            draw_mask(self.config.output_dropout, len(tokens), outputs.size(-1), like=outputs)
            if self.training
            else None
        )
        dropped = outputs if mask is None else outputs * mask[:, None]
        logits = F.linear(dropped, self.embedding.weight, self.bias)
        targets = tokens[:, 1:]
        loss = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="sum")
        points = torch.tensor(float(targets.numel()), device=tokens.device)
        if self.training:
            loss = loss + points * self.config.activation_penalty * activation_penalty(dropped)
            loss = loss + points * self.config.slowness_penalty * slowness_penalty(outputs)
        return {"loss": loss, "points": points, "lines": (targets == END).sum().float().clamp(min=1)}

    def _carried(self, tokens: Tensor, first: bool) -> LSTMState | None:
        """The state of the streams; zeros where a text begins, so that this is trained, too."""
        state = self._state
        if first or state is None or state.h.size(1) != len(tokens):
            return None
        going = (tokens[:, 0] != END).to(state.h)[:, None]
        return LSTMState(state.h * going, state.c * going)


def collate(items: Sequence[Mapping[str, Any]]) -> dict[str, Tensor]:
    """The batch that ``loss`` takes; an item is a batch already."""
    (item,) = items
    return {"tokens": item["tokens"], "first": torch.tensor(item["first"])}
