"""A captioner that says what colour a photo has, so that the demo is tested without the weights and in no time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from lstm_models.errors import InputError
from lstm_models.results import Word
from lstm_models.tasks.captioning.results import Caption


class ColourCaptioner:
    """Says "a red picture of <b>"; looks at a corner for the first word, at the next place for the next one."""

    def __init__(self, pause: float = 0.0) -> None:
        self.pause = pause
        self.calls: list[dict[str, Any]] = []

    def stream(self, image: Any, **options: Any) -> Iterator[Caption]:
        self.calls.append(options)
        if "zebra" in options["include"]:
            raise InputError("the model does not know “zebra” <b>at all</b>", usage=True)
        red, green, blue = np.asarray(image, np.float64).mean((0, 1))
        said = ["a", max((red, "red"), (green, "green"), (blue, "blue"))[1], "picture", "of", "<b>"]
        said = [word for word in said if word not in options["exclude"]]
        for count in range(1, len(said) + 1):
            time.sleep(self.pause)
            yield Caption(" ".join(said[:count]), tuple(map(Word, said[:count])), 0.0)
        first = caption(said)
        others = tuple(caption(said[:-number]) for number in range(1, options["n_best"]))
        yield Caption(first.text, first.words, -3.0, others)


def caption(said: list[str]) -> Caption:
    """The words with confidences from 95 % down to 2 %, and with attention that moves on."""
    words = []
    for place, word in enumerate(said):
        attention = np.zeros((3, 3), np.float32)
        attention.flat[place] = 1
        words.append(Word(word, 0.95 if place < 4 else 0.02, attention=attention))
    return Caption(" ".join(said), tuple(words), -4.0)
