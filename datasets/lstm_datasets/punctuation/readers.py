"""Text with marks and capitals from files of several kinds, and IWSLT's files of words and marks."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator
from pathlib import Path

from lstm_datasets.packed_files import DAMAGED, open_text
from lstm_models.errors import InputError
from lstm_models.tasks.punctuation.features import ENDS, UPPER, ParsedWord, parse

__all__ = ["is_iwslt", "read_documents", "read_iwslt"]

_HEADING_WORDS = 8  # a paragraph of a book with fewer words may be a heading
_SENTENCES = 50  # of a document, where they come by themselves
_BOOK_LINES = 200  # a text with so many lines is a book broken into lines


def read_documents(path: str | os.PathLike[str], split: str = "train") -> Iterator[list[ParsedWord]]:
    """The words of each document of a file, with their marks and cases.

    Kinds, by the name's ending (.xz and .gz are unpacked): ``.txt``, a document a line; ``.jsonl``, objects with
    ``text`` and, where they have ``split``, only those of that split; ``.tsv``, the first column's sentences, each once
    and in any order, fifty a document; ``.json``, SQuAD's paragraphs. Of a book broken into lines, the paragraphs that
    are prose are taken.

    Raises:
        InputError: the file is not there, damaged, or of another kind.
    """
    path = Path(path)
    kind = next((suffix for suffix in reversed(path.suffixes) if suffix not in (".xz", ".gz")), "")
    if kind not in (".txt", ".jsonl", ".tsv", ".json"):
        raise InputError(f"{path} is not a file of texts: expected .txt, .jsonl, .tsv or .json", usage=True)
    try:
        with open_text(path) as file:
            if kind == ".json":
                for article in json.load(file)["data"]:
                    for paragraph in article["paragraphs"]:
                        yield parse(paragraph["context"])
            elif kind == ".tsv":
                sentences = list(dict.fromkeys(line.split("\t")[0].strip() for line in file))
                random.Random(0).shuffle(sentences)  # they often are in order of length
                for first in range(0, len(sentences), _SENTENCES):
                    yield [word for sentence in sentences[first : first + _SENTENCES] for word in parse(sentence)]
            else:
                for line in file:
                    text = line
                    if kind == ".jsonl":
                        item = json.loads(line)
                        if item.get("split", split) != split:
                            continue
                        text = item["text"]
                    yield _prose(text) if text.count("\n") > _BOOK_LINES else parse(text)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from None
    except (ValueError, KeyError, TypeError, AttributeError, *DAMAGED) as error:
        raise InputError(f"{path} is not a file of texts: {type(error).__name__}: {error}") from None


def is_iwslt(path: str | os.PathLike[str]) -> bool:
    """Whether a file has words and IWSLT's names of marks: its first line says so. False where it cannot be read."""
    try:
        with open_text(Path(path)) as file:
            return file.readline().rstrip("\n").partition("\t")[2] in _IWSLT
    except DAMAGED:
        return False


def read_iwslt(path: str | os.PathLike[str]) -> list[tuple[str, str]]:
    """Words and marks ("", "," , "." or "?") of a file with a word, a tab and O, COMMA, PERIOD or QUESTION a line.

    Clitics that stand apart ('s, n't) are joined to the word before, as texts have them; a mark between the two, which
    does not occur in IWSLT's files, would be lost.

    Raises:
        InputError: the file is not there or a line is of another form.
    """
    words: list[tuple[str, str]] = []
    try:
        with open_text(Path(path)) as file:
            for number, line in enumerate(file, 1):
                word, _, name = line.rstrip("\n").partition("\t")
                if not word and not name:
                    continue
                if name not in _IWSLT:
                    raise InputError(f"{path}, line {number}: {name!r} is not one of {', '.join(_IWSLT)}")
                if words and not words[-1][1] and (word == "n't" or (word[:1] == "'" and word[1:] in _CLITICS)):
                    words[-1] = (words[-1][0] + word, _IWSLT[name])
                else:
                    words.append((word, _IWSLT[name]))
    except DAMAGED as error:
        raise InputError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    return words


_IWSLT = {"O": "", "COMMA": ",", "PERIOD": ".", "QUESTION": "?"}
_CLITICS = frozenset(["s", "re", "m", "ll", "ve", "d"])


def _prose(text: str) -> list[ParsedWord]:
    """The words of a book's paragraphs, without headings, tables and contents."""
    words: list[ParsedWord] = []
    for paragraph in text.replace("_", "").split("\n\n"):
        found = parse(paragraph)
        ends = bool(found) and found[-1].mark in ENDS
        if ends and len(found) >= _HEADING_WORDS and sum(word.case >= UPPER for word in found) * 4 < len(found):
            words += found
    return words
