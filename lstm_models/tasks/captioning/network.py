"""Captioning: ``Captioner`` describes a photo in a sentence.

A convolutional network (``frontends.ImageEncoder``) turns the photo into a grid of features, and an attention decoder
on this package's LSTM (``decoders``) says word by word what is there.

    captioner = lstm_models.load("captioner")
    captioner.caption("photo.jpg").text
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, overload

import numpy as np
import torch
from torch import Tensor, nn

from lstm_models.decoding.beam_search import beam_search, stream_beam_search
from lstm_models.decoding.options import BeamOptions, Hypothesis
from lstm_models.decoding.sampling import sample
from lstm_models.errors import InputError
from lstm_models.io.images import Picture, open_image
from lstm_models.nn.attention_decoder import DECODERS, Memory, map_noise
from lstm_models.nn.dropout import Dropout, draw_mask
from lstm_models.nn.image_encoder import ImageConfig, ImageEncoder
from lstm_models.nn.prepacked_linear import StepLinear, step_product
from lstm_models.results import Word
from lstm_models.tasks.captioning.cider import CiderD
from lstm_models.tasks.captioning.decoding import CaptionSearch, search_options
from lstm_models.tasks.captioning.naming import NamingSearch, Sightings, WordSlots, plan, vouched
from lstm_models.tasks.captioning.objects import ObjectClassifier
from lstm_models.tasks.captioning.results import Caption
from lstm_models.tasks.captioning.self_critical import Reward, rewards_of, self_critical_loss
from lstm_models.text.vocabulary import END, UNKNOWN, Vocabulary, join_words

if TYPE_CHECKING:
    pass


__all__ = ["Captioner", "CaptionerConfig", "batch_photos"]

MOST_SAID = 20  # words of captions said while training
CHUNK = 16  # photos encoded at a time


@dataclass(frozen=True)
class CaptionerConfig:
    """Sizes of a captioner and what it knows of words and pictures.

    Attributes:
        vocabulary: the words it can say, without the end and the unknown word.
        image: the image encoder.
        decoder: "top_down" (two LSTMs) or "single" (Show, Attend and Tell).
        word_size: features of a word, shared between input and output.
        hidden_size: cells of every LSTM, and features of a place of the grid after its projection.
        attention_size: features within the attention.
        dropout: share of the features of the grid, of words and of the decoder's output dropped while training, the
            same ones in every step of a caption.
        weight_dropout: DropConnect on the recurrent weights.
        smoothing: share of the probability that label smoothing spreads over all words.
        coverage: weight of the doubly stochastic attention penalty (Xu et al. 2015, equation 14).
        sampling: share of words that scheduled sampling takes from the model itself (Bengio et al. 2015).
        temperature: of the words' confidences: sigmoid(logit(p) / temperature + calibration_bias).
        calibration_bias: see temperature; both are fitted on held-out photos.
        familiar: directions that the training photos' features lie around (``familiarity.encode``); "" for unknown.
        familiar_within: distance to them from which a photo counts as unlike the training photos.
        distance_weight: what confidences lose, in their logit, for each unit of distance beyond ``familiar_within``
            less 0.05.
    """

    vocabulary: tuple[str, ...] = ()
    image: ImageConfig = field(default_factory=ImageConfig)
    decoder: Literal["top_down", "single"] = "top_down"
    word_size: int = 320
    hidden_size: int = 384
    attention_size: int = 256
    dropout: float = 0.3
    weight_dropout: float = 0.0
    smoothing: float = 0.1
    coverage: float = 0.1
    sampling: float = 0.0
    temperature: float = 1.0
    calibration_bias: float = 0.0
    familiar: str = ""
    familiar_within: float = 2.0
    distance_weight: float = 0.0

    def __post_init__(self) -> None:
        for name in ("word_size", "hidden_size", "attention_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"model: {name} must be at least 1, not {getattr(self, name)}")
        for name in ("dropout", "weight_dropout", "smoothing", "sampling"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"model: {name} must lie from 0 to below 1, not {getattr(self, name):g}")
        if self.coverage < 0 or not 0 < self.temperature < math.inf or not math.isfinite(self.calibration_bias):
            raise ValueError("model: coverage must be 0 or more, temperature above 0, calibration_bias finite")
        if not 0 <= self.distance_weight < math.inf or not 0 < self.familiar_within < math.inf:
            raise ValueError("model: distance_weight must be 0 or more, familiar_within above 0, both finite")
        if self.decoder not in DECODERS:
            raise ValueError(f"model: decoder must be one of {', '.join(DECODERS)}, not {self.decoder}")
        if len(set(self.vocabulary)) < len(self.vocabulary):
            raise ValueError("model: vocabulary has a word twice")


class _Noise(NamedTuple):
    """Dropout masks of a batch of captions, the same in every step."""

    word: Tensor | None
    output: Tensor | None
    layers: tuple[Any, ...]

    def narrow(self, batch: int, rows: int) -> _Noise:
        """Those of the first ``rows`` rows of each of ``batch`` entries."""
        return self._map(lambda mask: mask.unflatten(0, (batch, -1))[:, :rows].flatten(0, 1))

    def select(self, index: Tensor) -> _Noise:
        """Those of the rows ``index`` [new rows]."""
        return self._map(lambda mask: mask.index_select(0, index))

    def _map(self, change: Callable[[Tensor], Tensor]) -> _Noise:
        def cut(mask: Tensor | None) -> Tensor | None:
            return None if mask is None else change(mask)

        return _Noise(cut(self.word), cut(self.output), tuple(map_noise(one, cut) for one in self.layers))


class Captioner(nn.Module):
    """Describes photos; see the module and ``CaptionerConfig``."""

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
        self.output = StepLinear(self.decoder.output_size, config.word_size)
        self.bias = nn.Parameter(torch.zeros(len(self.vocabulary)))
        self._rewards: tuple[Reward | None, Reward | None] = (None, None)  # in training, in validation
        self._looks: list[ObjectClassifier | None] = []  # made when first used; no submodule: neither saved nor counted
        self.critical = False  # learn from the reward instead of from captions

    # Photos and words ----------------------------------------------------------------------------------------------

    def remember(self, frozen: Tensor) -> Memory:
        """What the decoder looks at, from what the encoder's trunk made of photos [batch, channels, rows, columns]."""
        grid = self.project(self.encoder(frozen.float()))
        return self.decoder.memory(nn.functional.dropout(grid, self.config.dropout, self.training))  # type: ignore[no-any-return]

    def log_probabilities(self, features: Tensor) -> Tensor:
        """Log probability of every word [..., vocabulary] from the decoder's features [..., feature]."""
        return self._logits(features).float().log_softmax(-1)

    def _logits(self, features: Tensor) -> Tensor:
        return step_product(self.output(features), self.words.weight, self.bias)

    def _word(self, tokens: Tensor, noise: Tensor | None = None) -> Tensor:
        # Rows of length about 1 suit the output that shares them; the LSTM wants features of about 1
        word = self.words(tokens) * self.config.word_size**0.5
        return word if noise is None else word * noise

    def _draw_noise(self, rows: int) -> _Noise | None:
        if not self.training:
            return None
        share, like = self.config.dropout, self.words.weight
        word = draw_mask(share, rows, self.config.word_size, like=like)
        output = draw_mask(share, rows, self.decoder.output_size, like=like)
        return _Noise(word, output, self.decoder.draw_noise(rows))

    # Training ------------------------------------------------------------------------------------------------------

    def loss(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """What training minimises, summed over the batch, with what it is a sum over.

        Args:
            batch: ``frozen`` [batch, channels, rows, columns] of the encoder's trunk, ``captions``
                [batch, captions, words] word numbers with an end, ``lengths`` [batch, captions] with the end (0 for a
                caption that is none), longest first, and ``photo`` [batch], numbers for the reward.

        Returns:
            While training: the cross-entropy in nats with ``points`` words; or, where ``critical`` is set, the
            self-critical loss (Rennie et al. 2017) with ``points`` captions. In evaluation mode, where there is a
            reward, ``loss`` is its negative over greedily found captions, ``points`` photos, and ``cross_entropy``
            stands beside it. ``lines`` counts captions, or photos.
        """
        memory = self.remember(batch["frozen"])
        if self.training and self.critical:
            return self._self_critical(memory, batch["photo"])
        entropy = self._cross_entropy(memory, batch["captions"], batch["lengths"])
        judge = self._rewards[1]
        if self.training or judge is None:
            return entropy
        greedy = self._say(memory, 1, sample=False)
        reward = rewards_of(judge, greedy, batch["photo"]).sum()
        photos = torch.tensor(len(greedy), device=reward.device)
        per_word = entropy["cross_entropy"] / entropy["points"] * photos
        return {"loss": -reward, "reward": reward, "cross_entropy": per_word, "points": photos, "lines": photos}

    def _cross_entropy(self, memory: Memory, captions: Tensor, lengths: Tensor) -> dict[str, Tensor]:
        noise = self._draw_noise(lengths.numel())
        features, weights, mask = self._read(memory, captions, lengths, noise, self.config.sampling)
        log_p = self.log_probabilities(features)
        loss = -log_p.gather(1, captions[mask][:, None]).sum()
        total = loss
        if self.training and self.config.smoothing:
            share = self.config.smoothing
            total = (1 - share) * loss - share * log_p.mean(-1).sum()
        if self.training and self.config.coverage:
            # Every place is to be looked at as much in all: its share is a word's length over the places
            looked = weights.sum(2) * (weights.size(-1) / lengths.clamp(min=1)[..., None])
            real = (lengths > 0)[..., None]
            total = total + self.config.coverage * ((looked - 1) ** 2 * real).mean(-1).sum()
        return {
            "loss": total,
            "cross_entropy": loss.detach(),
            "points": mask.sum(),
            "lines": (lengths > 0).sum(),
        }

    def _read(
        self, memory: Memory, captions: Tensor, lengths: Tensor, noise: _Noise | None = None, sampling: float = 0.0
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
                own = torch.distributions.Categorical(logits=self._logits(y.detach()).detach().float()).sample()
                tokens = torch.where(torch.rand(len(own), device=own.device) < sampling, own, tokens)
            word = self._word(tokens, None if noise is None else noise.word)
            y, look, state = self.decoder.step(word, state, memory, *(() if noise is None else (noise.layers,)))
            if noise is not None and noise.output is not None:
                y = y * noise.output
            outputs.append(nn.functional.pad(y.unflatten(0, (batch, width)), (0, 0, 0, count - width)))
            looks.append(nn.functional.pad(look.unflatten(0, (batch, width)), (0, 0, 0, count - width)))
        features = torch.stack(outputs, 2)[mask[:, :, :longest]]
        weights = torch.stack(looks, 2) * mask[:, :, :longest, None]
        return features, weights, mask

    @torch.no_grad()
    def _say(self, memory: Memory, count: int, *, sample: bool, noise: _Noise | None = None) -> Tensor:
        """``count`` captions of each photo, drawn or greedy: word numbers [batch, count, words], 0 from the end on."""
        rows = len(memory.mean) * count
        state = self.decoder.initial_state(memory, rows)
        tokens = torch.full((rows,), END, device=memory.mean.device)
        ended = torch.zeros_like(tokens, dtype=torch.bool)
        said = []
        for _ in range(MOST_SAID):
            word = self._word(tokens, None if noise is None else noise.word)
            y, _, state = self.decoder.step(word, state, memory, *(() if noise is None else (noise.layers,)))
            logits = self._logits(y if noise is None or noise.output is None else y * noise.output).float()
            logits[:, UNKNOWN] = -math.inf
            tokens = torch.distributions.Categorical(logits=logits).sample() if sample else logits.argmax(-1)
            tokens = tokens.masked_fill(ended, END)
            said.append(tokens)
            ended = ended | (tokens == END)
            if ended.all():
                break
        torch.clear_autocast_cache()  # weights cast here know no gradient, and would be used again where one is wanted
        return torch.stack(said, 1).unflatten(0, (-1, count))

    def _self_critical(self, memory: Memory, photos: Tensor, count: int = 5) -> dict[str, Tensor]:
        """``count`` captions of each photo drawn, and how much each should have been likelier."""
        noise = self._draw_noise(len(photos) * count)  # the same network for drawing and for learning
        said = self._say(memory, count, sample=True, noise=noise)
        assert self._rewards[0] is not None
        rewards = rewards_of(self._rewards[0], said, photos)
        lengths = ((said != END).sum(-1) + 1).clamp(max=said.size(-1))
        # The longest first, which is fastest to read
        order = lengths.argsort(1, descending=True)
        said, rewards, lengths = (
            said.take_along_dim(order[..., None], 1),
            rewards.gather(1, order),
            lengths.gather(1, order),
        )
        if noise is not None:
            noise = noise.select((order + count * torch.arange(len(order), device=order.device)[:, None]).flatten())
        features, _, mask = self._read(memory, said, lengths, noise)
        logits = self._logits(features).float()
        logits[:, UNKNOWN] = -math.inf
        log_p = -nn.functional.cross_entropy(logits, said[mask], reduction="none")
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

    def extended(self, words: Iterable[str]) -> Captioner:
        """This captioner with such of the words as are new to it, their vectors near the mean of all words."""
        new = [word for word in words if word not in self.vocabulary.numbers]
        if not new:
            return self
        larger = Captioner(replace(self.config, vocabulary=(*self.config.vocabulary, *new)))
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
        """Parameters by the share of the learning rate they take: the encoder, already trained, a tenth."""
        tail = list(self.encoder.tail.parameters())
        known = {id(parameter) for parameter in tail}
        rest = [p for p in self.parameters() if p.requires_grad and id(p) not in known]
        return [{"params": rest, "scale": 1.0}, *([{"params": tail, "scale": 0.1}] if tail else [])]

    # Describing ----------------------------------------------------------------------------------------------------

    def encode(self, images: Sequence[Any]) -> Memory:
        """What the decoder looks at, of pictures (paths, Pillow images, arrays or tensors).

        Raises:
            InputError: a picture cannot be opened.
        """
        return self._encode(images)[0]

    def _encode(self, images: Sequence[Any]) -> tuple[Memory, Sightings]:
        """What the decoder looks at, and what the classifier sees."""
        device = self.words.weight.device
        pixels = torch.stack([self.encoder.preprocess(open_image(image)) for image in images]).to(device)
        with torch.inference_mode():
            frozen = self.encoder.freeze(pixels)
            return self.remember(frozen), self._see(frozen)

    def _see(self, frozen: Tensor) -> Sightings:
        """What the packaged classifier sees in what the encoder's trunk made of photos."""
        return Sightings.of(self._classifier(), frozen, self.config.familiar, self.config.familiar_within)

    def _classifier(self) -> ObjectClassifier | None:
        if not self._looks:
            parts = self.encoder.classifier()
            self._looks.append(None if parts is None else ObjectClassifier(*parts))
        return self._looks[0]

    def photo_features(self, images: Sequence[Any]) -> Tensor:
        """The packaged classifier's pooled features of pictures [pictures, channels], by which photos are familiar.

        Raises:
            InputError: a picture cannot be opened, or the image encoder is not a packaged one.
        """
        looks = self._classifier()
        if looks is None:
            raise InputError(f"{self.config.image.backbone} comes without a classifier, so no photo is familiar to it")
        device = self.words.weight.device
        pixels = torch.stack([self.encoder.preprocess(open_image(image)) for image in images]).to(device)
        features: Tensor = looks.to(device)(self.encoder.freeze(pixels))[0]
        return features

    @overload
    def caption(self, images: Picture, **options: Any) -> Caption: ...

    @overload
    def caption(self, images: list[Any], **options: Any) -> list[Caption]: ...

    def caption(  # type: ignore[misc]
        self,
        images: Any,
        *,
        beam: int = 5,
        n_best: int = 1,
        min_words: int = 1,
        max_words: int = 20,
        length_penalty: float = 0.7,
        groups: int = 1,
        diversity: float = 0.0,
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        no_repeat: int = 3,
        objects: bool = True,
    ) -> Caption | list[Caption]:
        """Describes a photo, or each of several.

        Args:
            images: a picture (a path, a Pillow image, an array or a tensor), or a list of them.
            beam: sentences followed at a time (1: the likeliest word each time).
            n_best: how many sentences to give; the further ones are the caption's ``alternatives``.
            min_words: a caption has at least so many words (1 or more),
            max_words: and at most so many, up to 60.
            length_penalty: 0 ranks sentences by probability, which favours short ones, 1 by its mean over the words.
            groups: parts of the beam that are to differ from each other; a divisor of ``beam``.
            diversity: how much they are to, in nats a word.
            include: words or phrases that must come, as they are.
            exclude: words that must not.
            no_repeat: no so many words in a row come twice; 0 to allow it.
            objects: a caption that lacks or contradicts what an image classifier is sure of is made anew with it.

        Raises:
            InputError: a picture cannot be opened, a word is unknown, or the options contradict each other.
        """
        options = self.options(
            beam, n_best, min_words, max_words, length_penalty, groups, diversity, include, exclude, no_repeat
        )
        slots = WordSlots(self.vocabulary, include)
        step = slots.widen(self._step)
        several = isinstance(images, (list, tuple))
        given: list[Any] = list(images) if several else [images]  # type: ignore[arg-type]
        captions: list[Caption] = []
        for first in range(0, len(given), CHUNK):
            part = given[first : first + CHUNK]
            memory, seen = self._encode(part)
            search, device = self._search(memory), memory.mean.device
            found = beam_search(step, search, len(part), start=END, end=END, options=options, device=device)
            said = self._captions(search, found, [_name(image) for image in part], seen, slots)
            if objects:
                said = [self._revised(one, memory, seen, row, options, slots) for row, one in enumerate(said)]
            captions += said
        return captions if several else captions[0]

    def stream(self, image: Picture, **options: Any) -> Iterator[Caption]:
        """As :meth:`caption` for one picture, but yields the words as they are decided, and last the whole.

        The captions on the way have neither confidences nor attention; their words do not change any more.
        """
        objects = options.pop("objects", True)
        wishes = self.options(**options)
        slots = WordSlots(self.vocabulary, options.get("include", ()))
        step = slots.widen(self._step)
        memory, seen = self._encode([image])
        name, shown, search, device = _name(image), 0, self._search(memory), memory.mean.device
        if (
            objects and seen.main(0) is not None
        ):  # what is decided could still be revised: the whole first, then its words
            found = beam_search(step, search, 1, start=END, end=END, options=wishes, device=device)
            (said,) = self._captions(search, found, [name], seen, slots)
            said = self._revised(said, memory, seen, 0, wishes, slots)
            for count in range(1, len(said.words)):
                texts = [word.text for word in said.words[:count]]
                yield Caption(join_words(texts), tuple(map(Word, texts)), 0.0, source=name)
            yield said
            return
        for progress in stream_beam_search(step, search, start=END, end=END, options=wishes, device=device):
            if progress.results:
                yield self._captions(search, [progress.results], [name], seen, slots)[0]
            elif len(progress.decided) > shown:
                shown = len(progress.decided)
                words = slots.spell(progress.decided)
                yield Caption(join_words(words), tuple(map(Word, words)), 0.0, source=name)

    def draw(
        self,
        image: Picture,
        count: int = 5,
        *,
        temperature: float = 1.0,
        top_p: float = 0.9,
        max_words: int = 20,
        seed: int | None = None,
    ) -> list[Caption]:
        """Captions of one picture drawn at random (nucleus sampling, Holtzman et al. 2020), in the order drawn.

        Args:
            image: a picture, as for :meth:`caption`.
            count: how many; they need not be distinct.
            temperature: above 1 for bolder words, below for safer ones.
            top_p: only the likeliest words that make up this share of the probability are drawn from.
            max_words: a caption has at most so many words.
            seed: the same seed draws the same captions.

        Raises:
            InputError: the picture cannot be opened, or an option is out of range.
        """
        wishes = self.options(max_words=max_words)
        memory, seen = self._encode([image])
        search, device = self._search(memory), memory.mean.device
        generator = torch.Generator(device)
        if seed is None:
            generator.seed()
        else:
            generator.manual_seed(seed)
        drawn = sample(
            self._step,
            search,
            1,
            start=END,
            end=END,
            max_length=wishes.max_length,
            min_length=1,
            temperature=temperature,
            top_p=top_p,
            samples=count,
            exclude=(UNKNOWN,),
            generator=generator,
            device=device,
        )
        (best,) = self._captions(search, drawn, [_name(image)], seen)
        return [replace(best, alternatives=()), *best.alternatives]

    def options(self, *given: Any, **options: Any) -> BeamOptions:
        """The options of :meth:`caption` as those of the search.

        Raises:
            InputError: a word is unknown, or they contradict each other.
        """
        options.pop("objects", None)  # no option of the search
        return search_options(self.vocabulary, *given, **options)

    def _search(self, memory: Memory) -> CaptionSearch:
        return CaptionSearch.begin(self.decoder, memory)

    @torch.inference_mode()
    def _step(self, tokens: Tensor, search: CaptionSearch) -> tuple[Tensor, CaptionSearch]:
        y, looks, state = self.decoder.step(self._word(tokens), search.state, search.rows())
        return self.log_probabilities(y), search.wrote(tokens, looks, state)

    def _captions(
        self,
        search: CaptionSearch,
        found: Sequence[Sequence[Hypothesis]],
        names: Sequence[str],
        sightings: Sightings | None = None,
        slots: WordSlots | None = None,
    ) -> list[Caption]:
        """The results of a search as captions."""
        sightings = sightings or Sightings(((),) * len(found), (0.0,) * len(found), 1.0)
        slots = WordSlots(self.vocabulary, ()) if slots is None else slots
        seen = search.seen()
        made = []
        for photo, (one, name) in enumerate(zip(found, names, strict=True)):
            every = []
            for each in one:
                texts, known = slots.spell(each.tokens), slots.known(each.tokens)
                log_p = torch.tensor(each.token_log_probabilities)
                confidences = self.confidence(log_p, sightings.distances[photo]).tolist()
                keys = [(photo, *known[:place]) for place in range(len(texts))]
                maps = [seen[key] for key in keys]
                words = tuple(
                    Word(part, confidence, attention=looks.reshape(self.encoder.rows, self.encoder.columns))
                    for text, confidence, looks in zip(texts, confidences, maps, strict=False)
                    for part in text.split()  # a further word may be two: “polar bear”
                )
                every.append(Caption(join_words(texts), words, each.log_probability, source=name))
            seen_here = sightings.objects[photo]
            made.append(replace(every[0], alternatives=tuple(every[1:]), objects=seen_here))
        return made

    def _revised(
        self, said: Caption, memory: Memory, sightings: Sightings, row: int, options: BeamOptions, slots: WordSlots
    ) -> Caption:
        """The caption of photo ``row``, made anew where it lacks or contradicts what was recognised there."""
        todo = plan(said.text, sightings.objects[row], sightings.far(row))
        if todo is None:
            return vouched(said, sightings.main(row))
        search = NamingSearch.of(todo, options, slots)
        if search is None:
            return said
        one = memory.select(torch.tensor([row], device=memory.mean.device))
        for wishes, opening in search.rounds():
            begin = self._search(one)
            step = search.slots.widen(self._step, opening)
            try:
                found = beam_search(step, begin, 1, start=END, end=END, options=wishes, device=memory.mean.device)
            except InputError:  # it cannot be had together with what else must come
                return said
            if search.good(found[0][0]):
                break
        (made,) = self._captions(begin, found, [said.source], sightings.select(row), search.slots)
        return vouched(made, todo.noun)

    def confidence(self, log_probability: Tensor, distance: float = 0.0) -> Tensor:
        """The calibrated probability that a word is right, from the log probability the model gave it.

        Args:
            log_probability: of words.
            distance: of their photo from those trained on.
        """
        log_p = log_probability.double().clamp(-50, -1e-9)
        logit = log_p - torch.log(-torch.expm1(log_p))
        beyond = max(0.0, distance - (self.config.familiar_within - 0.05))
        less = self.config.distance_weight * beyond
        return (logit / self.config.temperature + self.config.calibration_bias - less).sigmoid()


def _name(image: Any) -> str:
    return os.fspath(image) if isinstance(image, (str, os.PathLike)) else ""


def batch_photos(items: Sequence[Mapping[str, Any]]) -> dict[str, Tensor]:
    """A batch for ``Captioner.loss``: of items with ``frozen``, ``captions`` (longest first, with ends), ``photo``."""
    count = max(len(item["captions"]) for item in items)
    longest = max(len(caption) for item in items for caption in item["captions"])
    captions = np.zeros((len(items), count, longest), np.int64)
    lengths = np.zeros((len(items), count), np.int64)
    for row, item in enumerate(items):
        for column, caption in enumerate(item["captions"]):
            captions[row, column, : len(caption)] = caption
            lengths[row, column] = len(caption)
    return {
        "frozen": torch.stack([item["frozen"] for item in items]),
        "captions": torch.from_numpy(captions),
        "lengths": torch.from_numpy(lengths),
        "photo": torch.tensor([item["photo"] for item in items]),
    }
