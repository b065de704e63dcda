"""Text in the characters a model knows: what it lacks is spelt with what it has, never dropped silently."""

from __future__ import annotations

import re
import textwrap
import unicodedata
from collections.abc import Callable, Mapping, Sequence

from anyascii import anyascii

from lstm_models.errors import InputError
from lstm_models.text.number_words import number_words

__all__ = ["numbers_spoken", "spell", "spoken", "spoken_words", "wrap"]

# What stands in for an ASCII character that is not known: a relative in shape, or a word.
_RELATIVES = {"[": "(", "]": ")", "{": "(", "}": ")", "<": "(", ">": ")", "_": "-", "~": "-", "`": "'", "|": "/"}
_FRACTIONS = "½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅐⅛⅜⅝⅞⅑⅒"
_MONEY = {"$": "dollars", "£": "pounds", "€": "euros"}
_NUMBER = re.compile(r"([$£€])?(\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d{1,15}(?:\.\d+)?)(?:(st|nd|rd|th)\b)?(%)?")
_MOST_MARKS = 4  # no script has more on a letter; to stack them without end would take for ever
_SINGLY = 3  # characters that are spelt with a note each; more have one together
_LISTED = 12  # characters that a note names
_WORDS = {"&": "and", "@": "at", "%": "percent", "+": "plus", "=": "equals", "$": "dollars", "#": "no.", "*": "x"}


def spell(
    text: str, alphabet: str, drawable: Callable[[str, str], str] | None = None, keep: str = ""
) -> tuple[str, list[str]]:
    """The text in the alphabet's characters, with a note for each character that had to be written differently.

    Accents fall away, typographic signs become plain ones, other scripts are romanised (``anyascii``); what has no
    spelling is left out and named.

    Args:
        text: what to spell.
        alphabet: the characters that are known.
        drawable: how a character outside the alphabet can be had all the same, as half a sentence, or "": see
            ``lstm_models.tasks.handwriting.line_plan.drawable``. Such a character stays in the text.
        keep: characters that stay as they are though they are not in the alphabet.
    """
    known, spellings, notes = set(alphabet), {}, list[str]()
    drawn: dict[str, list[str]] = {}
    changed: dict[str, str] = {}  # characters as they are shown -> how they were spelt
    text = re.sub(rf"(?<=\d)(?=[{_FRACTIONS}])", " ", text)  # 1½ is no 11/2
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " "))
    if drawable is not None:
        text, kept = _with_single_marks(text), text
        if text != kept:
            notes.append("accents without a letter, or too many on one, were left out")
    for character in dict.fromkeys(text):
        if character in known or character == "\n" or character in keep:
            spellings[character] = character
            continue
        if _invisible(character) or (character.isspace() and " " in known):
            spellings[character] = " " if character.isspace() else ""
            continue
        how = drawable(character, alphabet) if drawable else ""
        if how:
            spellings[character] = character
            drawn.setdefault(how, []).append(_shown(character))
            continue
        plain = anyascii(character)
        # An emoji's name in words is not what was meant
        plain = "" if re.fullmatch(r":[^\s:]+:", plain) else _closest(plain, known)
        if not plain and drawable is not None:  # “½”: what it is spelt with can be drawn, though not written
            plain = "".join(c if c in known or drawable(c, alphabet) else "\0" for c in anyascii(character))
            plain = "" if "\0" in plain or re.fullmatch(r":[^\s:]+:", plain) else plain
        spellings[character] = plain
        changed[_shown(character)] = plain
    drawn_notes = []
    for how, characters in drawn.items():  # one note for all that are drawn alike
        several = how.replace("was drawn", "were drawn", 1) if len(characters) > 1 else how
        drawn_notes.append(f"{', '.join(characters)} {several}")
    return "".join(spellings[character] for character in text), [*drawn_notes, *notes, *_changes(changed)]


def _changes(changed: Mapping[str, str]) -> list[str]:
    """A note for each character that was spelt or left out; for more than a few one for all that were spelt, and one
    for all that were left out."""
    if len(changed) <= _SINGLY:
        return [f"{shown} was written as “{plain}”" if plain else f"{shown} cannot be written and was left out"
                for shown, plain in changed.items()]  # fmt: skip
    spelt = {shown: f"“{plain}”" for shown, plain in changed.items() if plain}
    lost = [shown for shown, plain in changed.items() if not plain]
    notes = [f"{_listed(list(spelt))} were written as {_listed(list(spelt.values()))}"] if spelt else []
    return notes + ([f"{_listed(lost)} cannot be written and were left out"] if lost else [])


def _listed(parts: Sequence[str]) -> str:
    """The first dozen, and how many more there are."""
    more = len(parts) - _LISTED
    return ", ".join(parts[:_LISTED]) + (f" and {more} more" if more > 0 else "")


def _with_single_marks(text: str) -> str:
    """Without combining marks that have no letter, and those that a letter has beyond a few."""
    kept, marks = [], _MOST_MARKS
    for character in text:
        if unicodedata.combining(character):
            marks += 1
        else:
            marks = _MOST_MARKS if character.isspace() or _invisible(character) else 0
        if marks <= _MOST_MARKS or not unicodedata.combining(character):
            kept.append(character)
    return "".join(kept)


def _invisible(character: str) -> bool:
    """Controls, joiners and variation selectors, which at most say how their neighbours should look."""
    selector = "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef"
    return selector or (unicodedata.category(character) in ("Cc", "Cf") and not character.isspace())


def _shown(character: str) -> str:
    """A character as a message names it: those that show nothing, or that Unicode does not know, by number."""
    seen = unicodedata.category(character)[0] not in "CMZ"
    return f"“{character}”" if seen else f"U+{ord(character):04X}"


def _closest(plain: str, known: set[str]) -> str:
    """The spelling with each unknown character replaced by a relative that is known, or "" if one has none."""
    spelt = []
    for character in plain:
        options = [character, character.swapcase(), _RELATIVES.get(character, ""), _WORDS.get(character, "")]
        fitting = [option for option in options if option and set(option) <= known]
        if not fitting:
            return ""
        spelt.append(fitting[0])
    return "".join(spelt)


def spoken(text: str, alphabet: str, label: str = "the text") -> list[str]:
    """The words of a text in the letters of a recogniser's alphabet, lower case; accents and punctuation fall away.

    Raises:
        InputError: it has digits, or a character that cannot be written; ``label`` is what the sentence calls the text
            (``usage=True``).
    """
    made = []
    for character in unicodedata.normalize("NFKD", text.lower().replace("ß", "ss")):
        if character in "’‘ʼ＇`´":
            character = "'"
        if character in alphabet and not character.isspace():
            made.append(character)
        elif character.isdecimal():
            raise InputError(f"{label} has “{character}”: write numbers as words, as they are spoken", usage=True)
        elif unicodedata.category(character)[0] in "PZC" or character.isspace():
            made.append("" if _invisible(character) and not character.isspace() else " ")
        elif unicodedata.category(character) != "Mn":
            raise InputError(
                f"{label} has {_shown(character)}, which the recogniser cannot write: it knows the letters a to z and "
                "the apostrophe",
                usage=True,
            )
    words = "".join(made).split()
    # Apostrophes on both sides are quotes
    words = [word.strip("'") if word[0] == word[-1] == "'" else word for word in words]
    return [word for word in words if word]


def spoken_words(text: str, alphabet: str, label: str = "the text") -> list[tuple[str, list[str]]]:
    """The words of a text as they stand there, each with the one or more words it is in the alphabet's letters.

    Args:
        text: the text.
        alphabet: the letters of a recogniser.
        label: what messages call the text.

    Raises:
        InputError: there are no words, or a character cannot be written (``usage=True``).

    >>> spoken_words("Dr. Smith – 42!", " 'abcdefghijklmnopqrstuvwxyz")
    [('Dr.', ['dr']), ('Smith –', ['smith']), ('42!', ['forty', 'two'])]
    """
    words: list[tuple[str, list[str]]] = []
    prefix = ""
    for token in text.split():
        parts = spoken(numbers_spoken(token), alphabet, label)
        if parts:
            words.append((f"{prefix} {token}".strip(), parts))
            prefix = ""
        elif words:  # a dash by itself
            words[-1] = (f"{words[-1][0]} {token}", words[-1][1])
        else:
            prefix = f"{prefix} {token}"
    if not words:
        raise InputError(f"{label} has no words", usage=True)
    return words


def numbers_spoken(word: str) -> str:
    """A written word with its numbers as they are spoken: years in pairs, ordinals, money, the rest as amounts.

    Example:
        >>> numbers_spoken("1984,"), numbers_spoken("$5"), numbers_spoken("3rd")
        ('nineteen eighty four,', 'five dollars', 'third')
    """
    if not any(map(str.isdecimal, word)):
        return word

    def words(found: re.Match[str]) -> str:
        money, number, ordinal, unit = found.groups()
        whole, _, decimals = number.replace(",", "").partition(".")
        if len(whole) > 27:
            return " ".join(number_words(int(digit)) for digit in whole + decimals)
        year = re.fullmatch(r"1[1-9]\d\d|20[1-9]\d", number) and not money and not unit
        made = number_words(int(whole), "ordinal" if ordinal else "year" if year else "cardinal")
        if decimals:
            made += " point " + " ".join(number_words(int(digit)) for digit in decimals)
        return f" {made} {_MONEY.get(money or '', '')} {'percent' if unit else ''} "

    return " ".join(_NUMBER.sub(words, word).split()).replace(" ,", ",").replace(" .", ".")


def wrap(text: str, width: int) -> list[str]:
    """Lines of at most ``width`` characters, broken at spaces where there are any; line breaks are kept."""
    lines: list[str] = []
    for paragraph in text.strip("\n").split("\n"):
        lines += textwrap.wrap(paragraph, width, break_on_hyphens=False) or [""]
    return lines
