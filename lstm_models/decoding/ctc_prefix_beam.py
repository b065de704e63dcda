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
        "b", "children", "context", "extra", "hot", "label", "live", "n", "next_b", "next_n", "parent", "score",
        "settled", "stamp", "word",
    )  # fmt: skip

    def __init__(self, parent: Node | None, label: int) -> None:
        self.parent, self.label = parent, label
        self.children: dict[int, Node] = {}
        self.b = self.n = self.next_b = self.next_n = 0.0
        self.stamp, self.live = -1, False
        self.settled = self.extra = 0.0  # of the words that are complete; with what the one begun has for now
        self.score = 0.0
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
        self._options, self._lm = options, language_model
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
        slack, log, exp = gap + self._gain, math.log, math.exp
        touched: list[Node] = []
        bound = -math.inf  # a score that the best hypothesis of this frame reaches
        for node in self.nodes:
            last, total = node.label, node.b + node.n
            if node.stamp != frame:
                node.stamp, node.next_b, node.next_n = frame, 0.0, 0.0
                touched.append(node)
            node.next_b += total * blank
            if last >= 0:
                node.next_n += (total if last == space else node.n) * probabilities[last]
            stayed = node.next_b + node.next_n
            if stayed > 0.0:
                bound = max(bound, log(stayed) + node.extra)
            floor = bound - slack - node.extra
            floor = exp(floor) if -700.0 < floor < 700.0 else 0.0
            for label in tried:
                if label == last:
                    if label == space:
                        continue
                    mass = node.b * probabilities[label]
                else:
                    mass = total * probabilities[label]
                if mass <= floor:
                    continue
                child = node.children.get(label)
                if child is None:
                    # It has no other way to mass in this frame, so below this it would be made for nothing
                    child = self._extended(node, label, bound - gap - log(mass))
                    if child is None:
                        continue
                if child.stamp != frame:
                    child.stamp, child.next_b, child.next_n = frame, 0.0, 0.0
                    touched.append(child)
                child.next_n += mass
                reached = log(mass) + child.extra
                if reached > bound:
                    bound = reached
                    floor = bound - slack - node.extra
                    floor = exp(floor) if -700.0 < floor < 700.0 else 0.0
        self._prune(touched)

    def _prune(self, touched: list[Node]) -> None:
        most = max(node.next_b + node.next_n for node in touched)
        for node in touched:
            node.b, node.n = node.next_b, node.next_n
            total = node.b + node.n
            node.score = math.log(total) + node.extra if total > 0.0 else -math.inf
        touched.sort(key=_score, reverse=True)
        floor = touched[0].score - self._options.gap
        kept = [node for node in touched[: self._options.beam] if node.score >= floor]
        dropped = touched[len(kept) :]
        if most < _SMALL:
            self.scale += math.log(most)
            for node in kept:
                node.b, node.n = node.b / most, node.n / most
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

    def _extended(self, node: Node, label: int, least: float) -> Node | None:
        """The prefix with a label more; None if what language model and hot words add to it is below ``least``."""
        hot, pending = self._hot, 0.0
        state: HotState = ()
        if label == self.space:
            settled, context, state = self.completed(node)
            word = ""
        else:
            letter = self._letters[label]
            word, context, settled = node.word + letter, node.context, node.settled
            if hot is not None:
                state = hot.letter(node.hot, letter, not node.word)
            if self._lm is not None:
                ahead = self._lm.look_ahead(word)
                if state:
                    ahead = max(ahead, self._lm.unknown)
                pending = self._options.lm_weight * ahead
        if hot is not None:
            pending += hot.pending(state)
        extra = settled + pending
        if extra < least:
            return None
        child = Node(node, label)
        child.word, child.context, child.settled, child.hot, child.extra = word, context, settled, state, extra
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
            settled += self._options.lm_weight * score
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
