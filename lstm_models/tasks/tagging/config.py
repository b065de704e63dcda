"""Sizes of a tagger."""

from __future__ import annotations

from dataclasses import dataclass

from lstm_models.field_checks import check_at_least, check_fractions

__all__ = ["TaggerConfig"]


@dataclass(frozen=True)
class TaggerConfig:
    """Sizes of a tagger, and the words and characters it knows.

    Attributes:
        vocabulary: normalized words it has vectors for, set apart by blanks (``lstm_models.text.word_vocabulary``).
        characters: characters it tells apart in the spelling of words.
        embedding_size: features of a word.
        character_size: features of a character.
        spelling_size: units of the LSTM over the characters of a word, in each direction.
        hidden_size: units of each LSTM layer over the words, in each direction.
        layers: LSTM layers over the words.
        classes: labels that a whole text has one of, such as "negative positive", set apart by blanks; "" for none.
        labels: what its training data had of "pos" and "names"; it says nothing of the others.
        dropout: fraction of features dropped while training, before, between and after the layers (variational).
        word_dropout: fraction of words that are unknown while training, so that spelling and neighbours must do.
    """

    vocabulary: str = ""
    characters: str = ""
    embedding_size: int = 100
    character_size: int = 32
    spelling_size: int = 64
    hidden_size: int = 200
    layers: int = 2
    classes: str = ""
    labels: str = "pos names"
    dropout: float = 0.33
    word_dropout: float = 0.1

    def __post_init__(self) -> None:
        check_at_least(self, 1, "embedding_size", "character_size", "spelling_size", "hidden_size", "layers")
        check_fractions(self, "dropout", "word_dropout")
        if len(self.classes.split()) == 1 or len(set(self.classes.split())) < len(self.classes.split()):
            raise ValueError(f"model: classes must be two or more different words, not {self.classes!r}")
        if not set(self.labels.split()) <= {"pos", "names"}:
            raise ValueError(f"model: labels must be some of pos and names, not {self.labels!r}")
        if len(set(self.characters)) < len(self.characters):
            raise ValueError("model: characters has something twice")
