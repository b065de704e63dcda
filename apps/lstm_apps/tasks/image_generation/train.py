"""Trains an image generator, or what places its digits as sentences say.

lstm-models train image-generation --config base --data mnist
lstm-models train image-generation --config sentences
"""

from __future__ import annotations

import dataclasses
from typing import Any

import torch

from lstm_apps.tasks.image_generation.train_sentences import train_sentences
from lstm_apps.training.config import TrainingConfig
from lstm_apps.training.fitting import fit, save_trained
from lstm_datasets.image_generation.dataset import Images
from lstm_datasets.image_generation.readers import LabelledImages, read_images
from lstm_models.errors import InputError
from lstm_models.tasks.image_generation.config import ImageGeneratorConfig
from lstm_models.tasks.image_generation.model import ImageGenerator
from lstm_models.tasks.image_generation.network import collate
from lstm_models.tasks.image_generation.scene_layout import SceneLayoutConfig

__all__ = ["train"]

_MOST_KINDS = 1000


def train(
    data: str | None = None,
    run: str = "runs/image-generation",
    model: ImageGeneratorConfig = ImageGeneratorConfig(),  # noqa: B008 - frozen
    training: TrainingConfig = TrainingConfig(),  # noqa: B008 - frozen
    validation: str | None = None,
    validation_images: int = 2000,
    kl_warmup: int = 2,
    layout: SceneLayoutConfig | None = None,
    scenes: int = 20_000,
    resume: bool = False,
) -> dict[str, float]:
    """Trains an image generator on small images and leaves it in RUN/model, for ``lstm_models.load``.

    Images become grey squares; each time one is seen, its pixels are drawn anew, white with their brightness as the
    probability. Those it is validated on are drawn once.

    Args:
        data: a folder with MNIST's files, or of pictures, whose kinds are the names of its folders; or a .npy array.
        run: folder of the run: checkpoints, logs, the model.
        model: sizes of the network.
        training: how it is trained; batch_frames are images.
        validation: likewise, to validate on; the last images of the data if missing.
        validation_images: so many of them, at most a tenth.
        kl_warmup: epochs in which the weight of the Gaussians' nats climbs to 1.
        layout: sizes of a network that places a generator's digits as sentences say, "a three above a seven", which is
            trained in place of a generator; it needs no data.
        scenes: sentences of an epoch of it.
        resume: go on from the run's last checkpoint; the other options are given as they were.

    Returns:
        The figures of the best validation: the bound on −log p in nats an image, and the Gaussians' part of it.

    Raises:
        InputError: the data cannot be read or leave nothing to train on; else as ``lstm_apps.training.fitting.fit``.
    """
    if validation_images < 1 or kl_warmup < 0:
        raise InputError("--validation-images must be 1 or more, and --kl-warmup 0 or more", usage=True)
    if layout is not None:
        if data is not None:
            raise InputError("--data goes without --layout: the sentences are made on the fly", usage=True)
        return train_sentences(run, layout, training, scenes, validation_images, resume)
    if data is None:
        raise InputError("images are needed to train on: --data MNIST", usage=True)
    found = read_images(data, model.image_size)
    if validation is None:
        found, held = _split(found, min(validation_images, len(found.labels) // 10), data)
    else:
        held = read_images(validation, model.image_size)
    if not model.labels.strip():
        kinds = sorted(set(found.labels) - {"", "any"})
        if len(kinds) > _MOST_KINDS:
            raise InputError(f"{data} has {len(kinds)} kinds of images; at most {_MOST_KINDS} are learned")
        model = dataclasses.replace(model, labels=" ".join(kinds))
    torch.manual_seed(training.seed)
    generator = ImageGenerator(model)
    generator.train()
    learn = Images(found, model.names, kl_warmup=kl_warmup)
    settings: dict[str, Any] = {
        "task": "image-generation",
        "data": data,
        "validation": validation,
        "kl_warmup": kl_warmup,
    }
    settings |= {"validation_images": validation_images, "model": model, "training": training}
    check = Images(held, model.names, fixed=training.seed)
    figures = fit(generator, learn, check, collate, training, run, resume=resume, settings=settings)
    save_trained(generator, run, _card(len(learn), model, training), figures)
    return figures


def _split(found: LabelledImages, count: int, data: str) -> tuple[LabelledImages, LabelledImages]:
    """The images without the last so many, mixed first; and those."""
    if not count:
        raise InputError(f"{data} has {len(found.labels)} images: at least 10 are needed")
    order = torch.randperm(len(found.labels), generator=torch.Generator().manual_seed(1)).tolist()
    parts = (sorted(order[:-count]), sorted(order[-count:]))
    learn, held = (LabelledImages(found.images[part], [found.labels[at] for at in part]) for part in parts)
    return learn, held


def _card(images: int, config: ImageGeneratorConfig, training: TrainingConfig) -> str:
    return f"""# Image generator

DRAW: LSTMs of {config.encoder_size} and {config.decoder_size} units that draw an image of {config.image_size} ×
{config.image_size} pixels in {config.glimpses} steps through moving windows, trained by `lstm-models train
image-generation` for {training.steps} steps on {images:,} images. The configuration in effect is in the run's
config.json.
"""
