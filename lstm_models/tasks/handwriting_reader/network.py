"""Reading handwriting: ``HandwritingReader`` turns pen strokes into text, the writer's counterpart.

Convolutions make a step of a few points for bidirectional LSTM layers; the head gives an output a step, trained by
connectionist temporal classification (CTC: Graves et al. 2006; on this data Graves et al. 2009, "A novel connectionist
system for unconstrained handwriting recognition"). Nothing but the path of the pen is used, so that drawings without
times are read as well as recorded ones.

    reader = lstm_models.load("reader")
    print(reader.read("note.svg").text)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from lstm_models.nn.ctc_loss import ctc_sums
from lstm_models.nn.dropout import Dropout
from lstm_models.nn.lstm import LSTM
from lstm_models.tasks.handwriting_reader.features import InkFeatures

if TYPE_CHECKING:
    from lstm_models.tasks.handwriting_reader.results import Reading

__all__ = ["HandwritingReader", "HandwritingReaderConfig", "batch_ink"]

_NEAR = 5  # points that the first convolution sees


@dataclass(frozen=True)
class HandwritingReaderConfig:
    """Sizes of a reader, and how it is used.

    Attributes:
        alphabet: the characters it can read; a space separates words.
        hidden_size: features of every layer, of both directions together.
        layers: LSTM layers.
        channels: of the convolution over points.
        stride: points of a step of the LSTM layers, which is an output.
        dropout: share of a layer's input features dropped while training, the same for all steps (variational).
        features: how strokes become the features of points.
        language_model: name or folder of the n-gram language model it is used with; empty for none.
        beam: hypotheses of the prefix beam search; 0 for the best path alone.
        lm_weight: weight of the language model's log probability.
        word_bonus: added for each word, in nats.
    """

    alphabet: str = ""
    hidden_size: int = 256
    layers: int = 3
    channels: int = 64
    stride: int = 3
    dropout: float = 0.1
    features: InkFeatures = field(default_factory=InkFeatures)
    language_model: str = ""
    beam: int = 32
    lm_weight: float = 0.5
    word_bonus: float = 0.5

    def __post_init__(self) -> None:
        for name in ("hidden_size", "layers", "channels", "stride"):
            if getattr(self, name) < 1:
                raise ValueError(f"model: {name} must be at least 1, not {getattr(self, name)}")
        if self.hidden_size % 2:
            raise ValueError(f"model: hidden_size must be even for two directions, not {self.hidden_size}")
        if self.beam < 0:
            raise ValueError(f"model: beam must be 0 or more, not {self.beam}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"model: dropout must be from 0 to below 1, not {self.dropout}")
        if len(set(self.alphabet)) < len(self.alphabet):
            raise ValueError("model: alphabet has something twice")


class _Layer(nn.Module):
    """x + LSTM(norm(x)), in both directions."""

    def __init__(self, config: HandwritingReaderConfig) -> None:
        super().__init__()
        size = config.hidden_size
        self.norm = nn.LayerNorm(size)
        self.lstm = LSTM(size, size // 2, bidirectional=True, dropout=Dropout(input=config.dropout))

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        y, _ = self.lstm(self.norm(x), lengths=lengths)
        return x + y.to(x.dtype)


class HandwritingReader(nn.Module):
    """Reads a line of handwriting; see the module and ``HandwritingReaderConfig``."""

    Config = HandwritingReaderConfig

    def __init__(self, config: HandwritingReaderConfig) -> None:
        super().__init__()
        self.config = config
        stride = config.stride
        self.points = nn.Conv1d(config.features.size, config.channels, _NEAR, padding=_NEAR // 2)
        # ⌈points / stride⌉ steps, each seeing its own points and those of half of its neighbours
        self.steps = nn.Conv1d(config.channels, config.hidden_size, 2 * stride - 1, stride, padding=stride - 1)
        self.layers = nn.ModuleList(_Layer(config) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.hidden_size)
        self.labels = len(config.alphabet) + 1
        self.head = nn.Linear(config.hidden_size, self.labels)
        self._number = {character: number for number, character in enumerate(config.alphabet, 1)}

    def encode(self, text: str) -> Tensor:
        """Labels [characters] of a text. Raises KeyError for a character that is not in the alphabet."""
        return torch.tensor([self._number[character] for character in text], dtype=torch.long)

    # The network ---------------------------------------------------------------------------------------------------

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Log probabilities of the labels.

        Args:
            x: features of points [batch, points, features].
            lengths: how many points are real [batch]; all where missing.

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

    # Use -----------------------------------------------------------------------------------------------------------

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

    def read(self, source: Any, **options: Any) -> Reading:
        """The text of a drawing, of strokes, or of a file of them; see :func:`.decoding.read`."""
        from lstm_models.tasks.handwriting_reader import decoding as reading_search

        return reading_search.read(self, source, **options)


def batch_ink(items: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """What ``loss`` takes, of lines with ``features`` [points, features] and ``text`` [characters] each."""
    pad = nn.utils.rnn.pad_sequence
    return {
        "features": pad([item["features"] for item in items], batch_first=True),
        "lengths": torch.tensor([len(item["features"]) for item in items]),
        "text": pad([item["text"] for item in items], batch_first=True),
        "text_lengths": torch.tensor([len(item["text"]) for item in items]),
    }
