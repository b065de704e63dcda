"""The labels of a tagger, entities as labels of words, and a text as sentences of words.

Words are those of the English Web Treebank: marks stand by themselves, clitics apart ("do n't", "it 's").
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["ENTITY_TYPES", "FORBIDDEN", "NAMES", "POS_TAGS", "Span", "Tokenized", "sentences", "spans_of", "tokenize"]

POS_TAGS = (
    "ADJ", "ADP", "ADV", "AUX", "CCONJ", "DET", "INTJ", "NOUN", "NUM", "PART", "PRON", "PROPN", "PUNCT", "SCONJ",
    "SYM", "VERB", "X",
)  # fmt: skip
ENTITY_TYPES = ("PER", "LOC", "ORG")
NAMES = ("O", *(f"{place}-{kind}" for kind in ENTITY_TYPES for place in "BI"))  # IOB2

# I- stands only after B- or I- of its kind
FORBIDDEN = [
    (before, after)
    for after, label in enumerate(NAMES)
    if label[0] == "I"
    for before in range(-1, len(NAMES))
    if before < 0 or NAMES[before][2:] != label[2:]
]


class Span(NamedTuple):
    """An entity: its first word, the word after its last, and its kind."""

    first: int
    last: int
    kind: str


def spans_of(labels: Sequence[str]) -> list[Span]:
    """The entities of IOB2 labels; an I- that follows nothing of its kind begins one, as in CoNLL's scorer."""
    spans: list[Span] = []
    for place, label in enumerate(labels):
        kind = label[2:]
        if label == "O":
            continue
        goes_on = label[0] == "I" and spans and spans[-1].last == place and spans[-1].kind == kind
        if goes_on:
            spans[-1] = spans[-1]._replace(last=place + 1)
        else:
            spans.append(Span(place, place + 1, kind))
    return spans


class Tokenized(NamedTuple):
    """A word of a text and where it begins there, in characters."""

    text: str
    start: int


_WORD = re.compile(
    r"""
    https?://[^\s<>"]+[^\s<>".,;:!?)\]'] | www\.[^\s<>"]+[^\s<>".,;:!?)\]']   # addresses
  | [\w.+-]+@[\w-]+\.[\w.-]*\w                                                # mail
  | [@\#]\w+
  | (?:[A-Za-z]\.){2,}                                                        # U.S.
  | (?:Mr|Mrs|Ms|Dr|Prof|St|Jr|Sr|Inc|Ltd|Co|Corp|Gen|Sen|Gov|Rep|Rev|Lt|Col|Sgt|vs|etc|[A-Z])\.(?=\s|,|$)
  | \d+(?:[.,:/]\d+)*(?:st|nd|rd|th|s)?(?![^\W\d_])
  | \d+(?:[.,:/]\d+)*(?=(?:am|pm|km|kg|cm|mm|mph|lbs?|ft|hrs?|mins?)\b)
  | '(?:s|re|ve|ll|m|d)\b
  | can(?=not\b)
  | \w+?(?=n't\b) | n't\b
  | \w+
  | ([*=~_.\#-])\1+ | !+ | \?+ | [:;=]-?[)(DPp](?!\w)
  | .
    """,
    re.VERBOSE | re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"[.?!…]+")
_CLOSING = frozenset("\"”’')]}")


def tokenize(text: str) -> list[Tokenized]:
    """The words of a text, with the place where each begins."""
    plain = text.replace("’", "'")
    return [
        Tokenized(text[found.start() : found.end()], found.start())
        for found in _WORD.finditer(plain)
        if not found[0].isspace()
    ]


def sentences(text: str) -> list[list[Tokenized]]:
    """The words of each sentence of a text: one ends at a full stop, a question or exclamation mark (and what closes a
    quotation after it), unless a word in lower case follows, and at an empty line."""
    found: list[list[Tokenized]] = []
    current: list[Tokenized] = []
    ended, place = False, 0
    for word in tokenize(text):
        gap = text[place : word.start]
        if current and (gap.count("\n") > 1 or (ended and gap and not word.text[0].islower())):
            found.append(current)
            current, ended = [], False
        current.append(word)
        ended = bool(_SENTENCE_END.fullmatch(word.text)) or (ended and word.text in _CLOSING)
        place = word.start + len(word.text)
    return [*found, current] if current else found
