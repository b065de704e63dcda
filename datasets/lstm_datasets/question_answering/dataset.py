"""Passages with their questions as items of a batch; some of the questions belong to other passages."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch.utils.data import Dataset

from lstm_datasets.question_answering.readers import AskedPassage
from lstm_models.tasks.question_answering.features import EncodedText, Token, WordNumbers, match_flags, tokenize
from lstm_models.tasks.question_answering.network import NOWHERE, Item

__all__ = ["PassageQuestions", "token_span"]


def token_span(tokens: Sequence[Token], start: int, end: int) -> tuple[int, int] | None:
    """The first and the last token that have characters of ``text[start:end]``; None where none has."""
    inside = [number for number, token in enumerate(tokens) if token.end > start and token.start < end]
    return (inside[0], inside[-1]) if inside else None


class PassageQuestions(Dataset[Item]):
    """Passages with their questions, and some of other passages, whose answer is nowhere.

    Of those, some are about another passage of the same article, where there is one: most alike, and hardest. Where the
    words of an answer stand in several places of the passage, each of them is an answer.

    Args:
        passages: what was read.
        numbers: numbers of words.
        longest: tokens of a passage; what comes after is cut off, with the questions about it.
        longest_answer: tokens of an answer; longer ones are left out.
        others: questions of other passages for each passage, on average.
        near: fraction of them about the same article.
        at_most: questions of an item; a passage with more of them becomes several.
        seed: of the choice of other questions; it is another one each epoch.
    """

    def __init__(
        self,
        passages: Sequence[AskedPassage],
        numbers: WordNumbers,
        *,
        longest: int = 400,
        longest_answer: int = 20,
        others: float = 0.0,
        near: float = 0.5,
        at_most: int = 8,
        seed: int = 1,
    ) -> None:
        self.others, self.near, self.seed, self.epoch = others, near, seed, 0
        self.texts: list[EncodedText] = []
        self.questions: list[EncodedText] = []
        self.passage_of: list[int] = []  # of each question
        self.items: list[tuple[int, list[int], list[tuple[int, int]]]] = []  # passage, questions, spans
        self.article: list[tuple[int, int]] = []  # of each passage: the questions of its article, from, to
        titles: dict[str, list[int]] = {}
        for passage in passages:
            tokens = tokenize(passage.text)[:longest]
            found = []
            for question in passage.questions:
                words = [token.text for token in tokenize(question.text)]
                spans = [token_span(tokens, start, start + len(answer)) for answer, start in question.answers]
                if not words or not spans or spans[0] is None or spans[0][1] - spans[0][0] >= longest_answer:
                    continue
                found.append((len(self.questions), spans[0]))
                self.questions.append(numbers.encode(words))
                self.passage_of.append(len(self.texts))
            if not found:
                continue
            for first in range(0, len(found), at_most):
                chunk = found[first : first + at_most]
                self.items.append((len(self.texts), [one for one, _ in chunk], [span for _, span in chunk]))
            titles.setdefault(passage.title, []).append(len(self.texts))
            self.texts.append(numbers.encode([token.text for token in tokens]))
        questions_of: dict[int, list[int]] = {}
        for question_number, passage_number in enumerate(self.passage_of):
            questions_of.setdefault(passage_number, []).append(question_number)
        self.article = [(0, 0)] * len(self.texts)
        for numbers_of_title in titles.values():
            every = [question for each in numbers_of_title for question in questions_of[each]]
            for each in numbers_of_title:
                self.article[each] = (min(every), max(every) + 1)
        self.lengths = [len(self.texts[passage].words) for passage, _, _ in self.items]

    def set_epoch(self, epoch: int) -> None:
        """Another epoch, other questions of other passages."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Item:
        number, chosen, spans = self.items[index]
        chosen, spans, text = list(chosen), list(spans), self.texts[number]
        repeats = [(place, *span) for place, one in enumerate(spans) for span in _repeats(text, one)]
        generator = np.random.default_rng((self.seed, self.epoch, index))
        for _ in range(generator.poisson(self.others) if self.others else 0):
            among = self.article[number] if generator.random() < self.near else (0, len(self.questions))
            other = int(generator.integers(*among))
            if self.passage_of[other] != number:
                chosen.append(other)
                spans.append((NOWHERE, NOWHERE))
        questions = [self.questions[each] for each in chosen]
        return Item(text, questions, [match_flags(text, question) for question in questions], spans, repeats)


def _repeats(text: EncodedText, span: tuple[int, int]) -> list[tuple[int, int]]:
    """Where the words of a span stand again, in any case."""
    words, count = text.hashes[1], span[1] + 1 - span[0]
    wanted = words[span[0] : span[1] + 1]
    same = np.lib.stride_tricks.sliding_window_view(words, count) == wanted
    return [(int(first), int(first) + count - 1) for first in same.all(1).nonzero()[0] if first != span[0]]
