"""Hot words of a search: what a hypothesis is paid for spelling one.

The boost of a word or phrase is paid letter by letter, so that a narrow beam keeps its beginning, and all of it is
taken back where the word goes on differently or ends too early: only whole words count in the end.
"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["HotState", "HotWords"]


class _Letters:
    """A node of the trie of phrases."""

    __slots__ = ("credit", "full", "next")

    def __init__(self) -> None:
        self.next: dict[str, _Letters] = {}
        self.credit = 0.0  # for the letters so far, of the phrase that pays most for them
        self.full: float | None = None  # for a phrase that ends here


HotState = tuple[tuple[_Letters, float], ...]
"""Phrases a hypothesis is in the middle of, each with what was paid for good for a phrase it begins with."""


class HotWords:
    """Phrases and what they pay: ``boost`` for each of their words.

    Args:
        phrases: words, or several with one space between them, in the characters of the search.
        boost: nats a word.
    """

    def __init__(self, phrases: Iterable[str], boost: float) -> None:
        self._root = _Letters()
        self.words: set[str] = set()
        for phrase in phrases:
            words = phrase.split()
            spelt, full = " ".join(words), boost * len(words)
            self.words.update(words)
            node = self._root
            for i, letter in enumerate(spelt, 1):
                node = node.next.setdefault(letter, _Letters())
                node.credit = max(node.credit, full * i / len(spelt))
            node.full = full

    def letter(self, state: HotState, letter: str, first: bool) -> HotState:
        """The state after one more letter, which is the ``first`` of a word or not."""
        going = [(node.next[letter], paid) for node, paid in state if letter in node.next]
        if first and letter in self._root.next:
            going.append((self._root.next[letter], 0.0))
        return tuple(going)

    def pending(self, state: HotState) -> float:
        """What is paid for the time being."""
        return max((node.credit - paid for node, paid in state), default=0.0)

    def end(self, state: HotState) -> tuple[float, HotState]:
        """What is paid for good where a word ends, and the state after the space."""
        gain = max((node.full - paid for node, paid in state if node.full is not None), default=0.0)
        going = [(node.next[" "], paid if node.full is None else node.full) for node, paid in state if " " in node.next]
        return gain, tuple(going)
