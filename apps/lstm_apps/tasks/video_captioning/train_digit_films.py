"""Trains a captioner of moving digits on films made on the fly; see ``lstm_apps.tasks.video_captioning.train``."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import torch

from lstm_apps.training.config import TrainingConfig
from lstm_apps.training.fitting import fit, save_trained
from lstm_datasets.image_generation.readers import read_images
from lstm_datasets.video_captioning.digit_films import DigitFilms, vocabulary
from lstm_models.errors import InputError
from lstm_models.tasks.video_captioning.digit_films import DigitFilmCaptioner, DigitFilmCaptionerConfig, collate

__all__ = ["digit_films", "train_digit_films"]

_ALONE = 2  # epochs at first with one digit in each film
_HELD = 0.1  # of the images, the last ones: films to validate on are made of them


def train_digit_films(
    run: str,
    data: str | list[str] | None,
    model: DigitFilmCaptionerConfig,
    training: TrainingConfig,
    films: int,
    held_films: int,
    resume: bool,
) -> dict[str, float]:
    """Trains on films of an epoch and leaves the model in RUN/model; see ``train``.

    Raises:
        InputError: the data are no images of digits.
    """
    paths = [data] if isinstance(data, str) else list(data or [])
    if len(paths) != 1:
        raise InputError("images of digits are needed to train on: --data MNIST", usage=True)
    if films < 1 or held_films < 1:
        raise InputError("films and held_films must be at least 1", usage=True)
    found = read_images(paths[0])
    held = max(1, int(_HELD * len(found.labels)))
    model = dataclasses.replace(model, words=model.words or vocabulary())
    learn = digit_films(found.images[:-held], found.labels[:-held], model, films, training.seed, alone_epochs=_ALONE)
    check = digit_films(found.images[-held:], found.labels[-held:], model, held_films, training.seed + 1, fixed=True)
    torch.manual_seed(training.seed)
    captioner = DigitFilmCaptioner(model).train()
    settings = {"task": "video-captioning", "data": paths, "films": films, "held_films": held_films}
    figures = fit(
        captioner, learn, check, collate, training, run, resume=resume,
        settings={**settings, "digits": model, "training": training},
    )  # fmt: skip
    save_trained(captioner, run, _card(model, training), figures)
    return figures


def digit_films(
    images: np.ndarray,
    labels: list[str],
    model: DigitFilmCaptionerConfig,
    count: int,
    seed: int,
    **options: Any,
) -> DigitFilms:
    """Films of the size and the words of a model."""
    return DigitFilms(
        images,
        labels,
        model.words,
        size=model.size,
        frames=model.frames,
        count=count,
        seed=seed,
        **options,
    )


def _card(model: DigitFilmCaptionerConfig, training: TrainingConfig) -> str:
    return f"""# Captioner of moving digits

Says what moves where in films of {model.frames} frames of {model.size} × {model.size} pixels with one or two digits:
convolutions, an LSTM over the frames and a decoder of {model.decoder_size} units that attends to all places of all
frames, trained by `lstm-models train video-captioning --config digits` for {training.steps} steps of
{training.batch_frames} films. The configuration in effect is in the run's config.json.
"""
