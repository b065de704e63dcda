import itertools

import numpy as np
import pytest
import torch

from lstm_datasets.language_modeling.dataset import TokenStreams
from lstm_models.text.word_pieces import END

TEXTS = [np.array([10 * number + place for place in range(1, 5)], np.int32) for number in range(1, 8)]


def streams_of(data):
    """The lines of tokens that the items make up, one for each stream."""
    parts = [data[index]["tokens"] for index in range(len(data))]
    for before, after in itertools.pairwise(parts):
        assert torch.equal(before[:, -1], after[:, 0])
    return torch.cat([parts[0], *(part[:, 1:] for part in parts[1:])], 1)


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_streams_are_the_texts_one_after_the_other(shuffle, count):
    data = TokenStreams(TEXTS, count, 5, shuffle=shuffle)
    rows = streams_of(data)
    for before, after in itertools.pairwise(rows):
        assert before[-1] == after[0]
    line = [*rows[0].tolist(), *(number for row in rows[1:] for number in row[1:].tolist())]
    assert line[0] == END
    assert len(line) == 1 + 7 * 5 // count * count
    found = " ".join(map(str, line)).split(f" {END} ")
    known = {" ".join(map(str, text)) for text in TEXTS}
    assert {text.removeprefix(f"{END} ").removesuffix(f" {END}") for text in found[: 6 if count > 1 else 7]} <= known
    assert [data[index]["first"] for index in range(len(data))] == [True] + [False] * (len(data) - 1)


def test_epochs_differ_in_order_and_edges_and_come_again():
    texts = TEXTS * 20
    data = TokenStreams(texts, 2, 30, shuffle=True, seed=3)
    first = [data[index]["tokens"] for index in range(len(data))]
    data.set_epoch(1)
    second = [data[index]["tokens"] for index in range(len(data))]
    assert {item.size(1) for item in first} != {31}
    assert [item.size(1) for item in first] != [item.size(1) for item in second]
    data.set_epoch(0)
    assert all(torch.equal(data[index]["tokens"], item) for index, item in enumerate(first))
    assert data.lengths == [60] * len(first)


def test_without_shuffling_stretches_are_alike():
    data = TokenStreams(TEXTS * 20, 2, 30)
    assert {data[index]["tokens"].size(1) for index in range(len(data))} <= {30, 31, 32}
    data.set_epoch(1)
    assert int(data[0]["tokens"][0, 1]) == 11


def test_too_little_is_refused():
    with pytest.raises(ValueError, match="not enough for 40 streams"):
        TokenStreams(TEXTS, 40, 5)
