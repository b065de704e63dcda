"""Decoding: beam search with constraints, its stream of decided words, and nucleus sampling, for any token model.

The search over the outputs of a CTC model, which has its own alphabet and time, is in
``lstm_models.decoding.ctc_search``; its names are here, too.

A model takes part by one function, ``step(tokens [rows], state) -> (log_probabilities [rows, vocabulary], state)``, and
a state with ``select(index [rows]) -> state``. All hypotheses of all inputs are rows of one batch, so a step is one
call; an input that is done leaves the rows. The first call has one row an input, later ones up to ``beam``::

    best = beam_search(step, state, batch, start=0, end=0, options=BeamOptions(beam=5, n_best=3))
    best[0][0].tokens

What the search does, exactly:

* A hypothesis of L tokens is ranked by log p / (L + 1)^α with α = ``length_penalty``, L + 1 counting the end token and
  log p including it: 0 ranks by probability, 1 by the mean over tokens. (The other form in use, ((5 + L) / 6)^α of
  Wu et al. 2016, arXiv:1609.08144, equation 14, hardly tells lengths apart where sentences have ten words.)
* Every live hypothesis may end at every step; ended ones are kept aside and take no place in the beam. After
  ``max_length`` tokens only the end token may come, so that every probability is one of a whole sequence.
* An input is done when no live hypothesis can overtake the ``n_best``-th ended one, whatever comes: log p can only
  fall, and no length divides it by more than (max_length + 1)^α. The stop therefore never changes a result.
* Of equal candidates the one whose hypothesis stood higher goes first, then the smaller token; of equal results the
  shorter.
* A beam at least as wide as there are hypotheses gives the exhaustive optimum.

Diverse groups follow Vijayakumar et al. 2018 (arXiv:1610.02424) with Hamming diversity: group by group, a token loses
``diversity`` for each earlier group's hypothesis that chose it in this step. The loss steers the choice only; scores
stay the model's own. Words to include follow Anderson et al. 2017 (arXiv:1612.00576) with the beam shared out as in
Post and Vilar 2018 (arXiv:1804.06609): see ``lstm_models/decoding/constraints.py``. Sampling is that of Holtzman et
al. 2020 (arXiv:1904.09751).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from lstm_models.decoding.beam_search import Search, block_repeats, check_vocabulary, without
from lstm_models.decoding.ctc_search import CTCSearch, CTCText, Found, ctc_beam_search, greedy
from lstm_models.decoding.options import NEVER, BeamOptions, Hypothesis, S, SearchOptions, State, Step, at_least
from lstm_models.errors import InputError

__all__ = [
    "BeamOptions",
    "CTCSearch",
    "CTCText",
    "Found",
    "Hypothesis",
    "Progress",
    "SearchOptions",
    "State",
    "Step",
    "beam_search",
    "ctc_beam_search",
    "expand",
    "greedy",
    "sample",
    "stream_beam_search",
]


@dataclass(frozen=True)
class Progress:
    """A search under way.

    Attributes:
        decided: tokens that the best result will begin with, whatever comes.
        leading: tokens of the hypothesis that is best now; its part after ``decided`` may still change.
        results: the results, best first; empty until the search is over.
    """

    decided: tuple[int, ...]
    leading: tuple[int, ...]
    results: tuple[Hypothesis, ...] = ()


def expand(state: S, batch: int, copies: int, device: torch.device | str | None = None) -> S:
    """The state of ``batch * copies`` rows: each of ``batch`` rows ``copies`` times, side by side."""
    return state.select(torch.arange(batch, device=device).repeat_interleave(copies))


@torch.no_grad()
def beam_search(
    step: Step[S],
    state: S,
    batch: int,
    *,
    start: int,
    end: int,
    options: BeamOptions | None = None,
    device: torch.device | str | None = None,
) -> list[list[Hypothesis]]:
    """The best sequences of every input, best first.

    Args:
        step: the model, see ``Step``. Log probabilities must not exceed 0; −inf is a token that cannot come.
        state: of ``batch`` rows, before the start token.
        batch: inputs.
        start: the token before the first. It is never generated (it may be the end token).
        end: the token after the last.
        options: how to search; by default ``BeamOptions()``.
        device: where the tokens given to ``step`` live.

    Returns:
        For each input its distinct results, at least one and at most ``n_best``.

    Raises:
        InputError: no sequence can meet the options, or none that does was found (``usage=True``).
        ValueError: the model gave a log probability that is not a number.
    """
    search = Search(step, state, batch, start, end, options or BeamOptions(), device)
    while search.inputs:
        search.advance()
    return search.results()


@torch.no_grad()
def stream_beam_search(
    step: Step[S],
    state: S,
    *,
    start: int,
    end: int,
    options: BeamOptions | None = None,
    device: torch.device | str | None = None,
) -> Iterator[Progress]:
    """The same search for one input, told step by step; the last ``Progress`` has the results of ``beam_search``.

    A token is decided as soon as all hypotheses that can still come out best agree on it. Arguments and errors are
    those of ``beam_search``.
    """
    options = options or BeamOptions()
    search = Search(step, state, 1, start, end, options, device, keep_history=True)
    best_score, best = NEVER, None
    while search.inputs:
        before: list[list[int]] = search.history[0].tolist()
        search.advance()
        for tokens, score in zip(before, search.last_scores(), strict=True):
            if score > best_score:  # of equals the first: the results are ranked so too
                best_score, best = score, tokens
        contenders, leading, leading_score = [], best or [], best_score
        if search.inputs:
            penalty, longest = search.length**options.length_penalty, (options.max_length + 1) ** options.length_penalty
            for tokens, total in zip(search.history[0].tolist(), search.total[0].flatten().tolist(), strict=True):
                if total / longest > best_score:
                    contenders.append(tokens)
                    if total / penalty > leading_score:
                        leading, leading_score = tokens, total / penalty
            yield Progress(_common_prefix(contenders + ([best] if best is not None else [])), tuple(leading))
    results = tuple(search.results()[0])
    yield Progress(results[0].tokens, results[0].tokens, results)


@torch.no_grad()
def sample(
    step: Step[S],
    state: S,
    batch: int,
    *,
    start: int,
    end: int,
    max_length: int = 20,
    min_length: int = 0,
    temperature: float = 1.0,
    top_p: float = 1.0,
    samples: int = 1,
    exclude: tuple[int, ...] = (),
    no_repeat: int = 0,
    generator: torch.Generator | None = None,
    device: torch.device | str | None = None,
) -> list[list[Hypothesis]]:
    """Sequences drawn token by token from the nucleus: the most probable tokens that make up ``top_p``.

    Log probabilities are divided by ``temperature`` (and normalised) first; of the tokens sorted by probability those
    are kept whose predecessors sum to less than ``top_p``. After ``max_length`` tokens the end is taken, not drawn.

    Args:
        samples: sequences for each input; they need not be distinct.
        generator: source of the random numbers: one for each row and step, on the generator's device.

    The others are as for ``beam_search`` and ``BeamOptions``.

    Returns:
        For each input its ``samples`` sequences in the order drawn. Their probabilities are the model's own: before
        temperature and truncation.

    Raises:
        InputError: the arguments contradict each other, or leave no token to draw (``usage=True``).
        ValueError: the model gave a log probability that is not a number.
    """
    options = BeamOptions(min_length=min_length, max_length=max_length, exclude=exclude, no_repeat=no_repeat)
    at_least("samples", samples, 1)
    if not 0 < temperature < math.inf:
        raise InputError(f"the temperature must be above 0, and is {temperature}", usage=True)
    if not 0 < top_p <= 1:
        raise InputError(f"top_p must be above 0 and at most 1, and is {top_p}", usage=True)
    banned = torch.tensor(sorted({start, *without(options.exclude, end)} - {end}), dtype=torch.long, device=device)
    rows = list(range(batch * samples))  # those not ended
    words: list[list[int]] = [[] for _ in rows]
    logs: list[list[float]] = [[] for _ in rows]
    if samples > 1:
        state = expand(state, batch, samples, device)
    tokens = torch.full((len(rows),), start, device=device)
    history = tokens.new_empty(len(rows), 0)
    for length in range(max_length + 1):
        if not rows:
            break
        given, state = step(tokens, state)
        if length == 0:
            check_vocabulary(given.size(-1), start, end, *options.exclude)
        allowed = given.double().index_fill(-1, banned, NEVER)
        if length < min_length:
            allowed[:, end] = NEVER
        if length == max_length:
            allowed = torch.full_like(allowed, NEVER).index_copy_(-1, tokens.new_tensor([end]), allowed[:, end, None])
        block_repeats(allowed, history, no_repeat)
        tokens = _draw(allowed / temperature, top_p, generator)
        for row, token, log in zip(
            rows, tokens.tolist(), given.gather(-1, tokens[:, None])[:, 0].tolist(), strict=True
        ):
            words[row].append(token)
            logs[row].append(log)
        history = torch.cat([history, tokens[:, None]], -1)
        if (tokens == end).any():
            going = (tokens != end).nonzero()[:, 0]
            rows = [rows[i] for i in going.tolist()]
            state, tokens, history = state.select(going), tokens[going], history[going]
    drawn = [Hypothesis(tuple(w[:-1]), math.fsum(g), math.fsum(g), tuple(g)) for w, g in zip(words, logs, strict=True)]
    return [drawn[i : i + samples] for i in range(0, len(drawn), samples)]


def _draw(logits: Tensor, top_p: float, generator: torch.Generator | None) -> Tensor:
    """One token [rows] from the nucleus of ``logits`` [rows, vocabulary], float64, by inverting the cumulative sum."""
    top = logits.amax(-1)
    if top.isnan().any():
        raise ValueError("the model gave a log probability that is not a number")
    if (top == NEVER).any():
        raise InputError("no token is left to draw; allow repeats, exclude less, or ask for less", usage=True)
    probabilities, order = torch.softmax(logits, -1).sort(dim=-1, descending=True, stable=True)
    sums = probabilities.cumsum(-1)
    kept = ((sums - probabilities < top_p) & (probabilities > 0)).sum(-1, keepdim=True)
    where = generator.device if generator is not None else logits.device
    uniform = torch.rand(len(logits), 1, generator=generator, device=where, dtype=logits.dtype).to(logits.device)
    drawn = (sums <= uniform * sums.gather(-1, kept - 1)).sum(-1, keepdim=True)
    return order.gather(-1, drawn.minimum(kept - 1))[:, 0]


def _common_prefix(sequences: list[list[int]]) -> tuple[int, ...]:
    prefix = []
    for tokens in zip(*sequences, strict=False):
        if len(set(tokens)) > 1:
            break
        prefix.append(tokens[0])
    return tuple(prefix)
