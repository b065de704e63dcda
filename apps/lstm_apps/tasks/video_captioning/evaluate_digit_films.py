"""Measures a captioner of moving digits: how many sentences are right in every word."""

from __future__ import annotations

import re
import time
from json import dumps
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lstm_apps.evaluation.threads import one_thread
from lstm_apps.tasks.video_captioning.train_digit_films import digit_films
from lstm_datasets.image_generation.readers import read_images
from lstm_datasets.video_captioning.digit_films import MOTIONS, NUMBERS
from lstm_models.errors import InputError
from lstm_models.io.atomic_write import check_writable, write_whole
from lstm_models.tasks.video_captioning.digit_films import DigitFilmCaptioner

__all__ = ["evaluate_digit_films", "sentence_parts"]

_BATCH = 50
_PART = re.compile(rf"the digit ({'|'.join(NUMBERS)}) ({'|'.join(sorted(MOTIONS.values(), key=len, reverse=True))})")


def sentence_parts(sentence: str) -> list[tuple[str, str]]:
    """Each digit of a sentence with its motion.

    >>> sentence_parts("the digit three moves to the right and up and the digit one stands still")
    [('three', 'moves to the right and up'), ('one', 'stands still')]
    """
    return _PART.findall(sentence)


def evaluate_digit_films(
    model: DigitFilmCaptioner, data: str | None, films: int, seed: int, json: str | None
) -> dict[str, Any]:
    """Figures of films made by seed of images that were not trained on.

    Args:
        model: a captioner of moving digits.
        data: images of digits, as for training; of a folder with MNIST's files the test images.
        films: how many.
        seed: of the films.
        json: a .json file for the figures and the sentences that are wrong.

    Returns:
        In per cent of the films the ``exact`` sentences, also of those with one digit and with two; of all digits those
        that are named right and whose motion is, in their places in the sentence.

    Raises:
        InputError: there are no such images, or the file cannot be written.
    """
    if data is None:
        raise InputError("images of digits are needed to measure on: --data MNIST", usage=True)
    if json is not None:
        check_writable(json)
    found = read_images(Path(data), part="t10k")
    made = digit_films(found.images, found.labels, model.config, films, seed, fixed=True)
    rows: list[dict[str, str]] = []
    spent = 0.0
    with one_thread():
        for start in range(0, films, _BATCH):
            each = [made.film(index) for index in range(start, min(start + _BATCH, films))]
            given = torch.from_numpy(np.stack([film for film, _ in each])).float() / 255
            began = time.process_time()
            numbers, _, _ = model.sentences(given)
            spent += time.process_time() - began
            texts = [" ".join(model.vocabulary.decode(row)) for row in numbers]
            rows += [{"film": wanted, "found": text} for (_, wanted), text in zip(each, texts, strict=True)]
    figures = {"films": films, **_counted(rows), "films_a_second": round(films / max(spent, 1e-9), 1)}
    print(
        "{films:,} films: {exact:.1f} % of the sentences are right in every word (with one digit {exact_of_1:.1f}, "
        "with two {exact_of_2:.1f}); of the digits {digits:.1f} %, of the motions {motions:.1f} %; "
        "{films_a_second:.0f} films a second of processor time".format(**figures)
    )
    if json is not None:
        wrong = [row for row in rows if row["film"] != row["found"]]
        write_whole(json, dumps({"figures": figures, "wrong": wrong}, indent=1, ensure_ascii=False) + "\n")
    return figures


def _counted(rows: list[dict[str, str]]) -> dict[str, float]:
    digits, motions = [], []
    exact: dict[int, list[bool]] = {1: [], 2: []}
    for row in rows:
        wanted, said = sentence_parts(row["film"]), sentence_parts(row["found"])
        exact[len(wanted)].append(row["film"] == row["found"])
        for place, (digit, motion) in enumerate(wanted):
            there = said[place] if place < len(said) else ("", "")
            digits.append(there[0] == digit)
            motions.append(there[1] == motion)
    every = [*exact[1], *exact[2]]
    means = {"exact": every, "exact_of_1": exact[1], "exact_of_2": exact[2], "digits": digits, "motions": motions}
    return {name: 100 * float(np.mean(values)) if values else 0.0 for name, values in means.items()}
