"""English words of whole numbers, as they are read aloud: “one hundred and five”, “nineteen oh five”, “twenty first”.

Written without hyphens and commas, which transcripts do not have either. British “and” before the last two digits.
"""

from __future__ import annotations

from typing import Literal

__all__ = ["number_words"]

_SMALL = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_GROUPS = ("", "thousand", "million", "billion", "trillion", "quadrillion", "quintillion", "sextillion", "septillion")
_ORDINALS = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth",
    "twelve": "twelfth",
}  # fmt: skip


def number_words(number: int, kind: Literal["cardinal", "ordinal", "year"] = "cardinal") -> str:
    """The number in words.

    Raises:
        ValueError: it is negative, or has more than 27 digits.

    Example:
        >>> number_words(1905), number_words(1905, "year"), number_words(21, "ordinal")
        ('one thousand nine hundred and five', 'nineteen oh five', 'twenty first')
    """
    if not 0 <= number < 1000 ** len(_GROUPS):
        raise ValueError(f"{number} has no words here")
    if kind == "year":
        high, low = divmod(number, 100)
        if not 0 < high < 100 or (high % 10 == 0 and low < 10):  # 2005, 905 and the like are read as numbers
            return _cardinal(number)
        return f"{_cardinal(high)} {'hundred' if not low else ('oh ' if low < 10 else '') + _cardinal(low)}"
    words = _cardinal(number)
    if kind == "cardinal":
        return words
    before, _, last = words.rpartition(" ")
    ordinal = _ORDINALS.get(last) or (f"{last[:-1]}ieth" if last.endswith("y") else f"{last}th")
    return f"{before} {ordinal}".strip()


def _cardinal(number: int) -> str:
    if number < 1000:
        return _below_thousand(number)
    parts = []
    for exponent in range(len(_GROUPS) - 1, 0, -1):
        group, number = divmod(number, 1000**exponent)
        if group:
            parts.append(f"{_below_thousand(group)} {_GROUPS[exponent]}")
    if number:
        parts.append(f"and {_below_thousand(number)}" if number < 100 else _below_thousand(number))
    return " ".join(parts)


def _below_thousand(number: int) -> str:
    hundreds, rest = divmod(number, 100)
    tens, ones = divmod(rest, 10)
    below_hundred = _SMALL[rest] if rest < 20 else f"{_TENS[tens]} {_SMALL[ones]}" if ones else _TENS[tens]
    if not hundreds:
        return below_hundred
    return f"{_SMALL[hundreds]} hundred and {below_hundred}" if rest else f"{_SMALL[hundreds]} hundred"
