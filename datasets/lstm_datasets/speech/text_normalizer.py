"""Written English as it is spoken: lower-case a–z, apostrophes and spaces, as LibriSpeech writes its transcripts.

>>> from lstm_datasets.speech.text_normalizer import normalize
>>> normalize("Mr. O’Hara paid £3.50 on the 21st of May, 1984 — at 5:30 p.m.!")
"mister o'hara paid three pounds fifty on the twenty first of may nineteen eighty four at five thirty p m"

Numbers are spelt by `number_words`; letters with accents lose them by ``anyascii``. What is read aloud in several ways
(2005, 12/3, “Dr.” in an address) gets the one that is most usual in read books. Text that is normalised already stays
as it is.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Callable
from typing import Literal

from lstm_models.text.number_words import number_words

__all__ = ["ALPHABET", "characters_outside", "normalize"]

ALPHABET = " 'abcdefghijklmnopqrstuvwxyz"

_APOSTROPHES = str.maketrans(dict.fromkeys("’‘‛ʼ′´`＇\u02b9\u02bb", "'"))
_SIGNS = {
    "½": " 1/2", "¼": " 1/4", "¾": " 3/4", "⅓": " 1/3", "⅔": " 2/3", "⅛": " 1/8", "⅜": " 3/8", "⅝": " 5/8", "⅞": " 7/8",
    "⁄": "/", "²": " squared", "³": " cubed", "×": " times ", "÷": " divided by ", "§": " section ", "№": " number ",
    "–": "-", "‐": "-", "‑": "-", "−": "-", "—": " -- ", "―": " -- ", "…": " ... ", "™": "", "©": "", "®": "",
    "\u00ad": "", "\u200b": "", "\u200d": "", "\u2060": "", "\ufeff": "",
}  # fmt: skip
_SIGN = re.compile("[" + "".join(_SIGNS) + "]")

# Abbreviations: those that are no word without their full stop come first, the others need it.
_ALWAYS = {
    "mr": "mister", "mrs": "missus", "dr": "doctor", "vs": "versus", "etc": "et cetera", "prof": "professor",
    "sgt": "sergeant", "capt": "captain", "cmdr": "commander", "esq": "esquire", "ave": "avenue",
    "blvd": "boulevard", "dept": "department", "govt": "government", "viz": "namely",
}  # fmt: skip
_STOPPED = {
    "jr": "junior", "sr": "senior", "lt": "lieutenant", "col": "colonel", "gen": "general", "rev": "reverend",
    "hon": "honorable", "gov": "governor", "sen": "senator", "rep": "representative", "maj": "major", "adm": "admiral",
    "co": "company", "inc": "incorporated", "ltd": "limited", "corp": "corporation", "bros": "brothers", "mt": "mount",
    "ft": "fort", "rd": "road", "vol": "volume", "vols": "volumes", "chap": "chapter",
    "ch": "chapter", "fig": "figure", "approx": "approximately", "st": "street", "no": "no", "ms": "ms",
}  # fmt: skip
_KEEPS_ITS_CASE = {"ave", "viz"}  # “ave maria”: only as “Ave.”
_ABBREVIATION = re.compile(rf"\b(?:({'|'.join(_ALWAYS)})\b\.?|({'|'.join(_STOPPED)})\.)(?!\w)", re.IGNORECASE)
_BEFORE_A_NUMBER = {
    "no": "number", "nos": "numbers", "p": "page", "pp": "pages", "sec": "section", "art": "article",
    "mar": "march", "apr": "april", "jun": "june", "jul": "july",
}  # fmt: skip
_NUMBERED = re.compile(rf"\b({'|'.join(_BEFORE_A_NUMBER)})\.\s?(?=\d)", re.IGNORECASE)
_MONTHS = {
    "jan": "january", "feb": "february", "aug": "august", "sept": "september", "oct": "october", "nov": "november",
    "dec": "december",
}  # fmt: skip
_MONTH = re.compile(rf"\b({'|'.join(_MONTHS)})\.(?!\w)", re.IGNORECASE)
_UNITS = {
    "km": "kilometer", "cm": "centimeter", "mm": "millimeter", "kg": "kilogram", "mg": "milligram", "km/h": "kilometer",
    "lb": "pound", "lbs": "pound", "oz": "ounce", "ft": "foot", "yd": "yard", "yds": "yard", "hrs": "hour",
    "hr": "hour", "mins": "minute", "min": "minute", "secs": "second", "sec": "second", "ml": "milliliter",
    "hz": "hertz",
    "khz": "kilohertz", "mhz": "megahertz", "ghz": "gigahertz", "kb": "kilobyte", "mb": "megabyte", "gb": "gigabyte",
    "kw": "kilowatt", "mph": "mile", "m": "meter", "g": "gram",
}  # fmt: skip
_PLURALS = {"foot": "feet", "hertz": "hertz", "kilohertz": "kilohertz", "megahertz": "megahertz",
            "gigahertz": "gigahertz"}  # fmt: skip
_TAILS = {"mph": " an hour", "km/h": " an hour"}
_MONTH_NAMES = "january|february|march|april|may|june|july|august|september|october|november|december"
_CURRENCIES = {
    "$": ("dollar", "dollars", "cent", "cents"),
    "£": ("pound", "pounds", "penny", "pence"),
    "€": ("euro", "euros", "cent", "cents"),
    "¥": ("yen", "yen", "", ""),
    "₹": ("rupee", "rupees", "paisa", "paise"),
}
_SCALES = "hundred|thousand|million|billion|trillion"
_FRACTIONS = {2: ("half", "halves"), 4: ("quarter", "quarters")}

_NUMBER = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|(?<![\w.])\.\d+"
_LONGEST = 15  # digits; a longer number is read digit by digit
_ROMAN = r"(?=[MDCLXVI])M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})"
_COUNTED = "chapter|book|volume|vol|part|act|scene|canto|section|letter|psalm|lesson|plate|war"
_RULERS = (
    "henry|edward|charles|george|james|louis|richard|william|philip|francis|napoleon|frederick|ferdinand|alexander|"
    "nicholas|peter|paul|pius|leo|innocent|gregory|clement|urban|benedict|john|ptolemy|gustavus|christian|catherine|"
    "elizabeth|mary|robert|david|malcolm|otto|joseph|leopold"
)

# The words that begin with an apostrophe; elsewhere one before a word opens a quotation.
_LEADING = re.compile(
    r"'(?:tis|twas|twere|twill|twould|twixt|tisn't|twasn't|em|cause|bout|round|neath|gainst|til|till|un|d|ll|re|ve|s|"
    r"m|n|er|im|ere|pon|mongst|fore|kay|nother|scuse)\b",
    re.IGNORECASE,
)
_LIST_OF_LETTERS = re.compile(r"\b(?:[A-Za-z]\.\s?){2,}|\b(?:[A-Za-z]\.){2,}[A-Za-z]\b")


def normalize(text: str) -> str:
    """The text as it is read aloud, in the characters of `ALPHABET`, one space between words.

    Numbers, ordinals, years, money, times, fractions and percentages are spelt out, and so are the usual
    abbreviations; hyphens become spaces, an ampersand “and”. An apostrophe stays where it belongs to a word
    (“don't”, “o'clock”, “'tis”, “the boys'”), and goes where it is a quotation mark. Letters of other scripts are
    romanised; see `characters_outside`.
    """
    text = " ".join(text.split())  # U+0085 and the other separators are spaces to Unicode, and would be dropped below
    text = _SIGN.sub(lambda sign: _SIGNS[sign[0]], text.translate(_APOSTROPHES))
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text).translate(_APOSTROPHES)
    text = _MONTH.sub(lambda found: f"{_MONTHS[found[1].lower()]} ", text)
    if any(character.isdigit() for character in text):
        text = _spelt_numbers(_NUMBERED.sub(lambda found: f"{_BEFORE_A_NUMBER[found[1].lower()]} ", text))
    text = _spelt_words(text)
    if not text.isascii():
        text = "".join(_folded(character) for character in text)
    text = _placed_apostrophes(text.lower())
    return " ".join(re.sub(r"[^a-z']+", " ", text).split())


def characters_outside(text: str) -> str:
    """The letters and digits of the text that English has no letter for, each once: those of other scripts.

    `normalize` romanises them, which is seldom what was spoken, so that data with such a text are better left out.
    """
    found = dict.fromkeys(
        character
        for character in unicodedata.normalize("NFKC", text)
        if not character.isascii()
        and unicodedata.category(character)[0] in "LN"
        and "LATIN" not in unicodedata.name(character, "")
        and character not in _SIGNS
        and character not in "’‘‛ʼ′´\u02b9\u02bb⁄"
    )
    return "".join(found)


@functools.lru_cache(maxsize=4096)
def _folded(character: str) -> str:
    from anyascii import anyascii

    if character.isascii():
        return character
    if character in "£€¥₹":
        return " "
    plain = anyascii(character)
    return " " if re.fullmatch(r":[^\s:]+:", plain) else plain  # an emoji's name is not read aloud


# --- numbers ---------------------------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=65536)
def _words(number: str, to: Literal["cardinal", "ordinal", "year"] = "cardinal") -> str:
    """A number of digits, with a decimal point or without, as words."""
    whole, point, decimals = number.partition(".")
    if point:
        return f"{_words(whole or '0')} point {_digits(decimals)}"
    if len(whole) > _LONGEST or (len(whole) > 1 and whole[0] == "0" and to == "cardinal"):
        return _digits(whole)
    return number_words(int(whole), to)


def _digits(number: str) -> str:
    return " ".join(_words(digit) for digit in number)


def _plain(number: str) -> str:
    return number.replace(",", "")


def _money(found: re.Match[str]) -> str:
    one, many, cent, cents = _CURRENCIES[found["sign"]]
    amount = _plain(found["amount"])
    if found["scale"]:
        scale = {"m": "million", "bn": "billion", "k": "thousand"}.get(found["scale"].lower(), found["scale"])
        return f" {_words(amount)} {scale} {many} "
    whole, point, part = amount.partition(".")
    if not point or len(part) != 2 or not cent:
        return f" {_words(amount)} {one if amount == '1' else many} "
    named = f"{_words(str(int(part)))} {cent if part == '01' else cents}"
    if not int(whole or 0):
        return f" {named} "
    spoken = f"{_words(whole)} {one if whole == '1' else many}"
    if not int(part):
        return f" {spoken} "
    return f" {spoken} {_words(part.lstrip('0')) if found['sign'] == '£' else 'and ' + named} "


def _time(found: re.Match[str]) -> str:
    hour, minute = _words(str(int(found[1]))), found[2]
    if minute == "00":
        spoken = hour if found[3] else f"{hour} o'clock"
    else:
        spoken = f"{hour} {'oh ' if minute[0] == '0' else ''}{_words(str(int(minute)))}"
    return f" {spoken} {' '.join(found[3].replace('.', '').lower()) if found[3] else ''} "


def _fraction(found: re.Match[str]) -> str:
    whole, above, below = found[1], int(found[2]), int(found[3])
    if above >= below:  # 24/7, 9/11 and the like are no fractions
        return f" {_words(whole) if whole else ''} {_words(found[2])} {_words(found[3])} "
    if below in _FRACTIONS:
        spoken = _FRACTIONS[below][above != 1]
    elif 3 <= below <= 100:
        spoken = _words(str(below), "ordinal") + "s" * (above != 1)
    else:
        return f" {_words(found[1]) if whole else ''} {_words(found[2])} over {_words(found[3])} "
    if not whole:
        return f" {_words(found[2])} {spoken} "
    return f" {_words(whole)} and {'a' if above == 1 else _words(found[2])} {spoken} "


def _decade(found: re.Match[str]) -> str:
    year = found[1]
    last = _words(year, "year" if len(year) == 4 else "cardinal")
    return f" {last[:-1]}ies " if last.endswith("y") else f" {last}{'es' if last.endswith('x') else 's'} "


def _year(found: re.Match[str]) -> str:
    return _spaced(_words(found[0], "year"), found)


def _cardinal(found: re.Match[str]) -> str:
    return _spaced(_words(_plain(found[0])), found)


def _spaced(words: str, found: re.Match[str]) -> str:
    """With spaces around it, none before “'s”."""
    return f" {words}" if re.match("'[a-z]", found.string[found.end() :]) else f" {words} "


def _unit(found: re.Match[str]) -> str:
    number, unit = found[1], found[2].lower()
    name = _UNITS[unit]
    many = name if number == "1" else _PLURALS.get(name, f"{name}s")
    return f"{number} {many}{_TAILS.get(unit, '')} "


def _degrees(found: re.Match[str]) -> str:
    scale = {"c": "celsius", "f": "fahrenheit"}.get((found[2] or "").lower(), "")
    return f"{found[1]} {'degree' if found[1] == '1' else 'degrees'} {scale} "


def _month_day(found: re.Match[str]) -> str:
    return f"{found[1]} {_words(found[2], 'ordinal')} "


# In this order: what is more than a number first, bare numbers last.
_NUMBERS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
    (re.compile(rf"(?:US|CA|AU)?(?P<sign>[$£€¥₹])\s?(?P<amount>{_NUMBER})(?:\s?(?P<scale>{_SCALES}|bn|[mk])\b)?",
                re.IGNORECASE), _money),
    (re.compile(rf"({_NUMBER})\s?¢"),
     lambda found: f" {_words(_plain(found[1]))} {'cent' if found[1] == '1' else 'cents'} "),
    (re.compile(rf"({_NUMBER})\s?(?:%|per cent\b)"), lambda found: f" {found[1]} percent "),
    (re.compile(r"\b([01]?\d|2[0-3]):([0-5]\d)(?::[0-5]\d)?\s?([ap]\.?m\b\.?)?", re.IGNORECASE), _time),
    (re.compile(r"\b(\d{1,2})\s?([ap]\.?m\b\.?)", re.IGNORECASE),
     lambda found: f" {_words(str(int(found[1])))} {found[2][0].lower()} m "),
    (re.compile(rf"\b({_MONTH_NAMES})\s+(\d{{1,2}})(?![\w:/]|[.-]\d)", re.IGNORECASE), _month_day),
    (re.compile(rf"({_NUMBER})\s?°\s?([CF]\b)?", re.IGNORECASE), _degrees),
    (re.compile(rf"({_NUMBER})\s?(km/h)\b", re.IGNORECASE), _unit),
    (re.compile(rf"({_NUMBER})\s?({'|'.join(unit for unit in _UNITS if len(unit) > 1)})\b\.?", re.IGNORECASE), _unit),
    (re.compile(rf"({_NUMBER})\s?([mg])\b(?!\.)"), _unit),
    (re.compile(r"(?:\b(\d+)\s)?\b(\d{1,3})/(\d{1,4})(?![\d/])"), _fraction),
    (re.compile(r"'?\b(1\d\d0|20\d0|[2-9]0)'?s\b"), _decade),
    (re.compile(r"\b(\d{1,3}(?:,\d{3})+|\d+)(?:st|nd|rd|th)\b", re.IGNORECASE),
     lambda found: f" {_words(_plain(found[1]), 'ordinal')} "),
    (re.compile(r"\b\d{3}-\d{4}\b|\b\d{3}-\d{3}-\d{4}\b|(?<![\d,.])0\d{2,}\b"),
     lambda found: f" {_digits(found[0].replace('-', ''))} "),
    (re.compile(r"(?<=\d)\s?-{1,2}\s?(?=\d)"), lambda _: " to "),
    (re.compile(r"#\s?(?=\d)"), lambda _: " number "),
    (re.compile(r"(?<![\w.])-(?=\d)"), lambda _: " minus "),
    (re.compile(r"(?<![\d,.])(?:1[1-9]\d\d|20\d\d)(?![\d]|[.,]\d)"), _year),
    (re.compile(_NUMBER), _cardinal),
)  # fmt: skip


def _spelt_numbers(text: str) -> str:
    # The digits of other scripts count as such by value; \d would take them and int() read them
    text = "".join(
        str(unicodedata.digit(character)) if character.isdigit() and not character.isascii() else character
        for character in text
    )
    for pattern, spelt in _NUMBERS:
        text = pattern.sub(spelt, text)
    return text


def _value(roman: str) -> int:
    values = [dict(zip("IVXLCDM", (1, 5, 10, 50, 100, 500, 1000), strict=True))[letter] for letter in roman]
    return sum(-value if value < max(values[place:]) else value for place, value in enumerate(values))


# Not “the scene I saw”
_CHAPTERS = re.compile(rf"\b((?i:{_COUNTED})\.?)\s(?!I\s(?!of\b)\w)({_ROMAN})(?![\w'])")
_REGNAL = re.compile(rf"\b((?i:{_RULERS}))\s(?=[IVX]{{2}}|[VX]\b)({_ROMAN})(?!\w)")
_SAINT = re.compile(r"(?<![\w'])S[Tt]\b\.?(?=\s+['\"]?[A-Z])")


# --- words -----------------------------------------------------------------------------------------------------------


def _abbreviation(found: re.Match[str]) -> str:
    short = (found[1] or found[2]).lower()
    if short in _KEEPS_ITS_CASE and not found[0].endswith("."):
        return found[0]
    return f"{_ALWAYS.get(short) or _STOPPED[short]} "


def _spelt_words(text: str) -> str:
    text = _CHAPTERS.sub(lambda found: f"{found[1]} {_words(str(_value(found[2])))}", text)
    text = _REGNAL.sub(lambda found: f"{found[1]} the {_words(str(_value(found[2])), 'ordinal')}", text)
    text = _SAINT.sub("saint ", text)
    text = re.sub(r"&\s?c\b\.?", " et cetera ", text)
    text = re.sub(r"\be\.\s?g\.", "for example ", text)
    text = re.sub(r"\bi\.\s?e\.", "that is ", text)
    text = re.sub(r"\bPh\.?\s?D\b\.?", "p h d ", text)
    text = _LIST_OF_LETTERS.sub(lambda found: " ".join(found[0].replace(".", " ").split()) + " ", text)
    text = _ABBREVIATION.sub(_abbreviation, text)
    for sign, word in (("&", "and"), ("+", "plus"), ("=", "equals"), ("@", "at"), ("%", "percent"), ("°", "degrees")):
        text = text.replace(sign, f" {word} ")
    return text


def _placed_apostrophes(text: str) -> str:
    """Without the apostrophes that are quotation marks."""
    kept: list[str] = []
    after = 0
    quoted = False
    for found in re.finditer("'+", text):
        begin, end = found.span()
        before, behind = text[begin - 1 : begin].isalpha(), text[end : end + 1].isalpha()
        kept.append(text[after:begin])
        after = end
        if end - begin > 1 or not (before or behind):
            quoted = quoted and before  # '' is a double quotation mark; one after a comma closes
            kept.append(" ")
        elif before and behind:
            kept.append("'")
        elif behind:
            belongs = _LEADING.match(text, begin) is not None
            quoted = quoted or not belongs
            kept.append("'" if belongs else " ")
        elif quoted:
            quoted = False
            kept.append(" ")
        else:  # the boys', o', goin'
            kept.append("'")
    kept.append(text[after:])
    return "".join(kept)
