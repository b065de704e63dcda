"""A long text as passages that are read one by one, and those of many that a question is about.

Passages are whole sentences, about 250 tokens, not across an empty line where there is enough text before it. Which are
read is decided by TF-IDF of single words and pairs, as DrQA's retriever does (Chen et al. 2017, arXiv:1704.00051,
section 3.1), by scikit-learn.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from lstm_models.tasks.question_answering.features import Token
from lstm_models.text import sentences
from lstm_models.text.sentences import ABBREVIATIONS, SentenceRules

__all__ = ["Passage", "passages_of", "ranked", "sentence_at", "sentences_of"]

_TOKENS = 250  # of a passage, about
_MOST = 400  # of a passage: a sentence without end is cut
_SENTENCES = SentenceRules((*ABBREVIATIONS, "c", "ca", "[A-Z]"))  # "c. 1500", as encyclopaedias write it
_FUNCTION_WORDS = frozenset(
    {"the", "a", "an", "of", "in", "on", "at", "to", "for", "by", "from", "with", "and", "or", "is", "are", "was"}
    | {"were", "be", "been", "do", "does", "did", "has", "have", "had", "what", "which", "who", "whom", "whose", "when"}
    | {"where", "why", "how", "many", "much", "that", "this", "these", "those", "it", "its", "as", "s", "n't"}
)


class Passage(NamedTuple):
    """Tokens ``first`` to before ``last`` of document ``document``."""

    document: int
    first: int
    last: int


def passages_of(text: str, tokens: Sequence[Token], document: int = 0) -> list[Passage]:
    """A text's passages, in order, each token in one of them."""
    breaks = sentences.sentence_ends(text, _SENTENCES)
    made: list[Passage] = []
    first = at = 0
    last_break = None  # the token after the last sentence that still fits
    for number in range(len(tokens)):
        while at < len(breaks) and breaks[at][0] <= tokens[number].start:
            paragraph = breaks[at][1]
            at += 1
            if number - first >= (_TOKENS // 4 if paragraph else _TOKENS):
                made.append(Passage(document, first, number))
                first, last_break = number, None
            else:
                last_break = number
        if number - first >= _MOST:
            cut = last_break if last_break is not None and last_break > first else number
            made.append(Passage(document, first, cut))
            first, last_break = cut, None
    if first < len(tokens):
        made.append(Passage(document, first, len(tokens)))
    return made


def sentence_at(text: str, start: int, end: int) -> tuple[int, int]:
    """The characters of the sentence around ``text[start:end]``; of a very long one, what stands near."""
    near = max(0, start - 600)
    part = text[near : end + 600]
    ends = [near + place for place, _ in sentences.sentence_ends(part, _SENTENCES)]
    first = max((place for place in ends if place <= start), default=near)
    last = min((place for place in ends if place >= end), default=near + len(part))
    first += len(text[first:start]) - len(text[first:start].lstrip())
    return first, max(end, first + len(text[first:last].rstrip()))


def ranked(question: Sequence[str], passages: Sequence[Sequence[str]], count: int) -> list[int]:
    """The numbers of the ``count`` passages that are most alike a question, the likeliest first; all if there are not
    more.

    Args:
        question: its words.
        passages: words of each passage.
        count: passages wanted.
    """
    if len(passages) <= count:
        return list(range(len(passages)))
    import numpy as np
    from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer

    hashing = HashingVectorizer(analyzer=_terms, norm=None, alternate_sign=False, n_features=2**20)
    counts = hashing.transform(passages)
    weighing = TfidfTransformer(sublinear_tf=True).fit(counts)
    scores = (weighing.transform(counts) @ weighing.transform(hashing.transform([question])).T).toarray()[:, 0]
    return [int(number) for number in np.argsort(-scores, kind="stable")[:count]]


def _terms(words: Sequence[str]) -> list[str]:
    """Words that say something, by their first letters, and pairs of neighbours among them."""
    kept = [word.lower()[:6] for word in words if word[0].isalnum() and word.lower() not in _FUNCTION_WORDS]
    return kept + [f"{one} {other}" for one, other in pairwise(kept)]


def sentences_of(text: str) -> list[str]:
    """The sentences of a text, without the blanks between them.

    >>> sentences_of("Dr. Lee came c. 1500.  He left!")
    ['Dr. Lee came c. 1500.', 'He left!']
    """
    return sentences.sentences_of(text, _SENTENCES)
