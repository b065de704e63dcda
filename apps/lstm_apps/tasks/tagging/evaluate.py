"""Measures a tagger: accuracy of parts of speech and of classes, F1 of names, on text as it is and in lower case.

lstm-models evaluate tagging --data dev.conllu --data dev.iob2 --json tagger.json
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from json import dumps
from typing import Any

from lstm_apps.tasks.tagging.metrics import check_scorer, class_scores, name_scores, pos_scores
from lstm_datasets.tagging.readers import LabeledSentence, read_sentences
from lstm_models.checkpoints import hub
from lstm_models.errors import InputError
from lstm_models.io.atomic_write import check_writable, write_whole
from lstm_models.tasks.tagging.model import Tagger

__all__ = ["evaluate"]


def evaluate(
    data: list[str], model: str = "tagger", limit: int | None = None, worst: int = 10, json: str | None = None
) -> dict[str, Any]:
    """Measures a tagger on sentences whose words are given, prints the figures and the sentences with most errors.

    Of each file: accuracy of parts of speech or of the classes of texts, or precision, recall and F1 of names (seqeval,
    strict IOB2), in per cent; once on the text as it stands and once in lower case, as transcripts are. The speed is in
    words a second of one core.

    Args:
        data: files of labelled sentences, as for training.
        model: a bundled model, a folder, or the id of one on the Hugging Face hub.
        limit: measure on so many sentences of each file, from its beginning.
        worst: sentences with the most errors to print.
        json: a .json file for the figures and the sentences with errors.

    Returns:
        The figures, as in the file.

    Raises:
        InputError: the model, the data or an option is not what it should be, the scorer (the extra ``train``) is not
            installed, or the file cannot be written.
    """
    if worst < 0 or (limit is not None and limit < 1):
        raise InputError("--limit must be 1 or more, --worst 0 or more", usage=True)
    check_scorer()
    if json is not None:
        check_writable(json)
    tagger = hub.load_as(Tagger, model)
    figures: dict[str, Any] = {"model": model, "files": {}}
    rows: list[dict[str, Any]] = []
    words, seconds = 0, 0.0
    for path in data:
        sentences = read_sentences(path)[:limit]
        if not sentences:
            raise InputError(f"{path} has no sentences")
        scores: dict[str, Any] = {"sentences": len(sentences)}
        figures["files"][path] = scores
        for lower in (False, True):
            given = [[word.lower() if lower else word for word in sentence.words] for sentence in sentences]
            started = time.process_time()
            found = tagger.tag_sentences(given).sentences
            seconds, words = seconds + time.process_time() - started, words + sum(map(len, given))
            pos, names = ([[getattr(token, name) for token in row] for row in found] for name in ("pos", "entity"))
            suffix = "_lowercase" if lower else ""
            if (labels := [one.label for one in sentences]) != [None] * len(labels):
                scores[f"classes{suffix}"] = class_scores(tagger, given, labels)
            if (wanted := _column(sentences, "pos")) is not None:
                scores[f"pos{suffix}"] = pos_scores(wanted, pos)
                rows += _errors(path, lower, given, wanted, pos)
            if (wanted := _column(sentences, "names")) is not None:
                scores[f"names{suffix}"] = name_scores(wanted, names)
                rows += _errors(path, lower, given, wanted, names)
    figures["words_a_second"] = round(words / max(seconds, 1e-9))
    print(dumps(figures, indent=2, ensure_ascii=False))
    rows.sort(key=lambda row: -row["errors"])
    for row in rows[:worst]:
        print(f"{row['errors']:3d}  {row['shown']}")
    if json is not None:
        write_whole(json, dumps({**figures, "worst_first": rows}, indent=1, ensure_ascii=False) + "\n")
    return figures


def _column(sentences: Sequence[LabeledSentence], name: str) -> list[tuple[str, ...]] | None:
    column = [getattr(sentence, name) for sentence in sentences]
    return None if None in column else column


def _errors(
    path: str,
    lower: bool,
    words: Sequence[Sequence[str]],
    wanted: Sequence[Sequence[str]],
    found: Sequence[Sequence[str]],
) -> list[dict[str, Any]]:
    """Sentences with errors, each wrong word with its right label and the one that was found."""
    rows = []
    for sentence, right, ours in zip(words, wanted, found, strict=True):
        errors = sum(a != b for a, b in zip(right, ours, strict=True))
        if errors:
            shown = [word if a == b else f"{word}[{a}→{b}]" for word, a, b in zip(sentence, right, ours, strict=True)]
            rows.append({"errors": errors, "file": path, "lowercase": lower, "shown": " ".join(shown)})
    return rows
