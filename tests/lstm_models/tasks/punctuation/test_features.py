import pytest

from lstm_models.tasks.punctuation.features import GROUPS, MARKS, Token, case_of, parse, tokens_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello, how are you?", "Hello, how are you?"),
        ("Wait -- no; stop: go!", "Wait, no; stop: go!"),
        ("one—two … three... four", "one, two. three. four"),
        ('He said "yes." (Twice.)', "He said yes. Twice."),
        ("Mr. J. Smith of the U.S. Army", "Mr. J. Smith of the U.S. Army"),
        ("No. I am not.", "No. I am not."),
        ("$3.50, 20% and a well-known 1,000", "$3.50, 20% and a well-known 1,000"),
        ("Moved , by treebanks .", "Moved, by treebanks."),
        ("It’s 'quoted', isn’t it", "It's quoted, isn't it"),
        ("-- ... ,", ""),
    ],
)
def test_parse_gives_words_and_the_mark_after_each(text, expected):
    assert " ".join(word.text + word.mark for word in parse(text)) == expected


def test_the_full_stop_of_an_abbreviation_is_no_mark():
    assert {word.text: word.mark for word in parse("Dr. K. of the U.S. left.")} == {
        "Dr.": "", "K.": "", "of": "", "the": "", "U.S.": "", "left": ".",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("word", "case"),
    [
        ("word", 0),
        ("1995", 0),
        ("straße", 0),
        ("Paris", 1),
        ("I", 1),
        ("I'm", 1),
        ("'Tis", 1),
        ("NASA", 2),
        ("U.S.", 2),
        ("iPhone", 3),
        ("McCain", 3),
        ("Well-Known", 3),
    ],
)
def test_case(word, case):
    assert case_of(word) == case


def test_groups_merge_marks_as_iwslt_does():
    """Exclamation marks and semicolons are periods, colons commas (xashru/punctuation-restoration's files)."""
    assert dict(zip(MARKS, GROUPS, strict=True)) == {"": 0, ",": 1, ":": 1, ".": 2, "!": 2, ";": 2, "?": 3}


def test_tokens_keep_what_stands_around_a_word():
    assert tokens_of('("hello," Dr. x)') == [
        Token('("', "hello", ',"', ","),
        Token("", "Dr.", "", ""),
        Token("", "x", ")", ""),
    ]
    for text in ("a  b\nc & d", "“Well,” she said—twice.", "<b>x</b>", "100% (sure)"):
        assert "".join(t.before + t.core + t.after for t in tokens_of(text)) == "".join(text.split())
