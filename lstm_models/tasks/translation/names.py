"""Names that a translator does not know: a name that it knows stands in for them while it translates.

- Luong et al. 2015 (arXiv:1410.8206) put unknown words back by alignment after the search; here the sentence itself is
  searched for with the stand-in, so that words around an unknown name come out as they do around a known one.
- A translation that does not have each stand-in as often as its source is not used, so no name goes astray.
- In languages whose nouns all have capitals, names cannot be found so, and nothing is replaced.

>>> text = "Ikenna lives in Nairobi."
>>> found = with_stand_ins(text, [Span(0, 6), Span(16, 23)])
>>> found.text, found.names
('Tom lives in Boston.', {'Tom': 'Ikenna', 'Boston': 'Nairobi'})
>>> put_back("Tom wohnt in Boston.", found.names)
'Ikenna wohnt in Nairobi.'
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from lstm_models.tasks.translation.features import Span, word_spans
from lstm_models.tasks.translation.results import Alternative, TranslatedSentence
from lstm_models.text.word_pieces import WordPieces

__all__ = ["StandIns", "are_whole", "put_back", "unknown_names", "with_names", "with_stand_ins"]

_PEOPLE = ("Tom", "Maria", "John", "Jack")
_PLACES = ("Boston", "Paris", "Chicago", "Osaka")
_NOUNS_HAVE_CAPITALS = frozenset({"de", "lb"})
_SURE = 0.5  # confidence of a translated word from which on its source is known
_RARE = 3  # pieces of a word that is rare

_LETTER = r"[^\W\d_]"
_NAME = re.compile(rf"(?<![\w@#/.&'-]){_LETTER}(?:{_LETTER}|'(?=[A-ZÀ-Þ])|-(?={_LETTER}))*(?![\w@/-]|\.\w|'(?!s\b))")
_NO_NAME = re.compile(r"(?:s|ing|ed|ers?|ly)$")  # of the first word of a sentence, which has its capital anyway
_BEFORE_PLACES = re.compile(r"\b(?:in|at|near|from|around|through|visit\w*|the)\s$", re.IGNORECASE)
_TO = re.compile(r"\bto\s$", re.IGNORECASE)
_MOTION = re.compile(
    r"\b(?:go|goes|going|gone|went|come|comes|came|coming|fly|flies|flew|flying|travel\w*|driv\w*|drove|mov\w+|trip|way"
    r"|been|train|flight|bus|return\w*)\b",
    re.IGNORECASE,
)


class StandIns(NamedTuple):
    """A sentence with stand-ins, and the name that each of them stands for."""

    text: str
    names: dict[str, str]


def unknown_names(sentence: TranslatedSentence, pieces: WordPieces, language: str) -> list[Span]:
    """Where the names of a sentence are whose translation the model is not sure of.

    Neighbours with capitals are one name, as in Angela Merkel, from the first one on that is unknown.

    Args:
        sentence: as it was translated without stand-ins.
        pieces: the model's; a name of one piece is known.
        language: of the source.
    """
    if language in _NOUNS_HAVE_CAPITALS:
        return []
    text = sentence.source
    spans = word_spans(text)
    groups: list[list[tuple[Span, bool]]] = []
    for span in _capitalized(text, pieces):
        count = len(pieces.encode(text[slice(*span)]))
        known = count == 1 or _is_known(sentence, spans, span, rare=count >= _RARE)
        if groups and text[groups[-1][-1][0].end : span.start] == " ":
            groups[-1].append((span, known))
        else:
            groups.append([(span, known)])
    names = []
    for group in groups:
        unknown = [span for span, known in group if not known]
        if unknown:
            names.append(Span(unknown[0].start, group[-1][0].end))
    return names


def _capitalized(text: str, pieces: WordPieces) -> list[Span]:
    """Words with a capital; the first one of the sentence only where it is rare or before another, and not like a verb
    or a plural."""
    found = []
    first = next((number for number, character in enumerate(text) if character.isalpha()), 0)
    for match in _NAME.finditer(text):
        word = match.group()
        ordinary = match.start() == first and (
            _NO_NAME.search(word)
            or min(len(pieces.encode(form)) for form in (word, word.lower()))
            < (_RARE - 1 if re.match(r" [A-ZÀ-Þ]\w", text[match.end() :]) else _RARE)
        )
        if word[0].isupper() and len(word) > 1 and not ordinary:
            found.append(Span(*match.span()))
    return found


def _is_known(sentence: TranslatedSentence, spans: Sequence[Span], name: Span, *, rare: bool) -> bool:
    """Whether the model is sure of all that came from a word, and a rare one has its capital there, too."""
    sources = [number for number, span in enumerate(spans) if span.start < name.end and name.start < span.end]
    words = [word for word in sentence.words if word.source in sources]
    if rare and not any(word.text[:1].isupper() for word in words):
        return False
    return bool(words) and all(not word.copied and (word.confidence or 0) >= _SURE for word in words)


def with_stand_ins(text: str, names: Sequence[Span]) -> StandIns | None:
    """The sentence with stand-ins for its names; None where there are more names than stand-ins."""
    there = set(re.findall(r"\w+", text))
    people, places = ([each for each in kind if each not in there] for kind in (_PEOPLE, _PLACES))
    made, before = "", 0
    stand_ins: dict[str, str] = {}
    for start, end in names:
        name, ahead = text[start:end], text[:start]
        if name not in stand_ins:
            is_place = _BEFORE_PLACES.search(ahead) or (_TO.search(ahead) and _MOTION.search(ahead))
            free = places if is_place else people
            if not free:
                return None
            stand_ins[name] = free.pop(0)
        made += text[before:start] + stand_ins[name]
        before = end
    return StandIns(made + text[before:], {stand_in: name for name, stand_in in stand_ins.items()})


def are_whole(text: str, source: str, stand_ins: Sequence[str]) -> bool:
    """Whether each stand-in comes in a translation as often as in its source, so that names can be put back."""
    return all(len(_found(each, text)) == len(_found(each, source)) for each in stand_ins)


def put_back(text: str, names: Mapping[str, str]) -> str:
    """A text with the names in place of their stand-ins; an ending such as that of German's genitive stays."""
    return re.sub(rf"\b(?:{'|'.join(names)})(?=s?\b)", lambda found: names[found.group()], text) if names else text


def with_names(sentence: TranslatedSentence, source: str, names: Mapping[str, str]) -> TranslatedSentence:
    """The translation of a sentence with stand-ins as that of the ``source`` with its names; a name is one word."""
    words = [
        dataclasses.replace(
            word,
            text=put_back(word.text, names),
            start=len(put_back(sentence.text[: word.start], names)),
            copied=word.copied or put_back(word.text, names) != word.text,
        )
        for word in sentence.words
    ]
    return dataclasses.replace(
        sentence,
        source=source,
        text=put_back(sentence.text, names),
        source_words=tuple(put_back(word, names) for word in sentence.source_words),
        words=tuple(words),
        alternatives=tuple(Alternative(put_back(other.text, names), other.log_prob) for other in sentence.alternatives),
    )


def _found(stand_in: str, text: str) -> list[str]:
    return re.findall(rf"\b{stand_in}(?=s?\b)", text)
