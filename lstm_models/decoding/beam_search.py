"""Beam search with constraints for any token model, and its stream of decided words.

Its options are ``lstm_models.decoding.options.BeamOptions``. The search over the outputs of a CTC model, which has an
alphabet and time, is in ``lstm_models.decoding.ctc_search``.

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
Post and Vilar 2018 (arXiv:1804.06609): see ``lstm_models/decoding/constraints.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Generic

import torch
from torch import Tensor

from lstm_models import deadlines
from lstm_models.decoding.constraints import Constraints
from lstm_models.decoding.options import NEVER, BeamOptions, Hypothesis, S, Step
from lstm_models.errors import InputError

__all__ = ["BeamOptions", "Hypothesis", "Progress", "Search", "beam_search", "stream_beam_search"]


class Search(Generic[S]):
    """The search's state between two steps.

    Shapes: inputs not done ``n``, groups ``g``, live hypotheses of a group ``w``. A hypothesis without a way on (too
    few candidates) keeps its row with a log probability of −inf, so that all inputs stay one batch.
    """

    def __init__(
        self,
        step: Step[S],
        state: S,
        batch: int,
        start: int,
        end: int,
        options: BeamOptions,
        device: torch.device | str | None,
        keep_history: bool = False,
    ) -> None:
        self.step, self.state, self.end, self.options = step, state, end, options
        self.groups = options.groups if options.diversity > 0 else 1
        self.width = options.beam // self.groups
        self.constraints = None
        banned = {start, end, *without(options.exclude, end)}
        if options.include:
            self.constraints = Constraints(options.include, banned, options.max_length, options.no_repeat, device)
        self.known = banned.union(token for forms in options.include for form in forms for token in form)
        self.banned = torch.tensor(sorted(banned), device=device)
        self.batch, self.inputs = batch, list(range(batch))  # those not done, in the order of the rows
        self.length = 0  # tokens of a live hypothesis
        self.tokens = torch.full((batch,), start, device=device)
        self.total: Tensor = torch.zeros(batch, self.groups, 1, device=device)  # log probability
        self.met = torch.zeros(batch, self.groups, 1, dtype=torch.long, device=device)  # state of the constraints
        self.keep_history = keep_history or options.no_repeat > 0
        self.history = self.tokens.new_empty(batch, self.groups, 0)  # [n, g · w, tokens], if kept
        # In the results' order, a group may have to pass over what the others have found.
        kept = options.n_best + self.groups - 1
        self.ended = torch.full((batch, self.groups, kept), NEVER, device=device)  # best scores of ended hypotheses
        # Of each step, for the results: how hypotheses began and how they ended.
        self.births: list[tuple[list[int], Tensor, Tensor, Tensor]] = []  # inputs; parent, token, log p [n, g · w]
        self.ends: list[tuple[list[int], Tensor, Tensor, Tensor]] = []  # inputs; log p of end, total, score

    def last_scores(self) -> list[float]:
        """Scores that the first input's hypotheses ended with in the last step, −inf where they could not end."""
        _, _, _, scores = self.ends[-1]
        return scores[0].flatten().tolist()

    def advance(self) -> None:
        """One call of ``step``: hypotheses end, the others grow by a token, inputs that are done leave."""
        deadlines.check()
        given, self.state = self.step(self.tokens, self.state)
        if self.length == 0:
            check_vocabulary(given.size(-1), *self.known)
            self.total, self.ended = self.total.to(_wide(given)), self.ended.to(_wide(given))
        n, _, width = self.total.shape
        # at first all groups share the row of their input
        given = given.to(self.total.dtype).reshape(n, -1, width, given.size(-1)).expand(n, self.groups, width, -1)
        self._end(given[..., self.end].clone())  # a view would keep every step's whole distribution
        if self.length == self.options.max_length:
            self.inputs = []
            return
        self._grow(given)

    def _end(self, given: Tensor) -> None:
        """Ends every hypothesis that may, with ``given`` [n, g, w] the end token's log probability."""
        if self.length < self.options.min_length:
            never = torch.full_like(given, NEVER)
            self.ends.append((self.inputs, never, never, never))
            return
        total = self.total + given
        if self.constraints is not None:
            total = total.masked_fill(self.constraints.distance[self.met] > 0, NEVER)
        score = total / (self.length + 1) ** self.options.length_penalty
        self.ended = torch.cat([self.ended, score], -1).topk(self.ended.size(-1)).values
        self.ends.append((self.inputs, given, total, score))

    def _grow(self, given: Tensor) -> None:
        n, groups, width, vocabulary = given.shape
        count = min(self.width, width * vocabulary)
        values, places, met = [], [], []
        chosen = given.new_zeros(n, vocabulary) if groups > 1 else None  # times earlier groups took a token
        for group in range(groups):
            keys = (self.total[:, group, :, None] + given[:, group]).index_fill_(-1, self.banned, NEVER)
            if self.options.no_repeat:
                history = self.history[:, group * width : (group + 1) * width]
                block_repeats(keys.view(n * width, vocabulary), history.flatten(0, 1), self.options.no_repeat)
            if chosen is not None and group:
                keys -= self.options.diversity * chosen[:, None]
            if self.constraints is None:
                value, place = _best(keys.flatten(1), count)
            else:
                left = self.options.max_length - self.length - 1
                value, place, now = self.constraints.choose(keys, self.met[:, group], count, left, _best)
                met.append(now)
            if chosen is not None:
                chosen.scatter_add_(1, place % vocabulary, (value > NEVER).to(chosen.dtype))
            values.append(value)
            places.append(place)
        value, place = _stack(values), _stack(places)
        parent = place // vocabulary
        token = place - parent * vocabulary
        log = given.flatten(2).gather(2, place)
        if groups > 1:  # without the groups' penalty
            value = (self.total.gather(2, parent) + log).masked_fill(value == NEVER, NEVER)
            parent = parent + torch.arange(0, groups * width, width, device=place.device)[:, None]
        self.length += 1
        self.total, token, log, parent = value, token.flatten(1), log.flatten(1), parent.flatten(1)
        if met:
            self.met = _stack(met)
        rows = parent + torch.arange(0, n * groups * width, groups * width, device=place.device)[:, None]
        options = self.options
        reach = options.max_length + 1 if not options.early_stop else self.length + 1
        done = (self.ended[..., -1] >= value.amax(-1) / reach**options.length_penalty).all(-1)
        if done.any():
            keep = (~done).nonzero()[:, 0]
            self.inputs = [self.inputs[i] for i in keep.tolist()]
            if not self.inputs:
                return
            rows, parent, token, log = rows[keep], parent[keep], token[keep], log[keep]
            self.total, self.met, self.ended = self.total[keep], self.met[keep], self.ended[keep]
        self.births.append((self.inputs, parent, token, log))
        if self.keep_history:
            self.history = torch.cat([self.history.flatten(0, 1)[rows], token[..., None]], -1)
        self.state = self.state.select((rows if self.length > 1 else rows // groups).flatten())
        self.tokens = token.flatten()

    def results(self) -> list[list[Hypothesis]]:
        """The results of every input; see ``beam_search``."""
        births = [(_positions(i), *(t.tolist() for t in tensors)) for i, *tensors in self.births]
        found: list[list[list[tuple[float, int, int, float, float]]]]  # input, group: −score, length, row, total, end
        found = [[[] for _ in range(self.groups)] for _ in range(self.batch)]
        for length, ends in enumerate(self.ends):
            lists = [tensor.tolist() for tensor in ends[1:]]
            for position, number in enumerate(ends[0]):
                for group in range(self.groups):
                    lasts, totals, scores = (values[position][group] for values in lists)
                    for row, score in enumerate(scores):
                        if score > NEVER:
                            place = group * len(scores) + row
                            found[number][group].append((-score, length, place, totals[row], lasts[row]))
                        elif score != NEVER:
                            raise ValueError("the model gave a log probability that is not a number")

        def read(number: int, entry: tuple[float, int, int, float, float]) -> Hypothesis:
            score, length, row, total, last = entry
            tokens, logs = [], [last]
            for positions, parents, token, log in reversed(births[:length]):
                position = positions[number]
                tokens.append(token[position][row])
                logs.append(log[position][row])
                row = parents[position][row]
            return Hypothesis(tuple(reversed(tokens)), total, -score, (*reversed(logs[1:]), last))

        return [self._ranked(number, groups, read) for number, groups in enumerate(found)]

    def _ranked(self, number: int, groups: list[list[Any]], read: Callable[[int, Any], Hypothesis]) -> list[Hypothesis]:
        """The best of every group in turn, without doubles, until there are ``n_best``; then best first."""
        queues = [iter(sorted(group)) for group in groups]
        picked: dict[tuple[int, ...], tuple[Any, Hypothesis]] = {}
        while len(picked) < self.options.n_best:
            turn = []
            for queue in queues:
                for entry in queue:
                    hypothesis = read(number, entry)
                    if hypothesis.tokens not in picked:
                        picked[hypothesis.tokens] = entry, hypothesis
                        turn.append((entry, hypothesis.tokens))
                        break
            if not turn:
                break
            for _, tokens in sorted(turn)[::-1][: max(0, len(picked) - self.options.n_best)]:
                del picked[tokens]  # more groups in the last turn than results wanted
        if not picked:
            raise InputError(
                f"found no sequence of {self.options.min_length} to {self.options.max_length} tokens that meets all "
                "constraints; allow more tokens or repeats, exclude less, or widen the beam",
                usage=True,
            )
        return [hypothesis for _, hypothesis in sorted(picked.values(), key=lambda pair: pair[0])]


def _best(keys: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The ``count`` largest of each row ``keys`` [rows, n] and where they are; of equals the first.

    ``topk`` leaves open which of equal values it takes. It is 40 times as fast as a stable sort, and equals are rare,
    so it goes first, and the sort only where equals (other than −inf) are among its values or just beyond.
    """
    values, places = keys.topk(min(count + 1, keys.size(-1)))
    equal = values[:, 1:] == values[:, :-1]
    if equal.any() and (equal & (values[:, 1:] > NEVER)).any():
        values, places = keys.sort(dim=-1, descending=True, stable=True)
    return values[:, :count], places[:, :count]


def _stack(tensors: list[Tensor]) -> Tensor:
    """Groups side by side [n, g, w]; one alone, the usual case, is not copied."""
    return torch.stack(tensors, 1) if len(tensors) > 1 else tensors[0][:, None]


def block_repeats(keys: Tensor, history: Tensor, n: int) -> None:
    """Sets those ``keys`` [rows, vocabulary] to −inf that would repeat an n-gram of ``history`` [rows, tokens]."""
    if n == 0 or history.size(-1) < n:
        return
    grams = history.unfold(-1, n, 1)
    latest = history[:, None, history.size(-1) - n + 1 :]
    row, place = (grams[..., :-1] == latest).all(-1).nonzero(as_tuple=True)
    keys[row, grams[row, place, -1]] = NEVER


def _positions(inputs: list[int]) -> dict[int, int]:
    return {number: position for position, number in enumerate(inputs)}


def _wide(given: Tensor) -> torch.dtype:
    return given.dtype if given.dtype == torch.float64 else torch.float32


def without(exclude: tuple[int, ...], end: int) -> tuple[int, ...]:
    if end in exclude:
        raise InputError(f"token {end} ends every sequence and cannot be excluded", usage=True)
    return exclude


def check_vocabulary(size: int, *tokens: int) -> None:
    if max(tokens) >= size:
        raise InputError(f"token {max(tokens)} is not one of the vocabulary's {size}", usage=True)


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
    """The same search for one input, reported step by step; the last ``Progress`` has the results of ``beam_search``.

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


def _common_prefix(sequences: list[list[int]]) -> tuple[int, ...]:
    prefix = []
    for tokens in zip(*sequences, strict=False):
        if len(set(tokens)) > 1:
            break
        prefix.append(tokens[0])
    return tuple(prefix)
