"""The network that writes by hand: from a text and the pen moves so far to the distribution of the next move.

The network of Graves (2013, arXiv:1308.0850, section 5) on this package's backbone: a soft-window LSTM that slides
over the text, LSTM layers above it, and a mixture density for the next pen move. To it come a window that advances by
bounded steps, a stop head, an embedding of the writer for style, and strokes sampled anew (``StrokeFeatures``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from lstm_models import deadlines
from lstm_models.errors import InputError
from lstm_models.nn.lstm import LSTM
from lstm_models.nn.soft_window import SoftWindowLSTM
from lstm_models.tasks.handwriting.config import WriterConfig
from lstm_models.tasks.handwriting.mixture_density import MixtureDensityHead, PenDistribution
from lstm_models.tasks.handwriting.sampling import Rows, Sampling, StepBatcher

if TYPE_CHECKING:
    pass

__all__ = ["HandwritingWriterNetwork"]

MOST_BIAS = 2.0
_CHECK_POINTS = 100  # between two looks at the deadline: a tenth of a second or so


class HandwritingWriterNetwork(nn.Module):
    """The network of a writer; see the module and ``WriterConfig``."""

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
        self._batcher = StepBatcher(self._step)

    @property
    def writable(self) -> str:
        """The characters it writes: those of its alphabet that are not drawn."""
        return self.writable_in("")

    def writable_in(self, style: str) -> str:
        """The characters that it writes in a style of that name; of other styles, those of `writable`."""
        drawn = self.config.drawn + self.config.drawn_by_style.get(style, "")
        return "".join(character for character in self.config.alphabet if character not in drawn)

    @property
    def styles(self) -> tuple[str, ...]:
        """The styles it can write in: the named ones, or every writer it learnt from if none is named."""
        return tuple(self.config.names) or self.config.styles

    def encode(self, text: str) -> Tensor:
        """Character numbers [characters + 1]; the last is 0, the end. Raises KeyError for a character unknown."""
        return torch.tensor([*(self._index[character] for character in text), 0])

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
        pen: PenDistribution = self.head(features)
        return pen

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

    @staticmethod
    def collate(encoded: Sequence[Mapping[str, Any]]) -> dict[str, Tensor]:
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
        while not sampling.done:
            if every is None:  # who takes them in parts can stop between two
                deadlines.check()
            self._batcher.advance(sampling, every or _CHECK_POINTS)
            if every is not None and not sampling.done:
                if trace is not None:
                    trace[:] = sampling.places()
                yield sampling.offsets()
        if trace is not None:
            trace[:] = sampling.places()
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
