"""The question answerer: where it finds answers beside a search by words, and what questions cost as texts grow.

    python -m benchmarks.tasks.question_answering                                # speed alone, on a made-up text
    python -m benchmarks.tasks.question_answering quality --data squad-dev-v1.1.json.xz --limit 100
    python -m benchmarks.tasks.question_answering length --quick

``quality``: per cent of questions of which a sentence with the answer is named, and the mean F1 of what is given.
``length``: milliseconds a question against the words of the text, which is new to each of them.
``questions``: milliseconds a question against the questions that are put to one passage at once.

No reader comes from a package index with its weights. The peers are the sentence whose TF-IDF vector is nearest to the
question's, by scikit-learn, and a plain reader: the same layers by torch.nn.LSTM, untrained, as a loop over questions
and passages, every one of which it reads (Chen et al. 2017, arXiv:1704.00051, without its retriever).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from statistics import median
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.common import interleaved, milliseconds, run_tables, table
from lstm_apps.tasks.question_answering.metrics import f1
from lstm_datasets.question_answering.readers import AskedPassage, read_squad
from lstm_models.checkpoints import hub
from lstm_models.tasks.question_answering.config import QuestionAnswererConfig
from lstm_models.tasks.question_answering.decoding import AnswerOptions
from lstm_models.tasks.question_answering.features import EncodedText, match_flags, tokenize
from lstm_models.tasks.question_answering.model import QuestionAnswerer
from lstm_models.tasks.question_answering.passages import passages_of, sentences_of

SENTENCE = "The committee met in the town hall on Monday, and Maria Lopez spoke about the bridge for an hour. "
QUESTION = "Who spoke about the bridge in the town hall?"
LENGTHS, COUNTS = (200, 2_000, 20_000, 200_000), (1, 4, 16, 64)
PLAIN_MOST = 20_000  # words of a text up to which the plain reader is waited for


class PlainReader(nn.Module):
    """One question and one passage at a time: both read by torch.nn.LSTM, aligned, read once more; start and end."""

    def __init__(self, config: QuestionAnswererConfig) -> None:
        super().__init__()
        size, layers = config.encoder_size, config.encoder_layers
        lstm = partial(nn.LSTM, batch_first=True, bidirectional=True)
        self.words = nn.Embedding(len(config.vocabulary.split()) + 2, config.embedding_size)
        self.reader = lstm(config.embedding_size, size, layers)
        self.modeling = lstm(4 * size + 3, config.modeling_size, 1 + config.self_attention)
        self.start = nn.Linear(2 * size, 2 * config.modeling_size)
        self.end = nn.Linear(2 * size, 2 * config.modeling_size)
        self.longest = config.longest_answer

    def forward(self, passage: EncodedText, question: EncodedText) -> tuple[int, int, float]:
        """The first and the last token of the likeliest answer, and its log probability."""
        tokens, _ = self.reader(self.words(torch.from_numpy(passage.words).long())[None])
        asks, _ = self.reader(self.words(torch.from_numpy(question.words).long())[None])
        aligned = (tokens @ asks.transpose(1, 2)).softmax(-1) @ asks
        flags = torch.from_numpy(match_flags(passage, question)).float()[None]
        read, _ = self.modeling(torch.cat([tokens, aligned, flags], -1))
        start, end = (self._scores(read, each(asks.mean(1))) for each in (self.start, self.end))
        joint = torch.full((len(start), len(end)), -torch.inf)
        for first in range(len(start)):
            last = min(first + self.longest, len(end))
            joint[first, first:last] = start[first] + end[first:last]
        place = int(joint.argmax())
        return place // len(end), place % len(end), float(joint.max())

    @staticmethod
    def _scores(read: Tensor, wanted: Tensor) -> Tensor:
        return (read @ wanted[..., None])[0, :, 0].log_softmax(0)


@torch.inference_mode()
def plain_answer(reader: PlainReader, answerer: QuestionAnswerer, question: str, text: str) -> str:
    """The likeliest answer of all passages, each of which is read anew."""
    tokens = tokenize(text)
    asked = answerer.numbers.encode([token.text for token in tokenize(question)])
    best = (0, 0, -torch.inf)
    for _, first, last in passages_of(text, tokens):
        begin, end, score = reader(answerer.numbers.encode([token.text for token in tokens[first:last]]), asked)
        best = max(best, (first + begin, first + end, score), key=lambda one: one[2])
    return text[tokens[best[0]].start : tokens[best[1]].end]


def nearest_sentence(question: str, text: str) -> str:
    """The sentence of a text whose TF-IDF vector is nearest to the question's."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    sentences = sentences_of(text)
    weighing = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2), stop_words="english")
    try:
        vectors = weighing.fit_transform(sentences)
    except ValueError:  # nothing but stop words
        return sentences[0]
    return sentences[int((vectors @ weighing.transform([question]).T).toarray().argmax())]


def quality(answerer: QuestionAnswerer, passages: Sequence[AskedPassage]) -> dict[str, Any]:
    """Per cent of right sentences, and F1, of both."""
    found: dict[str, dict[str, list[float]]] = {}
    for passage in passages:
        asked = [question for question in passage.questions if question.answers]
        answers = answerer.answer([each.text for each in asked], passage.text, AnswerOptions(1, threshold=0.0))
        for question, answer in zip(asked, answers, strict=True):
            nearest = nearest_sentence(question.text, passage.text)
            references = [text for text, _ in question.answers]
            given = {"lstm-models": (answer.sentence, answer.text), "TF-IDF sentence": (nearest, nearest)}
            for system, (sentence, text) in given.items():
                scores = found.setdefault(system, {"sentence": [], "f1": []})
                scores["sentence"].append(float(any(each in sentence for each in references)))
                scores["f1"].append(f1(text, references))
    means = {
        system: {name: 100 * sum(values) / len(values) for name, values in scores.items()}
        for system, scores in found.items()
    }
    count = len(found["lstm-models"]["f1"]) if found else 0
    print(f"{count} questions about {len(passages)} passages\n")
    head = ["", "sentence with the answer, %", "F1"]
    print(table(head, [[system, *(f"{value:.1f}" for value in each.values())] for system, each in means.items()]))
    return {"questions": count, **means}


def speed(name: str, answerer: QuestionAnswerer, sizes: Sequence[int], repeats: int) -> dict[str, Any]:
    """Milliseconds a question for each size."""
    reader = PlainReader(answerer.config).eval()
    found: dict[str, Any] = {}
    for size in sizes:
        length, count = (size, 1) if name == "length" else (200, size)
        text = SENTENCE * (length // len(SENTENCE.split()))
        questions = [f"{QUESTION[:-1]} {number}?" for number in range(count)]
        runs: dict[str, Callable[[], Any]] = {
            "lstm-models": partial(answerer.answer, questions, text, AnswerOptions(1)),
            "TF-IDF sentence": lambda ask=questions, text=text: [nearest_sentence(each, text) for each in ask],  # type: ignore[misc]
        }
        if length <= PLAIN_MOST:
            runs["plain reader"] = lambda ask=questions, text=text: [  # type: ignore[misc]
                plain_answer(reader, answerer, each, text) for each in ask
            ]
        times = interleaved(runs, repeats)
        found[str(size)] = {kind: median(seconds) / count for kind, seconds in times.items()}
    kinds = ("lstm-models", "TF-IDF sentence", "plain reader")
    head = ["words" if name == "length" else "questions at once", *(f"{kind}, ms" for kind in kinds)]
    rows = [
        [size, *(milliseconds(each[kind]) if kind in each else "–" for kind in kinds)] for size, each in found.items()
    ]
    print(table(head, rows))
    return found


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    """Prints the tables that are named, all of them if none is; see the module."""

    def right(given: argparse.Namespace) -> dict[str, Any]:
        if not given.data:
            print("without --data: left out")
            return {}
        passages = [each for each in read_squad(given.data) if any(question.answers for question in each.questions)]
        chosen = passages[:: max(1, len(passages) // (given.limit or len(passages)))][: given.limit]
        return quality(hub.load_as(QuestionAnswerer, given.model), chosen)

    def fast(name: str, sizes: Sequence[int], given: argparse.Namespace) -> dict[str, Any]:
        answerer = hub.load_as(QuestionAnswerer, given.model)
        return speed(name, answerer, sizes[:1] if given.quick else sizes, 1 if given.quick else 3)

    tables = {
        "quality": right,
        "length": partial(fast, "length", LENGTHS),
        "questions": partial(fast, "questions", COUNTS),
    }
    options = {
        "model": {"default": "question-answerer", "help": "a bundled model or a folder"},
        "data": {"help": "a file of SQuAD's form"},
        "limit": {"type": int, "help": "passages of it, spread over it"},
    }
    return run_tables(__doc__ or "", tables, arguments, options)


if __name__ == "__main__":
    main()
