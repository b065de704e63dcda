"""The beam of a CTC prefix search: hypotheses as the nodes of a trie, and one frame after the other.

A node is a prefix of the text. It carries the probability of all alignments that spell it and end in a blank (b) or in
its last label (n), as in algorithm 1 of Hannun et al. 2014 (arXiv:1408.2873), and ``extra``: what language model, word
bonus and hot words add. Probabilities are kept linear and rescaled, so that a frame costs additions, not logarithms.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from lstm_models.decoding.hotwords import HotState, HotWords

if TYPE_CHECKING:
    from lstm_models.decoding.options import SearchOptions

__all__ = ["Node", "PrefixBeam", "WordModel"]

BLANK = 0
_SMALL = 1e-80  # probabilities are rescaled below this
_MOST_SCORES = 50_000  # language model scores that are kept


class WordModel(Protocol):
    """What a search asks of a language model; `lstm_models.ngram.model.NGram` is one, and says what each means."""

    @property
    def start(self) -> Any: ...

    @property
    def unknown(self) -> float: ...

    def __contains__(self, word: object) -> bool: ...

    def score(self, context: Any, word: str) -> tuple[float, Any]: ...

    def spelling(self, word: str) -> float: ...

    def look_ahead(self, prefix: str) -> float: ...


class Node:
    """A prefix."""

    __slots__ = (
        "b", "children", "context", "extra", "extras", "hot", "label", "live", "log_total", "n", "next_b", "next_n",
        "parent", "score", "settled", "stamp", "word",
    )  # fmt: skip

    def __init__(self, parent: Node | None, label: int) -> None:
        self.parent, self.label = parent, label
        self.children: dict[int, Node] = {}
        self.extras: dict[int, float] = {}  # what is added after each label more, as far as it was asked for
        self.b = self.n = self.next_b = self.next_n = 0.0
        self.stamp, self.live = -1, False
        self.settled = self.extra = 0.0  # of the words that are complete; with what the one begun has for now
        self.log_total = self.score = 0.0
        self.context: Any = ()
        self.word = ""
        self.hot: HotState = ()


class PrefixBeam:
    """The hypotheses of a search, ``nodes``, best first, and the trie they end in, from ``root``.

    Spaces that follow each other, or stand first, count as one and none: a text has many label sequences, and they add
    up. Nodes that lead to no hypothesis are taken out of the trie.
    """

    def __init__(self, alphabet: str, options: SearchOptions, language_model: WordModel | None) -> None:
        self._letters = ["", *alphabet]
        self.space = alphabet.find(" ") + 1 or -1
        self._options, self._lm, self._weight = options, language_model, options.lm_weight
        self._hot = HotWords(options.hotwords, options.hotword_boost) if options.hotwords else None
        self._gain = max(options.word_bonus, 0.0) + (abs(options.hotword_boost) if options.hotwords else 0.0)
        self._scores: dict[tuple[Any, str], tuple[float, Any]] = {}
        self._frame = 0
        self.begin(language_model.start if language_model is not None else ())

    def begin(self, context: Any) -> None:
        """One hypothesis without words, after the language model's ``context``."""
        root = Node(None, self.space)
        root.b, root.live, root.context = 1.0, True, context
        self.root, self.nodes, self.scale, self._folded = root, [root], 0.0, True

    def blank(self, probability: float) -> None:
        """A frame in which nothing but a blank is worth considering."""
        self.scale += math.log(probability)
        if not self._folded:
            for node in self.nodes:
                node.b += node.n
                node.n = 0.0
            self._folded = True

    def step(self, probabilities: Sequence[float], tried: Sequence[int]) -> None:
        """A frame: ``probabilities`` [labels], of which those ``tried`` (never the blank) extend a hypothesis."""
        self._frame = frame = self._frame + 1
        self._folded = False
        blank, space, gap = probabilities[BLANK], self.space, self._options.gap
        slack, log = gap + self._gain, math.log
        ways = sorted(((log(probabilities[label]), label) for label in tried), reverse=True)
        touched: list[Node] = []
        bound = -math.inf  # a score that the best hypothesis of this frame reaches
        for node in self.nodes:
            last, total, extra, log_total = node.label, node.b + node.n, node.extra, node.log_total
            if node.stamp != frame:
                node.stamp, node.next_b, node.next_n = frame, 0.0, 0.0
                touched.append(node)
            node.next_b += total * blank
            if last >= 0:
                node.next_n += (total if last == space else node.n) * probabilities[last]
            if log_total + extra > bound:
                stayed = node.next_b + node.next_n
                if stayed > 0.0:
                    bound = max(bound, log(stayed) + extra)
            children, extras, least = node.children, node.extras, bound - slack - extra - log_total
            for log_probability, label in ways:
                if log_probability <= least:
                    break  # so are the less likely ones
                mass, log_mass = total * probabilities[label], log_total + log_probability
                if label == last:
                    mass = node.b * probabilities[label]
                    if label == space or mass <= 0.0:
                        continue
                    log_mass = log(mass)
                child = children.get(label)
                if child is None:
                    added = extras.get(label)
                    if added is None:
                        added = extras[label] = self._extra(node, label)
                    # It has no other way to mass in this frame, so below this it would be made for nothing
                    if log_mass + added < bound - gap:
                        continue
                    child = self._extended(node, label)
                if child.stamp != frame:
                    child.stamp, child.next_b, child.next_n = frame, 0.0, 0.0
                    touched.append(child)
                child.next_n += mass
                reached = log_mass + child.extra
                if reached > bound:
                    bound = reached
                    least = bound - slack - extra - log_total
        self._prune(touched)

    def _prune(self, touched: list[Node]) -> None:
        log = math.log
        most = 0.0
        for node in touched:
            node.b, node.n = node.next_b, node.next_n
            total = node.b + node.n
            most = max(most, total)
            node.log_total = log(total) if total > 0.0 else -math.inf
            node.score = node.log_total + node.extra
        touched.sort(key=_score, reverse=True)
        floor = touched[0].score - self._options.gap
        kept = [node for node in touched[: self._options.beam] if node.score >= floor]
        dropped = touched[len(kept) :]
        if most < _SMALL:
            self.scale += log(most)
            for node in kept:
                node.b, node.n = node.b / most, node.n / most
                node.log_total -= log(most)
        for node in kept:
            node.live = True
        self.nodes = kept
        self.drop(dropped)

    def drop(self, nodes: Sequence[Node]) -> None:
        """Take hypotheses out of the trie, with the nodes that led to them alone."""
        for node in nodes:
            node.live = False
        for node in nodes:
            while not node.live and not node.children and node is not self.root:
                parent = node.parent
                if parent is None or parent.children.get(node.label) is not node:
                    break  # taken out already
                del parent.children[node.label]
                node = parent

    def _extra(self, node: Node, label: int) -> float:
        """What language model, word bonus and hot words add to the prefix with a label more."""
        if label == self.space:
            settled, _, state = self.completed(node)
            return settled if self._hot is None else settled + self._hot.pending(state)
        letter, ahead = self._letters[label], 0.0
        if self._lm is not None:
            ahead = self._lm.look_ahead(node.word + letter)
        if self._hot is None:
            return node.settled + self._weight * ahead
        state = self._hot.letter(node.hot, letter, not node.word)
        if state and self._lm is not None:
            ahead = max(ahead, self._lm.unknown)
        return node.settled + self._weight * ahead + self._hot.pending(state)

    def _extended(self, node: Node, label: int) -> Node:
        """The prefix with a label more."""
        child = Node(node, label)
        if label == self.space:
            child.settled, child.context, child.hot = self.completed(node)
        else:
            letter = self._letters[label]
            child.word, child.context, child.settled = node.word + letter, node.context, node.settled
            if self._hot is not None:
                child.hot = self._hot.letter(node.hot, letter, not node.word)
        child.extra = node.extras[label]
        node.children[label] = child
        return child

    def completed(self, node: Node) -> tuple[float, Any, HotState]:
        """What the words of a prefix add if the last ends here, the language model's context, and the hot words'."""
        word, hot = node.word, self._hot
        if not word:
            return node.settled, node.context, node.hot
        settled, context = node.settled + self._options.word_bonus, node.context
        if self._lm is not None:
            score, context = self._language_score(context, word)
            settled += self._weight * score
        if hot is None:
            return settled, context, ()
        gain, state = hot.end(node.hot)
        return settled + gain, context, state

    def language_scores(self, words: Sequence[str]) -> list[float]:
        """ln P of each of ``words``, the first after what came before the root; empty without a language model."""
        scores: list[float] = []
        context = self.root.context
        for word in words if self._lm is not None else ():
            score, context = self._language_score(context, word)
            scores.append(score)
        return scores

    def _language_score(self, context: Any, word: str) -> tuple[float, Any]:
        """ln P(word | context) and the context after it."""
        found = self._scores.get((context, word))
        if found is None:
            assert self._lm is not None
            score, after = self._lm.score(context, word)
            if self._hot is not None and word in self._hot.words and word not in self._lm:
                score -= self._lm.spelling(word)  # it is known to be a word, so its spelling is no surprise
            if len(self._scores) >= _MOST_SCORES:
                self._scores.clear()
            found = self._scores[context, word] = (score, after)
        return found

    def texts(self) -> list[tuple[float, float, Node]]:
        """Texts if the input ended here: score, log probability of the alignments, and a node; best first."""
        found: dict[int, list[Any]] = {}
        for node in self.nodes:
            total = node.b + node.n
            if total <= 0.0:
                continue
            ends_in_space = node.label == self.space and node.parent is not None
            key = id(node.parent if ends_in_space else node)  # a space at the end changes no text
            if key in found:
                found[key][1] += total
            else:
                found[key] = [self.completed(node)[0], total, node]
        listed = [(extra + math.log(total) + self.scale, math.log(total) + self.scale, node)
                  for extra, total, node in found.values()]  # fmt: skip
        return sorted(listed, key=lambda each: each[0], reverse=True)

    def path(self, node: Node | None) -> list[Node]:
        """The nodes from the first after the root to `node`."""
        nodes = []
        while node is not None and node is not self.root:
            nodes.append(node)
            node = node.parent
        return nodes[::-1]

    def agreed(self) -> Node | None:
        """The last space that all hypotheses have in common, if there is one after the root."""
        node, space = self.root, None
        while not node.live and len(node.children) == 1:
            node = next(iter(node.children.values()))
            if node.label == self.space:
                space = node
        return space

    def insist(self, node: Node) -> None:
        """Keep only hypotheses that begin with `node`."""
        kept: list[Node] = []
        dropped: list[Node] = []
        for each in self.nodes:
            (kept if each is node or node in self.path(each) else dropped).append(each)
        self.nodes = kept
        self.drop(dropped)

    def cut(self, node: Node) -> None:
        """Forget what comes before `node`, with which all hypotheses begin."""
        self.root = node
        node.parent = None


def _score(node: Node) -> float:
    return node.score
