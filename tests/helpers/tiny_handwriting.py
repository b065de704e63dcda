"""Tiny handwriting for tests: lines of a few letters with a fixed seed, in every layout that ``read_lines`` knows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import numpy as np

LETTERS = "abcdeilnost"
WORDS = ("a", "also", "bad", "ice", "code", "tea", "nice", "lost", "stone", "island", "listen", "absent", "dance")


def stroke(generator: np.random.Generator, letter: str, left: float) -> np.ndarray:
    """A wave of its own for each letter, 15 points about 9 units apart [points, 2], in whole units, y down."""
    number = LETTERS.index(letter)
    turn = np.linspace(0, np.pi * (1 + number % 3), 15)
    x = left + np.linspace(0, 40, 15) + 8 * np.sin(turn + number)
    y = 30 * np.cos(turn * (1 + number % 2)) + generator.normal(scale=1, size=15)
    return np.round(np.stack([x, y], 1)).astype(np.float32)


def line(generator: np.random.Generator, words: int = 2) -> dict[str, Any]:
    """One line as {"text", "strokes"}."""
    text = " ".join(generator.choice(WORDS, words))
    return {
        "text": text,
        "strokes": [stroke(generator, letter, 60.0 * place) for place, letter in enumerate(text) if letter in LETTERS],
    }


def lines(count: int = 24, *, words: int = 2, seed: int = 0) -> list[dict[str, Any]]:
    """Lines of three writers, every sixth for validation, with ids like IAM-OnDB's."""
    generator = np.random.default_rng(seed)
    return [
        {
            **line(generator, words),
            "id": f"a01-{number // 4:03d}{'uwz'[number // 4 % 3]}-{number % 4 + 1:02d}",
            "writer": f"1000{number // 4 % 3}",
            "split": "testset_v" if number % 6 == 0 else "trainset",
        }
        for number in range(count)
    ]


def jsonl(path: Path, records: list[dict[str, Any]]) -> Path:
    """JSON lines."""
    plain = [{**record, "strokes": [part.tolist() for part in record["strokes"]]} for record in records]
    path.write_text("".join(json.dumps(record) + "\n" for record in plain), encoding="utf-8")
    return path


def npz(path: Path, records: list[dict[str, Any]]) -> Path:
    """The arrays that IAM-OnDB's lines come in."""
    np.savez_compressed(path, **arrays(records))
    return path


def arrays(records: list[dict[str, Any]]) -> dict[str, np.ndarray]:
    """``xy``, ``eos``, ``off``, ``text``, ``ids``, ``split``, ``writer``."""
    parts = [part for record in records for part in record["strokes"]]
    counts = [sum(map(len, record["strokes"])) for record in records]
    eos = np.zeros(sum(counts), np.uint8)
    eos[np.cumsum([len(part) for part in parts]) - 1] = 1
    return {
        "xy": np.concatenate(parts).astype(np.int16),
        "eos": eos,
        "off": np.concatenate([[0], np.cumsum(counts)]),
        "text": np.array([record["text"] for record in records]),
        "ids": np.array([record["id"] for record in records]),
        "split": np.array([record["split"] for record in records]),
        "writer": np.array([record["writer"] for record in records]),
    }


def iam_folder(folder: Path, records: list[dict[str, Any]]) -> Path:
    """IAM-OnDB's own layout: lineStrokes, ascii, original and the lists of the splits."""
    forms: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        forms.setdefault(record["id"].rsplit("-", 1)[0], []).append(record)
    splits: dict[str, set[str]] = {}
    for form, parts in forms.items():
        base = form.rstrip("uwz")
        place = Path(base[:3]) / base
        for name in ("lineStrokes", "ascii", "original"):
            (folder / name / place).mkdir(parents=True, exist_ok=True)
        rows = "\n".join(part["text"] for part in parts)
        (folder / "ascii" / place / f"{form}.txt").write_text(f"OCR:\n\nmisread {rows}\n\nCSR:\n\n{rows}\n")
        (folder / "original" / place / f"strokes{form[len(base) :]}.xml").write_text(
            '<?xml version="1.0" encoding="ISO-8859-1"?>\n<WhiteboardCaptureSession><General>'
            f'<Form id="1" writerID="{parts[0]["writer"]}"/></General><StrokeSet/></WhiteboardCaptureSession>\n'
        )
        for part in parts:
            sets = "".join(
                '<Stroke colour="black" start_time="0.0" end_time="0.1">'
                + "".join(f'<Point x="{x:.0f}" y="{y:.0f}" time="0.0"/>' for x, y in points)
                + "</Stroke>\n"
                for points in part["strokes"]
            )
            (folder / "lineStrokes" / place / f"{part['id']}.xml").write_text(
                '<?xml version="1.0" encoding="ISO-8859-1"?>\n<WhiteboardCaptureSession><WhiteboardDescription>'
                '<SensorLocation corner="top_left"/></WhiteboardDescription>\n'
                f"<StrokeSet>\n{sets}</StrokeSet></WhiteboardCaptureSession>\n"
            )
        splits.setdefault(parts[0]["split"], set()).add(form)
    for name, members in splits.items():
        (folder / f"{name}.txt").write_text("\n".join(sorted(members)) + "\n")
    return folder


def svg(path: Path, record: dict[str, Any]) -> Path:
    """Polylines, with the text as the title."""
    paths = "".join(
        '<polyline fill="none" stroke="black" points="' + " ".join(f"{x:.0f},{y:.0f}" for x, y in part) + '"/>'
        for part in record["strokes"]
    )
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg"><title>{escape(record["text"])}</title>{paths}</svg>',
        encoding="utf-8",
    )
    return path
