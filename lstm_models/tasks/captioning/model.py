"""Captioning: ``Captioner`` describes a photo in a sentence.

captioner = lstm_models.load("captioner")
captioner.caption("photo.jpg").text
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import torch
from torch import Tensor

from lstm_models.decoding.beam_search import beam_search, stream_beam_search
from lstm_models.decoding.options import BeamOptions, Hypothesis
from lstm_models.decoding.sampling import sample as draw_sequences
from lstm_models.errors import InputError
from lstm_models.io.images import Picture, open_image
from lstm_models.nn.attention_decoder import Memory
from lstm_models.results import Word
from lstm_models.tasks.captioning import familiarity
from lstm_models.tasks.captioning.decoding import CaptionSearch
from lstm_models.tasks.captioning.naming import NamingSearch, Sightings, WordSlots, plan, vouched
from lstm_models.tasks.captioning.objects import CLASSES, ObjectClassifier, RecognizedObject, recognized
from lstm_models.tasks.captioning.results import Caption
from lstm_models.text.vocabulary import END, UNKNOWN, join_words

if TYPE_CHECKING:
    pass


import warnings

from typing_extensions import Unpack

from lstm_models.confidence import calibrated
from lstm_models.decoding.options import override
from lstm_models.tasks.captioning.decoding import CaptionKeywords, CaptionOptions
from lstm_models.tasks.captioning.network import CaptionerNetwork

__all__ = ["Captioner"]

CHUNK = 16  # photos encoded at a time


class Captioner(CaptionerNetwork):
    """Describes photos; see the module and ``CaptionerConfig``."""

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
            trunk_features = self.encoder.freeze(pixels)
            return self.encode_memory(trunk_features), self._see(trunk_features)

    def _see(self, trunk_features: Tensor) -> Sightings:
        """What the packaged classifier sees in what the encoder's trunk made of photos."""
        return Sightings.of(self.classifier(), trunk_features, self.config.familiar, self.config.familiar_within)

    def classifier(self) -> ObjectClassifier | None:
        if not self._looks:
            parts = self.encoder.classifier()
            self._looks.append(None if parts is None else ObjectClassifier(*parts))
        return self._looks[0]

    def photo_features(self, images: Sequence[Any]) -> Tensor:
        """The packaged classifier's pooled features of pictures [pictures, channels], by which photos are familiar.

        Raises:
            InputError: a picture cannot be opened, or the image encoder is not a packaged one.
        """
        looks = self.classifier()
        if looks is None:
            raise InputError(f"{self.config.image.backbone} comes without a classifier, so no photo is familiar to it")
        device = self.words.weight.device
        pixels = torch.stack([self.encoder.preprocess(open_image(image)) for image in images]).to(device)
        features: Tensor = looks.to(device)(self.encoder.freeze(pixels))[0]
        return features

    @torch.inference_mode()
    def frame_features(self, images: Sequence[Any]) -> tuple[Tensor, Tensor, Tensor]:
        """What the captioner and the packaged classifier make of pictures, such as the frames of a film.

        Returns:
            The projected grids [pictures, places, feature], which the decoder looks at, the probabilities of ImageNet's
            classes [pictures, 1000], and the distances from familiar photos [pictures]; both are 0 where the image
            encoder is not a packaged one.

        Raises:
            InputError: a picture cannot be opened.
        """
        device = self.words.weight.device
        pixels = torch.stack([self.encoder.preprocess(open_image(image)) for image in images]).to(device)
        trunk_features, looks = self.encoder.freeze(pixels), self.classifier()
        grids: Tensor = self.project(self.encoder(trunk_features.float()))
        if looks is None:
            return grids, grids.new_zeros(len(grids), CLASSES), grids.new_zeros(len(grids))
        features, classes = looks.to(device)(trunk_features)
        distances = grids.new_zeros(len(grids))
        if self.config.familiar:
            distances = familiarity.distance(
                features, familiarity.decode(self.config.familiar, features.size(1)).to(device)
            )
        return grids, classes, distances

    def recognized_objects(self, probabilities: Tensor) -> tuple[RecognizedObject, ...]:
        """The nouns that ImageNet's classes of these probabilities [1000] stand for, the most probable first."""
        return recognized(probabilities)

    @overload
    def caption(
        self, images: Picture, *, options: CaptionOptions | None = None, **given: Unpack[CaptionKeywords]
    ) -> Caption: ...

    @overload
    def caption(
        self,
        images: list[Any] | tuple[Any, ...],
        *,
        options: CaptionOptions | None = None,
        **given: Unpack[CaptionKeywords],
    ) -> list[Caption]: ...

    def caption(
        self, images: Any, *, options: CaptionOptions | None = None, **given: Unpack[CaptionKeywords]
    ) -> Caption | list[Caption]:
        """Describes a photo, or each of several.

        Args:
            images: a picture (a path, a Pillow image, an array or a tensor), or a list of them.
            options: how to search; `CaptionOptions()` if None.
            given: fields of `CaptionOptions`, such as ``beam=3``, that replace those of the options.

        Raises:
            InputError: a picture cannot be opened, a word is unknown, or the options contradict each other.
        """
        options = override(options, CaptionOptions, **given)
        beams, slots = self.search_options(options), WordSlots(self.vocabulary, options.include)
        step = slots.widen(self._step)
        several = isinstance(images, (list, tuple))
        pictures = list(images) if several else [images]
        captions: list[Caption] = []
        for first in range(0, len(pictures), CHUNK):
            part = pictures[first : first + CHUNK]
            memory, seen = self._encode(part)
            search, device = self._search(memory), memory.mean.device
            found = beam_search(step, search, len(part), start=END, end=END, options=beams, device=device)
            made = self._captions(search, found, [_name(image) for image in part], seen, slots)
            if options.objects:
                made = [self._revised(one, memory, seen, row, beams, slots) for row, one in enumerate(made)]
            captions += made
        return captions if several else captions[0]

    def stream(
        self, image: Picture, *, options: CaptionOptions | None = None, **given: Unpack[CaptionKeywords]
    ) -> Iterator[Caption]:
        """As :meth:`caption` for one picture, but yields the words as they are decided, and last the whole.

        The captions on the way have neither confidences nor attention; their words do not change any more.
        """
        options = override(options, CaptionOptions, **given)
        beams, slots = self.search_options(options), WordSlots(self.vocabulary, options.include)
        step = slots.widen(self._step)
        memory, seen = self._encode([image])
        name, shown, search, device = _name(image), 0, self._search(memory), memory.mean.device
        if options.objects and seen.main(0) is not None:
            # What is decided could still be revised: the whole first, then its words
            found = beam_search(step, search, 1, start=END, end=END, options=beams, device=device)
            (made,) = self._captions(search, found, [name], seen, slots)
            made = self._revised(made, memory, seen, 0, beams, slots)
            for count in range(1, len(made.words)):
                texts = [word.text for word in made.words[:count]]
                yield Caption(join_words(texts), tuple(map(Word, texts)), 0.0, source=name)
            yield made
            return
        for progress in stream_beam_search(step, search, start=END, end=END, options=beams, device=device):
            if progress.results:
                yield self._captions(search, [progress.results], [name], seen, slots)[0]
            elif len(progress.decided) > shown:
                shown = len(progress.decided)
                words = slots.spell(progress.decided)
                yield Caption(join_words(words), tuple(map(Word, words)), 0.0, source=name)

    def sample(
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
            top_p: only the likeliest words that make up this fraction of the probability are drawn from.
            max_words: a caption has at most so many words.
            seed: the same seed draws the same captions.

        Raises:
            InputError: the picture cannot be opened, or an option is out of range.
        """
        beams = self.search_options(CaptionOptions(max_words=max_words))
        memory, seen = self._encode([image])
        search, device = self._search(memory), memory.mean.device
        generator = torch.Generator(device)
        if seed is None:
            generator.seed()
        else:
            generator.manual_seed(seed)
        drawn = draw_sequences(
            self._step,
            search,
            1,
            start=END,
            end=END,
            max_length=beams.max_length,
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

    def draw(self, image: Picture, count: int = 5, **given: Any) -> list[Caption]:
        """The former name of :meth:`sample`."""
        warnings.warn("Captioner.draw is called sample now", DeprecationWarning, stacklevel=2)
        return self.sample(image, count, **given)

    def search_options(self, options: CaptionOptions) -> BeamOptions:
        """Options of :meth:`caption` as those of the search.

        Raises:
            InputError: a word is unknown, or they contradict each other.
        """
        return options.search(self.vocabulary)

    def _search(self, memory: Memory) -> CaptionSearch:
        return CaptionSearch.begin(self.decoder, memory)

    @torch.inference_mode()
    def _step(self, tokens: Tensor, search: CaptionSearch) -> tuple[Tensor, CaptionSearch]:
        y, looks, state = self.decoder.step(self.embed(tokens), search.state, search.rows())
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
        self, caption: Caption, memory: Memory, sightings: Sightings, row: int, options: BeamOptions, slots: WordSlots
    ) -> Caption:
        """The caption of photo ``row``, made anew where it lacks or contradicts what was recognised there."""
        todo = plan(caption.text, sightings.objects[row], sightings.far(row))
        if todo is None:
            return vouched(caption, sightings.main(row))
        search = NamingSearch.of(todo, options, slots)
        if search is None:
            return caption
        one = memory.select(torch.tensor([row], device=memory.mean.device))
        for beams, opening in search.rounds():
            begin = self._search(one)
            step = search.slots.widen(self._step, opening)
            try:
                found = beam_search(step, begin, 1, start=END, end=END, options=beams, device=memory.mean.device)
            except InputError:  # it cannot be had together with what else must come
                return caption
            if search.good(found[0][0]):
                break
        (made,) = self._captions(begin, found, [caption.source], sightings.select(row), search.slots)
        return vouched(made, todo.noun)

    def export_onnx(self, path: str | os.PathLike[str], *, int8: bool = False) -> Path:
        """Write the whole network, image network included, as an ONNX graph for one photo.

        Inputs: ``pixels`` [1, 3, size, size] float32, as ``encoder.preprocess`` makes them; ``given``
        [sentences, words] int64, numbers of words, or -1 where the likeliest is to come. Outputs: ``words``
        [sentences, words], those given and those chosen, of which what follows the first 0 does not count;
        ``log_probs`` [sentences, words, vocabulary] of each word given those before it; and ``attention`` [sentences,
        words, places], places row by row. The classifier of objects is not part of it.

        Raises:
            InputError: onnx (or, for int8, onnxruntime) is missing, or the file cannot be written.
        """
        from lstm_models.tasks.captioning.onnx_graph import export

        return export(self, path, int8=int8)

    def confidence(self, log_probability: Tensor, distance: float = 0.0) -> Tensor:
        """The calibrated probability that a word is right, from the log probability the model gave it.

        Args:
            log_probability: of words.
            distance: of their photo from those trained on.
        """
        beyond = max(0.0, distance - (self.config.familiar_within - 0.05))
        bias = self.config.calibration_bias - self.config.distance_weight * beyond
        return calibrated(log_probability, self.config.temperature, bias)


def _name(image: Any) -> str:
    return os.fspath(image) if isinstance(image, (str, os.PathLike)) else ""
