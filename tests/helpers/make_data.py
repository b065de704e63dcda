"""Makes a tiny data set of every task, to train on in seconds: for ``make train-smoke`` and the tests.

Run: python tests/helpers/make_data.py FOLDER
"""

from __future__ import annotations

import json
import math
import random
import sys
from itertools import pairwise
from pathlib import Path

from tests.helpers import (
    tiny_digits,
    tiny_films,
    tiny_images,
    tiny_pairs,
    tiny_photos,
    tiny_questions,
    tiny_sentences,
    tiny_speech,
)

# A letter as polylines in a box one unit wide and high, y down; each polyline is one stroke of the pen.
LETTERS = {
    "c": [[(0.9, 0.2), (0.5, 0.0), (0.1, 0.5), (0.5, 1.0), (0.9, 0.8)]],
    "e": [[(0.1, 0.5), (0.9, 0.5), (0.5, 0.0), (0.1, 0.5), (0.5, 1.0), (0.9, 0.8)]],
    "h": [[(0.1, -0.8), (0.1, 1.0), (0.1, 0.4), (0.5, 0.0), (0.8, 0.4), (0.8, 1.0)]],
    "i": [[(0.4, 0.0), (0.4, 1.0)], [(0.4, -0.4), (0.45, -0.35)]],
    "l": [[(0.4, -0.8), (0.4, 1.0), (0.6, 1.0)]],
    "n": [[(0.1, 0.0), (0.1, 1.0), (0.1, 0.4), (0.5, 0.0), (0.8, 0.4), (0.8, 1.0)]],
    "o": [[(0.5, 0.0), (0.1, 0.5), (0.5, 1.0), (0.9, 0.5), (0.5, 0.0)]],
    "t": [[(0.4, -0.6), (0.4, 0.9), (0.7, 1.0)], [(0.1, -0.1), (0.8, -0.1)]],
}
HEIGHT = 40.0  # of a small letter, in the tablet's units
SPACING = 4.0  # between two points, about 10 ms of writing


def handwriting_line(random: random.Random, text: str) -> list[list[list[float]]]:
    """Strokes of a text, each a list of [x, y], with a hand's slant, size and tremor."""
    slant, size, tremor = random.uniform(-0.2, 0.3), HEIGHT * random.uniform(0.8, 1.2), 0.6
    strokes = []
    for place, letter in enumerate(text):
        for polyline in LETTERS.get(letter, []):
            corners = [((place * 1.15 + x - slant * y) * size, y * size) for x, y in polyline]
            points = [corners[0]]
            for (x0, y0), (x1, y1) in pairwise(corners):
                steps = max(1, round(math.hypot(x1 - x0, y1 - y0) / SPACING))
                points += [(x0 + (x1 - x0) * k / steps, y0 + (y1 - y0) * k / steps) for k in range(1, steps + 1)]
            strokes.append([[x + random.gauss(0, tremor), y + random.gauss(0, tremor)] for x, y in points])
    return strokes


def handwriting(path: Path, lines: int = 48, seed: int = 0) -> None:
    """Write lines of handwriting as JSON lines: {"text", "strokes", "writer", "split"}."""
    generator = random.Random(seed)
    with open(path, "w", encoding="utf-8") as file:
        for number in range(lines):
            words = ["".join(generator.choices(list(LETTERS), k=generator.randint(2, 4))) for _ in range(2)]
            line = {
                "text": " ".join(words),
                "strokes": handwriting_line(generator, " ".join(words)),
                "writer": f"hand-{number % 2}",
                "split": "testset_v" if number % 6 == 0 else "trainset",
            }
            file.write(json.dumps(line) + "\n")


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit("usage: python tests/helpers/make_data.py FOLDER")
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    handwriting(folder / "handwriting.jsonl")
    tiny_photos.folder(folder / "photos", 24)
    tiny_speech.table(folder / "speech", 40)
    tiny_sentences.conllu(folder / "tagging.conllu")
    tiny_sentences.names(folder / "names.conll")
    tiny_sentences.texts(folder / "texts.txt")
    tiny_pairs.tsv(folder / "pairs.tsv")
    tiny_questions.squad(folder / "questions.json")
    (folder / "film.gif").write_bytes(tiny_films.animation(tiny_films.square_frames(12)))
    tiny_digits.idx(folder / "shapes-idx3-ubyte")
    tiny_digits.gif(folder / "digits.gif", tiny_digits.crossing(12))
    tiny_images.mnist(folder / "images")


if __name__ == "__main__":
    main()
