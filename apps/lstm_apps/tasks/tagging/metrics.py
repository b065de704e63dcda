"""Scores of a tagger: accuracy of parts of speech and of classes; F1 of names as CoNLL's scorer has it (seqeval)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lstm_models.errors import InputError
from lstm_models.tasks.tagging.decoding import scores
from lstm_models.tasks.tagging.model import Tagger

__all__ = ["check_scorer", "class_scores", "name_scores", "pos_scores"]

Labels = Sequence[Sequence[str]]


def check_scorer() -> None:
    """Raises InputError where seqeval is not installed."""
    try:
        import seqeval.metrics  # noqa: F401
    except ImportError:
        raise InputError(
            "names are scored by seqeval: pip install 'lstm-models[train]' brings it", usage=True
        ) from None


def pos_scores(wanted: Labels, found: Labels) -> dict[str, Any]:
    """Words and the accuracy of their parts of speech, in per cent, over all and by the right one."""
    pairs = [pair for a, b in zip(wanted, found, strict=True) for pair in zip(a, b, strict=True)]
    by_tag: dict[str, list[bool]] = {}
    for right, ours in pairs:
        by_tag.setdefault(right, []).append(right == ours)
    return {
        "words": len(pairs),
        "accuracy": _percent(sum(right == ours for right, ours in pairs), len(pairs)),
        "recall_by_tag": {tag: _percent(sum(hits), len(hits)) for tag, hits in sorted(by_tag.items())},
    }


def class_scores(tagger: Tagger, words: Labels, wanted: Sequence[str | None]) -> dict[str, Any]:
    """Texts and the accuracy of their classes, in per cent; numbers are places in the tagger's classes."""
    classes = tagger.config.classes.split()
    names = dict(zip(map(str, range(len(classes))), classes, strict=True)) | {one: one for one in classes}
    if not set(wanted) <= set(names):
        raise InputError(f"the model's classes are {', '.join(classes) or 'none'}, not those of the data")
    logits = [each for _, _, each in scores(tagger, words)]
    right = sum(classes[int(one.argmax())] == names[label] for one, label in zip(logits, wanted, strict=True))  # type: ignore[index]
    return {"texts": len(wanted), "accuracy": _percent(right, len(wanted))}


def name_scores(wanted: Labels, found: Labels) -> dict[str, Any]:
    """Entities and their precision, recall and F1 in per cent, over all and by kind; an entity is right where its
    first word, its last word and its kind are."""
    from seqeval.metrics import classification_report
    from seqeval.scheme import IOB2

    report = classification_report(
        [list(row) for row in wanted],
        [list(row) for row in found],
        output_dict=True,
        mode="strict",
        scheme=IOB2,
        zero_division=0,
    )
    kinds = {kind: _scores(row) for kind, row in report.items() if not kind.endswith("avg")}
    return {**_scores(report["micro avg"]), "by_kind": kinds}


def _scores(row: dict[str, Any]) -> dict[str, Any]:
    scores = {name: round(100 * float(row[key]), 2) for name, key in
              (("precision", "precision"), ("recall", "recall"), ("f1", "f1-score"))}  # fmt: skip
    return {"entities": int(row["support"]), **scores}


def _percent(part: int, whole: int) -> float:
    return round(100 * part / whole, 2) if whole else 0.0
