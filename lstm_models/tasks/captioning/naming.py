"""Captions that name what the classifier sees, words outside of the vocabulary included.

* ``plan`` holds a caption against the recognised objects: what it has to name, which of its words contradict them, and,
  in a photo far from the training photos, what is better left unsaid.
* ``WordSlots`` lets a beam search say further words: each takes the place, the embedding and the probability of a known
  stand-in ("giraffe" those of "horse"), and is spelt as it is. With the search's constraints this is the novel object
  captioning of Anderson et al. 2017 (arXiv:1612.00576), whose new words take vectors of like words.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

from lstm_models.decoding.options import BeamOptions, Hypothesis
from lstm_models.errors import InputError
from lstm_models.tasks.captioning import familiarity
from lstm_models.tasks.captioning.objects import ObjectClassifier, RecognizedObject, noun_of, nouns, plural, recognized
from lstm_models.text.vocabulary import Vocabulary, split_words

if TYPE_CHECKING:
    from lstm_models.tasks.captioning.results import Caption

Step = Callable[[Tensor, Any], tuple[Tensor, Any]]

__all__ = [
    "NamingSearch",
    "Plan",
    "Sightings",
    "WordSlots",
    "article",
    "main_object",
    "noun_confidence",
    "plan",
    "vouched",
]


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


SURE, SURE_FAR = 0.6, 0.35
"""A noun is named from this probability on; in a photo far from the training photos from the second on."""
LONGEST_FAR = 9
PLACE_SURE = -1.0  # nats: a place is named in a far photo only where its word is at least so likely
NOUN_SLOPE, NOUN_BIAS = 1.0, 2.0  # of the logit of a noun's probability
NARROW = 0.5  # a narrower noun is taken where it has this fraction of the probability
GENERAL = frozenset({"animal", "plant", "food", "vehicle", "building", "instrument", "furniture"})
SCENES = frozenset({"building", "mountain", "beach", "lake", "cliff"})
PEOPLE = frozenset(
    _words(
        "man men woman women boy boys girl girls child children kid kids person people lady ladies guy guys player "
        "players baby toddler crowd group couple he she"
    )
)
GAMES = frozenset(_words("soccer football basketball baseball volleyball tennis rugby golf cricket hockey"))
# Of a photo unlike those trained on the captioner tells little more than where it is; the rest are its habits
LINKS = _words("a an the is in on at of near by with through over")
PLACES = _words(
    "grass grassy field water snow snowy sand beach rock rocks rocky tree trees woods forest branch branches "
    "leaves ground dirt street road lake river ocean mountain mountains hill flower flowers grassy plants green"
)
POSTURES = _words("standing sitting lying walking swimming flying perched")


@dataclass(frozen=True)
class Plan:
    """How a caption is to change.

    Attributes:
        noun: what it has to name.
        exclude: words it must not have.
        only: the words that it may have besides, where it is to say little; None for all.
    """

    noun: RecognizedObject
    exclude: tuple[str, ...] = ()
    only: tuple[str, ...] | None = None


def main_object(objects: Sequence[RecognizedObject], far: bool = False) -> RecognizedObject | None:
    """What a caption has to name: the narrowest noun that accounts for most of the most probable one, if it is sure.

    Args:
        objects: as ``recognized`` gives them.
        far: the photo is unlike those trained on. Only there will "animal" do: elsewhere the captioner knows better.
    """
    table, minimum = nouns(), SURE_FAR if far else SURE
    top = next((one for one in objects if one.probability >= minimum and not table.nouns[one.name].kind), None)
    while top is not None:
        parts = [one for one in objects if table.nouns[one.name].kind == top.name]
        if not parts or parts[0].probability < NARROW * top.probability:
            break
        top = parts[0]
    return None if top is None or (not far and (top.probability < minimum or top.name in GENERAL)) else top


def plan(text: str, objects: Sequence[RecognizedObject], far: bool) -> Plan | None:
    """What a caption has to name and must not say; None where it agrees with the objects.

    Args:
        text: the caption.
        objects: what was recognised, as ``recognized`` gives it.
        far: the photo is far from those trained on, so that what the caption says beside the object is a guess.
    """
    table, main = nouns(), main_object(objects, far)
    if main is None:
        return None
    if far and "ball" in (main.name, *table.kinds(main.name)) and GAMES & set(split_words(text)):
        return None  # the game says what the ball is there for
    named = [name for _, name in table.named(text)]
    covered = any(table.related(main.name, name) for name in named)
    top = (main.name, *table.kinds(main.name))[-1]
    wrong = {
        name
        for name in named
        if top in table.kinds(name)
        and name not in (main.name, *table.kinds(main.name))
        and _of(objects, name) < main.probability / 4
    }
    # People before a building are what the captioner sees in any of them; dogs, boats and balls it knows
    peopled = (main.name not in named or top in SCENES) and bool(PEOPLE & set(split_words(text)))
    if covered and not wrong and not (far and peopled):
        return None
    if far:
        return Plan(main, only=(*LINKS, *PLACES, *(POSTURES if top == "animal" else ())))
    exclude = {word for name in wrong for word in table.spellings(name)} - table.spellings(main.name, narrower=False)
    return Plan(main, tuple(sorted(exclude)))


def _of(objects: Sequence[RecognizedObject], name: str) -> float:
    return next((one.probability for one in objects if one.name == name), 0.0)


class Sightings(NamedTuple):
    """What the classifier sees in each photo of a batch: ``objects``, ``distances`` from familiar photos, and where far
    begins."""

    objects: tuple[tuple[RecognizedObject, ...], ...]
    distances: tuple[float, ...]
    within: float

    @classmethod
    def of(cls, looks: ObjectClassifier | None, frozen: Tensor, familiar: str, within: float) -> Sightings:
        """Of what the encoder's trunk made of photos [batch, channels, rows, columns]; nothing without a classifier."""
        if looks is None:
            return cls(((),) * len(frozen), (0.0,) * len(frozen), within)
        features, probabilities = looks.to(frozen.device)(frozen)
        distances = [0.0] * len(frozen)
        if familiar:
            centroids = familiarity.decode(familiar, features.size(1)).to(features.device)
            distances = familiarity.distance(features, centroids).tolist()
        return cls(tuple(recognized(one.cpu()) for one in probabilities), tuple(distances), within)

    def select(self, row: int) -> Sightings:
        """Those of one photo."""
        return Sightings(self.objects[row : row + 1], self.distances[row : row + 1], self.within)

    def far(self, row: int) -> bool:
        """Whether a photo is unlike those trained on."""
        return self.distances[row] > self.within

    def main(self, row: int) -> RecognizedObject | None:
        """What a caption of the photo has to name."""
        return main_object(self.objects[row], self.far(row))


class NamingSearch(NamedTuple):
    """The beam search that carries out a plan: ``options`` of it, ``opening`` of every sentence, ``slots``."""

    options: BeamOptions
    opening: tuple[int, ...]
    slots: WordSlots
    places: frozenset[int]

    @classmethod
    def of(cls, todo: Plan, options: BeamOptions, slots: WordSlots) -> NamingSearch | None:
        """The search, within what the user wished for; None where that excludes the noun."""
        vocabulary, name = slots.vocabulary, todo.noun.name
        if todo.only is not None:  # the user's own word for it, if one must come, goes first: “giraffe” for an animal
            theirs = [
                word for word in sorted(slots.given) if (noun := noun_of(word)) and nouns().related(noun.name, name)
            ]
            name = theirs[0] if theirs else name
        slots = WordSlots(vocabulary, [*slots.words, *sorted(slots.given), name, plural(name)])
        forms = []
        for word in (name, plural(name)):
            with contextlib.suppress(InputError):
                forms.append(slots.find(word))
        forms = [form for form in dict.fromkeys(forms) if not set(form) & set(options.exclude)]
        if not forms:
            return None
        wanted = {token for entry in (*options.include, tuple(forms)) for form in entry for token in form}
        if todo.only is None:
            numbers = {vocabulary.numbers[word] for word in todo.exclude if word in vocabulary.numbers} - wanted
            made = replace(options, include=(*options.include, tuple(forms)), exclude=(*options.exclude, *numbers))
            return cls(made, (), slots, frozenset())
        opening = (*vocabulary.find(article(name)), *forms[0])
        keep = {vocabulary.numbers[word] for word in todo.only if word in vocabulary.numbers} | wanted | set(opening)
        exclude = {*options.exclude, *(token for token in range(1, len(vocabulary)) if token not in keep)}
        longest = max(options.min_length, min(options.max_length, LONGEST_FAR))
        made = replace(options, exclude=tuple(sorted(exclude)), max_length=longest)
        return cls(made, opening, slots, frozenset(vocabulary.numbers[w] for w in PLACES if w in vocabulary.numbers))

    def rounds(self) -> Iterator[tuple[BeamOptions, tuple[int, ...]]]:
        """The search, and one that ends behind the noun, for where nothing else is sure."""
        yield self.options, self.opening
        met = all(any(set(form) <= set(self.opening) for form in entry) for entry in self.options.include)
        if self.opening and met and self.options.min_length <= len(self.opening):
            yield replace(self.options, max_length=len(self.opening)), self.opening

    def good(self, found: Hypothesis) -> bool:
        """Whether the model is sure enough of the places that a caption names beside the noun."""
        if not self.opening:
            return True
        scored = list(zip(found.tokens, found.token_log_probabilities, strict=False))[len(self.opening) :]
        places = [log_p for token, log_p in scored if token in self.places]
        again = any(token in self.opening[1:] for token, _ in scored)
        return bool(places) and min(places) >= PLACE_SURE and not again


def vouched(caption: Caption, noun: RecognizedObject | None) -> Caption:
    """The caption with the classifier's confidence in the noun, and in its article where that is all it says."""
    if noun is None:
        return caption
    spelt = {part for word in (noun.name, plural(noun.name)) for part in word.split()}
    bare = len(caption.words) <= len(noun.name.split()) + 1
    sure = noun_confidence(noun.probability)
    words = tuple(
        replace(word, confidence=max(sure, word.confidence or 0.0)) if word.text in spelt or bare else word
        for word in caption.words
    )
    others = tuple(vouched(other, noun) for other in caption.alternatives)
    return replace(caption, words=words, alternatives=others)


def noun_confidence(probability: float) -> float:
    """How probable it is that a noun is right that the classifier gives a probability (0 to 1) and a caption names.

    The packaged network is less sure than right, as label smoothing makes it; see ``benchmarks/RESULTS.md``.
    """
    logit = math.log(max(probability, 1e-6) / max(1 - probability, 1e-6))
    return 1 / (1 + math.exp(-(NOUN_SLOPE * logit + NOUN_BIAS)))


class WordSlots:
    """Words beyond a vocabulary, each in the place of a known one.

    Args:
        vocabulary: of the captioner.
        words: such as are not in it; known ones are passed over.

    Attributes:
        words: the further words, in order; their numbers follow those of the vocabulary.
        unknown: those of the given words that no noun of the table stands for.
    """

    def __init__(self, vocabulary: Vocabulary, words: Sequence[str]) -> None:
        self.vocabulary = vocabulary
        self.given = frozenset(word.lower() for word in words)
        self.words: list[str] = []
        self.stand_ins: list[int] = []
        self.unknown: list[str] = []
        for word in dict.fromkeys(word.lower() for word in words):
            if word in vocabulary.numbers or all(part in vocabulary.numbers for part in split_words(word)):
                continue
            number = _stand_in(vocabulary, word)
            if number is None:
                self.unknown.append(word)
            else:
                self.words.append(word)
                self.stand_ins.append(number)

    def find(self, word: str) -> tuple[int, ...]:
        """The numbers of a word or phrase, further words among them; as ``Vocabulary.find`` else."""
        word = word.lower()
        if word in self.words:
            return (len(self.vocabulary) + self.words.index(word),)
        return self.vocabulary.find(word)

    def known(self, tokens: Sequence[int]) -> tuple[int, ...]:
        """The tokens with every further word replaced by its stand-in."""
        size = len(self.vocabulary)
        return tuple(token if token < size else self.stand_ins[token - size] for token in tokens)

    def spell(self, tokens: Sequence[int]) -> list[str]:
        """The words of tokens, the article before a given word as its sound wants it."""
        size, words = len(self.vocabulary), []
        for token in tokens:
            words.append(self.vocabulary.words[token] if token < size else self.words[token - size])
        for place in range(1, len(words)):
            if words[place] in self.given and words[place - 1] in ("a", "an"):
                words[place - 1] = article(words[place])
        return words

    def widen(self, step: Step, opening: Sequence[int] = ()) -> Step:
        """A search's step that knows the further words too; their log probability is their stand-in's.

        Args:
            step: of the captioner.
            opening: tokens that every sentence begins with; the step then serves one search only.
        """
        size, left = len(self.vocabulary), list(opening)
        if not self.words and not left:
            return step

        def wide(tokens: Tensor, state: Any) -> tuple[Tensor, Any]:
            places = torch.tensor(self.stand_ins, dtype=torch.long, device=tokens.device)
            if self.words:
                tokens = torch.where(tokens < size, tokens, places[(tokens - size).clamp(min=0)])
            log_p, state = step(tokens, state)
            log_p = torch.cat([log_p, log_p[:, places]], 1)
            if left:
                log_p = (
                    log_p[:, [left[0]]]
                    .new_full(log_p.shape, -torch.inf)
                    .index_copy(1, torch.tensor([left[0]], device=log_p.device), log_p[:, [left.pop(0)]])
                )
            return log_p, state

        return wide


def article(word: str) -> str:
    """The indefinite article before a word of the table.

    >>> article("owl"), article("goat")
    ('an', 'a')
    """
    return "an" if word[:1] in set("aeiou") else "a"


def _stand_in(vocabulary: Vocabulary, word: str) -> int | None:
    """The number of a known word of the same kind and number; None where the table has no such noun."""
    noun = noun_of(word)
    if noun is None:
        return None
    several = word == plural(noun.name) or (
        word.endswith("s") and not word.endswith("ss") and noun_of(word[:-1]) is noun
    )
    candidates = [noun.name, noun.stand_in, *(nouns().nouns[kind].stand_in for kind in nouns().kinds(noun.name))]
    forms = [plural(one) if several else one for one in candidates]
    return next((vocabulary.numbers[form] for form in forms if form in vocabulary.numbers), None)
