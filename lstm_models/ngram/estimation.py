"""Estimates n-gram models: modified Kneser–Ney smoothing of several weighted sources, and entropy pruning.

Smoothing is the interpolated form of Chen and Goodman 1999 (Computer Speech & Language 13, section 3): n-grams of the
highest order count as often as they come, shorter ones by how many words they follow; each count gives up a discount
D1, D2 or D3+ that is reckoned from its source's own counts of counts. Sources are merged count by count,

    P(w | h) = Σ_s a_s (c_s(hw) − D_s(c_s(hw))) / Σ_s a_s c_s(h)  +  γ(h) P(w | shorter h)

with the weight a_s of source s, so that in a context which only one source has, that source speaks. With one source
this is plain modified Kneser–Ney. Pruning is that of Stolcke 1998 (DARPA Broadcast News workshop): n-grams go whose
loss changes the model's relative entropy least, histories weighed by how often they come in the text (Chelba et al.
2010: Kneser–Ney's own short distributions would weigh them wrongly).

No maintained estimator can be had from PyPI (KenLM's package there asks only), hence this one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lstm_models.errors import InputError
from lstm_models.ngram.model import BEGIN, NGrams

__all__ = ["Estimate", "Losses", "Source", "entropy_losses", "estimate"]

_NEVER = -99.0 * math.log(10)


@dataclass(frozen=True)
class Source:
    """A text.

    Attributes:
        tokens: `[tokens]` int, word numbers, each sentence between 0 (``<s>``) and 1 (``</s>``).
        weight: of its counts.
    """

    tokens: np.ndarray
    weight: float = 1.0


@dataclass
class Estimate:
    """An n-gram model under work: keys are words as digits of base ``words``, sorted.

    Attributes:
        words: size of the vocabulary, the classes included.
        keys: for each order `[n-grams]` uint64, or Python's integers where these are too short.
        log_probs: likewise, ln P of the last word.
        backoffs: likewise, ln of the weight of shorter contexts.
        shares: likewise, of the weighted text, the part that the n-gram makes up among those of its order.
    """

    words: int
    keys: list[np.ndarray]
    log_probs: list[np.ndarray]
    backoffs: list[np.ndarray]
    shares: list[np.ndarray]

    @property
    def order(self) -> int:
        """Words of the longest n-gram."""
        return len(self.keys)

    def levels(self) -> list[NGrams]:
        """As what `NGram.from_ngrams` takes."""
        made = []
        for i, keys in enumerate(self.keys):
            digits = [(keys // self.words**power % self.words).astype(np.uint64) for power in range(i, -1, -1)]
            made.append(NGrams(np.stack(digits, 1), self.log_probs[i], self.backoffs[i]))
        return made

    def log_prob(self, keys: np.ndarray, order: int) -> np.ndarray:
        """ln P of the last of `order` words, for any keys, with back-off."""
        if order == 1:
            return np.asarray(self.log_probs[0][keys.astype(np.int64)])
        places, known = _find(self.keys[order - 1], keys)
        found = np.empty(len(keys))
        found[known] = self.log_probs[order - 1][places[known]]
        contexts, has_context = _find(self.keys[order - 2], keys[~known] // self.words)
        weights = np.where(has_context, self.backoffs[order - 2][contexts], 0.0)
        found[~known] = weights + self.log_prob(keys[~known] % self.words ** (order - 1), order - 1)
        return found


def estimate(
    sources: Sequence[Source],
    words: int,
    order: int = 3,
    unigrams: np.ndarray | None = None,
    *,
    long_keys: bool = False,
) -> Estimate:
    """A model of all n-grams of the sources.

    Args:
        sources: texts; those of weight 0 are left out.
        words: size of the vocabulary, ``<s>``, ``</s>`` and ``<unk>`` included.
        order: words of the longest n-gram.
        unigrams: `[words]` counts to add to those of single words, which nothing is discounted from.
        long_keys: take n-grams that 64 bits cannot number, too, by Python's integers: slower, and for small texts.

    Raises:
        InputError: there is no text, or the vocabulary is too large for the order.
    """
    if words**order > 2**64 and not long_keys:
        raise InputError(f"{words:,} words are too many for n-grams of {order}", usage=True)
    kind = np.dtype(object if words**order > 2**64 else np.uint64)
    counted = [(source.weight, _counts(source.tokens, words, order, kind)) for source in sources if source.weight > 0]
    if not counted or not sum(len(raw[0][0]) for _, raw in counted):
        raise InputError("there is no text to learn from")
    made = Estimate(words, [], [], [], [])
    gammas: list[np.ndarray] = []
    for n in range(1, order + 1):
        keys, parts, whole = _merged(counted, n, order, words)
        adjusted, kept = parts[0], parts[0] - parts[1]
        if n == 1:
            kept_all, adjusted_all = np.zeros(words), np.zeros(words)
            places = keys.astype(np.int64)
            kept_all[places], adjusted_all[places] = kept, adjusted
            if unigrams is not None:
                kept_all, adjusted_all = kept_all + unigrams, adjusted_all + unigrams
            kept_all[BEGIN] = adjusted_all[BEGIN] = 0.0
            total = adjusted_all.sum()
            probabilities = (kept_all + (1 - kept_all.sum() / total) * total / (words - 1)) / total
            probabilities[BEGIN] = 1.0
            log_probs = np.log(probabilities)
            log_probs[BEGIN] = _NEVER
            made.keys.append(np.arange(words).astype(kind))
            made.log_probs.append(log_probs)
            shares = np.zeros(words)
            shares[places] = whole
        else:
            contexts, owner = np.unique(keys // words, return_inverse=True)
            totals = np.bincount(owner, weights=adjusted)
            gamma = 1 - np.bincount(owner, weights=kept) / totals
            lower = made.log_prob(keys % words ** (n - 1), n - 1)
            made.keys.append(keys)
            made.log_probs.append(np.log(kept / totals[owner] + gamma[owner] * np.exp(lower)))
            backoffs = np.zeros(len(made.keys[n - 2]))
            backoffs[_find(made.keys[n - 2], contexts)[0]] = np.log(gamma)
            gammas.append(backoffs)
            shares = whole
        made.shares.append(shares / shares.sum())
        made.backoffs.append(np.zeros(len(made.keys[-1])))
        if n > 1:
            made.backoffs[n - 2] = gammas[-1]
    return made


def _counts(tokens: np.ndarray, words: int, order: int, kind: np.dtype) -> list[tuple[np.ndarray, np.ndarray]]:
    """For each order the distinct n-grams' keys, sorted, and how often they come."""
    tokens = np.asarray(tokens).astype(kind)
    keys, inside = tokens.copy(), np.ones(len(tokens), bool)
    counted = [np.unique(tokens, return_counts=True)]
    for n in range(2, order + 1):
        if len(keys) < 2:
            counted.append((np.empty(0, kind), np.empty(0, np.int64)))
            continue
        keys = keys[:-1] * words + tokens[n - 1 :]
        inside = inside[:-1] & (tokens[n - 1 :] != BEGIN)  # no n-gram goes over the end of a sentence
        counted.append(np.unique(keys[inside], return_counts=True))
    return counted


def _merged(
    counted: Sequence[tuple[float, list[tuple[np.ndarray, np.ndarray]]]], n: int, order: int, words: int
) -> tuple[np.ndarray, list[np.ndarray], np.ndarray]:
    """Keys of the n-grams of all sources; their weighted adjusted counts and discounts; their weighted raw counts."""
    keys, adjusted, discounts, whole = [], [], [], []
    for weight, raw in counted:
        each, counts = raw[n - 1]
        values = counts
        if n < order:
            followed, befores = np.unique(raw[n][0] % words**n, return_counts=True)  # how many words come before
            places, known = _find(each, followed)
            begins = each // words ** (n - 1) == BEGIN  # nothing comes before <s>
            values = np.where(begins, counts if n > 1 else 0, 0)
            values[places[known]] = befores[known]
        discount = _discounts(values)
        keys.append(each)
        adjusted.append(weight * values)
        discounts.append(weight * np.minimum(discount, values))
        whole.append(weight * counts)
    merged, owner = np.unique(np.concatenate(keys), return_inverse=True)
    sums = [np.bincount(owner, weights=np.concatenate(each), minlength=len(merged)) for each in (adjusted, discounts)]
    shares = np.bincount(owner, weights=np.concatenate(whole), minlength=len(merged))
    return merged, sums, shares


def _discounts(counts: np.ndarray) -> np.ndarray:
    """What each count gives up: equation 26 of Chen and Goodman."""
    n1, n2, n3, n4 = (float((counts == k).sum()) for k in (1, 2, 3, 4))
    if not (n1 and n2 and n3):  # too little text to reckon with
        return np.select([counts == 1, counts == 2], [0.5, 0.75], 1.0) * (counts > 0)
    y = n1 / (n1 + 2 * n2)
    d1, d2, d3 = 1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3
    d1, d2, d3 = (min(max(d, 0.1), most) for d, most in ((d1, 0.95), (d2, 1.9), (d3, 2.8)))
    return np.select([counts == 1, counts == 2, counts >= 3], [d1, d2, d3], 0.0)


def _find(keys: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the wanted keys stand among sorted ones (0 where not), and whether they do."""
    if not len(keys):
        return np.zeros(len(wanted), np.int64), np.zeros(len(wanted), bool)
    places = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    known = keys[places] == wanted
    return np.where(known, places, 0), known


# --- pruning -------------------------------------------------------------------------------------------------------


class Losses:
    """What the loss of each n-gram of two words and more costs, and the model without the cheapest.

    An n-gram stays while a longer one begins with its words.
    """

    def __init__(self, model: Estimate) -> None:
        self.model = model
        self.values = [entropy_losses(model, n) for n in range(2, model.order + 1)]

    def kept(self, threshold: float) -> list[np.ndarray]:
        """For each order, which n-grams cost at least so much relative entropy, or must stay."""
        model = self.model
        kept = [np.ones(len(model.keys[0]), bool), *(values >= threshold for values in self.values)]
        for n in range(model.order - 1, 1, -1):
            kept[n - 1][_find(model.keys[n - 1], model.keys[n][kept[n]] // model.words)[0]] = True
        return kept

    def counts(self, threshold: float) -> list[int]:
        """How many n-grams of each order are kept."""
        return [int(keep.sum()) for keep in self.kept(threshold)]

    def prune(self, threshold: float) -> Estimate:
        """The model without those that cost less."""
        model, kept = self.model, self.kept(threshold)
        listed = (model.keys, model.log_probs, model.backoffs, model.shares)
        made = Estimate(model.words, *([x[keep] for x, keep in zip(each, kept, strict=True)] for each in listed))
        _rebalance(made)
        return made


def entropy_losses(model: Estimate, n: int) -> np.ndarray:
    """Relative entropy between the model and that without one n-gram of order `n`, for each: Stolcke's equation 4."""
    keys, words = model.keys[n - 1], model.words
    contexts, owner = np.unique(keys // words, return_inverse=True)
    log_probs, lower = model.log_probs[n - 1], model.log_prob(keys % words ** (n - 1), n - 1)
    probabilities, lower_probabilities = np.exp(log_probs), np.exp(lower)
    left = np.maximum(1 - np.bincount(owner, weights=probabilities), 1e-9)[owner]
    lower_left = np.maximum(1 - np.bincount(owner, weights=lower_probabilities), 1e-9)[owner]
    weight = np.log(left) - np.log(lower_left)
    without = np.log(left + probabilities) - np.log(lower_left + lower_probabilities)
    fraction = model.shares[n - 2][_find(model.keys[n - 2], contexts)[0]][owner]
    return np.asarray(-fraction * (probabilities * (lower + without - log_probs) + left * (without - weight)))


def _rebalance(model: Estimate) -> None:
    """Back-off weights with which every context's probabilities sum to one."""
    for n in range(2, model.order + 1):
        keys = model.keys[n - 1]
        contexts, owner = np.unique(keys // model.words, return_inverse=True)
        model.backoffs[n - 2] = np.zeros(len(model.keys[n - 2]))
        lower = model.log_prob(keys % model.words ** (n - 1), n - 1)
        left = np.maximum(1 - np.bincount(owner, weights=np.exp(model.log_probs[n - 1])), 1e-9)
        lower_left = np.maximum(1 - np.bincount(owner, weights=np.exp(lower)), 1e-9)
        places, known = _find(model.keys[n - 2], contexts)
        model.backoffs[n - 2][places[known]] = (np.log(left) - np.log(lower_left))[known]
