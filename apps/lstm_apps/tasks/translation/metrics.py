"""Scores of translations: BLEU and chrF by sacrebleu, with their signatures, and which words a reference has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from lstm_models.errors import InputError
from lstm_models.tasks.translation.features import normalize, word_spans

__all__ = ["check_scorer", "right_words", "translation_scores"]


def check_scorer() -> None:
    """Raises InputError where sacrebleu is not installed."""
    try:
        import sacrebleu.metrics  # noqa: F401
    except ImportError:
        raise InputError(
            "translations are scored by sacrebleu: pip install 'lstm-models[train]' brings it", usage=True
        ) from None


def translation_scores(found: Sequence[str], references: Sequence[Sequence[str]]) -> dict[str, Any]:
    """BLEU, lower-cased as papers on Multi30k give it and as it stands, and chrF2, each with sacrebleu's signature.

    Args:
        found: translations.
        references: of each, one or more; BLEU compares with all of them.
    """
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF

    most = max(map(len, references))
    # A reference that another sentence has more of is an empty one, which changes nothing
    columns: Any = [[each[place] if place < len(each) else None for each in references] for place in range(most)]
    scores: dict[str, Any] = {}
    for name, metric in (("bleu_lowercase", BLEU(lowercase=True)), ("bleu", BLEU()), ("chrf", CHRF())):
        result = metric.corpus_score(list(found), columns)
        scores[name] = round(result.score, 2)
        scores[f"{name}_signature"] = str(metric.get_signature())
    return scores


def right_words(words: Sequence[str], references: Sequence[str]) -> list[bool]:
    """Whether a reference has each word, so often at least as the words do up to there."""
    counts: Counter[str] = Counter()
    for reference in references:
        text = normalize(reference).lower()
        counts |= Counter(text[start:end] for start, end in word_spans(text))
    seen: Counter[str] = Counter()
    right = []
    for word in words:
        seen[word.lower()] += 1
        right.append(seen[word.lower()] <= counts[word.lower()])
    return right
