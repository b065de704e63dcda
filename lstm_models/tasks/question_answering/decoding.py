"""From a question and texts to answers: the options of the search, which passages are read, the likeliest spans.

- A span's probability is that of its start times that of its end; that the start is not "nowhere" is the probability
  that the passage has an answer at all, by which one is given or not.
- The span is chosen that has the highest mean of expected exact match and expected F1, by the probabilities of the
  others: not always the likeliest one, as answers that differ by a word support each other (minimum Bayes risk, Kumar
  and Byrne 2004), and one that stands in several places has the probabilities of all.
- Of several passages each is read by itself, and the spans of all are ranked by how sure they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from lstm_models.confidence import Calibration
from lstm_models.decoding.options import check_number
from lstm_models.errors import InputError
from lstm_models.field_checks import check_kinds
from lstm_models.tasks.question_answering.features import (
    EncodedText,
    Token,
    content_words,
    match_flags,
    tokenize,
)
from lstm_models.tasks.question_answering.network import NOWHERE, Item, collate
from lstm_models.tasks.question_answering.passages import Passage, passages_of, ranked, sentence_at
from lstm_models.tasks.question_answering.results import Answer, AnswerSpan

if TYPE_CHECKING:
    from lstm_models.tasks.question_answering.network import QuestionAnsweringNetwork

__all__ = ["AnswerOptions", "Span", "find_answers", "spans_of"]

_BATCH_TOKENS = 6000
_QUESTIONS = 16  # that are put to a passage at once
_STARTS = 10  # likeliest starts whose ends are looked at
_COMPARED = 30  # likeliest spans that are compared with each other
_ALIKE = 0.5  # F1 of two answers from which on one is right where the other is


@dataclass(frozen=True)
class AnswerOptions:
    """How to search.

    Attributes:
        n_best: answers wanted, the runners-up counted.
        threshold: below this probability that the text has the answer, none is given. None for the model's own.
        passages: passages that are read of a long text or of several, those most alike the question.

    Raises:
        InputError: a number is out of its range (``usage=True``).
    """

    n_best: int = 3
    threshold: float | None = None
    passages: int = 8

    def __post_init__(self) -> None:
        check_kinds(self)
        for name in ("n_best", "passages"):
            check_number(name, getattr(self, name), 1, 1000)
        if self.threshold is not None and not 0 <= self.threshold <= 1:
            raise InputError(f"threshold must be from 0 to 1, and is {self.threshold}", usage=True)


class Span(NamedTuple):
    """Tokens ``first`` to ``last`` of a passage.

    ``probability``, of the network: that they are the answer, or one that shares half of their words is, where the
    passage has one. ``presence``: that it has.
    """

    first: int
    last: int
    probability: float
    presence: float


@torch.no_grad()
def spans_of(
    network: QuestionAnsweringNetwork, items: Sequence[Item], n_best: int, *, attention: bool = False
) -> list[tuple[list[Span], np.ndarray]]:
    """The best span of each question of the items, in order, and the likeliest others; no two share a token.

    Returns:
        For each question its spans, the best first, and with ``attention`` how much each token of the passage
        looked at each of the question [question tokens, tokens]; else [0, 0].
    """
    device = network.vectors.weight.device
    made: list[tuple[list[Span], np.ndarray]] = []
    for batch in _batches(items):
        inputs = {name: value.to(device) for name, value in collate(batch).items()}
        passage, question = (network.read_part(inputs, kind) for kind in ("passage", "question"))
        found = network(passage, question, inputs["owner"], inputs["flags"])
        starts = found.start[:, 1:].topk(min(_STARTS, found.start.size(1) - 1), 1)
        ends = [network.ends(found, column, question) for column in starts.indices.T]
        joint = (torch.stack(ends, 1) + starts.values[..., None]).cpu().numpy()
        firsts, presence = starts.indices.cpu().numpy(), (-found.start[:, 0].expm1()).tolist()
        for row in range(len(joint)):
            owner = int(inputs["owner"][row])
            size = int(inputs["question_lengths"][row]), int(inputs["passage_lengths"][owner])
            look = found.alignment[row, : size[1], : size[0]].T.float().cpu().numpy() if attention else np.zeros((0, 0))
            spans = best_spans(firsts[row], joint[row], batch[owner].passage, presence[row], n_best)
            made.append((spans, look.astype(np.float32)))
    return made


def best_spans(firsts: np.ndarray, joint: np.ndarray, text: EncodedText, presence: float, n_best: int) -> list[Span]:
    """The best span of log probabilities [starts, lengths], and the likeliest that overlap neither it nor each other.

    Args:
        firsts: the first token of each row.
        joint: log probabilities of spans from there, of one token and more; -inf for none.
        text: the passage.
        presence: the probability that it has an answer.
        n_best: spans wanted.
    """
    places = np.argsort(-joint, axis=None, kind="stable")
    places = places[np.isfinite(joint.flat[places])]
    rows, more = np.unravel_index(places, joint.shape)
    spans = [(int(firsts[row]), int(firsts[row] + length)) for row, length in zip(rows, more, strict=True)]
    sure = np.exp(joint.flat[places].astype(np.float64))
    alike, probability = _likeness(text, spans[:_COMPARED]), sure[:_COMPARED].copy()
    best = int(np.argmax((alike + (alike == 1)) @ probability)) if spans else 0
    sure[:_COMPARED] = (alike >= _ALIKE) @ probability
    kept: list[Span] = []
    for place in (best, *range(len(spans))) if spans else ():
        first, last = spans[place]
        if len(kept) < n_best and all(first > other.last or last < other.first for other in kept):
            kept.append(Span(first, last, min(1.0, float(sure[place]) / max(presence, 1e-9)), presence))
    return kept


def _likeness(text: EncodedText, spans: Sequence[tuple[int, int]]) -> np.ndarray:
    """SQuAD's F1 of the words of each span with those of each other one, marks and articles aside [spans, spans]."""
    counts, words = content_words(text), text.hashes[1]
    columns: dict[tuple[int, int], int] = {}  # a word, and its how manieth in the span
    rows = []
    for first, last in spans:
        inside = [int(words[place]) for place in range(first, last + 1) if counts[place]]
        inside = inside or [int(word) for word in words[first : last + 1]]
        each = [
            columns.setdefault((word, inside[:place].count(word)), len(columns)) for place, word in enumerate(inside)
        ]
        rows.append(each)
    has = np.zeros((len(spans), len(columns)))
    for row, each in zip(has, rows, strict=True):
        row[each] = 1
    size = has.sum(1)
    found: np.ndarray = 2 * (has @ has.T) / (size[:, None] + size)
    return found


def _batches(items: Sequence[Item]) -> list[list[Item]]:
    made: list[list[Item]] = []
    tokens = 0
    for item in items:
        cost = len(item.passage.words) * len(item.questions)
        if not made or tokens + cost > _BATCH_TOKENS:
            made.append([])
            tokens = 0
        made[-1].append(item)
        tokens += cost
    return made


def find_answers(
    network: QuestionAnsweringNetwork,
    questions: Sequence[str],
    documents: Sequence[str],
    options: AnswerOptions,
    tokens: Sequence[Sequence[Token]] | None = None,
) -> list[Answer]:
    """The answers that the documents have to questions; a passage is read once for several of them.

    Args:
        network: the model.
        questions: in English.
        documents: the texts.
        options: how to search.
        tokens: of each document, where they are known already.
    """
    tokens = [tokenize(text) for text in documents] if tokens is None else tokens
    passages = [
        each
        for number, (text, of_text) in enumerate(zip(documents, tokens, strict=True))
        for each in passages_of(text, of_text, number)
    ]
    texts = [[token.text for token in tokens[each.document][each.first : each.last]] for each in passages]
    words = [[token.text for token in tokenize(question)] for question in questions]
    encoded = [network.numbers.encode(each) for each in words]
    of_passage: dict[int, list[int]] = {}  # the questions that are put to each passage
    for place, each in enumerate(words):
        for number in ranked(each, texts, options.passages):
            of_passage.setdefault(number, []).append(place)
    items, order = _items(network, texts, encoded, of_passage)
    found: list[list[tuple[AnswerSpan, float, int, np.ndarray]]] = [[] for _ in questions]
    for (number, place), (spans, look) in zip(
        order, spans_of(network, items, options.n_best, attention=True), strict=True
    ):
        for span in spans:
            answer, presence = _answer_span(network, span, passages[number], documents, tokens)
            found[place].append((answer, presence, number, look))
    made = []
    for question, of_question, candidates in zip(questions, words, found, strict=True):
        best = sorted(candidates, key=lambda each: -each[0].confidence)[: options.n_best]
        likely, (_, presence, number, look) = [span for span, *_ in best], best[0]
        passage = passages[number]
        threshold = network.config.threshold if options.threshold is None else options.threshold
        answered = presence >= threshold
        read = tokens[passage.document][passage.first : passage.last]
        made.append(
            Answer(
                question=question,
                found=likely[0] if answered else None,
                alternatives=tuple(likely[1:] if answered else likely),
                documents=tuple(documents),
                question_words=tuple(of_question),
                passage_words=tuple((token.start, token.end) for token in read),
                attention=look,
                presence=presence,
            )
        )
    return made


def _items(
    network: QuestionAnsweringNetwork,
    texts: Sequence[Sequence[str]],
    questions: Sequence[EncodedText],
    of_passage: Mapping[int, Sequence[int]],
) -> tuple[list[Item], list[tuple[int, int]]]:
    """Passages with the questions that are put to them, and the passage and the question of each row."""
    items: list[Item] = []
    order: list[tuple[int, int]] = []
    for number, places in of_passage.items():
        read = network.numbers.encode(texts[number])
        for first in range(0, len(places), _QUESTIONS):
            part = places[first : first + _QUESTIONS]
            asking = [questions[place] for place in part]
            flags = [match_flags(read, each) for each in asking]
            items.append(Item(read, asking, flags, [(NOWHERE, NOWHERE)] * len(part)))
            order += [(number, place) for place in part]
    return items, order


def _answer_span(
    network: QuestionAnsweringNetwork,
    span: Span,
    passage: Passage,
    documents: Sequence[str],
    tokens: Sequence[Sequence[Token]],
) -> tuple[AnswerSpan, float]:
    """A span of a passage as characters of its document, and the calibrated probability that this has an answer."""
    text, of_text = documents[passage.document], tokens[passage.document]
    start, end = of_text[passage.first + span.first].start, of_text[passage.first + span.last].end
    config = network.config
    presence = float(Calibration(config.presence_temperature, config.presence_bias)([span.presence])[0])
    confidence = float(Calibration(config.temperature, config.calibration_bias)([presence * span.probability])[0])
    found = AnswerSpan(text[start:end], start, end, confidence, passage.document, sentence_at(text, start, end))
    return found, presence
