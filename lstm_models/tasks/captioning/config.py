"""Sizes of a captioner, and what it knows of words and pictures."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from lstm_models.field_checks import check_at_least, check_fractions
from lstm_models.nn.attention_decoder import DECODERS
from lstm_models.nn.image_encoder import ImageConfig

if TYPE_CHECKING:
    pass

__all__ = ["CaptionerConfig"]


@dataclass(frozen=True)
class CaptionerConfig:
    """Sizes of a captioner and what it knows of words and pictures.

    Attributes:
        vocabulary: the words it can say, without the end and the unknown word.
        image: the image encoder.
        decoder: "top_down" (two LSTMs) or "single" (Show, Attend and Tell).
        word_size: features of a word, shared between input and output.
        hidden_size: cells of every LSTM, and features of a place of the grid after its projection.
        attention_size: features within the attention.
        dropout: share of the features of the grid, of words and of the decoder's output dropped while training, the
            same ones in every step of a caption.
        weight_dropout: DropConnect on the recurrent weights.
        smoothing: share of the probability that label smoothing spreads over all words.
        coverage: weight of the doubly stochastic attention penalty (Xu et al. 2015, equation 14).
        sampling: share of words that scheduled sampling takes from the model itself (Bengio et al. 2015).
        temperature: of the words' confidences: sigmoid(logit(p) / temperature + calibration_bias).
        calibration_bias: see temperature; both are fitted on held-out photos.
        familiar: directions that the training photos' features lie around (``familiarity.encode``); "" for unknown.
        familiar_within: distance to them from which a photo counts as unlike the training photos.
        distance_weight: what confidences lose, in their logit, for each unit of distance beyond ``familiar_within``
            less 0.05.
    """

    vocabulary: tuple[str, ...] = ()
    image: ImageConfig = field(default_factory=ImageConfig)
    decoder: Literal["top_down", "single"] = "top_down"
    word_size: int = 320
    hidden_size: int = 384
    attention_size: int = 256
    dropout: float = 0.3
    weight_dropout: float = 0.0
    smoothing: float = 0.1
    coverage: float = 0.1
    sampling: float = 0.0
    temperature: float = 1.0
    calibration_bias: float = 0.0
    familiar: str = ""
    familiar_within: float = 2.0
    distance_weight: float = 0.0

    def __post_init__(self) -> None:
        check_at_least(self, 1, "word_size", "hidden_size", "attention_size")
        check_fractions(self, "dropout", "weight_dropout", "smoothing", "sampling")
        if self.coverage < 0 or not 0 < self.temperature < math.inf or not math.isfinite(self.calibration_bias):
            raise ValueError("model: coverage must be 0 or more, temperature above 0, calibration_bias finite")
        if not 0 <= self.distance_weight < math.inf or not 0 < self.familiar_within < math.inf:
            raise ValueError("model: distance_weight must be 0 or more, familiar_within above 0, both finite")
        if self.decoder not in DECODERS:
            raise ValueError(f"model: decoder must be one of {', '.join(DECODERS)}, not {self.decoder}")
        if len(set(self.vocabulary)) < len(self.vocabulary):
            raise ValueError("model: vocabulary has a word twice")
