"""Nouns that the training texts hardly have, such as giraffe: a small dictionary, in case the model does not know them.

- After Luong et al. 2015 (arXiv:1410.8206), who look up in a dictionary what a model does not know. Here the word is
  not put in after the search, but forced within it, as a glossary's terms are, so that what is around it fits.
- With its article: a model that does not know the noun does not know its gender either. Of all cases the search takes
  the one that fits.
- Nothing is done where the translation has the noun already, alone or as a part of another word.

``rare_nouns.tsv`` has a noun a line: its English plural if that is not a mere s, then of each language its gender, the
singulars and the plurals that are right; ~ is a blank, * marks a noun that has its plural's ending in all cases but the
nominative (den Bären).

>>> missing("A giraffe eats.", "Ein Griffe isst.", "de")[0][:3]
('eine Giraffe', 'die Giraffe', 'einer Giraffe')
>>> missing("A giraffe eats.", "Eine Giraffe frisst.", "de")
[]
"""

from __future__ import annotations

import re
from functools import lru_cache
from importlib.resources import files
from typing import NamedTuple

__all__ = ["missing"]

_MOST = 3  # nouns of a sentence that are forced
_ONE = re.compile(r"\b(?:an?|the|one|another|this|that)\s$", re.IGNORECASE)
_GERMAN = {
    "m": "ein der einen+ den+ einem+ dem+ im+ am+ zum+ vom+ beim+",
    "f": "eine die einer der zur",
    "n": "ein das einem dem im ins am zum vom beim",
}
_FRENCH = {"m": "un ,d'un ,le ,du ,au ", "f": "une ,d'une ,la ", "elided": "l',à l',de l'"}
_VOWEL = re.compile(r"[aeiouâéèêîôœh]", re.IGNORECASE)
_ASPIRATED = frozenset({"héron", "hérisson", "homard", "hibou", "hamster"})


class Noun(NamedTuple):
    """A noun of another language: its gender, its singulars and its plurals."""

    gender: str
    singulars: tuple[str, ...]
    plurals: tuple[str, ...]

    @property
    def bare(self) -> tuple[str, ...]:
        """All that it can be, without articles."""
        return (*(one.rstrip("*") for one in self.singulars), *self.plurals)


def missing(source: str, target: str, language: str) -> list[tuple[str, ...]]:
    """What the translation of a sentence should have and has not: of each rare noun the forms that are right.

    Args:
        source: the English sentence.
        target: its translation.
        language: of the translation; for those that the dictionary does not have, nothing is missing.
    """
    nouns = _nouns(language)
    if not nouns:
        return []
    found: list[tuple[str, ...]] = []
    there = target.casefold()
    for match in _pattern(language).finditer(source):
        plural, noun = nouns[match.group().lower()]
        if not any(form.casefold() in there for form in noun.bare):
            found.append(tuple(_forms(noun, plural, bool(_ONE.search(source[: match.start()])), language)))
    return list(dict.fromkeys(found))[:_MOST]


def _forms(noun: Noun, plural: bool | None, with_article: bool, language: str) -> dict[str, None]:
    """The forms of a noun, the likeliest first; ``plural`` is None where the English word can be both."""
    if plural or (plural is None and not with_article):
        dative = [one + "n" for one in noun.plurals if language == "de" and one[-1] not in "ns"]
        alone = [] if plural else [one.rstrip("*") for one in noun.singulars]
        return dict.fromkeys((*noun.plurals, *dative, *alone))
    made: dict[str, None] = {}
    for one, many in zip(noun.singulars, noun.plurals, strict=True):
        word = one.rstrip("*")
        oblique = many if one.endswith("*") else word
        if not with_article:
            made |= dict.fromkeys((word, oblique))
        elif language == "de":
            for article in _GERMAN[noun.gender].split():
                made[f"{article.rstrip('+')} {oblique if article.endswith('+') else word}"] = None
        else:
            elided = _VOWEL.match(word) and word not in _ASPIRATED
            articles = _FRENCH["elided" if elided else noun.gender].split(",")
            if elided:
                articles += _FRENCH[noun.gender].split(",")[:2]
            made |= dict.fromkeys(article + word for article in articles)
    return made


@lru_cache(maxsize=4)
def _nouns(language: str) -> dict[str, tuple[bool | None, Noun]]:
    """Of each English form, singular or plural, whether it is a plural, and the noun in that language."""
    found: dict[str, tuple[bool | None, Noun]] = {}
    for line in (files(__package__) / "rare_nouns.tsv").read_text(encoding="utf-8").splitlines():
        english, *others = line.split("\t")
        plural = others[0] if ":" not in others[0] else english + "s"
        for each in others:
            code, _, rest = each.partition(":")
            if code == language:
                gender, one, many = rest.replace("~", "\xa0").split(" ")
                noun = Noun(gender, *(tuple(part.replace("\xa0", " ").split(",")) for part in (one, many)))
                found[english] = (None if plural == english else False, noun)
                found.setdefault(plural, (True, noun))
    return found


@lru_cache(maxsize=4)
def _pattern(language: str) -> re.Pattern[str]:
    """What finds those words, the longest first: without capitals, but for the first word of a sentence."""
    words = "|".join(map(re.escape, sorted(_nouns(language), key=len, reverse=True)))
    return re.compile(rf"(?<![\w-])(?:{words})(?![\w-])|^(?i:{words})(?![\w-])")
