"""``QuestionAnswerer``: the answer to a question, where a text has it.

answerer = lstm_models.load("question-answerer")
print(answerer.answer("Who came?", "Ann came yesterday to see the house.").text)
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, overload

from lstm_models.decoding.options import override
from lstm_models.devices import move_to
from lstm_models.errors import InputError
from lstm_models.tasks.question_answering.decoding import AnswerOptions, find_answers
from lstm_models.tasks.question_answering.features import UNKNOWN, tokenize
from lstm_models.tasks.question_answering.network import QuestionAnsweringNetwork
from lstm_models.tasks.question_answering.results import Answer

if TYPE_CHECKING:
    import torch

__all__ = ["QuestionAnswerer"]

LONGEST_QUESTION = 1000  # characters
_MIN_WORDS, _MAX_UNKNOWN = 4, 0.4  # words that say nothing about a language; fraction of unknown ones that does
_QUESTION_WORDS = frozenset({"who", "whom", "whose", "what", "which", "when", "where", "why", "how"})
_VERBS = frozenset(
    {"is", "are", "was", "were", "be", "been", "do", "does", "did", "has", "have", "had", "can", "could", "will"}
    | {"would", "shall", "should", "may", "might", "must", "'s", "'re", "'ve", "'d", "'ll", "'m", "n't"}
)
_VERB_ENDING = re.compile(r"\w+(?:ed|ing|es|s)$")


class QuestionAnswerer(QuestionAnsweringNetwork):
    """Finds answers in texts; see ``lstm_models.tasks.question_answering.decoding``."""

    @overload
    def answer(  # type: ignore[overload-overlap]  # a str is a sequence of str, too
        self,
        question: str,
        passage: str | Sequence[str],
        options: AnswerOptions = ...,
        *,
        device: str | torch.device | None = None,
    ) -> Answer: ...
    @overload
    def answer(
        self,
        question: Sequence[str],
        passage: str | Sequence[str],
        options: AnswerOptions = ...,
        *,
        device: str | torch.device | None = None,
    ) -> list[Answer]: ...
    def answer(
        self,
        question: str | Sequence[str],
        passage: str | Sequence[str],
        options: AnswerOptions = AnswerOptions(),  # noqa: B008 - frozen
        *,
        device: str | torch.device | None = None,
    ) -> Answer | list[Answer]:
        """The answer to a question, or to each of a list, as it stands in a text.

        Of a long text, or of several, the passages most alike the question are read.

        Args:
            question: a question in English, or a list of them.
            passage: the text, or several texts; ``Answer.document`` says which of them has the answer.
            options: how to search, and from which probability on there is an answer.
            device: where the network runs; it is moved there. Where it is now if None.

        Returns:
            The answer; its text is "" where the text has none.

        Raises:
            InputError: a question or all text is empty, a question has more than 1,000 characters, or one of them is
                not a string.

        >>> answerer.answer("Who came?", "Ann came yesterday to see the house.").text      # doctest: +SKIP
        'Ann'
        """
        move_to(self, device)
        questions = [question] if isinstance(question, str) else question
        documents = [passage] if isinstance(passage, str) else passage
        for name, texts in (("question", questions), ("text", documents)):
            if not isinstance(texts, Sequence) or not all(isinstance(text, str) for text in texts):
                raise InputError(f"a {name} is expected, or a list of them, not {type(texts).__name__}", usage=True)
        for text in questions:
            _check_question(text)
        tokens = [tokenize(text) for text in documents]
        if not any(tokens):
            raise InputError("the text is empty" if not any(map(str.strip, documents)) else "the text has no words")
        made = find_answers(self, questions, documents, override(options, AnswerOptions), tokens)
        made = [replace(each, notes=self._doubts(each.question, documents, tokens)) for each in made]
        return made[0] if isinstance(question, str) else made

    def export_onnx(self, path: str | os.PathLike[str], *, int8: bool = False) -> Path:
        """Write the network as an ONNX graph; see ``lstm_models.tasks.question_answering.onnx_graph``.

        Inputs: ``passage_words``, ``passage_endings``, ``passage_shapes`` [batch, tokens] and the same of the
        ``question`` (``lstm_models.tasks.question_answering.features``), ``passage_lengths`` and ``question_lengths``
        [batch], all int64, where the network reads characters ``passage_characters`` and ``question_characters``
        [batch, tokens, 16], int64, too, and ``flags`` [batch, passage tokens, 3] float. Outputs: log probabilities
        ``start`` [batch, 1 + tokens], of no answer and of each start, and ``end`` [batch, tokens, longest answer], of
        each number of tokens given the start; and the ``alignment`` [batch, passage tokens, question tokens].

        Raises:
            InputError: onnx (or, for int8, onnxruntime) is missing, or the file cannot be written.
        """
        from lstm_models.tasks.question_answering.onnx_graph import export

        return export(self, path, int8=int8)

    def _doubts(self, question: str, documents: Sequence[str], tokens: Sequence[Sequence[object]]) -> tuple[str, ...]:
        """Sentences that say why an answer may be wrong."""
        notes = []
        words = [token.text for token in tokenize(question)]
        if (note := self._language_doubt(words, "question")) is not None:
            notes.append(note)
        elif not _is_question(words):
            notes.append("the question has no verb and no question word, so the answer may be to another question")
        text = [token.text for each in tokens for token in each[:2000]]  # type: ignore[attr-defined]
        if (note := self._language_doubt(text, "text")) is not None:
            notes.append(note)
        return tuple(notes)

    def _language_doubt(self, words: Sequence[str], called: str) -> str | None:
        numbers = self.numbers.numbers
        letters = [word.lower() for word in words if any(map(str.isalpha, word))]
        unknown = sum(numbers.get(word, UNKNOWN) == UNKNOWN for word in letters)
        if len(letters) < _MIN_WORDS or unknown < _MAX_UNKNOWN * len(letters):
            return None
        return f"{unknown} of {len(letters)} words of the {called} are unknown: the model reads English"


def _check_question(text: str) -> None:
    if not text.strip():
        raise InputError("the question is empty", usage=True)
    if len(text) > LONGEST_QUESTION:
        raise InputError(f"the question has {len(text):,} characters: at most {LONGEST_QUESTION:,} can be read")
    if not any(map(str.isalnum, text)):
        raise InputError("the question has no words", usage=True)


def _is_question(words: Sequence[str]) -> bool:
    lower = [word.lower() for word in words]
    return any(word in _QUESTION_WORDS or word in _VERBS or _VERB_ENDING.match(word) for word in lower)
