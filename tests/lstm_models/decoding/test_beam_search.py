"""Beam search against exhaustive enumeration on toy models, constraint by constraint; sampling; streaming."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from dataclasses import dataclass, replace

import pytest
import torch
from hypothesis import given, strategies
from torch import Tensor

from lstm_models.decoding.beam_search import beam_search, stream_beam_search
from lstm_models.decoding.options import BeamOptions, Hypothesis
from lstm_models.decoding.sampling import expand, sample
from lstm_models.errors import InputError

START, END = 0, 1
WORDS = (2, 3, 4)  # what the toy models can say
WIDE = 4000  # more than the toys have hypotheses


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


# --- exhaustive search ----------------------------------------------------------------------------------------------


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


def greedy(toy: Toy, max_length: int) -> tuple[int, ...]:
    state, tokens = toy.begin(), [START]
    while len(tokens) <= max_length:
        given, state = toy.step(torch.tensor(tokens[-1:]), state)
        given[:, START] = -math.inf
        tokens.append(int(given.argmax()))
        if tokens[-1] == END:
            return tuple(tokens[1:-1])
    return tuple(tokens[1:])


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


# --- batches and states ---------------------------------------------------------------------------------------------


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


# --- words that must come -------------------------------------------------------------------------------------------

FORMS = strategies.lists(strategies.sampled_from(WORDS), min_size=1, max_size=3).map(tuple)
ENTRIES = strategies.lists(strategies.lists(FORMS, min_size=1, max_size=2).map(tuple), min_size=1, max_size=3).map(
    tuple
)


@given(
    seed=strategies.integers(0, 10**6),
    include=ENTRIES,
    max_length=strategies.integers(1, 5),
    min_length=strategies.integers(0, 1),
    no_repeat=strategies.sampled_from([0, 0, 0, 2, 3]),
)
def test_wide_constrained_beam_is_exhaustive_search(seed, include, max_length, min_length, no_repeat) -> None:
    """Also: an InputError exactly where nothing at all meets the constraints."""
    toy = Toy(seed)
    options = BeamOptions(WIDE, 6, min_length, max_length, include=include, no_repeat=no_repeat)
    wanted = enumerate_all(toy, options)
    if wanted:
        assert_same(search(toy, options)[0], wanted[:6])
    else:
        with pytest.raises(InputError) as error:
            search(toy, options)
        assert error.value.usage


@given(
    seed=strategies.integers(0, 10**6),
    include=ENTRIES,
    beam=strategies.integers(1, 6),
    groups=strategies.integers(1, 2),
)
def test_narrow_constrained_beam_always_contains_the_words(seed, include, beam, groups) -> None:
    toy = Toy(seed, inputs=2)
    options = BeamOptions(
        beam * groups, beam, max_length=8, include=include, groups=groups, diversity=0.5 * (groups - 1)
    )
    if enumerate_all_lengths(include) > 8:
        return
    for number, found in enumerate(search(toy, options)):
        assert_consistent(toy, found, options, number)


def enumerate_all_lengths(include: tuple[tuple[tuple[int, ...], ...], ...]) -> int:
    return sum(max(map(len, forms)) for forms in include)


def test_phrases_disjunctions_and_overlaps() -> None:
    toy = Toy(11)
    phrase = BeamOptions(4, max_length=5, include=(((2, 3, 4),),))
    assert contains(search(toy, phrase)[0][0].tokens, (2, 3, 4))
    either = BeamOptions(WIDE, max_length=3, include=(((4, 4), (3, 3)), ((2,),)))
    assert_same(search(toy, either)[0], enumerate_all(toy, either)[:1])
    # “2 3” and “3 4” share the 3, so that three tokens are enough
    overlap = BeamOptions(1, max_length=3, include=(((2, 3),), ((3, 4),)))
    assert search(toy, overlap)[0][0].tokens == (2, 3, 4)


def test_words_are_not_left_to_the_last_moment() -> None:
    """The banks keep a place for hypotheses with the word, so that it stands where the model likes it best."""
    vocabulary, wanted, length = 60, 50, 8
    toy = Toy(0, vocabulary=vocabulary, length=length + 1, sharpness=1.0)
    toy.tables[:, :, :, wanted] -= 6  # far from the five best at every step
    toy.tables[:, 2, :, wanted] += 4  # least far at the third
    toy.tables = torch.log_softmax(toy.tables, -1)
    options = BeamOptions(6, min_length=length, max_length=length, include=(((wanted,),),))
    assert search(toy, options)[0][0].tokens.index(wanted) == 2


def test_eight_entries_with_a_beam_of_five() -> None:
    toy = Toy(1, vocabulary=30, length=20)
    options = BeamOptions(5, 3, max_length=12, include=tuple(((word,),) for word in range(10, 18)))
    assert_consistent(toy, search(toy, options)[0], options)


# --- diverse groups -------------------------------------------------------------------------------------------------


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


# --- streaming ------------------------------------------------------------------------------------------------------


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


# --- sampling -------------------------------------------------------------------------------------------------------


def one_step(probabilities: list[float]):
    logs = torch.tensor(probabilities, dtype=torch.float64).log()

    def step(tokens: Tensor, state: History) -> tuple[Tensor, History]:
        return logs.expand(len(tokens), -1), state

    return step


def nothing(rows: int = 1) -> History:
    return History(torch.arange(rows), torch.empty(rows, 0, dtype=torch.long))


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


# --- what cannot be -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"beam": 0}, "beam must be 1 or more"),
        ({"beam": 2.5}, "beam must be a whole number"),
        ({"n_best": 0}, "n_best must be 1 or more"),
        ({"beam": 3, "n_best": 4}, "a beam of 3 has no more"),
        ({"max_length": 0}, "max_length must be 1 or more"),
        ({"min_length": -1}, "min_length must be 0 or more"),
        ({"min_length": 9, "max_length": 8}, "cannot be 9 at least and 8 at most"),
        ({"beam": 5, "groups": 2}, "cannot be split into 2"),
        ({"groups": 0}, "groups must be 1 or more"),
        ({"diversity": -1.0}, "diversity must be 0 or more"),
        ({"diversity": math.nan}, "diversity must be 0 or more"),
        ({"length_penalty": -0.1}, "length_penalty must be 0 or more"),
        ({"length_penalty": math.inf}, "length_penalty must be 0 or more"),
        ({"no_repeat": -1}, "no_repeat must be 0 or more"),
        ({"exclude": (-3,)}, "numbers from 0"),
        ({"include": (((-3,),),)}, "numbers from 0"),
        ({"exclude": (END,)}, "cannot be excluded"),
        ({"exclude": (99,)}, "token 99 is not one of the vocabulary's 5"),
        ({"include": (((99,),),)}, "token 99 is not one of the vocabulary's 5"),
        ({"include": ((),)}, "required word 1 has no tokens"),
        ({"include": (((2,),), ((),))}, "required word 2 has no tokens"),
        ({"include": (((2,),), ((3,),)), "exclude": (3,)}, "required word 2 is excluded"),
        ({"include": (((2, 3), (3,)),), "exclude": (3,)}, "required word 1 is excluded"),
        ({"include": (((END,),),)}, "required word 1 is excluded"),
        ({"include": (((2, 3, 2),),), "max_length": 2}, "take 3 tokens, and the longest sequence allowed has 2"),
        ({"include": (((2,),), ((3,),), ((4,),)), "max_length": 2}, "take 3 tokens"),
        ({"include": (((2, 2),),), "no_repeat": 1}, "repeats itself"),
        ({"include": tuple(((2,),) for _ in range(9))}, "at most 8"),
        ({"exclude": (2, 3, 4), "min_length": 1}, "found no sequence of 1 to 20 tokens"),
        ({"no_repeat": 1, "min_length": 4}, "found no sequence of 4 to 20 tokens"),
    ],
)
def test_impossible_options_get_a_message(options, sentence) -> None:
    toy = Toy(0, length=21)
    with pytest.raises(InputError, match=sentence) as error:
        search(toy, BeamOptions(**options))
    assert error.value.usage


def test_options_take_what_sliders_and_json_give() -> None:
    options = BeamOptions(beam=4.0, max_length=6.0, include=[[[2], [3, 4]]], exclude=[4])  # type: ignore[arg-type]
    assert options == BeamOptions(beam=4, max_length=6, include=(((2,), (3, 4)),), exclude=(4,))
    assert 2 in search(Toy(0), options)[0][0].tokens


def test_an_excluded_form_leaves_the_others() -> None:
    toy = Toy(0)
    options = BeamOptions(4, max_length=4, include=(((2,), (3,)),), exclude=(2,))
    assert 3 in search(toy, options)[0][0].tokens


@pytest.mark.parametrize("run", [beam_search, sample])
def test_a_model_that_breaks_gets_a_message(run) -> None:
    def step(tokens: Tensor, state: History) -> tuple[Tensor, History]:
        return torch.full((len(tokens), 5), math.nan), state

    with pytest.raises(ValueError, match="not a number"):
        run(step, nothing(), 1, start=START, end=END)
