"""Measures an image generator.

lstm-models evaluate image-generation --data t10k-images-idx3-ubyte.gz --samples 50
lstm-models evaluate image-generation --data mnist --model image-generator-sentences
"""

from __future__ import annotations

import json as json_module
import time
from typing import Any

import numpy as np
import torch

from lstm_apps.tasks.image_generation.evaluate_sentences import evaluate_sentences
from lstm_apps.tasks.image_generation.metrics import nearest_kinds
from lstm_datasets.image_generation.readers import read_images
from lstm_models.checkpoints import hub
from lstm_models.errors import InputError
from lstm_models.io.atomic_write import check_writable, write_whole
from lstm_models.tasks.image_generation.features import binarized
from lstm_models.tasks.image_generation.model import ImageGenerator
from lstm_models.tasks.image_generation.sentence_model import SentenceImageGenerator

__all__ = ["evaluate"]


def evaluate(
    data: str,
    model: str = "image-generator",
    samples: int = 1,
    limit: int | None = None,
    weighted_images: int = 500,
    drawn: int = 1000,
    seed: int = 1,
    json: str | None = None,
) -> dict[str, float]:
    """Prints how many nats an image takes, and how often a drawn image is what was wanted.

    The images are binarised once, each pixel white with its brightness as the probability, by the seed. The bounds on
    −log p are of the image alone, for "any" kind, and, where the kinds are known, given the kind; that plus ln(kinds)
    is another bound for the image alone. The importance-weighted figure is of the first images only. A
    model of sentences is measured by how often all digits are drawn in the places asked for, and nothing else.

    Args:
        data: as for train; of a folder with MNIST's files the test images.
        model: a bundled model, a folder, or the id of one on the Hugging Face hub.
        samples: drawings of each image for the importance-weighted figure; with 1 it is left out.
        limit: measure on the first so many images.
        weighted_images: images for the importance-weighted figure.
        drawn: images that are drawn and judged, by their five nearest neighbours in the data; of sentences, of each
            sort.
        seed: of the binarisation and the drawings.
        json: a file for the figures.

    Returns:
        The figures.

    Raises:
        InputError: the data or the model cannot be read.
    """
    if samples < 1 or weighted_images < 1 or drawn < 0 or (limit is not None and limit < 1):
        raise InputError("--samples, --limit and --weighted-images must be 1 or more, --drawn 0 or more", usage=True)
    if json is not None:
        check_writable(json)
    loaded: Any = hub.load_as((ImageGenerator, SentenceImageGenerator), model)
    if isinstance(loaded, SentenceImageGenerator):
        figures = evaluate_sentences(loaded, data, max(1, drawn), seed)
        if json is not None:
            write_whole(json, json_module.dumps(figures, indent=2) + "\n")
        return figures
    found = read_images(data, loaded.config.image_size, part="t10k")
    images, labels = binarized(found.images[:limit], seed), found.labels[:limit]
    started = time.process_time()
    bound = loaded.log_likelihood(images, seed=seed).bound
    seconds = time.process_time() - started
    figures = {"images": len(images), "bound": -float(bound.mean())}
    figures["bound_error"] = float(bound.std() / max(1, len(bound)) ** 0.5)
    named = bool(loaded.config.names) and set(labels) <= set(loaded.config.names)
    if named:
        figures["bound_given_kind"] = -float(loaded.log_likelihood(images, labels, seed=seed).bound.mean())
        figures["bound_by_kinds"] = figures["bound_given_kind"] + float(np.log(len(loaded.config.names)))
    if samples > 1:
        some = images[:weighted_images]
        weighted = loaded.log_likelihood(some, samples=samples, seed=seed)
        figures |= {"weighted_images": len(some), "weighted_bound": -float(weighted.bound.mean())}
        figures["importance_weighted"] = -float(weighted.importance_weighted.mean())
        if named:
            given = loaded.log_likelihood(some, labels[:weighted_images], samples=samples, seed=seed)
            figures["importance_weighted_given_kind"] = -float(given.importance_weighted.mean())
    if named and drawn:
        figures |= _as_wanted(loaded, found.images[:limit].astype(np.float32) / 255, labels, drawn, seed)
    figures["images_a_second"] = len(images) / max(seconds, 1e-9)
    _print(figures, samples)
    if json is not None:
        write_whole(json, json_module.dumps(figures, indent=2) + "\n")
    return figures


def _as_wanted(model: ImageGenerator, known: np.ndarray, labels: list[str], count: int, seed: int) -> dict[str, float]:
    """How often nearest neighbours name the wanted kind, and how often they name that of real images."""
    names = model.config.names
    wanted = [names[number % len(names)] for number in range(count)]
    with torch.no_grad():
        made = np.stack([each.image for each in model.generate(wanted, seed=seed)])
    right = np.mean([a == b for a, b in zip(nearest_kinds(made, known, labels), wanted, strict=True)])
    real = nearest_kinds(known[:count], known, labels)
    return {
        "drawn": count,
        "drawn_as_wanted": 100 * float(right),
        "real_images_named": 100 * float(np.mean([a == b for a, b in zip(real, labels, strict=False)])),
    }


def _print(figures: dict[str, Any], samples: int) -> None:
    rows = {
        "bound": f"−log p ≤ {{bound:.2f}} nats (standard error {figures['bound_error']:.2f})",
        "bound_given_kind": "−log p given the kind ≤ {bound_given_kind:.2f} nats; plus ln(kinds): {bound_by_kinds:.2f}",
        "importance_weighted": f"importance-weighted, {samples} drawings: {{importance_weighted:.2f}} nats, the bound "
        "there {weighted_bound:.2f}, on the first {weighted_images} images",
        "importance_weighted_given_kind": "the same given the kind: {importance_weighted_given_kind:.2f} nats",
        "drawn": "{drawn_as_wanted:.1f} % of {drawn} drawn images have neighbours of the wanted kind "
        "({real_images_named:.1f} % of real ones)",
    }
    print(f"{figures['images']:,} images, {figures['images_a_second']:.0f} a second of processor time")
    for name, sentence in rows.items():
        if name in figures:
            print(sentence.format(**figures))
