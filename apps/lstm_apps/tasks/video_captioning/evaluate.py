"""Measures a video captioner beside a captioner of photos on the middle frame of each film.

lstm-models evaluate video-captioning --photos FLICKR8K --json video.json
lstm-models evaluate video-captioning --data FILMS
lstm-models evaluate video-captioning --data mnist --model runs/digit-films/model --limit 2000
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from json import dumps
from typing import Any

import numpy as np

from lstm_apps.evaluation.threads import one_thread
from lstm_apps.tasks.captioning.metrics import caption_scores
from lstm_apps.tasks.video_captioning.evaluate_digit_films import evaluate_digit_films
from lstm_apps.tasks.video_captioning.metrics import agreement
from lstm_datasets.captioning.readers import read_captions
from lstm_datasets.video_captioning.photo_films import photo_film
from lstm_datasets.video_captioning.readers import read_films
from lstm_models.checkpoints import hub
from lstm_models.errors import InputError
from lstm_models.io.atomic_write import check_writable, write_whole
from lstm_models.io.films import FilmFrame, read_film
from lstm_models.tasks.video_captioning.decoding import VideoCaptionOptions
from lstm_models.tasks.video_captioning.digit_films import DigitFilmCaptioner
from lstm_models.tasks.video_captioning.features import evenly
from lstm_models.tasks.video_captioning.model import VideoCaptioner

__all__ = ["evaluate"]

SYSTEMS = ("captioner, middle frame", "this model, style photo", "this model, style film")
SHOWN = ("BLEU-4", "ROUGE-L", "METEOR", "CIDEr")
Film = tuple[str, Sequence[str], Callable[[], np.ndarray]]
HALVES = 10  # of so many films, the halves of one are described too


def evaluate(
    data: str | None = None,
    photos: str | None = None,
    model: str = "video-captioner",
    split: str = "dev",
    limit: int = 100,
    frames: int = 8,
    seed: int = 7,
    meteor: bool = False,
    json: str | None = None,
) -> dict[str, Any]:
    """Measures a video captioner on films with references, prints a table and returns the figures.

    Beside it stands the captioner that it is built on, on the middle frame of each film. BLEU, ROUGE-L and CIDEr are
    those of pycocoevalcap, in per cent. Agreement is the fraction of words that the descriptions of a film's two halves
    have in common, over every tenth film. Seconds are those of the clock, on one thread, from decoded frames to the
    sentence. A captioner of moving digits is measured by the sentences that are right in every word.

    Args:
        data: films with sentences, as for training; for a captioner of moving digits images of digits.
        photos: or photos with captions, of which films are made as for training, by another seed.
        model: a bundled model, a folder, or the id of one on the Hugging Face hub.
        split: the part of the data to measure on; all of it where the data names no splits.
        limit: measure on so many films, of photos the last ones, since training validates on the first.
        frames: of each film made of a photo.
        seed: of the films made of photos.
        meteor: whether METEOR is wanted, where Java is installed.
        json: a .json file for the figures and every description.

    Returns:
        The figures, by system.

    Raises:
        InputError: the model, the data or an option is not what it should be, or a file cannot be written.
        ModuleNotFoundError: the scorer (the extra ``bench``) is not installed.
    """
    if limit < 1 or not 2 <= frames <= 64:
        raise InputError("limit must be 1 or more, frames from 2 to 64", usage=True)
    captioner: Any = hub.load_as((VideoCaptioner, DigitFilmCaptioner), model)
    if isinstance(captioner, DigitFilmCaptioner):
        return evaluate_digit_films(captioner, data, limit, seed, json)
    if (data is None) == (photos is None):
        raise InputError(
            "films are needed to measure on: --data FILMS, or --photos PHOTOS to make films of", usage=True
        )
    import pycocoevalcap.bleu.bleu  # noqa: F401 - missing, it should be so now and not at the end

    if json is not None:
        check_writable(json)
    films = list(_of_photos(photos, split, limit, frames, seed) if photos is not None else _films(data, split, limit))
    figures, captions = _measured(captioner, films, meteor)
    _print(figures, len(films))
    if json is not None:
        rows = [
            {"film": film, "references": list(texts), **{system: captions[system][film] for system in SYSTEMS}}
            for film, texts, _ in films
        ]
        write_whole(json, dumps({"figures": figures, "films": rows}, indent=1, ensure_ascii=False) + "\n")
    return figures


def _measured(
    captioner: VideoCaptioner, films: Sequence[Film], meteor: bool
) -> tuple[dict[str, Any], dict[str, dict[str, str]]]:
    """The figures by system, and what each said of each film."""
    references = {name: list(texts) for name, texts, _ in films}
    captions: dict[str, dict[str, str]] = {name: {} for name in SYSTEMS}
    halves: dict[str, list[list[str]]] = {name: [] for name in SYSTEMS}
    seconds: dict[str, float] = dict.fromkeys(SYSTEMS, 0.0)
    with one_thread():
        for number, (name, _, load) in enumerate(films):
            film = load()
            for system, text, took in _described(captioner, film):
                captions[system][name] = text
                seconds[system] += took / len(films)
            if number % HALVES == 0:
                for system, *texts in zip(
                    SYSTEMS, *(_texts(captioner, half) for half in np.array_split(film, 2)), strict=True
                ):
                    halves[system].append(texts)
    figures = {
        system: {
            **caption_scores(captions[system], references, use_meteor=meteor),
            "agreement": 100 * agreement(halves[system]), "seconds": seconds[system],
        }
        for system in SYSTEMS
    }  # fmt: skip
    return figures, captions


def _described(captioner: VideoCaptioner, film: np.ndarray) -> Iterator[tuple[str, str, float]]:
    """What each system says of all of a film as one scene, and the seconds that it takes from decoded frames."""
    photo, *others = SYSTEMS
    options = (VideoCaptionOptions(style="photo", max_words=20), VideoCaptionOptions())
    begun = time.perf_counter()
    of_photos: Any = captioner.captioner
    yield photo, str(of_photos.caption(film[len(film) // 2]).text), time.perf_counter() - begun
    frames = evenly([FilmFrame(number / 5, pixels) for number, pixels in enumerate(film)], options[0].frames)
    begun = time.perf_counter()
    features = captioner.captioner.frame_features([frame.pixels for frame in frames])
    looked = time.perf_counter() - begun
    for system, each in zip(others, options, strict=True):
        begun = time.perf_counter()
        scene = captioner.describe(frames, 0.0, len(film) / 5, each, features)
        yield system, scene.caption, looked + time.perf_counter() - begun


def _texts(captioner: VideoCaptioner, film: np.ndarray) -> list[str]:
    return [text for _, text, _ in _described(captioner, film)]


def _of_photos(path: str, split: str, limit: int, frames: int, seed: int) -> Iterator[Film]:
    """A film of each photo: its name, its references, and what gives its frames [frames, height, width, 3]."""
    for number, photo in enumerate(read_captions(path, split)[-limit:]):

        def load(photo: Any = photo, number: int = number) -> np.ndarray:
            made = photo_film(photo.image(), frames, np.random.default_rng((seed, number)))
            size = made[0].size
            return np.stack([np.asarray(frame.resize(size)) for frame in made])

        yield photo.name, photo.captions, load


def _films(path: str | None, split: str, limit: int) -> Iterator[Film]:
    films = read_films(path or "")
    if any(film.split for film in films):
        films = [film for film in films if film.split == split]
    if not films:
        raise InputError(f"{path} has no film of the split {split}", usage=True)
    for film in films[:limit]:

        def load(film: Any = film) -> np.ndarray:
            return read_film(film.file, side=260, every=0.2, start=film.start, end=film.end).pixels

        yield film.name, film.captions, load


def _print(figures: dict[str, Any], films: int) -> None:
    columns = [name for name in (*SHOWN, "agreement") if any(name in row for row in figures.values())]
    print(f"{films} films".ljust(26) + "".join(name.rjust(11) for name in columns) + "  s a film")
    for system, row in figures.items():
        cells = "".join(f"{row[name]:11.1f}" if name in row else " " * 11 for name in columns)
        print(f"{system:26}{cells}{row['seconds']:10.2f}")
