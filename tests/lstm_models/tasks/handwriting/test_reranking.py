"""Re-reading: which candidate is kept, when lines are drawn again, and what the drawing tells of it.

Run: python -m pytest tests/lstm_models/tasks/handwriting/test_reranking.py
"""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

import lstm_models
from lstm_models.errors import InputError
from lstm_models.ink.drawing import Drawing
from lstm_models.ink.page import PageOptions
from lstm_models.ink.verdict import Verdict
from lstm_models.tasks.handwriting.line_plan import planned
from lstm_models.tasks.handwriting.reranking import Reranker, choose, misread_capitals, replanned, still_wrong
from lstm_models.tasks.handwriting_reader import features as ink
from lstm_models.tasks.handwriting_reader.config import HandwritingReaderConfig
from lstm_models.tasks.handwriting_reader.model import HandwritingReader
from lstm_models.text.edit_distance import edits, missing_words
from tests.helpers.zigzag_writer import CONFIG, Pen

ALPHABET = " abcdefghijklmnopqrstuvwxyz"
ZIGZAG = np.array([[0, 0], [1, 3], [2, 0], [3, 3], [4, 0]], np.float32)


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


class Fake(HandwritingReader):
    """Reads the texts it is given, by the points of a line: {points: text}, and as sure as {points: share}."""

    def __init__(self, alphabet: str = ALPHABET, answers: dict[int, str] | None = None) -> None:
        super().__init__(HandwritingReaderConfig(alphabet, hidden_size=2, layers=1, channels=1))
        self.answers, self.sure = answers or {}, dict[int, float]()
        self.batches: list[int] = []

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor]:
        assert lengths is not None
        self.batches.append(len(x))
        texts = [self.answers[int(length)] for length in lengths]
        steps = [2 * len(text) + 1 for text in texts]
        probabilities = torch.zeros(len(x), max(steps), self.labels)
        for row, (text, length) in enumerate(zip(texts, lengths.tolist(), strict=True)):
            sure = self.sure.get(length, 0.8)
            probabilities[row] = (1 - sure) / (self.labels - 1)
            probabilities[row, 0::2, 0] = sure
            probabilities[row, torch.arange(len(text)) * 2 + 1, self.encode(text)] = sure
        return probabilities.log(), torch.tensor(steps)


def wave(count: int) -> list[np.ndarray]:
    """A line of zigzags, longer with the count."""
    return [ZIGZAG + np.array([5.0 * number, 0], np.float32) for number in range(count)]


def points(reader: HandwritingReader, count: int) -> int:
    return len(reader.config.features.encode(wave(count)))


def judge(texts: list[str], candidates: int = 1, alphabet: str = ALPHABET) -> Reranker:
    """A judge that reads `wave(n + 2)` as text n."""
    fake = Fake(alphabet)
    fake.answers = {points(fake, number + 2): text for number, text in enumerate(texts)}
    assert len(fake.answers) == len(texts)
    return Reranker(fake, candidates)


# The verdict on a line ----------------------------------------------------------------------------------------------


def test_verdict_by_hand():
    (right, wrong) = judge(["so it is", "so if"])([wave(2), wave(3)], ["so it is", "so it is"])
    assert right == Verdict("so it is", 0, 8, 0, 0, right.nats)
    assert (wrong.text, wrong.errors, wrong.missing, wrong.extra) == ("so if", 4, 1, 0)
    assert right.rank < wrong.rank
    assert wrong.wrong
    assert not right.wrong


def test_nats_are_the_forward_probability_of_the_right_text():
    """Outputs blank, a, blank of 0.8 each and 0.2 of the other label: "a" is every path but the blank one and a-a's."""
    (verdict,) = judge(["a"], alphabet="a")([wave(2)], ["a"])
    p, q = 0.8, 0.2
    # b: blank. aaa, aab, baa, bab, abb, bba; "aba" says "aa"
    wanted = q * p * q + q * p * p + p * p * q + p * p * p + q * q * p + p * q * q
    assert verdict.nats == pytest.approx(-math.log(wanted), rel=1e-5)


def test_characters_the_reader_does_not_know_are_not_held_against_a_line():
    one, two, three = judge(["a b c", "a c", "tax b c"])([wave(2), wave(3), wave(4)], ["a & c", "a & c", "ta& b c"])
    for verdict, characters in ((one, 4), (two, 4), (three, 6)):
        assert (verdict.errors <= 1, verdict.missing, verdict.extra) == (True, 0, 0)
        assert verdict.characters == characters
    assert one.errors == three.errors == 0
    assert one.nats < two.nats  # something should stand there


def test_a_line_that_cannot_be_read_is_the_worst(monkeypatch):
    own = judge(["x"])
    monkeypatch.setattr(ink, "_MOST_POINTS", 500)
    dot = [np.zeros((1, 2), np.float32)]
    best, *worst = own([wave(2), dot, [], wave(100)], ["it is"] * 4)
    for verdict in worst:
        assert (verdict.text, verdict.errors, verdict.missing) == ("", 5, 2)
        assert best.rank < verdict.rank


def test_all_candidates_are_read_in_few_batches_in_any_order():
    many = judge(["a", "b", "c"])
    lines = [wave(2 + number % 3) for number in range(40)]
    verdicts = many(lines, ["a"] * 40)
    assert [verdict.text for verdict in verdicts] == ["abc"[number % 3] for number in range(40)]
    assert sum(many.reader.batches) == 40
    assert len(many.reader.batches) == 2


@pytest.mark.parametrize(
    ("text", "read", "wanted"),
    [
        ("in the house", "in the house", (0, 0)),
        ("in the house", "in teh hose", (0, 0)),
        ("in the house", "in house", (1, 0)),
        ("in the house", "in the the house", (0, 1)),
        ("in the house", "", (3, 0)),
        ("in the house", "inthe house", (1, 0)),
        ("in & the", "in the", (0, 0)),
        ("in & the", "in d the", (0, 0)),
        ("in & the", "in d e the", (0, 1)),
        ("&", "", (0, 0)),
        ("in the , house .", "in the, house.", (0, 0)),
        ("in the, house.", "in the , house", (0, 0)),
        ("in - house", "in", (1, 0)),
    ],
)
def test_missing_words(text, read, wanted):
    assert missing_words(text, read, ALPHABET) == wanted


@given(st.text("ab ", max_size=12), st.text("ab ", max_size=12))
def test_edits_are_levenshteins(text, read):
    from torchaudio.functional import edit_distance

    assert edits(text, read, [True] * len(text)) == edit_distance(text, read)
    assert edits(text, read, [False] * len(text)) == max(0, len(read) - len(text))


# Choosing -----------------------------------------------------------------------------------------------------------


def drawn_from(counts: list[list[int]]):
    """Draws wave(counts[line][…]), each call going on where the last ended; remembers the calls."""
    calls: list[list[int]] = []
    places = [0] * len(counts)

    def drawn(numbers, seed):
        calls.append(list(numbers))
        rows = []
        for number in numbers:
            rows.append(counts[number][places[number] % len(counts[number])])
            places[number] += 1
        return rows

    return drawn, calls


def test_the_best_candidate_is_kept_and_nothing_right_is_drawn_again():
    own = judge(["it us", "is", "it is", "i i"], candidates=4)
    drawn, calls = drawn_from([[2, 3, 4, 5], [4, 3, 2, 5]])
    chosen = choose(drawn, wave, ["it is", "it is"], own, seed=1)
    assert chosen.rows == [4, 4]
    assert calls == [[0, 0, 0, 0, 1, 1, 1, 1]]
    assert chosen.verdict == Verdict(
        "it is\nit is", 0, 10, 0, 0, sum(each.nats for each in chosen.verdicts), lines=2, drawn=8
    )
    assert chosen.notes(["it is", "it is"]) == []


def test_whole_words_count_before_characters():
    own = judge(["in their", "am the toise"], candidates=2)
    drawn, _ = drawn_from([[2, 3]])
    assert choose(drawn, wave, ["in the house"], own, seed=1, rounds=0).rows == [3]


def test_of_two_readings_alike_the_likelier_is_kept():
    own = judge(["yes", "yes", "yes"], candidates=3)
    for number, sure in enumerate((0.7, 0.9, 0.8), 2):
        own.reader.sure[points(own.reader, number)] = sure
    drawn, _ = drawn_from([[2, 3, 4]])
    assert choose(drawn, wave, ["yes"], own, seed=1).rows == [3]


def test_what_stays_wrong_is_drawn_again_a_bounded_number_of_times():
    own = judge(["no", "yes"], candidates=2)
    drawn, calls = drawn_from([[3, 3], [2, 2], [2, 2, 2, 3]])
    texts = ["yes", "oh dear me", "yes"]
    chosen = choose(drawn, wave, texts, own, seed=1, rounds=2)
    assert calls == [[0, 0, 1, 1, 2, 2], [1, 1, 2, 2], [1, 1]]
    assert chosen.rows == [3, 2, 3]
    assert [verdict.drawn for verdict in chosen.verdicts] == [2, 6, 4]
    assert chosen.notes(texts) == ["the reader still misreads “oh dear me” (read: “no”)"]


def test_rows_astray_are_kept_only_if_there_is_no_other():
    own = judge(["yes", "yet"], candidates=2)
    drawn, calls = drawn_from([[2, 3]])
    chosen = choose(drawn, wave, ["yes"], own, seed=1, rounds=1, astray=lambda number, row: row == 2)
    assert chosen.rows == [3]
    assert len(calls) == 2
    drawn, calls = drawn_from([[2, 2]])
    assert choose(drawn, wave, ["yes"], own, seed=1, rounds=1, astray=lambda number, row: True).rows == [2]


def test_many_wrong_lines_make_one_sentence():
    wrong = Verdict("x", 9, 9, 1)
    (sentence,) = still_wrong([(f"line {number}", wrong) for number in range(5)])
    assert sentence.count("(read:") == 3
    assert sentence.endswith("and 2 more")


# Writing ------------------------------------------------------------------------------------------------------------


def legible(alphabet: str = CONFIG.alphabet) -> HandwritingReader:
    torch.manual_seed(0)
    return HandwritingReader(HandwritingReaderConfig(alphabet, hidden_size=4, layers=1, channels=2)).eval()


def test_a_seed_gives_the_same_drawing_and_no_reader_the_same_as_ever():
    writer, reader = Pen(), legible()
    one, two = (writer.write("some words\nand more", seed=3, reader=reader, candidates=3) for _ in range(2))
    assert one == two
    assert one.verdict is not None
    assert one != writer.write("some words\nand more", seed=4, reader=reader, candidates=3)
    assert one.verdict.lines == 2
    assert one.verdict.characters == 18
    assert one.verdict.drawn % 3 == 0
    assert 6 <= one.verdict.drawn <= 18
    assert writer.batches[:1] == [6]  # three candidates of two lines, at once
    plain = writer.write("some words", seed=3)
    assert plain.verdict is None
    assert plain == Pen().write("some words", seed=3)


def test_the_verdict_is_the_readers_on_what_was_written():
    reader = legible()
    drawing = Pen().write("some words", seed=3, reader=reader, candidates=3)
    (again,) = Reranker(reader)([drawing.strokes], ["some words"])
    assert (again.text, again.errors) == (drawing.verdict.text, drawing.verdict.errors)


def test_json_keeps_the_verdict():
    drawing = Pen().write("some words", seed=3, reader=legible(), candidates=2)
    again = Drawing.from_json(drawing.json())
    assert again.verdict.text == drawing.verdict.text
    assert again.verdict.nats == pytest.approx(drawing.verdict.nats, abs=1e-3)
    assert (again.verdict.errors, again.verdict.drawn) == (drawing.verdict.errors, drawing.verdict.drawn)
    assert "verdict" not in json.loads(Pen().write("some words", seed=3).json())


@pytest.mark.parametrize("verdict", [3, {"text": 1}, {"errors": 1}, {"text": "", "errors": -1}, {"text": "", "way": 1}])
def test_json_with_a_verdict_that_is_none(verdict):
    document = json.dumps({"strokes": [], "verdict": verdict})
    with pytest.raises(InputError, match="The verdict of this drawing cannot be read"):
        Drawing.from_json(document)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0, "1", True])
def test_verdict_of_no_number(value):
    with pytest.raises(ValueError, match="nats of a verdict"):
        Verdict("", nats=value)


def test_pages_are_reread_line_by_line():
    writer, reader = Pen(), legible()
    text = "we saw them come home as soon as the rain was over and many a quick fox ran away " * 2
    options = PageOptions(size="100x80", margins=10)
    one, two = (list(writer.write_pages(text, seed=1, options=options, reader=reader, candidates=3)) for _ in range(2))
    for page, other in zip(one, two, strict=True):
        assert all(map(np.array_equal, page.strokes, other.strokes))
        assert page.verdict == other.verdict
        assert page.verdict.lines == len(page.text.split("\n"))
        assert page.verdict.characters == sum(map(len, page.text.split("\n")))
        assert page.drawing.verdict == page.verdict
        assert json.loads(page.json())["verdict"]["errors"] == page.verdict.errors
    plain = list(writer.write_pages(text, seed=1, options=options))
    assert all(page.verdict is None and "verdict" not in json.loads(page.json()) for page in plain)


@pytest.mark.parametrize(
    ("text", "read", "wanted"),
    [
        ("Susan and Tom", "Susan and Tom", ""),
        ("Susan and Tom", "8usan and om", "ST"),
        ("Susan", "susan", ""),  # the same shape, a size that the line leaves open
        ("Lucy saw Lucy", "Lucy saw bucy", "L"),
        ("susan 4", "8usan 9", ""),  # no capitals
    ],
)
def test_which_capitals_were_misread(text, read, wanted):
    assert misread_capitals(text, read) == wanted


def test_a_plan_without_what_was_misread():
    alphabet = " abcdefghijklmnopqrstuvwxyzST"
    plan = planned("Sad Tom", alphabet)
    assert replanned(plan, Verdict("Sad Tom", 0, 7), alphabet) is None
    made = replanned(plan, Verdict("8ad Tom", 1, 7), alphabet)
    assert made.plain == "ad Tom"
    assert [each.base for joint in made.joints for each in joint if each] == ["S"]
    assert replanned(planned("S", alphabet), Verdict("8", 1, 1), alphabet) is None  # nothing would be left to write


class Strict:
    """Misreads S as 8: in what the model writes, or only so many times at first."""

    def __init__(self, times: float = math.inf) -> None:
        self.times = times

    def verdicts(self, lines, texts):
        self.times -= 1
        read = [text.replace("S", "8") if self.times >= 0 else text for text in texts]
        return [Verdict(r, edits(t, r), len(t)) for r, t in zip(read, texts, strict=True)]


def test_a_capital_that_stays_misread_comes_from_the_font():
    writer = lstm_models.load("writer")
    drawing = writer.write("Sam came", reader=Strict(), candidates=1, seed=1)
    assert drawing.drawn
    assert "“S” was drawn from a font, as the reader misread what the model wrote" in drawing.notes
    assert drawing.verdict.text == "am came"  # what the model wrote of it
    assert drawing.verdict.errors == 0
    read = writer.write("Sam came", reader=Strict(0), candidates=1, seed=1)
    assert not read.drawn
    assert not read.notes


def test_pages_take_the_capital_where_it_is_read_better():
    writer = lstm_models.load("writer")
    options = PageOptions(size="100x60")
    for times, drawn in ((0, False), (3, True), (math.inf, False)):  # the third reads the font's no better
        (page,) = writer.write_pages("Sam came", options=options, reader=Strict(times), candidates=1, seed=1)
        assert bool(page.drawn) is drawn
        assert page.verdict.errors == (1 if times == math.inf else 0)


@pytest.mark.parametrize("candidates", [0, 33, 2.5, True])
def test_candidates_out_of_range(candidates):
    with pytest.raises(InputError, match="candidates must be a whole number from 1 to 32"):
        Pen().write("some words", reader=legible(), candidates=candidates)


def test_reader_that_is_none():
    with pytest.raises(InputError, match="a handwriting reader re-reads what is written, not Pen"):
        Pen().write_pages("some words", reader=Pen())


def test_bundled_models_write_what_can_be_read():
    writer, reader = lstm_models.load("writer"), lstm_models.load("reader")
    drawing = writer.write("Dear reader", seed=1, reader=reader, candidates=2)
    assert drawing.verdict.text == "Dear reader"
    assert drawing.verdict.errors == drawing.verdict.missing == 0
