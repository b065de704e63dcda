"""The sizes of a handwriting reader, and how it searches."""

from __future__ import annotations

from dataclasses import dataclass, field

from lstm_models.field_checks import check_at_least, check_fractions
from lstm_models.tasks.handwriting_reader.features import InkFeatures

__all__ = ["HandwritingReaderConfig"]


@dataclass(frozen=True)
class HandwritingReaderConfig:
    """Sizes of a reader, and how it is used.

    Attributes:
        alphabet: the characters it can read; a space separates words.
        hidden_size: features of every layer, of both directions together.
        layers: LSTM layers.
        channels: of the convolution over points.
        stride: points of a step of the LSTM layers, which is an output.
        dropout: fraction of a layer's input features dropped while training, the same for all steps (variational).
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
        check_at_least(self, 1, "hidden_size", "layers", "channels", "stride")
        if self.hidden_size % 2:
            raise ValueError(f"model: hidden_size must be even for two directions, not {self.hidden_size}")
        check_at_least(self, 0, "beam")
        check_fractions(self, "dropout")
        if len(set(self.alphabet)) < len(self.alphabet):
            raise ValueError("model: alphabet has something twice")
