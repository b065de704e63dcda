"""Lines of what handwriting data have little of: words of capitals, numbers, amounts, codes, signs, rare initials.

IAM-OnDB has forty lines with a word of capitals among 8,700, ten Q, two X and no €. These lines are put together:

* capitals and digits cut out of real lines (`cutting`), of one writer where he has them, else of anybody;
* what nobody wrote, and sometimes all of a word, from single-stroke glyphs with the tremor of a hand
  (`lstm_models.tasks.handwriting.glyphs`);
* among real words, cut from a line, in their size, or by themselves.

>>> rare_lines(lines, reader, 4000, seed=1)[0].text
'THE 14 OF MAY'
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from lstm_datasets.handwriting.readers import HandwritingLine
from lstm_datasets.handwriting_reader.cutting import CutLine, Ink, cut_lines
from lstm_models.ink.line_metrics import TALL
from lstm_models.tasks.handwriting.glyphs import glyph, has_glyph, rough

if TYPE_CHECKING:
    from lstm_models.tasks.handwriting_reader.model import HandwritingReader

__all__ = ["SIGNS", "RareLines", "rare_lines"]

SIGNS = "#$&*=@X[]£€"
"""Characters that the data lack, or nearly so, and that people write."""

_LONGEST = 50  # characters of a line
_AMONG = 0.25  # of the words of a real line are replaced
_INITIALS = 0.5  # of those begin with another capital, and are the same otherwise
_BY_GLYPHS = 0.4  # of the lines take their capitals and digits from the glyphs
_GAP = 0.3  # between two letters, in x-heights, and what it varies by
_GAP_VARIES = 0.12
_WORD_GAP = 1.2
_TALL = 1.5  # capitals of the glyphs, in x-heights
_CAPITALS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_RARE_CAPITALS = "QXZUVKJYXZQ" + _CAPITALS


def rare_lines(
    lines: Sequence[HandwritingLine], reader: HandwritingReader, count: int, seed: int = 0
) -> list[HandwritingLine]:
    """So many lines put together from parts of others.

    Args:
        lines: real ones, with texts in the reader's alphabet.
        reader: a trained one, which tells their words and letters apart.
        count: of lines to make.
        seed: the same seed makes the same lines.
    """
    maker = RareLines(list(cut_lines(lines, reader)), seed)
    return [maker.line() for _ in range(count)]


class RareLines:
    """Makes lines from parts of others; see the module.

    Args:
        parts: of real lines.
        seed: of what is made.
    """

    def __init__(self, parts: Sequence[CutLine], seed: int = 0) -> None:
        self.random = np.random.default_rng(seed)
        self.with_words = [part for part in parts if len(part.words) > 1]
        self.letters: dict[str, list[Ink]] = defaultdict(list)
        self.of_writer: dict[tuple[str, str], list[Ink]] = defaultdict(list)
        for part in parts:
            for ink in part.letters:
                self.letters[ink.text].append(ink)
                if part.writer:
                    self.of_writer[part.writer, ink.text].append(ink)
        self.writers = sorted({writer for writer, _ in self.of_writer}) or [""]
        words = {word.strip(".,;:!?\"'()") for part in self.with_words for word in (ink.text for ink in part.words)}
        self.vocabulary = sorted(word for word in words if word.isalpha() and word.isascii() and len(word) > 1) or [
            "no"
        ]

    def line(self) -> HandwritingLine:
        """One more line."""
        kind = self.random.random()
        if kind < 0.35:
            return self._alone(self._capital_words())
        if kind < 0.5 or not self.with_words:
            return self._alone([self._figure() for _ in range(self._number(1, 4))])
        return self._among()

    # What is written ---------------------------------------------------------------------------------------------

    def _number(self, low: int, high: int) -> int:
        return int(self.random.integers(low, high))

    def _one(self, of: Sequence[str]) -> str:
        return of[self._number(0, len(of))]

    def _capital_words(self) -> list[str]:
        words: list[str] = []
        for _ in range(self._number(1, 5)):
            word = self._one(self.vocabulary).upper()
            if self.random.random() < 0.25:
                word = "".join(self._one(_RARE_CAPITALS) for _ in range(self._number(2, 6)))
            word += self._one(".,!?:;-") if self.random.random() < 0.15 else ""
            if sum(map(len, words)) + len(words) + len(word) <= _LONGEST // 2:
                words.append(word)
        return words or ["NO"]

    def _figure(self) -> str:
        """A number as it stands in a letter, or a word of signs and letters."""
        digits, one = self._number, self._one
        money = one("$£€")
        ways: Sequence[Callable[[], str]] = (
            lambda: str(digits(0, 10)),
            lambda: str(digits(10, 10_000)),
            lambda: f"{digits(1, 32)}.",
            lambda: str(digits(1800, 2100)),
            lambda: f"{digits(1, 100)},{digits(0, 1000):03d}",
            lambda: f"{money}{digits(1, 1000)}.{digits(0, 100):02d}",
            lambda: f"{digits(1, 1000)}{money}",
            lambda: f"{digits(0, 24)}:{digits(0, 60):02d}",
            lambda: f"{digits(1, 32)}/{digits(1, 13)}/{digits(0, 100):02d}",
            lambda: f"0{digits(10, 1000)}-{digits(1000, 100_000)}",
            lambda: f"{digits(1, 101)}%",
            lambda: f"({digits(1, 100)})",
            lambda: f"[{digits(1, 100)}]",
            lambda: f"#{digits(1, 10_000)}",
            lambda: f"{one(_RARE_CAPITALS)}{digits(1, 1000)}",
            lambda: f"{digits(1, 1000)}{one(_RARE_CAPITALS)}",
            lambda: f"{digits(100, 10_000)}-{one(_RARE_CAPITALS)}",
            lambda: f"{digits(1, 100)}{one('+=*-')}{digits(1, 100)}",
            lambda: one(("-", "&", "=", "+", "@", "*", "#", "X")),
        )
        return ways[digits(0, len(ways))]()

    def _rare_word(self) -> str:
        kind = self.random.random()
        if kind < 0.5:
            return self._figure()
        return self._capital_words()[0]

    # How it is written -------------------------------------------------------------------------------------------

    def _alone(self, words: Sequence[str]) -> HandwritingLine:
        style = self._style(self._one(self.writers))
        gap = max(0.6, self.random.normal(_WORD_GAP, 0.35))
        return self._set([self._written(word, style) for word in words], gap, self.random.normal(0.1, 0.15))

    def _among(self) -> HandwritingLine:
        """A real line, some of whose words are replaced, or begin with another capital."""
        part = self.with_words[self._number(0, len(self.with_words))]
        style = self._style(part.writer)
        words = list(part.words)
        chosen = np.flatnonzero(self.random.random(len(words)) < _AMONG).tolist()
        for number in chosen or [self._number(0, len(words))]:
            if self.random.random() < _INITIALS and words[number].text[:1].islower():
                initial = self._written(self._one(_RARE_CAPITALS), style)
                words[number] = self._beside([initial, words[number]])
            else:
                words[number] = self._written(self._rare_word(), style)
        while len(words) > 1 and sum(len(word.text) + 1 for word in words) > _LONGEST:
            words.pop()
        return self._set(words, part.gap or _WORD_GAP, part.slant)

    def _style(self, writer: str) -> Callable[[str], Ink]:
        """How each character of a line is written."""
        drawn = self.random.random() < _BY_GLYPHS
        tall = float(np.clip(self.random.normal(TALL, 0.2), 1.3, 2.2))

        def letter(character: str) -> Ink:
            theirs = self.of_writer.get((writer, character)) or self.letters.get(character, [])
            # A few of a kind would be learnt by heart
            if theirs and not drawn and self.random.random() < len(theirs) / 10:
                return theirs[self._number(0, len(theirs))]
            shape = glyph(character)
            scale = (np.sqrt(tall / _TALL), tall / _TALL) if shape.top > 1.2 else (1.0, 1.0)
            strokes = rough([stroke * scale for stroke in shape.strokes], self.random)
            left = min(float(stroke[:, 0].min()) for stroke in strokes)
            return Ink(character, tuple(stroke - (left, 0.0) for stroke in strokes))

        return letter

    def _written(self, word: str, letter: Callable[[str], Ink]) -> Ink:
        assert all(map(has_glyph, word))
        return self._beside([letter(character) for character in word])

    def _beside(self, parts: Sequence[Ink]) -> Ink:
        strokes: list[np.ndarray] = []
        right = 0.0
        for part in parts:
            strokes += [stroke + np.array([right, 0.0]) for stroke in part.strokes]
            right += part.width + max(0.08, self.random.normal(_GAP, _GAP_VARIES))
        return Ink("".join(part.text for part in parts), tuple(strokes))

    def _set(self, words: Sequence[Ink], gap: float, slant: float) -> HandwritingLine:
        strokes: list[np.ndarray] = []
        right = 0.0
        for word in words:
            strokes += [stroke + np.array([right, 0.0]) for stroke in word.strokes]
            right += word.width + gap
        leaning = [np.stack([stroke[:, 0] + slant * stroke[:, 1], -stroke[:, 1]], 1) for stroke in strokes]
        return HandwritingLine(
            tuple(stroke.astype(np.float32) for stroke in leaning), " ".join(word.text for word in words), "made"
        )
