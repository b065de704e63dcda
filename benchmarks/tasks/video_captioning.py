"""Video captioning: what a film costs, beside a captioner of photos on every frame that is looked at; on one thread.

    python -m benchmarks.tasks.video_captioning --json out.json
    python -m benchmarks.tasks.video_captioning film --quick

``film``: processor milliseconds for films of several lengths, 320 × 240 at ten frames a second, from encoded bytes to
sentences: decoding alone, this model, and the captioner on one frame a second, which gives sentences that nobody joins.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Callable, Sequence
from functools import partial
from statistics import median
from typing import Any

import numpy as np

from benchmarks.common import interleaved, milliseconds, run_tables, table
from lstm_models.checkpoints import hub
from lstm_models.io.films import read_film
from lstm_models.tasks.video_captioning.model import VideoCaptioner

SECONDS = (5, 20, 60)


def made(seconds: int, rate: int = 10) -> bytes:
    """A film of a square over a ground that changes its colour every five seconds."""
    import av

    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("mpeg4", rate=rate)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for number in range(seconds * rate):
            frame = np.empty((240, 320, 3), np.uint8)
            frame[:] = np.random.default_rng(number // (5 * rate)).integers(0, 255, 3)
            left = 3 * number % 260
            frame[90:150, left : left + 60] = 255
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))
    return file.getvalue()


def film(given: argparse.Namespace) -> dict[str, Any]:
    """Decoding, this model, and the captioner once a second."""
    model = hub.load_as(VideoCaptioner, given.model)
    captioner: Any = model.captioner
    found: dict[str, Any] = {}
    for seconds in SECONDS[:1] if given.quick else SECONDS:
        content = made(seconds)
        runs: dict[str, Callable[[], object]] = {
            "decoding": partial(read_film, content, side=260, every=0.2),
            "lstm-models": partial(model.caption, content),
            "a caption a second": partial(_every_second, captioner, content),
        }
        times = interleaved(runs, 1 if given.quick else 3)
        found[f"{seconds} s"] = {name: median(each) for name, each in times.items()}
    names = list(next(iter(found.values())))
    rows = [[length, *(milliseconds(each[name]) for name in names)] for length, each in found.items()]
    print(table(["film", *(f"{name}, ms" for name in names)], rows))
    return found


def _every_second(captioner: Any, content: bytes) -> Sequence[str]:
    return [one.text for one in captioner.caption(list(read_film(content, side=260, every=1.0).pixels))]


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    """Prints the table; see the module."""
    options = {"model": {"default": "video-captioner", "help": "a bundled model or a folder"}}
    return run_tables(__doc__ or "", {"film": film}, arguments, options)


if __name__ == "__main__":
    main()
