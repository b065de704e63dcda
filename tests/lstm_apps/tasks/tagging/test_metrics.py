import pytest

pytest.importorskip("seqeval")

from lstm_apps.tasks.tagging.metrics import name_scores, pos_scores


def test_names_are_right_where_both_ends_and_the_kind_are():
    """The example of CoNLL-2003's shared task page: exact matches count, overlaps do not."""
    wanted = [["B-PER", "I-PER", "O", "B-LOC"], ["B-ORG", "O", "O", "O"]]
    found = [["B-PER", "I-PER", "O", "B-ORG"], ["B-ORG", "I-ORG", "O", "B-LOC"]]
    scores = name_scores(wanted, found)
    assert scores["entities"] == 3
    assert scores["precision"] == 25.0  # 1 of 4
    assert scores["recall"] == pytest.approx(33.33)  # 1 of 3
    assert scores["f1"] == pytest.approx(28.57)  # 2 / (4 + 3)
    assert scores["by_kind"]["PER"]["f1"] == 100.0
    assert scores["by_kind"]["LOC"]["f1"] == 0.0


def test_parts_of_speech():
    scores = pos_scores([["NOUN", "VERB"], ["NOUN"]], [["NOUN", "NOUN"], ["NOUN"]])
    assert scores == {"words": 3, "accuracy": 66.67, "recall_by_tag": {"NOUN": 100.0, "VERB": 0.0}}
