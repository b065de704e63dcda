"""Word vectors trained elsewhere, such as GloVe (Pennington et al. 2014), for the first layer of a network."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lstm_models.errors import InputError

__all__ = ["WordVectors", "read_vectors"]


class WordVectors:
    """Vectors of words.

    Args:
        words: the words, the most frequent first.
        vectors: a row a word, [words, features] float32.
    """

    def __init__(self, words: Sequence[str], vectors: np.ndarray) -> None:
        self.words, self.vectors = tuple(words), vectors
        self._rows = {word: row for row, word in enumerate(self.words)}

    @property
    def size(self) -> int:
        """Features of a vector."""
        return int(self.vectors.shape[1])

    def get(self, word: str) -> np.ndarray | None:
        """The vector [features] of a word, or None."""
        row = self._rows.get(word)
        return None if row is None else self.vectors[row]


def read_vectors(path: str | os.PathLike[str]) -> WordVectors:
    """Reads vectors from GloVe's text format (a word and its numbers a line), or from an .npz file of ``words`` (a
    string, a line a word), ``vectors`` int8 [words, features] and ``scale`` float [words].

    Raises:
        InputError: the file is not there or holds no such vectors.
    """
    path = Path(path)
    try:
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as file:
                words = str(file["words"]).split("\n")
                vectors = file["vectors"].astype(np.float32) * file["scale"].astype(np.float32)[:, None]
        else:
            with open(path, encoding="utf-8") as lines:
                rows = [line.rstrip("\n").split(" ") for line in lines]
            words = [row[0] for row in rows]
            vectors = np.array([row[1:] for row in rows], dtype=np.float32)
    except (OSError, ValueError, KeyError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise InputError(f"{path} is not a file of word vectors: {reason}") from None
    if vectors.ndim != 2 or len(words) != len(vectors):
        raise InputError(f"{path} is not a file of word vectors: {len(words)} words and {list(vectors.shape)} numbers")
    return WordVectors(words, vectors)
