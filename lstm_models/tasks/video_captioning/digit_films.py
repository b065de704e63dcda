"""``DigitFilmCaptioner``: what moves where in small films of digits, "the digit three moves to the right and up".

It learns from pixels, with no captioner under it, so that the way from frames to words can be trained and measured in
minutes on films whose sentences are certain.

- Convolutions see each frame and what changed since the one before, as a grid of places; an LSTM in both directions
  over the frames tells each what comes before and after it (S2VT, Venugopalan et al. 2015, arXiv:1505.00487).
- The decoder attends over all places of all frames at once (Yao et al. 2015, arXiv:1502.08029).
- Of two digits the one that starts further left comes first.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from lstm_models.errors import InputError
from lstm_models.field_checks import check_at_least
from lstm_models.io.films import read_film
from lstm_models.nn.attention_decoder import Memory, TopDownDecoder
from lstm_models.nn.lstm import LSTM
from lstm_models.results import Word
from lstm_models.tasks.video_captioning.results import Scene, VideoCaption
from lstm_models.text.vocabulary import END, Vocabulary, join_words

__all__ = ["DigitFilmCaptioner", "DigitFilmCaptionerConfig", "DigitFilmItem", "collate"]

_LONGEST = 24  # words of a sentence
_PAPER = 0.5  # a film whose rim is brighter on average is dark ink on light paper


@dataclass(frozen=True)
class DigitFilmCaptionerConfig:
    """Sizes of the network, and its words.

    Attributes:
        words: of its sentences, set apart by blanks; those of generated films if empty.
        size: pixels of a frame's side, a multiple of 8.
        frames: of a film that are looked at.
        channels: of the maps of a frame.
        hidden_size: units of the LSTM over the frames, in each direction.
        word_size: features of a word.
        decoder_size: units of the decoder's LSTMs.
        attention_size: features within the attention.
    """

    words: str = ""
    size: int = 48
    frames: int = 5
    channels: int = 64
    hidden_size: int = 64
    word_size: int = 32
    decoder_size: int = 128
    attention_size: int = 32

    def __post_init__(self) -> None:
        check_at_least(self, 1, "frames", "channels", "hidden_size", "word_size", "decoder_size", "attention_size")
        if self.size < 8 or self.size % 8:
            raise ValueError(f"model: size must be a multiple of 8, not {self.size}")
        if self.channels % 4:
            raise ValueError(f"model: channels must be a multiple of 4, not {self.channels}")


class DigitFilmItem(NamedTuple):
    """A film uint8 ``[frames, size, size]``, white on black, and the numbers of its sentence's words with the end."""

    film: Tensor
    words: tuple[int, ...]


class DigitFilmCaptioner(nn.Module):
    """Describes films of moving digits; see the module and ``DigitFilmCaptionerConfig``.

    >>> captioner = lstm_models.load("runs/digits/model")                             # doctest: +SKIP
    >>> captioner.caption("digits.gif").text                                          # doctest: +SKIP
    'The digit three moves to the right and up'
    """

    Config = DigitFilmCaptionerConfig

    def __init__(self, config: DigitFilmCaptionerConfig) -> None:
        super().__init__()
        self.config, self.vocabulary = config, Vocabulary(config.words.split())
        wide, side = config.channels, config.size // 8
        self.see = nn.Sequential(
            nn.Conv2d(2, wide // 4, 3, 2, 1), nn.ReLU(), nn.Conv2d(wide // 4, wide // 2, 3, 2, 1), nn.ReLU(),
            nn.Conv2d(wide // 2, wide, 3, 2, 1), nn.ReLU(), nn.Conv2d(wide, wide, 3, 1, 1), nn.ReLU(),
        )  # fmt: skip
        for layer in self.see:
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        self.place = nn.Parameter(0.1 * torch.randn(side * side, wide))
        self.time = nn.Parameter(0.1 * torch.randn(config.frames, 1, wide))
        self.frames = LSTM(wide, config.hidden_size, bidirectional=True)
        self.to_places = nn.Linear(2 * config.hidden_size, wide)
        self.word = nn.Embedding(len(self.vocabulary), config.word_size)
        self.decoder = TopDownDecoder(config.word_size, wide, config.decoder_size, config.attention_size)
        self.output = nn.Linear(self.decoder.output_size, len(self.vocabulary))

    def memory(self, films: Tensor) -> Memory:
        """What the decoder looks at: a place for each eight pixels of each frame, of films [batch, frames, size, size]
        from 0 to 1."""
        batch, frames, size, _ = films.shape
        change = torch.diff(films, dim=1, prepend=films[:, :1])
        maps = self.see(torch.stack([films, change], 2).view(batch * frames, 2, size, size)).float()
        places = maps.view(batch, frames, self.config.channels, -1).transpose(2, 3)
        around, _ = self.frames(places.amax(2))
        places = places + self.place + self.time + self.to_places(around).float()[:, :, None]
        flat = places.flatten(1, 2)
        # In the place of a mean what is strongest anywhere: the digits cover few places
        return Memory(flat, self.decoder.attention.keys(flat), flat.amax(1))

    def forward(self, films: Tensor, words: Tensor) -> tuple[Tensor, Tensor]:
        """Log odds [batch, words, vocabulary] of each of ``words`` [batch, words] given those before it, and where the
        decoder looked [batch, words, frames · places]."""
        memory = self.memory(films)
        state, before = self.decoder.initial_state(memory, len(films)), torch.full_like(words[:, 0], END)
        found, looks = [], []
        for number in range(words.size(1)):
            y, look, state = self.decoder.step(self.word(before), state, memory)
            found.append(self.output(y).float())
            looks.append(look)
            before = words[:, number]
        return torch.stack(found, 1), torch.stack(looks, 1)

    def loss(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Cross-entropy in nats, summed over ``points`` words (ends counted) of ``lines`` films; while evaluating also
        how many sentences are ``exact`` where every word is the likeliest."""
        words, lengths = batch["words"], batch["lengths"]
        found, _ = self(batch["films"].float() / 255, words)
        real = torch.arange(words.size(1), device=words.device) < lengths[:, None]
        loss = cross_entropy(found[real], words[real], reduction="sum")
        counts = {"points": lengths.sum(), "lines": torch.tensor(float(len(words)))}
        if not self.training:
            counts["exact"] = ((found.argmax(-1) == words) | ~real).all(1).sum()
        return {"loss": loss, **counts}

    @torch.inference_mode()
    def sentences(self, films: Tensor) -> tuple[list[list[int]], list[list[float]], Tensor]:
        """The likeliest words one after the other for films [batch, frames, size, size] from 0 to 1.

        Returns:
            Word numbers and their probabilities, without ends, and where the decoder looked [batch, words, places].
        """
        memory = self.memory(films)
        state = self.decoder.initial_state(memory, len(films))
        before = torch.full((len(films),), END, device=films.device)
        rows, probabilities, looks = [], [], []
        for _ in range(_LONGEST):
            y, look, state = self.decoder.step(self.word(before), state, memory)
            probability, before = self.output(y).float().softmax(-1).max(-1)
            rows.append(before)
            probabilities.append(probability)
            looks.append(look)
            if (torch.stack(rows) == END).any(0).all():
                break
        numbers = torch.stack(rows, 1).tolist()
        ends = [row.index(END) if END in row else len(row) for row in numbers]
        kept = torch.stack(probabilities, 1).tolist()
        return (
            [row[:end] for row, end in zip(numbers, ends, strict=True)],
            [row[:end] for row, end in zip(kept, ends, strict=True)],
            torch.stack(looks, 1),
        )

    def caption(self, film: Any, *, options: object = None) -> VideoCaption:
        """Describes a film as one scene.

        Args:
            film: as for `lstm_models.io.films.read_film`: a file, bytes, a folder of pictures, an array of frames.
            options: for captioners of other films; without effect here.

        Raises:
            InputError: the film cannot be read, or has fewer than two frames.
        """
        found = read_film(film, side=4 * self.config.size)
        if len(found.pixels) < 2:
            raise InputError("the film has one frame: what moves is seen in two at least", usage=True)
        frames, inverted = _small(found.pixels, self.config.frames, self.config.size)
        given = torch.from_numpy(frames)[None].to(self.place.device)
        (numbers,), (probabilities,), looks = self.sentences(given)
        texts, side = self.vocabulary.decode(numbers), self.config.size // 8
        maps = looks[0, : len(numbers)].float().cpu().view(-1, self.config.frames, side, side)
        words = tuple(
            Word(text, probability, attention=map_.numpy())
            for text, probability, map_ in zip(texts, probabilities, maps.sum(1), strict=True)
        )
        weights = maps.sum((0, 2, 3)) / maps.sum().clamp(min=1e-9)
        times = np.linspace(found.times[0], found.times[-1], self.config.frames)
        picked = found.pixels[round(float(weights.argmax()) * (len(found.pixels) - 1) / max(1, self.config.frames - 1))]
        log_probability = float(np.log(np.maximum(probabilities, 1e-9)).sum())
        scene = Scene(
            float(found.times[0]), float(found.times[-1]), join_words(texts), words, log_probability, 1.0, (), (),
            tuple(times.tolist()), tuple(weights.tolist()), picked,
        )  # fmt: skip
        notes = ["it was taken as dark ink on light paper, and inverted"] if inverted else []
        name = os.fspath(film) if isinstance(film, (str, os.PathLike)) else ""
        return VideoCaption.of([scene], scene.end - scene.start, name, notes)


def _small(pixels: np.ndarray, frames: int, size: int) -> tuple[np.ndarray, bool]:
    """Evenly spaced frames float32 [frames, size, size] from 0 to 1, and whether they were inverted."""
    from PIL import Image

    at = np.linspace(0, len(pixels) - 1, frames).round().astype(int)
    small = [Image.fromarray(pixels[number]).convert("L").resize((size, size), Image.Resampling.BOX) for number in at]
    values = np.stack([np.asarray(frame, np.float32) for frame in small]) / 255
    rim = np.concatenate([values[:, 0], values[:, -1], values[:, :, 0], values[:, :, -1]], 1)
    inverted = bool(rim.mean() > _PAPER)
    return (1 - values if inverted else values), inverted


def collate(items: Sequence[DigitFilmItem]) -> dict[str, Tensor]:
    """What ``loss`` takes: ``films`` uint8 [batch, frames, size, size], ``words`` [batch, words] with ends, and
    ``lengths``."""
    words = [torch.tensor(item.words) for item in items]
    return {
        "films": torch.stack([item.film for item in items]),
        "words": nn.utils.rnn.pad_sequence(words, batch_first=True, padding_value=END),
        "lengths": torch.tensor([len(item.words) for item in items]),
    }
