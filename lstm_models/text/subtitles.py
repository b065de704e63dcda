"""The texts of subtitles (SubRip's .srt, WebVTT's .vtt) with their times."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from lstm_models.errors import InputError

__all__ = ["TIMES", "Cue", "TimedText", "cues", "read_subtitles", "subtitle_time"]

_TIME = r"(?:(\d+):)?(\d+):(\d\d)[.,](\d+)"
TIMES = re.compile(rf"\s*{_TIME}\s*-->\s*{_TIME}")
"""The line of a subtitle's times."""
_TAG = re.compile(r"<[^<>]*>|\{\\[^{}]*\}")


class TimedText(NamedTuple):
    """A text, and when it is said: from ``start`` to ``end``, in seconds."""

    text: str
    start: float
    end: float


class Cue(NamedTuple):
    """A subtitle: the lines of its text, from ``first`` to before ``last``, and that text on one line, without tags."""

    first: int
    last: int
    timed: TimedText


def cues(lines: Sequence[str]) -> list[Cue]:
    """The subtitles with a text, of the lines of a file with their ends.

    Raises:
        InputError: no line has times (00:00:01,000 --> 00:00:02,000), one ends before it starts, or there is no text.
    """
    found, seen, number = [], False, 0
    while number < len(lines):
        times = TIMES.match(lines[number])
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
            found.append(Cue(first, number, TimedText(text, start, end)))
    if not seen:
        raise InputError("these are not subtitles: no line has times such as 00:00:01,000 --> 00:00:02,000")
    if not found:
        raise InputError("the subtitles have no words")
    return found


def read_subtitles(content: str) -> list[TimedText]:
    """The subtitles of a file that have a text, each on one line, without tags.

    Raises:
        InputError: as `cues`.

    >>> read_subtitles("1\\n00:00:01,000 --> 00:00:02,500\\n<i>Good</i>\\nmorning.\\n")
    [TimedText(text='Good morning.', start=1.0, end=2.5)]
    """
    return [cue.timed for cue in cues(content.splitlines(keepends=True))]


def _seconds(parts: tuple[str | None, ...]) -> float:
    hours, minutes, seconds, fraction = parts
    return int(hours or 0) * 3600 + int(minutes or 0) * 60 + int(seconds or 0) + float(f"0.{fraction}")


def subtitle_time(seconds: float, comma: bool = False) -> str:
    """A time as WebVTT writes it, or with a comma as SubRip does.

    >>> subtitle_time(3725.5), subtitle_time(1.0, comma=True)
    ('01:02:05.500', '00:00:01,000')
    """
    whole = round(max(0.0, seconds) * 1000)
    minutes, rest = divmod(whole // 1000, 60)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest:02}{',' if comma else '.'}{whole % 1000:03}"
