"""Text to picture: ``lstm_models.load("image-generator-sentences").generate("a three above a seven on the left")``.

A ``SceneLayout`` says which digit stands where; an image generator then draws each in its place, glimpse by glimpse.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import overload

import numpy as np
import torch

from lstm_models.errors import InputError
from lstm_models.tasks.image_generation import decoding
from lstm_models.tasks.image_generation.model import ANY, ImageGenerator, check_temperature, checked_seed, seeds_from
from lstm_models.tasks.image_generation.results import GeneratedImage, Window
from lstm_models.tasks.image_generation.scene_layout import PlacedDigit, SceneLayout, SceneLayoutConfig
from lstm_models.tasks.image_generation.scenes import VOCABULARY, parse, random_scene

__all__ = ["MOST_WORDS", "SentenceImageGenerator", "bundled_for"]

MOST_WORDS = 40
"""Words of a sentence that is drawn."""
SCALE = 2
"""Sides of a canvas in sides of a digit."""
_SENTENCE = "a three above a seven on the left"
_SURE = 0.5  # a digit that is less probable is doubtful


def bundled_for(what: str) -> str:
    """The bundled model that draws a digit, a number or any, or what a sentence says.

    >>> bundled_for("7"), bundled_for("a three above a seven")
    ('image-generator', 'image-generator-sentences')
    """
    words = what.strip().lower()
    return "image-generator-sentences" if words != ANY and any(map(str.isalpha, words)) else "image-generator"


class SentenceImageGenerator(SceneLayout):
    """Draws what a sentence says; see the module, and ``SceneLayoutConfig``.

    Args:
        config: sizes and words.
        generator: what draws the digits; loaded by the config's name when it is first used, if None.
    """

    def __init__(self, config: SceneLayoutConfig, generator: ImageGenerator | None = None) -> None:
        super().__init__(config)
        self._generator: list[ImageGenerator] = [] if generator is None else [generator]  # no submodule: not saved

    @property
    def generator(self) -> ImageGenerator:
        """What draws the digits.

        Raises:
            InputError: there is none of that name, or it does not draw the ten digits.
        """
        if not self._generator:
            from lstm_models.checkpoints import hub

            found = hub.load_as(ImageGenerator, self.config.generator)
            if found.config.names != [str(kind) for kind in range(self.config.kinds)]:
                raise InputError(
                    f"{self.config.generator} does not draw the digits that the sentences name", usage=True
                )
            self._generator.append(found)
        return self._generator[0]

    @overload
    def generate(self, what: str = ..., *, seed: int | None = ..., temperature: float = ...) -> GeneratedImage: ...
    @overload
    def generate(
        self, what: list[str] | tuple[str, ...], *, seed: int | None = ..., temperature: float = ...
    ) -> list[GeneratedImage]: ...
    @torch.no_grad()
    def generate(
        self, what: str | list[str] | tuple[str, ...] = ANY, *, seed: int | None = None, temperature: float = 1.0
    ) -> GeneratedImage | list[GeneratedImage]:
        """Draws what a sentence says, such as "a three above a seven on the left", digit by digit.

        Args:
            what: the sentence; "any" for one by chance; or a list of them, which gives a list.
            seed: the same seed gives the same image; a new one each time if missing. Of a list, the first image's;
                the next have the next ones.
            temperature: how far the numbers that are drawn stray; below 1 more usual images, above 1 odder ones.

        Returns:
            The image, with the words and how much they were heeded while each digit was drawn.

        Raises:
            InputError: the text is empty, a word is unknown, the sentence has no digit or more than ``MOST_WORDS``
                words, or an option is out of its range.
        """
        if isinstance(what, list | tuple):
            seeds = seeds_from(seed)
            return [self.generate(each, seed=next(seeds), temperature=temperature) for each in what]
        if not isinstance(what, str):
            raise InputError(f"a sentence is expected, or a list of them, not {type(what).__name__}", usage=True)
        check_temperature(temperature)
        seed = checked_seed(seed)
        sentence = self._sentence(what, seed)
        placed = self.place(self._numbers(sentence), seed, temperature)
        if not placed:
            raise InputError(f"“{sentence[:40]}” names no digit to draw: expected “{_SENTENCE}” or the like")
        return self._drawn(sentence, placed, seed, temperature)

    def export_onnx(self, path: str | os.PathLike[str], *, int8: bool = False) -> Path:
        """Write the network that places the digits as an ONNX graph; see ``scene_layout_onnx_graph`` beside this.

        Inputs, int64: ``words`` [batch, words], 0 in padding, and the digits ``before`` [batch, digits, 3], each with
        its kind, row and column; the first is [kinds, 0, 0], for none yet. Outputs, of the digit after each: log odds
        of its ``kind`` [batch, digits, kinds + 1], the last for no further one, of its ``row`` and its ``column``
        [batch, digits, grid], and the ``attention`` [batch, digits, words].

        Raises:
            InputError: onnx (or, for int8, onnxruntime) is missing, or the file cannot be written.
        """
        from lstm_models.tasks.image_generation.scene_layout_onnx_graph import export

        return export(self, path, int8=int8)

    def _sentence(self, what: str, seed: int) -> str:
        """The sentence in lower case; one by chance for "any"."""
        sentence = " ".join(what.lower().split()).removesuffix(".").strip()
        if not sentence:
            raise InputError(f"the text is empty: expected a sentence such as “{_SENTENCE}”, or any", usage=True)
        return random_scene(np.random.default_rng((seed, 1))).sentence() if sentence == ANY else sentence

    def _numbers(self, sentence: str) -> list[int]:
        numbers = {word: number for number, word in enumerate(self.config.vocabulary, 1)}
        words = sentence.split()
        if len(words) > MOST_WORDS:
            raise InputError(f"the sentence has {len(words)} words: at most {MOST_WORDS} are drawn", usage=True)
        for word in words:
            if word not in numbers:
                shown = word if len(word) < 40 else f"{word[:40]}…"
                raise InputError(
                    f"“{shown}” is not something that this model draws: expected a digit, a number, any, or a sentence "
                    f"such as “{_SENTENCE}”",
                    usage=True,
                )
        return [numbers[word] for word in words]

    def _drawn(self, sentence: str, placed: list[PlacedDigit], seed: int, temperature: float) -> GeneratedImage:
        """Each digit drawn in its place, one after the other."""
        generator = self.generator
        labels = torch.tensor([digit.kind for digit in placed], device=generator.canvas.device)
        drawn = decoding.draw(generator, labels, seed, temperature)
        side, glimpses = generator.config.image_size, generator.config.glimpses
        canvas = np.zeros((SCALE * side, SCALE * side), np.float32)
        steps, windows = [], []
        for digit, found in zip(placed, generator.shown(drawn, sentence, seed), strict=True):
            top, left = (_corner(at, self.config.grid, side) for at in (digit.row, digit.column))
            cut = np.s_[top : top + side, left : left + side]
            for step, (window,) in zip(found.steps, found.attention, strict=True):
                steps.append(canvas.copy())
                steps[-1][cut] = np.maximum(steps[-1][cut], step)
                windows.append((Window(window.x + left, window.y + top, window.side, window.blur),))
            canvas = steps[-1]
        attention = np.repeat(np.stack([digit.attention for digit in placed]), glimpses, 0)
        return GeneratedImage(
            canvas, np.stack(steps), tuple(windows), sentence, seed, notes=self._notes(sentence, placed),
            words=tuple(sentence.split()), word_attention=attention,
        )  # fmt: skip

    def _notes(self, sentence: str, placed: list[PlacedDigit]) -> tuple[str, ...]:
        if set(VOCABULARY) <= set(self.config.vocabulary) and parse(sentence) is None:
            return (f"it learned sentences such as “{_SENTENCE}”: one of another form may be drawn wrongly",)
        if min(digit.confidence for digit in placed) < _SURE:
            return ("it is not sure which digit the sentence means",)
        return ()


def _corner(place: int, grid: int, side: int) -> int:
    """Where a digit begins whose middle is in a row or column of the grid, within the canvas."""
    middle = (place + 0.5) / grid * SCALE * side
    return int(np.clip(round(middle - side / 2), 0, (SCALE - 1) * side))
