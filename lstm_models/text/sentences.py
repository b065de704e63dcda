"""Where the sentences of a text end, by marks, blanks and abbreviations.

Translation, question answering and speech synthesis read texts of different kinds: their rules differ in what
``SentenceRules`` names, and in nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

__all__ = ["ABBREVIATIONS", "SentenceEnd", "SentenceRules", "sentence_ends", "sentences_of"]

ABBREVIATIONS = ("Mr", "Mrs", "Ms", "Dr", "Prof", "St", "Jr", "Sr", "Inc", "Ltd", "Co", "vs", "No")
_MARK = r"""[.!?…]+["')\]»”’]*(?=\s)"""
_EMPTY_LINE = r"\n\s*\n"
_LINE = r"\n(?!\s*[^\W\dA-ZÀ-Þ_])"  # the next one does not begin with a small letter
_BLANKS = re.compile(r"\s+")
_REACH = 16  # characters before a full stop in which an abbreviation is looked for


@dataclass(frozen=True)
class SentenceRules:
    """What ends a sentence beside an empty line, and a mark (. ! ? …) with a blank after it.

    Attributes:
        abbreviations: words, as regular expressions, after which a full stop ends no sentence.
        begins: whether a sentence may begin with a character, after a mark; with any if None.
        lines: the end of a line ends a sentence unless the next line begins with a small letter.
    """

    abbreviations: tuple[str, ...] = (*ABBREVIATIONS, "[A-Z]")
    begins: Callable[[str], bool] | None = None
    lines: bool = False

    @cached_property
    def end(self) -> re.Pattern[str]:
        """What may end a sentence."""
        return re.compile(f"{_MARK}|{_EMPTY_LINE}" + (f"|{_LINE}" if self.lines else ""))

    @cached_property
    def abbreviation(self) -> re.Pattern[str]:
        """A text up to a full stop that ends no sentence."""
        return re.compile(rf"\b(?:{'|'.join(self.abbreviations)})\.$")


class SentenceEnd(NamedTuple):
    """The place after a sentence's last mark, or after an empty line or the end of a line (``line``)."""

    place: int
    line: bool


def sentence_ends(text: str, rules: SentenceRules) -> list[SentenceEnd]:
    """The ends of the sentences in a text, in order; what comes after the last one is a sentence, too.

    >>> sentence_ends("Dr. Lee came. He left!", SentenceRules())
    [SentenceEnd(place=13, line=False)]
    """
    found = []
    for match in rules.end.finditer(text):
        end = match.end()
        if match[0].isspace():
            found.append(SentenceEnd(end, True))
        elif _ends_here(text, end, rules):
            found.append(SentenceEnd(end, False))
    return found


def _ends_here(text: str, place: int, rules: SentenceRules) -> bool:
    """Whether a sentence ends at the blank after a mark."""
    if rules.abbreviation.search(text[max(0, place - _REACH) : place]):
        return False
    following = _BLANKS.match(text, place)
    return rules.begins is None or following is None or rules.begins(text[following.end() : following.end() + 1])


def sentences_of(text: str, rules: SentenceRules) -> list[str]:
    """The sentences of a text, without the blanks between them.

    >>> sentences_of("Dr. Lee came.  He left!", SentenceRules())
    ['Dr. Lee came.', 'He left!']
    """
    ends = [0, *(end.place for end in sentence_ends(text, rules)), len(text)]
    parts = [text[first:last].strip() for first, last in pairwise(ends)]
    return [part for part in parts if part]
