"""How the tagging tab shows a text: each word above its part of speech, names on a colour of their kind."""

from __future__ import annotations

from html import escape
from importlib.resources import files

from lstm_models.tasks.tagging.results import Entity, TaggedText, Token

__all__ = ["STYLE", "tagged"]

STYLE = files(__package__).joinpath("assets/tagging.css").read_text(encoding="utf-8")

_UNSURE = 0.6  # a label less probable has a wavy line
_POS = {
    "ADJ": "adjective", "ADP": "preposition", "ADV": "adverb", "AUX": "auxiliary verb",
    "CCONJ": "coordinating conjunction", "DET": "determiner", "INTJ": "interjection", "NOUN": "noun", "NUM": "number",
    "PART": "particle", "PRON": "pronoun", "PROPN": "proper noun", "PUNCT": "punctuation",
    "SCONJ": "subordinating conjunction", "SYM": "symbol", "VERB": "verb", "X": "other",
}  # fmt: skip
_KINDS = {"PER": "person", "LOC": "place", "ORG": "organisation"}


def tagged(text: TaggedText) -> str:
    """The words of each sentence, a paragraph each, and the kinds of names."""
    starts = {entity.first: entity for entity in text.entities}
    place, sentences = 0, []
    for sentence in text.sentences:
        parts, index = [], 0
        while index < len(sentence):
            entity = starts.get(place + index)
            count = 1 if entity is None else entity.last - entity.first
            words = "".join(map(_token, sentence[index : index + count]))
            parts.append(words if entity is None else _name(entity, words))
            index += count
        place += len(sentence)
        sentences.append(f'<p class="sentence">{" ".join(parts)}</p>')
    legend = "".join(f'<mark class="{kind}">{name}</mark>' for kind, name in _KINDS.items())
    sure = f"{max(text.classes.values()):.0%}".replace("%", "\u00a0%") if text.classes else ""
    label = f'<p class="legend">{escape(text.label)}, {sure} sure</p>' if text.label else ""
    return f'<div class="tagged">{label}{"".join(sentences)}<p class="legend">{legend}</p></div>'


def _token(token: Token) -> str:
    if not token.pos:
        return f'<span class="token"><b>{escape(token.text)}</b></span>'
    about = f"{_POS[token.pos]}, {round(100 * token.confidence)}\u00a0% sure"
    kind = "token unsure" if token.confidence < _UNSURE else "token"
    word = escape(token.text)
    label = f'tabindex="0" title="{about}" aria-label="{word}: {about}"'
    return f'<span class="{kind}" {label}><b>{word}</b><small>{token.pos}</small></span>'


def _name(entity: Entity, words: str) -> str:
    about = f"{_KINDS[entity.kind]}, {round(100 * entity.confidence)}\u00a0% sure"
    return f'<mark class="{entity.kind}" title="{about}">{words}<small>{entity.kind}</small></mark>'
