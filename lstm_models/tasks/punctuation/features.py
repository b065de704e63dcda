"""Text as words with the mark after each and the case of each, and the numbers of words that the network reads.

Marks stand in four groups, which is how IWSLT's files merge them: exclamation marks and semicolons are periods, colons
and dashes commas.

>>> [(word.text, word.mark, word.case) for word in parse('Dr. Lee asked: "Is NASA -- or was it -- ready?"')]
[('Dr.', '', 1), ('Lee', '', 1), ('asked', ':', 0), ('Is', '', 1), ('NASA', ',', 2), ('or', '', 0), ('was', '', 0), \
('it', ',', 0), ('ready', '?', 0)]
"""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = [
    "ABBREVIATIONS",
    "CASES",
    "ENDS",
    "GROUPS",
    "LOWER",
    "MARKS",
    "MIXED",
    "TITLE",
    "UPPER",
    "ParsedWord",
    "Token",
    "case_of",
    "parse",
    "tokens_of",
]

MARKS = ("", ",", ".", "?", "!", ":", ";")
GROUPS = (0, 1, 2, 3, 2, 1, 2)  # of each mark: none, comma, period, question
ENDS = frozenset(".?!")  # after which a sentence begins

CASES = ("lower", "title", "upper", "mixed")
LOWER, TITLE, UPPER, MIXED = range(4)

ABBREVIATIONS = frozenset(
    {"capt", "co", "col", "corp", "dr", "etc", "gen", "gov", "hon", "inc", "jr", "lt", "ltd", "messrs", "mr", "mrs"}
    | {"ms", "prof", "rep", "rev", "sen", "sgt", "sr", "st", "vol", "vs"}
)

_SPACED = re.compile(r"--+|—|–(?!\d)|(?<=[^\W\d])…|\.\.\.+")  # stand for themselves, between words
_DASHES = re.compile(r"[-‐‑–—―]+")
_TOKEN = re.compile(r"([^\w$€£#@&%+]*)(.*?)([^\w%+°²]*)", re.DOTALL)
_ACRONYM = re.compile(r"(?:\w\.)+\w")  # U.S, as the last full stop is parted from it


class ParsedWord(NamedTuple):
    """A word as it stands, the mark after it ("" for none), and its case (an index into ``CASES``)."""

    text: str
    mark: str
    case: int


class Token(NamedTuple):
    """What stands between two blanks of a text that is to be punctuated.

    ``core`` is the word, "" where there is none; ``before`` and ``after`` are what stands around it, and ``mark`` the
    mark that is among them already, "" for none.
    """

    before: str
    core: str
    after: str
    mark: str


def case_of(word: str) -> int:
    """The case of a word, as an index into ``CASES``: "I" and "O'Neill's" are title and mixed."""
    letters = "".join(filter(str.isalpha, word))
    if letters == letters.lower():
        return LOWER
    if len(letters) > 1 and letters == letters.upper():
        return UPPER
    first = next(index for index, letter in enumerate(word) if letter.isalpha())
    return TITLE if word[first].isupper() and word[first + 1 :] == word[first + 1 :].lower() else MIXED


def parse(text: str) -> list[ParsedWord]:
    """Words of a text, each with the mark after it; quotes, brackets and everything else that is no word is left out.

    A full stop of an abbreviation or an initial belongs to the word.
    """
    text = _SPACED.sub(lambda found: " … " if found[0][0] in ".…" else " — ", text.replace("’", "'"))
    words: list[ParsedWord] = []
    for token in text.split():
        found = _TOKEN.fullmatch(token)
        _, core, after = found.groups() if found else ("", token, "")
        if not core:
            if words and not words[-1].mark:
                words[-1] = words[-1]._replace(mark=_mark(token))
            continue
        if after.startswith(".") and _keeps_stop(core):
            core, after = core + ".", after[1:]
        words.append(ParsedWord(core, _mark(after), case_of(core)))
    return words


def tokens_of(text: str) -> list[Token]:
    """What stands between the blanks of a text."""
    tokens = []
    for token in text.split():
        found = _TOKEN.fullmatch(token)
        before, core, after = found.groups() if found else ("", token, "")
        if core and after.startswith(".") and _keeps_stop(core):
            core, after = core + ".", after[1:]
        tokens.append(Token(before, core, after, _mark(after) if core else ""))
    return tokens


def _keeps_stop(core: str) -> bool:
    lower = core.lower()
    return (
        lower in ABBREVIATIONS or bool(_ACRONYM.fullmatch(core)) or (len(core) == 1 and core.isupper() and core != "I")
    )


def _mark(after: str) -> str:
    """The mark that a run of characters after a word stands for."""
    for mark in "?!.;:,":
        if mark in after:
            return mark
    if "…" in after:
        return "."
    return "," if _DASHES.search(after) else ""
