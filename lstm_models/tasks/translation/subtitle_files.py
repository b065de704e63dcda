"""Subtitles (SubRip's .srt, WebVTT's .vtt) in another language: the times stay, sentences may run over several.

A sentence is translated as a whole, and its words go to its subtitles by the length of what stood there; lines are
broken anew at 42 characters (Netflix's "Timed Text Style Guide").
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from lstm_models.text.subtitles import Cue, cues

__all__ = ["translate_subtitles"]

LINE = 42
"""Characters of a line."""

_END = re.compile(r"[.!?…][\"')»”’]*$")
_MOST_JOINED = 6  # subtitles that a sentence may run over; without marks, every subtitle is a sentence


def translate_subtitles(content: str, translate: Callable[[Sequence[str]], list[str]]) -> str:
    """The content of a file of subtitles, its text by ``translate``, which takes texts and gives as many.

    Raises:
        InputError: there is no line of times (00:00:01,000 --> 00:00:02,000), one ends before it starts, or there is no
            text.
    """
    lines = content.splitlines(keepends=True)
    groups = _sentences(cues(lines))
    translated = translate([" ".join(cue.timed.text for cue in group) for group in groups])
    for group, text in reversed(list(zip(groups, translated, strict=True))):
        for cue, part in reversed(list(zip(group, _shares(text, [len(cue.timed.text) for cue in group]), strict=True))):
            end = "\r\n" if lines[cue.first].endswith("\r\n") else "\n"
            lines[cue.first : cue.last] = [line + end for line in _lines(part)]
    return "".join(lines)


def _sentences(spoken: Sequence[Cue]) -> list[list[Cue]]:
    """Subtitles that make up a sentence, or several."""
    groups: list[list[Cue]] = []
    ended = True
    marked = sum(_END.search(cue.timed.text) is not None for cue in spoken) * _MOST_JOINED >= len(spoken)
    for cue in spoken:
        if ended or not marked or len(groups[-1]) == _MOST_JOINED:
            groups.append([])
        groups[-1].append(cue)
        ended = _END.search(cue.timed.text) is not None
    return groups


def _shares(text: str, lengths: Sequence[int]) -> list[str]:
    """The words of a text for subtitles whose texts had so many characters; the last ones may get none."""
    words, parts, place = text.split(), [], 0
    whole, before = sum(lengths), 0
    for number, length in enumerate(lengths):
        before += length
        left = len(lengths) - number - 1
        until = len(text) * before / whole
        last = place + 1
        while last < len(words) - left and len(" ".join(words[: last + 1])) - len(words[last]) / 2 <= until:
            last += 1
        last = len(words) if not left else min(last, len(words))
        parts.append(" ".join(words[place:last]))
        place = last
    return parts


def _lines(text: str) -> list[str]:
    """A text in as few lines of 42 characters as it takes, of like length."""
    count = -(-len(text) // LINE) or 1
    words, lines = text.split(), [""]
    for number, word in enumerate(words):
        rest = " ".join(words[number:])
        line = lines[-1]
        even = len(" ".join([*lines[:-1], line, rest]).strip()) / count
        longer = f"{line} {word}".strip()
        if line and (len(longer) > LINE or (len(lines) < count and len(longer) - len(word) / 2 > even)):
            lines.append(word)
        else:
            lines[-1] = longer
    return lines or [""]
