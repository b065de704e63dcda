"""What is in a photo: plain nouns by the ImageNet classifier that the packaged image encoder brings along.

* ``nouns()`` is a small table of our own (``objects.json``): about 170 nouns, each with its kind ("giraffe" is an
  "animal"), the ImageNet classes it stands for, a word of the captioner's vocabulary that can stand in for it in a
  sentence, and other words for it.
* ``ObjectClassifier`` gives the probability of each noun, from what the frozen part of the encoder made of a photo: the
  packaged network's own last stages and classifier, whatever the captioner's were trained to.

    >>> nouns().find("lions").name, nouns().kinds("penguin")
    ('lion', ('bird', 'animal'))
"""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from lstm_models.text.vocabulary import split_words

__all__ = [
    "CLASSES",
    "Noun",
    "Nouns",
    "ObjectClassifier",
    "RecognizedObject",
    "noun_of",
    "nouns",
    "plural",
    "recognized",
]

CLASSES = 1000
LISTED = 0.2
"""A noun at least so probable is among a caption's objects."""
_IRREGULAR = {
    "sheep": "sheep", "deer": "deer", "fish": "fish", "goose": "geese", "wolf": "wolves", "bison": "bison",
    "scissors": "scissors", "calf": "calves", "mouse": "mice", "furniture": "furniture", "bread": "bread",
}  # fmt: skip


@dataclass(frozen=True)
class Noun:
    """A plain noun for things that a classifier knows.

    Attributes:
        name: the noun, of one or two words.
        kind: the noun of what it is one of; "" at the top.
        classes: ImageNet classes (0 to 999) of it and of nothing narrower in the table.
        stand_in: a common word that behaves in a sentence as it does.
        words: other words for it, or for narrower things.
    """

    name: str
    kind: str
    classes: tuple[int, ...]
    stand_in: str
    words: tuple[str, ...]


class Nouns:
    """A table of nouns with their kinds.

    Args:
        rows: name -> kind, classes ("7-8,15"), stand-in ("" for that of the kind), other words (spaces between); a kind
            comes before what is of that kind.

    Raises:
        ValueError: a kind is unknown or stands behind its noun, or a noun has no stand-in.
    """

    def __init__(self, rows: dict[str, Sequence[str]]) -> None:
        self.nouns: dict[str, Noun] = {}
        self._of_word: dict[str, str] = {}
        for name, (kind, classes, stand_in, words) in rows.items():
            if kind and kind not in self.nouns:
                raise ValueError(f"{name} is of the kind {kind}, which the table does not name before it")
            stand_in = stand_in or (self.nouns[kind].stand_in if kind else "")
            if not stand_in:
                raise ValueError(f"{name} has no stand-in")
            self.nouns[name] = Noun(name, kind, _numbers(classes), stand_in, tuple(words.split()))
        for one in self.nouns.values():
            for word in one.words:
                self._of_word.update({word: one.name, plural(word): one.name})
        for name in self.nouns:  # a noun's own name goes before another's word for something narrower
            self._of_word.update({name: name, plural(name): name})

    def find(self, word: str) -> Noun | None:
        """The noun that a word or phrase names, singular or plural; None where it names none."""
        name = self._of_word.get(word.lower())
        return None if name is None else self.nouns[name]

    def kinds(self, name: str) -> tuple[str, ...]:
        """What a noun is one of, the narrowest first."""
        found = []
        while kind := self.nouns[name].kind:
            found.append(kind)
            name = kind
        return tuple(found)

    def related(self, one: str, other: str) -> bool:
        """Whether two nouns are the same, or one is of the other's kind."""
        return one == other or one in self.kinds(other) or other in self.kinds(one)

    def named(self, text: str) -> list[tuple[str, str]]:
        """The words or phrases of a sentence that name a noun of the table, each with the noun, in order."""
        words, found, place = split_words(text), [], 0
        while place < len(words):
            for length in (2, 1):
                phrase = " ".join(words[place : place + length])
                if (noun := self.find(phrase)) is not None:
                    found.append((phrase, noun.name))
                    break
            place += length
        return found

    def spellings(self, name: str, *, narrower: bool = True) -> set[str]:
        """The words, singular and plural, that name a noun, and those of nouns of its kind."""
        names = {name, *(other for other in self.nouns if narrower and name in self.kinds(other))}
        return {word for word, of in self._of_word.items() if of in names}

    @functools.cached_property
    def membership(self) -> Tensor:
        """[nouns, 1000]: 1 where a class is of a noun, or of a noun of its kind; rows as in ``nouns``."""
        rows = torch.zeros(len(self.nouns), CLASSES)
        place = {name: row for row, name in enumerate(self.nouns)}
        for name, one in self.nouns.items():
            for row in (place[name], *(place[kind] for kind in self.kinds(name))):
                rows[row, list(one.classes)] = 1
        return rows


def plural(noun: str) -> str:
    """The plural of a regular noun of one or two words, and of the irregular ones of the table.

    >>> plural("polar bear"), plural("butterfly"), plural("fox"), plural("goose")
    ('polar bears', 'butterflies', 'foxes', 'geese')
    """
    first, _, last = noun.rpartition(" ")
    if last in _IRREGULAR:
        last = _IRREGULAR[last]
    elif last.endswith(("s", "x", "ch", "sh")):
        last = last if last.endswith("s") and not last.endswith(("ss", "us")) else last + "es"
    elif last.endswith("y") and last[-2:-1] not in set("aeiou"):
        last = last[:-1] + "ies"
    else:
        last += "s"
    return f"{first} {last}".strip()


@functools.lru_cache(maxsize=1)
def nouns() -> Nouns:
    """The table of the package."""
    return Nouns(json.loads(Path(__file__).with_name("objects.json").read_text("utf-8")))


def _numbers(ranges: str) -> tuple[int, ...]:
    found: list[int] = []
    for part in filter(None, ranges.split(",")):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return tuple(found)


class ObjectClassifier(nn.Module):
    """What ImageNet's classes make of a photo.

    Args:
        stages: the packaged network's stages after the encoder's frozen ones.
        pool: from their output [batch, channels, rows, columns] to features [batch, channels].
        classify: from features to class scores [batch, 1000].
    """

    def __init__(self, stages: nn.Module, pool: nn.Module, classify: nn.Module) -> None:
        super().__init__()
        self.stages, self.pool, self.classify = stages, pool, classify
        self.requires_grad_(False).eval()

    @torch.inference_mode()
    def forward(self, frozen: Tensor) -> tuple[Tensor, Tensor]:
        """Pooled features [batch, channels] and probabilities [batch, 1000], from the trunk's output for photos."""
        features = self.pool(self.stages(frozen.float()))
        return features, self.classify(features).float().softmax(-1)


@dataclass(frozen=True)
class RecognizedObject:
    """A noun for something in a photo.

    Attributes:
        name: the noun.
        probability: that the photo shows it, 0 to 1, as the classifier gives it.
    """

    name: str
    probability: float

    def as_dict(self) -> dict[str, str | float]:
        """For JSON, the probability rounded."""
        return {"name": self.name, "probability": round(self.probability, 4)}


def recognized(probabilities: Tensor, threshold: float = LISTED) -> tuple[RecognizedObject, ...]:
    """The nouns that are at least so probable, the most probable first.

    Args:
        probabilities: [1000] of ImageNet's classes.
        threshold: a noun's probability is the sum of those of its classes.
    """
    table = nouns()
    sums = (table.membership.to(probabilities.device) @ probabilities.float()).clamp(max=1).tolist()
    found = [RecognizedObject(name, p) for name, p in zip(table.nouns, sums, strict=True) if p >= threshold]
    return tuple(sorted(found, key=lambda one: -one.probability))


@functools.lru_cache(maxsize=4)
def _class_names() -> dict[str, int]:
    """ImageNet's own names of its classes, each word or phrase with its class."""
    from timm.data import ImageNetInfo

    info, found, last = ImageNetInfo(), dict[str, int](), dict[str, int]()
    for number in range(CLASSES):
        for name in info.index_to_description(number).lower().split(","):
            found.setdefault(name.strip(), number)
            last.setdefault(name.split()[-1], number)  # “Pembroke Welsh corgi” is a corgi
    return last | found


def noun_of(word: str) -> Noun | None:
    """The noun of the table that a word names, as its own name, another word for it, or the name of one of its classes.

    >>> noun_of("corgi").name, noun_of("giraffes").name, noun_of("spoon")
    ('dog', 'giraffe', None)
    """
    table = nouns()
    if (noun := table.find(word)) is not None:
        return noun
    word = word.lower()
    names = _class_names()
    number = names.get(word, names.get(word.removesuffix("s")))
    narrowest = reversed(table.nouns.values())  # kinds come first
    return None if number is None else next((noun for noun in narrowest if number in noun.classes), None)
