"""Numbers in English words and their German ones, digit by digit: pairs that a tiny translator learns in seconds."""

from __future__ import annotations

import random
from pathlib import Path

ENGLISH = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
GERMAN = ("eins", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun")
WORDS = dict(zip(ENGLISH, GERMAN, strict=True))


def pairs(count: int, seed: int = 0, longest: int = 4) -> list[tuple[str, str]]:
    """``count`` pairs of sentences such as "Four two." and "Vier zwei."; in German the order is the same."""
    generator = random.Random(seed)
    made = []
    for _ in range(count):
        words = [generator.choice(ENGLISH) for _ in range(generator.randint(1, longest))]
        other = [WORDS[word] for word in words]
        made.append((f"{' '.join(words).capitalize()}.", f"{' '.join(other).capitalize()}."))
    return made


def tsv(path: Path, count: int = 600, seed: int = 0) -> Path:
    """The pairs as a TSV file."""
    path.write_text("".join(f"{source}\t{target}\n" for source, target in pairs(count, seed)), "utf-8")
    return path
