"""Measures a punctuator: F1 of marks, F1 of capitalised words, and what it costs.

lstm-models evaluate punctuation --data iwslt-dev2012.tsv.xz --data talks.jsonl --json punctuator.json
"""

from __future__ import annotations

import time
from json import dumps
from typing import Any

import numpy as np

from lstm_apps.tasks.punctuation.metrics import binary_scores, mark_scores
from lstm_datasets.punctuation.readers import is_iwslt, read_documents, read_iwslt
from lstm_models.checkpoints import hub
from lstm_models.errors import InputError
from lstm_models.io.atomic_write import check_writable, write_whole
from lstm_models.results import Word
from lstm_models.tasks.punctuation.decoding import decide, log_probs
from lstm_models.tasks.punctuation.features import ENDS, GROUPS, LOWER, MARKS
from lstm_models.tasks.punctuation.model import Punctuator

__all__ = ["evaluate"]

_GROUP_OF = np.array(GROUPS)


def evaluate(
    data: list[str],
    model: str = "punctuator",
    lookahead: int | None = None,
    limit: int | None = None,
    json: str | None = None,
) -> dict[str, Any]:
    """Measures a punctuator on text whose marks are known, and prints the figures.

    Of each file: precision, recall and F1 in per cent of commas, periods, question marks, and all of them together,
    merged as in IWSLT's files (exclamation marks and semicolons are periods, colons and dashes commas); of texts with
    capitals also of capitalised words, sentences' first words included (their case follows from the mark before). The
    speed is in words a second of one core.

    Args:
        data: IWSLT's files (.tsv, a word, a tab and O, COMMA, PERIOD or QUESTION a line), or texts as for training, of
            items that name a split those of “dev”.
        model: a bundled model, a folder, or the id of one on the Hugging Face hub.
        lookahead: words that are seen beyond the one being decided, as in a stream; the whole text if missing.
        limit: measure on so many words of each file, from its beginning.
        json: a .json file for the figures.

    Returns:
        The figures, as in the file.

    Raises:
        InputError: the model, the data or an option is not what it should be, or the file cannot be written.
    """
    if (limit is not None and limit < 1) or (lookahead is not None and lookahead < 0):
        raise InputError("--limit must be 1 or more, --lookahead 0 or more", usage=True)
    if json is not None:
        check_writable(json)
    punctuator = hub.load_as(Punctuator, model)
    figures: dict[str, Any] = {"model": model, "lookahead": lookahead, "files": {}}
    total, seconds = 0, 0.0
    for path in data:
        texts, marks, cases = _read(path, limit)
        if not texts:
            raise InputError(f"{path} has no words")
        started = time.process_time()
        found, cased = _whole(punctuator, texts) if lookahead is None else _stream(punctuator, texts, lookahead)
        seconds, total = seconds + time.process_time() - started, total + len(texts)
        wanted = _GROUP_OF[[MARKS.index(mark) for mark in marks]]
        scores: dict[str, Any] = {"words": len(texts), "marks": mark_scores(wanted, found)}
        if cases is not None:
            scores["capitalised_words"] = binary_scores(np.array(cases) != LOWER, cased)
        figures["files"][path] = scores
    figures["words_a_second"] = round(total / max(seconds, 1e-9))
    print(dumps(figures, indent=2, ensure_ascii=False))
    if json is not None:
        write_whole(json, dumps(figures, indent=1, ensure_ascii=False) + "\n")
    return figures


def _read(path: str, limit: int | None) -> tuple[list[str], list[str], list[int] | None]:
    """Words in lower case, the mark after each, and the case of each where the file has it."""
    if is_iwslt(path):
        pairs = read_iwslt(path)[:limit]
        return [word.lower() for word, _ in pairs], [mark for _, mark in pairs], None
    words = [word for document in read_documents(path, split="dev") for word in document][:limit]
    return [word.text.lower() for word in words], [word.mark for word in words], [word.case for word in words]


def _whole(punctuator: Punctuator, words: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """The group of the mark after each word, and whether the word is capitalised, the whole text in sight."""
    marks, cases = log_probs(punctuator, words)
    chosen, _ = decide(punctuator, marks)
    ends = np.array([MARKS[int(mark)] in ENDS for mark in chosen])
    starts = np.concatenate([[True], ends[:-1]])
    return _GROUP_OF[chosen.numpy()], (cases.argmax(-1).numpy() != LOWER) | starts


def _stream(punctuator: Punctuator, words: list[str], lookahead: int) -> tuple[np.ndarray, np.ndarray]:
    """The same of words that arrive one by one."""
    stream = punctuator.stream(lookahead)
    made = [each for word in words for each in stream.push([Word(word)])] + stream.finish()
    groups = _GROUP_OF[[MARKS.index(word.mark) for word in made]]
    return groups, np.array([word.text != word.text.lower() for word in made])
