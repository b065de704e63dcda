"""Sizes of a video captioner, and the captioner it stands on."""

from __future__ import annotations

from dataclasses import dataclass

from lstm_models.field_checks import check_at_least, check_fractions

__all__ = ["STYLES", "VideoCaptionerConfig"]

STYLES = ("film", "photo")
"""How sentences are put: in few words about what happens, as people describe clips; or as captions of photos."""


@dataclass(frozen=True)
class VideoCaptionerConfig:
    """Sizes of a video captioner.

    Attributes:
        captioner: the captioner whose image network, decoder and words it uses: a bundled name or a folder. What is
            learned is stored as differences from it, so the captioner itself has to stay the same one.
        base_words: words of the captioner, its two special ones included; the others here are checked against it too.
        place_size: features of a place of a frame's grid.
        word_size: features of a word.
        decoder_size: cells of the decoder's LSTMs.
        attention_size: features within the attention.
        new_words: words that the captioner does not have.
        hidden_size: cells of the LSTM over the frames, in each direction.
        rank: of the differences of the decoder's matrices (Hu et al. 2021, arXiv:2106.09685).
        frames: of a scene that are looked at, at most.
        dropout: fraction of the features of places, words and the decoder's output dropped while training.
        film_strength: how much of what was learned counts in the style "film", from 0 (the captioner) to 1.
        photo_strength: likewise in the style "photo" (WiSE-FT, Wortsman et al. 2022, arXiv:2109.01903).
        smoothing: fraction of the probability that label smoothing spreads over all words.
    """

    captioner: str = "captioner"
    base_words: int = 0
    place_size: int = 0
    word_size: int = 0
    decoder_size: int = 0
    attention_size: int = 0
    new_words: tuple[str, ...] = ()
    hidden_size: int = 128
    rank: int = 32
    frames: int = 6
    dropout: float = 0.1
    smoothing: float = 0.1
    film_strength: float = 1.0
    photo_strength: float = 1.0

    def __post_init__(self) -> None:
        check_at_least(self, 1, "hidden_size", "rank", "frames")
        check_fractions(self, "dropout", "smoothing")
        for name in ("film_strength", "photo_strength"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"model: {name} must lie from 0 to 1, not {getattr(self, name):g}")
        if self.frames > 64:
            raise ValueError(f"model: frames must be at most 64, not {self.frames}")
        if len(set(self.new_words)) < len(self.new_words):
            raise ValueError("model: new_words has a word twice")
