"""Texts for language models from files of several kinds."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

from lstm_datasets.packed_files import DAMAGED, open_text
from lstm_models.errors import InputError

__all__ = ["read_lines", "read_texts"]

_KINDS = (".txt", ".jsonl", ".tsv", ".json")
_SECTION = 12_000  # characters of a long text that stay in one piece
_BOOK_LINES = 200  # a text with so many lines is a book broken into lines
_LETTERS = re.compile(r"[^\W\d_]")


def read_texts(path: str | os.PathLike[str]) -> Iterator[str]:
    """The texts of a file, each with a paragraph a line; long ones in sections of about 12,000 characters.

    Kinds, by the name's ending (.xz and .gz are unpacked): ``.txt``, a paragraph a line, or, where there are empty
    lines, between two of them; ``.jsonl``, objects with ``text``; ``.tsv``, the first column's sentences, each once and
    a text by itself; ``.json``, SQuAD's articles. Of a book broken into lines, the paragraphs that are prose are taken;
    texts whose words and marks are set apart by blanks are left out.

    Raises:
        InputError: the file is not there, damaged, or of another kind.
    """
    path = Path(path)
    kind = next((suffix for suffix in reversed(path.suffixes) if suffix not in (".xz", ".gz")), "")
    if kind not in _KINDS:
        raise InputError(f"{path} is not a file of texts: expected {', '.join(_KINDS)}", usage=True)
    try:
        with open_text(path) as file:
            if kind == ".json":
                for article in json.load(file)["data"]:
                    yield from _sections([each["context"] for each in article["paragraphs"]])
            elif kind == ".tsv":
                yield from dict.fromkeys(text for line in file if (text := line.split("\t")[0].strip()))
            elif kind == ".txt":
                yield from _sections(_paragraphs(file.read()))
            else:
                for line in file:
                    text = json.loads(line)["text"]
                    if text.count(" ,") <= text.count(",") / 2:
                        yield from _sections(_paragraphs(text))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from None
    except (ValueError, KeyError, TypeError, AttributeError, *DAMAGED) as error:
        raise InputError(f"{path} is not a file of texts: {type(error).__name__}: {error}") from None


def read_lines(path: str | os.PathLike[str]) -> list[str]:
    """The lines of a text file, as Penn Treebank's files are: words set apart by blanks, a sentence a line.

    Raises:
        InputError: the file is not there, is no text, or has no line.
    """
    path = Path(path)
    try:
        with open_text(path) as file:
            lines = [line for line in file.read().split("\n") if line.strip()]
    except DAMAGED as error:
        raise InputError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if not lines:
        raise InputError(f"{path} has no line of text")
    return lines


def _paragraphs(text: str) -> list[str]:
    """The paragraphs of a text, each on one line."""
    if "\n\n" not in text.strip():
        return [" ".join(line.split()) for line in text.split("\n") if line.strip()]
    found = [" ".join(each.split()) for each in re.split(r"\n\s*\n", text) if each.strip()]
    if text.count("\n") < _BOOK_LINES:
        return found
    return [each for each in (each.replace("_", "").strip() for each in found) if _is_prose(each)]


def _is_prose(paragraph: str) -> bool:
    """Whether a paragraph of a book is no heading, table or list of contents."""
    letters = _LETTERS.findall(paragraph)
    upper = sum(letter.isupper() for letter in letters)
    return paragraph.endswith(tuple(".?!\"'”’:;,-—")) and len(letters) > len(paragraph) / 2 and upper < len(letters) / 4


def _sections(paragraphs: list[str]) -> Iterator[str]:
    """Paragraphs in their order, a line each, as texts of about the same length."""
    section: list[str] = []
    size = 0
    for paragraph in paragraphs:
        section.append(paragraph)
        size += len(paragraph)
        if size >= _SECTION:
            yield "\n".join(section)
            section, size = [], 0
    if section:
        yield "\n".join(section)
