"""Nucleus sampling (Holtzman et al. 2020, arXiv:1904.09751) for any token model.

A model takes part as in ``lstm_models.decoding.beam_search``: by a step and a state that can select rows.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from lstm_models.decoding.beam_search import block_repeats, check_vocabulary, without
from lstm_models.decoding.options import NEVER, BeamOptions, Hypothesis, S, Step, check_number
from lstm_models.errors import InputError
from lstm_models.field_checks import is_number

__all__ = ["expand", "sample"]


def expand(state: S, batch: int, copies: int, device: torch.device | str | None = None) -> S:
    """The state of ``batch * copies`` rows: each of ``batch`` rows ``copies`` times, side by side."""
    expanded: S = state.select(torch.arange(batch, device=device).repeat_interleave(copies))
    return expanded


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
    check_number("samples", samples, 1)
    if not is_number(temperature) or not 0 < temperature < math.inf:
        raise InputError(f"the temperature must be above 0, and is {temperature}", usage=True)
    if not is_number(top_p) or not 0 < top_p <= 1:
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
        tokens = _draw(allowed / float(temperature), top_p, generator)
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
