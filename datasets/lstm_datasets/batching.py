"""Batches of sequences of like length, filled by total frames instead of count, the same on any number of devices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from torch.utils.data import Dataset, Sampler

__all__ = ["EpochItems", "FrameBatchSampler", "StepBatchSampler"]


class FrameBatchSampler(Sampler[list[int]]):
    """Indices in batches of at most ``frames`` padded frames (count × longest), of like length.

    A batch is one step of all ``world`` devices together: each takes every world-th of its sequences, so that a run
    on two devices sees the batches that a run on one does. Where a batch has fewer sequences than there are devices
    (the last of a pass may), the devices left over get one that another has, too, as its complement ``~index``: every
    device takes every step, but such a sequence must not count.

    Args:
        lengths: frames of each sequence.
        frames: padded frames of a batch, over all devices.
        shuffle: sequences of like length in another order each epoch, and the batches too.
        seed: of the order.
        repeats: how often each sequence comes in an epoch (rare ones more often); once each if missing.
        ascending: the first epoch goes from short to long sequences, which are easier to begin with (SortaGrad: Amodei
            et al. 2016, arXiv:1512.02595, section 3.3).
        rank: which device this is.
        world: devices.

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
        ascending: bool = False,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        if not len(lengths):
            raise ValueError("there is no sequence to batch")
        if max(lengths) > frames:
            raise ValueError(f"the longest sequence has {max(lengths)} frames, more than a batch of {frames}")
        if not 0 <= rank < world:
            raise ValueError(f"rank {rank} does not fit {world} devices")
        self.lengths = np.asarray(lengths)
        self.indices = np.repeat(np.arange(len(lengths)), 1 if repeats is None else repeats)
        if not len(self.indices):
            raise ValueError("there is no sequence to batch: each is repeated 0 times")
        self.frames, self.shuffle, self.seed, self.rank, self.world = frames, shuffle, seed, rank, world
        self.ascending, self.epoch = ascending, 0

    def set_epoch(self, epoch: int) -> None:
        """Another epoch, another order."""
        self.epoch = epoch

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
        if self.shuffle and not (self.ascending and self.epoch == 0):
            batches = [batches[number] for number in generator.permutation(len(batches))]
        return batches

    def __iter__(self) -> Iterator[list[int]]:
        for batch in self.batches():
            yield batch[self.rank :: self.world].tolist() or [~int(batch[self.rank % len(batch)])]

    def __len__(self) -> int:
        return len(self.batches())


class StepBatchSampler(Sampler[list[tuple[int, int]]]):
    """The batches of epoch after epoch for a run of so many steps; each sequence as (epoch, index), for ``EpochItems``.

    Epochs differ in their number of batches, and a run may stop within one. As the place in the data follows from the
    step alone, a resumed run goes on with the very batch that an uninterrupted one would see next.

    Args:
        batches: of one epoch.
        steps: batches in all.
        start: batches seen before; they are left out, but counted in the length.
    """

    def __init__(self, batches: FrameBatchSampler, steps: int, start: int = 0) -> None:
        self.epoch_batches, self.steps, self.start = batches, steps, start

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        step = epoch = 0
        while step < self.steps:
            self.epoch_batches.set_epoch(epoch)
            for batch in self.epoch_batches:
                if step >= self.start:
                    yield [(epoch, index) for index in batch]
                step += 1
                if step == self.steps:
                    return
            epoch += 1

    def __len__(self) -> int:
        return self.steps


class EpochItems(Dataset[Any]):
    """Items of ``data`` by index or by (epoch, index), each with whether it counts: ``~index`` does not.

    Data that augments gets the epoch by its ``set_epoch``. The epoch comes with the index because data-loading
    processes hold copies of ``data`` that nobody else can tell.
    """

    def __init__(self, data: Dataset[Any]) -> None:
        self.data = data
        self.set_data_epoch = getattr(data, "set_epoch", None)

    def __getitem__(self, place: int | tuple[int, int]) -> tuple[Any, bool]:
        epoch, index = place if isinstance(place, tuple) else (0, place)
        if self.set_data_epoch is not None:
            self.set_data_epoch(epoch)
        return self.data[index if index >= 0 else ~index], index >= 0

    def __len__(self) -> int:
        return len(self.data)  # type: ignore[arg-type]
