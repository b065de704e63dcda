"""Sentences about one or two digits on a canvas, such as "a three above a seven on the left", and what they mean.

The canvas has three rows and three columns. Two digits stand at opposite rims; where the sentence leaves open in which
row or column, any will do. Words that say the same, as "over" for "above", may stand for each other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

__all__ = ["NUMBERS", "RELATIONS", "VOCABULARY", "Scene", "parse", "random_scene"]

NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
RELATIONS: dict[str, tuple[str, ...]] = {
    "above": ("above", "over"),
    "below": ("below", "under"),
    "left": ("to the left of", "left of"),
    "right": ("to the right of", "right of"),
}
_ROWS = {"at the top": 0, "in the middle": 1, "at the bottom": 2}
_COLUMNS = {"on the left": 0, "in the middle": 1, "on the right": 2}
_CORNERS = {
    f"at the {row} {column}": (y, x)
    for y, row in ((0, "top"), (2, "bottom"))
    for x, column in ((0, "left"), (2, "right"))
}
_PLACES = ("", *_ROWS, "on the left", "on the right", *_CORNERS)
_SYNONYMS = {phrase: relation for relation, phrases in RELATIONS.items() for phrase in phrases}
_ARTICLES = ("a", "an", "the")
VOCABULARY = tuple(
    dict.fromkeys([*_ARTICLES, *NUMBERS, *(word for each in (*_SYNONYMS, *_PLACES) for word in each.split())])
)
"""All words of the sentences."""

_FORM = re.compile(
    rf"(?:(?:a|an|the) )?({'|'.join(NUMBERS)})"
    rf"(?: ({'|'.join(sorted(_SYNONYMS, key=len, reverse=True))}) (?:(?:a|an|the) )?({'|'.join(NUMBERS)}))?"
    rf"(?: ({'|'.join(sorted(filter(None, _PLACES), key=len, reverse=True))}))?"
)


@dataclass(frozen=True)
class Scene:
    """One digit, or two of which the first stands above, below, left or right of the second.

    Attributes:
        digits: one or two.
        relation: a key of ``RELATIONS``, or "" with one digit.
        place: where on the canvas, such as "on the left"; "" for anywhere.
    """

    digits: tuple[int, ...]
    relation: str = ""
    place: str = ""

    def arrangements(self) -> list[tuple[tuple[int, int], ...]]:
        """All ways to do what the sentence says: row and column of each digit, 0 to 2; none where it makes no sense.

        >>> Scene((3, 7), "above", "on the left").arrangements()
        [((0, 0), (2, 0))]
        """
        if len(self.digits) == 1:
            return [((row, column),) for row in range(3) for column in range(3) if self._fits(row, column)]
        upright = self.relation in ("above", "below")
        free = _COLUMNS if upright else _ROWS
        if self.place and self.place not in free:
            return []
        first, second = (0, 2) if self.relation in ("above", "left") else (2, 0)
        lines = [free[self.place]] if self.place else [0, 1, 2]
        return [((first, at), (second, at)) if upright else ((at, first), (at, second)) for at in lines]

    def _fits(self, row: int, column: int) -> bool:
        if self.place in _CORNERS:
            return _CORNERS[self.place] == (row, column)
        if self.place == "in the middle":
            return (row, column) == (1, 1)
        return row == _ROWS.get(self.place, row) and column == _COLUMNS.get(self.place, column)

    def sentence(self, generator: np.random.Generator | None = None) -> str:
        """The scene in words: "a three above a seven on the left"; by a generator, in one of several ways."""
        names = [NUMBERS[digit] for digit in self.digits]
        parts = [_with_article(name, generator) for name in names]
        if self.relation:
            phrases = RELATIONS[self.relation]
            parts.insert(1, phrases[0 if generator is None else int(generator.integers(len(phrases)))])
        return " ".join(filter(None, (*parts, self.place)))


def _with_article(name: str, generator: np.random.Generator | None) -> str:
    article = "an" if name == "eight" else "a"
    if generator is None:
        return f"{article} {name}"
    return f"{(article, article, 'the', '')[int(generator.integers(4))]} {name}".strip()


def parse(sentence: str) -> Scene | None:
    """What a sentence means; None where it is of another form, or makes no sense.

    >>> parse("the three over a seven on the left")
    Scene(digits=(3, 7), relation='above', place='on the left')
    """
    found = _FORM.fullmatch(" ".join(sentence.lower().split()).removesuffix("."))
    if found is None:
        return None
    first, relation, second, place = found.groups(default="")
    digits = tuple(NUMBERS.index(name) for name in (first, second) if name)
    scene = Scene(digits, _SYNONYMS.get(relation, ""), place)
    return scene if scene.arrangements() else None


def random_scene(generator: np.random.Generator, alone: float = 0.25) -> Scene:
    """A scene by chance, of one digit in a fraction ``alone`` of cases; half say where on the canvas."""
    digits = tuple(generator.integers(10, size=2).tolist())
    anywhere = generator.random() < 0.5
    if generator.random() < alone:
        return Scene(digits[:1], "", "" if anywhere else _pick(_PLACES[1:], generator))
    relation = _pick(tuple(RELATIONS), generator)
    return Scene(digits, relation, "" if anywhere else _pick(tuple(_places_of(relation)), generator))


def _places_of(relation: str) -> Iterator[str]:
    return iter(_COLUMNS if relation in ("above", "below") else _ROWS)


def _pick(of: tuple[str, ...], generator: np.random.Generator) -> str:
    return of[int(generator.integers(len(of)))]
