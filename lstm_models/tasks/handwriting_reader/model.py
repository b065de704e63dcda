"""Reading handwriting: ``HandwritingReader`` turns pen strokes into text, the writer's counterpart.

reader = lstm_models.load("reader")
print(reader.read("note.svg").text)
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Union

import numpy as np

from lstm_models.decoding.options import override
from lstm_models.tasks.handwriting_reader import decoding, legibility
from lstm_models.tasks.handwriting_reader.decoding import LanguageModel, ReadOptions
from lstm_models.tasks.handwriting_reader.network import HandwritingReaderNetwork
from lstm_models.tasks.handwriting_reader.results import Reading

if TYPE_CHECKING:
    from lstm_models.ink.drawing import Drawing
    from lstm_models.ink.verdict import Verdict

__all__ = ["HandwritingReader", "Ink"]

Ink = Union["Drawing", Sequence[np.ndarray], str, "os.PathLike[str]"]
"""What is read: a drawing, strokes [points, 2], or the name of a JSON or SVG file."""


class HandwritingReader(HandwritingReaderNetwork):
    """Reads handwriting; see the module and ``HandwritingReaderConfig``."""

    def read(
        self,
        source: Ink,
        *,
        options: ReadOptions | None = None,
        alternatives: int | None = None,
        lm: LanguageModel | None = None,
        beam: int | None = None,
        name: str | None = None,
    ) -> Reading:
        """The text of a drawing, of strokes, or of a file of them.

        Args:
            source: a `Drawing`, strokes [points, 2], or a JSON or SVG file: what
                `lstm_models.ink.stroke_files.open_strokes` takes. Strokes lie in the order they were written in; lines
                of writing are told apart by it.
            options: how to read; `ReadOptions()` if None.
            alternatives, lm, beam: replace those of the options.
            name: what error messages call the drawing; its path if None.

        Raises:
            InputError: as `open_strokes`; there are too many points once they lie at equal steps; the beam or the
                alternatives are below 0, or the language model is none (``usage=True``).
        """
        options = override(options or ReadOptions(), alternatives=alternatives, lm=lm, beam=beam)
        return decoding.read(self, source, options, name=name)

    def verdicts(self, lines: Sequence[Sequence[np.ndarray]], texts: Sequence[str]) -> list[Verdict]:
        """What it makes of lines of strokes ``[points, 2]``, beside the texts that they should say."""
        return legibility.verdicts(self, lines, texts)
