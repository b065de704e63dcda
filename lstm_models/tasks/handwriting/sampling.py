"""Lines on their way: what a writer draws point by point, for one caller or for several threads that go along together.

A step of the network costs nearly the same for one line as for a few. So the threads that draw from one writer at a
time share its steps (`StepBatcher`): each call (`Sampling`) keeps random numbers and bookkeeping of its own, and joins
and leaves between two steps.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from lstm_models.nn.lstm import LSTMState
from lstm_models.nn.soft_window import SoftWindowState
from lstm_models.tasks.handwriting.mixture_density import PenDistribution, PenNoise

__all__ = ["Rows", "Sampling", "Step", "StepBatcher"]

_MOST = 32  # rows that share steps; more are drawn by themselves, as they would hold up the others

Step = Callable[["Rows"], tuple["Rows", PenDistribution]]


class Rows(NamedTuple):
    """Unfinished lines, one a row: what they say, and where the pen and the network are."""

    text: Tensor
    """Character vectors [rows, characters, feature]."""
    mask: Tensor
    """True where a character is real [rows, characters]."""
    lengths: Tensor
    """Characters, with the end of the text [rows]."""
    style: Tensor
    """Style vectors [rows, feature]."""
    left: Tensor
    """Points until the line is cut off [rows]."""
    moves: Tensor
    """The last moves, the very last first [rows, 3 · moves]."""
    window: SoftWindowState
    upper: LSTMState | None

    def select(self, index: Tensor) -> Rows:
        """The rows ``index`` [new rows]."""
        return Rows(
            self.text[index],
            self.mask[index],
            self.lengths[index],
            self.style[index],
            self.left[index],
            self.moves[index],
            self.window.select(index),
            None if self.upper is None else self.upper.select(index),
        )

    @staticmethod
    def join(parts: Sequence[Rows]) -> Rows:
        """The rows of all parts, one under the other."""
        if len(parts) == 1:
            return parts[0]
        most = max(part.text.size(1) for part in parts)
        short = [most - part.text.size(1) for part in parts]
        pad = nn.functional.pad
        uppers = [part.upper for part in parts if part.upper is not None]
        return Rows(
            torch.cat([pad(part.text, (0, 0, 0, room)) for part, room in zip(parts, short, strict=True)]),
            torch.cat([pad(part.mask, (0, room)) for part, room in zip(parts, short, strict=True)]),
            torch.cat([part.lengths for part in parts]),
            torch.cat([part.style for part in parts]),
            torch.cat([part.left for part in parts]),
            torch.cat([part.moves for part in parts]),
            SoftWindowState.join([part.window for part in parts]),
            LSTMState.join(uppers) if uppers else None,
        )

    def split(self, sizes: Sequence[int], characters: Sequence[int]) -> list[Rows]:
        """Parts of so many rows, with texts of so many characters: what `join` has joined."""
        if len(sizes) == 1:
            return [self]
        places = torch.arange(len(self.left), device=self.left.device).split(list(sizes))
        found = [self.select(each) for each in places]
        return [
            part._replace(text=part.text[:, :most], mask=part.mask[:, :most])
            for part, most in zip(found, characters, strict=True)
        ]


class Sampling:
    """The lines of one call, all drawn at once.

    Args:
        rows: the lines at their beginning.
        bias: probability bias.
        generator: of the random numbers.
        tidy: where the stop head misses the end of a text, leave out what the pen does after it.
        stop: whether there is a stop head.
        traced: remember which character each point writes.

    Attributes:
        rows: the unfinished lines.
        point: points drawn so far.
        failed: whether it cannot go on.
    """

    def __init__(
        self, rows: Rows, bias: float, generator: torch.Generator, *, tidy: bool, stop: bool, traced: bool
    ) -> None:
        self.rows, self.bias, self.stop, self.point, self.failed = rows, bias, stop, 0, False
        self.characters = rows.text.size(1)
        self._generator, self._tidy = generator, tidy and stop
        count = len(rows.left)
        self.numbers = np.arange(count)  # of the unfinished lines
        self._drawn = np.zeros((count, int(rows.left.max()), 3), np.float32)
        self._places = np.zeros(self._drawn.shape[:2], np.float32) if traced else None
        self._counts = np.zeros(count, np.int64)
        self._ends = np.zeros(count, np.int64)  # where a line would have ended well

    @property
    def done(self) -> bool:
        """Whether every line is finished."""
        return not len(self.numbers)

    def offsets(self) -> list[np.ndarray]:
        """What is drawn so far [points, 3] of each line."""
        return [row[:count] for row, count in zip(self._drawn, self._counts, strict=True)]

    def places(self) -> list[np.ndarray]:
        """Which character each of these points writes [points] of each line."""
        assert self._places is not None
        return [row[:count] for row, count in zip(self._places, self._counts, strict=True)]

    def noise(self) -> tuple[Tensor, PenNoise]:
        """The random numbers of the next point: of the lifts [rows], and of the moves."""
        count, device = len(self.numbers), self.rows.moves.device
        uniform = torch.rand(count, generator=self._generator, device=device)
        return uniform, PenNoise.draw(count, self._generator, self.rows.moves)

    def take(self, moves: np.ndarray, places: np.ndarray, lengths: np.ndarray, done: np.ndarray) -> None:
        """The next point of each unfinished line.

        Args:
            moves: [rows, 3].
            places: of the hindmost Gaussian, in characters after the text's last [rows].
            lengths: of the texts [rows].
            done: whether the line ends here [rows].
        """
        index, point = self.numbers, self.point
        self._drawn[index, point] = moves
        self._counts[index] = point + 1
        if self._places is not None:
            self._places[index, point] = places + lengths
        if self._tidy:
            # Measured: the stop head ends lines from −0.7 to 0.3; where it does not, the last lift there would do
            lifted = (places > -0.7) & (places <= 0.3) & (moves[:, 2] > 0)
            passed = (places > 0.3) & (self._ends[index] == 0)
            self._ends[index[lifted | passed]] = point + 1
            missed = index[places > 4]
            self._counts[missed] = self._ends[missed]
            self._drawn[missed, self._ends[missed] - 1, 2] = 1
        if done.any():
            self.numbers = index[~done]
        self.point += 1


class StepBatcher:
    """The steps of a writer, which threads that want some at the same time take together.

    One of them leads: it computes steps for all until it has its own, and the next one leads. What each gets does not
    depend on who goes along, but for the last bits of rounding.

    Args:
        step: of the network.
    """

    def __init__(self, step: Step) -> None:
        self._step = step
        self._changed = threading.Condition()
        self._goals: dict[Sampling, int] = {}  # those who want steps, and up to which point
        self._led = False
        self._large = threading.BoundedSemaphore(os.cpu_count() or 1)

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies, and what is pickled, begin anew."""
        return StepBatcher, (self._step,)

    def advance(self, sampling: Sampling, points: int) -> None:
        """Draw so many points more, or fewer where every line ends before.

        Raises:
            RuntimeError: what was computed together failed; the thread that computed it raises the cause.
        """
        goal = sampling.point + points
        if len(sampling.numbers) > _MOST:
            with self._large:
                batch = _Batch(self._step, [sampling])
                while sampling.point < goal and not sampling.done:
                    batch.step()
                batch.leave()
            return
        with self._changed:
            self._goals[sampling] = goal
            while self._led and sampling in self._goals:
                self._changed.wait()
            if sampling.failed:
                raise RuntimeError("what was drawn together with it failed")
            if sampling not in self._goals:
                return
            self._led = True
        try:
            self._lead(sampling)
        finally:
            with self._changed:
                self._led = False
                self._goals.pop(sampling, None)
                self._changed.notify_all()

    def _lead(self, leader: Sampling) -> None:
        batch: _Batch | None = None
        while leader in self._goals:
            members = self._members(leader)
            if batch is None or members != batch.members:
                if batch is not None:
                    batch.leave()
                batch = _Batch(self._step, members)
            try:
                batch.step()
            except BaseException:
                with self._changed:
                    for each in members:
                        each.failed = True
                        del self._goals[each]
                raise
            reached = [each for each in members if each.done or each.point >= self._goals[each]]
            if reached:
                batch.leave()
                with self._changed:
                    for each in reached:
                        del self._goals[each]
                    self._changed.notify_all()
                batch = None

    def _members(self, leader: Sampling) -> list[Sampling]:
        """The one who leads, and of the others as many as there is room for, who has waited longest first."""
        with self._changed:
            others = [each for each in self._goals if each is not leader]
        members, rows = [leader], len(leader.numbers)
        for each in others:
            if rows + len(each.numbers) <= _MOST:
                members.append(each)
                rows += len(each.numbers)
        return members


class _Batch:
    """Samplings whose rows are one batch for a while; they have their rows back when it is left."""

    def __init__(self, step: Step, members: list[Sampling]) -> None:
        self._step, self.members = step, members
        self._rows = Rows.join([each.rows for each in members])
        self._stop = members[0].stop
        self._spread()

    def _spread(self) -> None:
        """What holds for every row, after their number has changed."""
        self._sizes = [len(each.numbers) for each in self.members]
        self._lengths = self._rows.lengths.cpu().numpy()
        biases = [each.bias for each in self.members]
        self._bias: Tensor | float = biases[0]
        if len(set(biases)) > 1:
            device = self._rows.moves.device
            self._bias = torch.tensor(biases, device=device).repeat_interleave(
                torch.tensor(self._sizes, device=device)
            )[:, None]

    def step(self) -> None:
        """One point of every row."""
        rows, pen = self._step(self._rows)
        uniform, noise = _joined([each.noise() for each in self.members])
        # Lifts and ends are sharpened with the bias, as the moves are
        sharp = 1 + (self._bias[:, 0] if isinstance(self._bias, Tensor) else self._bias)
        lift = torch.sigmoid(pen.lift * sharp) > uniform
        # The hindmost Gaussian follows the pen; those ahead of it look forward, past the end if need be
        place = rows.window.position.amin(1) - rows.lengths
        ended = place > 4
        if self._stop:
            ended |= (pen.stop > 0) & (place > -6)
        left = rows.left - 1
        move = torch.cat([pen.move(self._bias, noise), (lift | ended)[:, None].to(rows.moves.dtype)], 1)
        self._rows = rows._replace(moves=torch.cat([move, rows.moves[:, :-3]], 1), left=left)
        done = ended | (left <= 0)
        values = move.cpu().numpy(), place.cpu().numpy(), self._lengths, done.cpu().numpy()
        start = 0
        for each, size in zip(self.members, self._sizes, strict=True):
            each.take(*(part[start : start + size] for part in values))
            start += size
        if values[-1].any():
            self._rows = self._rows.select(torch.nonzero(~done)[:, 0])
            self._spread()

    def leave(self) -> None:
        """Give the members their rows back."""
        parts = self._rows.split(self._sizes, [each.characters for each in self.members])
        for each, part in zip(self.members, parts, strict=True):
            each.rows = part


def _joined(noises: Sequence[tuple[Tensor, PenNoise]]) -> tuple[Tensor, PenNoise]:
    if len(noises) == 1:
        return noises[0]
    uniforms, pens = zip(*noises, strict=True)
    return torch.cat(uniforms), PenNoise(*map(torch.cat, zip(*pens, strict=True)))
