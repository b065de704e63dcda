"""Marks and capitals for the words of subtitles (SubRip's .srt, WebVTT's .vtt); times, numbers and tags stay.

The words of all subtitles are one text, so a sentence may run over several of them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lstm_models.errors import InputError
from lstm_models.tasks.punctuation.decoding import PunctuateOptions, punctuate_tokens
from lstm_models.tasks.punctuation.features import Token, tokens_of
from lstm_models.text.subtitles import TIMES

if TYPE_CHECKING:
    from lstm_models.tasks.punctuation.network import PunctuationNetwork

__all__ = ["punctuate_subtitles"]

_TAG = r"(?:<[^<>]*>|\{[^{}]*\})*"
_TAGGED = re.compile(rf"({_TAG})(.*?)({_TAG})", re.DOTALL)
# Blanks inside of a tag are none between words
_WORD = re.compile(r"(?:<[^<>]*>|\{[^{}]*\}|[^\s<{]|[<{])+")


def punctuate_subtitles(
    network: PunctuationNetwork,
    content: str,
    options: PunctuateOptions = PunctuateOptions(),  # noqa: B008 - frozen
) -> str:
    """The content of a file of subtitles, its words with marks and capitals.

    Raises:
        InputError: there is no line of times (00:00:01,000 --> 00:00:02,000), or there are no words.
    """
    lines = content.splitlines(keepends=True)
    spoken = _spoken(lines)
    if spoken is None:
        raise InputError("these are not subtitles: no line has times such as 00:00:01,000 --> 00:00:02,000")
    tokens, places = [], []
    for number in spoken:
        for found in _WORD.finditer(lines[number]):
            tokens.append(_token(found[0]))
            places.append((number, found.start(), found.end()))
    if not any(token.core for token in tokens):
        raise InputError("the subtitles have no words")
    made = punctuate_tokens(network, tokens, options)
    for (number, start, end), word in reversed(list(zip(places, made, strict=True))):
        lines[number] = lines[number][:start] + str(word) + lines[number][end:]
    return "".join(lines)


def _spoken(lines: list[str]) -> list[int] | None:
    """The numbers of the lines that are text of a subtitle: those after a line of times up to an empty one."""
    found: list[int] = []
    inside = seen = False
    for number, line in enumerate(lines):
        if TIMES.match(line):
            inside = seen = True
        elif not line.strip():
            inside = False
        elif inside:
            found.append(number)
    return found if seen else None


def _token(text: str) -> Token:
    """A word whose tags count to what stands around it."""
    found = _TAGGED.fullmatch(text)
    opening, word, closing = found.groups() if found else ("", text, "")
    inner = tokens_of(word)
    if len(inner) != 1 or not inner[0].core:
        return Token(text, "", "", "")
    return inner[0]._replace(before=opening + inner[0].before, after=inner[0].after + closing)
