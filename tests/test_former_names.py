"""Former names of modules still lead to what they held, for programs that import from them."""

from __future__ import annotations

import importlib

import pytest


@pytest.mark.parametrize(
    ("former", "module", "names"),
    [
        ("lstm_datasets.captions", "lstm_datasets.captioning.readers", ["CaptionedPhoto", "read_captions"]),
        ("lstm_datasets.speech", "lstm_datasets.speech.readers", ["Recording", "read_speech", "split_recordings"]),
        ("lstm_datasets.strokes", "lstm_datasets.handwriting.readers", ["HandwritingLine", "read_lines"]),
        ("lstm_models.ink_lines", "lstm_models.ink.line_grouping", ["lines_of"]),
        ("lstm_models.media", "lstm_models.io.images", ["IMAGE_SUFFIXES", "open_image"]),
        ("lstm_models.media", "lstm_models.io.audio", ["Audio", "open_audio"]),
    ],
)
def test_a_former_name(former: str, module: str, names: list[str]) -> None:
    for name in names:
        assert getattr(importlib.import_module(former), name) is getattr(importlib.import_module(module), name)
        assert name in dir(importlib.import_module(former))
