"""Samples follow the truncated distribution, their seed and the options."""

from __future__ import annotations

import math
from collections import Counter

import pytest
import torch
from torch import Tensor

from lstm_models.decoding.options import BeamOptions, Hypothesis
from lstm_models.decoding.sampling import sample
from lstm_models.errors import InputError
from tests.helpers.toy_search import (
    END,
    START,
    History,
    Toy,
    allowed,
    greedy,
    nothing,
)


def one_step(probabilities: list[float]):
    logs = torch.tensor(probabilities, dtype=torch.float64).log()

    def step(tokens: Tensor, state: History) -> tuple[Tensor, History]:
        return logs.expand(len(tokens), -1), state

    return step


@pytest.mark.parametrize("top_p", [1.0, 0.75, 0.5, 0.01])
@pytest.mark.parametrize("temperature", [1.0, 0.5, 2.0])
def test_samples_follow_the_truncated_distribution(top_p, temperature) -> None:
    probabilities = [0.1, 0.1, 0.35, 0.25, 0.15, 0.05]
    warm = [p ** (1 / temperature) for p in probabilities]
    warm[START] = 0.0  # start never comes
    wanted, mass, total = {}, 0.0, sum(warm)
    for token in sorted(range(6), key=lambda token: -warm[token]):
        if mass < top_p * total - 1e-12:
            wanted[token] = warm[token]
        mass += warm[token]
    draws = 6000
    found = sample(
        one_step(probabilities), nothing(), 1, start=START, end=END, max_length=1, top_p=top_p,
        temperature=temperature, samples=draws, generator=torch.Generator().manual_seed(1),
    )[0]  # fmt: skip
    counts = Counter(h.tokens[0] if h.tokens else END for h in found)
    assert set(counts) <= {token for token, weight in wanted.items() if weight}
    for token, weight in wanted.items():
        share = weight / sum(wanted.values())
        # five standard deviations of the count
        assert abs(counts[token] - share * draws) <= 5 * math.sqrt(draws * share * (1 - share)) + 1e-9
    for h in found[:20]:  # the model's own probabilities, before temperature and truncation
        logs = [math.log(probabilities[token]) for token in (*h.tokens, END)]
        assert h.token_log_probabilities == pytest.approx(logs)
        assert h.score == h.log_probability == pytest.approx(sum(logs))


def test_sampling_follows_its_seed_and_its_state() -> None:
    toy = Toy(7, inputs=3)

    def draw(seed: int) -> list[list[Hypothesis]]:
        generator = torch.Generator().manual_seed(seed)
        return sample(toy.step, toy.begin(), 3, start=START, end=END, max_length=6, samples=4, generator=generator)

    first = draw(1)
    assert draw(1) == first
    assert draw(2) != first
    assert [len(found) for found in first] == [4, 4, 4]
    for number, found in enumerate(first):
        for h in found:
            assert h.token_log_probabilities == pytest.approx(toy.log_probabilities(h.tokens, number))


def test_a_narrow_nucleus_is_greedy() -> None:
    for seed in range(10):
        toy = Toy(seed)
        found = sample(toy.step, toy.begin(), 1, start=START, end=END, max_length=6, top_p=1e-9)
        assert found[0][0].tokens == greedy(toy, 6)


def test_samples_meet_lengths_exclusions_and_repeats() -> None:
    toy = Toy(3, sharpness=0.5)
    limits = {"min_length": 2, "max_length": 4, "exclude": (3,), "no_repeat": 2}
    generator = torch.Generator().manual_seed(0)
    found = sample(toy.step, toy.begin(), 1, start=START, end=END, samples=200, generator=generator, **limits)[0]
    assert {len(h.tokens) for h in found} == {2, 3, 4}
    assert all(allowed(h.tokens, BeamOptions(exclude=(3,), no_repeat=2)) for h in found)


@pytest.mark.parametrize(
    "arguments",
    [
        {"temperature": 0.0},
        {"temperature": math.nan},
        {"top_p": 0.0},
        {"top_p": 1.5},
        {"samples": 0},
        {"max_length": 0},
        {"min_length": 5, "max_length": 4},
        {"exclude": (END,)},
        {"exclude": (99,)},
        {"exclude": (2, 3, 4), "min_length": 1},
    ],
)
def test_sampling_refuses_what_cannot_be(arguments) -> None:
    toy = Toy(0)
    with pytest.raises(InputError) as error:
        sample(toy.step, toy.begin(), 1, start=START, end=END, **arguments)
    assert error.value.usage
