"""Options that a command shares with Python have the same names and defaults as the dataclass that Python takes."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
from typing import Any

import pytest

from lstm_apps.cli import registry


def _named(path: str) -> Any:
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)


@pytest.mark.parametrize(
    ("verb", "options", "shared"),
    [
        (
            "caption",
            "lstm_models.tasks.captioning.decoding:CaptionOptions",
            "beam n_best min_words max_words length_penalty groups diversity include exclude no_repeat objects",
        ),
        (
            "write",
            "lstm_models.ink.page:PageOptions",
            "margins line_height x_height align indent paragraph_spacing breaks paper drift",
        ),
        ("write", "lstm_models.tasks.handwriting.decoding:WriteOptions", "style legibility seed"),
        ("read", "lstm_models.tasks.handwriting_reader.decoding:ReadOptions", "alternatives lm beam"),
        ("transcribe", "lstm_models.tasks.speech.decoding:TranscribeOptions", "lm beam"),
    ],
)
def test_a_command_has_the_defaults_of_python(verb: str, options: str, shared: str) -> None:
    parameters = inspect.signature(registry.verbs()[verb].resolve()).parameters
    cls = _named(options)
    fields, empty = {field.name: getattr(cls(), field.name) for field in dataclasses.fields(cls)}, ((), None)
    for name in shared.split():
        default = parameters[name].default
        default = True if name == "lm" and default == "on" else default
        if name == "margins":  # a text on the command line
            default = cls(margins=default).margins
        assert default == fields[name] or (default in empty and fields[name] in empty), name
