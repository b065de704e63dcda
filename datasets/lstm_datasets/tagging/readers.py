"""Sentences with labels from CoNLL-U files, from the column files that named entities come in, and labelled texts.

- CoNLL-U (``.conllu``): parts of speech, column 4; ranges and empty words are left out.
- Universal NER (``.iob2``): entities, column 3, on numbered words.
- ``.tsv`` without empty lines: a text, a tab, the class it is of (SST-2: 0 and 1); words are set apart by blanks.
- Any other: a word and its entity label, the first and the last column, an empty line after each sentence. IOB2, or
  IO as in WikiGold, where an I- that follows another kind begins an entity.

Kinds of entities of other sets become PER, LOC and ORG (WNUT-17's persons, locations, corporations and groups); what
else they have (MISC, products, works) is no entity here.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lstm_datasets.packed_files import DAMAGED, open_text
from lstm_models.errors import InputError
from lstm_models.tasks.tagging.features import POS_TAGS, spans_of

__all__ = ["LabeledSentence", "merge_labels", "read_sentences"]

_KINDS = {"PER": "PER", "LOC": "LOC", "ORG": "ORG"} | {
    "person": "PER",
    "location": "LOC",
    "corporation": "ORG",
    "group": "ORG",
}


@dataclass(frozen=True)
class LabeledSentence:
    """Words with the labels they have.

    Attributes:
        words: the words.
        pos: parts of speech, or None.
        names: entities in IOB2, or None.
        label: the class of the whole, or None.
    """

    words: tuple[str, ...]
    pos: tuple[str, ...] | None = None
    names: tuple[str, ...] | None = None
    label: str | None = None


def read_sentences(path: str | os.PathLike[str]) -> list[LabeledSentence]:
    """The sentences of a file of one of the kinds above, also as .xz.

    Raises:
        InputError: the file is not there, or a line is of another form.
    """
    path = Path(path)
    name = path.name.removesuffix(".xz")
    try:
        with open_text(path) as file:
            lines = file.read().rstrip("\n").split("\n")
    except DAMAGED as error:
        raise InputError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    try:
        blocks = list(_blocks(lines))
        if name.endswith(".tsv") and all(lines):
            found = [_labeled_text(line, number) for number, line in enumerate(lines, 1)]
        elif name.endswith(".conllu"):
            found = [_conllu(rows) for rows in blocks]
        else:
            column = 2 if name.endswith(".iob2") else -1
            found = [_entities(rows, 1 if column == 2 else 0, column) for rows in blocks]
    except (IndexError, ValueError) as error:
        raise InputError(f"{path} is not a file of labelled sentences: {error}") from None
    return [sentence for sentence in found if sentence.words]


def merge_labels(first: list[LabeledSentence], second: list[LabeledSentence]) -> list[LabeledSentence]:
    """Sentences of ``first``, each with the names that ``second`` has for the same words."""
    names = {sentence.words: sentence.names for sentence in second}
    return [
        LabeledSentence(sentence.words, sentence.pos, names.get(sentence.words, sentence.names)) for sentence in first
    ]


def _blocks(lines: list[str]) -> Iterator[list[list[str]]]:
    """Rows of columns, a list a sentence."""
    rows: list[list[str]] = []
    for line in lines:
        if not line.strip():
            if rows:
                yield rows
            rows = []
        elif not (line.startswith("# ") and "=" in line):
            rows.append(line.split("\t") if "\t" in line else line.split(" "))
    if rows:
        yield rows


def _conllu(rows: list[list[str]]) -> LabeledSentence:
    rows = [row for row in rows if row[0].isdigit()]
    for row in rows:
        if row[3] not in POS_TAGS:
            raise ValueError(f"{row[3]!r} is not a part of speech of Universal Dependencies")
    return LabeledSentence(tuple(row[1] for row in rows), tuple(row[3] for row in rows))


def _labeled_text(line: str, number: int) -> LabeledSentence:
    text, tab, label = line.rpartition("\t")
    label = label.strip()
    if not tab or not label or len(label.split()) > 1:
        raise ValueError(f"line {number} is not a text, a tab and the one word of its class")
    return LabeledSentence(tuple(text.split()), label=label)


def _entities(rows: list[list[str]], word: int, label: int) -> LabeledSentence:
    words = tuple(row[word] for row in rows)
    labels = ["O"] * len(rows)
    for span in spans_of([_checked(row[label]) for row in rows]):
        kind = _KINDS.get(span.kind)
        alone = words[span.first].startswith("@") and span.last == span.first + 1  # an account, in BTC a person
        if kind and not alone:
            labels[span.first : span.last] = [f"B-{kind}"] + [f"I-{kind}"] * (span.last - span.first - 1)
    return LabeledSentence(words, names=tuple(labels))


def _checked(label: str) -> str:
    if label != "O" and label[:2] not in ("B-", "I-"):
        raise ValueError(f"{label!r} is not an entity label such as O, B-PER or I-PER")
    return label
