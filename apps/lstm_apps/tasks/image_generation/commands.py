"""Draws digits and what sentences say, and finishes images.

lstm-models generate 7 --out seven.gif --seed 1
lstm-models generate 2026 --out year.svg
lstm-models generate "a three above a seven on the left" --out scene.gif
lstm-models generate --complete half.png --missing bottom --out whole.png
lstm-models generate --complete halves/ --missing bottom --out whole/
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from lstm_apps.cli.batch_files import check_kept, find, note, targets, tracked, warn_of
from lstm_apps.cli.option import check_goes_with
from lstm_models.errors import InputError
from lstm_models.io.atomic_write import one_line, shown

__all__ = ["generate"]

_OUT = "drawing.gif"


def generate(
    what: str | None = None,
    out: str = _OUT,
    seed: int | None = None,
    temperature: float = 1.0,
    complete: str | None = None,
    missing: str = "ink",
    candidates: int = 16,
    rounds: int = 12,
    scale: int = 8,
    format: str = "png",
    json: bool = False,
    model: str = "image-generator",
) -> None:
    """Draws a digit, a number, what a sentence says, or "any", step by step through a moving window; finishes images.

    Args:
        what: a digit, several digits, a sentence such as "a three above a seven on the left", or any; with --complete
            what the image shall become.
        out: where to: a .gif, .webp, .mp4, .webm or .svg shows the drawing as it happens, a .png or .jpg the image, a
            .json all numbers, a .npy the image; - is standard output, as PNG; a folder where a folder is finished.
        seed: the same seed gives the same drawing; a new one each time if missing.
        temperature: below 1 more usual images, above 1 odder ones.
        complete: a damaged or half-drawn picture to finish, or a folder of them; - for standard input.
        missing: which part of it to fill in: top, bottom, left, right, ink (all but the ink and its surroundings), or a
            picture that is white where something is missing.
        candidates: images that are finished at once, of which the likeliest is kept.
        rounds: how often what is missing is drawn anew.
        scale: pixels of a file for one of the image.
        format: of the files, where a folder is finished, such as gif.
        json: print JSON in place of writing a file.
        model: a bundled model, a folder, or the id of one on the Hugging Face hub; sentences have one of their own,
            image-generator-sentences.
    """
    from lstm_models.checkpoints import hub
    from lstm_models.io.atomic_write import check_writable
    from lstm_models.io.save_formats import check_suffix
    from lstm_models.tasks.image_generation.decoding import CompleteOptions
    from lstm_models.tasks.image_generation.model import ImageGenerator
    from lstm_models.tasks.image_generation.results import SUFFIXES
    from lstm_models.tasks.image_generation.sentence_model import SentenceImageGenerator, bundled_for

    several = complete is not None and os.path.isdir(complete)
    if several and not json:
        check_suffix(f"name.{format}", SUFFIXES, "a drawing")
        if out == "-" or os.path.isfile(out) or Path(out).suffix:
            folder = shown(complete or "")
            raise InputError(f"--complete {folder} is a folder: name one for --out, such as --out finished", usage=True)
    elif not json and out != "-":
        check_suffix(out, SUFFIXES, "a drawing")
        check_writable(out)
        check_kept("--out", [out], [complete or "-", missing])
    if not 1 <= scale <= 64:
        raise InputError(f"--scale must be from 1 to 64, not {scale}", usage=True)
    check_goes_with("--complete", complete is not None, generate, missing=missing, candidates=candidates, rounds=rounds)
    check_goes_with("new images, without --complete", complete is None, generate, temperature=temperature)
    check_goes_with("--complete FOLDER", several, generate, format=format)
    check_goes_with("pictures, without --json", not json, generate, scale=scale)
    options = CompleteOptions(candidates, rounds)
    wanted = "any" if what is None else what
    generator: Any
    if complete is None:
        named = bundled_for(wanted) if model == "image-generator" else model
        generator = hub.load_as((ImageGenerator, SentenceImageGenerator), named)
    else:
        generator = hub.load_as(ImageGenerator, model)
    if several:
        given = {"missing": missing, "label": wanted, "seed": seed, "options": options}
        _complete_folder(generator, complete or "", None if json else out, format, scale, given)
        return
    if complete is None:
        found = generator.generate(wanted, seed=seed, temperature=temperature)
    else:
        picture: Any = sys.stdin.buffer.read() if complete == "-" else complete
        name = "standard input" if complete == "-" else None
        found = generator.complete(picture, missing, label=wanted, seed=seed, options=options, name=name)
    for sentence in found.notes:
        note(sentence)
    if json:
        print(found.json(), end="")
        return
    if out == "-":
        _to_stdout(found, scale)
        note(f"standard output (seed {found.seed})")
        return
    found.save(Path(out), scale=scale)
    print(f"{out} (seed {found.seed})")


def _complete_folder(
    generator: Any, folder: str, out: str | None, format: str, scale: int, given: dict[str, Any]
) -> None:
    """Finishes every picture of a folder: into a folder of the same names, or as a line of JSON each.

    Raises:
        InputError: there is no picture, or some could not be finished.
    """
    from lstm_models.io.images import list_images

    found = find([folder], list_images, False)
    places = {} if out is None else targets(out, found.sources, found.root, f".{format}", "--out")
    failed = 0
    for source in tracked(found.sources, len(found.sources), "pictures", bar=len(found.sources) > 1):
        try:
            made = generator.complete(source, **given)
        except InputError as error:
            warn_of(source, error)
            failed += 1
            continue
        for sentence in made.notes:
            note(f"{shown(source)}: {sentence}")
        if out is None:
            print(one_line({"file": source, **made.as_dict()}), flush=True)
        else:
            made.save(places[source], scale=scale)
    if failed:
        raise InputError(f"{failed} of {len(found.sources)} pictures could not be finished.")


def _to_stdout(found: Any, scale: int) -> None:
    sys.stdout.flush()
    found.picture(scale).save(sys.stdout.buffer, "PNG")
    sys.stdout.buffer.flush()
