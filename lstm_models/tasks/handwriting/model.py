"""Handwriting: ``HandwritingWriter`` turns a text into pen strokes in a style.

writer = lstm_models.load("writer")
writer.write("Dear reader,", legibility=0.75, seed=1).save("letter.svg")
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lstm_models.errors import InputError
from lstm_models.ink.drawing import Drawing
from lstm_models.ink.line_metrics import level
from lstm_models.tasks.handwriting import reranking
from lstm_models.tasks.handwriting.composition import compose_lines
from lstm_models.tasks.handwriting.line_plan import drawable, planned, words_note
from lstm_models.text.spelling import spell, wrap

if TYPE_CHECKING:
    from lstm_models.ink.page import Page

from lstm_models.decoding.options import override
from lstm_models.ink.page import PageOptions
from lstm_models.tasks.handwriting import styles
from lstm_models.tasks.handwriting.decoding import Settings, WriteOptions, settings_of
from lstm_models.tasks.handwriting.network import HandwritingWriterNetwork
from lstm_models.tasks.handwriting.pages import write_pages
from lstm_models.tasks.handwriting.reranking import LegibilityScorer, Reranker
from lstm_models.tasks.handwriting.stray_marks import without_stray_offsets
from lstm_models.tasks.handwriting.style_fitting import LineReader, fit_style
from lstm_models.tasks.handwriting.styles import Style

__all__ = ["HandwritingWriter"]

MOST_CHARACTERS = 5_000
LINE_CHARACTERS = 50  # the training lines end at 64 characters, and half of them before 30
LINE_PITCH = 6.5  # distance of two lines, in vertical standard deviations of a line
PIXELS = 9.0  # SVG pixels of one vertical standard deviation of a line


class HandwritingWriter(HandwritingWriterNetwork):
    """Writes text as pen strokes; see the module and ``WriterConfig``."""

    def write(
        self,
        text: str,
        *,
        options: WriteOptions | None = None,
        style: str | Style | None = None,
        legibility: float | None = None,
        seed: int | None = None,
        reader: LegibilityScorer | None = None,
        candidates: int | None = None,
    ) -> Drawing:
        """Writes a text.

        Args:
            text: what to write, up to 5,000 characters; line breaks are kept, long lines wrapped at words.
            options: how to write; `WriteOptions()` if None.
            style, legibility, seed, candidates: replace those of the options.
            reader: re-reads every line: of several candidates, the most legible is kept, and what is still wrong is
                drawn again; ``Drawing.verdict`` says how it went. See ``lstm_models.tasks.handwriting.reranking``.

        Raises:
            InputError: nothing that can be written, too long, an unknown style, or an option out of range.
        """
        options = override(options, WriteOptions, style=style, legibility=legibility, seed=seed, candidates=candidates)
        judge = None if reader is None else Reranker(reader, options.candidates)
        return next(self._drawings(text, options, every=None, judge=judge))

    def stream(
        self,
        text: str,
        *,
        options: WriteOptions | None = None,
        style: str | Style | None = None,
        legibility: float | None = None,
        seed: int | None = None,
        every: int = 40,
    ) -> Iterator[Drawing]:
        """As ``write``, but yields the drawing so far after each ``every`` points, and last the whole."""
        options = override(options, WriteOptions, style=style, legibility=legibility, seed=seed)
        return self._drawings(text, options, every)

    def write_pages(
        self,
        text: str,
        *,
        writing: WriteOptions | None = None,
        style: str | Style | None = None,
        legibility: float | None = None,
        seed: int | None = None,
        options: PageOptions | None = None,
        progress: Callable[[int, int], object] | None = None,
        reader: LegibilityScorer | None = None,
        candidates: int | None = None,
    ) -> Iterator[Page]:
        """Writes a text on as many pages as it takes, and yields each when it is full.

        Args:
            text: what to write, up to 500,000 characters; blank lines divide paragraphs.
            writing: how to write; `WriteOptions()` if None. The letters of all pages have one size.
            style, legibility, seed, candidates: replace those of ``writing``.
            options: the paper and how the text is set on it; A4 if None.
            progress: called with how many lines are written and how many there are in all (an estimate).
            reader: as for ``write``; ``Page.verdict`` says how it went.

        Raises:
            InputError: as ``write``, at the call itself.
        """
        writing = override(writing, WriteOptions, style=style, legibility=legibility, seed=seed, candidates=candidates)
        judge = None if reader is None else Reranker(reader, writing.candidates)
        return write_pages(self, text, writing, override(options, PageOptions), progress=progress, judge=judge)

    def mix(self, a: str | Style, b: str | Style, share: float = 0.5) -> Style:
        """A style between two, each anything ``write`` takes; ``share`` (0 to 1) is that of the second.

        Raises:
            InputError: a style is unknown or another writer's, or the share out of range.
        """
        return styles.mix(self, a, b, share)

    def fit_style(
        self,
        lines: Sequence[tuple[Any, str]],
        *,
        name: str = "own",
        reader: LineReader | None = None,
        progress: Callable[[int, int], object] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Style:
        """Fits a style to lines somebody wrote, so that ``write`` goes on in a hand like theirs.

        Args:
            lines: one to three lines (up to 12), each with its text. A line is a ``Drawing``, strokes [points, 2], or
                the name of a JSON or SVG file, of any size; several lines of writing have as many lines of text.
            name: what to call the style.
            reader: a ``HandwritingReader`` that checks first whether the strokes say the text.
            progress: called with how many steps are done and how many there are.
            cancelled: asked between two steps; where it says yes, the fitting ends with an InputError.

        Raises:
            InputError: there are no lines, strokes or texts, or too little or too much of them; a text has characters
                that the writer does not know; or the reader finds the strokes to say something else.
        """
        return fit_style(self, lines, name=name, reader=reader, progress=progress, cancelled=cancelled)

    def export_onnx(self, path: str | os.PathLike[str], *, int8: bool = False) -> Path:
        """Write the network as an ONNX graph: moves of the pen in, the distribution of the next move out.

        Inputs: ``moves`` [batch, time, 3 · (1 + history)], in units of ``config.features``, the very last first, lifts
        in the third column; ``text`` [batch, characters], numbers as of ``encode``, ``text_lengths`` and, where there
        are styles, ``style`` (0 for none) [batch], int64; and the state, zeros at first: ``h``, ``c`` [batch, hidden],
        ``window`` [batch, text], ``position`` [batch, components] and, above one layer, ``upper_h`` and ``upper_c``
        [layers - 1, batch, hidden]. Outputs: the fields of ``PenDistribution`` by name [batch, time, mixtures]
        (``lift``, ``stop`` [batch, time]), and the state after the last move, as ``h_n`` and so on.

        Raises:
            InputError: onnx (or, for int8, onnxruntime) is missing, or the file cannot be written.
        """
        from lstm_models.tasks.handwriting.onnx_graph import export

        return export(self, path, int8=int8)

    def _drawings(
        self, text: str, options: WriteOptions, every: int | None, judge: Reranker | None = None
    ) -> Iterator[Drawing]:
        name, vector, bias, seed = settings_of(self, options)
        alphabet = self.writable_in(name)
        lines, notes = self._lines(text, alphabet)
        plans = [planned(line, alphabet) for line in lines]
        to_write = [plan.plain for plan in plans if plan.plain]
        trace: list[np.ndarray] | None = [] if judge or any(plan.composed for plan in plans) else None

        def drawing(rows: Sequence[np.ndarray], complete: bool, chosen: reranking.Chosen | None = None) -> Drawing:
            drawn: tuple[int, ...] = ()
            if trace is None:
                strokes = tuple(self._place(lines, rows))
            else:
                made, drawn = compose_lines(
                    plans, rows, trace, self.config.features, **self._sizes, seed=seed, complete=complete
                )
                strokes = tuple(made)
            all_notes = (*notes, *(chosen.notes(to_write) if chosen is not None else ()))
            return Drawing(strokes, text, name, seed, all_notes, drawn, chosen.verdict if chosen is not None else None)

        rows: list[np.ndarray] = []
        vectors = vector.expand(len(to_write), -1)
        if judge is not None and to_write:
            assert trace is not None  # with a judge there is one
            written = [number for number, plan in enumerate(plans) if plan.plain]
            found, chosen = reranking.draw_planned(
                self,
                [plans[number] for number in written],
                vectors,
                judge,
                [alphabet] * len(written),
                bias=bias,
                seed=seed,
                trace=trace,
            )
            notes += reranking.drawn_note([plans[number] for number in written], found)
            for number, plan in zip(written, found, strict=True):
                plans[number] = plan
            to_write = [plan.plain for plan in found]
            if not any(plan.composed for plan in plans):
                trace = None
            yield drawing(chosen.rows, True, chosen)
            return
        traced: dict[str, Any] = {} if trace is None else {"trace": trace}  # only where it is wanted
        lines_so_far = self.sample(to_write, vectors, bias=bias, seed=seed, every=every, tidy=True, **traced)
        for rows in lines_so_far if to_write else ():
            if every:
                yield drawing(rows, False)
        yield drawing(without_stray_offsets(rows, to_write, self.config.features, trace), True)

    def settings(self, style: str | Style | None, legibility: float, seed: int | None) -> Settings:
        """What these options of ``write`` come to; see `WriteOptions` for them and the errors."""
        return settings_of(self, WriteOptions(style, legibility, seed))

    def _lines(self, text: str, alphabet: str) -> tuple[list[str], list[str]]:
        if not isinstance(text, str) or not text.strip():
            raise InputError("there is no text to write", usage=True)
        if len(text) > MOST_CHARACTERS:
            raise InputError(
                f"the text has {len(text):,} characters; at most {MOST_CHARACTERS:,} can be written at a time",
                usage=True,
            )
        spelt, notes = spell(text, alphabet, drawable)
        lines = wrap(spelt, LINE_CHARACTERS)
        if not any(lines):
            raise InputError(f"nothing in the text can be written: {'; '.join(notes)}", usage=True)
        return lines, [*notes, *words_note(spelt, alphabet)]

    @property
    def _sizes(self) -> dict[str, float]:
        """Pixels of the unit of the strokes, and between two lines."""
        return {"scale": PIXELS if self.config.features.resample else 0.2, "pitch": LINE_PITCH * PIXELS}

    def _place(self, lines: Sequence[str], rows: Sequence[np.ndarray]) -> Iterator[np.ndarray]:
        """Strokes in pixels, line under line."""
        scale, pitch = self._sizes["scale"], self._sizes["pitch"]
        following = iter(rows)
        for number, line in enumerate(lines):
            if not line:
                continue
            strokes = level(self.config.features.decode(next(following)))
            left = min(stroke[:, 0].min() for stroke in strokes)
            for stroke in strokes:
                yield ((stroke - (left, 0)) * scale + (0, number * pitch)).astype(np.float32)
