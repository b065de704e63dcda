"""Films and sentences as a video captioner trains on them."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from lstm_datasets.video_captioning.film_features import FilmFeatures
from lstm_models.tasks.captioning.objects import nouns, recognized
from lstm_models.tasks.video_captioning.network import OBJECTS, object_numbers
from lstm_models.text.vocabulary import END, Vocabulary, split_words

__all__ = ["FilmData", "TextData", "object_numbers", "supported_sentences"]

_EACH = 2  # sentences of each style that an item has: as many in every item
_EMPTY_WORDS = """
a an the is are was were be being in on at of to and with by for from up down
into his her its their it he she they some while who that there this as one
"""
_EMPTY = frozenset(_EMPTY_WORDS.split())
_FILM_LENGTH, _TEXT_LENGTH = 4, 2  # as their times in training are


class FilmData(Dataset[dict[str, Any]]):
    """Films with sentences.

    Args:
        features: of the films.
        captions: of each film, as captions of photos are put; () for none.
        sentences: of each film, as people describe clips.
        vocabulary: of the video captioner.
        longest: words of a sentence that count.
        seed: of the choice among a film's sentences.
    """

    def __init__(
        self,
        features: FilmFeatures,
        captions: Sequence[Sequence[str]],
        sentences: Sequence[Sequence[str]],
        vocabulary: Vocabulary,
        *,
        longest: int = 20,
        seed: int = 0,
    ) -> None:
        self.features, self.seed, self.epoch = features, seed, 0
        self.photo = [[[*vocabulary.encode(text)[:longest], END] for text in texts] for texts in captions]
        self.film = [[[*vocabulary.encode(text)[:longest], END] for text in texts] for texts in sentences]
        self.objects = [
            object_numbers((one.name for one in recognized(torch.from_numpy(np.array(each)))), vocabulary)
            for each in features.classes
        ]
        self.lengths = [_FILM_LENGTH] * len(self.film)

    def set_epoch(self, epoch: int) -> None:
        """Another epoch, other sentences."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.film)

    def __getitem__(self, index: int) -> dict[str, Any]:
        generator = np.random.default_rng((self.seed, self.epoch, index))
        item: dict[str, Any] = {
            "grids": torch.from_numpy(np.array(self.features.grids[index])),
            "objects": self.objects[index],
            "film": _chosen(self.film[index], generator),
        }
        if self.photo[index]:
            item["photo"] = _chosen(self.photo[index], generator)
        return item


class TextData(Dataset[dict[str, Any]]):
    """Sentences about clips without the clips: the nouns in them stand for what a classifier would recognise.

    Args:
        texts: the sentences of each clip; clips that name no noun of the table are left out.
        vocabulary: of the video captioner.
        longest: words of a sentence that count.
        seed: of the choice among sentences, and of the objects left out.
    """

    def __init__(
        self, texts: Iterable[Sequence[str]], vocabulary: Vocabulary, *, longest: int = 14, seed: int = 0
    ) -> None:
        self.seed, self.epoch = seed, 0
        self.film: list[list[list[int]]] = []
        self.objects: list[list[int]] = []
        table = nouns()
        for sentences in texts:
            counts = Counter(noun for text in sentences for noun in {name for _, name in table.named(text)})
            found = [noun for noun, count in counts.most_common() if count >= max(2, 0.1 * len(sentences))]
            numbers = object_numbers(found, vocabulary)
            # Sentences that name one of the objects, of known words alone: what is learned is what is done with it
            kept = [
                vocabulary.encode(text)
                for text in sentences
                if {name for _, name in table.named(text)} & set(found) and len(split_words(text)) <= longest
            ]
            kept = [each for each in kept if 1 not in each]
            if numbers and kept:
                self.film.append([[*each, END] for each in kept])
                self.objects.append(numbers)
        self.lengths = [_TEXT_LENGTH] * len(self.film)

    def set_epoch(self, epoch: int) -> None:
        """Another epoch, other sentences."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.film)

    def __getitem__(self, index: int) -> dict[str, Any]:
        generator = np.random.default_rng((self.seed, self.epoch, index))
        objects = self.objects[index]
        kept = [number for place, number in enumerate(objects) if place == 0 or generator.random() < 0.6]
        return {"objects": kept[:OBJECTS], "film": _chosen(self.film[index], generator)}


def supported_sentences(
    photos: Sequence[Sequence[str]], sentences: Mapping[str, int] | Iterable[str], most: int = 3
) -> list[list[str]]:
    """For each photo the sentences about clips that its captions support: all their words of content are in them.

    "A man is riding a horse" describes a photo of which people said "A man in a hat rides his brown horse." So clips'
    way of putting things is learned from photos. The sentences that say most come first; a photo that supports none
    keeps its shortest caption.

    Args:
        photos: the captions of each.
        sentences: of clips.
        most: sentences of a photo.
    """
    by_rarest: dict[str, list[tuple[frozenset[str], str]]] = defaultdict(list)
    made = {text: frozenset(_content(text)) for text in sentences}
    counts = Counter(word for words in made.values() for word in words)
    for text, words in made.items():
        if len(words) >= 2:
            by_rarest[min(words, key=lambda word: (counts[word], word))].append((words, text))
    found = []
    for captions in photos:
        support = {word for caption in captions for word in _content(caption)}
        fitting = [
            (len(words), text) for word in support for words, text in by_rarest.get(word, ()) if words <= support
        ]
        best = [text for _, text in sorted(fitting, key=lambda one: (-one[0], len(one[1]), one[1]))]
        found.append(best[:most] or [min(captions, key=lambda text: (len(split_words(text)), text))])
    return found


def _content(text: str) -> list[str]:
    """The words of content without their endings: "A dog runs, two dogs running" gives dog run two dog run."""
    return [_stem(word) for word in split_words(text) if word not in _EMPTY]


def _stem(word: str) -> str:
    word = re.sub(r"(?<=\w\w)(ing|ed|es|s|e)$", "", word)
    return re.sub(r"([bdgmnprt])\1$", r"\1", word)


def _chosen(sentences: Sequence[list[int]], generator: np.random.Generator) -> list[list[int]]:
    return [sentences[int(generator.integers(len(sentences)))] for _ in range(_EACH)]
