import pytest

from lstm_models.errors import InputError
from lstm_models.tasks.translation.subtitle_files import LINE, translate_subtitles
from tests.helpers.scripted_translator import ScriptedTranslator

SRT = """1
00:00:01,000 --> 00:00:02,500
A dog and

2
00:00:02,500 --> 00:00:04,000
<i>a cat</i> run.

3
00:00:05,000 --> 00:00:06,000
Yes.
"""


def test_a_sentence_over_two_subtitles_is_translated_as_one():
    found = ScriptedTranslator().translate_subtitles(SRT)
    assert found == SRT.replace("A dog and", "Ein Hund und").replace("<i>a cat</i> run.", "ein Katze rennen.").replace(
        "Yes.", "Ja."
    )


def test_lines_are_broken_anew_and_none_is_too_long():
    words = " ".join(["Donaudampfschiff"] * 5)
    found = translate_subtitles("WEBVTT\n\n00:01.000 --> 00:09.000\nx\n", lambda texts: [words for _ in texts])
    head, *lines = found.split("\n\n")[1].splitlines()
    assert head == "00:01.000 --> 00:09.000"
    assert " ".join(lines) == words
    assert len(lines) > 1
    assert max(map(len, lines)) <= LINE


def test_windows_ends_of_lines_stay_and_without_marks_every_subtitle_is_a_text():
    seen = []

    def work(texts):
        seen.extend(texts)
        return [text.upper() for text in texts]

    content = "".join(f"{n}\r\n00:00:0{n},000 --> 00:00:0{n},900\r\nline {n}\r\n\r\n" for n in range(1, 9))
    assert translate_subtitles(content, work) == content.replace("line", "LINE")
    assert seen == [f"line {n}" for n in range(1, 9)]


def test_every_subtitle_of_a_sentence_gets_a_word_where_there_are_enough():
    cues = "".join(
        f"{n}\n00:00:0{n},000 --> 00:00:0{n},900\n{text}\n\n" for n, text in enumerate(["a", "b" * 40, "c."])
    )
    found = translate_subtitles(cues, lambda texts: ["one two three" for _ in texts])
    assert [block.splitlines()[2] for block in found.strip().split("\n\n")] == ["one", "two", "three"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("no times here\n", "these are not subtitles"),
        ("1\n00:00:01,000 --> 00:00:02,000\n\n", "the subtitles have no words"),
        ("1\n00:00:03,000 --> 00:00:02,000\nA dog.\n", "line 2 is no time of a subtitle"),
        ("1\n00:00:01,000 -> 00:00:02,000\nA dog.\n", "these are not subtitles"),
    ],
)
def test_broken_subtitles_are_one_sentence(content, message):
    with pytest.raises(InputError, match=message):
        translate_subtitles(content, lambda texts: list(texts))
