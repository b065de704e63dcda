"""Beam search against exhaustive enumeration on toy models, constraint by constraint; sampling; streaming."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from dataclasses import replace

import pytest
import torch
from hypothesis import given, strategies
from torch import Tensor

from lstm_models.decoding.beam_search import beam_search, stream_beam_search
from lstm_models.decoding.options import BeamOptions, Hypothesis
from lstm_models.decoding.sampling import expand, sample
from tests.helpers.toy_search import (
    END,
    START,
    WIDE,
    WORDS,
    History,
    Toy,
    allowed,
    assert_consistent,
    assert_same,
    enumerate_all,
    greedy,
    search,
)


@given(
    seed=strategies.integers(0, 10**6),
    lengths=strategies.tuples(strategies.integers(0, 4), strategies.integers(1, 5)).filter(lambda x: x[0] <= x[1]),
    penalty=strategies.sampled_from([0.0, 0.5, 0.7, 1.0, 2.0]),
    no_repeat=strategies.integers(0, 3),
    exclude=strategies.sampled_from([(), (), (3,)]),
)
def test_wide_beam_is_exhaustive_search(seed, lengths, penalty, no_repeat, exclude) -> None:
    low, high = lengths
    if no_repeat == 1:  # three words without one twice
        low = min(low, len(WORDS) - len(exclude))
    options = BeamOptions(
        beam=WIDE,
        n_best=8,
        min_length=low,
        max_length=high,
        length_penalty=penalty,
        exclude=exclude,
        no_repeat=no_repeat,
    )
    toy = Toy(seed)
    assert_same(search(toy, options)[0], enumerate_all(toy, options)[:8])


@given(
    seed=strategies.integers(0, 10**6),
    beam=strategies.integers(1, 12),
    penalty=strategies.sampled_from([0.0, 0.7, 1.5]),
    no_repeat=strategies.integers(0, 2),
    early_stop=strategies.booleans(),
)
def test_narrow_beam_gives_real_sequences(seed, beam, penalty, no_repeat, early_stop) -> None:
    options = BeamOptions(beam, min(beam, 3), 1, 6, penalty, no_repeat=no_repeat, early_stop=early_stop)
    toy = Toy(seed, inputs=3)
    for number, found in enumerate(search(toy, options)):
        assert_consistent(toy, found, options, number)
    assert toy.most_rows <= 3 * beam


def naive(toy: Toy, options: BeamOptions) -> list[tuple[tuple[int, ...], float]]:
    """The search as the text books write it, hypothesis by hypothesis; one input; with groups, the union of theirs."""
    size = options.beam // options.groups
    live: list[list[tuple[float, list[int], History]]] = [[(0.0, [START], toy.begin())] for _ in range(options.groups)]
    ended: dict[tuple[int, ...], float] = {}
    for length in range(options.max_length + 1):
        chosen: Counter[int] = Counter()
        for group, hypotheses in enumerate(live):
            candidates = []
            for total, tokens, state in hypotheses:
                given, after = toy.step(torch.tensor(tokens[-1:]), state)
                if length >= options.min_length:
                    end = total + float(given[0, END])
                    ended[tuple(tokens[1:])] = end / (length + 1) ** options.length_penalty
                for word in range(given.size(1)):
                    if word not in (START, END) and allowed((*tokens[1:], word), options):
                        log = float(given[0, word])
                        key = total + log - options.diversity * chosen[word]
                        candidates.append((key, total + log, [*tokens, word], after))
            candidates.sort(key=lambda candidate: -candidate[0])
            live[group] = [candidate[1:] for candidate in candidates[:size]]
            chosen.update(tokens[-1] for _, tokens, _ in live[group])
    return sorted(ended.items(), key=lambda item: -item[1])


@given(
    seed=strategies.integers(0, 10**6),
    beam=strategies.integers(1, 6),
    limits=strategies.sampled_from([(0, 5), (2, 4), (5, 5)]),
    no_repeat=strategies.sampled_from([0, 2]),
    penalty=strategies.sampled_from([0.0, 0.7, 1.5]),
)
def test_narrow_beam_is_the_text_book_search(seed, beam, limits, no_repeat, penalty) -> None:
    toy = Toy(seed, vocabulary=8)
    options = BeamOptions(beam, beam, *limits, penalty, no_repeat=no_repeat)
    wanted = naive(toy, options)[:beam]
    found = search(toy, options)[0]
    assert [h.tokens for h in found] == [tokens for tokens, _ in wanted]
    assert [h.score for h in found] == pytest.approx([score for _, score in wanted])


@given(seed=strategies.integers(0, 10**6), diversity=strategies.sampled_from([0.1, 0.7, 3.0]))
def test_diverse_groups_are_the_text_book_search(seed, diversity) -> None:
    toy = Toy(seed, vocabulary=8)
    options = BeamOptions(6, 6, 0, 4, groups=3, diversity=diversity)
    wanted = dict(naive(toy, options))
    found = search(toy, options)[0]
    assert found[0].tokens == max(wanted, key=wanted.__getitem__)
    assert {h.tokens: h.score for h in found} == pytest.approx({h.tokens: wanted[h.tokens] for h in found})


def test_beam_of_one_is_no_worse_than_greedy() -> None:
    options = BeamOptions(1, 1, 0, 6, 0.0)
    for seed in range(20):
        toy = Toy(seed)
        assert search(toy, options)[0][0].log_probability >= sum(toy.log_probabilities(greedy(toy, 6))) - 1e-9


def test_every_sequence_comes_back_where_all_are_wanted_and_no_fakes() -> None:
    options = BeamOptions(beam=50, n_best=50, max_length=2)
    toy = Toy(3)
    found = search(toy, options)[0]
    assert len(found) == 1 + 3 + 9
    assert_same(found, enumerate_all(toy, options))


@given(
    seed=strategies.integers(0, 10**6), beam=strategies.integers(1, 6), penalty=strategies.sampled_from([0.0, 0.7, 3.0])
)
def test_stopping_early_changes_nothing(seed, beam, penalty) -> None:
    toy = Toy(seed, sharpness=4.0)
    options = BeamOptions(beam, min(2, beam), 0, 8, penalty)
    found = search(toy, options)[0]
    calls, toy.calls = toy.calls, 0
    longer = search(toy, replace(options, n_best=beam))[0]  # the more results, the later the stop
    assert calls <= toy.calls <= 9
    assert found == longer[: len(found)]


def test_the_search_stops_as_soon_as_the_result_is_certain() -> None:
    toy = Toy(0, length=50)
    toy.tables[:, 3:, :, END] += 12  # the end is nearly certain after three tokens
    toy.tables = torch.log_softmax(toy.tables, -1)
    search(toy, BeamOptions(5, 1, 0, 50, 0.0))
    assert toy.calls < 12


def test_early_stop_calls_the_model_less_often() -> None:
    toys = [Toy(seed, length=40) for seed in range(5)]
    calls = []
    for early in (False, True):
        for toy in toys:
            toy.calls = 0
            assert_consistent(
                toy,
                search(toy, BeamOptions(4, 1, 0, 40, 1.0, early_stop=early))[0],
                BeamOptions(max_length=40, length_penalty=1.0),
            )
        calls.append(sum(toy.calls for toy in toys))
    assert calls[1] < calls[0]


def test_after_max_length_the_end_is_forced_and_counted() -> None:
    toy = Toy(5)
    toy.tables[..., END] -= 30  # the model would never end
    options = BeamOptions(beam=4, n_best=3, max_length=4)
    for h in search(toy, options)[0]:
        assert len(h.tokens) == 4
        assert h.token_log_probabilities[-1] < -5
        assert len(h.token_log_probabilities) == 5
    assert_same(search(toy, replace(options, beam=WIDE))[0], enumerate_all(toy, options)[:3])


def test_equal_scores_are_ordered_by_token_and_length() -> None:
    def uniform(tokens: Tensor, state: History) -> tuple[Tensor, History]:
        return torch.full((len(tokens), 40), -math.log(40.0)), state

    begin = History(torch.zeros(1, dtype=torch.long), torch.empty(1, 0, dtype=torch.long))
    options = BeamOptions(5, 5, 2, 2, 0.0)
    for _ in range(3):
        found = beam_search(uniform, begin, 1, start=START, end=END, options=options)[0]
        assert [h.tokens for h in found] == [(2, 2), (2, 3), (2, 4), (2, 5), (2, 6)]


def test_start_and_end_may_be_one_token() -> None:
    toy = Toy(2)
    found = beam_search(toy.step, toy.begin(), 1, start=0, end=0, options=BeamOptions(WIDE, 5, 0, 3))[0]
    assert {token for h in found for token in h.tokens} <= {1, 2, 3, 4}
    best = max(
        (sum(ended(toy, tokens)) / (len(tokens) + 1) ** 0.7, tokens)
        for length in range(4)
        for tokens in itertools.product((1, 2, 3, 4), repeat=length)
    )
    assert found[0].tokens == best[1]
    assert found[0].score == pytest.approx(best[0])


def ended(toy: Toy, tokens: tuple[int, ...]) -> list[float]:
    state, logs = toy.begin(), []
    for before, token in itertools.pairwise((0, *tokens, 0)):
        given, state = toy.step(torch.tensor([before]), state)
        logs.append(float(given[0, token]))
    return logs


@given(
    seed=strategies.integers(0, 10**6),
    beam=strategies.sampled_from([1, 2, 4, 6]),
    extra=strategies.sampled_from(
        [{}, {"include": (((3,),),)}, {"groups": 2, "diversity": 0.7}, {"no_repeat": 2}, {"early_stop": True}]
    ),
)
def test_batch_equals_one_by_one(seed, beam, extra) -> None:
    if beam % extra.get("groups", 1):
        beam = 2
    options = BeamOptions(beam=beam, n_best=min(beam, 2), max_length=7, length_penalty=0.3, **extra)
    toy = Toy(seed, inputs=4, sharpness=4.0)
    together = search(toy, options)
    for number in range(4):
        alone = beam_search(
            toy.step, toy.begin().select(torch.tensor([number])), 1, start=START, end=END, options=options
        )
        assert together[number] == alone[0]


def test_rows_carry_their_own_history() -> None:
    """What the state says was given to a row is what the search says it chose, at every step."""
    toy, seen = Toy(1, inputs=3), []

    def step(tokens: Tensor, state: History) -> tuple[Tensor, History]:
        given, after = toy.step(tokens, state)
        seen.append((state.inputs.tolist(), after.tokens.tolist()))
        return given, after

    options = BeamOptions(4, 4, 0, 6, 0.7)
    results = beam_search(step, toy.begin(), 3, start=START, end=END, options=options)
    for number, found in enumerate(results):
        for h in found:
            for length in range(len(h.tokens) + 1):
                inputs, rows = seen[length]
                assert [START, *h.tokens[:length]] in [r for i, r in zip(inputs, rows, strict=True) if i == number]


def test_finished_inputs_leave_the_rows() -> None:
    toy = Toy(4, inputs=4)
    toy.tables[1:, :, :, END] += 12  # all but the first end at once
    toy.tables = torch.log_softmax(toy.tables, -1)
    toy.tables[0, :, :, END] -= 20
    rows = []

    def step(tokens: Tensor, state: History) -> tuple[Tensor, History]:
        rows.append(len(tokens))
        assert len(tokens) == len(state.inputs)
        return toy.step(tokens, state)

    beam_search(step, toy.begin(), 4, start=START, end=END, options=BeamOptions(2, 1, 0, 6, 0.0))
    assert rows[0] == 4
    assert rows[1] < 8
    assert rows[-1] == 2


def test_an_empty_batch_has_no_results() -> None:
    toy = Toy(0)
    empty = toy.begin().select(torch.empty(0, dtype=torch.long))
    assert beam_search(toy.step, empty, 0, start=START, end=END) == []
    assert sample(toy.step, empty, 0, start=START, end=END) == []


def test_expand_repeats_rows_side_by_side() -> None:
    state = expand(Toy(0, inputs=2).begin(), 2, 3)
    assert state.inputs.tolist() == [0, 0, 0, 1, 1, 1]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_narrow_log_probabilities_are_summed_in_float32(dtype) -> None:
    toy = Toy(9)

    def step(tokens: Tensor, state: History) -> tuple[Tensor, History]:
        given, state = toy.step(tokens, state)
        return given.to(dtype), state

    h = beam_search(step, toy.begin(), 1, start=START, end=END, options=BeamOptions(max_length=6, min_length=6))[0][0]
    assert h.log_probability == pytest.approx(math.fsum(h.token_log_probabilities), abs=1e-5)


def test_a_token_of_no_probability_never_comes() -> None:
    toy = Toy(9)

    def step(tokens: Tensor, state: History) -> tuple[Tensor, History]:
        given, state = toy.step(tokens, state)
        return given.index_fill(-1, torch.tensor([3]), -math.inf), state

    for options in (BeamOptions(), BeamOptions(6, 6, groups=2, diversity=1.0), BeamOptions(WIDE, 50)):
        found = beam_search(step, toy.begin(), 1, start=START, end=END, options=replace(options, max_length=5))[0]
        assert found
        assert all(3 not in h.tokens and math.isfinite(h.score) for h in found)


@given(seed=strategies.integers(0, 10**6))
def test_groups_without_diversity_and_diversity_without_groups_are_plain(seed) -> None:
    toy = Toy(seed, inputs=2)
    plain = search(toy, BeamOptions(6, 4, max_length=7))
    assert search(toy, BeamOptions(6, 4, max_length=7, groups=3, diversity=0.0)) == plain
    assert search(toy, BeamOptions(6, 4, max_length=7, groups=1, diversity=2.0)) == plain


def test_first_group_is_a_plain_search_and_groups_differ() -> None:
    toy = Toy(8, inputs=5, vocabulary=20, length=8, sharpness=3.0)
    options = BeamOptions(6, 3, 3, 7, 0.7, groups=3, diversity=5.0)
    found = search(toy, options)
    plain = search(toy, BeamOptions(2, 1, 3, 7, 0.7))
    usual = search(toy, BeamOptions(6, 3, 3, 7, 0.7))
    for number in range(5):
        assert_consistent(toy, found[number], options, number)
        assert plain[number][0].tokens in [h.tokens for h in found[number]]
    assert spread(found) > 0.9 > spread(usual)


def spread(results: list[list[Hypothesis]]) -> float:
    """Mean share of positions at which two results of an input differ."""
    shares = [
        sum(x != y for x, y in itertools.zip_longest(a.tokens, b.tokens)) / max(len(a.tokens), len(b.tokens))
        for found in results
        for a, b in itertools.combinations(found, 2)
    ]
    return sum(shares) / len(shares)


def test_strong_diversity_forbids_the_same_first_word() -> None:
    toy = Toy(8, vocabulary=20)
    found = search(toy, BeamOptions(4, 4, 2, 6, groups=4, diversity=1000.0))[0]
    assert len({h.tokens[0] for h in found}) == 4


def test_diverse_groups_of_a_wide_beam_still_find_everything() -> None:
    toy = Toy(6)
    options = BeamOptions(400, 13, 0, 2, groups=2, diversity=0.5)
    assert_same(search(toy, options)[0], enumerate_all(toy, options))


@given(
    seed=strategies.integers(0, 10**6),
    extra=strategies.sampled_from(
        [{}, {"include": (((3,),),)}, {"groups": 2, "diversity": 0.7}, {"no_repeat": 2}, {"early_stop": True}]
    ),
    penalty=strategies.sampled_from([0.0, 0.7, 2.0]),
)
def test_stream_tells_prefixes_of_the_result_of_beam_search(seed, extra, penalty) -> None:
    toy = Toy(seed, sharpness=4.0)
    options = BeamOptions(4, 2, 0, 8, penalty, **extra)
    steps = list(stream_beam_search(toy.step, toy.begin(), start=START, end=END, options=options))
    assert list(steps[-1].results) == search(toy, options)[0]
    best = steps[-1].results[0].tokens
    assert steps[-1].decided == steps[-1].leading == best
    for before, after in itertools.pairwise(steps):
        assert not before.results
        assert best[: len(before.decided)] == before.decided
        assert before.leading[: len(before.decided)] == before.decided
        assert len(before.decided) <= len(after.decided)


def test_stream_decides_words_before_the_end() -> None:
    toy = Toy(2, sharpness=8.0)
    steps = list(stream_beam_search(toy.step, toy.begin(), start=START, end=END, options=BeamOptions(3, 1, 6, 8)))
    assert any(0 < len(progress.decided) < len(steps[-1].decided) for progress in steps[:-1])
