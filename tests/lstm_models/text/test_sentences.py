"""Where sentences end, by the rules of those who read them."""

from __future__ import annotations

import pytest

from lstm_models.text.sentences import SentenceRules, sentence_ends, sentences_of

PLAIN = SentenceRules()
SMALL = SentenceRules(begins=lambda first: not first.islower())
LINES = SentenceRules(lines=True)


@pytest.mark.parametrize(
    ("text", "rules", "expected"),
    [
        ("Dr. Lee came. He left!", PLAIN, ["Dr. Lee came.", "He left!"]),
        ("From the U.S. came J. Doe.", PLAIN, ["From the U.S. came J. Doe."]),
        ("He asked: “Who?” Nobody… (No one.) Then:", PLAIN, ["He asked: “Who?”", "Nobody…", "(No one.)", "Then:"]),
        ("At 3.5 m.Next", PLAIN, ["At 3.5 m.Next"]),
        ("About c. 1500. Then", SentenceRules(("c",)), ["About c. 1500.", "Then"]),
        ("“Who?” he asked. “I.”", PLAIN, ["“Who?”", "he asked.", "“I.”"]),
        ("“Who?” he asked. “I.”", SMALL, ["“Who?” he asked.", "“I.”"]),
        ("“Who?”  ", SMALL, ["“Who?”"]),
        ("A title\n\nA text\nof two lines", PLAIN, ["A title", "A text\nof two lines"]),
        ("A title\nA text\nof two lines", LINES, ["A title", "A text\nof two lines"]),
        ("", LINES, []),
    ],
)
def test_sentences(text: str, rules: SentenceRules, expected: list[str]) -> None:
    assert sentences_of(text, rules) == expected


def test_ends_say_whether_a_line_ends_there() -> None:
    assert sentence_ends("One. Two\n\nThree.", PLAIN) == [(4, False), (10, True)]
