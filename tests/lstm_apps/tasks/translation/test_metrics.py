import math

import pytest

pytest.importorskip("sacrebleu")

from lstm_apps.tasks.translation.metrics import right_words, translation_scores


def test_bleu_is_that_of_the_paper():
    """Papineni et al. 2002: precisions 4/5, 3/4, 2/3, 1/2 of one to four words, no brevity penalty."""
    scores = translation_scores(["the cat sat on grass"], [["The cat sat on mats"]])
    assert scores["bleu_lowercase"] == pytest.approx(100 * math.prod([4 / 5, 3 / 4, 2 / 3, 1 / 2]) ** 0.25, abs=0.01)
    assert scores["bleu"] < scores["bleu_lowercase"]
    assert "case:lc" in scores["bleu_lowercase_signature"]


def test_any_of_several_references_counts_and_sentences_may_have_unequally_many():
    found = ["a dog runs fast today", "yes it is so here"]
    references = [["ein ganz anderer satz ist das", "a dog runs fast today"], ["yes it is so here"]]
    assert translation_scores(found, references)["bleu"] == 100


def test_right_words_are_counted():
    assert right_words(["A", "dog", "dog", "!"], ["a dog.", "the dog!"]) == [True, True, False, True]
