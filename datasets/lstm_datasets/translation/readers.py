"""Sentences with their translations from the files they come in.

- TSV: a pair a line, source TAB target; further columns, as in Tatoeba's files for Anki, are left out.
- Moses: two files of as many lines, named by a common beginning: ``train`` stands for ``train.en`` and ``train.de``.
- Two files of any name, as ``first.txt,second.txt``.
- TMX, the exchange format of translation memories.

All of them also as .gz and .xz. Lines with an empty side are left out.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple
from xml.etree import ElementTree

from lstm_datasets.packed_files import PACKED_SUFFIXES, read_bytes, read_text
from lstm_models.errors import InputError

__all__ = ["SentencePair", "read_pairs"]


class SentencePair(NamedTuple):
    """A sentence and its translation."""

    source: str
    target: str


def read_pairs(path: str | os.PathLike[str], source: str, target: str) -> list[SentencePair]:
    """The pairs of a file, or of two; the kinds are those above.

    Args:
        path: a file, ``first,second``, or the beginning of two names.
        source: the source's language, such as en; it finds the sides of a TMX file and the files of a beginning.
        target: the target's language.

    Raises:
        InputError: a file is not there, is damaged or of another form, or no pair is in it.
    """
    name = os.fspath(path)
    both = _two_files(name, source, target)
    if both is not None:
        pairs = _side_by_side(*both)
    elif _suffix(name) == ".tmx":
        pairs = _tmx(Path(name), source, target)
    else:
        pairs = _tsv(Path(name))
    found = [SentencePair(first.strip(), second.strip()) for first, second in pairs]
    found = [pair for pair in found if pair.source and pair.target]
    if not found:
        raise InputError(f"{name} has no pair of sentences in {source} and {target}")
    return found


def _two_files(name: str, source: str, target: str) -> tuple[Path, Path] | None:
    if os.path.isfile(name):
        return None
    if "," in name:
        left, _, right = name.partition(",")
        return Path(left), Path(right)
    found = []
    for language in (source, target):
        there = [Path(f"{name}.{language}{ending}") for ending in ("", *PACKED_SUFFIXES)]
        found.append(next((path for path in there if path.is_file()), None))
    if found[0] is None and found[1] is None:
        return None
    for path, language in zip(found, (source, target), strict=True):
        if path is None:
            raise InputError(f"{name}.{language} is not there, but the other language's file is")
    first, second = found
    assert first is not None
    assert second is not None
    return first, second


def _suffix(name: str) -> str:
    base, ending = os.path.splitext(name.lower())
    return os.path.splitext(base)[1] if ending in PACKED_SUFFIXES else ending


def _lines(path: Path) -> list[str]:
    text = read_text(path)
    if "\0" in text:
        raise InputError(f"{path} is not a text: it has zero bytes")
    lines = text.split("\n")
    return lines[:-1] if lines[-1] == "" else lines


def _side_by_side(first: Path, second: Path) -> list[tuple[str, str]]:
    sides = _lines(first), _lines(second)
    if len(sides[0]) != len(sides[1]):
        raise InputError(
            f"{first} has {len(sides[0])} lines and {second} {len(sides[1])}: a sentence and its translation have to "
            "be on the same line"
        )
    return list(zip(*sides, strict=True))


def _tsv(path: Path) -> list[tuple[str, str]]:
    pairs = []
    for number, line in enumerate(_lines(path), 1):
        columns = line.rstrip("\r").split("\t")
        if len(columns) > 1:
            pairs.append((columns[0], columns[1]))
        elif line.strip():
            raise InputError(f"line {number} of {path} is not a pair: expected a sentence, a tab and its translation")
    return pairs


def _tmx(path: Path, source: str, target: str) -> list[tuple[str, str]]:
    try:
        return list(_units(io.BytesIO(read_bytes(path)), source, target))
    except ElementTree.ParseError as error:
        raise InputError(f"{path} is not TMX: {error}") from None


def _units(file: IO[bytes], source: str, target: str) -> Iterator[tuple[str, str]]:
    """The translation units that have both languages, whatever their regions (en-GB is en)."""
    for _, unit in ElementTree.iterparse(file):
        if unit.tag != "tu":
            continue
        sides: dict[str, str] = {}
        for variant in unit.iter("tuv"):
            code = variant.get("{http://www.w3.org/XML/1998/namespace}lang") or variant.get("lang") or ""
            segment = variant.find("seg")
            if segment is not None:
                sides.setdefault(code.lower().replace("_", "-").split("-")[0], "".join(segment.itertext()))
        if source in sides and target in sides:
            yield " ".join(sides[source].split()), " ".join(sides[target].split())
        unit.clear()
