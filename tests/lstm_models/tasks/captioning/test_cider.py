"""CIDEr-D: against pycocoevalcap and against its definition, the end of a caption, and bad input."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
import torch

from lstm_models.tasks.captioning.cider import CiderD

WORDS = 9  # few, so that n-grams of all orders are shared


def corpus(photos: int = 25, seed: int = 0) -> list[list[list[int]]]:
    """Photos with 1 to 5 references of 1 to 12 tokens; a tenth of them empty."""
    random = np.random.default_rng(seed)
    return [
        [
            random.integers(1, WORDS, random.integers(1, 13) if random.random() > 0.1 else 0).tolist()
            for _ in range(random.integers(1, 6))
        ]
        for _ in range(photos)
    ]


def drawn(references: list[list[list[int]]], seed: int) -> list[list[int]]:
    """A candidate a photo: a reference with some tokens redrawn, words no reference has among them."""
    random = np.random.default_rng(seed)
    rows = []
    for of_photo in references:
        row = list(of_photo[random.integers(len(of_photo))])
        rows.append([int(random.integers(1, WORDS + 3)) if random.random() < 0.3 else token for token in row])
    return rows


def plain(candidate: list[int], references: list[list[int]], corpus: list[list[list[int]]]) -> float:
    """The definition, term by term, with tuples."""

    def grams(tokens: list[int], n: int) -> Counter[tuple[int, ...]]:
        return Counter(tuple(tokens[start : start + n]) for start in range(len(tokens) - n + 1))

    total = 0.0
    for n in (1, 2, 3, 4):
        present = [set().union(*(grams(reference, n) for reference in of_photo)) for of_photo in corpus]

        def idf(gram: tuple[int, ...], present: list[set[tuple[int, ...]]] = present) -> float:
            return math.log(len(corpus)) - math.log(max(1, sum(gram in photo for photo in present)))

        own = {gram: count * idf(gram) for gram, count in grams(candidate, n).items()}
        for reference in references:
            theirs = {gram: count * idf(gram) for gram, count in grams(reference, n).items()}
            norms = math.hypot(*own.values()) * math.hypot(*theirs.values())
            common = sum(min(own[gram], theirs[gram]) * theirs[gram] for gram in own.keys() & theirs.keys())
            length = max(0, len(candidate) - 1) - max(0, len(reference) - 1)
            total += (common / norms if norms else 0) * math.exp(-(length**2) / 72) / (4 * len(references))
    return 10 * total


def test_scores_are_those_of_pycocoevalcap():
    cider = pytest.importorskip(
        "pycocoevalcap.cider.cider", reason="pycocoevalcap scores too; it comes with the extra “bench”"
    )
    references = corpus(60)
    scorer = CiderD(references, end=None)

    def text(tokens: list[int]) -> str:
        return " ".join(f"w{token}" for token in tokens)

    for seed in range(5):
        candidates = drawn(references, seed)
        _, expected = cider.Cider().compute_score(
            {index: [text(reference) for reference in of_photo] for index, of_photo in enumerate(references)},
            {index: [text(candidate)] for index, candidate in enumerate(candidates)},
        )
        np.testing.assert_allclose(scorer.score(candidates, range(len(references))), expected, atol=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_scores_are_those_of_the_definition(seed: int):
    references = corpus(20, seed)
    candidates = drawn(references, seed)
    got = CiderD(references, end=None).score(candidates, range(20))
    assert got.max() > 1
    np.testing.assert_allclose(
        got, [plain(row, references[photo], references) for photo, row in enumerate(candidates)], atol=1e-9
    )


def test_a_photos_only_reference_scores_ten():
    references = [[[1, 2, 3, 4, 5]], [[6, 7, 8, 9]], [[1, 9, 9, 9, 2]]]
    np.testing.assert_allclose(CiderD(references).score([[*row[0], 0] for row in references], [0, 1, 2]), 10)


def test_photos_are_named_by_index():
    references = corpus()
    scorer, candidates = CiderD(references, end=None), drawn(references, 1)
    order = [7, 3, 3, 0]
    np.testing.assert_array_equal(
        scorer.score([candidates[index] for index in order], order), scorer.score(candidates, range(25))[order]
    )


def test_the_end_counts_as_a_word():
    references = [[[1, 2, 3, 4, 1, 5]], [[1, 2, 6, 4, 1, 6]], [[7, 8]]]
    counted, plainly = CiderD(references, end=0), CiderD(references, end=None)
    ended = CiderD([[[*reference, 0] for reference in of_photo] for of_photo in references], end=None)
    assert len(counted) == 3
    for row in ([1, 2, 3, 4, 1, 5], [1, 2, 3, 4, 1], []):
        np.testing.assert_allclose(counted.score([row], [0]), ended.score([[*row, 0]], [0]))
        np.testing.assert_array_equal(counted.score([[*row, 0]], [0]), counted.score([row], [0]))
    # Cutting the last word off hardly costs anything, unless the end shows that it is missing
    broken, whole = [1, 2, 3, 4, 1], [1, 2, 3, 4, 1, 5]
    loss = plainly.score([whole, broken], [0, 0])
    loss_ended = counted.score([whole, broken], [0, 0])
    assert loss_ended[1] / loss_ended[0] < loss[1] / loss[0]


def test_what_follows_the_end_is_padding():
    scorer = CiderD(corpus())
    rows = torch.tensor([[1, 2, 3, 0, 0, 0], [1, 2, 3, 0, 7, 5], [1, 2, 3, 4, 5, 6]])
    got = scorer.score(rows, torch.tensor([2, 2, 2]))
    assert got.dtype == np.float64
    assert got[0] == got[1] == scorer.score([[1, 2, 3, 0]], [2])[0]
    assert got[2] == scorer.score([[1, 2, 3, 4, 5, 6]], [2])[0]


def test_a_reference_may_have_its_end_already():
    references = corpus()
    with_end = [[[*reference, 0] for reference in of_photo] for of_photo in references]
    rows = [[*row, 0] for row in drawn(references, 3)]
    np.testing.assert_array_equal(CiderD(references).score(rows, range(25)), CiderD(with_end).score(rows, range(25)))


def test_repeats_are_clipped():
    references = [[[1, 2, 3]], [[4, 5, 6]]]
    once, thrice = CiderD(references, end=None).score([[1, 2, 3], [1, 1, 1]], [0, 0])
    # Unigrams only: min(3, 1) · 1 / (3 · √3), times 10 / 4; the lengths agree
    assert thrice == pytest.approx(10 / 4 / (3 * math.sqrt(3)))
    assert once > 2 * thrice


def test_empty_candidates_score_nothing():
    scorer = CiderD(corpus(), end=None)
    assert scorer.score([[]], [0]).tolist() == [0.0]
    assert scorer.score([], []).shape == (0,)
    assert scorer.score([[WORDS + 5, WORDS + 6]], [0]).tolist() == [0.0]


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="at least one photo"):
        CiderD([])
    with pytest.raises(ValueError, match="at least one reference"):
        CiderD([[[1, 2]], []])
    with pytest.raises(ValueError, match="tokens must be between 0 and"):
        CiderD([[[1, -2]]])
    scorer = CiderD([[[1, 2]], [[3]]])
    with pytest.raises(ValueError, match="tokens must be between 0 and"):
        scorer.score([[1 << 20]], [0])
    with pytest.raises(ValueError, match="zip"):
        scorer.score([[1], [2]], [0])
    for photo in (2, -1):
        with pytest.raises(IndexError, match=f"no photo {photo} among 2"):
            scorer.score([[1]], [photo])
