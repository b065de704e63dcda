"""The network that describes a scene of a film: an LSTM over its frames, and a captioner's decoder adapted to films.

* Frames are seen by a captioner's image network, as grids of features; a bidirectional LSTM over their means tells each
  frame what comes before and after it (S2VT, Venugopalan et al. 2015, arXiv:1505.00487).
* The decoder attends over all places of all frames at once, which is temporal and spatial attention in one (Yao et al.
  2015, arXiv:1502.08029), and over the objects that a classifier recognised, as words.
* It starts as the captioner's own decoder: what is learned are differences of low rank to its matrices (Hu et al. 2021,
  arXiv:2106.09685) that begin at zero, so an untrained network gives a still film the caption of its photo.
* Sentences without films teach it what is done with which objects: then only the objects are there to look at.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor, nn

from lstm_models.nn.attention_decoder import Memory, TopDownDecoder
from lstm_models.nn.lstm import LSTM
from lstm_models.nn.parameter_budget import uncounted
from lstm_models.nn.prepacked_linear import PrepackedLinear, step_product
from lstm_models.tasks.video_captioning.config import STYLES, VideoCaptionerConfig
from lstm_models.text.vocabulary import END, Vocabulary

__all__ = ["OBJECTS", "FrameCaptioner", "Sentences", "VideoCaptionerNetwork", "collate", "object_numbers"]

OBJECTS = 4
"""Recognised objects that are looked at."""


class FrameCaptioner(Protocol):
    """What is used of a captioner."""

    config: Any
    vocabulary: Vocabulary
    encoder: Any
    project: Any

    def frame_features(self, images: Sequence[Any]) -> tuple[Tensor, Tensor, Tensor]: ...
    def recognized_objects(self, probabilities: Tensor) -> Sequence[Any]: ...
    def confidence(self, log_probability: Tensor, distance: float = 0.0) -> Tensor: ...
    def state_dict(self) -> dict[str, Tensor]: ...


class Sentences(nn.Module):
    """The decoder with its words: sentences over a memory, given or step by step."""

    def __init__(self, config: VideoCaptionerConfig) -> None:
        super().__init__()
        self.word_size, self.dropout = config.word_size, config.dropout
        count = config.base_words + len(config.new_words)
        sizes = (config.word_size, config.place_size, config.decoder_size, config.attention_size)
        self.decoder = TopDownDecoder(*sizes)
        self.words = nn.Parameter(torch.zeros(count, config.word_size))
        self.output = PrepackedLinear(config.decoder_size, config.word_size)
        self.bias = nn.Parameter(torch.zeros(count))

    def memory(self, places: Tensor, mean: Tensor) -> Memory:
        """What is looked at: ``places`` [batch, places, feature], and their ``mean`` [batch, feature]."""
        return Memory(places, self.decoder.attention.keys(places), mean)

    def word(self, tokens: Tensor) -> Tensor:
        """Features [rows, word] of word numbers [rows]."""
        return nn.functional.embedding(tokens, self.words) * self.word_size**0.5  # type: ignore[no-any-return]

    def log_probabilities(self, features: Tensor) -> Tensor:
        """Log probability of every word [rows, words] from the decoder's output [rows, feature]."""
        return step_product(self.output(features), self.words, self.bias).float().log_softmax(-1)

    def forward(self, places: Tensor, mean: Tensor, sentences: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Log probabilities of given sentences.

        Args:
            places: [batch, places, feature].
            mean: [batch, feature].
            sentences: [batch, sentences, words] word numbers with an end.
            lengths: [batch, sentences] with the end.

        Returns:
            Those of their words [real words], and the means over all words at each of them [real words].
        """
        memory = self.memory(self._drop(places), mean)
        batch, count, longest = sentences.shape
        tokens = sentences.flatten(0, 1)
        state = self.decoder.initial_state(memory, batch * count)
        outputs, before = [], torch.full_like(tokens[:, 0], END)
        for step in range(longest):
            y, _, state = self.decoder.step(self._drop(self.word(before)), state, memory)
            outputs.append(self._drop(y))
            before = tokens[:, step]
        real = torch.arange(longest, device=lengths.device) < lengths.flatten()[:, None]
        log_p = self.log_probabilities(torch.stack(outputs, 1)[real])
        return log_p.gather(1, tokens[real][:, None])[:, 0], log_p.mean(-1)

    def _drop(self, x: Tensor) -> Tensor:
        return nn.functional.dropout(x, self.dropout, self.training)


class Seen(NamedTuple):
    """What the decoder looks at, before its keys: ``places`` [batch, places, feature] and ``mean`` [batch, feature]."""

    places: Tensor
    mean: Tensor

    def row(self, number: int) -> Seen:
        """That of one entry of the batch."""
        return Seen(self.places[number : number + 1], self.mean[number : number + 1])


class VideoCaptionerNetwork(nn.Module):
    """The network of a video captioner; see the module and ``VideoCaptionerConfig``.

    Args:
        config: sizes.
        captioner: on which it stands; loaded by the config's name when it is first used, if None.
    """

    Config = VideoCaptionerConfig

    def __init__(self, config: VideoCaptionerConfig, captioner: FrameCaptioner | None = None) -> None:
        super().__init__()
        self.config = config
        self._captioner: list[FrameCaptioner] = [] if captioner is None else [captioner]  # no submodule: not saved
        self._sentences: dict[str, tuple[tuple[float, ...], Sentences]] = {}
        self._spoken: list[Sentences] = []  # the module whose parameters training replaces
        self._state: list[dict[str, Tensor]] = []
        size, word = config.place_size, config.word_size
        self.frames = LSTM(size, config.hidden_size, bidirectional=True)
        self.to_places = nn.Linear(2 * config.hidden_size, size)
        nn.init.zeros_(self.to_places.weight)
        nn.init.zeros_(self.to_places.bias)
        self.object_places = nn.Linear(word, size)
        self.unseen = nn.Parameter(torch.zeros(size))
        self.new_words = nn.Parameter(torch.randn(len(config.new_words), word) * max(word, 1) ** -0.5 * 0.3)
        with uncounted(), torch.device("meta"):
            shapes = {name: tuple(value.shape) for name, value in Sentences(config).named_parameters()}
        self.adapted = [name for name, shape in shapes.items() if len(shape) == 2 and name != "words"]
        self.down, self.up = nn.ParameterDict(), nn.ParameterDict()
        for name in self.adapted:
            rows, columns = shapes[name]
            self.down[_key(name)] = nn.Parameter(torch.randn(config.rank, columns) * max(columns, 1) ** -0.5)
            self.up[_key(name)] = nn.Parameter(torch.zeros(rows, config.rank))
        self.biased = [name for name, shape in shapes.items() if name.endswith("bias")]
        self.styles = nn.ParameterDict(
            {_key(name): nn.Parameter(torch.zeros(len(STYLES), *shapes[name])) for name in self.biased}
        )

    @property
    def captioner(self) -> FrameCaptioner:
        """The captioner it stands on.

        Raises:
            InputError: there is none of that name, or it is not the one that this network was trained on.
        """
        if not self._captioner:
            from lstm_models.checkpoints import hub

            self._captioner.append(hub.load(self.config.captioner, device=self.unseen.device))
        return self._captioner[0]

    @property
    def vocabulary(self) -> Vocabulary:
        """The words of the captioner, and the new ones."""
        return Vocabulary((*self.captioner.vocabulary.words[2:], *self.config.new_words))

    def see(self, grids: Tensor | None, objects: Tensor | None, strength: float = 1.0) -> Seen:
        """What the decoder looks at.

        Args:
            grids: [batch, frames, places, feature] of a captioner's ``frame_features``; None for no frames at all.
            objects: [batch, OBJECTS] word numbers of what was recognised, 0 for none; None to look at none.
            strength: how much what the LSTM over the frames adds counts.
        """
        things = None
        if objects is not None:
            words = torch.cat([self._base("words"), self.new_words])
            things = self.object_places(nn.functional.embedding(objects, words) * self.config.word_size**0.5)
        if grids is None:
            assert things is not None
            return Seen(things, self.unseen.expand(len(things), -1))
        grids = grids.float()
        around, _ = self.frames(grids.mean(2))
        grids = grids + strength * self.to_places(around)[:, :, None]
        places = grids.flatten(1, 2)
        return Seen(places if things is None else torch.cat([places, things.to(places.dtype)], 1), grids.mean((1, 2)))

    def strength(self, style: str) -> float:
        """How much of what was learned counts in a style; all of it while training."""
        return 1.0 if self.training else float(getattr(self.config, f"{style}_strength"))

    def weights(self, style: str) -> dict[str, Tensor]:
        """The parameters of `Sentences` in a style: the captioner's, with the differences learned."""
        made = {name: self._base(name) for name in ("words", *self.adapted, *self.biased, "decoder.attention.score")}
        made["words"] = torch.cat([made["words"], self.new_words])
        strength = self.strength(style)
        for name in self.adapted:
            made[name] = made[name] + strength * (self.up[_key(name)] @ self.down[_key(name)])
        for name in self.biased:
            bias = made[name] if name != "bias" else nn.functional.pad(made[name], (0, len(self.config.new_words)))
            made[name] = bias + strength * self.styles[_key(name)][STYLES.index(style)]
        return made

    def sentences(self, style: str) -> Sentences:
        """The decoder in a style, ready to search with; made when first used, and anew when the weights change."""
        version = (self.strength(style), *(0 if p.is_inference() else p._version for p in self.parameters()))
        kept = self._sentences.get(style)
        if kept is None or kept[0] != version:
            made = Sentences(self.config).to(self.unseen.device)
            with torch.no_grad():
                made.load_state_dict(self.weights(style))
            kept = self._sentences[style] = (version, made.eval().requires_grad_(False))
        return kept[1]

    def loss(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Cross-entropy in nats, summed over ``points`` words (ends counted) of ``lines`` sentences.

        Args:
            batch: as `collate` makes it.
        """
        total = batch["objects"].new_zeros((), dtype=torch.float32)
        entropy, points, lines = total, batch["objects"].new_zeros(()), 0
        seen = self.see(batch.get("grids"), batch["objects"])
        if not self._spoken:
            self._spoken.append(Sentences(self.config).requires_grad_(False))
        spoken = self._spoken[0].train(self.training)
        for style in STYLES:
            if style not in batch:
                continue
            given = (*seen, batch[style], batch[f"{style}_lengths"])
            log_p, mean = torch.func.functional_call(spoken, self.weights(style), given)
            entropy = entropy - log_p.sum().detach()
            fraction = self.config.smoothing if self.training else 0.0
            total = total - (1 - fraction) * log_p.sum() - fraction * mean.sum()
            points, lines = points + batch[f"{style}_lengths"].sum(), lines + batch[f"{style}_lengths"].numel()
        return {"loss": total, "cross_entropy": entropy, "points": points, "lines": torch.tensor(lines)}

    def _base(self, name: str) -> Tensor:
        """A parameter of the captioner by its name in `Sentences`."""
        if not self._state:
            state = self.captioner.state_dict()
            made = {("words" if key == "words.weight" else key): value.float() for key, value in state.items()}
            self._state.append({key: value for key, value in made.items() if not key.startswith("encoder.")})
        return self._state[0][name]


def _key(name: str) -> str:
    """A parameter's name as a key, which has no dots."""
    return name.replace(".", "-")


def object_numbers(names: Iterable[str], vocabulary: Vocabulary) -> list[int]:
    """The word numbers of nouns, the last word of each, such as are known; `OBJECTS` at most.

    >>> object_numbers(["polar bear", "unicorn"], Vocabulary(("bear",)))
    [2]
    """
    found = [vocabulary.numbers.get(name.split()[-1]) for name in names]
    return list(dict.fromkeys(number for number in found if number is not None))[:OBJECTS]


def collate(items: Sequence[Mapping[str, Any]]) -> dict[str, Tensor]:
    """What ``loss`` takes, of items with ``grids`` [frames, places, feature] or without, ``objects`` (word numbers,
    `OBJECTS` at most), and lists of sentences (word numbers with ends) by style, as many in each item.

    Among items with grids those without are left out, which happens in a batch between the two kinds.
    """
    items = [item for item in items if "grids" in item] or items
    objects = torch.zeros(len(items), OBJECTS, dtype=torch.long)
    for row, item in enumerate(items):
        objects[row, : len(item["objects"])] = torch.tensor(item["objects"][:OBJECTS], dtype=torch.long)
    batch = {"objects": objects}
    if "grids" in items[0]:
        batch["grids"] = torch.stack([item["grids"] for item in items])
    for style in STYLES:
        if style in items[0]:
            longest = max(len(each) for item in items for each in item[style])
            padded = [[[*each, *[END] * (longest - len(each))] for each in item[style]] for item in items]
            batch[style] = torch.tensor(padded)
            batch[f"{style}_lengths"] = torch.tensor([[len(each) for each in item[style]] for item in items])
    return batch
