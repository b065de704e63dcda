"""Tests of ``QuestionAnswerer.answer``: its search, its results, and what cannot be answered."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from lstm_apps.tasks.question_answering.metrics import exact_match, f1, normalized
from lstm_models.checkpoints import hub
from lstm_models.errors import InputError
from lstm_models.tasks.question_answering.config import QuestionAnswererConfig
from lstm_models.tasks.question_answering.decoding import AnswerOptions, best_spans
from lstm_models.tasks.question_answering.features import WordNumbers
from lstm_models.tasks.question_answering.model import QuestionAnswerer
from tests.helpers.scripted_answerer import ScriptedAnswerer

TEXT = "It was late.\nYesterday Ann came to see\nthe house. She wrote a letter."


@pytest.fixture(scope="module")
def answerer():
    return ScriptedAnswerer()


def test_an_answer_knows_its_place(answerer):
    found = answerer.answer("Who came?", TEXT)
    assert (found.text, TEXT[found.start : found.end]) == ("to", "to")
    assert found.line() == 2
    assert found.sentence == "Yesterday Ann came to see the house."
    assert found.confidence == pytest.approx(0.9 / (0.9 + 0.05 + 15e-4), abs=0.01)
    assert found.document == 0
    assert len(found.alternatives) == 2
    assert found.attention.shape == (3, len(found.passage_words))
    assert found.attention.sum(0) == pytest.approx(np.ones(len(found.passage_words)))


def test_not_in_the_text(answerer):
    found = answerer.answer("Where is it?", "Ann came yesterday.")
    assert found.text == ""
    assert found.found is found.start is found.line() is None
    assert found.alternatives
    assert found.confidence == pytest.approx(0.95 / (0.95 + 4e-4))
    assert found.presence == pytest.approx(1 - found.confidence)
    assert answerer.answer("Where is it?", "Ann came yesterday.", AnswerOptions(threshold=0)).text


def test_several_questions_and_texts(answerer):
    one, two = answerer.answer(["Who came?", "What of the letter?"], ["Nothing here.", TEXT])
    assert (one.document, one.text) == (1, "to")
    assert two.found is not None


def test_the_right_passage_of_a_long_text(answerer):
    filler = "Nothing of that kind is said in this part of the long text, as before. " * 800
    found = answerer.answer("Who wrote?", filler + "Ann wrote verses.", AnswerOptions(passages=3))
    assert found.text == "verses"
    assert found.start == len(filler) + len("Ann wrote ")


def test_json_and_notebook(answerer):
    found = answerer.answer("Who came?", TEXT)
    made = json.loads(found.json(attention=True))
    assert made["format"] == "lstm-models answer"
    assert made["text"] == "to"
    assert made["line"] == 2
    assert len(made["attention"]) == len(made["question_words"])
    assert "<mark" in found._repr_html_()
    assert "Not in the text" in answerer.answer("Where is it?", "<b> Ann")._repr_html_()


WORDS = ["the", "red", "house", "and", "the", "green", "house", ",", "a", "red", "one", "of", "the", "three"]


def test_the_best_span_is_that_of_all_pairs():
    """Beside SQuAD's own scores of every pair of spans."""
    generator = np.random.default_rng(0)
    text = WordNumbers("", 8).encode(WORDS)
    for _ in range(20):
        firsts = generator.permutation(len(WORDS) - 3)[:5]
        joint = np.log(generator.dirichlet(np.full(20, 0.3)) * 0.7).reshape(5, 4)
        spans = {(int(first), int(first) + more): float(np.exp(joint[row, more]))
                 for row, first in enumerate(firsts) for more in range(4)}  # fmt: skip
        texts = {span: " ".join(WORDS[span[0] : span[1] + 1]) for span in spans}
        readable = {span: words for span, words in texts.items() if normalized(words)}

        def expected(span, score, readable=readable, texts=texts, spans=spans):
            return sum(spans[other] * score(texts[span], [words]) for other, words in readable.items())

        best = best_spans(firsts, joint, text, 0.7, 20)
        chosen = (best[0].first, best[0].last)
        if chosen in readable and len(readable) == len(spans):
            value = expected(chosen, f1) + expected(chosen, exact_match)
            assert value == pytest.approx(max(expected(each, f1) + expected(each, exact_match) for each in readable))
            half = expected(chosen, lambda one, others: float(f1(one, others) >= 0.5))
            assert best[0].probability == pytest.approx(half / 0.7)
        for number, span in enumerate(best):
            assert span.presence == 0.7
            assert all(span.last < other.first or span.first > other.last for other in best[:number])
        rest = [span for span in sorted(spans, key=lambda each: -spans[each])
                if all(span[1] < other.first or span[0] > other.last for other in best)]  # fmt: skip
        assert not rest


def test_answers_that_say_the_same_stand_by_each_other():
    text = WordNumbers("", 8).encode(["the", "red", "house", ",", "red", "house", "and", "Ann"])
    joint = np.full((3, 3), -np.inf)
    joint[0, 2], joint[1, 1], joint[2, 0] = np.log(0.3), np.log(0.3), np.log(0.4)
    (best, second) = best_spans(np.array([0, 4, 7]), joint, text, 1.0, 2)
    assert (best.first, best.last) == (0, 2)
    assert best.probability == pytest.approx(0.6)
    assert (second.first, second.probability) == (7, pytest.approx(0.4))


@pytest.mark.parametrize(
    ("question", "text", "sentence"),
    [
        ("", TEXT, "the question is empty"),
        ("Who came?", " \n", "the text is empty"),
        ("Who came?", [], "the text is empty"),
        ("?!", TEXT, "no words"),
        ("Who " * 300, TEXT, "1,200 characters"),
        ("Who came?", b"bytes", "a text is expected"),
        (3, TEXT, "a question is expected"),
        (["Who?", None], TEXT, "a question is expected"),
    ],
)
def test_bad_input_is_one_sentence(answerer, question, text, sentence):
    with pytest.raises(InputError, match=sentence):
        answerer.answer(question, text)


@pytest.mark.parametrize(
    ("question", "text", "note"),
    [
        ("The house", TEXT, "no verb"),
        ("Wer hat gestern das Haus besichtigt?", TEXT, "words of the question are unknown"),
        ("Who came?", "Gestern kam Anna und wollte das Haus besichtigen.", "words of the text are unknown"),
        ("Кто пришёл вчера вечером?", TEXT, "words of the question are unknown"),
    ],
)
def test_doubts_are_noted(answerer, question, text, note):
    assert any(note in each for each in answerer.answer(question, text).notes)


def test_odd_texts_are_read(answerer):
    for text in ("x" * 10_000, "\ufeff\u200b.", "🙂 came 🙂", "came\r\nAnn\tTom"):
        answerer.answer("Who came?", text)


@pytest.mark.parametrize("options", [{"n_best": 0}, {"threshold": 1.5}, {"passages": 0}])
def test_options_that_cannot_be(options):
    with pytest.raises(InputError):
        AnswerOptions(**options)


def test_saved_and_loaded_it_answers_the_same(tmp_path):
    torch.manual_seed(0)
    config = QuestionAnswererConfig("ann came to see the house who", 4, 2, 2, 4, 3, 2, 4, 3, temperature=1.5)
    made = QuestionAnswerer(config).eval()
    hub.save(made, tmp_path / "model", card="# A model\n\nOf a test.", half=False)
    loaded = hub.load(tmp_path / "model")
    one, two = made.answer("Who came?", TEXT), loaded.answer("Who came?", TEXT)
    assert one.as_dict() == two.as_dict()


def test_questions_of_a_list_are_answered_as_each_by_itself() -> None:
    """Passages are read for several questions at once, here of two texts and more questions than go together."""
    torch.manual_seed(3)
    answerer = QuestionAnswerer(
        QuestionAnswererConfig("ann tom came from who where", 8, 0, 4, 8, 8, 1, 8, 8, longest_answer=4)
    ).eval()
    texts = ["Ann came from Rome to see Tom. " * 40, "Tom was in the garden all day. Nobody saw him there."]
    questions = [f"Where was Tom{' then' * (number % 3)} {number}?" for number in range(20)]
    options = AnswerOptions(n_best=3, threshold=0.0, passages=2)
    together = answerer.answer(questions, texts, options)
    for question, one in zip(questions, together, strict=True):
        alone = answerer.answer(question, texts, options)
        assert (one.text, one.document, one.start) == (alone.text, alone.document, alone.start)
        np.testing.assert_allclose(one.attention, alone.attention, atol=1e-5)
        for span, other in zip(one.alternatives, alone.alternatives, strict=True):
            assert (span.start, span.end) == (other.start, other.end)
            assert span.confidence == pytest.approx(other.confidence, abs=1e-5)
