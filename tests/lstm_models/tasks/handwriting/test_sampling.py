"""Lines that several threads draw from one writer at the same time: the steps are shared, the drawings are not.

Run: python -m pytest tests/lstm_models/tasks/handwriting/test_sampling.py
"""

from __future__ import annotations

import copy
import pickle
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from lstm_models.tasks.handwriting import sampling
from lstm_models.tasks.handwriting.sampling import StepBatcher
from tests.helpers.tiny_writer import make

CALLS = [  # texts, styles, bias
    (["some words"], [1], 1.0),
    (["a", "quite a long line of words"], [2, 3], 1.5),
    (["Words"], [0], 0.0),
    (["more words", "and", "more"], [3, 0, 1], 1.0),
]
PATIENCE = 60.0  # seconds for what takes none


class Counted:
    """The steps of a writer, with the rows of each; the first waits until so many threads want some."""

    def __init__(self, writer, threads: int) -> None:
        # Private: who is in one step shows in no result, which is the same whoever shares it
        self.step, self.threads, self.rows = writer._step, threads, []
        self.batcher = writer._batcher = StepBatcher(self)

    def __call__(self, rows):
        until = time.monotonic() + PATIENCE
        while not self.rows and len(self.batcher._goals) < self.threads and time.monotonic() < until:
            time.sleep(0.01)
        self.rows.append(len(rows.left))
        return self.step(rows)


def drawn(writer, number: int, every: int | None = None):
    trace: list[np.ndarray] = []
    *_, rows = started(writer, number, every, trace)
    return rows, trace


def started(writer, number: int, every: int | None = None, trace: list[np.ndarray] | None = None):
    texts, styles, bias = CALLS[number % len(CALLS)]
    return writer.sample(texts, torch.tensor(styles), bias=bias, seed=number, every=every, tidy=True, trace=trace)


@pytest.mark.parametrize("every", [None, 1, 7])
def test_threads_share_steps_and_draw_what_each_draws_alone(every):
    writer = make()
    alone = [drawn(writer, number) for number in range(8)]
    counted = Counted(writer, 8)
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda number: drawn(writer, number, every), range(8)))
    for (rows, trace), (others, places) in zip(alone, together, strict=True):
        for one, other in zip([*rows, *trace], [*others, *places], strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-3)
    points = sum(max(map(len, trace)) for _, trace in alone)
    assert len(counted.rows) < 0.6 * points
    assert max(counted.rows) == 14  # rows of all eight


def test_one_may_come_while_others_are_under_way():
    writer = make()
    alone = drawn(writer, 1)[0], drawn(writer, 3)[0]
    stream = started(writer, 1, every=5)
    next(stream)
    other = drawn(writer, 3)[0]
    *_, first = stream
    for rows, expected in ((first, alone[0]), (other, alone[1])):
        for one, two in zip(rows, expected, strict=True):
            np.testing.assert_array_equal(one, two)


def test_many_rows_are_drawn_by_themselves(monkeypatch):
    monkeypatch.setattr(sampling, "_MOST", 2)
    writer = make()
    alone = [drawn(writer, number) for number in range(4)]
    counted = Counted(writer, 1)
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda number: drawn(writer, number, 3), range(4)))
    for (rows, _), (others, _) in zip(alone, together, strict=True):
        for one, other in zip(rows, others, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-3)
    assert max(counted.rows) == 3


def test_what_fails_fails_for_all_who_went_along_and_for_no_one_after():
    writer = make()
    expected = drawn(writer, 0)[0]
    counted = Counted(writer, 3)
    step, counted.step = counted.step, lambda rows: 1 / 0

    def failing(number: int) -> str:
        with pytest.raises((ZeroDivisionError, RuntimeError)) as error:
            drawn(writer, number)
        return error.type.__name__

    with ThreadPoolExecutor(3) as pool:  # the first step is of one, the second of both others
        assert sorted(pool.map(failing, range(3))) == ["RuntimeError", "ZeroDivisionError", "ZeroDivisionError"]
    counted.step = step
    np.testing.assert_array_equal(drawn(writer, 0)[0][0], expected[0])


def test_a_writer_can_be_copied_and_pickled():
    writer = make()
    expected = drawn(writer, 1)[0]
    for other in (copy.deepcopy(writer), pickle.loads(pickle.dumps(writer))):
        assert other._batcher is not writer._batcher
        with torch.no_grad():
            writer.head.bias[0] += 1  # of which the other must not know
        np.testing.assert_array_equal(drawn(other, 1)[0][1], expected[1])
        with torch.no_grad():
            writer.head.bias[0] -= 1
