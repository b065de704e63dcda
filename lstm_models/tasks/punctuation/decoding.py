"""From a text without marks to one with them: what ``Punctuator``'s verbs do.

A text is read in windows that overlap, so that every word is decided with many words on both sides. Of the four
groups (no mark, comma, period, question mark) the likeliest is taken, then the likeliest mark of that group. A word
that came with a mark keeps it, and one that came with a capital keeps that; what follows an end of a sentence begins
with a capital, all else has the case that the network gives the word itself.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lstm_models.tasks.punctuation.features import (
    ENDS,
    GROUPS,
    LOWER,
    MARKS,
    MIXED,
    TITLE,
    UPPER,
    Token,
    case_of,
)
from lstm_models.tasks.punctuation.network import collate, group_log_probs
from lstm_models.tasks.punctuation.results import PunctuatedWord
from lstm_models.text.word_vocabulary import normalize_word

if TYPE_CHECKING:
    from lstm_models.tasks.punctuation.network import PunctuationNetwork

__all__ = ["PunctuateOptions", "decide", "log_probs", "punctuate_tokens"]

_WINDOW, _MARGIN = 250, 50  # words that are read together, and those at its ends whose neighbours are out of sight
_BATCH = 16  # windows that are run together


@dataclass(frozen=True)
class PunctuateOptions:
    """How a text is punctuated.

    Attributes:
        capitals: whether capitals are put in, too.
        complete: whether the text is over, so that its last word ends a sentence; False for a text that goes on.
    """

    capitals: bool = True
    complete: bool = True


@torch.no_grad()
def log_probs(network: PunctuationNetwork, words: Sequence[str], *, complete: bool = True) -> tuple[Tensor, Tensor]:
    """Log probabilities of marks [words, marks] and of cases [words, cases] of a text of any length."""
    inner = _WINDOW - 2 * _MARGIN
    starts = [0] if len(words) <= _WINDOW else range(0, len(words) - 2 * _MARGIN, inner)
    kept: list[tuple[Tensor, Tensor]] = []
    device = network.words.weight.device
    for first in range(0, len(starts), _BATCH):
        items, spans = [], []
        for start in starts[first : first + _BATCH]:
            last = min(start + _WINDOW, len(words))
            ids, endings = network.encode(words[start:last], end=complete and last == len(words))
            items.append({"words": ids, "endings": endings, "marks": ids, "cases": ids})
            begin = _MARGIN if start else 0
            spans.append((begin, last - start if last == len(words) else _WINDOW - _MARGIN))
        batch = {name: value.to(device) for name, value in collate(items).items()}
        marks, cases = network(batch["words"], batch["endings"], batch["lengths"])
        kept += [
            (mark[begin:end].cpu(), case[begin:end].cpu())
            for mark, case, (begin, end) in zip(marks, cases, spans, strict=True)
        ]
    return torch.cat([marks for marks, _ in kept]), torch.cat([cases for _, cases in kept])


def decide(network: PunctuationNetwork, marks: Tensor) -> tuple[Tensor, Tensor]:
    """The mark after each word (an index into ``MARKS``) and its group's probability, of log probabilities [words,
    marks]: both [words]."""
    groups = group_log_probs(marks)
    offsets = torch.tensor([0.0, *network.config.offsets], device=marks.device)
    chosen = (groups + offsets).argmax(-1)
    within = marks.masked_fill(torch.tensor(GROUPS, device=marks.device) != chosen[:, None], -torch.inf)
    return within.argmax(-1), groups.gather(1, chosen[:, None])[:, 0].exp()


def punctuate_tokens(
    network: PunctuationNetwork,
    tokens: Sequence[Token],
    options: PunctuateOptions,
    decided: Sequence[PunctuatedWord] = (),
) -> list[PunctuatedWord]:
    """The words of one text with marks and cases; what stands between words (dashes, signs) has neither.

    The network never sees what case a word came in, nor its mark. Words that have been ``decided`` are the first of
    the text; the others are given.
    """
    places = [place for place, token in enumerate(tokens) if token.core]
    words = [PunctuatedWord(token.before + token.after) for token in tokens]
    if not places:
        return words[len(decided) :]
    marks, cases = log_probs(network, [tokens[place].core for place in places], complete=options.complete)
    found, sure = decide(network, marks)
    shouted = _shouted([tokens[place].core for place in places])
    forms = {normalize_word(form): form for form in network.config.mixed_case.split(" ") if form}
    starts = True
    for row, place in enumerate(places):
        if place < len(decided):
            starts = decided[place].mark in ENDS
            continue
        token, mark, confidence = tokens[place], MARKS[int(found[row])], float(sure[row])
        last = row == len(places) - 1
        if token.mark:
            mark, confidence = token.mark, 1.0
        elif options.complete and last and mark not in ENDS:
            ends = [number for number, each in enumerate(MARKS) if each in ENDS]
            number = max(ends, key=lambda each: float(marks[row, each]))
            mark, confidence = MARKS[number], float(marks[row, number].exp())
        text, case_confidence = token.core, 1.0
        if options.capitals and (shouted or case_of(text) == LOWER):
            text = text.lower() if shouted else text
            text, case_confidence = _cased(text, cases[row], starts, forms)
        words[place] = _joined(token, text, mark, confidence, case_confidence)
        starts = mark in ENDS
    return words[len(decided) :]


def _shouted(words: Sequence[str]) -> bool:
    """Whether a text is all in capitals, so that its case says nothing."""
    letters = [word for word in words if any(map(str.isalpha, word))]
    return len(letters) > 2 and all(case_of(word) == UPPER or len(word) == 1 for word in letters)


def _cased(word: str, cases: Tensor, starts: bool, forms: dict[str, str]) -> tuple[str, float]:
    """A word in lower case as it should stand, and how sure that is."""
    case = int(cases.argmax())
    confidence = float(cases[case].exp())
    form = forms.get(normalize_word(word))
    if case == MIXED:
        case = TITLE if form is None else MIXED
    if starts and case == LOWER:
        case, confidence = TITLE, 1.0
    made = {LOWER: word, TITLE: _title(word), UPPER: word.upper(), MIXED: form or word}[case]
    return made, confidence


def _title(word: str) -> str:
    first = next((place for place, letter in enumerate(word) if letter.isalpha()), 0)
    return word[:first] + word[first : first + 1].upper() + word[first + 1 :]


def _joined(token: Token, text: str, mark: str, confidence: float, case_confidence: float) -> PunctuatedWord:
    """The word between what stood around it; a mark that was there already is where it was."""
    after = token.after
    if token.mark:
        kept = re.search(re.escape(mark) + r"+\Z", after)
        if kept is None:  # it stands before a bracket or a quote, or is written otherwise (…)
            return PunctuatedWord(token.before + text + after, "", 1.0, case_confidence)
        after = after[: kept.start()]
    return PunctuatedWord(token.before + text + after, mark, confidence, case_confidence)
