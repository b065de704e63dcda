"""Batches: everything once an epoch, never too large, and the same whatever the number of devices."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_datasets.batching import EpochItems, FrameBatchSampler, StepBatchSampler

lengths_and_frames = st.lists(st.integers(1, 60), min_size=1, max_size=80).flatmap(
    lambda lengths: st.tuples(st.just(lengths), st.integers(max(lengths), 400))
)


@given(lengths_and_frames, st.booleans(), st.integers(0, 3))
def test_every_index_once_within_the_bound(pair, shuffle, epoch):
    lengths, frames = pair
    sampler = FrameBatchSampler(lengths, frames, shuffle=shuffle, seed=3)
    sampler.set_epoch(epoch)
    batches = list(sampler)
    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
    assert len(batches) == len(sampler)
    for batch in batches:
        assert len(batch) * max(lengths[index] for index in batch) <= frames


@given(lengths_and_frames, st.integers(2, 4), st.booleans())
def test_devices_share_the_batches_of_one(pair, world, shuffle):
    lengths, frames = pair
    options = {"shuffle": shuffle, "seed": 1}
    whole = list(FrameBatchSampler(lengths, frames, **options))
    shares = [list(FrameBatchSampler(lengths, frames, rank=rank, world=world, **options)) for rank in range(world)]
    assert {len(share) for share in shares} == {len(whole)}
    for number, batch in enumerate(whole):
        parts = [share[number] for share in shares]
        assert all(parts)  # every device has something to do
        together = [parts[place % world][place // world] for place in range(sum(map(len, parts)))]
        assert together[: len(batch)] == batch
        assert len(together) == max(len(batch), world)
        spare = together[len(batch) :]  # what does not count
        assert all(~index in batch for index in spare)
        assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_little_padding():
    lengths = np.random.default_rng(0).integers(5, 500, 2000)
    batches = list(FrameBatchSampler(lengths, 5000, shuffle=True))
    padded = sum(len(batch) * lengths[batch].max() for batch in batches)
    assert padded < 1.12 * lengths.sum()
    assert len(batches) < 1.25 * lengths.sum() / 5000


def test_epochs_and_seeds_differ_and_repeat():
    lengths = np.random.default_rng(0).integers(5, 50, 200)

    def batches(seed: int, epoch: int) -> list[list[int]]:
        sampler = FrameBatchSampler(lengths, 300, shuffle=True, seed=seed)
        sampler.set_epoch(epoch)
        return list(sampler)

    assert batches(0, 0) == batches(0, 0)
    assert batches(0, 0) != batches(0, 1)
    assert batches(0, 0) != batches(1, 0)
    # Not only the order of the batches changes: sequences meet others
    assert {frozenset(batch) for batch in batches(0, 0)} != {frozenset(batch) for batch in batches(0, 1)}
    in_order = FrameBatchSampler(lengths, 300)
    in_order.set_epoch(7)
    assert list(in_order) == list(FrameBatchSampler(lengths, 300))


def test_repeats():
    sampler = FrameBatchSampler([3, 4, 5], 20, shuffle=True, repeats=[1, 5, 0])
    assert Counter(index for batch in sampler for index in batch) == {0: 1, 1: 5}


@pytest.mark.parametrize(
    ("arguments", "options", "said"),
    [
        (([], 10), {}, "no sequence"),
        (([5, 11], 10), {}, "longest sequence has 11 frames, more than a batch of 10"),
        (([5], 10), {"rank": 2, "world": 2}, "rank 2 does not fit 2 devices"),
        (([5], 10), {"repeats": [0]}, "repeated 0 times"),
    ],
)
def test_what_cannot_be_batched(arguments, options, said):
    with pytest.raises(ValueError, match=said):
        FrameBatchSampler(*arguments, **options)


def make(steps: int, start: int = 0, **options) -> StepBatchSampler:
    lengths = np.random.default_rng(0).integers(5, 50, 40)
    return StepBatchSampler(FrameBatchSampler(lengths, 200, shuffle=True, **options), steps, start)


def test_steps_run_through_whole_epochs():
    steps = list(make(30))
    assert len(steps) == 30
    by_epoch: dict[int, list[int]] = {}
    for batch in steps:
        (epoch,) = {epoch for epoch, _ in batch}
        by_epoch.setdefault(epoch, []).extend(index for _, index in batch)
    assert list(by_epoch) == list(range(len(by_epoch)))
    assert len(by_epoch) > 2
    for epoch in range(len(by_epoch) - 1):  # the last may be cut short
        assert sorted(by_epoch[epoch]) == list(range(40))


@pytest.mark.parametrize("start", [1, 7, 8, 9, 20, 29, 30, 50])
def test_start_skips_what_was_seen(start):
    sampler = make(30, start)
    assert list(sampler) == list(make(30))[start:]
    assert list(sampler) == list(make(30))[start:]  # again, from the same place
    assert len(sampler) == 30


def test_start_of_one_device_of_two():
    whole = list(make(30))
    shares = [list(make(30, 11, rank=rank, world=2)) for rank in (0, 1)]
    for batch, first, second in zip(whole[11:], *shares, strict=True):
        assert batch[0::2] == first
        assert batch[1::2] == second


def test_items_get_their_epoch():
    class Items:
        epoch = 0

        def set_epoch(self, epoch: int) -> None:
            self.epoch = epoch

        def __getitem__(self, index: int) -> tuple[int, int]:
            return self.epoch, index

        def __len__(self) -> int:
            return 3

    items = EpochItems(Items())
    assert [items[place] for place in [(0, 2), (4, 1), (0, 1)]] == [((0, 2), True), ((4, 1), True), ((0, 1), True)]
    assert items[5, ~2] == ((5, 2), False)  # another device has it
    assert items[1] == ((0, 1), True)
    assert len(items) == 3
    assert EpochItems([7, 8])[3, 1] == (8, True)
