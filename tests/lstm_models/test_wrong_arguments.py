"""What the bundled models say to arguments of another kind: a sentence, whatever the argument."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import lstm_models
from lstm_models.errors import InputError

INK = [np.array([[0.0, 0.0], [5.0, 5.0], [9.0, 1.0]])]
CALLS: list[tuple[str, str, tuple[Any, ...], tuple[str, ...]]] = [
    ("language-model", "score", ("A cat.",), ("candidates", "unlikely", "device")),
    ("language-model", "complete", ("A",), ("n_best", "words", "beam", "device")),
    ("language-model", "sample", ("A",), ("words", "temperature", "seed", "top_p", "device")),
    ("punctuator", "punctuate", ("how are you",), ("options", "device")),
    ("tagger", "tag", ("Ann lives in Rome.",), ("device",)),
    ("translator-en-de", "translate", ("Hello.",), ("options", "device")),
    ("question-answerer", "answer", ("Who came?", "Ann came."), ("options", "device")),
    ("reader", "read", (INK,), ("options", "beam")),
    ("writer", "write", ("a",), ("options", "legibility", "seed")),
    ("recognizer", "transcribe", (np.zeros(1600, np.float32),), ("options", "beam", "hotwords", "device")),
    ("recognizer", "stream", (), ("options", "beam", "hotwords")),
    ("image-generator", "generate", ("7",), ("seed", "temperature")),
    ("image-generator-sentences", "generate", ("a two",), ("what", "seed", "temperature")),
]
WRONG = ({"a": 1}, object(), -0.5, b"x")


@pytest.mark.parametrize(("model", "verb", "arguments", "names"), CALLS, ids=[f"{one[0]}-{one[1]}" for one in CALLS])
def test_a_wrong_argument_ends_in_a_sentence(
    model: str, verb: str, arguments: tuple[Any, ...], names: tuple[str, ...]
) -> None:
    call = getattr(lstm_models.load(model), verb)
    for name in names:
        given = arguments[1:] if name == "what" else arguments
        for value in WRONG:
            with pytest.raises(InputError) as caught:
                call(*given, **{name: value})
            assert "\n" not in str(caught.value)
