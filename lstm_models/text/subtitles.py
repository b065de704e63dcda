"""The texts of subtitles (SubRip's .srt, WebVTT's .vtt) with their times."""

from __future__ import annotations

import re
from typing import NamedTuple

from lstm_models.errors import InputError

__all__ = ["TimedText", "read_subtitles"]

_TIME = r"(?:(\d+):)?(\d+):(\d\d)[.,](\d+)"
_TIMES = re.compile(rf"\s*{_TIME}\s*-->\s*{_TIME}")
_TAG = re.compile(r"<[^<>]*>|\{\\[^{}]*\}")


class TimedText(NamedTuple):
    """A text, and when it is said: from ``start`` to ``end``, in seconds."""

    text: str
    start: float
    end: float


def read_subtitles(content: str) -> list[TimedText]:
    """The subtitles of a file that have a text, each on one line, without tags.

    Raises:
        InputError: no line has times (00:00:01,000 --> 00:00:02,000), one ends before it starts, or there is no text.

    >>> read_subtitles("1\\n00:00:01,000 --> 00:00:02,500\\n<i>Good</i>\\nmorning.\\n")
    [TimedText(text='Good morning.', start=1.0, end=2.5)]
    """
    lines, found, seen, number = content.splitlines(), [], False, 0
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
        text = " ".join(_TAG.sub("", " ".join(lines[first:number])).split())
        if text:
            found.append(TimedText(text, start, end))
    if not seen:
        raise InputError("these are not subtitles: no line has times such as 00:00:01,000 --> 00:00:02,000")
    if not found:
        raise InputError("the subtitles have no words")
    return found


def _seconds(parts: tuple[str | None, ...]) -> float:
    hours, minutes, seconds, fraction = parts
    return int(hours or 0) * 3600 + int(minutes or 0) * 60 + int(seconds or 0) + float(f"0.{fraction}")
