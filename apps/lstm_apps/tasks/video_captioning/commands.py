"""Describes films, scene by scene with times, for ``lstm-models caption``.

lstm-models caption film.mp4
lstm-models caption film.mp4 --transcript --format vtt --out film.vtt
lstm-models caption films/ --format srt --out subtitles/
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lstm_apps.cli.batch_files import FoundFiles, check_kept, find, note, standard_input, targets, tracked, warn
from lstm_apps.cli.option import Option
from lstm_models.errors import InputError
from lstm_models.io.atomic_write import check_writable, shown, write_whole

__all__ = ["describe_films", "describe_films_among", "film_paths"]

_EITHER = frozenset({".gif", ".webp", ".png", ".apng"})  # photos or animations


def describe_films_among(
    named: Sequence[str],
    recursive: bool,
    json: bool,
    of_films: Mapping[str, Any],
    of_photos: Sequence[str],
    shared: Mapping[str, Any],
) -> bool:
    """Describes what was named, if that is films; whether it was.

    Args:
        named: files and folders.
        recursive: look into the folders of a folder too.
        json: print JSON.
        of_films: options for films alone; None is what is usual.
        of_photos: options for photos alone that were given; with any of them films are refused.
        shared: options for both, with ``model`` and ``out``.

    Raises:
        InputError: as `film_paths` and `describe_films`, or an option is for photos.
    """
    given = {name: value for name, value in of_films.items() if value is not None and value is not False}
    found = film_paths(named, recursive, bool(given))
    if found is None:
        return False
    if of_photos:
        raise InputError(
            f"{Option(of_photos[0]).shown} is for photos, and {shown(found.sources[0])} is a film", usage=True
        )
    model = shared["model"] if shared["model"] != "captioner" else "video-captioner"
    describe_films(found, **{**shared, **given, "model": model, **({"format": "json"} if json else {})})
    return True


def film_paths(named: Sequence[str], recursive: bool, films_meant: bool) -> FoundFiles | None:
    """The films among what was named; None where photos were.

    Args:
        named: files and folders.
        recursive: look into the folders of a folder too.
        films_meant: whether an option for films was given: then a folder of pictures is the frames of a film.

    Raises:
        InputError: both films and photos were named.
    """
    from lstm_models.io.films import list_films  # numpy: ``--help`` does without it

    if films_meant:
        frames = [path for path in named if os.path.isdir(path) and not _has(list_films, path, recursive, _EITHER)]
        if frames:
            return FoundFiles(list(named), {}, len(named) > 1, os.path.commonpath(list(map(os.path.abspath, named))))
        return find(named, list_films, recursive)
    kinds = {path: _is_film(path, recursive) for path in named}
    if not any(kinds.values()):
        return None
    if not all(kinds.values()):
        film, photo = (next(path for path, kind in kinds.items() if kind is which) for which in (True, False))
        raise InputError(
            f"{shown(film)} is a film and {shown(photo)} is none: films and photos are described by a command each.",
            usage=True,
        )
    return find(named, list_films, recursive)


def _is_film(path: str, recursive: bool) -> bool:
    from lstm_models.io.films import FILM_SUFFIXES, list_films
    from lstm_models.io.images import list_images

    if os.path.isdir(path):
        return _has(list_films, path, recursive, _EITHER) and not _has(list_images, path, recursive, frozenset())
    suffix = Path(path).suffix.lower()
    if suffix in _EITHER:
        with contextlib.suppress(Exception):
            from PIL import Image

            with Image.open(path) as image:
                return int(getattr(image, "n_frames", 1)) > 1
        return False
    return suffix in FILM_SUFFIXES


def _has(listed: Any, folder: str, recursive: bool, without: frozenset[str]) -> bool:
    try:
        return any(path.suffix.lower() not in without for path in listed(folder, recursive=recursive))
    except InputError:
        return False


def describe_films(
    found: FoundFiles,
    *,
    model: str = "video-captioner",
    format: str | None = None,
    out: str | None = None,
    transcript: bool = False,
    **options: Any,
) -> None:
    """Describes films; each is printed, or written to ``out``.

    A film that cannot be read is reported, and the rest goes on; the exit code is then 1.

    Args:
        found: the films; "-" is standard input.
        model: a video captioner, or a captioner of moving digits.
        format: one of `FORMATS` of the results; by the suffix of ``out``, or txt, if None.
        out: a file, or for several films a folder, in which films that already have a file are not described again.
        transcript: whether what is said in the film is written down too, for its WebVTT and JSON.
        options: fields of `VideoCaptionOptions`.
    """
    from lstm_models.checkpoints import hub
    from lstm_models.tasks.video_captioning.decoding import VideoCaptionOptions
    from lstm_models.tasks.video_captioning.digit_films import DigitFilmCaptioner
    from lstm_models.tasks.video_captioning.model import VideoCaptioner
    from lstm_models.tasks.video_captioning.results import FORMATS

    several = found.folders or len(found.sources) + len(found.failures) > 1
    suffix = "" if out is None or several else Path(out).suffix.lower().removeprefix(".")
    format = format or (suffix if suffix in FORMATS else "vtt" if out is not None and several else "txt")
    if format not in FORMATS:
        raise InputError(f"--format is one of {', '.join(FORMATS)}, not {format}", usage=True)
    if transcript and format not in ("vtt", "json"):
        raise InputError("--transcript goes with --format vtt or json, which have room for what is said", usage=True)
    if out is not None and not several:
        if suffix in FORMATS and suffix != format:
            raise InputError(f"--out {shown(out)} and --format {format} name two formats", usage=True)
        check_writable(out)
        check_kept("--out", [out], found.sources)
    if out is not None and several and os.path.isfile(out):
        raise InputError(f"--out {shown(out)} is a file; several films are written into a folder", usage=True)
    wanted = VideoCaptionOptions(**options)
    places = targets(out, found.sources, found.root, FORMATS[format], "--out") if out and several else {}
    captioner: Any = hub.load_as((VideoCaptioner, DigitFilmCaptioner), model)
    failed = dict(found.failures)
    todo = [source for source in found.sources if not os.path.exists(places.get(source, ""))]
    if len(todo) < len(found.sources):
        note(f"{len(found.sources) - len(todo)} films have a description in {shown(out or '')} already.")
    for source in tracked(todo, len(todo), "films", bar=len(todo) > 1 and out is not None):
        try:
            film = captioner.caption(_content(source), options=wanted)
            if transcript:
                film = film.with_speech(_speech(source))
        except InputError as error:
            if not several:
                raise
            failed[source] = str(error)
            warn(str(error))
            continue
        for sentence in film.notes:
            note(sentence)
        made = film.render(format)
        if out is not None:
            write_whole(places.get(source, out), made)
        else:
            print(f"{shown(source)}\n{made}" if several and format != "json" else made, end="", flush=True)
    if failed:
        for path, sentence in found.failures.items():
            warn(f"{shown(path)}: {sentence}")
        raise InputError(f"{len(failed)} of {len(found.sources) + len(found.failures)} could not be described.")


def _content(source: str) -> Any:
    return standard_input("film") if source == "-" else source


def _speech(source: str) -> Sequence[Any]:
    """The lines spoken in a film; none, with a note, where it has no sound."""
    import lstm_models
    from lstm_models.text.subtitles import TimedText

    note(f"{shown(source)}: writing down what is said …")
    try:
        transcript = lstm_models.load("recognizer").transcribe(source, punctuate=lstm_models.load("punctuator"))
    except InputError as error:
        if "no sound" not in str(error):
            raise
        note(str(error))
        return ()
    return [TimedText(cue.text, cue.start / 1000, cue.end / 1000) for cue in transcript.cues()]
