"""The network that describes a photo: a convolutional encoder, and an attention decoder on this package's LSTM.

``nn.image_encoder`` turns the photo into a grid of features, and ``nn.attention_decoder`` goes over it word by word.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from typing_extensions import Self

from lstm_models.nn.attention_decoder import DECODERS, Memory, map_noise
from lstm_models.nn.dropout import Dropout, draw_mask
from lstm_models.nn.image_encoder import ImageEncoder
from lstm_models.nn.prepacked_linear import PrepackedLinear, step_product
from lstm_models.tasks.captioning.cider import CiderD
from lstm_models.tasks.captioning.config import CaptionerConfig
from lstm_models.tasks.captioning.objects import ObjectClassifier
from lstm_models.tasks.captioning.self_critical import Reward, rewards_of, self_critical_loss
from lstm_models.text.vocabulary import END, UNKNOWN, Vocabulary

if TYPE_CHECKING:
    pass


__all__ = ["CaptionerNetwork"]

MOST_WORDS_IN_TRAINING = 20


class CaptionDropout(NamedTuple):
    """Dropout masks of a batch of captions, the same in every step."""

    word: Tensor | None
    output: Tensor | None
    layers: tuple[Any, ...]

    def narrow(self, batch: int, rows: int) -> CaptionDropout:
        """Those of the first ``rows`` rows of each of ``batch`` entries."""
        return self._map(lambda mask: mask.unflatten(0, (batch, -1))[:, :rows].flatten(0, 1))

    def select(self, index: Tensor) -> CaptionDropout:
        """Those of the rows ``index`` [new rows]."""
        return self._map(lambda mask: mask.index_select(0, index))

    def _map(self, change: Callable[[Tensor], Tensor]) -> CaptionDropout:
        def cut(mask: Tensor | None) -> Tensor | None:
            return None if mask is None else change(mask)

        return CaptionDropout(cut(self.word), cut(self.output), tuple(map_noise(one, cut) for one in self.layers))


class CaptionerNetwork(nn.Module):
    """The network of a captioner; see the module and ``CaptionerConfig``."""

    Config = CaptionerConfig

    def __init__(self, config: CaptionerConfig) -> None:
        super().__init__()
        self.config = config
        self.vocabulary = Vocabulary(config.vocabulary)
        self.encoder = ImageEncoder(config.image)
        self.project = nn.Sequential(nn.Linear(self.encoder.channels, config.hidden_size), nn.ReLU())
        self.words = nn.Embedding(len(self.vocabulary), config.word_size)
        nn.init.normal_(self.words.weight, std=config.word_size**-0.5)
        dropout = Dropout(input=config.dropout, weight=config.weight_dropout)
        sizes = (config.word_size, config.hidden_size, config.hidden_size, config.attention_size)
        self.decoder = DECODERS[config.decoder](*sizes, dropout=dropout)
        self.output = PrepackedLinear(self.decoder.output_size, config.word_size)
        self.bias = nn.Parameter(torch.zeros(len(self.vocabulary)))
        self._rewards: tuple[Reward | None, Reward | None] = (None, None)  # in training, in validation
        self._looks: list[ObjectClassifier | None] = []  # made when first used; no submodule: neither saved nor counted
        self.critical = False  # learn from the reward instead of from captions

    def encode_memory(self, trunk_features: Tensor) -> Memory:
        """What the decoder looks at, from what the encoder's trunk made of photos [batch, channels, rows, columns]."""
        grid = self.project(self.encoder(trunk_features.float()))
        return self.decoder.memory(nn.functional.dropout(grid, self.config.dropout, self.training))

    def log_probabilities(self, features: Tensor) -> Tensor:
        """Log probability of every word [..., vocabulary] from the decoder's features [..., feature]."""
        return self.logits(features).float().log_softmax(-1)

    def logits(self, features: Tensor) -> Tensor:
        """Scores of every word [..., vocabulary], whose softmax is ``log_probabilities``."""
        return step_product(self.output(features), self.words.weight, self.bias)

    def embed(self, tokens: Tensor, noise: Tensor | None = None) -> Tensor:
        """What the decoder reads of words [batch]: [batch, word]."""
        # Rows of length about 1 suit the output that shares them; the LSTM wants features of about 1
        word: Tensor = self.words(tokens) * self.config.word_size**0.5
        return word if noise is None else word * noise

    def _draw_masks(self, rows: int) -> CaptionDropout | None:
        if not self.training:
            return None
        fraction, like = self.config.dropout, self.words.weight
        word = draw_mask(fraction, rows, self.config.word_size, like=like)
        output = draw_mask(fraction, rows, self.decoder.output_size, like=like)
        return CaptionDropout(word, output, self.decoder.draw_noise(rows))

    def loss(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """What training minimises, summed over the batch, with what it is a sum over.

        Args:
            batch: ``trunk_features`` [batch, channels, rows, columns] of the encoder's trunk, ``captions``
                [batch, captions, words] word numbers with an end, ``lengths`` [batch, captions] with the end (0 for a
                caption that is none), longest first, and ``photo`` [batch], numbers for the reward.

        Returns:
            While training: the cross-entropy in nats with ``points`` words; or, where ``critical`` is set, the
            self-critical loss (Rennie et al. 2017) with ``points`` captions. In evaluation mode, where there is a
            reward, ``loss`` is its negative over greedily found captions, ``points`` photos, and ``cross_entropy``
            stands beside it. ``lines`` counts captions, or photos.
        """
        memory = self.encode_memory(batch["trunk_features"])
        if self.training and self.critical:
            return self._self_critical(memory, batch["photo"])
        entropy = self._cross_entropy(memory, batch["captions"], batch["lengths"])
        reward_of = self._rewards[1]
        if self.training or reward_of is None:
            return entropy
        greedy = self.generate(memory, 1, sample=False)
        reward = rewards_of(reward_of, greedy, batch["photo"]).sum()
        photos = torch.tensor(len(greedy), device=reward.device)
        per_word = entropy["cross_entropy"] / entropy["points"] * photos
        return {"loss": -reward, "reward": reward, "cross_entropy": per_word, "points": photos, "lines": photos}

    def _cross_entropy(self, memory: Memory, captions: Tensor, lengths: Tensor) -> dict[str, Tensor]:
        noise = self._draw_masks(lengths.numel())
        features, weights, mask = self.teacher_forced(memory, captions, lengths, noise, self.config.sampling)
        log_p = self.log_probabilities(features)
        loss = -log_p.gather(1, captions[mask][:, None]).sum()
        total = loss
        if self.training and self.config.smoothing:
            fraction = self.config.smoothing
            total = (1 - fraction) * loss - fraction * log_p.mean(-1).sum()
        if self.training and self.config.coverage:
            # Every place is to be looked at as much in all: its fraction is a word's length over the places
            looked = weights.sum(2) * (weights.size(-1) / lengths.clamp(min=1)[..., None])
            real = (lengths > 0)[..., None]
            total = total + self.config.coverage * ((looked - 1) ** 2 * real).mean(-1).sum()
        return {
            "loss": total,
            "cross_entropy": loss.detach(),
            "points": mask.sum(),
            "lines": (lengths > 0).sum(),
        }

    def teacher_forced(
        self,
        memory: Memory,
        captions: Tensor,
        lengths: Tensor,
        noise: CaptionDropout | None = None,
        sampling: float = 0.0,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Say given captions [batch, captions, words] of given lengths.

        Returns the features of their real words [real words, feature], where each step looked
        [batch, captions, words, places] (0 in padding), and the mask of real words [batch, captions, words].
        """
        batch, count, _ = captions.shape
        longest = int(lengths.max())
        mask = torch.arange(captions.size(2), device=captions.device) < lengths[..., None]
        # Columns of captions that have all ended are left out: the longest come first
        alive = [int((lengths > t).any(0).nonzero().max()) + 1 for t in range(longest)]
        state = self.decoder.initial_state(memory, batch * count)
        outputs, looks, width = [], [], count
        y: Tensor | None = None
        for t in range(longest):
            if alive[t] < width:
                state = state.narrow(batch, alive[t])
                noise = None if noise is None else noise.narrow(batch, alive[t])
                y = None if y is None else y.unflatten(0, (batch, -1))[:, : alive[t]].flatten(0, 1)
                width = alive[t]
            tokens = captions[:, :width, t - 1].flatten() if t else captions.new_full((batch * width,), END)
            if sampling and self.training and y is not None:
                # Not within no_grad: autocast would keep the weights as it cast them there, without their gradient
                sampled = torch.distributions.Categorical(logits=self.logits(y.detach()).detach().float()).sample()
                tokens = torch.where(torch.rand(len(sampled), device=sampled.device) < sampling, sampled, tokens)
            word = self.embed(tokens, None if noise is None else noise.word)
            y, look, state = self.decoder.step(word, state, memory, *(() if noise is None else (noise.layers,)))
            if noise is not None and noise.output is not None:
                y = y * noise.output
            outputs.append(nn.functional.pad(y.unflatten(0, (batch, width)), (0, 0, 0, count - width)))
            looks.append(nn.functional.pad(look.unflatten(0, (batch, width)), (0, 0, 0, count - width)))
        features = torch.stack(outputs, 2)[mask[:, :, :longest]]
        weights = torch.stack(looks, 2) * mask[:, :, :longest, None]
        return features, weights, mask

    @torch.no_grad()
    def generate(self, memory: Memory, count: int, *, sample: bool, noise: CaptionDropout | None = None) -> Tensor:
        """``count`` captions of each photo, drawn or greedy: word numbers [batch, count, words], 0 from the end on."""
        rows = len(memory.mean) * count
        state = self.decoder.initial_state(memory, rows)
        tokens = torch.full((rows,), END, device=memory.mean.device)
        ended = torch.zeros_like(tokens, dtype=torch.bool)
        words = []
        for _ in range(MOST_WORDS_IN_TRAINING):
            word = self.embed(tokens, None if noise is None else noise.word)
            y, _, state = self.decoder.step(word, state, memory, *(() if noise is None else (noise.layers,)))
            logits = self.logits(y if noise is None or noise.output is None else y * noise.output).float()
            logits[:, UNKNOWN] = -math.inf
            tokens = torch.distributions.Categorical(logits=logits).sample() if sample else logits.argmax(-1)
            tokens = tokens.masked_fill(ended, END)
            words.append(tokens)
            ended = ended | (tokens == END)
            if ended.all():
                break
        torch.clear_autocast_cache()  # weights cast here know no gradient, and would be used again where one is wanted
        sampled: Tensor = torch.stack(words, 1).unflatten(0, (-1, count))
        return sampled

    def _self_critical(self, memory: Memory, photos: Tensor, count: int = 5) -> dict[str, Tensor]:
        """``count`` captions of each photo drawn, and how much each should have been likelier."""
        noise = self._draw_masks(len(photos) * count)  # the same network for drawing and for learning
        words = self.generate(memory, count, sample=True, noise=noise)
        assert self._rewards[0] is not None
        rewards = rewards_of(self._rewards[0], words, photos)
        lengths = ((words != END).sum(-1) + 1).clamp(max=words.size(-1))
        # The longest first, which is fastest to read
        order = lengths.argsort(1, descending=True)
        words, rewards, lengths = (
            words.take_along_dim(order[..., None], 1),
            rewards.gather(1, order),
            lengths.gather(1, order),
        )
        if noise is not None:
            noise = noise.select((order + count * torch.arange(len(order), device=order.device)[:, None]).flatten())
        features, _, mask = self.teacher_forced(memory, words, lengths, noise)
        logits = self.logits(features).float()
        logits[:, UNKNOWN] = -math.inf
        log_p = -nn.functional.cross_entropy(logits, words[mask], reduction="none")
        loss = self_critical_loss(log_p, mask, rewards)
        captions = torch.tensor(rewards.numel(), device=loss.device)
        return {"loss": loss, "reward": rewards.sum().detach(), "points": captions, "lines": captions}

    def rewards(
        self,
        training: Sequence[Sequence[Sequence[int]]] | None = None,
        validation: Sequence[Sequence[Sequence[int]]] | None = None,
    ) -> None:
        """Set what captions are measured by: the references (word numbers without ends) of every photo of either set.

        The ends of captions count in training, or captions would come to end as no caption ends (“a man on a”).
        """
        self._rewards = (
            CiderD(training, end=END) if training is not None else None,
            CiderD(validation, end=None) if validation is not None else None,
        )

    def extended(self, words: Iterable[str]) -> Self:
        """This captioner with such of the words as are new to it, their vectors near the mean of all words."""
        new = [word for word in words if word not in self.vocabulary.numbers]
        if not new:
            return self
        larger = type(self)(replace(self.config, vocabulary=(*self.config.vocabulary, *new)))
        state = self.state_dict()
        for name, value in larger.state_dict().items():
            if name in ("words.weight", "bias"):
                old = state[name]
                value[: len(old)] = old
                value[len(old) :] = old[2:].mean(0)
                if name == "words.weight":
                    value[len(old) :] += torch.randn_like(value[len(old) :]) * old[2:].std(0) * 0.1
            else:
                value.copy_(state[name])
        return larger.train(self.training)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Parameters by the fraction of the learning rate they take: the encoder, already trained, a tenth."""
        tail = list(self.encoder.tail.parameters())
        known = {id(parameter) for parameter in tail}
        rest = [p for p in self.parameters() if p.requires_grad and id(p) not in known]
        return [{"params": rest, "scale": 1.0}, *([{"params": tail, "scale": 0.1}] if tail else [])]

    @staticmethod
    def collate(items: Sequence[Mapping[str, Any]]) -> dict[str, Tensor]:
        """What `loss` takes, of items with ``trunk_features``, ``captions`` (longest first, with ends), ``photo``."""
        count = max(len(item["captions"]) for item in items)
        longest = max(len(caption) for item in items for caption in item["captions"])
        captions = np.zeros((len(items), count, longest), np.int64)
        lengths = np.zeros((len(items), count), np.int64)
        for row, item in enumerate(items):
            for column, caption in enumerate(item["captions"]):
                captions[row, column, : len(caption)] = caption
                lengths[row, column] = len(caption)
        return {
            "trunk_features": torch.stack([item["trunk_features"] for item in items]),
            "captions": torch.from_numpy(captions),
            "lengths": torch.from_numpy(lengths),
            "photo": torch.tensor([item["photo"] for item in items]),
        }
