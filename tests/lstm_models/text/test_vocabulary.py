"""Words to numbers and back."""

from __future__ import annotations

import pytest

from lstm_models.errors import InputError
from lstm_models.text.vocabulary import END, UNKNOWN, Vocabulary, count_words, join_words, split_words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("A man's dog doesn't bark!", ["a", "man", "'s", "dog", "does", "n't", "bark"]),
        ("Two  T-shirts , 3.5 m & a “ball” .", ["two", "t-shirts", "3.5", "m", "a", "ball"]),
        ("the dogs' owner", ["the", "dogs", "owner"]),
        ("Café – naïve, 狗", ["café", "naïve", "狗"]),
        ("they’re here", ["they", "'re", "here"]),
        (" ... ", []),
        ("", []),
    ],
)
def test_words(text: str, words: list[str]) -> None:
    assert split_words(text) == words


def test_join() -> None:
    assert join_words(["a", "man", "'s", "dog", "does", "n't", "bark"]) == "A man's dog doesn't bark"
    assert join_words([]) == ""


def test_split_and_join_agree() -> None:
    sentence = "They're on the dog's side and won't move"
    assert split_words(join_words(split_words(sentence))) == split_words(sentence)


def test_count_orders_by_frequency_then_alphabet() -> None:
    assert count_words(["b a b", "c a b"], 1) == ("b", "a", "c")
    assert count_words(["b a b", "c a b"], 2) == ("b", "a")
    assert count_words(["b a b", "c a b"], 4) == ()


def test_numbers() -> None:
    vocabulary = Vocabulary(("a", "dog"))
    assert len(vocabulary) == 4
    assert vocabulary.encode("A cat, a dog") == [2, UNKNOWN, 2, 3]
    assert vocabulary.decode([2, 3, END, 2]) == ["a", "dog"]
    assert vocabulary.find("A dog") == (2, 3)


@pytest.mark.parametrize(("phrase", "said"), [("dogg", "it knows dog"), ("?!", "no word"), ("<end>", "know")])
def test_find_says_what_is_unknown(phrase: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        Vocabulary(("a", "dog")).find(phrase)
