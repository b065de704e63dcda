import pytest

from lstm_models.errors import InputError
from lstm_models.results import Word
from lstm_models.tasks.punctuation.decoding import PunctuateOptions, log_probs
from tests.helpers.scripted_text import SURE, ScriptedPunctuator


@pytest.fixture(scope="module")
def punctuator():
    return ScriptedPunctuator()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hello how are you i am fine", "Hello, how are you? I am fine."),
        ("how are", "How are."),  # a text that is over ends a sentence
        ("paris nasa iphone", "Paris NASA iPhone."),
        ("hello first wow", "Hello, first; wow!"),
        ("how\n\nare you", "How.\n\nAre you?"),  # an empty line ends a sentence
        ("hello\nhow  are\tyou\n", "Hello,\nhow  are\tyou?\n"),  # blanks stay
        ("(hello) “you” & how", "(Hello), “you”? & How."),
        ("how! are, you", "How! Are, you?"),  # marks that are there stay
        ("hello, How ARE you", "Hello, How ARE you?"),  # so do capitals
        ("HELLO HOW ARE YOU", "Hello, how are you?"),  # unless all are capitals
        ("how are you?!", "How are you?!"),
        ("how are “you.”", "How are “you.”"),
        ("-- how", "-- How."),
    ],
)
def test_punctuate(punctuator, text, expected):
    assert punctuator.punctuate(text).text == expected


def test_options(punctuator):
    assert punctuator.punctuate("hello i am", PunctuateOptions(capitals=False)).text == "hello, i am."
    assert punctuator.punctuate("hello i am", PunctuateOptions(complete=False)).text == "Hello, I am"


def test_confidences_are_the_probabilities(punctuator):
    words = punctuator.punctuate("you nasa hello, i").words
    assert words[0].confidence == pytest.approx(SURE)
    assert words[0].case_confidence == 1.0  # a sentence's first word
    assert words[1].case_confidence == pytest.approx(SURE)
    assert words[2].confidence == 1.0  # it was there
    assert words[3].mark == "."
    assert words[3].confidence == pytest.approx((1 - SURE) / 6, rel=1e-4)  # put there because the text is over


@pytest.mark.parametrize("count", [1, 249, 250, 251, 400, 401, 1003])
def test_windows_cover_a_text_of_any_length(punctuator, count):
    words = (["hello", "how", "are", "you", "i", "am", "fine"] * count)[:count]
    punctuator.seen.clear()
    marks, cases = log_probs(punctuator, words)
    assert len(marks) == len(cases) == count
    assert max(punctuator.seen) <= 251  # with the end of the text
    alone, _ = log_probs(punctuator, words[:7])
    assert marks.tolist() == (alone.tolist() * count)[:count]


@pytest.mark.parametrize("lookahead", [0, 2, 50])
def test_a_stream_gives_the_words_of_the_whole_text_each_with_its_time(punctuator, lookahead):
    text = "hello how are you i am fine paris nasa wow " * 30
    words = [Word(word, start=float(at), end=at + 0.5) for at, word in enumerate(text.split())]
    stream, made, waiting = punctuator.stream(lookahead), [], []
    punctuator.seen.clear()
    for number, word in enumerate(words, 1):
        made += stream.push([word])
        waiting.append(number - len(made))
    assert max(waiting) == lookahead
    made += stream.finish()
    assert " ".join(map(str, made)) == punctuator.punctuate(text).text.strip()
    assert [(word.start, word.end) for word in made] == [(word.start, word.end) for word in words]


def test_words_with_times_come_back_one_for_one(punctuator):
    given = [Word("hello", start=0.0, end=0.4), Word("you", start=0.5, end=0.9)]
    assert [(str(word), word.start) for word in punctuator.punctuate_words(given)] == [("Hello,", 0.0), ("you?", 0.5)]
    assert punctuator.punctuate_words([]) == []


def test_result_formats(punctuator):
    result = punctuator.punctuate("hello you")
    assert str(result) == "Hello, you?"
    assert '"mark": ","' in result.json(source="a.txt")
    assert result.json().count("\n") == 1
    assert "Hello" in result._repr_html_()


@pytest.mark.parametrize("text", ["", "  \n ", None, 3, ["a"]])
def test_bad_input_is_one_sentence(punctuator, text):
    with pytest.raises(InputError, match=r"the text is empty|a text is expected, not"):
        punctuator.punctuate(text)


def test_a_text_in_another_language_says_so(punctuator):
    assert punctuator.punctuate("der hund geht nicht nach hause").notes
    assert not punctuator.punctuate("hello how are you").notes


def test_lookahead_below_zero(punctuator):
    with pytest.raises(InputError, match="0 or more"):
        punctuator.stream(-1)


@pytest.mark.parametrize("text", ["?", "…", "123 456", "x" * 5000, "😀 how", "how" + " are" * 3000, "\u202ehow\u0000"])
def test_odd_texts_keep_their_words(punctuator, text):
    assert punctuator.punctuate(text).text.rstrip(".").casefold() == text.rstrip(".").casefold()


class TestSubtitles:
    SRT = (
        "1\n00:00:01,000 --> 00:00:02,500\n<i>hello how</i>\n- are\n\n"
        "2\n00:00:03,000 --> 00:00:04,000\nyou i\n\n3\n00:00:05,000 --> 00:00:06,000\n{\\an8}am fine\n"
    )
    VTT = (
        "WEBVTT\n\nNOTE hello you\n\n00:01.000 --> 00:02.500 align:start\nhello <00:00:01.500>how <c.x y>are</c> you\n"
    )

    def test_times_numbers_and_tags_stay(self, punctuator):
        expected = self.SRT.replace("hello", "Hello,").replace("you i", "you? I").replace("fine", "fine.")
        assert punctuator.punctuate_subtitles(self.SRT) == expected

    def test_webvtt(self, punctuator):
        expected = self.VTT.replace("\nhello <", "\nHello, <").replace("</c> you", "</c> you?")
        assert punctuator.punctuate_subtitles(self.VTT) == expected

    def test_line_ends_stay(self, punctuator):
        content = self.SRT.replace("\n", "\r\n")
        assert punctuator.punctuate_subtitles(content) == punctuator.punctuate_subtitles(self.SRT).replace("\n", "\r\n")

    @pytest.mark.parametrize("content", ["hello", "", "1\n00:00:01,000 --> 00:00:02,000\n\n"])
    def test_what_is_not_subtitles(self, punctuator, content):
        with pytest.raises(InputError, match="subtitles"):
            punctuator.punctuate_subtitles(content)
