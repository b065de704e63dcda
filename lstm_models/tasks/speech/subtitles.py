"""Words with times, broken into subtitles by the rules of broadcasters.

At most two lines of 42 characters for at most seven seconds, at least a second where there is room, never two at a
time; broken at pauses first and evenly otherwise. The limits are those of Netflix's "Timed Text Style Guide: General
Requirements" and the BBC's "Subtitle Guidelines".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lstm_models.errors import InputError
from lstm_models.results import Word

__all__ = ["Cue", "cues", "milliseconds", "spans"]

LINE = 42
"""Characters of a line; a longer word has one to itself."""
LONGEST, SHORTEST = 7_000, 1_000
"""Milliseconds that a subtitle is shown."""
PAUSE = 800
"""Milliseconds without a word that end a subtitle."""
_MARKS = {".": 1000, "?": 1000, "!": 1000, ",": 400, ";": 400, ":": 400}  # milliseconds that a mark is worth
GAP = 80
"""Milliseconds between a subtitle that stays for reading and the next one: two pictures of a film."""
READING = 50
"""Milliseconds a character needs to be read: 20 characters a second."""


@dataclass(frozen=True)
class Cue:
    """One subtitle: its lines of words, shown from ``start`` to ``end``, in milliseconds."""

    start: int
    end: int
    lines: tuple[tuple[Word, ...], ...]

    @property
    def text(self) -> str:
        """The lines, each ended but the last."""
        return "\n".join(" ".join(word.text for word in line) for line in self.lines)


def milliseconds(seconds: float | None) -> int:
    """A time, rounded; 0 where there is none."""
    return 0 if seconds is None else max(0, round(1000 * seconds))


def spans(words: Sequence[Word]) -> list[tuple[int, int]]:
    """Start and end of each word in milliseconds: none is empty, none overlaps the one before.

    Raises:
        InputError: a word has no times.
    """
    found: list[tuple[int, int]] = []
    place = 0
    for number, word in enumerate(words):
        if word.start is None or word.end is None:
            raise InputError(f"“{word.text}” has no times, so there can be no subtitles or intervals.")
        start = max(milliseconds(word.start), place)
        end = max(milliseconds(word.end), start + 1)
        if number + 1 < len(words):
            end = min(end, max(milliseconds(words[number + 1].start), start + 1))
        found.append((start, end))
        place = end
    return found


def cues(words: Sequence[Word], duration: float = 0.0) -> list[Cue]:
    """The words as subtitles, in order, none overlapping another.

    Args:
        words: with times.
        duration: of the recording in seconds: no subtitle stays longer for being read.

    Raises:
        InputError: a word has no times.
    """
    times = spans(words)
    parts: list[tuple[int, int]] = []
    first = 0
    for number in range(1, len(words) + 1):
        if number == len(words) or times[number][0] - times[number - 1][1] >= PAUSE:
            parts += _parts(words, times, first, number)
            first = number
    made = []
    for number, (first, last) in enumerate(parts):
        start, end = times[first][0], times[last - 1][1]
        letters = sum(len(word.text) + 1 for word in words[first:last])
        wanted = start + min(LONGEST, max(SHORTEST, READING * letters))
        room = times[parts[number + 1][0]][0] - GAP if number + 1 < len(parts) else milliseconds(duration)
        end = max(end, min(wanted, room))
        if last - first == 1:
            end = min(end, start + LONGEST)  # one word, drawn out
        made.append(Cue(start, end, _lines(words[first:last])))
    return made


def _parts(words: Sequence[Word], times: Sequence[tuple[int, int]], first: int, last: int) -> list[tuple[int, int]]:
    """The words first to last in as many parts as they need."""
    done: list[tuple[int, int]] = []
    waiting = [(first, last)]
    while waiting:
        begin, end = waiting.pop()
        if end - begin == 1 or _fits(words, times, begin, end):
            done.append((begin, end))
            continue
        middle = _break(words, times, begin, end)
        waiting += [(middle, end), (begin, middle)]
    return done


def _fits(words: Sequence[Word], times: Sequence[tuple[int, int]], begin: int, end: int) -> bool:
    if times[end - 1][1] - times[begin][0] > LONGEST:
        return False
    # A subtitle is short: what cannot fit is not looked at word by word
    return end - begin <= 2 * LINE and all(_length(line) <= LINE for line in _lines(words[begin:end]))


def _break(words: Sequence[Word], times: Sequence[tuple[int, int]], begin: int, end: int) -> int:
    """Where to break: at the longest pause, the more so the nearer it is to the middle; a mark counts as a pause."""
    low, high = times[begin][0], times[end - 1][1]
    best, found = -1.0, begin + 1
    for place in range(begin + 1, end):
        pause = times[place][0] - times[place - 1][1] + _MARKS.get(words[place - 1].text[-1:], 0)
        position = (times[place][0] - low) / max(1, high - low)
        balance = 4 * position * (1 - position)  # 1 in the middle, 0 at the ends
        worth = balance * (200 + pause)
        if worth > best:
            best, found = worth, place
    return found


def _lines(words: Sequence[Word]) -> tuple[tuple[Word, ...], ...]:
    """The words in one line, or in two whose longer one is as short as can be."""
    whole = _length(words)
    if whole <= LINE or len(words) == 1:
        return (tuple(words),)
    before, best, found = 0, whole, 1
    for place in range(1, len(words)):
        before += len(words[place - 1].text) + 1
        longer = max(before - 1, whole - before)
        if longer < best:
            best, found = longer, place
    return tuple(words[:found]), tuple(words[found:])


def _length(words: Sequence[Word]) -> int:
    return sum(len(word.text) + 1 for word in words) - 1
