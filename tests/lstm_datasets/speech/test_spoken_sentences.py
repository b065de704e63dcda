"""Sentences of written texts, as they are spoken."""

from __future__ import annotations

from lstm_datasets.speech.spoken_sentences import spoken_sentences


def test_sentences_end_at_marks_and_paragraphs_and_not_at_titles() -> None:
    text = "“Where is Dr. Lee?” she asked. He left at 5\n\nNobody knew; nobody cared!"
    assert list(spoken_sentences([text, "The end."])) == [
        "where is doctor lee she asked",
        "he left at five",
        "nobody knew nobody cared",
        "the end",
    ]


def test_words_that_a_tokeniser_took_apart_are_whole_again() -> None:
    assert list(spoken_sentences(["It is n't Emma ' s , they 'll say ."])) == ["it isn't emma's they'll say"]
