import itertools
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_models.errors import InputError
from lstm_models.text.word_pieces import BEGIN, END, PADDING, WordPieces

TEXTS = ["low lower lowest newer wider, the low and the new"] * 5
PIECES = WordPieces.train(TEXTS, 290)


def most_frequent(words: dict[tuple[str, ...], int]) -> set[tuple[str, str]]:
    """The pairs of neighbours that come most often (Sennrich et al. 2016, figure 1)."""
    pairs: Counter[tuple[str, str]] = Counter()
    for word, number in words.items():
        for pair in itertools.pairwise(word):
            pairs[pair] += number
    return {pair for pair in pairs if pairs[pair] == max(pairs.values())}


def join(word: tuple[str, ...], pair: tuple[str, str]) -> tuple[str, ...]:
    joined, place = [], 0
    while place < len(word):
        found = word[place : place + 2] == pair
        joined.append("".join(pair) if found else word[place])
        place += 2 if found else 1
    return tuple(joined)


def test_merges_are_the_most_frequent_pairs_of_the_published_algorithm():
    counts = {"Ġlow": 10, "Ġlower": 5, "Ġlowest": 5, "Ġnewer": 5, "Ġwider": 5, "Ġthe": 10, "Ġand": 5, "Ġnew": 5}
    words = {tuple(word): number for word, number in counts.items()}
    merges = [tuple(line.split(" ")) for line in PIECES.merges.splitlines()]
    assert len(merges) > 15
    for merge in merges:
        assert merge in most_frequent(words)
        words = {join(word, merge): number for word, number in words.items()}


@given(st.text(st.characters(exclude_categories=("Cs",))))
def test_every_text_comes_back_and_its_pieces_are_its_parts(text):
    ids = PIECES.encode(text)
    assert PIECES.decode([BEGIN, *ids, END, PADDING]) == text
    assert all(END < number < len(PIECES) for number in ids)
    assert PIECES.encode_batch([text, "low", ""]) == [ids, PIECES.encode("low"), []]
    pieces = PIECES.split(text)
    assert [piece.id for piece in pieces] == ids
    assert all(text[piece.start : piece.end] == piece.text for piece in pieces)
    covered = {place for piece in pieces for place in range(piece.start, piece.end)}
    assert all(place in covered or character == " " for place, character in enumerate(text))


def test_a_word_is_one_piece_at_the_beginning_and_within_and_marks_and_digits_stand_apart():
    assert PIECES.encode("low") == PIECES.encode("the low")[1:]
    assert [piece.text for piece in PIECES.split("the low,42")] == ["the", "low", ",", "4", "2"]
    number = PIECES.encode("the low")[-1]
    assert PIECES.piece(number) == " low"
    assert PIECES.piece_bytes[number] == b" low"
    assert PIECES.piece_bytes[END] == b""


def test_the_merges_are_all_of_the_vocabulary():
    again = WordPieces(PIECES.merges)
    assert len(again) == len(PIECES)
    assert again.encode("the newest low") == PIECES.encode("the newest low")
    assert len(WordPieces()) == 259
    assert WordPieces().decode(WordPieces().encode("naïve")) == "naïve"


def test_half_a_character_is_shown_as_such():
    ids = WordPieces().encode("é")
    assert WordPieces().decode(ids[:-1]) == "�"
    assert WordPieces().decode_bytes(ids[:-1]) == b"\xc3"


@pytest.mark.parametrize("merges", ["a", "a b c", "ab c", "a b\na b", "<end> a", "a "])
def test_merges_that_make_no_vocabulary_are_refused(merges):
    with pytest.raises(ValueError, match=r"join|twice"):
        WordPieces(merges)


def test_bad_input():
    with pytest.raises(ValueError, match="at least 259"):
        WordPieces.train(TEXTS, 258)
    with pytest.raises(InputError, match="surrogate"):
        PIECES.encode("a\ud800")
    with pytest.raises(InputError, match="surrogate"):
        PIECES.encode_batch(["a\ud800"])
