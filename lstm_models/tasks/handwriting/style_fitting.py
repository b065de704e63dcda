"""A style fitted to somebody's own lines: what ``HandwritingWriter.fit_style`` does.

Everything the writer learnt stays as it is; only a style vector is sought, by the likelihood that the writer gives the
lines (as in the adaptation of speech recognisers to a speaker by codes: Abdel-Hamid & Jiang 2013). Vectors the writer
learnt from its training writers say what is usual: their mean and covariance are a Gaussian prior, which keeps a few
lines from leading where the network was never trained.

    style = writer.fit_style([("one.json", "a line of mine"), ("two.svg", "and another one")], name="mine")
"""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from lstm_models.errors import InputError
from lstm_models.ink.line_grouping import lines_of
from lstm_models.ink.stroke_files import open_strokes
from lstm_models.io.atomic_write import shown
from lstm_models.tasks.handwriting.network import HandwritingWriterNetwork
from lstm_models.tasks.handwriting.styles import Style, fingerprint
from lstm_models.text.edit_distance import edits
from lstm_models.text.spelling import spell

__all__ = ["LineReader", "Prior", "fit_style", "line_losses"]

MOST_LINES = 12
MIN_CHARACTERS = 10  # of all lines together; fewer show hardly any letters
LONGEST_LINE = 100  # characters; the writer learnt from lines of up to 64
MIN_POINTS = 1.5  # points a character; real lines have 4 to 15
MOST_MISREAD = 0.6  # share of the text: see `_check_reading`
SHRINK = 0.1  # of the covariance, towards a multiple of the identity
WEIGHT = 4.0  # of the prior; on other lines of eight forms of unseen writers, 1 and 12 gave less likelihood
STEPS = 12
STARTS = 2  # vectors that are refined: the mean and the likeliest of the learnt ones
_RATE = 0.3  # of Adam, in standard deviations of the prior
_SCREENED = (2, 80)  # lines and points of each by which learnt vectors are compared
_BATCH = 80  # rows of a batch then


class LineReader(Protocol):
    """Who reads the lines: `lstm_models.tasks.handwriting_reader.model.HandwritingReader` is one."""

    def read(self, source: Any, /, *, alternatives: int, lm: bool, beam: int) -> Any:
        """A reading of strokes [points, 2], whose ``text`` is what they say."""


def fit_style(
    writer: HandwritingWriterNetwork,
    lines: Sequence[tuple[Any, str]],
    *,
    name: str = "own",
    reader: LineReader | None = None,
    progress: Callable[[int, int], object] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Style:
    """See `HandwritingWriter.fit_style`."""
    if writer.style is None:
        raise InputError("this writer learnt no styles, so none can be fitted", usage=True)
    Style((), name)  # a name that cannot be is said now
    samples = _samples(writer, lines)
    if reader is not None:
        for sample in samples:
            _check_reading(reader, sample)
    search = _Search(writer, samples, progress or (lambda done, total: None), cancelled or (lambda: False))
    vector, nats = search.run()
    points = int(search.batch["lengths"].sum())
    facts = {
        "fitted": True,
        "lines": len(samples),
        "characters": sum(len(each.text) for each in samples),
        "nearest": writer.config.styles[search.nearest - 1] if search.nearest else "",
        "nats_a_point": round(nats / points, 4),
        "nats_a_point_without_style": round(search.unfitted / points, 4),
    }
    return Style(tuple(round(value, 6) for value in vector.tolist()), name, fingerprint(writer), facts)


# The lines -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Sample:
    """A line of somebody's, its text in the writer's alphabet, its offsets [points, 3], and what sentences call it."""

    strokes: list[np.ndarray]
    text: str
    offsets: np.ndarray
    label: str


def _samples(writer: HandwritingWriterNetwork, lines: Sequence[tuple[Any, str]]) -> list[_Sample]:
    if isinstance(lines, (str, bytes)) or not all(isinstance(pair, (tuple, list)) and len(pair) == 2 for pair in lines):
        raise InputError("the lines are pairs of strokes and their text", usage=True)
    if not lines:
        raise InputError("there is no line to fit a style to; one to three are needed", usage=True)
    samples = []
    for number, (source, text) in enumerate(lines, 1):
        label = shown(source) if isinstance(source, (str, os.PathLike)) else f"Line {number}"
        strokes = open_strokes(source, name=label)
        texts = _texts(writer, text, label)
        parts = [strokes] if len(texts) == 1 else lines_of(strokes)
        if len(parts) != len(texts):
            raise InputError(
                f"{label} seems to have {_counted(len(parts))} of writing, and its text has {len(texts)}; "
                "give each line of writing a line of the text"
            )
        samples += [_sample(writer, part, line_text, label) for part, line_text in zip(parts, texts, strict=True)]
    if len(samples) > MOST_LINES:
        raise InputError(f"these are {len(samples)} lines; a style is fitted to at most {MOST_LINES}", usage=True)
    count = sum(len(sample.text.replace(" ", "")) for sample in samples)
    if count < MIN_CHARACTERS:
        raise InputError(
            f"the text has {count} letter{'s' * (count != 1)}, which show too little of a hand; "
            f"at least {MIN_CHARACTERS} are needed, and three lines are better"
        )
    return samples


def _texts(writer: HandwritingWriterNetwork, text: object, label: str) -> list[str]:
    """The lines of a text, in the writer's alphabet: other quotation marks and dashes are as good as its own."""
    if not isinstance(text, str) or not text.strip():
        raise InputError(f"{label} has no text; what it says must be known")
    alphabet = writer.config.alphabet
    made, unknown = [], dict[str, None]()
    for row in text.splitlines():
        line = ""
        for character in " ".join(row.split()):
            spelt = character if character in alphabet else "" if character.isalnum() else spell(character, alphabet)[0]
            if not spelt:
                unknown[character] = None
            line += spelt
        made += [line] if line else []
    if unknown:
        some = ", ".join(f"“{shown(character)}”" for character in list(unknown)[:6])
        raise InputError(f"the text of {_small(label)} has {some}, which this writer does not know; write another line")
    longest = max(made, key=len)
    if len(longest) > LONGEST_LINE:
        raise InputError(
            f"a line of the text of {_small(label)} has {len(longest)} characters; at most {LONGEST_LINE} can be"
        )
    return made


def _sample(writer: HandwritingWriterNetwork, strokes: list[np.ndarray], text: str, label: str) -> _Sample:
    if not np.ptp(np.concatenate(strokes), axis=0).any():
        raise InputError(f"{label} has a line that is a single dot.")
    offsets = writer.config.features.encode(strokes)
    characters = len(text.replace(" ", ""))
    if len(offsets) < MIN_POINTS * characters:
        raise InputError(
            f"{label} has too few points for its text: {len(offsets) + 1} for the {characters} letters of “{text}”"
        )
    most = int(writer.most_points(torch.tensor([len(text) + 1]))[0])
    if len(offsets) > 2 * most:
        raise InputError(f"{label} has far too many points for its text: {len(offsets):,} for “{text}”")
    return _Sample(strokes, text, offsets, label)


def _check_reading(reader: LineReader, sample: _Sample) -> None:
    """Raise InputError where a reader finds another text in the strokes.

    Measured on every other line of IAM-OnDB's testset_v (718), best path, capitals as small letters: one real line is
    refused, its error rate being 0.63 (half of them have below 0.08), and one text in 718 of another line accepted.
    """
    read = reader.read(sample.strokes, alternatives=0, lm=False, beam=0).text
    read = " ".join(read.split())
    wrong = edits(sample.text.lower(), read.lower()) / len(sample.text)
    if wrong > MOST_MISREAD:
        found = f"but “{read[:80]}”" if read else "and nothing that can be read"
        where = "These strokes do" if sample.label.startswith("Line ") else f"The strokes of {sample.label} do"
        raise InputError(
            f"{where} not say “{sample.text}” {found}; write the text that is given, or give what is written."
        )


def _counted(count: int) -> str:
    return "1 line" if count == 1 else f"{count} lines"


def _small(label: str) -> str:
    return label.lower() if label.startswith("Line ") else label


# The search ----------------------------------------------------------------------------------------------------------


class Prior:
    """Where styles lie: a Gaussian of the learnt vectors, its covariance shrunk, and coordinates in which it is round.

    Args:
        learnt: vectors [writers, style_size].
    """

    def __init__(self, learnt: Tensor) -> None:
        learnt = learnt.detach().double()
        size = learnt.size(1)
        self.mean = learnt.mean(0)
        covariance = torch.cov(learnt.T).reshape(size, size) if len(learnt) > 1 else learnt.new_zeros(size, size)
        round_ = torch.eye(size, dtype=learnt.dtype, device=learnt.device) * covariance.diagonal().mean().clamp(
            min=1e-4
        )
        self.root = torch.linalg.cholesky((1 - SHRINK) * covariance + SHRINK * round_)

    def place(self, vectors: Tensor) -> Tensor:
        """Coordinates [vectors, style_size], of which each is standard normal."""
        centred = (vectors.double() - self.mean).T
        places: Tensor = torch.linalg.solve_triangular(self.root, centred, upper=False).T.float()
        return places

    def vectors(self, places: Tensor) -> Tensor:
        """The vectors at these coordinates."""
        vectors: Tensor = (self.mean + places.double() @ self.root.T).float()
        return vectors


def line_losses(writer: HandwritingWriterNetwork, batch: Mapping[str, Tensor]) -> Tensor:
    """What `HandwritingWriterNetwork.loss` sums up, of each line by itself [batch]."""
    offsets, lengths = batch["offsets"], batch["lengths"]
    x = nn.functional.pad(offsets, (0, 0, 1, 0))[:, :-1]
    pen = writer(x, batch["text"], batch["text_lengths"], batch["style"])
    binary = nn.functional.binary_cross_entropy_with_logits
    losses = binary(pen.lift, offsets[..., 2], reduction="none") - pen.log_density(offsets[..., :2])
    time = torch.arange(offsets.size(1), device=offsets.device)
    if writer.config.stop:
        losses = losses + binary(pen.stop, (time == lengths[:, None] - 1).to(offsets.dtype), reduction="none")
    summed: Tensor = (losses * (time < lengths[:, None])).sum(1)
    return summed


class _Search:
    """Looks for the vector that is likeliest for a batch of lines, with the prior."""

    def __init__(
        self,
        writer: HandwritingWriterNetwork,
        samples: Sequence[_Sample],
        progress: Callable[[int, int], object],
        cancelled: Callable[[], bool],
    ) -> None:
        # A copy, as the weights of the writer itself are to keep asking for gradients
        self.writer = copy.deepcopy(writer).requires_grad_(False).eval()
        assert self.writer.style is not None
        items = [{"offsets": each.offsets, "text": writer.encode(each.text), "style": 0} for each in samples]
        self.learnt = self.writer.style.weight
        self.batch = {
            key: value.to(self.learnt.device) for key, value in HandwritingWriterNetwork.collate(items).items()
        }
        self.prior = Prior(self.learnt[1:] if len(self.learnt) > 2 else self.learnt)
        screens = len(self.learnt.split(self._at_once))
        self._progress, self._done, self._total = progress, 0, screens + STEPS + 1
        self._cancelled = cancelled
        self.unfitted, self.nearest = float("nan"), 0

    def run(self) -> tuple[Tensor, float]:
        """The vector [style_size] and the nats of all lines with it."""
        ranked = self.ranked()
        self.nearest = int(ranked[0])
        nearest = self.learnt[ranked[: STARTS - 1]]
        places = self.prior.place(torch.cat([self.prior.mean.float()[None], nearest])).requires_grad_()
        optimizer = torch.optim.Adam([places], lr=_RATE, betas=(0.8, 0.95))
        best, best_place = np.inf, places.detach()[0]
        for step in range(STEPS + 1):
            losses = self._losses(self.batch, self.prior.vectors(places))
            total = losses + WEIGHT / 2 * places.square().sum(1)
            found = total.detach()
            if float(found.min()) < best:
                best, best_place = float(found.min()), places.detach()[int(found.argmin())].clone()
            if step < STEPS:
                optimizer.param_groups[0]["lr"] = _RATE * (1 - step / STEPS)
                optimizer.zero_grad()
                total.sum().backward()
                optimizer.step()
            self._tick()
        vector = self.prior.vectors(best_place[None])
        with torch.no_grad():
            nats = self._losses(self.batch, torch.cat([vector, self.learnt[:1]]))
        self.unfitted = float(nats[1])
        return vector[0], float(nats[0])

    @property
    def _at_once(self) -> int:
        return max(1, _BATCH // min(_SCREENED[0], len(self.batch["lengths"])))

    @torch.no_grad()
    def ranked(self) -> Tensor:
        """Numbers of the learnt vectors, likeliest first for the beginnings of the first lines."""
        lines, points = _SCREENED
        part = {key: value[:lines] for key, value in self.batch.items()}
        part |= {"offsets": part["offsets"][:, :points], "lengths": part["lengths"].clamp(max=points)}
        scores = []
        for some in self.learnt.split(self._at_once):
            scores.append(self._losses(part, some))
            self._tick()
        return torch.cat(scores).argsort()

    def _losses(self, batch: dict[str, Tensor], vectors: Tensor) -> Tensor:
        """Nats of all lines with each of the vectors: [vectors]."""
        lines = len(batch["lengths"])
        repeated = {key: value.repeat(len(vectors), *[1] * (value.dim() - 1)) for key, value in batch.items()}
        repeated["style"] = vectors.repeat_interleave(lines, 0)
        return line_losses(self.writer, repeated).view(len(vectors), lines).sum(1)

    def _tick(self) -> None:
        if self._cancelled():
            raise InputError("the fitting of the style was cancelled.")
        self._done += 1
        self._progress(min(self._done, self._total), self._total)
