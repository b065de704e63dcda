"""Lines as a reader is trained on them: as they are, and varied."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lstm_datasets.handwriting.readers import HandwritingLine
from lstm_datasets.handwriting_reader.dataset import InkAugmentation, ReaderLines
from lstm_models.tasks.handwriting_reader.config import HandwritingReaderConfig
from lstm_models.tasks.handwriting_reader.model import HandwritingReader
from tests.helpers import tiny_handwriting

LINES = [HandwritingLine(tuple(line["strokes"]), line["text"]) for line in tiny_handwriting.lines(6)]
STILL = InkAugmentation(slant=0, width=0, size=0, rotation=0, spacing=0, noise=0, wobble=0, ends=0)


@pytest.fixture(scope="module")
def reader() -> HandwritingReader:
    return HandwritingReader(
        HandwritingReaderConfig(" " + tiny_handwriting.LETTERS, hidden_size=4, layers=1, channels=2)
    )


def strokes(reader: HandwritingReader, number: int = 0) -> list[np.ndarray]:
    return reader.config.features.normalize(LINES[number].strokes)


def test_lines_as_they_are_have_the_readers_own_features(reader: HandwritingReader) -> None:
    for augmentation in (None, STILL):
        data = ReaderLines(LINES, reader, augmentation)
        assert len(data) == 6
        for item, line, length in zip((data[i] for i in range(6)), LINES, data.lengths, strict=True):
            wanted = reader.config.features.encode(line.strokes)
            assert np.allclose(item["features"], wanted, atol=1e-4)
            assert len(wanted) == length
            assert "".join(reader.config.alphabet[label - 1] for label in item["text"]) == line.text


def test_epochs_differ_and_repeat_themselves(reader: HandwritingReader) -> None:
    data = ReaderLines(LINES, reader, InkAugmentation(begin=1), seed=4)
    plain = data[2]["features"]
    assert torch.equal(plain, ReaderLines(LINES, reader)[2]["features"])
    data.set_epoch(1)
    first = data[2]["features"]
    data.set_epoch(2)
    second = data[2]["features"]
    data.set_epoch(1)
    assert torch.equal(first, data[2]["features"])
    assert first.shape != second.shape or not torch.equal(first, second)
    assert 0.5 < len(first) / len(plain) < 2


def test_each_variation_does_what_it_says(reader: HandwritingReader) -> None:
    plain = strokes(reader)
    points = np.concatenate(plain)

    def varied(**options: float) -> np.ndarray:
        only = InkAugmentation(**{**vars(STILL), **options})
        found = only.varied(plain, np.random.default_rng(3))
        assert [len(stroke) for stroke in found] == [len(stroke) for stroke in plain] or only.ends
        return np.concatenate(found)

    slanted = varied(slant=0.5)
    assert np.allclose(slanted[:, 1], points[:, 1])
    slope = np.polyfit(points[:, 1], slanted[:, 0] - points[:, 0], 1)[0]
    assert 0.01 < abs(slope) <= 0.5
    wide = varied(width=0.3)
    assert np.allclose(wide[:, 1], points[:, 1])
    assert 0.7 <= np.ptp(wide[:, 0]) / np.ptp(points[:, 0]) <= 1 / 0.7
    large = varied(size=0.2)
    assert np.allclose(large, points * (large[0, 0] / points[0, 0]), atol=1e-5)
    turned = varied(rotation=5)
    assert np.allclose(np.hypot(*turned.T), np.hypot(*points.T), atol=1e-4)
    assert not np.allclose(turned, points, atol=1e-3)
    noisy = varied(noise=0.1) - points
    assert 0 < noisy.std() <= 0.11
    moved = np.split(varied(wobble=0.2) - points, np.cumsum([len(stroke) for stroke in plain])[:-1])
    assert all(np.allclose(part, part[0], atol=1e-5) for part in moved)
    cut = varied(ends=1.0)
    assert 0.5 * len(points) < len(cut) < len(points)


@pytest.mark.parametrize("option", ["slant", "width", "size", "rotation", "spacing", "noise", "wobble", "ends"])
def test_amounts_that_cannot_be(option: str) -> None:
    with pytest.raises(ValueError, match=f"augmentation: {option} must be"):
        InkAugmentation(**{option: -0.1})
