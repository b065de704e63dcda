import numpy as np
import pytest

from lstm_apps.tasks.punctuation.metrics import best_offsets, binary_scores, mark_scores


def test_scores_by_hand():
    wanted = np.array([0, 1, 2, 0, 3, 1, 0, 2])
    found = np.array([0, 1, 1, 2, 3, 0, 0, 2])
    scores = mark_scores(wanted, found)
    assert scores["comma"] == {"count": 2, "precision": 50.0, "recall": 50.0, "f1": 50.0}
    assert scores["period"] == {"count": 2, "precision": 50.0, "recall": 50.0, "f1": 50.0}
    assert scores["question"] == {"count": 1, "precision": 100.0, "recall": 100.0, "f1": 100.0}
    assert scores["all"] == {"count": 5, "precision": 60.0, "recall": 60.0, "f1": 60.0}  # 3 of 5, 3 of 5


def test_scores_are_scikit_learn_s():
    metrics = pytest.importorskip("sklearn.metrics")
    generator = np.random.default_rng(0)
    wanted, found = generator.integers(0, 4, (2, 500))
    scores = mark_scores(wanted, found)
    for labels, name in (([1], "comma"), ([2], "period"), ([3], "question"), ([1, 2, 3], "all")):
        precision, recall, f1, _ = metrics.precision_recall_fscore_support(
            wanted, found, labels=labels, average="micro", zero_division=0
        )
        assert scores[name]["precision"] == pytest.approx(100 * precision, abs=0.006)
        assert scores[name]["recall"] == pytest.approx(100 * recall, abs=0.006)
        assert scores[name]["f1"] == pytest.approx(100 * f1, abs=0.006)


def test_nothing_wanted_and_nothing_found():
    none = np.zeros(3, dtype=bool)
    assert binary_scores(none, none) == {"count": 0, "precision": 0.0, "recall": 0.0, "f1": 0.0}


def test_offsets_raise_f1_and_are_none_where_nothing_can_be_gained():
    generator = np.random.default_rng(1)
    wanted = generator.choice(4, 3000, p=[0.85, 0.08, 0.06, 0.01])
    logits = generator.normal(size=(3000, 4)) + 2.0 * np.eye(4)[wanted] + np.log([0.85, 0.08, 0.06, 0.01])
    log_probs = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    offsets = best_offsets(log_probs, wanted)
    before = mark_scores(wanted, log_probs.argmax(1))["all"]["f1"]
    after = mark_scores(wanted, (log_probs + np.array([0, *offsets])).argmax(1))["all"]["f1"]
    assert after > before
    assert max(offsets) > 0
    assert best_offsets(np.log(0.97 * np.eye(4)[wanted] + 0.01), wanted) == (0.0, 0.0, 0.0)
