"""The peers that the question answerer is measured beside."""

from __future__ import annotations

import torch

from benchmarks.tasks import question_answering
from lstm_models.tasks.question_answering.config import QuestionAnswererConfig
from lstm_models.tasks.question_answering.features import tokenize
from lstm_models.tasks.question_answering.model import QuestionAnswerer

TEXT = "Ann came from Rome. The weather was fine. Tom wrote a letter to his aunt in Paris."
TINY = QuestionAnswererConfig(vocabulary="ann came tom wrote", encoder_size=4, modeling_size=4, longest_answer=3)


def test_the_nearest_sentence_shares_words_with_the_question() -> None:
    assert question_answering.nearest_sentence("Who wrote the letter?", TEXT).startswith("Tom wrote")
    assert question_answering.nearest_sentence("How was the weather?", TEXT) == "The weather was fine."
    assert question_answering.nearest_sentence("Who?", "To be. Or not to be.") == "To be."


def test_the_plain_reader_finds_the_likeliest_of_all_spans() -> None:
    torch.manual_seed(0)
    reader, answerer = question_answering.PlainReader(TINY).eval(), QuestionAnswerer(TINY)
    passage, question = (answerer.numbers.encode([t.text for t in tokenize(text)]) for text in (TEXT, "Who came?"))
    with torch.inference_mode():
        first, last, score = reader(passage, question)
    assert 0 <= first <= last < min(first + 3, len(passage.words))
    assert score < 0
    answer = question_answering.plain_answer(reader, answerer, "Who came?", TEXT)
    tokens = tokenize(TEXT)
    assert answer == TEXT[tokens[first].start : tokens[last].end]
