import zlib

import pytest

from lstm_models.text.word_vocabulary import UNKNOWN, WordVocabulary, ending_ids, normalize_word


def test_a_word_is_looked_up_without_its_case_digits_and_typographic_apostrophe():
    assert normalize_word("Don’t") == "don't"
    assert normalize_word("1,995") == "0,000"
    vocabulary = WordVocabulary("the don't 0000")
    assert vocabulary.ids(["THE", "Don’t", "2012", "cat"]) == [2, 3, 4, UNKNOWN]
    assert len(vocabulary) == 5
    assert "Don’t" in vocabulary
    assert "cat" not in vocabulary


def test_count_takes_the_most_frequent_after_those_that_come_first():
    words = ["b", "B", "b", "a", "a", "c"]
    assert WordVocabulary.count(words, 2) == "b a"
    assert WordVocabulary.count(words, 10) == "b a"  # c comes once
    assert WordVocabulary.count(words, 10, min_count=1, first=["z", "a"]) == "z a b c"
    assert WordVocabulary.count(["x\u00a0y", "x\u00a0y", "z", "z"], 9) == "z"  # a blank would part it


def test_a_word_twice_is_refused():
    with pytest.raises(ValueError, match="twice"):
        WordVocabulary("a b a")


def test_endings_are_those_of_crc32():
    assert ending_ids(["Walking", "sing"], 64) == [zlib.crc32(b"ing") % 64] * 2
    assert ending_ids(["a"], 64) == [zlib.crc32(b"a") % 64]


def test_text_in_another_language_is_doubted():
    vocabulary = WordVocabulary("the cat sat on mat")
    assert vocabulary.doubts(["the", "cat", "sat", "on", "the", "mat"]) == ()
    assert vocabulary.doubts(["der", "hund"]) == ()  # too few to say
    assert "4 of 5 words are unknown" in vocabulary.doubts(["der", "Hund", "sat", "im", "Garten"])[0]
