"""Sizes of a translator, its word pieces and its languages."""

from __future__ import annotations

import math
from dataclasses import dataclass

from lstm_models.field_checks import check_at_least, check_fractions

__all__ = ["TranslatorConfig"]


@dataclass(frozen=True)
class TranslatorConfig:
    """Sizes of a translator, and the word pieces that both of its languages share.

    Attributes:
        pieces: the word pieces (``lstm_models.text.word_pieces``), as one string.
        source: the language it reads, a code of ISO 639-1 such as en.
        target: the language it writes.
        embedding_size: features of a piece, the same ones in source, target and output.
        encoder_size: units of each encoder layer, in each direction.
        encoder_layers: LSTM layers of the encoder.
        decoder_size: units of either LSTM of the decoder.
        dropout: fraction of features dropped while training.
        smoothing: fraction of the probability that label smoothing spreads over all pieces.
        temperature: of the words' confidences: sigmoid(logit(p) / temperature + calibration_bias).
        calibration_bias: see temperature; both are fitted on held-out sentences.
    """

    pieces: str = ""
    source: str = "en"
    target: str = "de"
    embedding_size: int = 256
    encoder_size: int = 256
    encoder_layers: int = 1
    decoder_size: int = 384
    dropout: float = 0.2
    smoothing: float = 0.1
    temperature: float = 1.0
    calibration_bias: float = 0.0

    def __post_init__(self) -> None:
        check_at_least(self, 1, "embedding_size", "encoder_size", "encoder_layers", "decoder_size")
        check_fractions(self, "dropout", "smoothing")
        if not 0 < self.temperature < math.inf or not math.isfinite(self.calibration_bias):
            raise ValueError("model: temperature must be above 0, and it and calibration_bias finite")
        for name in ("source", "target"):
            code = getattr(self, name)
            if not (code.isalpha() and code.islower() and 2 <= len(code) <= 3):
                raise ValueError(f"model: {name} is a language's code such as en, not {code!r}")
