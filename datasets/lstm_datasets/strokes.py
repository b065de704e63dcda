"""Online handwriting: lines of pen strokes with their text, from IAM-OnDB or from one's own files.

``read_lines`` recognises what it is given:

* an ``.npz`` of IAM-OnDB lines (arrays ``xy``, ``eos``, ``off``, ``text``, and ``ids``, ``split``, ``writer`` if known);
* the folder of IAM-OnDB as its publisher lays it out (``lineStrokes`` XML and ``ascii`` texts);
* one's own ``.json`` or ``.jsonl`` lines, {"text": …, "strokes": [[[x, y], …], …]}, with "writer" and "split" if known;
* a folder of ``.svg`` files, the text in each file's <title> or in a ``.txt`` file of the same name.
"""

from __future__ import annotations

import json
import zipfile
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
from torch.utils.data import Dataset

from lstm_models.errors import InputError
from lstm_models.frontends import StrokeFeatures
from lstm_models.handwriting import HandwritingWriter, WriterConfig

__all__ = ["HandwritingLine", "WriterLines", "alphabet_of", "clean", "read_lines", "split_lines"]

BROKEN_LINES = frozenset({"n01-015z-04"})
LONGEST_STEP = 200  # tablet units within a stroke; longer ones are recording errors
ILLEGIBLE = "#"  # marks crossed-out or illegible ink in IAM-OnDB's texts


@dataclass(frozen=True)
class HandwritingLine:
    """One line of handwriting.

    Attributes:
        strokes: pen-down paths, each [points, 2] float32, x right, y down.
        text: what they say.
        name: of the line, for messages.
        writer: who wrote it, "" if unknown.
        split: the part of the data it belongs to, "" if none is given.
    """

    strokes: tuple[np.ndarray, ...]
    text: str
    name: str = ""
    writer: str = ""
    split: str = ""


def read_lines(path: str | Path) -> list[HandwritingLine]:
    """Reads every line at ``path``; see the module for what it may be.

    Raises:
        InputError: nothing is there, the kind is unknown, or the file is damaged.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"there is no handwriting data at {path}")
    if path.is_dir():
        if next(path.rglob("strokesz.xml"), None) or any(path.rglob("lineStrokes*")):
            return _read_iam_folder(path)
        if any(path.rglob("*.svg")):
            return [_read_svg(file) for file in sorted(path.rglob("*.svg"))]
        files = [file for suffix in ("*.jsonl", "*.json") for file in sorted(path.rglob(suffix))]
        if not files:
            raise InputError(f"{path} holds neither IAM-OnDB's lineStrokes folder nor .svg, .json or .jsonl lines")
        return [line for file in files for line in _read_json(file)]
    readers = {".npz": _read_npz, ".json": _read_json, ".jsonl": _read_json, ".svg": lambda file: [_read_svg(file)]}
    if path.suffix.lower() not in readers:
        raise InputError(f"{path} is no handwriting data: expected .npz, .json, .jsonl or .svg")
    return readers[path.suffix.lower()](path)


def clean(lines: Iterable[HandwritingLine], *, suspects: Iterable[str] = ()) -> list[HandwritingLine]:
    """Leaves out lines one should not learn from: no text, illegible ink, recording errors, named suspects."""
    bad = BROKEN_LINES | set(suspects)
    kept = []
    for line in lines:
        points = sum(map(len, line.strokes))
        steps = [np.abs(np.diff(stroke, axis=0)).max() for stroke in line.strokes if len(stroke) > 1]
        if line.name in bad or not line.text.strip() or ILLEGIBLE in line.text:
            continue
        if not steps or max(steps) > LONGEST_STEP or points < 2 * len(line.text):
            continue
        kept.append(line)
    return kept


def split_lines(
    lines: Sequence[HandwritingLine], validation: str = "testset_v"
) -> tuple[list[HandwritingLine], list[HandwritingLine]]:
    """Lines to train on and to validate on.

    Validation is the split of that name; where the data names no splits, every twentieth line.

    Raises:
        InputError: one of the two would be empty.
    """
    if any(line.split for line in lines):
        held = [line for line in lines if line.split == validation]
        train = [line for line in lines if line.split != validation]
    else:
        held, train = list(lines[::20]), [line for number, line in enumerate(lines) if number % 20]
    if not held or not train:
        raise InputError(
            f"{len(lines)} lines leave {len(train)} to train on and {len(held)} to validate on; both need at least one"
        )
    return train, held


def alphabet_of(lines: Iterable[HandwritingLine], least: int = 3) -> str:
    """The characters that occur at least ``least`` times, sorted."""
    counts = Counter(character for line in lines for character in line.text)
    return "".join(sorted(character for character, count in counts.items() if count >= least))


class WriterLines(Dataset[dict[str, Any]]):
    """Lines as a writer sees them: {"offsets" [points, 3], "text" [characters], "style"}, encoded once.

    Args:
        lines: the lines; characters outside the alphabet are spelt with those inside, or left out.
        model: whose alphabet, styles and stroke features are used.
        slant: largest random slant while training, as x per y; 0 for none.
        scale: largest random change of size while training, as a share; 0 for none.
    """

    def __init__(
        self,
        lines: Sequence[HandwritingLine],
        model: HandwritingWriter,
        *,
        slant: float = 0.0,
        scale: float = 0.0,
        seed: int = 0,
    ) -> None:
        from lstm_models.handwriting import spell

        config: WriterConfig = model.config
        styles = {writer: number for number, writer in enumerate(config.styles, 1)}
        self.features: StrokeFeatures = config.features
        self.slant, self.scale, self.seed, self.epoch = slant, scale, seed, 0
        self.items: list[dict[str, Any]] = []
        for line in lines:
            text = line.text.replace(ILLEGIBLE, "") if ILLEGIBLE not in config.alphabet else line.text
            spelt = spell(text, config.alphabet)[0]
            self.items.append(
                {
                    "offsets": self.features.encode(line.strokes),
                    "text": model.encode(spelt),
                    "style": styles.get(line.writer, 0) if config.style_size else 0,
                }
            )
        self.lengths = [len(item["offsets"]) for item in self.items]

    def __len__(self) -> int:
        return len(self.items)

    def set_epoch(self, epoch: int) -> None:
        """Another epoch, other random slants and sizes."""
        self.epoch = epoch

    def __getitem__(self, index: int) -> dict[str, Any]:
        item = self.items[index]
        if not (self.slant or self.scale):
            return item
        generator = np.random.default_rng((self.seed, self.epoch, index))
        slant, size = generator.uniform(-1, 1, 2) * (self.slant, self.scale)
        std, mean = np.array(self.features.std, np.float32), np.array(self.features.mean, np.float32)
        offsets = item["offsets"].copy()
        moves = (offsets[:, :2] * std + mean) * np.float32(1 + size)
        moves[:, 0] += np.float32(slant) * moves[:, 1]
        offsets[:, :2] = (moves - mean) / std
        return {**item, "offsets": offsets}


# Readers -----------------------------------------------------------------------------------------------------------


def _read_npz(path: Path) -> list[HandwritingLine]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        xy, eos, off, text = (arrays[name] for name in ("xy", "eos", "off", "text"))
        whole = xy.ndim == 2 and xy.shape[1] == 2 and len(eos) == len(xy) == int(off[-1]) and len(off) == len(text) + 1
        if not whole or (np.diff(off) < 0).any():
            raise ValueError("its arrays do not fit together")
    except KeyError as error:
        raise InputError(f"{path} is no file of handwriting lines: it lacks the array {error}") from None
    except (OSError, ValueError, IndexError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"{path} is damaged or no .npz file ({_first_words(error)})") from None
    count = len(text)
    ids = arrays.get("ids", np.array([str(number) for number in range(count)]))
    splits = arrays.get("split", np.full(count, ""))
    writers = arrays.get("writer", np.full(count, ""))
    lines = []
    for number in range(count):
        part = slice(int(off[number]), int(off[number + 1]))
        points = xy[part].astype(np.float32)
        strokes = tuple(stroke for stroke in np.split(points, np.flatnonzero(eos[part]) + 1) if len(stroke))
        lines.append(
            HandwritingLine(strokes, str(text[number]), str(ids[number]), str(writers[number]), str(splits[number]))
        )
    return lines


def _read_iam_folder(path: Path) -> list[HandwritingLine]:
    """IAM-OnDB's own layout: lineStrokes/a01/a01-000/a01-000u-01.xml, ascii/a01/a01-000/a01-000u.txt and, where
    present, original/…/strokesz.xml (writer ids) and the split lists trainset.txt, testset_v.txt, …"""
    files = sorted(file for file in path.rglob("*.xml") if any("lineStrokes" in part for part in file.parts))
    if not files:
        raise InputError(f"{path} holds no line of IAM-OnDB (lineStrokes/…/a01-000u-01.xml)")
    texts = {file.stem: file for file in path.rglob("*.txt") if any("ascii" in part for part in file.parts)}
    splits = {}
    for name in ("trainset", "testset_f", "testset_v", "testset_t"):
        for file in path.rglob(f"{name}.txt"):
            splits.update(dict.fromkeys(file.read_text().split(), name))
    writers = {}
    for file in path.rglob("strokesz.xml"):
        general = _parse_xml(file).find(".//Form")
        if general is not None:
            writers[file.parent.name] = general.get("writerID", "")
    transcripts: dict[str, list[str]] = {}
    lines = []
    for file in files:
        form, number = file.stem.rsplit("-", 1)
        if form not in transcripts:
            if form not in texts:
                raise InputError(f"{path} has strokes for {form} but no text (ascii/…/{form}.txt)")
            _, _, below = texts[form].read_text(encoding="utf-8", errors="replace").partition("CSR:")
            transcripts[form] = [row.strip() for row in below.splitlines() if row.strip()]
        rows = transcripts[form]
        text = rows[int(number) - 1] if number.isdigit() and 0 < int(number) <= len(rows) else ""
        strokes = tuple(
            np.array([[float(point.get("x", "nan")), float(point.get("y", "nan"))] for point in stroke], np.float32)
            for stroke in _parse_xml(file).iter("Stroke")
            if len(stroke)
        )
        if not strokes or not all(np.isfinite(stroke).all() for stroke in strokes):
            raise InputError(f"{file} has no strokes, or points without x and y")
        split = splits.get(form, splits.get(form.rstrip("abcdefghijklmnopqrstuvwxyz"), ""))
        lines.append(HandwritingLine(strokes, text, file.stem, writers.get(form, ""), split))
    return lines


def _parse_xml(file: Path) -> ElementTree.Element:
    try:
        return ElementTree.parse(file).getroot()
    except ElementTree.ParseError as error:
        raise InputError(f"{file} is damaged or no XML ({error})") from None


def _read_json(path: Path) -> list[HandwritingLine]:
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix.lower() == ".jsonl":
            records = [json.loads(row) for row in text.splitlines() if row.strip()]
        else:
            records = json.loads(text)
            records = records if isinstance(records, list) else [records]
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(f"{path} is damaged or no JSON ({_first_words(error)})") from None
    lines = []
    for number, record in enumerate(records, 1):
        try:
            strokes = tuple(np.asarray(stroke, np.float32).reshape(-1, 2) for stroke in record["strokes"])
            if not strokes or not all(np.isfinite(stroke).all() and len(stroke) for stroke in strokes):
                raise ValueError
            lines.append(
                HandwritingLine(
                    strokes,
                    str(record["text"]),
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
    import svgelements

    beside = path.with_suffix(".txt")
    try:
        root = ElementTree.parse(path).getroot()
        titles = [element.text or "" for element in root.iter() if element.tag.rsplit("}", 1)[-1] == "title"]
        drawing = svgelements.SVG.parse(str(path), reify=True)
        strokes = []
        for element in drawing.elements():
            if not isinstance(element, svgelements.Shape):
                continue
            for part in svgelements.Path(element).as_subpaths():
                subpath = svgelements.Path(part)
                length = subpath.length(error=1e-3)
                places = np.linspace(0, 1, max(2, int(length / 2) + 1))
                strokes.append(np.array([[point.x, point.y] for point in map(subpath.point, places)], np.float32))
    except (ElementTree.ParseError, ValueError, TypeError, AttributeError, ZeroDivisionError) as error:
        raise InputError(f"{path} is damaged or no SVG ({_first_words(error)})") from None
    text = beside.read_text(encoding="utf-8").strip() if beside.exists() else (titles[0].strip() if titles else "")
    strokes = [stroke for stroke in strokes if np.isfinite(stroke).all()]
    if not strokes or not text:
        missing = "strokes" if not strokes else f"text (a <title>, or {beside.name} beside it)"
        raise InputError(f"{path} has no {missing}")
    return HandwritingLine(tuple(strokes), text, path.stem)


def _first_words(error: BaseException) -> str:
    return str(error).splitlines()[0][:120] if str(error) else type(error).__name__
