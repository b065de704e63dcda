"""How a line with characters that a writer cannot write is put together: what is written of it, and what is drawn.

The writer gets a line without accents, and with a space where it lacks a character; ``composition`` draws the rest.
"""

from __future__ import annotations

import functools
import itertools
import re
from dataclasses import dataclass, field

import numpy as np

from lstm_models.ink.line_metrics import TALL
from lstm_models.tasks.handwriting.accents import Letter, is_mark, parted
from lstm_models.tasks.handwriting.glyphs import glyph, has_glyph

__all__ = ["GLYPHS_TALL", "TIGHT", "ComposedLine", "bearing", "drawable", "planned", "room", "words_note"]

TIGHT = 0.24  # between a glyph and its neighbour in a word, in x-heights
_DIGITS = 0.4  # between two drawn digits, and beside a sign between them, which are read apart by nothing else
_CAPITALS = 0.36  # between two drawn capitals
_INITIAL = 0.42  # between a drawn capital and the letter that is written after it: nearer, “Cl” is “d”
_BESIDE = dict.fromkeys(".,:;'", 0.36) | dict.fromkeys("-/#", 0.42)
_MAX_LETTERS = 2
GLYPHS_TALL = 1.5  # capitals of the glyphs, in x-heights
# Words of signs alone, as a hyphen before an item of a list, and of capitals alone are seldom written right
_DRAWN_WORD = re.compile(r"(?<!\S)(?:[^\w\s]+|(?:[^\w\s]*[A-Z]){2,}[^\w\s]*)(?!\S)")
_SHOWN = 5  # words that a note names


def drawable(character: str, alphabet: str) -> str:
    """How a character outside the alphabet is drawn, as half a sentence; empty where it is not."""
    letter = parted(character)
    if letter is not None and (letter.base in alphabet or has_glyph(letter.base)):
        whole = "" if letter.base in alphabet else " from a font"
        return f"is “{letter.base}” with strokes that were drawn{whole}, not written by the model"
    if is_mark(character):
        return "was drawn, not written by the model"
    return "was drawn from a font, not written by the model" if has_glyph(character) else ""


def words_note(text: str, alphabet: str) -> list[str]:
    """A sentence that names the words of a text that are drawn though the writer has their characters, or none."""
    found = dict.fromkeys(match[0] for match in _DRAWN_WORD.finditer(text))
    names = [word for word in found if all(c in alphabet and has_glyph(c) for c in word)]
    if not names:
        return []
    more = f" and {len(names) - _SHOWN} more words" if len(names) > _SHOWN else ""
    were = "were" if len(names) > 1 else "was"
    return [
        f"{', '.join(f'“{name}”' for name in names[:_SHOWN])}{more} {were} drawn from a font, not written by the model"
    ]


@dataclass(frozen=True)
class ComposedLine:
    """A line of a text, as the writer writes it and as it is put together.

    Attributes:
        text: what it says.
        plain: what the writer writes of it.
        letters: accented letters by the number of their base in `plain`, from 0.
        cuts: where `plain` parts for what stands between: the numbers of its spaces there.
        joints: what stands before the first part, between each two, and after the last: letters that are drawn, and
            None for a space.
    """

    text: str
    plain: str
    letters: dict[int, Letter] = field(default_factory=dict)
    cuts: tuple[int, ...] = ()
    joints: tuple[tuple[Letter | None, ...], ...] = ((), ())

    @property
    def composed(self) -> bool:
        """Whether there is anything that the writer does not write."""
        return bool(self.letters) or any(self.joints)


@functools.lru_cache(maxsize=4096)
def planned(text: str, alphabet: str) -> ComposedLine:
    """How to put a line together, of characters that are in the alphabet or `drawable`."""
    if all(map(alphabet.__contains__, text)) and not _DRAWN_WORD.search(text):
        return ComposedLine(text, text)
    tokens: list[Letter] = []
    for character in text:
        if is_mark(character):
            if tokens:  # a mark by itself belongs to what stands before it
                tokens[-1] = Letter(tokens[-1].base, tokens[-1].marks + character)
            continue
        letter = None if character in alphabet else parted(character)
        tokens.append(letter or Letter(character, ""))
    kinds = "".join("S" if token.base == " " else "L" if token.base in alphabet else "G" for token in tokens)
    kinds = _signs_drawn("".join(token.base for token in tokens), kinds)
    letters: dict[int, Letter] = {}
    cuts: list[int] = []
    joints: list[tuple[Letter | None, ...]] = [()]
    plain = ""
    for found in re.finditer(r"S*G[SG]*|[LS]+?(?=S*G|$)", kinds):
        part = tokens[found.start() : found.end()]
        if "G" in found[0]:
            joints[-1] = tuple(None if token.base == " " else token for token in part)
            continue
        if plain:
            cuts.append(len(plain))
            plain += " " if " " in alphabet else ""
        for number, token in enumerate(part, len(plain)):
            if token.marks:
                letters[number] = token
        plain += "".join(token.base for token in part)
        joints.append(())
    return ComposedLine(text, plain, letters, tuple(cuts), tuple(joints))


def _signs_drawn(text: str, kinds: str) -> str:
    """What is drawn ("G") of a text, with the signs beside it: a point after a drawn number is no word to write.

    Words of signs or of capitals alone are drawn whole (`_DRAWN_WORD`).
    A word that has drawn digits and a letter or two besides (“4711-B”) is drawn whole: so short a piece is seldom
    written right. Signs are drawn in a word that has drawn characters and no letters, and by themselves next to such
    a word.
    """
    for found in _DRAWN_WORD.finditer(text):
        if all(map(has_glyph, found[0])):
            kinds = kinds[: found.start()] + "G" * len(found[0]) + kinds[found.end() :]
    words = [(found.start(), found.end()) for found in re.finditer(r"[^S]+", kinds)]
    for a, b in words:
        short = sum(k == "L" and c.isalnum() for k, c in zip(kinds[a:b], text[a:b], strict=True)) <= _MAX_LETTERS
        code = any(k == "G" and c.isdigit() for k, c in zip(kinds[a:b], text[a:b], strict=True))
        if code and short and all(map(has_glyph, text[a:b])):
            kinds = kinds[:a] + "G" * (b - a) + kinds[b:]
    with_letters = [any(k == "L" and c.isalnum() for k, c in zip(kinds[a:b], text[a:b], strict=True)) for a, b in words]
    drawn = ["G" in kinds[a:b] and not letters for (a, b), letters in zip(words, with_letters, strict=True)]
    for number, ((a, b), letters) in enumerate(zip(words, with_letters, strict=True)):
        if not letters and any(drawn[max(number - 1, 0) : number + 2]) and all(map(has_glyph, text[a:b])):
            kinds = kinds[:a] + "G" * (b - a) + kinds[b:]
    return kinds


def room(line: ComposedLine) -> tuple[float, int]:
    """How many x-heights of a line are drawn, and how many spaces it has beyond those of its plain text."""
    tokens = [token for joint in line.joints for token in joint]
    glyphs = [glyph(token.base) for token in tokens if token is not None]
    widths = sum(each.width * (np.sqrt(TALL / GLYPHS_TALL) if each.top > 1.2 else 1.0) for each in glyphs)
    bases = ["" if token is None else token.base for token in tokens]
    tight = sum(max(TIGHT, bearing(a, b)) for a, b in itertools.pairwise(["", *bases]) if b)
    ends = [joint[-1] for joint in line.joints[:-1] if joint]
    tight += sum(max(0.0, bearing(end.base, "") - TIGHT) for end in ends if end is not None)
    return float(widths) + tight, tokens.count(None) - len(line.cuts)


def bearing(before: str, after: str) -> float:
    """The least distance of two drawn characters in a word, in x-heights; without ``after``, to a written letter."""
    if not after:
        return _INITIAL if before.isupper() else 0.0
    signs = max(_BESIDE.get(before, 0.0), _BESIDE.get(after, 0.0))
    capitals = _CAPITALS if before.isupper() and after.isupper() else 0.0
    return max(signs, capitals, _DIGITS if before.isdigit() and after.isdigit() else 0.0)
