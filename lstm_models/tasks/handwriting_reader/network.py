"""The network of a handwriting reader: from the features of points to the log probabilities of characters.

Convolutions make a step of a few points for bidirectional LSTM layers; the head gives an output a step, trained by
connectionist temporal classification (CTC: Graves et al. 2006; on this data Graves et al. 2009, "A novel connectionist
system for unconstrained handwriting recognition"). Nothing but the path of the pen is used, so that drawings without
times are read as well as recorded ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from lstm_models.nn.ctc_loss import ctc_batch, ctc_sums
from lstm_models.nn.residual_lstm import ResidualLSTM
from lstm_models.tasks.handwriting_reader.config import HandwritingReaderConfig

__all__ = ["HandwritingReaderNetwork"]

_NEAR = 5  # points that the first convolution sees


class HandwritingReaderNetwork(nn.Module):
    """The network of a reader; see the module and ``HandwritingReaderConfig``."""

    Config = HandwritingReaderConfig

    def __init__(self, config: HandwritingReaderConfig) -> None:
        super().__init__()
        self.config = config
        stride = config.stride
        self.points = nn.Conv1d(config.features.size, config.channels, _NEAR, padding=_NEAR // 2)
        # ⌈points / stride⌉ steps, each seeing its own points and those of half of its neighbours
        self.steps = nn.Conv1d(config.channels, config.hidden_size, 2 * stride - 1, stride, padding=stride - 1)
        self.layers = nn.ModuleList(
            ResidualLSTM(config.hidden_size, bidirectional=True, dropout=config.dropout) for _ in range(config.layers)
        )
        self.norm = nn.LayerNorm(config.hidden_size)
        self.labels = len(config.alphabet) + 1
        self.head = nn.Linear(config.hidden_size, self.labels)
        self.label_numbers = {character: number for number, character in enumerate(config.alphabet, 1)}

    def encode(self, text: str) -> Tensor:
        """Labels [characters] of a text. Raises KeyError for a character that is not in the alphabet."""
        return torch.tensor([self.label_numbers[character] for character in text], dtype=torch.long)

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Log probabilities of the labels.

        Args:
            x: features of points [batch, points, features].
            lengths: how many points are real [batch]; all if None.

        Returns:
            Log probabilities [batch, outputs, labels], and how many outputs are real [batch].
        """
        lengths = torch.full((x.size(0),), x.size(1)) if lengths is None else lengths.cpu()
        steps = -(-lengths // self.config.stride)
        x = nn.functional.pad(x, (0, 0, 0, -x.size(1) % self.config.stride))
        # What is not there is 0 to every convolution, as beyond the ends
        real = (torch.arange(x.size(1)) < lengths[:, None]).to(x.device)[:, None]
        hidden = nn.functional.silu(self.points(x.transpose(1, 2) * real)) * real
        hidden = self.steps(hidden).transpose(1, 2)
        for layer in self.layers:
            hidden = layer(hidden, steps)
        return self.head(self.norm(hidden)).float().log_softmax(-1), steps

    def loss(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """CTC loss in nats, summed over the batch, with what it is a sum over.

        Args:
            batch: ``features`` [batch, points, features], ``lengths`` [batch], ``text`` [batch, characters] labels,
                ``text_lengths`` [batch].

        Returns:
            ``loss`` (lines too short for their text count 0), ``edits`` (while evaluating: characters by which the best
            path differs), and the counts ``points`` (characters) and ``lines``.
        """
        log_probs, lengths = self(batch["features"], batch["lengths"])
        return ctc_sums(log_probs, lengths, batch, edits=not self.training)

    @torch.no_grad()
    def log_probs(self, lines: Sequence[Sequence[np.ndarray]]) -> list[np.ndarray]:
        """Log probabilities [outputs, labels] float32 of each line of strokes ``[points, 2]``, run as one batch.

        Raises:
            ValueError: as ``InkFeatures.normalize``.
        """
        features = [torch.from_numpy(self.config.features.encode(strokes)) for strokes in lines]
        if not features:
            return []
        batch = nn.utils.rnn.pad_sequence(features, batch_first=True).to(self.head.weight.device)
        found, counts = self(batch, torch.tensor([len(one) for one in features]))
        return [one[:count].cpu().numpy() for one, count in zip(found, counts.tolist(), strict=True)]

    @staticmethod
    def collate(items: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
        """What `loss` takes, of lines with ``features`` [points, features] and ``text`` [characters] each."""
        return ctc_batch(items)
