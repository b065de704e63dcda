"""The n-gram model that the language model is measured beside."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks.tasks import language_modeling
from lstm_models.tasks.language_modeling.config import LanguageModelConfig
from lstm_models.tasks.language_modeling.model import LanguageModel


def test_the_ngram_model_of_pieces_is_a_distribution_over_what_comes_next() -> None:
    model = LanguageModel(LanguageModelConfig(embedding_size=2, hidden_size=2))
    made = language_modeling.ngram(model, ["abab abba", "abc"] * 3)
    for context in ([0], [0, 100], [100, 101, 100]):
        keys = np.array([sum(t * 259 ** (len(context) - i) for i, t in enumerate(context)) + w for w in range(1, 259)])
        found = np.exp(made.log_prob(keys.astype(np.uint64), len(context) + 1))
        assert found.sum() == pytest.approx(1, abs=1e-6)


def test_a_text_it_learnt_is_likelier_and_its_end_counts() -> None:
    model = LanguageModel(LanguageModelConfig(embedding_size=2, hidden_size=2))
    made = language_modeling.ngram(model, ["abab abba", "abc"] * 3)
    known, other = (language_modeling.ngram_log_prob(made, model, [text]) for text in ("abc", "cba"))
    assert known > other
    assert math.isfinite(other)
