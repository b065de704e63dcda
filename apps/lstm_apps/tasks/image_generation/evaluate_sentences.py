"""Measures a generator that draws what sentences say: how often all digits are there, in the places asked for."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lstm_apps.tasks.image_generation.metrics import Part, as_said, known_parts, nearest_kinds, parts_of
from lstm_datasets.image_generation.digit_scenes import DigitScenes, canvas_of
from lstm_datasets.image_generation.readers import read_images
from lstm_models.tasks.image_generation.scenes import Scene
from lstm_models.tasks.image_generation.sentence_model import SentenceImageGenerator

__all__ = ["evaluate_sentences"]

_KNOWN = 30_000  # images of digits that a drawn one is compared with, at most
_SORTS = {"two_digits": (2, False), "new_pairs": (2, True), "one_digit": (1, False)}  # digits, held out


def evaluate_sentences(model: SentenceImageGenerator, data: str, drawn: int, seed: int) -> dict[str, float]:
    """Draws sentences of three sorts, prints how many pictures are as said, in per cent, and returns the figures.

    Beside the drawings stand real digits that are put in the places of the same scenes: how many of those the
    neighbours find is the most that can be expected.

    Args:
        model: what draws.
        data: a folder of MNIST's files: digits are named by their five nearest neighbours among the training images,
            and the real ones are test images; or a file of images for both.
        drawn: sentences of each sort: two digits, pairs of digits and relations that are never trained on, one digit.
        seed: of sentences and drawings.

    Raises:
        InputError: the data are no labelled digits.
    """
    side = model.generator.config.image_size
    test = read_images(data, side, part="t10k")
    known = read_images(data, side, part="train") if Path(data).is_dir() else test
    neighbors = known_parts(known.images[:_KNOWN]), known.labels[:_KNOWN]
    figures: dict[str, float] = {"sentences": drawn}
    began, grid = time.process_time(), model.config.grid
    print(f"{'in per cent':30}{'digits right':>14}{'as said':>9}{'real: digits':>14}{'as said':>9}")
    for name, (digits, unseen) in _SORTS.items():
        scenes = _scenes(model, digits, unseen, drawn, seed)
        made = model.generate([sentence for _, sentence, _ in scenes], seed=seed)
        sorts: dict[str, list[np.ndarray]] = {
            "": [found.image for found in made],
            "_real": [
                canvas_of(scene, places, test, grid, seed + number).astype(np.float32) / 255
                for number, (scene, _, places) in enumerate(scenes)
            ],
        }
        row = []
        for sort, canvases in sorts.items():
            right = _right([scene for scene, *_ in scenes], [parts_of(each, digits) for each in canvases], neighbors)
            figures[f"{name}{sort}_digits_right"], figures[f"{name}{sort}_as_said"] = (100 * right.mean(0)).tolist()
            row += (100 * right.mean(0)).tolist()
        print(f"{name.replace('_', ' '):30}" + "".join(f"{v:{w}.1f}" for v, w in zip(row, (14, 9, 14, 9), strict=True)))
    figures["seconds"] = time.process_time() - began
    print(f"{drawn} sentences of each sort, in {figures['seconds']:.0f} s of processor time")
    return figures


def _scenes(model: SentenceImageGenerator, digits: int, unseen: bool, count: int, seed: int) -> list[Any]:
    """The first so many scenes with so many digits."""
    source = DigitScenes(model.config.vocabulary, grid=model.config.grid, count=1, seed=seed, unseen=unseen)
    made = (source.scene(index) for index in itertools.count())
    return list(itertools.islice((each for each in made if len(each[0].digits) == digits), count))


def _right(
    scenes: Sequence[Scene], parts: Sequence[Sequence[Part]], neighbors: tuple[np.ndarray, list[str]]
) -> np.ndarray:
    """Of each scene whether its digits are right, and whether they are so in their places: bool [scenes, 2]."""
    flat = [part.image for each in parts for part in each]
    names = iter(nearest_kinds(np.stack(flat), *neighbors) if flat else [])
    found = []
    for scene, each in zip(scenes, parts, strict=True):
        named = [next(names) for _ in each]
        found.append(as_said(scene, named, [part.cell for part in each]) if each else (False, False))
    return np.array(found)
