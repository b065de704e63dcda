"""Scores of a tagger: accuracy of parts of speech, and F1 of names as CoNLL's scorer counts it (by seqeval)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lstm_models.errors import InputError

__all__ = ["check_scorer", "name_scores", "pos_scores"]

Labels = Sequence[Sequence[str]]


def check_scorer() -> None:
    """Raises InputError where seqeval is not installed."""
    try:
        import seqeval.metrics  # noqa: F401
    except ImportError:
        raise InputError("names are scored by seqeval: pip install 'lstm-models[train]'", usage=True) from None


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
