"""Trains a video predictor.

lstm-models train video-prediction --config base --data train-images-idx3-ubyte.gz
lstm-models train video-prediction --config films --data FOLDER
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lstm_apps.training.config import TrainingConfig
from lstm_apps.training.fitting import fit, save_trained
from lstm_datasets.video_prediction.moving_digits import MovingDigits
from lstm_datasets.video_prediction.readers import FilmPieces, is_digits, read_digits, read_films
from lstm_models.errors import InputError
from lstm_models.tasks.video_prediction.config import VideoPredictorConfig
from lstm_models.tasks.video_prediction.model import VideoPredictor
from lstm_models.tasks.video_prediction.network import collate

__all__ = ["train"]


def train(
    data: list[str],
    run: str = "runs/video-prediction",
    model: VideoPredictorConfig = VideoPredictorConfig(),  # noqa: B008 - frozen
    training: TrainingConfig = TrainingConfig(),  # noqa: B008 - frozen
    validation: list[str] = [],  # noqa: B006 - never changed
    films: int = 10_000,
    variety: float = 0.0,
    validation_films: int = 200,
    resume: bool = False,
) -> dict[str, float]:
    """Trains a video predictor and leaves it in RUN/model, for ``lstm_models.load``.

    Digits move as in Moving MNIST (Srivastava et al. 2015); their films are made on the fly, others in each pass. Of
    films of one's own, pieces are cut out.

    Args:
        data: a file of images in IDX format (MNIST), or a folder of MNIST's files, for moving digits; else films, or
            folders of films or of frames.
        run: folder of the run: checkpoints, logs, the model.
        model: sizes of the network.
        training: how it is trained; batch_frames are frames of films.
        validation: likewise, to validate on; if missing, the last twelfth of the images, or of the films' pieces.
        films: films of moving digits in a pass over the data.
        variety: fraction of films of moving digits with another number of digits and another speed.
        validation_films: films of moving digits to validate on.
        resume: go on from the run's last checkpoint; the other options are given as they were.

    Returns:
        The figures of the best validation: squared error a frame, summed over its pixels.

    Raises:
        InputError: the data cannot be read or leave nothing to train on; else as ``lstm_apps.training.fitting.fit``.
    """
    if films < 1 or validation_films < 1 or not 0 <= variety <= 1:
        raise InputError("--films and --validation-films must be 1 or more, --variety from 0 to 1", usage=True)
    given, frames = model.given, model.given + model.ahead
    learn: MovingDigits | FilmPieces
    check: MovingDigits | FilmPieces
    if is_digits(data[0]):
        learn, check = _digits(data, validation, model, frames, films, variety, validation_films, training.seed)
    else:
        learn, check = _films(data, validation, model, frames)
    torch.manual_seed(training.seed)
    predictor = VideoPredictor(model)
    predictor.train()
    settings: dict[str, Any] = {"task": "video-prediction", "data": data, "validation": validation}
    settings |= {"films": films, "variety": variety, "model": model, "training": training}
    figures = fit(
        predictor, learn, check, functools.partial(collate, given=given), training, run, resume=resume,
        settings=settings,
    )  # fmt: skip
    save_trained(predictor, run, _card(model, training), figures)
    return figures


def _digits(
    data: list[str],
    validation: list[str],
    model: VideoPredictorConfig,
    frames: int,
    films: int,
    variety: float,
    validation_films: int,
    seed: int,
) -> tuple[MovingDigits, MovingDigits]:
    images: NDArray[np.uint8] = np.concatenate([read_digits(path) for path in data])
    if validation:
        held: NDArray[np.uint8] = np.concatenate([read_digits(path) for path in validation])
    else:
        images, held = images[: -(len(images) // 12)], images[-(len(images) // 12) :]
    if not len(images) or not len(held):
        raise InputError("the data leave no images to train on, or none to validate on")
    size, objects = (model.height, model.width), model.objects or 2
    learn = MovingDigits(images, films, frames=frames, objects=objects, variety=variety, seed=seed, size=size)
    return learn, MovingDigits(held, validation_films, frames=frames, objects=objects, seed=seed + 1, size=size)


def _films(
    data: list[str], validation: list[str], model: VideoPredictorConfig, frames: int
) -> tuple[FilmPieces, FilmPieces]:
    films = read_films(data, model.height, model.width)
    if validation:
        held = read_films(validation, model.height, model.width)
    elif len(films) > 1:
        count = -(-len(films) // 12)
        films, held = films[:-count], films[-count:]
    else:  # the end of the only film
        cut = max(len(films[0]) * 11 // 12, 0)
        cut = min(cut, len(films[0]) - frames)
        films, held = [films[0][: max(cut, 0)]], [films[0][max(cut, 0) :]]
    learn, check = FilmPieces(films, frames), FilmPieces(held, frames, every=max(1, frames // 2))
    if not len(learn) or not len(check):
        raise InputError(
            f"the films leave {len(learn)} pieces of {frames} frames to train on and {len(check)} to validate on: "
            "give more or longer films, or fewer frames by --model.given and --model.ahead"
        )
    return learn, check


def _card(model: VideoPredictorConfig, training: TrainingConfig) -> str:
    kind = f"{model.objects} moving objects" if model.objects else "pixels"
    return f"""# Video predictor

{model.given} frames of {model.width} × {model.height} in, the next {model.ahead} out, as {kind}: {model.layers} layers
of {model.hidden_channels} channels, trained by `lstm-models train video-prediction` for {training.steps} steps. The
configuration in effect is in the run's config.json.
"""
