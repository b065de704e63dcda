"""Former name of ``lstm_datasets.handwriting.readers``, kept for programs that import from it."""

from lstm_datasets.handwriting.dataset import WriterLines
from lstm_datasets.handwriting.readers import (
    HandwritingLine,
    alphabet_of,
    clean,
    read_lines,
    read_names,
    split_lines,
    without_text,
)

__all__ = [
    "HandwritingLine",
    "WriterLines",
    "alphabet_of",
    "clean",
    "read_lines",
    "read_names",
    "split_lines",
    "without_text",
]
