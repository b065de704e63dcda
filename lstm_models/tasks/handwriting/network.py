"""Handwriting: ``HandwritingWriter`` turns a text into pen strokes in a style.

The network of Graves (2013, arXiv:1308.0850, section 5) on this package's backbone: a soft-window LSTM that slides
over the text, LSTM layers above it, and a mixture density for the next pen move. To it come a window that advances by
bounded steps, a stop head, an embedding of the writer for style, and strokes sampled anew (``StrokeFeatures``).

    writer = lstm_models.load("writer")
    writer.write("Dear reader,", legibility=0.75, seed=1).save("letter.svg")
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from lstm_models.errors import InputError
from lstm_models.ink.drawing import Drawing
from lstm_models.ink.line_metrics import level
from lstm_models.nn.lstm import LSTM
from lstm_models.nn.soft_window import SoftWindowLSTM
from lstm_models.tasks.handwriting import reranking
from lstm_models.tasks.handwriting.composition import compose_lines, drawable, planned
from lstm_models.tasks.handwriting.features import StrokeFeatures
from lstm_models.tasks.handwriting.glyphs import has_glyph
from lstm_models.tasks.handwriting.mixture_density import MixtureDensityHead, PenDistribution
from lstm_models.tasks.handwriting.sampling import Rows, Sampling, Together
from lstm_models.tasks.handwriting.stray_marks import without_stray_offsets
from lstm_models.text.spelling import spell, wrap

if TYPE_CHECKING:
    from lstm_models.ink.page import Page, PageOptions
    from lstm_models.tasks.handwriting.styles import Style
    from lstm_models.tasks.handwriting_reader.network import HandwritingReader

__all__ = ["HandwritingWriter", "WriterConfig", "spell", "wrap"]

MOST_CHARACTERS = 5_000
LINE_CHARACTERS = 50  # the training lines end at 64 characters, and half of them before 30
LINE_PITCH = 6.5  # distance of two lines, in vertical standard deviations of a line
MOST_BIAS = 2.0
PIXELS = 9.0  # SVG pixels of one vertical standard deviation of a line


@dataclass(frozen=True)
class WriterConfig:
    """Sizes of a writer and what it knows of text, strokes and styles.

    Attributes:
        alphabet: the characters it can write; character number 0 ends the text.
        hidden_size: cells of every layer.
        layers: layers, the soft-window layer included.
        text_size: features of a character vector.
        components: Gaussians in the window.
        max_step: largest move of the window in one point, in characters (0: unbounded, as in the paper).
        step: the move training starts from, in characters a point.
        mixtures: Gaussians in the density of the next pen move.
        floor: smallest standard deviation of a Gaussian, in normalised units.
        style_size: features of a style vector; 0 for a writer without styles.
        styles: the writers whose style was learnt, in the order of their vectors (vector 0: no style in particular).
        names: names of styles, each with the writer it stands for.
        dropout: share of features dropped before the upper layers and the head while training.
        history: moves seen beside the last one; the head then sees them, and the text in the window, too, so that it
            can carry a stroke on by itself (0: the last move alone, as in the paper).
        stop: learn where a line ends.
        drawn: characters of the alphabet that are drawn from a font all the same, as the writer seldom gets them right.
        features: how strokes become offsets.
    """

    alphabet: str = ""
    hidden_size: int = 400
    layers: int = 2
    text_size: int = 64
    components: int = 10
    max_step: float = 0.5
    step: float = 0.1
    mixtures: int = 20
    floor: float = 0.01
    style_size: int = 32
    styles: tuple[str, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    dropout: float = 0.0
    history: int = 0
    stop: bool = True
    drawn: str = ""
    features: StrokeFeatures = field(default_factory=StrokeFeatures)

    def __post_init__(self) -> None:
        for name in ("hidden_size", "layers", "text_size", "components", "mixtures"):
            if getattr(self, name) < 1:
                raise ValueError(f"model: {name} must be at least 1, not {getattr(self, name)}")
        if min(self.style_size, self.max_step, self.history) < 0 or self.floor <= 0 or not 0 <= self.dropout < 1:
            raise ValueError(
                "model: style_size, max_step and history must be 0 or more, floor above 0, dropout from 0 to below 1"
            )
        if not 0 < self.step < (self.max_step or float("inf")):
            raise ValueError(f"model: step must lie between 0 and max_step, not {self.step:g}")
        for name in ("alphabet", "styles"):
            if len(set(getattr(self, name))) < len(getattr(self, name)):
                raise ValueError(f"model: {name} has something twice")
        if not all(map(has_glyph, self.drawn)):
            raise ValueError(f"model: drawn has a character without a glyph: {self.drawn!r}")


class HandwritingWriter(nn.Module):
    """Writes text as pen strokes; see the module and ``WriterConfig``."""

    Config = WriterConfig

    def __init__(self, config: WriterConfig) -> None:
        super().__init__()
        self.config = config
        hidden, text, moves = config.hidden_size, config.text_size, 3 * (1 + config.history)
        self.characters = nn.Embedding(len(config.alphabet) + 1, text)
        self.style = nn.Embedding(len(config.styles) + 1, config.style_size) if config.style_size else None
        nn.init.normal_(self.characters.weight, std=0.5)
        if self.style is not None:
            nn.init.normal_(self.style.weight, std=0.1)
        self.window = SoftWindowLSTM(
            moves + config.style_size,
            text,
            hidden,
            components=config.components,
            max_step=config.max_step or None,
            step=config.step,
        )
        above = moves + config.style_size + text + hidden
        self.upper = LSTM(above, hidden, config.layers - 1) if config.layers > 1 else None
        below = hidden * (2 if self.upper else 1) + (moves + text if config.history else 0)
        self.head = MixtureDensityHead(below, config.mixtures, floor=config.floor)
        self._index = {character: number for number, character in enumerate(config.alphabet, 1)}
        self._together = Together(self._step)

    @property
    def written(self) -> str:
        """The characters it writes: those of its alphabet that are not drawn."""
        return "".join(character for character in self.config.alphabet if character not in self.config.drawn)

    @property
    def styles(self) -> tuple[str, ...]:
        """The styles it can write in: the named ones, or every writer it learnt from if none is named."""
        return tuple(self.config.names) or self.config.styles

    def encode(self, text: str) -> Tensor:
        """Character numbers [characters + 1]; the last is 0, the end. Raises KeyError for a character unknown."""
        return torch.tensor([*(self._index[character] for character in text), 0])

    # Training ------------------------------------------------------------------------------------------------------

    def forward(self, x: Tensor, text: Tensor, text_lengths: Tensor, style: Tensor | None = None) -> PenDistribution:
        """Distribution of the next move after each of the moves ``x``.

        Args:
            x: moves so far [batch, time, 3] (dx, dy, lift), the first being zeros.
            text: character numbers [batch, characters].
            text_lengths: how many are real [batch].
            style: style numbers [batch], or vectors [batch, style_size]; 0 or missing for no style in particular.
        """
        mask = torch.arange(text.size(1), device=text.device) < text_lengths[:, None]
        x = torch.cat(
            [nn.functional.pad(x, (0, 0, back, 0))[:, : x.size(1)] for back in range(1 + self.config.history)], 2
        )
        parts = [x]
        if self.style is not None:
            style = text.new_zeros(text.size(0)) if style is None else style
            style = style if style.is_floating_point() else self.style(style)
            parts.append(style[:, None].expand(-1, x.size(1), -1))
        x = torch.cat(parts, 2)
        hidden, window, _ = self.window(x, self.characters(text), mask)
        features = hidden
        if self.upper is not None:
            below = nn.functional.dropout(
                torch.cat([x.to(hidden.dtype), window, hidden], 2), self.config.dropout, self.training
            )
            features = torch.cat([hidden, self.upper(below)[0].to(hidden.dtype)], 2)
        features = nn.functional.dropout(features, self.config.dropout, self.training)
        if self.config.history:
            features = torch.cat([features, parts[0].to(features.dtype), window], 2)
        return self.head(features)

    def loss(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Negative log likelihood in nats, summed over the batch, with what it is a sum over.

        Args:
            batch: ``offsets`` [batch, time, 3], ``lengths`` [batch], ``text`` [batch, characters], ``text_lengths``
                [batch], ``style`` as `forward` takes it.

        Returns:
            ``loss`` (what training minimises, summed), ``nats`` (moves and lifts: Graves' measure), ``moves``,
            ``lifts``, ``stops`` (the parts), and the counts ``points`` and ``lines``.
        """
        offsets, lengths = batch["offsets"], batch["lengths"]
        x = nn.functional.pad(offsets, (0, 0, 1, 0))[:, :-1]
        distribution = self(x, batch["text"], batch["text_lengths"], batch.get("style"))
        time = torch.arange(offsets.size(1), device=offsets.device)
        real = time < lengths[:, None]
        moves = -distribution.log_density(offsets[..., :2])[real].sum()
        binary = nn.functional.binary_cross_entropy_with_logits
        lifts = binary(distribution.lift[real], offsets[..., 2][real], reduction="sum")
        last = (time == lengths[:, None] - 1).to(offsets.dtype)
        stops = binary(distribution.stop[real], last[real], reduction="sum")
        nats = moves + lifts
        return {
            "loss": nats + stops if self.config.stop else nats,
            "nats": nats.detach(),
            "moves": moves.detach(),
            "lifts": lifts.detach(),
            "stops": stops.detach(),
            "points": lengths.sum(),
            "lines": torch.tensor(len(lengths), device=lengths.device),
        }

    # Writing -------------------------------------------------------------------------------------------------------

    def write(
        self,
        text: str,
        *,
        style: str | Style | None = None,
        legibility: float = 0.75,
        seed: int | None = None,
        reader: HandwritingReader | None = None,
        candidates: int = 4,
    ) -> Drawing:
        """Writes a text.

        Args:
            text: what to write, up to 5,000 characters; line breaks are kept, long lines wrapped at words.
            style: one of ``styles``, or a writer's id; several mixed, such as ``"ada+gus"`` or ``"ada:0.3+gus:0.7"``;
                a ``Style``, or the name of a .json file of one; ``None`` for the usual hand, which is the first named
                style, or no style in particular where none is named.
            legibility: 0 (as varied as people write) to 1 (as legible as the model can).
            seed: the same seed gives the same drawing; ``None`` draws a new one.
            reader: re-reads every line: of several candidates, the most legible is kept, and what is still wrong is
                drawn again; ``Drawing.verdict`` tells. See ``lstm_models.tasks.handwriting.reranking``.
            candidates: how many of each line are drawn, with a reader.

        Raises:
            InputError: nothing that can be written, too long, an unknown style, or an option out of range.
        """
        judge = None if reader is None else reranking.Judge(reader, candidates)
        return next(self._drawings(text, style, legibility, seed, every=None, judge=judge))

    def stream(
        self,
        text: str,
        *,
        style: str | Style | None = None,
        legibility: float = 0.75,
        seed: int | None = None,
        every: int = 40,
    ) -> Iterator[Drawing]:
        """As ``write``, but yields the drawing so far after each ``every`` points, and last the whole."""
        return self._drawings(text, style, legibility, seed, every)

    def write_pages(
        self,
        text: str,
        *,
        style: str | Style | None = None,
        legibility: float = 0.75,
        seed: int | None = None,
        options: PageOptions | None = None,
        progress: Callable[[int, int], object] | None = None,
        reader: HandwritingReader | None = None,
        candidates: int = 4,
    ) -> Iterator[Page]:
        """Writes a text on as many pages as it takes, and yields each when it is full.

        Args:
            text: what to write, up to 500,000 characters; blank lines divide paragraphs.
            style: as for ``write``; the letters of all pages have one size.
            legibility: as for ``write``.
            seed: the same seed gives the same pages; ``None`` draws new ones.
            options: the paper and how the text is set on it; A4 if missing.
            progress: called with how many lines are written and how many there are in all (an estimate).
            reader: as for ``write``; ``Page.verdict`` tells.
            candidates: as for ``write``.

        Raises:
            InputError: as ``write``, at the call itself.
        """
        from lstm_models.tasks.handwriting.pages import write_pages

        judge = None if reader is None else reranking.Judge(reader, candidates)
        return write_pages(
            self, text, style=style, legibility=legibility, seed=seed, options=options, progress=progress, judge=judge
        )

    def mix(self, a: str | Style, b: str | Style, share: float = 0.5) -> Style:
        """A style between two, each anything ``write`` takes; ``share`` (0 to 1) is that of the second.

        Raises:
            InputError: a style is unknown or another writer's, or the share out of range.
        """
        from lstm_models.tasks.handwriting import styles

        return styles.mix(self, a, b, share)

    def fit_style(
        self,
        lines: Sequence[tuple[Any, str]],
        *,
        name: str = "own",
        reader: HandwritingReader | None = None,
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
        from lstm_models.tasks.handwriting.style_fitting import fit_style

        return fit_style(self, lines, name=name, reader=reader, progress=progress, cancelled=cancelled)

    def _drawings(
        self,
        text: str,
        style: str | Style | None,
        legibility: float,
        seed: int | None,
        every: int | None,
        judge: reranking.Judge | None = None,
    ) -> Iterator[Drawing]:
        lines, notes = self._lines(text)
        name, vector, bias, seed = self.settings(style, legibility, seed)
        plans = [planned(line, self.written) for line in lines]
        written = [plan.plain for plan in plans if plan.plain]
        trace: list[np.ndarray] | None = [] if any(plan.composed for plan in plans) else None

        def drawing(rows: Sequence[np.ndarray], complete: bool, chosen: reranking.Chosen | None = None) -> Drawing:
            drawn: tuple[int, ...] = ()
            if trace is None:
                strokes = tuple(self._place(lines, rows))
            else:
                made, drawn = compose_lines(
                    plans, rows, trace, self.config.features, **self._sizes, seed=seed, complete=complete
                )
                strokes = tuple(made)
            told = (*notes, *(chosen.notes(written) if chosen is not None else ()))
            return Drawing(strokes, text, name, seed, told, drawn, chosen.verdict if chosen is not None else None)

        rows: list[np.ndarray] = []
        vectors = vector.expand(len(written), -1)
        if judge is not None and written:
            chosen = reranking.draw(self, written, vectors, judge, bias=bias, seed=seed, trace=trace)
            yield drawing(chosen.rows, True, chosen)
            return
        traced: dict[str, Any] = {} if trace is None else {"trace": trace}  # only where it is wanted
        lines_so_far = self.sample(written, vectors, bias=bias, seed=seed, every=every, tidy=True, **traced)
        for rows in lines_so_far if written else ():
            if every:
                yield drawing(rows, False)
        yield drawing(without_stray_offsets(rows, written, self.config.features, trace), True)

    def settings(
        self, style: str | Style | None, legibility: float, seed: int | None
    ) -> tuple[str, Tensor, float, int]:
        """What the options of ``write`` come to: the style's name, its vector, the probability bias and a seed.

        Raises:
            InputError: an unknown style, or a legibility or seed out of range.
        """
        from lstm_models.tasks.handwriting.styles import resolve

        name, vector = resolve(self, style or next(iter(self.config.names), ""))
        if not 0 <= legibility <= 1:
            raise InputError(f"legibility must lie between 0 and 1, not {legibility:g}", usage=True)
        if seed is None:
            seed = int(np.random.SeedSequence().generate_state(1)[0])
        elif not 0 <= seed < 2**63:
            raise InputError(f"seed must be a whole number from 0 to 9223372036854775807, not {seed}", usage=True)
        return name, vector, self.bias(legibility), seed

    def _lines(self, text: str) -> tuple[list[str], list[str]]:
        if not isinstance(text, str) or not text.strip():
            raise InputError("there is no text to write", usage=True)
        if len(text) > MOST_CHARACTERS:
            raise InputError(
                f"the text has {len(text):,} characters; at most {MOST_CHARACTERS:,} can be written at a time",
                usage=True,
            )
        spelt, notes = spell(text, self.written, drawable)
        lines = wrap(spelt, LINE_CHARACTERS)
        if not any(lines):
            raise InputError(f"nothing in the text can be written: {'; '.join(notes)}", usage=True)
        return lines, notes

    def style_number(self, style: str | None) -> int:
        """The number of a style by its name or its writer's id; 0 for none.

        Raises:
            InputError: there is no such style.
        """
        if not style:
            return 0
        writer = self.config.names.get(style, style)
        if self.style is None or writer not in self.config.styles:
            known = ", ".join(self.styles[:12]) or "none, this writer learnt no styles"
            raise InputError(f"there is no style “{style}”; the styles are: {known}", usage=True)
        return self.config.styles.index(writer) + 1

    @torch.inference_mode()
    def sample(
        self,
        texts: Sequence[str],
        styles: Tensor,
        *,
        bias: float,
        seed: int,
        every: int | None = None,
        tidy: bool = False,
        trace: list[np.ndarray] | None = None,
    ) -> Iterator[list[np.ndarray]]:
        """Draws lines, all at once; threads that draw from one writer at the same time share its steps.

        Args:
            texts: what to write, one line each, of characters in the alphabet.
            styles: style numbers [lines], or vectors [lines, style_size].
            bias: Graves' probability bias, 0 for unbiased samples.
            seed: of the random numbers.
            every: points between two yields; ``None`` yields once, at the end.
            tidy: where the stop head misses the end of a text, leave out what the pen does after it.
            trace: a list that comes to hold, for what was yielded, which character each offset writes: [points] of
                each line, the hindmost Gaussian's place in the text, whose first character stands at 1.

        Yields:
            Offsets so far [points, 3] of each line. A line whose last offset does not lift the pen was cut off.
        """
        sampling = self._sampling(texts, styles, bias, seed, tidy=tidy, traced=trace is not None)
        points = every or int(sampling.rows.left.max())
        while not sampling.done:
            self._together.advance(sampling, points)
            if trace is not None:
                trace[:] = sampling.places()
            if not sampling.done:
                yield sampling.offsets()
        yield sampling.offsets()

    def _sampling(
        self, texts: Sequence[str], styles: Tensor, bias: float, seed: int, *, tidy: bool, traced: bool
    ) -> Sampling:
        device = self.characters.weight.device
        encoded = [self.encode(text) for text in texts]
        lengths = torch.tensor([len(numbers) for numbers in encoded], device=device)
        text = self.characters(nn.utils.rnn.pad_sequence(encoded, batch_first=True).to(device))
        mask = torch.arange(text.size(1), device=device) < lengths[:, None]
        if self.style is None:
            style = text.new_zeros(len(texts), 0)
        else:
            style = styles.to(text) if styles.is_floating_point() else self.style(styles.to(device))
        moves = text.new_zeros(len(texts), 3 * (1 + self.config.history))
        upper = self.upper.initial_state(len(texts)) if self.upper is not None else None
        rows = Rows(
            text, mask, lengths, style, self.most_points(lengths), moves, self.window.initial_state(text), upper
        )
        generator = torch.Generator(device).manual_seed(seed)
        return Sampling(rows, bias, generator, tidy=tidy, stop=self.config.stop, traced=traced)

    def _step(self, rows: Rows) -> tuple[Rows, PenDistribution]:
        """Where the network goes from there, and the distribution of the next move of each row."""
        x = torch.cat([rows.moves, rows.style], 1)
        window = self.window.step(x, rows.text, rows.mask, rows.window)
        upper, features = rows.upper, window.h
        if self.upper is not None:
            output, upper = self.upper.step(torch.cat([x, window.window, window.h], 1), upper)
            features = torch.cat([window.h, output], 1)
        if self.config.history:
            features = torch.cat([features, rows.moves, window.window], 1)
        return rows._replace(window=window, upper=upper), self.head(features)

    @staticmethod
    def bias(legibility: float) -> float:
        """The probability bias that a legibility from 0 to 1 stands for."""
        return MOST_BIAS * legibility

    def most_points(self, lengths: Tensor) -> Tensor:
        """Points after which a line of that many characters is cut off: three times what the text should take."""
        return (40 + 3 * lengths / self.config.step).long()

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


def batch_lines(encoded: Sequence[Mapping[str, Any]]) -> dict[str, Tensor]:
    """Pads lines to one batch: each {"offsets": [points, 3], "text": [characters], "style": number}."""
    offsets = [torch.as_tensor(line["offsets"]) for line in encoded]
    texts = [torch.as_tensor(line["text"]) for line in encoded]
    pad = nn.utils.rnn.pad_sequence
    return {
        "offsets": pad(offsets, batch_first=True),
        "lengths": torch.tensor([len(line) for line in offsets]),
        "text": pad(texts, batch_first=True),
        "text_lengths": torch.tensor([len(text) for text in texts]),
        "style": torch.tensor([int(line["style"]) for line in encoded]),
    }
