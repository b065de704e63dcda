"""Sizes of a punctuator."""

from __future__ import annotations

from dataclasses import dataclass

from lstm_models.field_checks import check_at_least, check_fractions

__all__ = ["PunctuatorConfig"]


@dataclass(frozen=True)
class PunctuatorConfig:
    """Sizes of a punctuator, its words, and how it decides.

    Attributes:
        vocabulary: normalized words it has vectors for, set apart by blanks (``lstm_models.text.word_vocabulary``).
        mixed_case: words written in mixed case, such as iPhone, as they are written, set apart by blanks.
        embedding_size: features of a word.
        ending_size: features of a word's ending; 0 for none.
        ending_buckets: hash buckets of endings.
        hidden_size: units of each LSTM layer, in each direction.
        layers: LSTM layers.
        lookahead: words that are read beyond the one being decided, by an LSTM in one direction that can run while
            words arrive; None for both directions and the whole text.
        dropout: fraction of features dropped while training, between layers and before the heads (variational).
        embedding_dropout: the same of word features.
        offsets: added to the log probabilities of commas, full stops and question marks before the likeliest is taken,
            so that the F1 score is highest and not the number of right decisions.
    """

    vocabulary: str = ""
    mixed_case: str = ""
    embedding_size: int = 100
    ending_size: int = 32
    ending_buckets: int = 2048
    hidden_size: int = 256
    layers: int = 2
    lookahead: int | None = None
    dropout: float = 0.2
    embedding_dropout: float = 0.2
    offsets: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def __post_init__(self) -> None:
        check_at_least(self, 1, "embedding_size", "ending_buckets", "hidden_size", "layers")
        check_at_least(self, 0, "ending_size")
        if self.lookahead is not None and not 0 <= self.lookahead <= 50:
            raise ValueError(f"model: lookahead must be from 0 to 50 words, not {self.lookahead}")
        check_fractions(self, "dropout", "embedding_dropout")
