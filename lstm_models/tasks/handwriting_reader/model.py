"""Reading handwriting: ``HandwritingReader`` turns pen strokes into text, the writer's counterpart.

reader = lstm_models.load("reader")
print(reader.read("note.svg").text)
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Union, overload

import numpy as np

from lstm_models.decoding.options import override
from lstm_models.ink.drawing import Drawing
from lstm_models.io.inputs import are_several
from lstm_models.tasks.handwriting_reader import decoding, legibility
from lstm_models.tasks.handwriting_reader.decoding import LanguageModel, ReadOptions
from lstm_models.tasks.handwriting_reader.network import HandwritingReaderNetwork
from lstm_models.tasks.handwriting_reader.results import Reading

if TYPE_CHECKING:
    from lstm_models.ink.verdict import Verdict

__all__ = ["HandwritingReader", "Ink"]

Ink = Union[Drawing, Sequence[np.ndarray], str, "os.PathLike[str]", bytes, BinaryIO]
"""What is read: a drawing, strokes [points, 2], or a JSON or SVG file: its name, its bytes, or open for reading."""


class HandwritingReader(HandwritingReaderNetwork):
    """Reads handwriting; see the module and ``HandwritingReaderConfig``."""

    @overload
    def read(
        self,
        source: list[str] | list[Path] | list[Drawing] | list[bytes] | list[BinaryIO],
        *,
        options: ReadOptions | None = None,
        alternatives: int | None = None,
        lm: LanguageModel | None = None,
        beam: int | None = None,
        name: str | None = None,
    ) -> list[Reading]: ...

    @overload
    def read(
        self,
        source: Ink,
        *,
        options: ReadOptions | None = None,
        alternatives: int | None = None,
        lm: LanguageModel | None = None,
        beam: int | None = None,
        name: str | None = None,
    ) -> Reading: ...

    def read(
        self,
        source: Any,
        *,
        options: ReadOptions | None = None,
        alternatives: int | None = None,
        lm: LanguageModel | None = None,
        beam: int | None = None,
        name: str | None = None,
    ) -> Reading | list[Reading]:
        """The text of a drawing, of strokes, or of a file of them; or of each of several drawings or files.

        Args:
            source: a `Drawing`, strokes [points, 2], or a JSON or SVG file (its path, its bytes, or open for reading):
                what `lstm_models.ink.stroke_files.open_strokes` takes; or a list of drawings or files, for which a
                list is given back. Strokes lie in the order they were written in; lines
                of writing are told apart by it.
            options: how to read; `ReadOptions()` if None.
            alternatives, lm, beam: replace those of the options.
            name: what error messages call the drawing; its path if None.

        Raises:
            InputError: as `open_strokes`; there are too many points once they lie at equal steps; the beam or the
                alternatives are below 0, or the language model is none (``usage=True``).
        """
        options = override(options, ReadOptions, alternatives=alternatives, lm=lm, beam=beam)
        if are_several(source, Drawing):
            return [decoding.read(self, each, options, name=name) for each in source]
        return decoding.read(self, source, options, name=name)

    def export_onnx(self, path: str | os.PathLike[str], *, int8: bool = False) -> Path:
        """Write the network as one ONNX graph.

        Input: ``features`` [points, features] float32 of a line, which ``config.features.encode(strokes)`` gives.
        Output: ``log_probs`` [outputs, labels], which `log_probs` gives of the same line.

        Args:
            path: the file to write.
            int8: store and multiply the weights in 8 bits.

        Raises:
            InputError: onnx (for int8, onnxruntime) is not installed, or the file cannot be written.
        """
        from lstm_models.tasks.handwriting_reader.onnx_graph import export

        return export(self, path, int8=int8)

    def verdicts(self, lines: Sequence[Sequence[np.ndarray]], texts: Sequence[str]) -> list[Verdict]:
        """What it makes of lines of strokes ``[points, 2]``, beside the texts that they should say."""
        return legibility.verdicts(self, lines, texts)
