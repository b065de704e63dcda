"""Tests of passages of long texts, and of what is read of them."""

from __future__ import annotations

import numpy as np
import pytest

from lstm_models.tasks.question_answering.features import tokenize
from lstm_models.tasks.question_answering.passages import passages_of, ranked, sentence_at, sentences_of

SENTENCE = "The old house by the river was sold to a doctor from the north. "


@pytest.mark.parametrize(
    "text",
    [SENTENCE, SENTENCE * 100, "word " * 3000, (SENTENCE * 9 + "\n\n") * 12, "x" * 10_000, "One.\n\nTwo.\n\nThree."],
)
def test_each_token_is_in_one_passage(text):
    tokens = tokenize(text)
    found = passages_of(text, tokens, 7)
    assert [each.first for each in found] == [0, *(each.last for each in found[:-1])]
    assert found[-1].last == len(tokens)
    assert all(0 < each.last - each.first <= 400 and each.document == 7 for each in found)


def test_passages_are_whole_sentences():
    text = SENTENCE * 100
    tokens = tokenize(text)
    assert all(tokens[each.last - 1].text == "." for each in passages_of(text, tokens))


def test_the_passage_with_the_words_comes_first():
    texts = [tokenize(f"Item {number} costs nothing and is blue.") for number in range(30)]
    texts[17] = tokenize("The treaty was signed in Lisbon by the old king.")
    words = [[token.text for token in text] for text in texts]
    assert ranked(["Where", "was", "the", "treaty", "signed", "?"], words, 3)[0] == 17
    assert ranked(["Where"], words[:2], 3) == [0, 1]


def test_rank_is_that_of_tf_idf_by_hand():
    # Two texts with the same rare word, one of them shorter: its cosine is larger
    words = [["pump"] + ["filler"] * 6, ["pump", "filler"], ["filler"]]
    assert ranked(["pump"], words, 2) == [1, 0]


def test_the_sentence_around():
    text = "First one. Dr. Lee came in May! And left."
    start = text.index("Lee")
    first, last = sentence_at(text, start, start + 3)
    assert text[first:last] == "Dr. Lee came in May!"
    assert sentences_of(text) == ["First one.", "Dr. Lee came in May!", "And left."]


def test_many_tokens_are_quick_to_split():
    text = SENTENCE * 8_000  # 0.5 MB; 2 MB go through the command in its tests
    found = passages_of(text, tokenize(text))
    assert np.mean([each.last - each.first for each in found]) > 200
