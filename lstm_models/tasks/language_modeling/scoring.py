"""From a text to the probability of each of its words: what ``LanguageModel.score`` does.

A text begins after END, as it did in training. A word's probability is the product of those of its pieces; blanks and
line breaks count with the word after them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from lstm_models import deadlines
from lstm_models.nn.lstm import LSTMState
from lstm_models.tasks.language_modeling.adaptation import AdaptOptions, NeuralCache, copy_of, learn
from lstm_models.tasks.language_modeling.results import Candidate, ScoredText, ScoredWord
from lstm_models.text.word_pieces import END, Piece

if TYPE_CHECKING:
    from lstm_models.tasks.language_modeling.network import LanguageNetwork

__all__ = ["Reading", "read", "score_text", "sum_log_probs"]

_STRETCH = 128  # tokens whose probabilities are computed at once
_BATCH = 64  # texts that are read at once
_ENOUGH_WORDS = 10  # of a text that can be called strange
_STRANGE_BITS = 4.5  # a character: English takes the bundled model about 2, German and French above 5
_WORD = re.compile(r"\w+(?:['’]\w+)*|[^\w\s]+")


class Reading(NamedTuple):
    """A stretch of a text that was read: log probabilities [time, vocabulary] of what stands there, and the targets."""

    log_probs: Tensor
    targets: Tensor
    state: LSTMState
    network: LanguageNetwork  # as it was after the stretch


@torch.no_grad()
def read(
    network: LanguageNetwork, ids: Sequence[int], adapt: AdaptOptions | None = None, state: LSTMState | None = None
) -> Iterator[Reading]:
    """Reads a text, stretch by stretch; with ``adapt`` it learns from each after it was predicted.

    Args:
        network: stays as it is; what learns is a copy.
        ids: what is read; each is predicted but the first.
        adapt: how it adapts.
        state: before the first; zeros if None.
    """
    line = torch.tensor(ids, device=network.bias.device)[None]
    state = network.lstm.initial_state(1) if state is None else state
    cache = before = None
    if adapt is not None:
        if adapt.cache:
            cache = NeuralCache(adapt, network.config.embedding_size, like=network.bias)
        if adapt.learning_rate:
            network = copy_of(network)
            before = {name: value.detach().clone() for name, value in network.named_parameters()}
    size = adapt.stretch if adapt is not None and adapt.learning_rate else _STRETCH
    for first in range(0, line.size(1) - 1, size):
        deadlines.check()
        tokens, targets = line[:, first : first + size], line[:, first + 1 : first + size + 1]
        tokens = tokens[:, : targets.size(1)]
        start = state
        outputs, state = network.outputs(tokens, start)
        log_probs = F.linear(outputs[0], network.embedding.weight, network.bias).float().log_softmax(-1)
        if cache is not None:
            log_probs = cache.mix(log_probs, outputs[0], targets[0])
        if before is not None and adapt is not None:
            learn(network, before, tokens, targets, start, adapt)
        yield Reading(log_probs, targets[0], state, network)


def score_text(
    network: LanguageNetwork, text: str, adapt: AdaptOptions | None, candidates: int, limit: float
) -> ScoredText:
    """The words of a text with their log probabilities; those below ``limit`` are unlikely."""
    pieces = network.vocabulary.split(text)
    logs: list[float] = []
    tops: list[tuple[Candidate, ...]] = []
    for stretch in read(network, [END, *(piece.id for piece in pieces), END], adapt):
        logs += stretch.log_probs.gather(1, stretch.targets[:, None])[:, 0].tolist()
        if candidates:
            tops += _tops(network, stretch.log_probs, candidates)
    words = []
    for start, end, parts in _words(text, pieces):
        log_prob = sum(logs[part] for part in parts)
        top = tops[_first_shown(pieces, parts)] if candidates else ()
        words.append(ScoredWord(text[start:end], log_prob, start, log_prob < limit, top))
    found = ScoredText(text, tuple(words), logs[len(pieces)])
    if len(words) < _ENOUGH_WORDS or found.bits_per_character < _STRANGE_BITS:
        return found
    bits = f"{found.bits_per_character:.1f} bits a character"
    return replace(found, notes=(f"the text is unlike those the model learned from ({bits}): is it English?",))


@torch.no_grad()
def sum_log_probs(network: LanguageNetwork, texts: Sequence[str]) -> list[float]:
    """The log probability of each text, its end included; texts of like length are read at once."""
    ids = [[END, *found, END] for found in network.vocabulary.encode_batch(list(texts))]
    order = sorted(range(len(ids)), key=lambda each: len(ids[each]))
    sums = [0.0] * len(ids)
    for first in range(0, len(order), _BATCH):
        deadlines.check()
        rows = order[first : first + _BATCH]
        lengths = torch.tensor([len(ids[row]) - 1 for row in rows])
        padded = torch.nn.utils.rnn.pad_sequence([torch.tensor(ids[row]) for row in rows], batch_first=True)
        tokens = padded.to(network.bias.device)
        found, _ = network(tokens[:, :-1])
        logs = found.gather(-1, tokens[:, 1:, None])[..., 0].cpu()
        real = torch.arange(logs.size(1)) < lengths[:, None]
        for row, value in zip(rows, (logs * real).sum(1).tolist(), strict=True):
            sums[row] = value
    return sums


def _words(text: str, pieces: Sequence[Piece]) -> Iterator[tuple[int, int, list[int]]]:
    """Where each word or mark begins and ends, and the places of its pieces; what is left at the end goes to the last.

    A text of blanks alone is one word.
    """
    spans = [found.span() for found in _WORD.finditer(text)] or [(0, len(text))]
    place = 0
    for number, (start, end) in enumerate(spans):
        last = number == len(spans) - 1
        parts = []
        while place < len(pieces) and (last or pieces[place].start < end):
            parts.append(place)
            place += 1
        yield start, end, parts


def _first_shown(pieces: Sequence[Piece], parts: Sequence[int]) -> int:
    """The first piece of a word that is more than blanks."""
    return next((part for part in parts if pieces[part].text.strip()), parts[0])


def _tops(network: LanguageNetwork, log_probs: Tensor, count: int) -> list[tuple[Candidate, ...]]:
    values, numbers = log_probs.topk(count, dim=-1)
    return [
        tuple(
            Candidate(network.vocabulary.piece(number), probability) for number, probability in zip(*row, strict=True)
        )
        for row in zip(numbers.tolist(), values.exp().tolist(), strict=True)
    ]
