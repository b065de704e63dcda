"""Sizes of a question answerer, its words, and how its probabilities are calibrated."""

from __future__ import annotations

import math
from dataclasses import dataclass

from lstm_models.field_checks import check_at_least, check_fractions

__all__ = ["QuestionAnswererConfig"]


@dataclass(frozen=True)
class QuestionAnswererConfig:
    """Sizes of the network, its words and its calibration.

    Attributes:
        vocabulary: words in lower case that have vectors, set apart by blanks, the most frequent first.
        embedding_size: features of a word.
        tuned_words: how many of the first words have vectors that are trained; the others stay as they were given.
        ending_size: features of a word's ending.
        ending_buckets: hash buckets of endings.
        encoder_size: units of each layer, in each direction, that reads the passage or the question by itself.
        encoder_layers: such layers.
        attention_size: features that are compared when the passage is aligned with the question.
        modeling_size: units of each layer, in each direction, that reads the passage with the question.
        self_attention: a second such layer, over what the first one read and where else in the passage that is said.
        dropout: fraction of features dropped while training, between layers (variational).
        embedding_dropout: the same of word features.
        longest_answer: tokens of an answer, at most.
        character_filters: filters of the convolution over a word's characters; 0 for none.
        presence_temperature: of the probability that a text has the answer: sigmoid(logit(p) / temperature + bias).
        presence_bias: see presence_temperature.
        temperature: of the probability that an answer is right, likewise, with p that of the answer where the text has
            one, times the calibrated probability that it has.
        calibration_bias: see temperature; all four are fitted on held-out questions.
        threshold: a calibrated probability that a text has the answer, below which none is given.
    """

    vocabulary: str = ""
    embedding_size: int = 100
    tuned_words: int = 1000
    ending_size: int = 24
    ending_buckets: int = 2048
    encoder_size: int = 128
    encoder_layers: int = 2
    attention_size: int = 128
    modeling_size: int = 96
    self_attention: bool = True
    dropout: float = 0.2
    embedding_dropout: float = 0.2
    longest_answer: int = 20
    character_filters: int = 0
    presence_temperature: float = 1.0
    presence_bias: float = 0.0
    temperature: float = 1.0
    calibration_bias: float = 0.0
    threshold: float = 0.5

    def __post_init__(self) -> None:
        sizes = ("embedding_size", "ending_size", "ending_buckets", "encoder_size", "encoder_layers")
        check_at_least(self, 1, *sizes, "attention_size", "modeling_size", "longest_answer")
        check_at_least(self, 0, "tuned_words", "character_filters")
        check_fractions(self, "dropout", "embedding_dropout")
        if not 0 <= self.threshold <= 1:
            raise ValueError(f"model: threshold must be from 0 to 1, not {self.threshold}")
        if not (0 < self.temperature < math.inf and 0 < self.presence_temperature < math.inf):
            raise ValueError("model: temperature and presence_temperature must be above 0 and finite")
        if not (math.isfinite(self.calibration_bias) and math.isfinite(self.presence_bias)):
            raise ValueError("model: calibration_bias and presence_bias must be finite")
