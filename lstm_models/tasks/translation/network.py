"""The network of a translator: a bidirectional LSTM reads the source, two LSTMs write the target with attention.

- Attention lies between the two LSTMs of the decoder, as in Wu et al. 2016 (arXiv:1609.08144, section 3): the lower
  one's output asks, the upper one goes on with what was seen. The upper one's state remembers what was seen before,
  which is what input feeding is for (Luong et al. 2015, arXiv:1508.04025, section 3.3), but nothing that was seen goes
  back into the lower one: so training runs over all pieces of a target at once and not one by one.
- Scores are Luong's "general" q · W m, over the square root of the size.
- Source, target and output share the vectors of pieces (Press and Wolf 2017, arXiv:1608.05859).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from lstm_models.nn.dropout import drop_features
from lstm_models.nn.lstm import LSTM, LSTMState
from lstm_models.nn.output_loss import output_loss
from lstm_models.nn.prepacked_linear import PrepackedLinear, step_product
from lstm_models.tasks.translation.config import TranslatorConfig
from lstm_models.tasks.translation.features import END, PADDING, piece_vocabulary

__all__ = ["Decoding", "Source", "TranslationNetwork", "collate"]


class Source(NamedTuple):
    """What was read: ``values`` [batch, pieces, 2 × encoder], their ``keys`` [batch, pieces, decoder], which of them
    are ``real`` [batch, pieces], and the features ``summary`` [batch, 2 × encoder] that the decoder starts from."""

    values: Tensor
    keys: Tensor
    real: Tensor
    summary: Tensor

    def select(self, index: Tensor) -> Source:
        """The sentences ``index`` [new batch]."""
        return Source(*(tensor.index_select(0, index) for tensor in self))


class Decoding(NamedTuple):
    """The states of the decoder's two LSTMs, over rows."""

    lower: LSTMState
    upper: LSTMState

    def select(self, index: Tensor) -> Decoding:
        """The states of the rows ``index`` [new rows]."""
        return Decoding(self.lower.select(index), self.upper.select(index))


class TranslationNetwork(nn.Module):
    """Probabilities of the next piece of a translation; see the module and ``TranslatorConfig``."""

    Config = TranslatorConfig

    def __init__(self, config: TranslatorConfig) -> None:
        super().__init__()
        self.config = config
        self.vocabulary = piece_vocabulary(config.pieces)
        size, both = config.embedding_size, 2 * config.encoder_size
        self.pieces = nn.Embedding(len(self.vocabulary), size)
        nn.init.normal_(self.pieces.weight, std=size**-0.5)
        self.encoder = LSTM(
            size, config.encoder_size, config.encoder_layers, bidirectional=True, dropout=config.dropout
        )
        self.start = nn.Linear(both, 4 * config.decoder_size)
        self.lower = LSTM(size, config.decoder_size)
        self.key = nn.Linear(both, config.decoder_size, bias=False)
        self.upper = LSTM(config.decoder_size + both, config.decoder_size)
        self.output = PrepackedLinear(config.decoder_size + both, size)
        self.bias = nn.Parameter(torch.zeros(len(self.vocabulary)))

    def embed(self, pieces: Tensor) -> Tensor:
        """Features [batch, pieces, embedding] of numbers of pieces [batch, pieces]; one dropout mask a sentence."""
        # Vectors of length about 1 suit the output that shares them; the LSTM wants features of about 1
        made = self.pieces(pieces) * self.config.embedding_size**0.5
        return self._drop(made)

    def _drop(self, x: Tensor) -> Tensor:
        return drop_features(x, self.config.dropout, self.training)

    def encode(self, source: Tensor, lengths: Tensor) -> Source:
        """What is read of sources [batch, pieces] of so many pieces [batch]."""
        values, state = self.encoder(self.embed(source), lengths=lengths)
        real = torch.arange(source.size(1), device=source.device) < lengths[:, None].to(source.device)
        summary = torch.cat([state.h[-2], state.h[-1]], 1)
        values = self._drop(values)
        return Source(values, self.key(values), real, summary)

    def initial(self, source: Source) -> Decoding:
        """The decoder's states before the first piece: a layer of what the encoder ended with."""
        like = self.pieces.weight.dtype
        parts = self.start(source.summary).tanh().to(like).chunk(4, 1)
        lower_h, lower_c, upper_h, upper_c = (part[None].contiguous() for part in parts)
        return Decoding(LSTMState(lower_h, lower_c), LSTMState(upper_h, upper_c))

    def attend(self, query: Tensor, source: Source) -> tuple[Tensor, Tensor]:
        """What is seen [batch, steps, 2 × encoder] by queries [batch, steps, decoder], and where [batch, steps, pieces]
        they look: weights that sum to 1, float32."""
        scores = query.to(source.keys.dtype) @ source.keys.transpose(1, 2) / math.sqrt(query.size(-1))
        weights = scores.float().masked_fill(~source.real[:, None], -math.inf).softmax(-1)
        return weights.to(source.values.dtype) @ source.values, weights

    def forward(self, source: Tensor, source_lengths: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Reads sources and goes along given targets.

        Args:
            source: numbers of pieces [batch, pieces], with their end.
            source_lengths: how many of them are real [batch].
            target: numbers of pieces [batch, steps], with their end.

        Returns:
            Log probabilities [batch, steps, vocabulary] of each piece of the target, given those before it, and where
            the attention was for it [batch, steps, source pieces].
        """
        features, weights = self._features(source, source_lengths, target)
        return self._logits(features).float().log_softmax(-1), weights

    def _features(self, source: Tensor, source_lengths: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """The features [batch, steps, embedding] that give the probabilities, and the attention."""
        read = self.encode(source, source_lengths)
        state = self.initial(read)
        before = torch.cat([target.new_full((len(target), 1), END), target[:, :-1]], 1)
        # No lengths: what stands in padding comes after all that counts, and a rectangle is faster
        low, _ = self.lower(self.embed(before), state.lower)
        seen, weights = self.attend(low, read)
        high, _ = self.upper(self._drop(torch.cat([low, seen.to(low.dtype)], -1)), state.upper)
        features = torch.cat([high, seen.to(high.dtype)], -1)
        return self._drop(self.output(self._drop(features)).tanh()), weights

    def _logits(self, features: Tensor) -> Tensor:
        return step_product(features, self.pieces.weight, self.bias)

    def step(self, pieces: Tensor, state: Decoding, source: Source) -> tuple[Tensor, Tensor, Decoding]:
        """One piece of each row.

        Args:
            pieces: numbers of the pieces before [rows].
            state: of the decoder, over the rows.
            source: as many sentences, or one for equal shares of the rows, one after another.

        Returns:
            Log probabilities of the next piece [rows, vocabulary], where the attention was [rows, source pieces], and
            the state after it.
        """
        embedded = self.pieces(pieces) * self.config.embedding_size**0.5
        low, lower = self.lower.step(embedded, state.lower)
        seen, weights = self.attend(low.unflatten(0, (len(source.keys), -1)), source)
        seen = seen.flatten(0, 1)
        high, upper = self.upper.step(torch.cat([low, seen], 1), state.upper)
        features = self.output(torch.cat([high, seen], 1)).tanh()
        return self._logits(features).float().log_softmax(-1), weights.flatten(0, 1), Decoding(lower, upper)

    def loss(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Cross-entropy of the target's pieces in nats, summed over the batch; smoothed labels while training.

        Args:
            batch: what ``forward`` takes, by name, and ``target_lengths``, how many pieces of a target are real.

        Returns:
            ``loss``, and the counts ``points`` (pieces, ends counted) and ``lines`` (sentences); while evaluating also
            ``right``, the pieces that were the likeliest.
        """
        target, lengths = batch["target"], batch["target_lengths"]
        features, _ = self._features(batch["source"], batch["source_lengths"], target)
        real = torch.arange(target.size(1), device=target.device) < lengths[:, None].to(target.device)
        features, wanted = features[real], target[real]
        result = {"points": real.sum(), "lines": torch.tensor(len(target))}
        if self.training:
            result["loss"] = output_loss(features, self.pieces.weight, self.bias, wanted, self.config.smoothing)
        else:
            logits = self._logits(features).float()
            result["loss"] = nn.functional.cross_entropy(logits, wanted, reduction="sum")
            result["right"] = (logits.argmax(-1) == wanted).sum()
        return result


def collate(items: Sequence[Mapping[str, Sequence[int]]]) -> dict[str, Tensor]:
    """What ``loss`` takes, of items with ``source`` and ``target``, numbers of pieces with their ends."""
    batch = {}
    for name in ("source", "target"):
        rows = [torch.tensor(item[name], dtype=torch.long) for item in items]
        batch[name] = nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=PADDING)
        batch[f"{name}_lengths"] = torch.tensor([len(row) for row in rows])
    return batch
