"""``Punctuator``: marks and capitals for text that has none.

punctuator = lstm_models.load("punctuator")
print(punctuator.punctuate("hello how are you i am fine").text)
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lstm_models.decoding.options import override
from lstm_models.devices import move_to
from lstm_models.errors import InputError
from lstm_models.tasks.punctuation.decoding import PunctuateOptions, punctuate_tokens
from lstm_models.tasks.punctuation.features import Token, tokens_of
from lstm_models.tasks.punctuation.network import PunctuationNetwork
from lstm_models.tasks.punctuation.results import PunctuatedText, PunctuatedWord
from lstm_models.tasks.punctuation.subtitle_files import punctuate_subtitles

if TYPE_CHECKING:
    import torch

    from lstm_models.results import Word

__all__ = ["PunctuationStream", "Punctuator"]

_PARAGRAPH = re.compile(r"((?:[ \t]*\n){2,}[ \t]*)")  # between paragraphs, which are texts by themselves
_CONTEXT = 100  # words that a stream looks back on


class Punctuator(PunctuationNetwork):
    """Puts marks and capitals into text that has none; see ``lstm_models.tasks.punctuation.decoding``."""

    def punctuate(
        self,
        text: str,
        options: PunctuateOptions = PunctuateOptions(),  # noqa: B008 - frozen
        *,
        device: str | torch.device | None = None,
    ) -> PunctuatedText:
        """Marks and capitals for a text.

        Line breaks stay; an empty line ends a sentence. Marks and capitals that are there already are kept. A long text
        is read in windows.

        Args:
            text: the text.
            options: what is put in.
            device: where the network runs; it is moved there. Where it is now if None.

        Raises:
            InputError: the text is empty or not a string.

        >>> punctuator.punctuate("hello how are you").text      # doctest: +SKIP
        'Hello, how are you?'
        """
        move_to(self, device)
        if not isinstance(text, str):
            raise InputError(f"a text is expected, not {type(text).__name__}", usage=True)
        if not text.strip():
            raise InputError("the text is empty", usage=True)
        options = override(options, PunctuateOptions)
        made, words = [], []
        parts = _PARAGRAPH.split(text)
        for number, part in enumerate(parts):
            if number % 2 or not part.strip():
                made.append(part)
                continue
            going_on = any(other.strip() for other in parts[number + 2 :: 2])
            each = dataclasses.replace(options, complete=True) if going_on else options
            found = punctuate_tokens(self, tokens_of(part), each)
            made.append(_with_gaps(part, found))
            words += found
        doubts = self.vocabulary.doubts([token.core for token in tokens_of(text) if token.core])
        return PunctuatedText("".join(made), tuple(words), doubts)

    def punctuate_words(
        self,
        words: Sequence[Word],
        options: PunctuateOptions = PunctuateOptions(),  # noqa: B008 - frozen
        *,
        complete: bool | None = None,
    ) -> list[PunctuatedWord]:
        """Marks and cases of words that have times, such as a transcript's: one for each, with its times.

        Args:
            words: the words.
            options: what is put in.
            complete: replaces that of the options.
        """
        options = override(options, PunctuateOptions, complete=complete)
        tokens = [_whole(word.text) for word in words]
        made = punctuate_tokens(self, tokens, options)
        return [
            dataclasses.replace(found, start=word.start, end=word.end) for found, word in zip(made, words, strict=True)
        ]

    def punctuate_subtitles(
        self,
        content: str,
        options: PunctuateOptions = PunctuateOptions(),  # noqa: B008 - frozen
    ) -> str:
        """Marks and capitals for the content of a .srt or .vtt file, whose times, numbers and tags stay.

        Raises:
            InputError: the content has no line of times, or no words.
        """
        return punctuate_subtitles(self, content, override(options, PunctuateOptions))

    def export_onnx(self, path: str | os.PathLike[str], *, int8: bool = False) -> Path:
        """Write the network as an ONNX graph; see ``lstm_models.tasks.punctuation.onnx_graph``.

        Inputs: numbers of ``words`` and of their ``endings`` [batch, words] (`PunctuationNetwork.encode`) and
        ``lengths`` [batch], all int64. Outputs: log probabilities of the ``marks`` after each word [batch, words,
        marks] and of its case, ``cases`` [batch, words, cases], in the order of
        ``lstm_models.tasks.punctuation.features``.

        Raises:
            InputError: onnx (or, for int8, onnxruntime) is missing, or the file cannot be written.
        """
        from lstm_models.tasks.punctuation.onnx_graph import export

        return export(self, path, int8=int8)

    def stream(self, lookahead: int = 8, *, capitals: bool = True) -> PunctuationStream:
        """Punctuates words while they arrive; see `PunctuationStream`."""
        return PunctuationStream(self, lookahead, capitals=capitals)


class PunctuationStream:
    """Words go in as they are spoken, words with marks come out once ``lookahead`` more have been seen.

    Every decision is the whole network's over the last words and those ahead, so no state but the words is kept; what
    has come out never changes.

    Args:
        punctuator: the model.
        lookahead: words that are waited for before a word is decided.
        capitals: whether capitals are put in.

    Raises:
        InputError: the look-ahead is below 0.
    """

    def __init__(self, punctuator: Punctuator, lookahead: int = 8, *, capitals: bool = True) -> None:
        if lookahead < 0:
            raise InputError(f"lookahead must be 0 or more words, not {lookahead}", usage=True)
        self.punctuator, self.lookahead, self.capitals = punctuator, lookahead, capitals
        self._words: list[Word] = []  # the context and what is not decided
        self._decided: list[PunctuatedWord] = []  # of the context

    def push(self, words: Sequence[Word]) -> list[PunctuatedWord]:
        """Takes the next words, and gives those that are decided now."""
        self._words += words
        return self._decide(len(self._words) - self.lookahead, complete=False)

    def finish(self) -> list[PunctuatedWord]:
        """Says that the text is over, and gives the rest."""
        return self._decide(len(self._words), complete=True)

    def _decide(self, last: int, *, complete: bool) -> list[PunctuatedWord]:
        first = len(self._decided)
        if last <= first:
            return []
        options = PunctuateOptions(capitals=self.capitals, complete=complete)
        tokens = [_whole(word.text) for word in self._words]
        found = punctuate_tokens(self.punctuator, tokens, options, self._decided)[: last - first]
        new = [
            dataclasses.replace(each, start=word.start, end=word.end)
            for each, word in zip(found, self._words[first:last], strict=True)
        ]
        self._decided = [*self._decided, *new][-_CONTEXT:]
        self._words = self._words[last - len(self._decided) :]
        return new


def _whole(word: str) -> Token:
    """A word that came by itself, whatever is in it."""
    tokens = tokens_of(word)
    return tokens[0] if len(tokens) == 1 and tokens[0].core else Token("", word, "", "")


def _with_gaps(text: str, words: Sequence[PunctuatedWord]) -> str:
    """The words with the blanks and line breaks that stood between those of the text."""
    gaps = re.split(r"\S+", text)
    return "".join(gap + str(word) for gap, word in zip(gaps, words, strict=False)) + gaps[-1]
