"""Forecasts how a film goes on.

lstm-models predict-video digits.gif --steps 10 --out forecast.gif
lstm-models predict-video film.mp4 --every 0.1 --out forecast.mp4
lstm-models predict-video frames/ film.mp4 --out forecasts/ --format mp4
cat digits.gif | lstm-models predict-video - --json
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lstm_apps.cli.batch_files import check_kept, named_paths, note, standard_input, tracked, warn
from lstm_models.errors import InputError
from lstm_models.io.atomic_write import check_writable, one_line

if TYPE_CHECKING:
    from lstm_models.tasks.video_prediction.results import Forecast

__all__ = ["predict_video"]


def predict_video(
    paths: str | list[str] | None = None,
    steps: int = 10,
    out: str | None = None,
    json: bool = False,
    every: float = 0.0,
    end: float | None = None,
    rate: float | None = None,
    format: str = "gif",
    model: str = "video-predictor",
) -> None:
    """Forecasts the next frames of films, and how sure each pixel is.

    The last frames of a film are read, as many as the model was trained on (10), in grey, scaled to its size. The
    result is an animation: the given frames with a grey edge, the forecast with an orange one, and beside it
    how unsure each pixel is, from black to white; or the numbers themselves. The bundled model knows up to two
    bright shapes that move on black; of other films a note says so. A film that cannot be read is reported, and
    the rest is done; the exit code is then 1.

    Args:
        paths: films (.mp4, .gif, .webp, …), folders of frames, .npy arrays [time, height, width], or - for standard
            input.
        steps: frames to forecast, from 1 to 1000.
        out: a file, .gif, .webp, .mp4, .webm, .png (a strip), .npy, .npz or .json; for several films a folder.
        json: print JSON, a line a film: frames, spread and paths.
        every: seconds from one frame to the next at least. All frames are read if 0.
        end: seconds of the film after which nothing is read: the forecast begins there.
        rate: frames a second of the animation, from 0.1 to 50; those of the film if missing.
        format: of the files in a folder: gif, webp, mp4, webm, png, npy, npz or json.
        model: a bundled model, a folder, or the id of one on the Hugging Face hub.
    """
    named = named_paths(paths, "PATHS is missing: give films, folders of frames, or - for standard input")
    from lstm_models.checkpoints import hub
    from lstm_models.io.save_formats import check_suffix
    from lstm_models.tasks.video_prediction.model import VideoPredictor
    from lstm_models.tasks.video_prediction.results import SAVE_SUFFIXES

    if rate is not None and not 0.1 <= rate <= 50:
        raise InputError(f"--rate must be from 0.1 to 50 frames a second, not {rate:g}", usage=True)
    if every < 0:
        raise InputError(f"--every must be 0 or more seconds, not {every:g}", usage=True)
    check_suffix(f"forecast.{format}", SAVE_SUFFIXES, "a forecast")
    if out is not None and len(named) == 1 and not Path(out).is_dir():
        check_suffix(out, SAVE_SUFFIXES, "a forecast")
        check_writable(out)
    places = {} if out is None else {path: _target(out, path, named, format) for path in named}
    check_kept("--out", places.values(), named)
    predictor = hub.load_as(VideoPredictor, model)
    failed = 0
    for path in tracked(named, len(named), "films", len(named) > 1):
        source: Any = standard_input("film") if path == "-" else path
        try:
            found = predictor.forecast(source, steps, every=every, end=end)
        except InputError as error:
            error = InputError(str(error).replace("The film", "standard input", 1)) if path == "-" else error
            if len(named) == 1:
                raise
            warn(str(error))
            failed += 1
            continue
        for sentence in found.notes:
            note(f"{path}: {sentence}")
        if out is not None:
            found.save(places[path], rate=rate)
        if json:
            print(one_line({"file": path, **found.as_dict()}), flush=True)
        elif out is None:
            print(_summary(path, found), flush=True)
    if failed:
        raise InputError(f"{failed} of {len(named)} films could not be read.")


def _target(out: str, path: str, named: list[str], format: str) -> Path:
    """The file of a film's forecast."""
    if len(named) == 1 and not Path(out).is_dir():
        return Path(out)
    folder = Path(out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"the folder {folder} cannot be made: {error.strerror}") from None
    stem = "standard-input" if path == "-" else Path(path).stem or "film"
    if sum(Path(other).stem == stem for other in named) > 1:
        stem = f"{stem}-{named.index(path) + 1}"
    return folder / f"{stem}.{format}"


def _summary(path: str, found: Forecast) -> str:
    """A few lines about a forecast that goes into no file."""
    unsure = (found.spread**2).sum((1, 2))
    lines = [
        f"{path}: {len(found.given)} frames given, {len(found.frames)} forecast; expected squared error a frame "
        f"{unsure[0]:.0f} at first, {unsure[-1]:.0f} at last. --out forecast.gif shows them."
    ]
    for number, places in enumerate(found.paths, 1):
        if found.layers[number - 1].max() > 0.1:
            (top, left), (bottom, right) = places[0], places[-1]
            lines.append(f"  object {number}: from row {top:.0f}, column {left:.0f} to {bottom:.0f}, {right:.0f}")
    return "\n".join(lines)
