"""Trains a video captioner on what a captioner sees in films.

lstm-models train video-captioning --config base --photos FLICKR8K --sentences msvd-captions.jsonl.xz --run runs/video
lstm-models train video-captioning --config digits --data mnist --run runs/digit-films
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.utils.data import Dataset

from lstm_apps.tasks.video_captioning.train_digit_films import train_digit_films
from lstm_apps.training.config import TrainingConfig
from lstm_apps.training.fitting import fit, is_main_process, save_trained
from lstm_datasets.captioning.readers import CaptionedPhoto, read_captions, split_photos
from lstm_datasets.video_captioning.dataset import FilmData, TextData, supported_sentences
from lstm_datasets.video_captioning.film_features import FilmFeatures, film_features
from lstm_datasets.video_captioning.photo_films import photo_film
from lstm_datasets.video_captioning.readers import CaptionedFilm, read_films, read_sentences, split_films
from lstm_models.checkpoints import hub
from lstm_models.errors import InputError
from lstm_models.io.films import read_film
from lstm_models.tasks.video_captioning.config import VideoCaptionerConfig
from lstm_models.tasks.video_captioning.digit_films import DigitFilmCaptionerConfig
from lstm_models.tasks.video_captioning.model import VideoCaptioner
from lstm_models.tasks.video_captioning.network import collate
from lstm_models.text.vocabulary import count_words

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["train"]

FRAMES = 4  # of a film in training


def train(
    run: str = "runs/video-captioner",
    data: str | list[str] | None = None,
    photos: str | None = None,
    sentences: str | list[str] | None = None,
    model: VideoCaptionerConfig = VideoCaptionerConfig(),  # noqa: B008 - frozen
    training: TrainingConfig = TrainingConfig(),  # noqa: B008 - frozen
    init: str | None = None,
    validation: str = "dev",
    features: str = "runs/film-features",
    films: int = 1200,
    held_films: int = 200,
    min_count: int = 10,
    digits: DigitFilmCaptionerConfig | None = None,
    resume: bool = False,
) -> dict[str, float]:
    """Trains a video captioner and leaves it in RUN/model, ready for ``lstm_models.load``.

    Args:
        run: folder of the run: checkpoints, logs, the model.
        data: films with sentences: MSR-VTT's or MSVD's files, or your own folder with captions.csv; may be repeated.
        photos: photos with captions, as for ``train captioning``, of which films are made: the camera pans and zooms.
        sentences: sentences about clips that are not there, as files of the same kinds; may be repeated.
        model: sizes of the network; those of the captioner are taken from it.
        training: how it is trained; batch_frames are frames of films, a clip without frames counts as two.
        init: a video captioner to go on from, bundled or a folder.
        validation: the split to validate on; every twentieth film where the data name no splits.
        features: folder that keeps what the captioner sees in the films.
        films: photos to make films of, at most,
        held_films: and those to validate on.
        min_count: how often a word of the sentences must come to be learnt.
        digits: sizes of a captioner of moving digits, which is trained in place of the other, from pixels; the data are
            then images of digits, and films those of an epoch.
        resume: go on from the run's last checkpoint; the other options are given as they were.

    Returns:
        The figures of the best validation.

    Raises:
        InputError: the data cannot be read or leave nothing to train on; else as ``lstm_apps.training.fitting.fit``.
    """
    if digits is not None:
        return train_digit_films(run, data, digits, training, films, held_films, resume)
    clips, about = ([given] if isinstance(given, str) else given or [] for given in (data, sentences))
    if not clips and photos is None:
        raise InputError("films are needed to train on: --data FILMS, or --photos PHOTOS to make films of", usage=True)
    if films < 1 or held_films < 1 or min_count < 1:
        raise InputError("films, held_films and min_count must be at least 1", usage=True)
    torch.manual_seed(training.seed)
    texts = [each for path in about for each in read_sentences(path)]
    learn, held = split_films([film for path in clips for film in read_films(path)], validation) if clips else ([], [])
    every = [text for each in (*texts, *(film.captions for film in learn)) for text in each]
    network = _network(model, init, every, min_count).train()
    parts: list[Any] = (
        [_films(films_, network, features, training) for films_ in (learn, held)] if clips else [None, None]
    )
    if photos is not None:
        chosen = split_photos(read_captions(photos), validation)
        for place, (every_photo, count) in enumerate(zip(chosen, (films, held_films), strict=True)):
            made = _photo_films(every_photo[:count], every, network, features, training)
            parts[place] = made if parts[place] is None else _Several([parts[place], made])
    learned: Any = parts[0]
    if texts:
        learned = _Several([learned, TextData(texts, network.vocabulary, seed=training.seed)])
    figures = fit(
        network, learned, parts[1], collate, training, run, resume=resume,
        settings={
            "task": "video-captioning", "data": clips, "photos": photos, "sentences": about,
            "init": init, "validation": validation, "films": films, "held_films": held_films,
            "min_count": min_count, "model": network.config, "training": training,
        },
    )  # fmt: skip
    save_trained(network, run, _card(len(learned), network.config, training), figures)
    return figures


class _Several(Dataset[dict[str, Any]]):
    """Several data sets as one, their lengths and epochs too."""

    def __init__(self, parts: Sequence[Any]) -> None:
        self.parts = parts
        self.places = [(part, index) for part in parts for index in range(len(part))]
        self.lengths = [length for part in parts for length in part.lengths]

    def set_epoch(self, epoch: int) -> None:
        for part in self.parts:
            part.set_epoch(epoch)

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, index: int) -> dict[str, Any]:
        part, inner = self.places[index]
        return part[inner]  # type: ignore[no-any-return]


def _network(config: VideoCaptionerConfig, init: str | None, texts: Sequence[str], min_count: int) -> VideoCaptioner:
    if init is not None:
        found = hub.load_as(VideoCaptioner, init)
        found.config = dataclasses.replace(found.config, dropout=config.dropout, smoothing=config.smoothing)
        return found
    captioner = hub.load(config.captioner)
    if getattr(getattr(captioner, "config", None), "decoder", None) != "top_down":
        raise InputError(f"{config.captioner} is no captioner with a top-down decoder", usage=True)
    words = config.new_words or tuple(
        word for word in count_words(texts, min_count) if word not in captioner.vocabulary.numbers
    )
    sizes = captioner.config
    made = dataclasses.replace(
        config, base_words=len(captioner.vocabulary), place_size=sizes.hidden_size, word_size=sizes.word_size,
        decoder_size=sizes.hidden_size, attention_size=sizes.attention_size, new_words=words,
    )  # fmt: skip
    return VideoCaptioner(made, captioner)


def _photo_films(
    photos: Sequence[CaptionedPhoto],
    texts: Sequence[str],
    network: VideoCaptioner,
    folder: str,
    training: TrainingConfig,
) -> FilmData:
    def frames_of(number: int) -> list[Image]:
        return photo_film(photos[number].image(), FRAMES, np.random.default_rng((training.seed, number)))

    names = [f"{photo.name} {training.seed} {number}" for number, photo in enumerate(photos)]
    found = _features(names, frames_of, network, folder, training)
    captions = [photo.captions for photo in photos]
    return FilmData(found, captions, supported_sentences(captions, texts), network.vocabulary, seed=training.seed)


def _films(films: Sequence[CaptionedFilm], network: VideoCaptioner, folder: str, training: TrainingConfig) -> FilmData:
    def frames_of(number: int) -> list[Any]:
        film = films[number]
        found = read_film(film.file, side=network.captioner.encoder.config.size, start=film.start, end=film.end).pixels
        return [found[place] for place in np.linspace(0, len(found) - 1, FRAMES).round().astype(int)]

    names = [f"{film.file.absolute()} {film.start} {film.end}" for film in films]
    found = _features(names, frames_of, network, folder, training)
    sentences = [film.captions for film in films]
    return FilmData(found, [()] * len(films), sentences, network.vocabulary, seed=training.seed)


def _features(
    names: Sequence[str], frames_of: Any, network: VideoCaptioner, folder: str, training: TrainingConfig
) -> FilmFeatures:
    def progress(numbers: Iterable[int], total: int) -> Iterable[int]:
        from rich.progress import track

        return track(numbers, "features of the films", total=total, disable=not is_main_process())

    return film_features(
        names, frames_of, FRAMES, network.captioner, folder, precision=training.precision, progress=progress
    )


def _card(films: int, config: VideoCaptionerConfig, training: TrainingConfig) -> str:
    return f"""# Video captioner

Describes films scene by scene: an LSTM over their frames, as {config.captioner} sees them, and its decoder adapted to
films, trained by `lstm-models train video-captioning` for {training.steps} steps on {films:,} films and clips. The
configuration in effect is in the run's config.json.
"""
