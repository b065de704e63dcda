"""The model a user loads: ``lstm_models.load("image-generator").generate("7", seed=1)``."""

from __future__ import annotations

import itertools
import os
import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np
import torch
from torch import Tensor

from lstm_models.decoding.options import check_number, check_whole, override
from lstm_models.errors import InputError
from lstm_models.io.images import Picture
from lstm_models.tasks.image_generation import decoding
from lstm_models.tasks.image_generation.decoding import CompleteOptions
from lstm_models.tasks.image_generation.features import SIDES, binarized, missing_pixels, small_grey
from lstm_models.tasks.image_generation.network import Drawn, DrawNetwork
from lstm_models.tasks.image_generation.results import GeneratedImage, Likelihood, Window

__all__ = ["ANY", "MOST_IMAGES", "ImageGenerator", "check_temperature", "checked_seed", "seeds_from"]

ANY = "any"
MOST_IMAGES = 64
"""Digits of a number that is drawn."""


class ImageGenerator(DrawNetwork):
    """Draws small images step by step, finishes images, and says how probable images are.

    >>> generator = lstm_models.load("image-generator")                     # doctest: +SKIP
    >>> generator.generate("7", seed=1).save("seven.gif")                   # doctest: +SKIP
    >>> generator.complete("half.png", missing="bottom").save("whole.png")  # doctest: +SKIP
    """

    @overload
    def generate(
        self, what: str | int = ..., *, seed: int | None = ..., temperature: float = ...
    ) -> GeneratedImage: ...
    @overload
    def generate(
        self, what: list[Any] | tuple[Any, ...], *, seed: int | None = ..., temperature: float = ...
    ) -> list[GeneratedImage]: ...
    @torch.no_grad()
    def generate(
        self, what: str | int | list[Any] | tuple[Any, ...] = ANY, *, seed: int | None = None, temperature: float = 1.0
    ) -> GeneratedImage | list[GeneratedImage]:
        """Draws a kind of image, such as the digit "7"; a number of several digits, side by side; or "any".

        Args:
            what: a name of ``config.names``, several digits, or "any" for one of them by chance; or a list of them,
                which gives a list.
            seed: the same seed gives the same image; a new one each time if missing. Of a list, the first image's;
                the next have the next ones.
            temperature: how far the numbers that are drawn stray; below 1 more usual images, above 1 odder ones.

        Raises:
            InputError: the text is empty, there is no such kind, the number has more than ``MOST_IMAGES`` digits, or
                an option is out of its range.
        """
        if isinstance(what, list | tuple):
            seeds = seeds_from(seed)
            return [self.generate(each, seed=next(seeds), temperature=temperature) for each in what]
        check_temperature(temperature)
        wanted, seed = str(what).strip(), checked_seed(seed)
        kinds = self._kinds(wanted)
        if wanted == ANY and self.config.names:  # a kind by chance: drawn more surely than without any
            kinds = [int(np.random.default_rng((seed, 1)).integers(len(self.config.names)))]
        labels = torch.tensor(kinds, device=self.canvas.device)
        return self._result(decoding.draw(self, labels, seed, temperature), wanted, seed)

    def _kinds(self, wanted: str) -> list[int]:
        """Numbers of the kinds that a word, or the characters of a word, name."""
        numbers = {name: number for number, name in enumerate(self.config.names)} | {ANY: len(self.config.names)}
        if wanted in numbers:
            return [numbers[wanted]]
        if wanted and all(character in numbers for character in wanted):
            if len(wanted) > MOST_IMAGES:
                raise InputError(f"{len(wanted)} digits are too many: at most {MOST_IMAGES} are drawn", usage=True)
            return [numbers[character] for character in wanted]
        known = f"{', '.join(self.config.names)} or any" if self.config.names else "any"
        if not wanted:
            raise InputError(f"the text is empty: expected {known}", usage=True)
        shown = wanted if len(wanted) < 40 else f"{wanted[:40]}…"
        raise InputError(f"“{shown}” is not something that this model draws: expected {known}", usage=True)

    @torch.no_grad()
    def complete(
        self,
        image: Picture,
        missing: str | np.ndarray | Picture = "ink",
        *,
        label: str | int = ANY,
        seed: int | None = None,
        options: CompleteOptions = CompleteOptions(),  # noqa: B008 - frozen
        name: str | None = None,
    ) -> GeneratedImage:
        """Finishes an image that is damaged or half drawn.

        Args:
            image: a picture; dark ink on light paper is inverted. It is scaled to the model's size.
            missing: which part is to be filled in: "top", "bottom", "left", "right", or "ink" for all but the ink and
                its surroundings; a picture or an array that is white where something is missing.
            label: what it shall become, or "any".
            seed: the same seed gives the same image; a new one each time if missing.
            options: how many candidates and rounds.
            name: what errors call the picture.

        Returns:
            The image, with the known pixels as they were.

        Raises:
            InputError: the picture cannot be read, nothing or everything is missing, or there is no such kind.
        """
        size = self.config.image_size
        grey, inverted = small_grey(image, size, name)
        known = (grey > 0.5).astype(np.float32)
        named = isinstance(missing, str) and (missing in ("ink", *SIDES) or not Path(missing).suffix)
        fits = isinstance(missing, np.ndarray) and missing.shape == known.shape
        if not named and not fits:
            missing = _small_mask(missing, size)
        assert isinstance(missing, (str, np.ndarray))
        mask = missing_pixels(known, missing)
        kinds = self._kinds(str(label).strip())
        if len(kinds) > 1:
            raise InputError(f"“{label}” is several digits: an image is finished as one", usage=True)
        options = override(options, CompleteOptions)
        seed, device = checked_seed(seed), self.canvas.device
        given, holes = torch.from_numpy(known).to(device), torch.from_numpy(mask).to(device)
        drawn, best = decoding.complete(self, given, holes, kinds[0], seed, options)
        drawn = Drawn(*(each[best : best + 1] for each in drawn))
        found = self._result(drawn, str(label), seed)
        notes = ("it was taken as dark ink on light paper, and inverted",) if inverted else ()
        whole = np.where(mask, found.image, known)
        return GeneratedImage(
            whole, found.steps, found.attention, found.label, seed, self._windows(drawn.read, "read"), mask, notes
        )

    @torch.no_grad()
    def log_likelihood(
        self,
        images: np.ndarray | Tensor,
        labels: Sequence[str | int] | None = None,
        *,
        samples: int = 1,
        seed: int = 1,
    ) -> Likelihood:
        """How probable images are: a bound on log p, in nats, and an importance-weighted figure.

        Args:
            images: [images, height, width] or [height, width] of the model's size, float from 0 to 1 or uint8; pixels
                between black and white are drawn once, white with their brightness as the probability.
            labels: the kind of each image, for log p(image | kind); log p(image) if missing.
            samples: drawings of each image; the importance-weighted figure is tight with many, such as 50.
            seed: of the drawn pixels and numbers; the same seed gives the same figures.

        Raises:
            InputError: a shape, a value or a kind does not fit.
        """
        values = images.detach().cpu().numpy() if isinstance(images, Tensor) else np.asarray(images)
        size = self.config.image_size
        if values.ndim not in (2, 3) or values.shape[-2:] != (size, size) or not values.size:
            raise InputError(f"the images are {list(values.shape)}: expected [images, {size}, {size}]", usage=True)
        if values.dtype != np.uint8:
            values = values.astype(np.float32)
            if not (np.isfinite(values).all() and values.min() >= 0 and values.max() <= 1):
                raise InputError("the images have values outside of 0 to 1", usage=True)
        if not 1 <= samples <= 10_000:
            raise InputError(f"samples must be from 1 to 10,000, not {samples}", usage=True)
        values = binarized(values.reshape(-1, size, size), checked_seed(seed))
        kinds = [len(self.config.names)] * len(values)
        if labels is not None:
            known = {name: number for number, name in enumerate(self.config.names)} | {ANY: len(self.config.names)}
            if len(labels) != len(values) or not {str(label) for label in labels} <= set(known):
                raise InputError(f"the labels must be one for each of {len(values)} images, of {', '.join(known)}")
            kinds = [known[str(label)] for label in labels]
        device = self.canvas.device
        given = torch.from_numpy(values).to(device), torch.tensor(kinds, device=device)
        bound, estimate = decoding.log_likelihood(self, *given, seed, samples)
        return Likelihood(bound.cpu().numpy(), estimate.cpu().numpy())

    def export_onnx(self, path: str | os.PathLike[str], *, int8: bool = False) -> Path:
        """Writes the drawing network as ONNX, for other runtimes; needs ``pip install lstm-models[export]``.

        Inputs: ``label`` [batch] int64, the last number is "any", and ``noise`` [batch, steps, latent] float32,
        standard normal. Outputs: ``canvas`` [batch, steps, height, width], probabilities of white after every step,
        and ``windows`` [batch, steps, 5] of the writing, the fields of ``GaussianWindow``.
        """
        from lstm_models.tasks.image_generation.onnx_graph import export

        return export(self, path, int8=int8)

    def shown(self, drawn: Drawn, label: str, seed: int) -> list[GeneratedImage]:
        """Each image of a batch by itself."""
        rows = range(len(drawn.logits))
        return [self._result(Drawn(*(each[row : row + 1] for each in drawn)), label, seed) for row in rows]

    def _result(self, drawn: Drawn, label: str, seed: int) -> GeneratedImage:
        """The images of a batch side by side."""
        steps = drawn.logits.sigmoid().permute(1, 2, 0, 3).flatten(2).cpu().numpy()
        return GeneratedImage(steps[-1], steps, self._windows(drawn.write, "write"), label, seed)

    def _windows(self, found: Tensor, kind: str) -> tuple[tuple[Window, ...], ...]:
        size, side = getattr(self.config, f"{kind}_size"), self.config.image_size
        made: list[tuple[Window, ...]] = []
        rows: list[Any] = found.transpose(0, 1).cpu().tolist()
        for step in rows:
            # The paper's pixels count from 1; the middle of the first is half a pixel from the rim
            made.append(
                tuple(
                    Window(x - 0.5 + number * side, y - 0.5, stride * (size - 1), variance**0.5)
                    for number, (x, y, stride, variance, _) in enumerate(step)
                )
            )
        return tuple(made)


def _small_mask(mask: Picture, size: int) -> np.ndarray:
    """A picture of what is missing, white, at the model's size; unlike ink, it is not inverted."""
    from PIL import Image

    from lstm_models.io.images import open_image

    return np.asarray(open_image(mask).convert("L").resize((size, size), Image.Resampling.BOX), np.float32) / 255


def check_temperature(temperature: float) -> None:
    """That images can be drawn with it.

    Raises:
        InputError: it is out of its range.
    """
    check_number("temperature", temperature, 0, 3)


def seeds_from(seed: int | None) -> Iterator[int]:
    """The seed and those that follow it, one for each of several images; see `checked_seed`."""
    first = checked_seed(seed)
    return ((first + number) % 2**32 for number in itertools.count())


def checked_seed(seed: int | None) -> int:
    """The seed; a new one where there is none.

    Raises:
        InputError: it is no whole number that fits.
    """
    if seed is None:
        return secrets.randbelow(2**31)
    return check_whole("seed", seed, 0, 2**32 - 1)
