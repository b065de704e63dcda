"""A few sentences with their labels and marks, as files that the taggers' and punctuators' training reads."""

from __future__ import annotations

from pathlib import Path

# word/part of speech/label of a name
LABELED = (
    "Anna/PROPN/B-PER saw/VERB/O Paris/PROPN/B-LOC ./PUNCT/O",
    "the/DET/O cat/NOUN/O slept/VERB/O ./PUNCT/O",
    "NASA/PROPN/B-ORG hired/VERB/O Bob/PROPN/B-PER Ray/PROPN/I-PER",
)
MARKED = (
    "Hello, how are you?",
    "I am fine, thanks.",
    "Mary lives in Paris.",
    "Why is NASA in Texas?",
    "Stop! It is late.",
)


def conllu(path: Path, repeats: int = 20) -> Path:
    """Parts of speech as CoNLL-U."""
    return _write(path, repeats, lambda number, word, pos, name: f"{number}\t{word}\t_\t{pos}" + "\t_" * 6)


def names(path: Path, repeats: int = 20) -> Path:
    """Names as two columns."""
    return _write(path, repeats, lambda number, word, pos, name: f"{word}\t{name}")


def texts(path: Path, documents: int = 100) -> Path:
    """Texts with marks and capitals, one a line."""
    path.write_text((" ".join(MARKED) + "\n") * documents, encoding="utf-8")
    return path


def _write(path: Path, repeats: int, row) -> Path:
    blocks = []
    for sentence in LABELED * repeats:
        words = [word.rsplit("/", 2) for word in sentence.split()]
        blocks.append("\n".join(row(number, *word) for number, word in enumerate(words, 1)))
    path.write_text("\n\n".join(blocks) + "\n", encoding="utf-8")
    return path
