"""Beam search over captions: what a user may wish for, and what the search carries and writes down."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from lstm_models.decoding.constraints import Constraints
from lstm_models.decoding.options import BeamOptions
from lstm_models.errors import InputError
from lstm_models.nn.attention_decoder import DecoderState, Memory, SingleDecoder, TopDownDecoder
from lstm_models.tasks.captioning.naming import WordSlots
from lstm_models.text.vocabulary import UNKNOWN, Vocabulary

__all__ = ["MOST_WORDS", "CaptionSearch", "search_options"]

MOST_WORDS = 60


class CaptionSearch(NamedTuple):
    """What the search carries over the rows, and what all of it writes down.

    ``state`` of the decoder, ``photo`` [rows] the number of each row's entry in ``memory``, ``origin`` [rows] that of
    its photo from the start, ``said`` [rows, words]; ``looks``: for each step said, origin and where the rows looked.
    """

    state: DecoderState
    photo: Tensor
    memory: Memory
    origin: Tensor
    said: Tensor
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
        origin, said = self.origin.index_select(0, index), self.said.index_select(0, index)
        return CaptionSearch(self.state.select(index), photo, memory, origin, said, self.looks)

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
        said = torch.cat([self.said, tokens[:, None]], 1) if self.looks else self.said
        self.looks.append((said, self.origin, looks))
        return self._replace(said=said, state=state)

    def seen(self) -> dict[tuple[int, ...], np.ndarray]:
        """Where a row looked [places] for the word after those said, by its photo and these words."""
        found: dict[tuple[int, ...], np.ndarray] = {}
        for said, origin, looks in self.looks:
            keys = torch.cat([origin[:, None], said], 1).tolist()
            found.update(zip(map(tuple, keys), looks.float().cpu().numpy(), strict=True))
        return found


def search_options(
    vocabulary: Vocabulary,
    beam: int = 5,
    n_best: int = 1,
    min_words: int = 1,
    max_words: int = 20,
    length_penalty: float = 0.7,
    groups: int = 1,
    diversity: float = 0.0,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    no_repeat: int = 3,
) -> BeamOptions:
    """What ``Captioner.caption`` is asked for, as options of the search.

    Raises:
        InputError: a word is unknown, or the wishes contradict each other.
    """
    if max_words > MOST_WORDS:
        raise InputError(f"max_words is {max_words}; a caption has at most {MOST_WORDS} words", usage=True)
    if min_words < 1:
        raise InputError(f"min_words must be at least 1, not {min_words}", usage=True)
    banned = [UNKNOWN]
    for word in [exclude] if isinstance(exclude, str) else exclude:
        found = vocabulary.find(word)
        if len(found) > 1:
            raise InputError(f"“{word}” is a phrase; only single words can be excluded", usage=True)
        banned += found
    words = [include] if isinstance(include, str) else list(include)
    slots = WordSlots(vocabulary, words)
    wanted = [slots.find(word) for word in words]
    if both := {number for numbers in wanted for number in numbers} & set(banned):
        word = vocabulary.words[min(both)]
        raise InputError(f"“{word}” cannot both be included and excluded", usage=True)
    forms = tuple((numbers,) for numbers in wanted)
    if forms:  # the search would find it out, but after the photo has been encoded
        Constraints(forms, tuple(banned), max_words, no_repeat)
    return BeamOptions(
        beam=beam,
        n_best=n_best,
        min_length=min_words,
        max_length=max_words,
        length_penalty=length_penalty,
        groups=groups,
        diversity=diversity,
        include=forms,
        exclude=tuple(banned),
        no_repeat=no_repeat,
        early_stop=True,
    )
