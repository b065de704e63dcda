"""Beam search over descriptions of scenes: its options, and what it carries from word to word."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple, TypedDict

from torch import Tensor

from lstm_models.decoding.options import BeamOptions
from lstm_models.errors import InputError
from lstm_models.field_checks import check_kinds
from lstm_models.nn.attention_decoder import DecoderState, Memory
from lstm_models.tasks.video_captioning.config import STYLES
from lstm_models.text.vocabulary import UNKNOWN

__all__ = ["SceneSearch", "VideoCaptionKeywords", "VideoCaptionOptions"]

MOST_WORDS = 40


class SceneSearch(NamedTuple):
    """What the search for one scene carries over the rows: the ``state`` of the decoder, and the scene's ``memory``."""

    state: DecoderState
    memory: Memory

    def select(self, index: Tensor) -> SceneSearch:
        """The rows ``index`` [new rows]."""
        return self._replace(state=self.state.select(index))


class VideoCaptionKeywords(TypedDict, total=False):
    """The fields of `VideoCaptionOptions`, as keywords."""

    style: Literal["film", "photo"]
    start: float
    end: float | None
    frames: int
    longest_scene: float
    beam: int
    n_best: int
    max_words: int
    length_penalty: float
    votes: float
    objects: bool


@dataclass(frozen=True)
class VideoCaptionOptions:
    """How films are described.

    Attributes:
        style: "film" says in few words what happens; "photo" describes as captions of photos do.
        start: seconds at which the description begins.
        end: seconds at which it ends; None for the film's end.
        frames: of a scene that are looked at, at most.
        longest_scene: seconds after which a shot without a cut is described anew.
        beam: sentences followed at a time.
        n_best: how many sentences to give; the further ones are the scene's ``alternatives``.
        max_words: a sentence has at most so many words.
        length_penalty: 0 ranks sentences by probability, which favours short ones, 1 by its mean over the words.
        votes: how much counts what each frame by itself says of a sentence, from 0 (all frames at once decide) to 1.
        objects: whether the nouns that an image classifier is sure of are looked at too.

    Raises:
        InputError: a number is out of range (``usage=True``).
    """

    style: Literal["film", "photo"] = "film"
    start: float = 0.0
    end: float | None = None
    frames: int = 6
    longest_scene: float = 10.0
    beam: int = 5
    n_best: int = 1
    max_words: int = 16
    length_penalty: float = 0.7
    votes: float = 0.5
    objects: bool = True

    def __post_init__(self) -> None:
        check_kinds(self)
        if self.style not in STYLES:
            raise InputError(f"style is one of {' and '.join(STYLES)}, not {self.style}", usage=True)
        if not 0 <= self.start < 1e7 or (self.end is not None and not self.start < self.end):
            raise InputError(f"start must be 0 or more and end above it, not {self.start} and {self.end}", usage=True)
        for name, least, most in (("frames", 1, 32), ("longest_scene", 1, 3600), ("max_words", 1, MOST_WORDS)):
            if not least <= getattr(self, name) <= most:
                raise InputError(f"{name} must lie from {least} to {most}, not {getattr(self, name)}", usage=True)
        if not 0 <= self.votes <= 1:
            raise InputError(f"votes must lie from 0 to 1, not {self.votes:g}", usage=True)
        self.search()

    def search(self) -> BeamOptions:
        """The options of the search over word numbers.

        Raises:
            InputError: they contradict each other.
        """
        return BeamOptions(
            beam=self.beam, n_best=max(self.n_best, min(self.beam, 5)) if self.votes else self.n_best, min_length=2,
            max_length=max(2, self.max_words), length_penalty=self.length_penalty, exclude=(UNKNOWN,), no_repeat=3,
            early_stop=True,
        )  # fmt: skip
