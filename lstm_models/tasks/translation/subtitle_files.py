"""Subtitles (SubRip's .srt, WebVTT's .vtt) in another language: the times stay, sentences may run over several.

A sentence is translated as a whole, and its words go to its subtitles by the length of what stood there; lines are
broken anew at 42 characters (Netflix's "Timed Text Style Guide").
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lstm_models.errors import InputError

__all__ = ["translate_subtitles"]

LINE = 42
"""Characters of a line."""

_TIME = r"(?:(\d+):)?(\d+):(\d\d)[.,](\d+)"
_TIMES = re.compile(rf"\s*{_TIME}\s*-->\s*{_TIME}")
_TAG = re.compile(r"<[^<>]*>|\{\\[^{}]*\}")
_END = re.compile(r"[.!?…][\"')»”’]*$")
_MOST_JOINED = 6  # subtitles that a sentence may run over; without marks, every subtitle is a sentence


@dataclass(frozen=True)
class _Cue:
    """A subtitle: the lines of its text, from ``first`` to before ``last``, and the text on one line, without tags."""

    first: int
    last: int
    text: str


def translate_subtitles(content: str, translate: Callable[[Sequence[str]], list[str]]) -> str:
    """The content of a file of subtitles, its text by ``translate``, which takes texts and gives as many.

    Raises:
        InputError: there is no line of times (00:00:01,000 --> 00:00:02,000), one ends before it starts, or there is no
            text.
    """
    lines = content.splitlines(keepends=True)
    cues = _cues(lines)
    groups = _sentences(cues)
    if not groups:
        raise InputError("the subtitles have no words")
    translated = translate([" ".join(cue.text for cue in group) for group in groups])
    for group, text in reversed(list(zip(groups, translated, strict=True))):
        for cue, part in reversed(list(zip(group, _shares(text, [len(cue.text) for cue in group]), strict=True))):
            end = "\r\n" if lines[cue.first].endswith("\r\n") else "\n"
            lines[cue.first : cue.last] = [line + end for line in _lines(part)]
    return "".join(lines)


def _cues(lines: Sequence[str]) -> list[_Cue]:
    """The subtitles with a text."""
    found, seen, number = [], False, 0
    while number < len(lines):
        times = _TIMES.match(lines[number])
        number += 1
        if times is None:
            continue
        seen, (start, end) = True, (_seconds(times.groups()[at : at + 4]) for at in (0, 4))
        if end < start:
            raise InputError(f"line {number} is no time of a subtitle: it ends before it starts")
        first = number
        while number < len(lines) and lines[number].strip():
            number += 1
        text = " ".join(_TAG.sub("", "".join(lines[first:number])).split())
        if text:
            found.append(_Cue(first, number, text))
    if not seen:
        raise InputError("these are not subtitles: no line has times such as 00:00:01,000 --> 00:00:02,000")
    return found


def _seconds(parts: Sequence[str | None]) -> float:
    hours, minutes, seconds, fraction = (part or "0" for part in parts)
    return 3600 * int(hours) + 60 * int(minutes) + int(seconds) + float(f"0.{fraction}")


def _sentences(cues: Sequence[_Cue]) -> list[list[_Cue]]:
    """Subtitles that make up a sentence, or several."""
    groups: list[list[_Cue]] = []
    ended = True
    marked = sum(_END.search(cue.text) is not None for cue in cues) * _MOST_JOINED >= len(cues)
    for cue in cues:
        if ended or not marked or len(groups[-1]) == _MOST_JOINED:
            groups.append([])
        groups[-1].append(cue)
        ended = _END.search(cue.text) is not None
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
