"""Draws digits, and finishes images.

lstm-models generate 7 --out seven.gif --seed 1
lstm-models generate 2026 --out year.svg
lstm-models generate --complete half.png --missing bottom --out whole.png
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from lstm_apps.cli.batch_files import note
from lstm_models.errors import InputError

__all__ = ["generate"]


def generate(
    what: str | None = None,
    out: str = "drawing.gif",
    seed: int | None = None,
    temperature: float = 1.0,
    complete: str | None = None,
    missing: str = "ink",
    candidates: int = 16,
    rounds: int = 12,
    scale: int = 8,
    json: bool = False,
    model: str = "image-generator",
) -> None:
    """Draws a digit, a number or "any" step by step through a moving window, or finishes an image.

    Args:
        what: a digit, several digits, or any; with --complete what the image shall become.
        out: where to: a .gif, .webp or .svg shows the drawing as it happens, a .png or .jpg the image, a .json all
            numbers, a .npy the image; - is standard output, as PNG.
        seed: the same seed gives the same drawing; a new one each time if missing.
        temperature: below 1 more usual images, above 1 odder ones.
        complete: a damaged or half-drawn picture to finish; - for standard input.
        missing: which part of it to fill in: top, bottom, left, right, ink (all but the ink and its surroundings), or a
            picture that is white where something is missing.
        candidates: images that are finished at once, of which the likeliest is kept.
        rounds: how often what is missing is drawn anew.
        scale: pixels of a file for one of the image.
        json: print JSON in place of writing a file.
        model: a bundled model, a folder, or the id of one on the Hugging Face hub.
    """
    from lstm_models.checkpoints import hub
    from lstm_models.io.atomic_write import check_writable
    from lstm_models.io.save_formats import check_suffix
    from lstm_models.tasks.image_generation.decoding import CompleteOptions
    from lstm_models.tasks.image_generation.model import ImageGenerator
    from lstm_models.tasks.image_generation.results import SUFFIXES

    stdout = out == "-"
    if not json and not stdout:
        check_suffix(out, SUFFIXES, "a drawing")
        check_writable(out)
    if not 1 <= scale <= 64:
        raise InputError(f"--scale must be from 1 to 64, not {scale}", usage=True)
    if complete is None and missing != "ink":
        raise InputError("--missing goes with --complete", usage=True)
    options = CompleteOptions(candidates, rounds)
    generator = hub.load_as(ImageGenerator, model)
    wanted = "any" if what is None else what
    if complete is None:
        found = generator.generate(wanted, seed=seed, temperature=temperature)
    else:
        picture: Any = sys.stdin.buffer.read() if complete == "-" else complete
        name = "standard input" if complete == "-" else None
        found = generator.complete(picture, missing, label=wanted, seed=seed, options=options, name=name)
    for sentence in found.notes:
        note(f"{sentence}.")
    if json:
        print(found.json(), end="")
        return
    if stdout:
        _to_stdout(found, scale)
        note(f"standard output (seed {found.seed})")
        return
    found.save(Path(out), scale=scale)
    print(f"{out} (seed {found.seed})")


def _to_stdout(found: Any, scale: int) -> None:
    sys.stdout.flush()
    found.picture(scale).save(sys.stdout.buffer, "PNG")
    sys.stdout.buffer.flush()
