"""Measures a video predictor: squared error and similarity of each forecast frame, and how honest its spread is.

lstm-models evaluate video-prediction --data t10k-images-idx3-ubyte.gz --json figures.json
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from json import dumps
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lstm_apps.evaluation.threads import one_thread
from lstm_apps.tasks.video_prediction.metrics import squared_error, ssim
from lstm_datasets.video_prediction.moving_digits import MovingDigits
from lstm_datasets.video_prediction.readers import FilmPieces, is_digits, read_digits, read_films
from lstm_models.checkpoints import hub
from lstm_models.errors import InputError
from lstm_models.io.atomic_write import check_writable, write_whole
from lstm_models.tasks.video_prediction.model import VideoPredictor

__all__ = ["evaluate"]

_BATCH = 20


def evaluate(
    data: list[str],
    model: str = "video-predictor",
    films: int = 1000,
    steps: int = 10,
    seed: int = 2026,
    objects: int = 2,
    json: str | None = None,
    forecasts: str | None = None,
) -> dict[str, Any]:
    """Measures forecasts of films that were not trained on, and prints the figures.

    Of images in IDX format, films of Moving MNIST are made by seed, the same ones each time; of films, all pieces
    that do not overlap are taken. The squared error is summed over the pixels of a frame, values from 0 to 1,
    and so are the errors of a copy of the last given frame and of black frames, beside it. The spread is honest
    where the squared error it expects is the one that comes.

    Args:
        data: a file of images in IDX format that were not trained on, or films and folders of films.
        model: a bundled model, a folder, or the id of one on the Hugging Face hub.
        films: films of moving digits to make, or pieces of films to take at most.
        steps: frames to forecast.
        seed: of the films.
        objects: digits of a film.
        json: a .json file for the figures.
        forecasts: a .npz file for the first 100 films and their forecasts.

    Returns:
        The figures, as in the file.

    Raises:
        InputError: the model, the data or an option is not what it should be, or a file cannot be written.
    """
    if films < 1 or steps < 1 or objects < 1:
        raise InputError("--films, --steps and --objects must be 1 or more", usage=True)
    for path in (json, forecasts):
        if path is not None:
            check_writable(path)
    predictor = hub.load_as(VideoPredictor, model)
    config, frames = predictor.config, predictor.config.given + steps
    source = _source(data, predictor, films, frames, seed, objects)
    rows: list[dict[str, NDArray[np.float64]]] = []
    kept: list[dict[str, NDArray[np.float32]]] = []
    started = time.process_time()
    spent = 0.0
    with one_thread(), torch.no_grad():
        for batch in _batches(source, min(films, len(source))):
            given, truth = batch[:, : config.given], batch[:, config.given :]
            began = time.process_time()
            made, variance = (each.numpy() for each in predictor.next_frames(torch.from_numpy(given), steps))
            spent += time.process_time() - began
            rows.append(_measured(given, made, variance, truth))
            if forecasts is not None and sum(map(len, (each["given"] for each in kept))) < 100:
                kept.append({"given": given, "truth": truth, "forecast": made, "spread": np.sqrt(variance)})
    columns = {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}
    count = len(columns["mse"])
    figures: dict[str, Any] = {"model": model, "data": data, "films": count, "given": config.given, "steps": steps}
    figures |= {name: round(float(values.mean()), 4) for name, values in columns.items()}
    figures["mse_standard_error"] = round(float(columns["mse"].mean(1).std() / np.sqrt(count)), 2)
    figures["by_step"] = {
        name: [round(float(value), 3) for value in values.mean(0)] for name, values in columns.items()
    }
    figures["films_a_second"] = round(count / max(spent, 1e-9), 2)
    figures["seconds"] = round(time.process_time() - started, 1)
    print(dumps(figures, indent=2, ensure_ascii=False))
    if json is not None:
        about = {**figures, "config": dataclasses.asdict(config)}
        write_whole(json, dumps(about, indent=1, ensure_ascii=False) + "\n")
    if forecasts is not None:
        _save(forecasts, {name: np.concatenate([each[name] for each in kept])[:100] for name in kept[0]})
    return figures


def _source(
    data: list[str], predictor: VideoPredictor, films: int, frames: int, seed: int, objects: int
) -> MovingDigits | FilmPieces:
    size = predictor.config.height, predictor.config.width
    if is_digits(data[0]):
        images: NDArray[np.uint8] = np.concatenate([read_digits(path) for path in data])
        return MovingDigits(images, films, frames=frames, objects=objects, seed=seed, size=size)
    pieces = FilmPieces(read_films(data, *size), frames, every=frames)
    if not len(pieces):
        raise InputError(
            f"no film has {frames} frames: {frames - predictor.config.ahead} to give and the rest to forecast"
        )
    return pieces


def _batches(source: MovingDigits | FilmPieces, count: int) -> Iterator[NDArray[np.float32]]:
    for start in range(0, count, _BATCH):
        items = [source[number] for number in range(start, min(start + _BATCH, count))]
        films = np.stack([item.max(0) if item.ndim == 4 else item for item in items])
        yield films.astype(np.float32) / np.float32(255)


def _measured(
    given: NDArray[np.float32], made: NDArray[np.float32], variance: NDArray[np.float32], truth: NDArray[np.float32]
) -> dict[str, NDArray[np.float64]]:
    """Figures [films, steps] by their names."""
    copied = np.broadcast_to(given[:, -1:], truth.shape)
    return {
        "mse": squared_error(made, truth),
        "mse_expected": variance.sum((-2, -1), dtype=np.float64),
        "mse_copy_last": squared_error(copied, truth),
        "mse_black": squared_error(np.zeros_like(truth), truth),
        "mae": np.abs(made - truth).sum((-2, -1), dtype=np.float64),
        "ssim": ssim(made, truth),
        "ssim_copy_last": ssim(copied, truth),
    }


def _save(path: str, arrays: dict[str, Any]) -> None:
    import io

    made = io.BytesIO()
    np.savez_compressed(made, **arrays)
    write_whole(path, made.getvalue())
