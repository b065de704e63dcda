"""Letters as people send them: lines of dates, amounts, names and lists, capitals, and their sizes beside the data's.

    python -m benchmarks.tasks.handwriting_letters                      # 200 lines, 50 of capitals, 104 initials: 6 min
    python -m benchmarks.tasks.handwriting_letters --lines 40 --candidates 4 --picture letters.png
    python -m benchmarks.tasks.handwriting_letters --data IAM_ONDB      # gaps between words and size of letters, too

The lines come from a generator with a seed, the named styles take turns, the setting is the default. The bundled reader
of strokes reads them, by its best path, without a language model (a character that it has no label for, such as €,
counts as read whatever stands for it); where RapidOCR is installed (the extra ``bench``) it
reads pictures of them, too, letters and digits in lower case. With candidates each line is drawn so many times and that
reader chooses, so that only RapidOCR is independent there.

Word gaps and sizes are measured alike on generated and real lines: the gap by the widest holes in a line's ink, as
many as it has spaces; the x-height by where the strokes turn.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from benchmarks.common import describe, machine, table, write_json
from lstm_apps.tasks.handwriting.metrics import draw, recognized
from lstm_datasets.handwriting.readers import HandwritingLine, clean, read_lines, split_lines
from lstm_models.checkpoints import hub
from lstm_models.ink.drawing import Drawing
from lstm_models.ink.line_metrics import level, slant_of
from lstm_models.tasks.handwriting.line_layout import x_height_of
from lstm_models.tasks.handwriting.model import HandwritingWriter
from lstm_models.tasks.handwriting.reranking import Reranker
from lstm_models.tasks.handwriting_reader.model import HandwritingReader
from lstm_models.text.edit_distance import edits

__all__ = ["capitals", "gap_and_height", "initials", "letters", "main"]

NAMES = ("Anna", "Zoë", "Mr. Hughes", "Uncle Victor", "René", "Yvonne", "Dr. Young", "Gina", "Tom", "Ursula", "José")
MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
          "December")  # fmt: skip
THINGS = ("milk", "two lemons", "bread", "a bag of rice", "envelopes", "red paint", "soap", "24 eggs", "the tickets")
PLACES = ("Rome", "Vienna", "Glasgow", "York", "Bath", "Utrecht", "Queens", "Zürich", "Dover")
CAPITALS = (
    "NASA", "VAT", "THANK YOU", "URGENT", "PLEASE REPLY", "HAPPY BIRTHDAY", "DO NOT BEND", "TO LET", "RSVP", "FRAGILE",
    "GOOD LUCK", "SECOND FLOOR", "MERRY CHRISTMAS", "NO SMOKING", "BY HAND", "WELCOME HOME",
)  # fmt: skip
INITIALS = (
    "Anna", "Bath", "Colin", "Dover", "Emma", "Frank", "Gina", "Henry", "Irene", "James", "Kevin", "Laura", "Mary",
    "Norma", "Oscar", "Peter", "Queens", "Rome", "Susan", "Tom", "Uncle", "Victor", "Wales", "Xenia", "Yours", "Zara",
)  # fmt: skip


def letters(count: int, seed: int = 0) -> Iterator[str]:
    """Lines of letters: dates, amounts, names, lists and codes in turn, equal for equal seeds."""
    random = np.random.default_rng(seed)

    def one(of: Sequence[str]) -> str:
        return str(of[int(random.integers(len(of)))])

    def number(low: int, high: int) -> int:
        return int(random.integers(low, high))

    makers = (
        lambda: f"{number(1, 29)} {one(MONTHS)} {number(1950, 2031)}",
        lambda: f"The bill came to €{number(1, 9)},{number(100, 1000)}.{number(10, 100)} in all.",
        lambda: f"Dear {one(NAMES)},",
        lambda: f"- {one(THINGS)}",
        lambda: f"{number(1, 10)}. {one(THINGS)}",
        lambda: f"Please call 0{number(20, 99)}-{number(1000, 9999)} after {number(1, 12)}:{number(10, 60)} today.",
        lambda: f"See you in {one(PLACES)} on {one(MONTHS)} {number(1, 29)}.",
        lambda: f"Your order #{number(1000, 9999)}-{one('ABCDEFGH')} has left {one(PLACES)}.",
        lambda: f"It costs ${number(2, 99)}.{number(10, 100)} ({number(5, 60)}% off) at {one(PLACES)}.",
        lambda: f"Yours, {one(NAMES)}",
    )
    for turn in range(count):
        yield makers[turn % len(makers)]()


def capitals(count: int, seed: int = 0) -> list[str]:
    """Lines of capitals alone."""
    order = np.random.default_rng(seed).permutation(np.arange(count) % len(CAPITALS))
    return [CAPITALS[number] for number in order]


def initials(times: int) -> list[str]:
    """A word with each capital first, so many times."""
    return [f"{word} came home soon" for word in INITIALS for _ in range(times)]


def gap_and_height(strokes: Sequence[np.ndarray], text: str) -> tuple[float, float, float] | None:
    """Median gap between words in x-heights, x-height in the strokes' unit, and width a character in x-heights.

    None for a line that shows no x-height or fewer holes than it has spaces.
    """
    height = x_height_of(strokes)
    spaces = text.count(" ")
    if height is None or not spaces:
        return None
    flat = level(strokes)
    slant = slant_of([flat])
    edges = sorted((float((s[:, 0] + slant * s[:, 1]).min()), float((s[:, 0] + slant * s[:, 1]).max())) for s in flat)
    gaps, right = [], edges[0][1]
    for start, end in edges[1:]:
        gaps.append(start - right)
        right = max(right, end)
    holes = sorted((gap for gap in gaps if gap > 0), reverse=True)[:spaces]
    if len(holes) < spaces:
        return None
    return float(np.median(holes)) / height, height, (right - edges[0][0]) / height / len(text)


def errors(reader: Reranker, strokes: Sequence[Sequence[np.ndarray]], texts: Sequence[str]) -> dict[str, Any]:
    """Character error rate of the reader, of RapidOCR where it is installed, and what was read."""
    verdicts = reader(strokes, texts)
    known = [[plain in reader.reader.config.alphabet for plain in text] for text in texts]  # type: ignore[attr-defined]
    wrong = [edits(text, each.text, which) for text, each, which in zip(texts, verdicts, known, strict=True)]
    blind = [
        edits(text.lower(), each.text.lower(), which) for text, each, which in zip(texts, verdicts, known, strict=True)
    ]
    found: dict[str, Any] = {"lines": len(texts), "reader": sum(wrong) / sum(map(len, texts))}
    found["case ignored"] = sum(blind) / sum(map(len, texts))
    found["read"] = [(text, each.text) for text, each in zip(texts, verdicts, strict=True)]
    try:
        found["recognized"] = recognized(strokes)
    except ModuleNotFoundError:
        return found
    plain, seen = ([[c for c in each.lower() if c.isalnum()] for each in of] for of in (texts, found["recognized"]))
    wrong = [edits("".join(a), "".join(b)) for a, b in zip(plain, seen, strict=True)]
    found["rapidocr"] = sum(wrong) / sum(map(len, plain))
    return found


def initial_right(found: dict[str, Any]) -> dict[str, float]:
    """Fractions of lines whose initial the reader, RapidOCR (in either case), or one of them reads right."""
    by_reader = [text[0] == read[:1] for text, read in found["read"]]
    right = {"by the reader": float(np.mean(by_reader))}
    if "recognized" in found:
        by_ocr = [
            text[0].lower() == seen[:1].lower()
            for (text, _), seen in zip(found["read"], found["recognized"], strict=True)
        ]
        right |= {
            "by RapidOCR": float(np.mean(by_ocr)),
            "by one of them": float(np.mean(np.logical_or(by_reader, by_ocr))),
        }
    return right


def sizes(writer: HandwritingWriter, data: str, styles: int) -> dict[str, Any]:
    """Gap, x-height and width of written lines over those of real ones: of each style's writer, and of everybody."""
    everybody = [line for line in clean(read_lines(data)) if 15 <= len(line.text) <= 45 and " " in line.text]
    _, held = split_lines(everybody, "testset_v")
    texts = [line.text for line in held if set(line.text) <= set(writer.writable) and len(line.text) <= 40]
    texts = texts[:: max(1, len(texts) // 12)][:12]
    names = writer.styles[:styles]
    repeated = [text for text in texts for _ in names]
    made = [
        gap_and_height(*each) for each in zip(draw(writer, repeated, 0.75, styles, 5).strokes, repeated, strict=True)
    ]
    encode, decode = writer.config.features.encode, writer.config.features.decode

    def usual(found: Sequence[tuple[float, float, float] | None]) -> np.ndarray:
        return np.median([each for each in found if each is not None], 0)

    def real(lines: Sequence[HandwritingLine]) -> np.ndarray:
        return usual([gap_and_height(decode(encode(line.strokes)), line.text) for line in lines])

    facts: dict[str, Any] = {}
    for number, name in enumerate(names):
        own = [line for line in everybody if line.writer == writer.config.names.get(name, name)]
        facts[name] = (usual(made[number :: len(names)]) / real(own)).tolist()
    facts["all, over everybody's"] = (usual(made) / real(everybody[::25])).tolist()
    mixed = list(letters(150, 3))
    drawn = [gap_and_height(*each) for each in zip(draw(writer, mixed, 0.75, styles, 1).strokes, mixed, strict=True)]
    facts["lines of letters, over everybody's"] = (usual(drawn) / real(everybody[::25])).tolist()
    return facts


def picture(path: str, strokes: Sequence[Sequence[np.ndarray]], height: float = 45.0) -> None:
    """The lines one under another as a PNG."""
    placed = []
    for number, line in enumerate(strokes):
        left = min(float(stroke[:, 0].min()) for stroke in line)
        middle = float(np.median(np.concatenate(line)[:, 1]))
        placed += [(stroke - (left, middle)) * 8 + (0, number * height) for stroke in line]
    with open(path, "wb") as file:
        file.write(Drawing(tuple(placed), "", "", None, ()).png(scale=1, width=2, margin=20, color="black"))


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    """Measures a writer, prints the tables and returns the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", default="writer", help="a bundled model or a folder")
    parser.add_argument("--reader", default="reader", help="a bundled reader or a folder")
    parser.add_argument("--lines", type=int, default=200, help="of letters; a quarter as many of capitals")
    parser.add_argument("--times", type=int, default=4, help="each initial capital is written")
    parser.add_argument("--styles", type=int, default=9, help="the first so many take turns")
    parser.add_argument("--candidates", type=int, default=0, help="of each line, for re-reading")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--data", help="IAM-OnDB, for word gaps and sizes")
    parser.add_argument("--picture", help="a PNG of the first 40 lines of letters")
    parser.add_argument("--json", metavar="FILE", help="write the figures to a file too")
    given = parser.parse_args(arguments)
    writer, reader = hub.load_as(HandwritingWriter, given.model), hub.load_as(HandwritingReader, given.reader)
    judge, checker = Reranker(reader, given.candidates) if given.candidates else None, Reranker(reader, 1)
    facts: dict[str, Any] = {"machine": machine(), "candidates": given.candidates}
    print(f"# Letters\n\n{describe(facts['machine'])}\n", flush=True)
    rows = []
    sets = {"letters": list(letters(given.lines)), "capitals": capitals(-(-given.lines // 4)),
            "initials": initials(given.times)}  # fmt: skip
    for name, texts in sets.items():
        if not texts:
            continue
        strokes = draw(writer, texts, 0.75, given.styles, given.seed, judge).strokes
        found = facts[name] = errors(checker, strokes, texts)
        if name == "letters" and given.picture:
            picture(given.picture, strokes[:40])
        ocr = f"{found['rapidocr']:.1%}" if "rapidocr" in found else ""
        rows.append([name, str(len(texts)), f"{found['reader']:.1%}", f"{found['case ignored']:.1%}", ocr])
    if rows:
        print(table(["character errors", "lines", "reader", "case ignored", "RapidOCR"], rows), flush=True)
    if "initials" in facts:
        facts["initial right"] = initial_right(facts["initials"])
        print("\nInitials right: " + ", ".join(f"{100 * v:.0f} % {k}" for k, v in facts["initial right"].items()) + ".")
    if given.data:
        facts["sizes"] = sizes(writer, given.data, given.styles)
        rows = [[name, *(f"{value:.2f}" for value in values)] for name, values in facts["sizes"].items()]
        print("\n" + table(["over the data's", "gap between words", "x-height", "width a letter"], rows))
    write_json(given.json, facts)
    return facts


if __name__ == "__main__":
    main()
    sys.exit(0)
