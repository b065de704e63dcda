"""How a text goes on: what ``LanguageModel.complete`` and ``LanguageModel.sample`` do.

- A word that the prompt may have begun is read again: completions are those that begin with its letters, so that
  "Once upon a ti" becomes "time" though its pieces are others.
- A completion ends before the word after the last one that is wanted; its probability is that of all texts that begin
  so, the sum over what could come next.
"""

from __future__ import annotations

import itertools
import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from lstm_models.decoding.beam_search import beam_search
from lstm_models.decoding.options import MOST_BEAM, NEVER, BeamOptions, Hypothesis
from lstm_models.decoding.sampling import sample as draw
from lstm_models.nn.lstm import LSTMState
from lstm_models.tasks.language_modeling.adaptation import AdaptOptions
from lstm_models.tasks.language_modeling.results import Completion
from lstm_models.tasks.language_modeling.scoring import read
from lstm_models.text.word_pieces import BEGIN, END, PADDING, WordPieces

if TYPE_CHECKING:
    from lstm_models.tasks.language_modeling.network import LanguageNetwork

__all__ = ["complete", "sample"]

_PIECES = 6  # of a word at most, on average
_LONGEST_WORD = 40  # characters of a word that is read again
_BEGUN = re.compile(r"(?:^| )[\w'’]+$| +$")


@dataclass
class _Rows:
    """The state of hypotheses: the LSTM's, the words each has, and what of the prompt each still has to repeat."""

    lstm: LSTMState
    words: Tensor
    left: list[bytes]

    def select(self, index: Tensor) -> _Rows:
        return _Rows(self.lstm.select(index), self.words[index], [self.left[row] for row in index.tolist()])


class _Search:
    """The step of the searches; its end token stands for "the words that are wanted are there"."""

    def __init__(self, network: LanguageNetwork, words: int, start: int) -> None:
        self.network, self.wanted, self.start = network, words, start
        self.pieces = pieces = network.vocabulary.piece_bytes
        self.order = sorted(range(len(pieces)), key=pieces.__getitem__)
        self.sorted = [pieces[n] for n in self.order]
        self.numbers = {piece: number for number, piece in enumerate(pieces) if piece}
        self.new_word = torch.tensor([piece[:1].isspace() for piece in pieces])

    def __call__(self, tokens: Tensor, state: _Rows) -> tuple[Tensor, _Rows]:
        tokens = tokens.masked_fill(tokens == BEGIN, self.start)  # a search never comes back to its begin
        log_probs, lstm = self.network.step(tokens, state.lstm)
        words = state.words + self.new_word[tokens]
        left = [rest[len(self.pieces[token]) :] for rest, token in zip(state.left, tokens.tolist(), strict=True)]
        log_probs[:, [PADDING, BEGIN]] = NEVER
        for row, rest in enumerate(left):
            if rest:
                log_probs[row] = self._repeating(log_probs[row], rest)
            elif words[row] >= self.wanted:
                ends = self.new_word.clone()
                ends[END] = True
                total = log_probs[row][ends].logsumexp(0)
                log_probs[row] = log_probs[row].masked_fill(ends, NEVER)
                log_probs[row, END] = total
        return log_probs, _Rows(lstm, words, left)

    def matching(self, rest: bytes) -> list[int]:
        """The pieces that begin with the bytes."""
        first = bisect_left(self.sorted, rest)
        found = []
        while first < len(self.sorted) and self.sorted[first].startswith(rest):
            found.append(self.order[first])
            first += 1
        return found

    def _repeating(self, row: Tensor, rest: bytes) -> Tensor:
        allowed = self.matching(rest)
        allowed += [n for end in range(1, len(rest)) if (n := self.numbers.get(rest[:end])) is not None]
        only = torch.full_like(row, NEVER)
        only[allowed] = row[allowed]
        return only


def complete(
    network: LanguageNetwork, prompt: str, words: int, n_best: int, beam: int, adapt: AdaptOptions | None
) -> list[Completion]:
    """The most probable ways on for so many words."""
    begin = begin_search(network, prompt, words, adapt)
    length = words * _PIECES + len(begin.rest)
    # One more, as nothing is no completion; all of them, as some differ in a blank at their end alone
    beam = min(beam + 1, MOST_BEAM)
    options = BeamOptions(beam=beam, n_best=beam, max_length=length, length_penalty=0.0)
    device = begin.state.words.device
    (found,) = beam_search(begin.search, begin.state, 1, start=BEGIN, end=END, options=options, device=device)
    different: dict[str, Completion] = {}
    for each in _completions(begin, found):
        if each.text.strip():
            different.setdefault(each.text.strip(), each)
    return list(different.values())[:n_best]


def sample(
    network: LanguageNetwork,
    prompt: str,
    words: int,
    temperature: float,
    top_p: float,
    seed: int | None,
    adapt: AdaptOptions | None,
) -> Completion:
    """One way on, drawn piece by piece."""
    generator = torch.Generator().manual_seed(seed) if seed is not None else None
    begin = begin_search(network, prompt, words, adapt)
    (found,) = draw(
        begin.search,
        begin.state,
        1,
        start=BEGIN,
        end=END,
        max_length=words * _PIECES + len(begin.rest),
        temperature=temperature,
        top_p=top_p,
        generator=generator,
        device=begin.state.words.device,
    )
    return _completions(begin, found)[0]


class Beginning(NamedTuple):
    search: _Search
    state: _Rows
    rest: bytes  # what is repeated of the prompt
    known: float  # its log probability
    empty: bool  # nothing stands before what is found


def begin_search(network: LanguageNetwork, prompt: str, words: int, adapt: AdaptOptions | None) -> Beginning:
    head, rest = _parts(network, prompt)
    ids = [END, *network.vocabulary.encode(head)]
    state = network.lstm.initial_state(1)
    for stretch in read(network, ids, adapt):
        state, network = stretch.state, stretch.network
    search = _Search(network, words, ids[-1])
    known = _log_prob_of(search, state, rest) if rest else 0.0
    # A word that the prompt has begun is none of those that are wanted; the last token that was read is counted again
    counted = -int(bool(rest.strip())) - int(search.new_word[ids[-1]])
    rows = _Rows(state, torch.tensor([counted], device=state.h.device), [search.pieces[ids[-1]] + rest])
    return Beginning(search, rows, rest, known, not head and not rest)


def _parts(network: LanguageNetwork, prompt: str) -> tuple[str, bytes]:
    """What is read of a prompt, and what of it is repeated: the word it ends with, or the blank."""
    if not isinstance(network.vocabulary, WordPieces):
        return prompt, b""
    begun = _BEGUN.search(prompt[-_LONGEST_WORD:])
    if begun is None or (begun.start() == 0 and len(prompt) > _LONGEST_WORD):
        return prompt, b""
    word = begun[0].strip(" ")
    head = prompt[: len(prompt) - len(begun[0])]
    return head, f" {word}".encode() if word or head else b""


@torch.no_grad()
def _log_prob_of(search: _Search, state: LSTMState, rest: bytes) -> float:
    """The log probability that the text goes on with the bytes: by a piece that begins with them, or by the pieces in
    which they would be written."""
    device = state.h.device
    log_probs, after = search.network.step(torch.tensor([search.start], device=device), state)
    found = [log_probs[0, search.matching(rest)]]
    ids = search.network.vocabulary.encode(rest.decode("utf-8").removeprefix(" "))
    if len(ids) > 1:
        total = log_probs[0, ids[0]]
        for before, number in itertools.pairwise(ids):
            log_probs, after = search.network.step(torch.tensor([before], device=device), after)
            total = total + log_probs[0, number]
        found.append(total[None])
    return float(torch.cat(found).logsumexp(0))


def _completions(begin: Beginning, found: Sequence[Hypothesis]) -> list[Completion]:
    """As texts, each once: the same text in other pieces is as probable as all of them."""
    made: dict[str, float] = {}
    for each in found:
        spelt = b"".join(begin.search.pieces[token] for token in each.tokens)[len(begin.rest) :]
        text = (spelt.removeprefix(b" ") if begin.empty else spelt).decode("utf-8", "ignore")
        sums = torch.tensor([made.get(text, NEVER), each.log_probability - begin.known]).logsumexp(0)
        made[text] = min(0.0, float(sums))
    return [Completion(text, log_prob) for text, log_prob in made.items()]
