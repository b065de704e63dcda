"""Damaged files of every kind that is opened: each is read, or refused with an InputError; nothing else comes out.

In an ordinary run thirty files of each kind, always the same. The workflow fuzz.yml gives each kind minutes, with other
files every night:

    FUZZ_SECONDS=600 python -m pytest tests/fuzz --timeout 3600
"""

from __future__ import annotations

import io
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from lstm_datasets.tables import table_rows
from lstm_models.errors import InputError
from lstm_models.ink.stroke_files import open_strokes
from lstm_models.io.audio import open_audio
from lstm_models.io.images import open_image

SECONDS = float(os.environ.get("FUZZ_SECONDS", "0"))
LONGEST = 60.0  # seconds of sound that are taken in: a header may promise hours

SVG = '<svg><g transform="scale(2)"><path d="M0 0c1 2 3 4 5 6l1-1z"/><polyline points="0,0 4,4"/></g></svg>'
INKML = '<ink xmlns="http://www.w3.org/2003/InkML"><trace>1 2, 3 4, 5 6</trace></ink>'


def picture(kind: str, mode: str = "RGB") -> bytes:
    file = io.BytesIO()
    Image.linear_gradient("L").resize((24, 16)).convert(mode).save(file, kind)
    return file.getvalue()


def sound(kind: str) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, np.sin(np.arange(3200) / 9.0) / 2, 16_000, format=kind)
    return file.getvalue()


SEEDS = {
    "pictures": [picture("PNG"), picture("JPEG"), picture("GIF", "P"), picture("WEBP"), picture("TIFF", "F"),
                 picture("BMP"), picture("PPM")],
    "recordings": [sound("WAV"), sound("FLAC"), sound("OGG"), sound("AIFF")],
    "strokes": [SVG.encode(), INKML.encode(), json.dumps({"strokes": [[[0, 0], [1, 2]], [[3, 4], [5, 6]]]}).encode()],
    "tables": [b"path,text\na.wav,one\nb.wav,\"two, three\"\n", b"path;text\na.wav;one\n", b"path\ttext\na.wav\tone\n",
               b'{"path": "a.wav", "text": "one"}\n{"path": "b.wav", "text": "two"}\n'],
}  # fmt: skip
SUFFIXES = (".csv", ".tsv", ".jsonl", ".txt")


@st.composite
def damaged(draw: st.DrawFn, seeds: list[bytes]) -> bytes:
    """A whole file in which some bytes are others, missing, double or those of another file."""
    content = bytearray(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(1, 8))):
        start = draw(st.integers(0, len(content)))
        stop = min(len(content), start + draw(st.integers(0, 12)))
        kind = draw(st.sampled_from(("replace", "cut", "repeat", "graft")))
        if kind == "cut":
            del content[start:stop]
        elif kind == "repeat":
            content[start:stop] = content[start:stop] * draw(st.integers(2, 40))
        elif kind == "graft":
            other = draw(st.sampled_from(seeds))
            content[start:stop] = other[start : start + 64]
        else:
            content[start:stop] = draw(st.binary(max_size=12))
    return bytes(content)


def hear(content: bytes) -> None:
    with open_audio(content) as audio:
        for _ in audio:
            if audio.read > LONGEST:
                break


def look_up(content: bytes, folder: Path, suffix: str) -> None:
    path = folder / f"table{suffix}"
    path.write_bytes(content)
    list(table_rows(path, "path and text"))


OPENERS: dict[str, Callable[[bytes], Any]] = {"pictures": open_image, "recordings": hear, "strokes": open_strokes}


def fuzz(strategy: st.SearchStrategy[Any], opened: Callable[[Any], Any]) -> None:
    """Open what the strategy draws: thirty of it, or new ones until the time is over."""

    @settings(
        max_examples=200 if SECONDS else 30, derandomize=not SECONDS, deadline=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(strategy)
    def run(content: Any) -> None:
        message = "it was read"
        try:
            opened(content)
        except InputError as error:
            message = str(error)
        assert message
        assert "Traceback" not in message

    end = time.monotonic() + SECONDS
    run()
    while time.monotonic() < end:
        run()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", OPENERS)
def test_damaged_files(kind: str) -> None:
    fuzz(damaged(SEEDS[kind]), OPENERS[kind])


def test_damaged_tables(tmp_path: Path) -> None:
    fuzz(
        st.tuples(damaged(SEEDS["tables"]), st.sampled_from(SUFFIXES)),
        lambda drawn: look_up(drawn[0], tmp_path, drawn[1]),
    )
