"""Toy models of three words for the searches, and what enumeration finds."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from lstm_models.decoding.beam_search import beam_search
from lstm_models.decoding.options import BeamOptions, Hypothesis

START, END = 0, 1


WORDS = (2, 3, 4)  # what the toy models can say


WIDE = 1000  # more than the toys have hypotheses


@dataclass
class History:
    """A state that remembers what its row was given, so that a wrongly selected row is found out."""

    inputs: Tensor  # [rows]
    tokens: Tensor  # [rows, tokens]

    def select(self, index: Tensor) -> History:
        return History(self.inputs[index], self.tokens[index])


class Toy:
    """Position-dependent Markov model with random tables; the probabilities of input i are its own."""

    def __init__(
        self, seed: int, inputs: int = 1, vocabulary: int = 5, length: int = 8, sharpness: float = 2.0
    ) -> None:
        generator = torch.Generator().manual_seed(seed)
        size = (inputs, length + 1, vocabulary, vocabulary)
        self.tables = torch.log_softmax(sharpness * torch.randn(size, generator=generator, dtype=torch.float64), -1)
        self.inputs, self.calls, self.most_rows = inputs, 0, 0

    def begin(self) -> History:
        return History(torch.arange(self.inputs), torch.empty(self.inputs, 0, dtype=torch.long))

    def step(self, tokens: Tensor, state: History) -> tuple[Tensor, History]:
        length = state.tokens.size(1)
        before = state.tokens[:, -1] if length else tokens
        self.calls, self.most_rows = self.calls + 1, max(self.most_rows, len(tokens))
        # the search gives the last token, the state has those before: the probability depends on both
        shift = torch.sin(torch.outer(before + 1.0, torch.arange(self.tables.size(-1), dtype=torch.float64) + length))
        given = torch.log_softmax(self.tables[state.inputs, length, tokens] + shift, -1)
        return given, History(state.inputs, torch.cat([state.tokens, tokens[:, None]], 1))

    def log_probabilities(self, tokens: tuple[int, ...], number: int = 0) -> list[float]:
        """Of each token and the end, one token after the other, without any search."""
        state, logs = History(torch.tensor([number]), torch.empty(1, 0, dtype=torch.long)), []
        for before, token in itertools.pairwise((START, *tokens, END)):
            given, state = self.step(torch.tensor([before]), state)
            logs.append(float(given[0, token]))
        return logs


def enumerate_all(toy: Toy, options: BeamOptions, number: int = 0, words: tuple[int, ...] = WORDS) -> list[Hypothesis]:
    """Every sequence that meets the options, best first: the definition, written down without a search."""
    found = []
    for length in range(options.min_length, options.max_length + 1):
        for tokens in itertools.product(words, repeat=length):
            if allowed(tokens, options):
                logs = toy.log_probabilities(tokens, number)
                total = sum(logs)
                found.append(Hypothesis(tokens, total, total / (length + 1) ** options.length_penalty, tuple(logs)))
    return sorted(found, key=lambda hypothesis: -hypothesis.score)


def allowed(tokens: tuple[int, ...], options: BeamOptions) -> bool:
    n = options.no_repeat
    grams = [tokens[i : i + n] for i in range(len(tokens) - n + 1)] if n else []
    return (
        not set(tokens) & set(options.exclude)
        and len(grams) == len(set(grams))
        and all(any(contains(tokens, form) for form in forms) for forms in options.include)
    )


def contains(tokens: tuple[int, ...], form: tuple[int, ...]) -> bool:
    return any(tokens[i : i + len(form)] == form for i in range(len(tokens) - len(form) + 1))


def search(toy: Toy, options: BeamOptions) -> list[list[Hypothesis]]:
    return beam_search(toy.step, toy.begin(), toy.inputs, start=START, end=END, options=options)


def assert_same(found: list[Hypothesis], wanted: list[Hypothesis]) -> None:
    assert [h.tokens for h in found] == [h.tokens for h in wanted]
    for mine, theirs in zip(found, wanted, strict=True):
        assert mine.log_probability == pytest.approx(theirs.log_probability)
        assert mine.score == pytest.approx(theirs.score)
        assert mine.token_log_probabilities == pytest.approx(theirs.token_log_probabilities)


def assert_consistent(toy: Toy, found: list[Hypothesis], options: BeamOptions, number: int = 0) -> None:
    """Results are real sequences with their own probabilities, distinct, in order, and within the options."""
    assert 1 <= len(found) <= options.n_best
    assert len({h.tokens for h in found}) == len(found)
    assert [h.score for h in found] == sorted((h.score for h in found), reverse=True)
    for h in found:
        assert options.min_length <= len(h.tokens) <= options.max_length
        assert not {START, END} & set(h.tokens)
        assert allowed(h.tokens, options)
        assert h.token_log_probabilities == pytest.approx(toy.log_probabilities(h.tokens, number))
        assert h.log_probability == pytest.approx(sum(h.token_log_probabilities))
        assert h.score == pytest.approx(h.log_probability / (len(h.tokens) + 1) ** options.length_penalty)


def greedy(toy: Toy, max_length: int) -> tuple[int, ...]:
    state, tokens = toy.begin(), [START]
    while len(tokens) <= max_length:
        given, state = toy.step(torch.tensor(tokens[-1:]), state)
        given[:, START] = -math.inf
        tokens.append(int(given.argmax()))
        if tokens[-1] == END:
            return tuple(tokens[1:-1])
    return tuple(tokens[1:])


def nothing(rows: int = 1) -> History:
    return History(torch.arange(rows), torch.empty(rows, 0, dtype=torch.long))
