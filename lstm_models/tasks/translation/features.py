"""A sentence as numbers of word pieces, the same ones in training and use; a text as sentences, a sentence as words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

from lstm_models.errors import InputError
from lstm_models.text.sentences import ABBREVIATIONS, SentenceRules, sentence_ends
from lstm_models.text.word_pieces import END, PADDING, WordPieces

__all__ = [
    "END",
    "PADDING",
    "Span",
    "encode",
    "language_doubt",
    "normalize",
    "piece_spans",
    "piece_vocabulary",
    "split_sentences",
    "word_spans",
]

LONGEST_WORD = 200  # characters without a blank between them
LONGEST_SENTENCE = 400  # characters; a longer one is cut at a mark or a blank

_PLAIN = str.maketrans(
    dict.fromkeys("’‘‚´`", "'") | dict.fromkeys("“”„«»", '"') | dict.fromkeys("\u00ad\u200b\ufeff", "")
)
_BLANKS = re.compile(r"\s+")
_WORD = re.compile(
    r"""https?://\S*[\w/] | [\w.+-]+@[\w-]+(?:\.[\w-]+)+ | [@\#]\w+ | \w+(?:\.\w+)*\.[a-z]{2,}\b   # addresses
      | \w+(?:[-']\w+|(?<=\d)[.,:]\d+)*
      | [^\w\s]""",
    re.VERBOSE,
)
# A single letter is an initial or the end of "e.g."; a sentence does not begin with a small letter
_SENTENCES = SentenceRules((*ABBREVIATIONS, "etc", "[A-Za-z]"), lambda first: not first.islower(), lines=True)
_COMMON = {
    "en": "the of and to in is that it was for with on are you this have not but they she his",
    "de": "der die das und ist nicht ein eine zu den mit von auf für ich sie es dem im sich auch",
    "fr": "le la les et est un une des que dans pour pas qui sur au avec il elle nous vous ne du",
    "es": "el la los las y es un una que en de por con para no se su al lo como más pero",
    "it": "il la gli e è un una che di in per con non si del della sono come più anche ma",
}
_COMMON_WORDS = {code: frozenset(words.split()) for code, words in _COMMON.items()}
_NAMES = {"en": "English", "de": "German", "fr": "French", "es": "Spanish", "it": "Italian"}


class Span(NamedTuple):
    """Characters ``text[start:end]``."""

    start: int
    end: int


def piece_vocabulary(merges: str) -> WordPieces:
    """The vocabulary of a config's ``pieces``."""
    return WordPieces(merges)


def normalize(text: str) -> str:
    """A text as a translator reads it: composed characters, plain quotation marks, single blanks.

    >>> normalize("“Don’t  go”")
    '"Don\\'t go"'
    """
    return _BLANKS.sub(" ", unicodedata.normalize("NFC", text).translate(_PLAIN)).strip()


def encode(pieces: WordPieces, text: str) -> list[int]:
    """Numbers of the pieces of a normalized text, and the end."""
    return [*pieces.encode(text), END]


def word_spans(text: str) -> list[Span]:
    """Where the words and marks of a text are.

    >>> [text[start:end] for text in ["It's 3.5, no?"] for start, end in word_spans(text)]
    ["It's", '3.5', ',', 'no', '?']
    """
    return [Span(*found.span()) for found in _WORD.finditer(text)]


def piece_spans(pieces: WordPieces, numbers: Sequence[int]) -> list[Span]:
    """Where each of the pieces is in the text that they make, without the blank before it."""
    text, spans = "", []
    for count in range(1, len(numbers) + 1):
        longer = pieces.decode_bytes(numbers[:count]).decode("utf-8", "ignore")
        start = len(text)
        while start < len(longer) - 1 and longer[start] == " ":
            start += 1
        spans.append(Span(min(start, max(len(longer) - 1, 0)), len(longer)))
        text = longer
    return spans


def split_sentences(text: str) -> list[tuple[str, str]]:
    """The sentences of a text, each with what stands after it up to the next: blanks and ends of lines.

    A sentence ends at a full stop, a question or exclamation mark, unless after an abbreviation or before a small
    letter; and at the end of a line, unless the next one goes on with a small letter.

    Raises:
        InputError: there is nothing in the text, or a word of more than 200 characters.
    """
    if not text.strip():
        raise InputError("the text is empty", usage=True)
    longest = max(map(len, text.split()))
    if longest > LONGEST_WORD:
        raise InputError(f"a word of the text has {longest:,} characters: at most {LONGEST_WORD} can be read")
    found, start = [], len(text) - len(text.lstrip())
    for end in [place for place, _ in sentence_ends(text, _SENTENCES)] + [len(text)]:
        sentence = text[start:end]
        if not sentence.strip():
            continue
        blanks = _BLANKS.match(text, end)
        after = blanks.end() if blanks else end
        stripped = sentence.rstrip()
        found.append((stripped, sentence[len(stripped) :] + text[end:after]))
        start = after
    return [part for sentence, gap in found for part in _cut(sentence, gap)]


def _cut(sentence: str, gap: str) -> list[tuple[str, str]]:
    """A sentence that is too long as several, cut after marks where there are some."""
    parts = []
    while len(sentence) > LONGEST_SENTENCE:
        head = sentence[:LONGEST_SENTENCE]
        place = max(head.rfind(mark) for mark in (", ", "; ", ": "))
        place = place + 1 if place > LONGEST_SENTENCE // 3 else max(head.rfind(" "), head.rfind("\n"))
        rest = sentence[place:].lstrip()
        parts.append((sentence[:place].rstrip(), " "))
        sentence = rest
    return [*parts, (sentence, gap)]


def language_doubt(text: str, language: str) -> str | None:
    """A sentence that says so where a text does not look like its language; None where it may be right."""
    name = _NAMES.get(language, language)
    letters = [character for character in text if character.isalpha()]
    foreign = sum(not unicodedata.name(character, "").startswith("LATIN") for character in letters)
    if letters and foreign > len(letters) / 2:
        return f"most letters of the text are not Latin: the model reads {name}, so the result may be wrong"
    words = text.lower().split()
    counts = {code: sum(word.strip(".,!?") in common for word in words) for code, common in _COMMON_WORDS.items()}
    if language not in counts:
        return None
    other = max((code for code in counts if code != language), key=lambda code: counts[code])
    if counts[other] >= 2 and counts[other] > 2 * counts[language]:
        return f"the text looks like {_NAMES[other]}: the model reads {name}, so the result may be wrong"
    return None
