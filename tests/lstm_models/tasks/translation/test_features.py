import pytest

from lstm_models.errors import InputError
from lstm_models.tasks.translation.features import (
    LONGEST_SENTENCE,
    language_doubt,
    normalize,
    piece_spans,
    split_sentences,
    word_spans,
)
from lstm_models.text.word_pieces import WordPieces


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("A dog. A cat!", ["A dog.", "A cat!"]),
        ("  Dr. Smith left. He said “no.” Then?", ["Dr. Smith left.", "He said “no.”", "Then?"]),
        ("It costs 3.5 euros... maybe. Yes", ["It costs 3.5 euros... maybe.", "Yes"]),
        ("Title\n\nA long\nline. Two", ["Title", "A long\nline.", "Two"]),
        ("one line\nAnother line", ["one line", "Another line"]),
        ("¿Qué?", ["¿Qué?"]),
    ],
)
def test_sentences(text, sentences):
    found = split_sentences(text)
    assert [sentence for sentence, _ in found] == sentences
    assert "".join(sentence + gap for sentence, gap in found) == text.lstrip()


def test_a_sentence_that_is_too_long_is_cut_at_marks_and_no_word_is_lost():
    text = " ".join(f"word{number}," if number % 9 == 0 else f"word{number}" for number in range(300))
    found = [sentence for sentence, _ in split_sentences(text)]
    assert max(map(len, found)) <= LONGEST_SENTENCE
    assert all(sentence.endswith(",") for sentence in found[:-1])
    assert " ".join(found) == text


@pytest.mark.parametrize(
    ("text", "message"), [("", "is empty"), (" \n ", "is empty"), ("a " + "x" * 10_000, "word of the text has 10,000")]
)
def test_bad_texts(text, message):
    with pytest.raises(InputError, match=message):
        split_sentences(text)


def test_normalize_composes_characters_and_makes_quotation_marks_plain():
    assert normalize("„Cafe\u0301“\u00a0 ’s\n") == '"Café" \'s'


def test_words_and_marks():
    text = "The T-shirt isn't 3.50, is it? See a@b.org or www.b.org/x."
    words = [text[start:end] for start, end in word_spans(text)]
    assert words[:8] == ["The", "T-shirt", "isn't", "3.50", ",", "is", "it", "?"]
    assert words[8:] == ["See", "a@b.org", "or", "www.b.org", "/", "x", "."]


@pytest.mark.parametrize("text", ["low lower", "slow 😀 übel!", "low  low"])
def test_spans_of_pieces_are_where_the_pieces_are(text):
    pieces = WordPieces.train(["low lower lowest"] * 3, 270)
    spans = piece_spans(pieces, pieces.encode(text))
    assert spans[-1].end == len(text)
    assert "".join(text[start:end] for start, end in spans).replace(" ", "") in (text.replace(" ", ""),)
    assert not any(text[start:end].startswith(" ") for start, end in spans if end - start > 1)


@pytest.mark.parametrize(
    ("text", "doubt"),
    [
        ("The dog is in the garden and it runs.", None),
        ("Der Hund ist nicht im Haus.", "looks like German"),
        ("Le chien est dans la maison.", "looks like French"),
        ("Собака бежит по траве.", "not Latin"),
        ("Obama visited Paris", None),
    ],
)
def test_texts_in_another_language_are_doubted(text, doubt):
    found = language_doubt(text, "en")
    assert found is None if doubt is None else doubt in found
