"""Beam search over captions: its options, and what it carries from word to word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypedDict

import numpy as np
import torch
from torch import Tensor

from lstm_models.decoding.constraints import Constraints
from lstm_models.decoding.options import BeamOptions
from lstm_models.errors import InputError
from lstm_models.field_checks import check_kinds
from lstm_models.nn.attention_decoder import DecoderState, Memory, SingleDecoder, TopDownDecoder
from lstm_models.tasks.captioning.naming import WordSlots
from lstm_models.text.vocabulary import UNKNOWN, Vocabulary

__all__ = ["MOST_WORDS", "CaptionKeywords", "CaptionOptions", "CaptionSearch"]

MOST_WORDS = 60


class CaptionSearch(NamedTuple):
    """What the search carries over the rows, and what all of it writes down.

    ``state`` of the decoder, ``photo`` [rows] the number of each row's entry in ``memory``, ``origin`` [rows] that of
    its photo from the start, ``words`` [rows, words]; ``looks``: for each step words, origin and where the rows looked.
    """

    state: DecoderState
    photo: Tensor
    memory: Memory
    origin: Tensor
    words: Tensor
    looks: list[tuple[Tensor, Tensor, Tensor]]

    @classmethod
    def begin(cls, decoder: TopDownDecoder | SingleDecoder, memory: Memory) -> CaptionSearch:
        """One row for each photo, before the first word."""
        photos = torch.arange(len(memory.mean), device=memory.mean.device)
        with torch.inference_mode():
            state = decoder.initial_state(memory, len(photos))
        return cls(state, photos, memory, photos, photos.new_zeros(len(photos), 0), [])

    def select(self, index: Tensor) -> CaptionSearch:
        """The rows ``index`` [new rows]."""
        here, photo = self.photo.index_select(0, index).unique_consecutive(return_inverse=True)
        memory = self.memory if len(here) == len(self.memory.mean) else self.memory.select(here)
        origin, words = self.origin.index_select(0, index), self.words.index_select(0, index)
        return CaptionSearch(self.state.select(index), photo, memory, origin, words, self.looks)

    def rows(self) -> Memory:
        """The memory as the decoder takes it: one entry for equal shares of the rows, or one for each row."""
        photos, rows = len(self.memory.mean), len(self.photo)
        if photos == 1:
            return self.memory
        if rows % photos == 0:
            numbers = torch.arange(photos, device=self.photo.device)[:, None]
            if bool((self.photo.view(photos, -1) == numbers).all()):
                return self.memory
        return self.memory.select(self.photo)

    def wrote(self, tokens: Tensor, looks: Tensor, state: DecoderState) -> CaptionSearch:
        """After a step: the ``tokens`` [rows] said before it, and where the rows looked [rows, places]."""
        # The first token only begins the sentence
        words = torch.cat([self.words, tokens[:, None]], 1) if self.looks else self.words
        self.looks.append((words, self.origin, looks))
        return self._replace(words=words, state=state)

    def seen(self) -> dict[tuple[int, ...], np.ndarray]:
        """Where a row looked [places] for the word after those said, by its photo and these words."""
        found: dict[tuple[int, ...], np.ndarray] = {}
        for words, origin, looks in self.looks:
            keys = torch.cat([origin[:, None], words], 1).tolist()
            found.update(zip(map(tuple, keys), looks.float().cpu().numpy(), strict=True))
        return found


class CaptionKeywords(TypedDict, total=False):
    """The fields of `CaptionOptions`, as keywords."""

    beam: int
    n_best: int
    min_words: int
    max_words: int
    length_penalty: float
    groups: int
    diversity: float
    include: Sequence[str]
    exclude: Sequence[str]
    no_repeat: int
    objects: bool


@dataclass(frozen=True)
class CaptionOptions:
    """How captions are searched for.

    Attributes:
        beam: sentences followed at a time (1: the likeliest word each time).
        n_best: how many sentences to give; the further ones are the caption's ``alternatives``.
        min_words: a caption has at least so many words (1 or more),
        max_words: and at most so many, up to 60.
        length_penalty: 0 ranks sentences by probability, which favours short ones, 1 by its mean over the words.
        groups: parts of the beam that are to differ from each other; a divisor of ``beam``.
        diversity: how much they are to, in nats a word.
        include: words or phrases that must come, as they are.
        exclude: words that must not.
        no_repeat: no so many words in a row come twice; 0 to allow it.
        objects: a caption that lacks or contradicts what an image classifier is sure of is made anew with it.

    Raises:
        InputError: the number of words is out of range (``usage=True``).
    """

    beam: int = 5
    n_best: int = 1
    min_words: int = 1
    max_words: int = 20
    length_penalty: float = 0.7
    groups: int = 1
    diversity: float = 0.0
    include: Sequence[str] = ()
    exclude: Sequence[str] = ()
    no_repeat: int = 3
    objects: bool = True

    def __post_init__(self) -> None:
        check_kinds(self)
        if self.max_words > MOST_WORDS:
            raise InputError(f"max_words is {self.max_words}; a caption has at most {MOST_WORDS} words", usage=True)
        for name in ("min_words", "max_words"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1, not {getattr(self, name)}", usage=True)

    def search(self, vocabulary: Vocabulary) -> BeamOptions:
        """The options of the search over the words' numbers.

        Raises:
            InputError: a word is unknown, or the options contradict each other.
        """
        banned = [UNKNOWN]
        for word in self.exclude:
            found = vocabulary.find(word)
            if len(found) > 1:
                raise InputError(f"“{word}” is a phrase; only single words can be excluded", usage=True)
            banned += found
        slots = WordSlots(vocabulary, self.include)
        wanted = [slots.find(word) for word in self.include]
        if both := {number for numbers in wanted for number in numbers} & set(banned):
            word = vocabulary.words[min(both)]
            raise InputError(f"“{word}” cannot both be included and excluded", usage=True)
        forms = tuple((numbers,) for numbers in wanted)
        if forms:  # the search would find it out, but after the photo has been encoded
            Constraints(forms, tuple(banned), self.max_words, self.no_repeat)
        return BeamOptions(
            beam=self.beam,
            n_best=self.n_best,
            min_length=self.min_words,
            max_length=self.max_words,
            length_penalty=self.length_penalty,
            groups=self.groups,
            diversity=self.diversity,
            include=forms,
            exclude=tuple(banned),
            no_repeat=self.no_repeat,
            early_stop=True,
        )
