"""Words that a decoded sequence must include, as an automaton that a beam search walks along.

Anderson et al. 2017 (arXiv:1612.00576) run a beam for every state of a finite-state machine that accepts what meets
the constraints; Hokamp and Liu 2017 (arXiv:1704.07138) and Post and Vilar 2018 (arXiv:1804.06609) keep banks instead,
one for each number of constraint tokens met, and share one beam among them. Here the machine is exact and the banks
are by what is left:

* The machine is that of Aho and Corasick 1975 over all acceptable token sequences, times the set of entries met. It
  follows overlaps: “a b” and “b c” are both met by “a b c”.
* ``distance`` of a state is the least number of tokens that still meets everything. It prunes what can no longer be
  completed within the maximum length, and names the bank.
* Each bank that has candidates gets an equal share of the beam; what a bank cannot fill goes to the best of the rest.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence

import torch
from torch import Tensor

from lstm_models.errors import InputError

__all__ = ["Constraints"]

_MOST_ENTRIES = 8
_MOST_MOVES = 2**23
Form = tuple[int, ...]


class Constraints:
    """The automaton of a conjunction of disjunctions of token sequences.

    Args:
        include: entries, each with its acceptable token sequences.
        banned: tokens that can never come; a sequence with one of them cannot be met.
        max_length: most tokens of a sequence.
        no_repeat: no n-gram of that many tokens may come twice, 0 for no such rule.
        device: where the search runs.

    Attributes:
        distance: [states] least number of tokens that still meets all entries; state 0 is the beginning.

    Raises:
        InputError: no sequence of at most ``max_length`` tokens can meet the entries (``usage=True``).
    """

    def __init__(
        self,
        include: Sequence[Sequence[Form]],
        banned: Collection[int],
        max_length: int,
        no_repeat: int = 0,
        device: torch.device | str | None = None,
    ) -> None:
        if len(include) > _MOST_ENTRIES:
            raise InputError(f"at most {_MOST_ENTRIES} words can be required, not {len(include)}", usage=True)
        entries = [_possible(i, forms, banned, no_repeat) for i, forms in enumerate(include, 1)]
        words = sorted({token for forms in entries for form in forms for token in form})
        # A node is a prefix of a form: the longest one that the tokens so far end with.
        nodes = sorted({form[:i] for forms in entries for form in forms for i in range(len(form) + 1)}, key=len)
        if len(nodes) * (len(words) + 1) << len(entries) > _MOST_MOVES:
            raise InputError("the words that are required have too many forms together; require fewer", usage=True)
        number = {node: i for i, node in enumerate(nodes)}
        met = [sum(1 << i for i, forms in enumerate(entries) if any(_ends(n, f) for f in forms)) for n in nodes]
        moves = [[number[_longest((*node, word), number)] for word in words] + [0] for node in nodes]
        self.entries = len(entries)
        self.met = torch.tensor(met, device=device)
        self.moves = torch.tensor(moves, device=device)  # [nodes, words + 1], the last for every other token
        self.words = torch.tensor(words, device=device)
        self.distance = self._distances(len(nodes))
        needed = int(self.distance[0])
        if needed > max_length:
            raise InputError(
                f"the words that are required take {needed} tokens, and the longest sequence allowed has {max_length}",
                usage=True,
            )
        self.banks = needed + 1

    def follow(self, states: Tensor) -> Tensor:
        """States [..., words + 1] after each word of the entries, and last after any other token."""
        node = self.moves[states >> self.entries]
        met = (states & ((1 << self.entries) - 1))[..., None] | self.met[node]
        return node << self.entries | met

    def _distances(self, nodes: int) -> Tensor:
        states = torch.arange(nodes << self.entries, device=self.moves.device)
        full = (1 << self.entries) - 1
        after = self.follow(states)
        distance = torch.where(states & full == full, 0, math.inf)
        while True:  # Bellman: as often as the longest distance
            shorter = torch.minimum(distance, 1 + distance[after].amin(-1))
            if torch.equal(shorter, distance):
                return distance.long()
            distance = shorter

    def choose(
        self,
        keys: Tensor,
        states: Tensor,
        count: int,
        left: int,
        best: Callable[[Tensor, int], tuple[Tensor, Tensor]],
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The candidates to go on with, banks served in equal shares.

        Args:
            keys: [n, width, vocabulary] what candidates are ranked by, −inf for those that cannot be.
            states: [n, width] of the hypotheses.
            count: candidates to choose.
            left: tokens that may still come after this one.
            best: ``best(keys [rows, m], count)`` gives the largest of each row, sorted, and their places.

        Returns:
            [n, count] each: their keys, their places in ``width * vocabulary``, and their states. Where there are too
            few, keys of −inf fill up.
        """
        n, width, vocabulary = keys.shape
        after = self.follow(states)
        keys_in = keys[..., self.words]
        # Tokens of no entry lead to one state a hypothesis: the best ``count`` of them are all that can matter.
        keys_out = keys.index_fill(-1, self.words, -math.inf).flatten(0, 1)
        values, tokens = (t.view(n, width, -1) for t in best(keys_out, min(count, vocabulary)))
        states_out = after[..., -1:].expand_as(tokens)
        first = torch.arange(0, width * vocabulary, vocabulary, device=keys.device)[:, None]
        key = torch.cat([values, keys_in], -1).flatten(1)
        place = torch.cat([tokens + first, (self.words + first).expand_as(keys_in)], -1).flatten(1)
        state = torch.cat([states_out, after[..., :-1]], -1).flatten(1)

        distance = self.distance[state]
        key = key.masked_fill(distance > left, -math.inf)
        order = place.argsort(-1)
        order = order.gather(-1, key.gather(-1, order).argsort(dim=-1, descending=True, stable=True))
        key, place, state, distance = (t.gather(-1, order) for t in (key, place, state, distance))
        real = key > -math.inf
        bank = torch.nn.functional.one_hot(distance, int(self.distance.max()) + 1) * real[..., None]
        rank = (bank.cumsum(1) * bank).sum(-1)  # from 1, within the bank; 0 for what cannot be
        used = bank.amax(1)  # [n, banks]
        # Equal shares that sum to ``count``, the odd ones to the banks with the least left.
        number = used.flip(-1).cumsum(-1).flip(-1)  # from 1 at the furthest bank that is used, to their number
        banks = used.sum(-1, keepdim=True).clamp_(min=1)
        quota = number * count // banks - (number - 1) * count // banks
        inside = real & (rank <= quota.gather(-1, distance))
        order = (~inside).to(torch.uint8).argsort(dim=-1, stable=True)[:, :count]
        return key.gather(-1, order), place.gather(-1, order), state.gather(-1, order)


def _possible(position: int, forms: Sequence[Form], banned: Collection[int], no_repeat: int) -> list[Form]:
    """Those of the forms that a sequence can contain."""
    if not forms or not all(forms):
        raise InputError(f"required word {position} has no tokens", usage=True)
    possible = [form for form in forms if not any(token in banned for token in form)]
    if not possible:
        raise InputError(f"required word {position} is excluded: it cannot be both", usage=True)
    if no_repeat:
        grams = [[form[i : i + no_repeat] for i in range(len(form) - no_repeat + 1)] for form in possible]
        possible = [form for form, gram in zip(possible, grams, strict=True) if len(set(gram)) == len(gram)]
        if not possible:
            raise InputError(
                f"required word {position} repeats itself, which no_repeat={no_repeat} forbids", usage=True
            )
    return possible


def _ends(tokens: Form, form: Form) -> bool:
    return tokens[len(tokens) - len(form) :] == form if len(form) <= len(tokens) else False


def _longest(tokens: Form, known: Collection[Form]) -> Form:
    """The longest end of ``tokens`` that is known; the empty one always is."""
    return next(tokens[i:] for i in range(len(tokens) + 1) if tokens[i:] in known)
