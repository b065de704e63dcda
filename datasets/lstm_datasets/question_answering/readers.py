"""Passages with questions and answers, in SQuAD's JSON (Rajpurkar et al. 2016, arXiv:1606.05250)."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from lstm_datasets.packed_files import read_bytes
from lstm_models.errors import InputError

__all__ = ["AskedPassage", "AskedQuestion", "read_squad"]


class AskedQuestion(NamedTuple):
    """A question with its answers: each a text and the character of the passage where it starts; none in SQuAD 2's
    questions that cannot be answered."""

    id: str
    text: str
    answers: tuple[tuple[str, int], ...]


class AskedPassage(NamedTuple):
    """A paragraph of an article, and the questions that were asked about it."""

    title: str
    text: str
    questions: tuple[AskedQuestion, ...]


def read_squad(path: str | os.PathLike[str]) -> list[AskedPassage]:
    """The paragraphs of a file of SQuAD's form, .json or .json.xz.

    Raises:
        InputError: it cannot be read, is not of that form, or an answer does not stand where it says.
    """
    path = Path(path)
    content = read_bytes(path)
    try:
        data = json.loads(content)
    except ValueError:
        raise InputError(f"{path} is not JSON: expected SQuAD's form") from None
    try:
        return list(_paragraphs(path, data))
    except (KeyError, TypeError, AttributeError, IndexError):
        raise InputError(
            f"{path} is not of SQuAD's form: expected data, with paragraphs, each with a context and its qas"
        ) from None


def _paragraphs(path: Path, data: Any) -> Iterator[AskedPassage]:
    for article in data["data"]:
        for paragraph in article["paragraphs"]:
            text, questions = paragraph["context"], []
            for entry in paragraph["qas"]:
                answers = tuple((answer["text"], int(answer["answer_start"])) for answer in entry["answers"])
                for answer, start in answers:
                    if text[start : start + len(answer)] != answer:
                        raise InputError(f"{path}: the answer of question {entry['id']} is not where it says")
                questions.append(AskedQuestion(str(entry["id"]), entry["question"], answers))
            yield AskedPassage(str(article.get("title", "")), text, tuple(questions))
