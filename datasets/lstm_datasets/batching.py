"""Batches of sequences of like length, filled by total frames rather than by count, the same on any number of devices."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from torch.utils.data import Sampler

__all__ = ["FrameBatchSampler"]


class FrameBatchSampler(Sampler[list[int]]):
    """Indices in batches of at most ``frames`` padded frames (count × longest), of like length.

    A batch is one step of all ``world`` devices together: each takes every world-th of its sequences, so that a run
    on two devices sees the batches that a run on one does.

    Args:
        lengths: frames of each sequence.
        frames: padded frames of a batch, over all devices.
        shuffle: sequences of like length in another order each epoch, and the batches too.
        seed: of the order.
        repeats: how often each sequence comes in an epoch (rare ones more often); once each if missing.
        rank: which device this is.
        world: devices.
        follow: told each new epoch (a data set that augments).

    Raises:
        ValueError: there is no sequence, a sequence is longer than a batch, or the rank does not fit.
    """

    def __init__(
        self,
        lengths: Sequence[int],
        frames: int,
        *,
        shuffle: bool = False,
        seed: int = 0,
        repeats: Sequence[int] | None = None,
        rank: int = 0,
        world: int = 1,
        follow: Callable[[int], None] | None = None,
    ) -> None:
        if not len(lengths):
            raise ValueError("there is no sequence to batch")
        if max(lengths) > frames:
            raise ValueError(f"the longest sequence has {max(lengths)} frames, more than a batch of {frames}")
        if not 0 <= rank < world:
            raise ValueError(f"rank {rank} does not fit {world} devices")
        self.lengths = np.asarray(lengths)
        self.indices = np.repeat(np.arange(len(lengths)), 1 if repeats is None else repeats)
        self.frames, self.shuffle, self.seed, self.rank, self.world = frames, shuffle, seed, rank, world
        self.epoch, self.follow = 0, follow
        self.start = 0  # batches of the next pass that were seen before a restart
        # Lightning sets the epoch of a batch sampler's sampler
        self.sampler = self

    def set_epoch(self, epoch: int) -> None:
        """Another epoch, another order."""
        self.epoch = epoch
        if self.follow is not None:
            self.follow(epoch)

    def batches(self) -> list[np.ndarray]:
        """The batches of this epoch, over all devices."""
        generator = np.random.default_rng((self.seed, self.epoch))
        lengths = self.lengths[self.indices].astype(np.float64)
        if self.shuffle:
            # Lengths blurred by a tenth: neighbours change from epoch to epoch, padding stays small
            lengths *= generator.uniform(0.95, 1.05, len(lengths))
        batches, start, longest = [], 0, 0
        order = self.indices[np.argsort(lengths, kind="stable")]
        for place, index in enumerate(order):
            longest = max(longest, int(self.lengths[index]))
            if longest * (place + 1 - start) > self.frames:
                batches.append(order[start:place])
                start, longest = place, int(self.lengths[index])
        batches.append(order[start:])
        # Every device needs a sequence in every step
        batches = [np.resize(batch, max(len(batch), self.world)) for batch in batches]
        if self.shuffle:
            batches = [batches[number] for number in generator.permutation(len(batches))]
        return batches

    def __iter__(self) -> Iterator[list[int]]:
        start, self.start = self.start, 0
        for batch in self.batches()[start:]:
            yield batch[self.rank :: self.world].tolist()

    def __len__(self) -> int:
        return len(self.batches())
