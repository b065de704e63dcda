import pytest

from lstm_models.tasks.tagging.features import FORBIDDEN, NAMES, Span, sentences, spans_of, tokenize


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Angela didn't go.", "Angela did n't go ."),
        ("It’s Dr. Smith's cat, isn’t it?", "It ’s Dr. Smith 's cat , is n’t it ?"),
        ("I cannot (yet) say: $3.50!", "I can not ( yet ) say : $ 3.50 !"),
        ("See www.a-b.com/x. Mail a.b@c.org, at 10:30", "See www.a-b.com/x . Mail a.b@c.org , at 10:30"),
        ("U.S. forces... wait -- no", "U.S. forces ... wait -- no"),
        ("@bob #tag :) 3rd 5km", "@bob #tag :) 3rd 5 km"),
        ("well-known", "well - known"),
        ("***", "***"),
        ("naïve Straße 日本", "naïve Straße 日本"),
        ("", ""),
    ],
)
def test_tokenize(text, words):
    found = tokenize(text)
    assert " ".join(word.text for word in found) == words
    assert all(text[word.start : word.start + len(word.text)] == word.text for word in found)


@pytest.mark.parametrize(
    "text", ["a.b.c!!?? (x)[y]{z} «q» €5 100% ½ don't 'tis rock'n'roll", "\u00a0\u200bx\ny\t", "💩" * 5]
)
def test_every_character_but_blanks_is_in_a_word(text):
    assert "".join(word.text for word in tokenize(text)) == "".join(text.split())


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("He left. She stayed.", [3, 3]),
        ("Dr. Smith left.", [4 - 0]),
        ('"Why?" she asked. "No."', [7, 4]),
        ("one two\n\nthree", [2, 1]),
        ("one two\nthree", [3]),
        ("He left...and came", [5]),
        ("hello there how are you", [5]),
    ],
)
def test_sentences(text, counts):
    assert [len(sentence) for sentence in sentences(text)] == counts


def test_spans_as_conll_counts_them():
    assert spans_of(["B-PER", "I-PER", "O", "I-LOC", "I-LOC", "I-ORG", "B-ORG"]) == [
        Span(0, 2, "PER"), Span(3, 5, "LOC"), Span(5, 6, "ORG"), Span(6, 7, "ORG"),
    ]  # fmt: skip
    assert spans_of(["O", "O"]) == []


def test_forbidden_steps_are_those_into_an_inside_from_elsewhere():
    named = {("start" if before < 0 else NAMES[before], NAMES[after]) for before, after in FORBIDDEN}
    assert ("start", "I-PER") in named
    assert ("O", "I-LOC") in named
    assert ("B-LOC", "I-PER") in named
    assert not named & {("B-PER", "I-PER"), ("I-PER", "I-PER"), ("start", "B-PER"), ("I-ORG", "O"), ("I-ORG", "B-ORG")}
    assert len(named) == 3 * 6  # before each I-: the start, O and the four labels of the two other kinds
