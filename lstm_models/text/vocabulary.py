"""Words: how a sentence becomes the words of a vocabulary, and back.

Words are those of the Penn Treebank, as the caption scorers see them: lower case, clitics apart ("man 's", "do n't"),
no punctuation.
"""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Iterable, Sequence

from lstm_models.errors import InputError

__all__ = ["END", "UNKNOWN", "Vocabulary", "count_words", "join_words", "split_words"]

END, UNKNOWN = 0, 1
SPECIAL = ("<end>", "<unknown>")

_CLITICS = re.compile(r"(?<=\w)(n't|'(?:s|re|ve|ll|m|d))\b")
_WORDS = re.compile(r"n't|'(?:s|re|ve|ll|m|d)\b|\w+(?:[-.,/&]\w+)*")


def split_words(text: str) -> list[str]:
    """The words of a sentence: "A man's dog doesn't bark!" gives a, man, 's, dog, does, n't, bark."""
    text = text.lower().replace("’", "'").replace("‘", "'")
    return _WORDS.findall(_CLITICS.sub(r" \1 ", text))


def join_words(words: Sequence[str]) -> str:
    """A sentence of words, clitics joined to the word before, with a capital first letter."""
    text = ""
    for word in words:
        text += word if not text or word == "n't" or word.startswith("'") else f" {word}"
    return text[:1].upper() + text[1:]


def count_words(texts: Iterable[str], min_count: int = 1) -> tuple[str, ...]:
    """The words that come at least so often in the texts, the most frequent first."""
    counts = Counter(word for text in texts for word in split_words(text))
    return tuple(sorted((word for word in counts if counts[word] >= min_count), key=lambda word: (-counts[word], word)))


class Vocabulary:
    """Word numbers: 0 ends (and begins) a sentence, 1 stands for every unknown word, then the ``words`` in order."""

    def __init__(self, words: Sequence[str]) -> None:
        self.words = (*SPECIAL, *words)
        self.numbers = {word: number for number, word in enumerate(self.words)}

    def __len__(self) -> int:
        return len(self.words)

    def encode(self, text: str) -> list[int]:
        """The numbers of the words of a text, without an end."""
        return [self.numbers.get(word, UNKNOWN) for word in split_words(text)]

    def decode(self, numbers: Iterable[int]) -> list[str]:
        """The words of numbers up to the end."""
        words = []
        for number in numbers:
            if number == END:
                break
            words.append(self.words[number])
        return words

    def find(self, phrase: str) -> tuple[int, ...]:
        """The numbers of a word or phrase whose every word is known.

        Raises:
            InputError: it has no word, or one that is unknown; like ones are named.
        """
        words = split_words(phrase)
        if not words:
            raise InputError(f"“{phrase}” has no word in it", usage=True)
        for word in words:
            if word not in self.numbers:
                close = difflib.get_close_matches(word, self.words[len(SPECIAL) :], n=3)
                like = f"; it knows {', '.join(close)}" if close else ""
                raise InputError(f"the model does not know the word “{word}”{like}", usage=True)
        return tuple(self.numbers[word] for word in words)
