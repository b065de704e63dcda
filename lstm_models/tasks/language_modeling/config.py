"""Sizes of a language model, and how it is regularised."""

from __future__ import annotations

from dataclasses import dataclass

from lstm_models.field_checks import check_at_least, check_fractions

__all__ = ["LanguageModelConfig"]

_SHARES = ("input_dropout", "hidden_dropout", "output_dropout", "embedding_dropout", "weight_dropout")


@dataclass(frozen=True)
class LanguageModelConfig:
    """Sizes of a language model, its vocabulary, and the regularisation of AWD-LSTM (Merity et al. 2018).

    Attributes:
        merges: of its word pieces (``lstm_models.text.word_pieces``); only the bytes if empty.
        words: of a model of words: its words, a line each, in place of word pieces.
        embedding_size: features of a token; the same weights read tokens and predict them.
        hidden_size: units of each LSTM layer.
        layers: LSTM layers.
        input_dropout: fraction of features of the tokens dropped while training, the same ones along a sequence.
        hidden_dropout: the same between layers.
        output_dropout: the same after the last layer.
        embedding_dropout: fraction of the vocabulary that is left out of a batch.
        weight_dropout: fraction of the recurrent weights left out of a batch.
        activation_penalty: weight of the squares of the outputs (AR, after dropout).
        slowness_penalty: weight of the squares of the outputs' changes from token to token (TAR, before dropout).
    """

    merges: str = ""
    words: str = ""
    embedding_size: int = 256
    hidden_size: int = 512
    layers: int = 2
    input_dropout: float = 0.0
    hidden_dropout: float = 0.0
    output_dropout: float = 0.0
    embedding_dropout: float = 0.0
    weight_dropout: float = 0.0
    activation_penalty: float = 0.0
    slowness_penalty: float = 0.0

    def __post_init__(self) -> None:
        check_at_least(self, 1, "embedding_size", "hidden_size", "layers")
        check_fractions(self, *_SHARES)
        check_at_least(self, 0, "activation_penalty", "slowness_penalty")
        if self.merges and self.words:
            raise ValueError("model: merges (of word pieces) and words are two vocabularies; give one of them")
