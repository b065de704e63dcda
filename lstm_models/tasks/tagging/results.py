"""``TaggedText``: words with their parts of speech, and the names among them; as CoNLL-U, JSON and HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

from lstm_models.io.atomic_write import one_line

__all__ = ["Entity", "TaggedText", "Token"]

_COLORS = {"PER": "#f6d3c0", "LOC": "#cfe6d4", "ORG": "#cfdcf3"}


@dataclass(frozen=True)
class Token:
    """A word with its labels.

    Attributes:
        text: the word.
        pos: its part of speech, one of the 17 of Universal Dependencies, such as NOUN; "" of a model that knows none.
        entity: "O", or in IOB2 the kind of name it begins (B-PER, B-LOC, B-ORG) or goes on with (I-PER, …).
        confidence: the probability of the part of speech, 0 to 1.
        entity_confidence: the probability of the entity's label, 0 to 1.
        start: where the word begins in the text, in characters; None where words were given.
    """

    text: str
    pos: str
    entity: str = "O"
    confidence: float = 1.0
    entity_confidence: float = 1.0
    start: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """The word for JSON, numbers rounded."""
        made: dict[str, Any] = {"text": self.text, "pos": self.pos, "entity": self.entity}
        made |= {"confidence": round(self.confidence, 4), "entity_confidence": round(self.entity_confidence, 4)}
        return made if self.start is None else {**made, "start": self.start}


@dataclass(frozen=True)
class Entity:
    """A name: its text, its kind (PER, LOC or ORG), its words ``tokens[first:last]``, and the geometric mean of their
    labels' probabilities."""

    text: str
    kind: str
    first: int
    last: int
    confidence: float

    def as_dict(self) -> dict[str, Any]:
        """The name for JSON, numbers rounded."""
        made = {"text": self.text, "kind": self.kind, "first": self.first, "last": self.last}
        return {**made, "confidence": round(self.confidence, 4)}


@dataclass(frozen=True)
class TaggedText:
    """A text with parts of speech and names.

    Attributes:
        text: the text as it came; its words with blanks between them where words were given.
        sentences: the words of each sentence.
        entities: the names, in order; they count words over all sentences.
        notes: why the result may be wrong, such as a text in another language.
        classes: the probability of each class of the whole text, of a model that was trained for classes.
    """

    text: str
    sentences: tuple[tuple[Token, ...], ...]
    entities: tuple[Entity, ...] = ()
    notes: tuple[str, ...] = ()
    classes: Mapping[str, float] = field(default_factory=dict)

    @property
    def label(self) -> str | None:
        """The likeliest class of the text; None of a model without classes."""
        return max(self.classes, key=self.classes.__getitem__) if self.classes else None

    @property
    def tokens(self) -> tuple[Token, ...]:
        """The words of all sentences."""
        return tuple(token for sentence in self.sentences for token in sentence)

    def __str__(self) -> str:
        return " ".join(_with_pos(token) for token in self.tokens)

    def as_dict(self) -> dict[str, Any]:
        """The text as what JSON can hold."""
        made: dict[str, Any] = {"text": self.text}
        made["sentences"] = [[token.as_dict() for token in sentence] for sentence in self.sentences]
        made["entities"] = [each.as_dict() for each in self.entities]
        if self.classes:
            made |= {"label": self.label, "classes": {name: round(value, 4) for name, value in self.classes.items()}}
        return {**made, "notes": list(self.notes)} if self.notes else made

    def json(self, *, source: str = "") -> str:
        """One line of JSON, so that the lines of many texts are JSON Lines; ``source`` is the name of the text."""
        about = {"format": "lstm-models tagged text", "version": 1} | ({"source": source} if source else {})
        return one_line({**about, **self.as_dict()}) + "\n"

    def txt(self) -> str:
        """A sentence a line, each word with its part of speech, names in brackets: [Paris/PROPN LOC].

        Of a model with classes the first line is the text's class and its probability: "# positive 93 %".
        """
        kinds = {place: entity for entity in self.entities for place in (entity.first, entity.last - 1)}
        lines = [f"# {self.label} {max(self.classes.values()):.0%}".replace("%", " %")] if self.classes else []
        place = 0
        for sentence in self.sentences:
            words = []
            for token in sentence:
                entity = kinds.get(place)
                opening = "[" if entity is not None and entity.first == place else ""
                closing = f" {entity.kind}]" if entity is not None and entity.last == place + 1 else ""
                words.append(f"{opening}{_with_pos(token)}{closing}")
                place += 1
            lines.append(" ".join(words))
        return "\n".join(lines) + "\n"

    def conllu(self) -> str:
        """CoNLL-U, the format of Universal Dependencies: parts of speech in column 4, names in column 10.

        A name's words have Entity=B-PER and the like. Columns that a tagger does not know are "_".
        """
        blocks = []
        for number, sentence in enumerate(self.sentences, 1):
            lines = [f"# sent_id = {number}", f"# text = {_sentence_text(self.text, sentence)}"]
            for place, token in enumerate(sentence, 1):
                misc = [] if token.entity == "O" else [f"Entity={token.entity}"]
                following = sentence[place] if place < len(sentence) else None
                if following is not None and token.start is not None and following.start is not None:
                    misc += ["SpaceAfter=No"] * (token.start + len(token.text) == following.start)
                word = " ".join(token.text.split())
                lines.append("\t".join([str(place), word, "_", token.pos or "_", *"_____", "|".join(misc) or "_"]))
            blocks.append("\n".join(lines) + "\n")
        return "\n".join(blocks) + "\n" if blocks else ""

    def _repr_html_(self) -> str:
        """The text for a notebook, its names on a colour and the part of speech of each word under the pointer."""
        kinds = {place: entity for entity in self.entities for place in range(entity.first, entity.last)}
        parts, place = [], 0
        for sentence in self.sentences:
            for token in sentence:
                sure = f' title="{token.pos}, {token.confidence:.0%} sure"' if token.pos else ""
                shown = f"<span{sure}>{escape(token.text)}</span>"
                entity = kinds.get(place)
                if entity is not None and entity.first == place:
                    shown = f'<mark style="background: {_COLORS[entity.kind]}; padding: 0 0.25em">{shown}'
                if entity is not None and entity.last == place + 1:
                    shown += f" <small>{entity.kind}</small></mark>"
                parts.append(shown)
                place += 1
        return f"<p>{' '.join(parts)}</p>"


def _with_pos(token: Token) -> str:
    return f"{token.text}/{token.pos}" if token.pos else token.text


def _sentence_text(text: str, sentence: Sequence[Token]) -> str:
    first, last = sentence[0], sentence[-1]
    if first.start is None or last.start is None:
        return " ".join(token.text for token in sentence)
    return " ".join(text[first.start : last.start + len(last.text)].split())
