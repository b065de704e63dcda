"""Deadlines: each long loop of the package ends in the middle when its time is over, and leaves nothing held.

Run: python -m pytest tests/lstm_models/test_deadlines.py
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from lstm_models import deadlines
from lstm_models.decoding.beam_search import BeamOptions, beam_search
from lstm_models.decoding.ctc_alignment import align_labels
from lstm_models.decoding.ctc_search import CTCSearch, ctc_beam_search
from lstm_models.decoding.options import SearchOptions
from lstm_models.io.audio import open_audio
from lstm_models.io.images import open_image
from lstm_models.tasks.handwriting.config import WriterConfig
from lstm_models.tasks.handwriting.model import HandwritingWriter
from lstm_models.tasks.handwriting_reader.config import HandwritingReaderConfig
from lstm_models.tasks.handwriting_reader.model import HandwritingReader

OUTPUTS = np.log(np.full((40, 4), 0.25, np.float32))
INK = [np.array([[0.0, 0], [10, 20], [20, 0]]), np.array([[30.0, 0], [40, 20], [50, 0]])]


def search() -> None:
    CTCSearch("ab ", SearchOptions(beam=4)).push(OUTPUTS)


def beam() -> None:
    class State:
        def select(self, index: torch.Tensor) -> State:
            return self

    def step(tokens: torch.Tensor, state: State) -> tuple[torch.Tensor, State]:
        return torch.full((len(tokens), 5), 0.2).log(), state

    beam_search(step, State(), 1, start=1, end=2, options=BeamOptions(beam=2, max_length=5))


def writer() -> HandwritingWriter:
    torch.manual_seed(0)
    return HandwritingWriter(WriterConfig(alphabet=" ab", hidden_size=8, text_size=4, components=2, mixtures=2))


def reader() -> HandwritingReader:
    return HandwritingReader(HandwritingReaderConfig(alphabet=" ab", hidden_size=8, layers=1))


WORK: dict[str, Callable[[], Any]] = {
    "a search for words": search,
    "a search for whole texts": lambda: ctc_beam_search(OUTPUTS, "ab ", SearchOptions(beam=4)),
    "an alignment": lambda: align_labels(OUTPUTS, [1, 2, 1]),
    "a beam search": beam,
    "a recording": lambda: open_audio(np.zeros(32_000, np.float32)).__enter__().samples(),
    "a large picture": lambda: open_image(Image.new("L", (3000, 3000))),
    "a drawing": lambda: writer().write("ab", seed=1),
    "reading": lambda: reader().read(INK),
    "re-reading": lambda: reader().verdicts([INK], ["ab"]),
}


@pytest.mark.parametrize("name", WORK)
def test_work_ends_when_its_time_is_over(name: str) -> None:
    WORK[name]()  # without a deadline it comes to its end
    with deadlines.within(1000):
        WORK[name]()
    with deadlines.within(-1), pytest.raises(deadlines.DeadlineExceeded):
        WORK[name]()


def test_a_writer_that_was_stopped_writes_on_for_others() -> None:
    one = writer()
    with deadlines.within(-1), pytest.raises(deadlines.DeadlineExceeded):
        one.write("ab", seed=1)
    again, fresh = one.write("ab", seed=1), writer().write("ab", seed=1)
    assert all(np.array_equal(a, b) for a, b in zip(again.strokes, fresh.strokes, strict=True))


def test_a_deadline_is_its_threads_own_and_ends_with_its_context() -> None:
    found = []
    with deadlines.within(-1):
        thread = threading.Thread(target=lambda: found.append(deadlines.passed()))
        thread.start()
        thread.join()
        with deadlines.within(1000):
            assert not deadlines.passed()
        assert deadlines.passed()
    assert found == [False]
    assert not deadlines.passed()


def test_all_work_with_a_deadline_can_be_ended() -> None:
    code = """
from lstm_models import deadlines
deadlines.stop_all()
assert not deadlines.passed()          # work without a deadline goes on
with deadlines.within(1000):
    assert deadlines.passed()
"""
    subprocess.run([sys.executable, "-c", code], check=True)
