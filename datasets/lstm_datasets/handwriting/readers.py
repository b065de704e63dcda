"""Online handwriting: lines of pen strokes with their text, from IAM-OnDB or from one's own files.

``read_lines`` recognises what it is given:

* an ``.npz`` of IAM-OnDB lines (arrays ``xy``, ``eos``, ``off``, ``text``; ``ids``, ``split``, ``writer`` if known);
* the folder of IAM-OnDB as its publisher lays it out (``lineStrokes`` XML and ``ascii`` texts);
* one's own ``.json`` or ``.jsonl`` lines, {"text": …, "strokes": [[[x, y], …], …]}, with "writer" and "split" if known;
* a folder of ``.svg`` files, the text in each file's <title> or in a ``.txt`` file of the same name.

Texts are taken as one line: line breaks and runs of spaces in one's own files become single spaces.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from lstm_datasets.tables import lines_of
from lstm_models.errors import InputError
from lstm_models.ink.stroke_files import stroke_points, svg_strokes
from lstm_models.ink.svg_paths import SVGError

__all__ = [
    "HandwritingLine",
    "alphabet_of",
    "clean",
    "read_lines",
    "read_names",
    "split_lines",
    "without_text",
]

BROKEN_LINES = frozenset({"n01-015z-04"})
LONGEST_STEP = 200  # tablet units within a stroke; longer ones are recording errors
ILLEGIBLE = "#"  # marks crossed-out or illegible ink in IAM-OnDB's texts
HELD_OUT = "testset_t"  # IAM-OnDB's split for the final test: never trained on
FARTHEST = 1e9  # coordinates beyond are mistakes


@dataclass(frozen=True)
class HandwritingLine:
    """One line of handwriting.

    Attributes:
        strokes: pen-down paths, each [points, 2] float32, x right, y down.
        text: what they say.
        name: of the line, for messages.
        writer: who wrote it, "" if unknown.
        split: the part of the data it belongs to, "" if none is given.
        tablet: recorded point by point on IAM-OnDB's tablet, in its units.
    """

    strokes: tuple[np.ndarray, ...]
    text: str
    name: str = ""
    writer: str = ""
    split: str = ""
    tablet: bool = False


def read_lines(path: str | Path) -> list[HandwritingLine]:
    """Reads every line at ``path``; see the module for what it may be.

    Raises:
        InputError: nothing is there, the kind is unknown, a file is damaged, or there is no line in it.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"there is no handwriting data at {path}")
    lines = _read(path)
    if not lines:
        raise InputError(f"{path} holds no line of handwriting")
    return lines


def _read(path: Path) -> list[HandwritingLine]:
    if path.is_dir():
        if path.name.startswith("lineStrokes"):
            raise InputError(f"{path} holds strokes without texts: name the folder that lineStrokes and ascii lie in")
        if any(path.rglob("lineStrokes*")):
            return _read_iam_folder(path)
        if any(path.rglob("*.svg")):
            return [_read_svg(file) for file in sorted(path.rglob("*.svg"))]
        files = [file for suffix in ("*.jsonl", "*.json") for file in sorted(path.rglob(suffix))]
        if not files:
            raise InputError(f"{path} holds neither IAM-OnDB's lineStrokes folder nor .svg, .json or .jsonl lines")
        return [line for file in files for line in _read_json(file)]
    readers: dict[str, Callable[[Path], list[HandwritingLine]]]
    readers = {".npz": _read_npz, ".json": _read_json, ".jsonl": _read_json, ".svg": lambda file: [_read_svg(file)]}
    if path.suffix.lower() not in readers:
        raise InputError(f"{path} is no handwriting data: expected .npz, .json, .jsonl or .svg")
    return readers[path.suffix.lower()](path)


def clean(lines: Iterable[HandwritingLine], *, suspects: Iterable[str] = ()) -> list[HandwritingLine]:
    """Leaves out lines one should not learn from: no text, illegible ink, named suspects, a single dot.

    Of lines from IAM-OnDB's tablet also those with recording errors: a step of more than ``LONGEST_STEP`` units within
    a stroke, or less than two points a character.
    """
    bad = BROKEN_LINES | set(suspects)
    kept = []
    for line in lines:
        points = sum(map(len, line.strokes))
        steps = [np.abs(np.diff(stroke, axis=0)).max() for stroke in line.strokes if len(stroke) > 1]
        if line.name in bad or not line.text.strip() or ILLEGIBLE in line.text:
            continue
        if not steps or (line.tablet and (max(steps) > LONGEST_STEP or points < 2 * len(line.text))):
            continue
        kept.append(line)
    return kept


def read_names(path: str | None) -> list[str]:
    """Names of lines to leave out, such as ``clean`` takes as suspects: those in a text file, one a line.

    Args:
        path: the file; no names if None.

    Raises:
        InputError: it cannot be read.
    """
    if path is None:
        return []
    try:
        return Path(path).read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the list of suspects {path} cannot be read ({error})") from None


def split_lines(
    lines: Sequence[HandwritingLine], validation: str = "testset_v"
) -> tuple[list[HandwritingLine], list[HandwritingLine]]:
    """Lines to train on and to validate on.

    Validation is the split of that name, and IAM-OnDB's testset_t is left out of both unless it is asked for; where
    the data names no splits, every twentieth line.

    Raises:
        InputError: one of the two would be empty.
    """
    if any(line.split for line in lines):
        held = [line for line in lines if line.split == validation]
        train = [line for line in lines if line.split not in (validation, HELD_OUT)]
    else:
        held, train = list(lines[::20]), [line for number, line in enumerate(lines) if number % 20]
    if not held or not train:
        splits = ", ".join(sorted({line.split for line in lines if line.split}))
        raise InputError(
            f"{len(lines)} lines leave {len(train)} to train on and {len(held)} to validate on; both need at least one"
            + (f" (validation split: {validation}; in the data: {splits})" if splits else "")
        )
    return train, held


def alphabet_of(lines: Iterable[HandwritingLine], min_count: int = 3) -> str:
    """The characters that occur at least ``min_count`` times, sorted."""
    counts = Counter(character for line in lines for character in line.text)
    return "".join(sorted(character for character, count in counts.items() if count >= min_count))


def without_text(lines: Iterable[HandwritingLine]) -> list[HandwritingLine]:
    """The lines without their texts, for a model of strokes alone (Graves 2013, section 4)."""
    return [replace(line, text="") for line in lines]


# Readers -----------------------------------------------------------------------------------------------------------


def _read_npz(path: Path) -> list[HandwritingLine]:
    try:
        archive = np.load(path, allow_pickle=False)
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise ValueError("a single array")
        with archive:
            arrays = {name: archive[name] for name in archive.files}
        xy, eos, off, text = (arrays[name] for name in ("xy", "eos", "off", "text"))
        count = len(text)
        ids = arrays.get("ids", np.array([str(number) for number in range(count)]))
        splits = arrays.get("split", np.full(count, ""))
        writers = arrays.get("writer", np.full(count, ""))
        xy, eos = xy.astype(np.float32), eos.astype(bool)
        whole = xy.ndim == 2 and xy.shape[1] == 2 and len(eos) == len(xy) == int(off[-1]) and len(off) == count + 1
        whole = whole and off[0] == 0 and not (np.diff(off) < 0).any() and np.isfinite(xy).all()
        if not whole or not len(ids) == len(splits) == len(writers) == count:
            raise ValueError("its arrays do not fit together")
    except KeyError as error:
        raise InputError(f"{path} is no file of handwriting lines: it lacks the array {error}") from None
    except (
        OSError,
        ValueError,
        TypeError,
        IndexError,
        EOFError,
        NotImplementedError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise InputError(f"{path} is damaged or no .npz file of handwriting lines ({_first_words(error)})") from None
    lines = []
    for number in range(count):
        part = slice(int(off[number]), int(off[number + 1]))
        strokes = tuple(stroke for stroke in np.split(xy[part], np.flatnonzero(eos[part]) + 1) if len(stroke))
        if not strokes:
            raise InputError(f"{path} is damaged: line {ids[number]} has no point")
        name, writer, split = str(ids[number]), str(writers[number]), str(splits[number])
        lines.append(HandwritingLine(strokes, str(text[number]), name, writer, split, tablet=True))
    return lines


def _read_iam_folder(path: Path) -> list[HandwritingLine]:
    """IAM-OnDB's own layout: lineStrokes/a01/a01-000/a01-000u-01.xml, ascii/a01/a01-000/a01-000u.txt and, where
    present, original/a01/a01-000/strokesu.xml (writer ids) and the split lists trainset.txt, testset_v.txt, …"""
    files = sorted(file for file in path.rglob("*.xml") if any("lineStrokes" in part for part in file.parts))
    if not files:
        raise InputError(f"{path} holds no line of IAM-OnDB (lineStrokes/…/a01-000u-01.xml)")
    texts = {file.stem: file for file in path.rglob("*.txt") if any("ascii" in part for part in file.parts)}
    splits: dict[str, str] = {}
    for name in ("trainset", "testset_f", "testset_v", HELD_OUT):
        for file in path.rglob(f"{name}.txt"):
            splits.update(dict.fromkeys(_read_text(file).split(), name))
    writers = {}
    for file in path.rglob("strokes*.xml"):  # of the form a01-000u: …/a01-000/strokesu.xml
        described = _parse_xml(file).find(".//Form")
        if described is not None:
            writers[file.parent.name + file.stem.removeprefix("strokes")] = described.get("writerID", "")
    transcripts: dict[str, list[str]] = {}
    lines = []
    for file in files:
        form, _, number = file.stem.rpartition("-")
        if form not in transcripts:
            if form not in texts:
                raise InputError(f"{path} has the strokes {file.name} but not their text (ascii/…/{form}.txt)")
            _, _, below = _read_text(texts[form]).partition("CSR:")
            transcripts[form] = [row.strip() for row in lines_of(below) if row.strip()]
        rows = transcripts[form]
        text = rows[int(number) - 1] if number.isdecimal() and 0 < int(number) <= len(rows) else ""
        strokes = tuple(_xml_points(file, stroke) for stroke in _parse_xml(file).iter("Stroke") if len(stroke))
        if not strokes:
            raise InputError(f"{file} has no strokes")
        split = splits.get(form, splits.get(form.rstrip("abcdefghijklmnopqrstuvwxyz"), ""))
        lines.append(HandwritingLine(strokes, text, file.stem, writers.get(form, ""), split, tablet=True))
    return lines


def _xml_points(file: Path, stroke: ElementTree.Element) -> np.ndarray:
    try:
        points = np.array([[float(point.attrib["x"]), float(point.attrib["y"])] for point in stroke], np.float32)
    except (KeyError, ValueError):
        points = np.full((1, 2), np.nan, np.float32)
    if not np.isfinite(points).all():
        raise InputError(f"{file} is damaged: a point has no x and y")
    return points


def _read_text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}") from None


def _parse_xml(file: Path) -> ElementTree.Element:
    try:
        return ElementTree.parse(file).getroot()
    except (ElementTree.ParseError, LookupError, ValueError) as error:  # the latter: an encoding that does not exist
        raise InputError(f"{file} is damaged or no XML ({_first_words(error)})") from None
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}") from None


def _read_json(path: Path) -> list[HandwritingLine]:
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix.lower() == ".jsonl":
            records = [json.loads(row) for row in lines_of(text) if row.strip()]
        else:
            records = json.loads(text)
            records = records if isinstance(records, list) else [records]
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise InputError(f"{path} is damaged or no JSON ({_first_words(error)})") from None
    lines = []
    for number, record in enumerate(records, 1):
        try:
            given = [stroke_points(stroke) for stroke in record["strokes"]]
            strokes = tuple(np.clip(stroke, -FARTHEST, FARTHEST).astype(np.float32) for stroke in given)
            if not strokes or not all(map(len, strokes)):
                raise ValueError
            if not all((np.abs(stroke) < FARTHEST).all() for stroke in given):
                raise ValueError
            lines.append(
                HandwritingLine(
                    strokes,
                    " ".join(record["text"].split()),
                    str(record.get("id", f"{path.stem}-{number}")),
                    str(record.get("writer", "")),
                    str(record.get("split", "")),
                )
            )
        except (KeyError, TypeError, ValueError, AttributeError):
            raise InputError(
                f'{path}, line {number}: expected {{"text": "…", "strokes": [[[x, y], …], …]}} with finite numbers'
            ) from None
    return lines


def _read_svg(path: Path) -> HandwritingLine:
    root = _parse_xml(path)
    if root.tag.rsplit("}", 1)[-1] != "svg":
        raise InputError(f"{path} is no SVG: its root is <{root.tag}>")
    titles = [element.text or "" for element in root.iter() if element.tag.rsplit("}", 1)[-1] == "title"]
    try:
        strokes = svg_strokes(path.read_bytes())
    except SVGError as error:
        raise InputError(f"{path} is damaged or no SVG ({_first_words(error)})") from None
    beside = path.with_suffix(".txt")
    text = " ".join((_read_text(beside) if beside.exists() else "".join(titles[:1])).split())
    if not strokes or not all(np.isfinite(stroke).all() for stroke in strokes):
        raise InputError(f"{path} has no strokes, or some without finite coordinates")
    if not text:
        raise InputError(f"{path} has no text: a <title>, or {beside.name} beside it")
    return HandwritingLine(tuple(strokes), text, path.stem)


def _first_words(error: BaseException) -> str:
    return str(error).splitlines()[0][:120] if str(error) else type(error).__name__
