"""Recordings to train on and to validate on: by the names of their splits, by speaker, or every twentieth."""

from __future__ import annotations

from pathlib import Path

import pytest

from lstm_datasets.speech.readers import Recording, split_recordings
from lstm_models.errors import InputError


def some(count: int, speakers: int = 0, split: str = "", source: str = "s") -> list[Recording]:
    return [
        Recording(
            f"{source}{split}{n}",
            "hi",
            f"p{n % speakers}" if speakers else "",
            1.0,
            source,
            "",
            None,
            "",
            split,
            Path("x"),
        )
        for n in range(count)
    ]


def test_split_by_name() -> None:
    every = some(5, split="train") + some(3, split="dev") + some(2, split="test") + some(4, source="mine")
    train, held = split_recordings(every)
    assert ({recording.split for recording in train}, len(train)) == ({"train", ""}, 9)
    assert {recording.split for recording in held} == {"dev"}
    assert split_recordings(every, "validation") == (train, held)
    train, held = split_recordings(every, "test")
    assert ({recording.split for recording in held}, len(train)) == ({"test"}, 12)
    with pytest.raises(InputError, match=r"5 to train on and 0 to validate on.*in the data: train"):
        split_recordings(some(5, split="train"))


@pytest.mark.parametrize(("count", "speakers"), [(200, 40), (200, 5), (12, 6), (1000, 7)])
def test_without_splits_speakers_are_held_back(count: int, speakers: int) -> None:
    every = some(count, speakers)
    train, held = split_recordings(every)
    assert not {recording.voice for recording in train} & {recording.voice for recording in held}
    assert len(train) + len(held) == count
    assert count / 20 <= len(held) <= count / 5
    assert split_recordings(every) == (train, held)


@pytest.mark.parametrize("speakers", [0, 1, 2])
def test_without_speakers_every_twentieth_is_held(speakers: int) -> None:
    train, held = split_recordings(some(40, speakers))
    assert [recording.key for recording in held] == ["s0", "s20"]
    assert len(train) == 38
    with pytest.raises(InputError, match="leave 0 to train on"):
        split_recordings(some(1, speakers))
