"""Books cut into utterances."""

import json
import lzma
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_apps.tasks.speech.synthesis.sentences import MOST_WORDS, order_by_rarity, read_texts, split_sentences
from lstm_datasets.speech.text_normalizer import ALPHABET, normalize


def split(text: str) -> list[str]:
    return list(split_sentences(text, np.random.default_rng(0)))


@pytest.mark.parametrize(
    ("text", "utterances"),
    [
        ("It rained. He stayed.", ["It rained.", "He stayed."]),
        ("“Yes,” said Mr. Brown. “Go!”", ["Yes, said Mister Brown.", "Go!"]),
        ("Mrs Brown\nwas out;  she was _very_ late.", ["Missus Brown was out; she was very late."]),
        ("He left--at once.", ["He left, at once."]),
        ("father ' s house , he said .", ["father's house, he said."]),
        ("‘Don’t go,’ she said.", ["Don't go, she said."]),
        ("'Tis late. You'll see.", ["'Tis late.", "You'll see."]),
        ("It's what I'd do, isn't it?", ["It's what I'd do, isn't it?"]),
        ("A well-known face!", ["A well-known face!"]),
        ("Stop!now listen.", ["Stop! now listen."]),
    ],
)
def test_sentences(text: str, utterances: list[str]) -> None:
    assert split(text) == utterances


@pytest.mark.parametrize(
    "text", ["CHAPTER TWO", "Ask J. Brown now.", "The Rev. Brown came.", "He said [sic] so.", "..."]
)
def test_what_is_not_spoken_as_it_is_spelt_is_left_out(text: str) -> None:
    assert split(text * 3 + " " * 300) == []


def test_a_short_line_with_numbers_is_spelt_out() -> None:
    assert split("Meet me at 5:30 on the 3rd.") == ["meet me at five thirty on the third"]


def test_long_sentences_are_cut_where_clauses_end() -> None:
    sentence = ", ".join(["and then the rain came down on us"] * 20) + "."
    parts = split(sentence)
    assert len(parts) > 4
    assert {len(part.split()) % 8 for part in parts} == {0}
    assert max(len(part.split()) for part in parts) <= MOST_WORDS


def test_endless_clauses_are_left_out() -> None:
    assert split("word " * 100) == []


@given(st.text(alphabet="aB'’“” .,;:!?-—\n\té1", max_size=400))
def test_every_utterance_has_words_and_is_spelt_in_the_alphabet(text: str) -> None:
    for part in split(text):
        words = normalize(part)
        assert words
        assert set(words) <= set(ALPHABET)


def test_rare_words_come_early() -> None:
    common = [f"the man saw the dog and the man saw cat{'s' * (number % 2)}" for number in range(200)]
    rare = [f"the man saw {word} dog" for word in ("a zebra", "an otter", "a walrus") for _ in range(3)]
    order = order_by_rarity(common + rare, np.random.default_rng(0))
    assert Counter(order) == Counter(common + rare)
    places = [place for place, sentence in enumerate(order) if sentence in rare]
    assert np.mean(places) < len(order) * 0.4


def test_kinds_of_text(tmp_path: Path) -> None:
    (tmp_path / "lines.txt").write_text("one line\nanother\n")
    (tmp_path / "book.txt").write_text("a line\nof a paragraph\n\nthe next\n")
    records = "".join(json.dumps({"id": n, "text": f"text {n}"}) + "\n" for n in range(2))
    (tmp_path / "a.jsonl").write_text(records)
    (tmp_path / "a.jsonl.xz").write_bytes(lzma.compress(records.encode()))
    read = {path.name: list(read_texts([path])) for path in sorted(tmp_path.iterdir())}
    assert read == {
        "a.jsonl": ["text 0", "text 1"],
        "a.jsonl.xz": ["text 0", "text 1"],
        "book.txt": ["a line\nof a paragraph\n\nthe next\n"],
        "lines.txt": ["one line", "another"],
    }
