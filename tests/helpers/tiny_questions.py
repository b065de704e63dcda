"""Passages with questions in SQuAD's form, and stories in bAbI's, small enough to learn in a test."""

from __future__ import annotations

import json
import random
from pathlib import Path

_NAMES = ["Ann", "Tom", "Maria", "Paul", "Rita", "Hugo", "Nora", "Ivan"]
_PLACES = ["garden", "kitchen", "office", "cellar", "attic", "hall"]


def squad(path: Path, count: int = 60, *, seed: int = 0) -> None:
    """A file of ``count`` passages, five an article: who is where, and two questions about that."""
    draw = random.Random(seed)
    articles = []
    for number in range(0, count, 5):
        paragraphs = []
        for each in range(number, min(number + 5, count)):
            names, places = draw.sample(_NAMES, 3), draw.sample(_PLACES, 3)
            text = " ".join(f"{name} is in the {place}." for name, place in zip(names, places, strict=True))
            asked = draw.randrange(3)
            answers = {
                f"Where is {names[asked]}?": places[asked],
                f"Who is in the {places[asked]}?": names[asked],
            }
            qas = [
                {
                    "id": f"{each}-{question[:3]}",
                    "question": question,
                    "answers": [{"text": answer, "answer_start": text.index(answer)}],
                }
                for question, answer in answers.items()
            ]
            paragraphs.append({"context": text, "qas": qas})
        articles.append({"title": f"House {number}", "paragraphs": paragraphs})
    path.write_text(json.dumps({"version": "1.1", "data": articles}), "utf-8")


def babi(path: Path, count: int = 200, *, seed: int = 0) -> None:
    """A file of ``count`` stories of two sentences and a question each, which rests on the one with the name."""
    draw = random.Random(seed)
    lines = []
    for _ in range(count):
        names, places = draw.sample(_NAMES[:4], 2), draw.sample(_PLACES[:3], 2)
        lines += [
            f"{at} {name} went to the {place}." for at, (name, place) in enumerate(zip(names, places, strict=True), 1)
        ]
        asked = draw.randrange(2)
        lines.append(f"3 Where is {names[asked]}? \t{places[asked]}\t{asked + 1}")
    path.write_text("\n".join(lines) + "\n", "utf-8")
