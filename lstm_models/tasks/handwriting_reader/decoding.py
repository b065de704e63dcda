"""From a drawing to its text: what ``HandwritingReader.read`` does.

A drawing is split into lines, run as one batch and searched one by one, greedily or by a prefix beam search with a
language model (``lstm_models.decoding.ctc_search``).

    reading = read(reader, "letter.svg", ReadOptions(alternatives=3))
    for word in reading.words:
        print(word.text, word.confidence)
"""

from __future__ import annotations

import heapq
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Union

import numpy as np

from lstm_models import deadlines
from lstm_models.decoding.ctc_alignment import align_labels
from lstm_models.decoding.ctc_search import CTCText, ctc_beam_search, greedy
from lstm_models.decoding.options import MOST_BEAM, SearchOptions, check_number
from lstm_models.errors import InputError
from lstm_models.field_checks import check_kinds
from lstm_models.ink.line_grouping import lines_of
from lstm_models.ink.stroke_files import open_strokes
from lstm_models.io.atomic_write import shown
from lstm_models.ngram.cased import CasedWords
from lstm_models.results import Word
from lstm_models.tasks.handwriting_reader.results import Reading

if TYPE_CHECKING:
    from lstm_models.ngram.model import NGram
    from lstm_models.tasks.handwriting_reader.network import HandwritingReaderNetwork

__all__ = ["LanguageModel", "ReadOptions", "cased_words", "read", "search"]

LanguageModel = Union[bool, str, "NGram", CasedWords]

_BATCH = 16  # lines that are run together
_ALONE = 0.4  # of the language model's weight where a line is one word
_STOP = 0.7  # most extent of a full stop, in vertical standard deviations of its line
_NEVER = -30.0  # log probability
_AGREEING = 16  # texts that vouch for a word
_DOUBTFUL = 0.5  # confidence: of eleven drawings of shapes all but one of dots lie below it, of ten lines those misread


@dataclass(frozen=True)
class ReadOptions:
    """How a reader searches.

    Attributes:
        alternatives: next best texts to give, at most.
        lm: whether to use the reader's language model; or the name or folder of one, or one itself.
        beam: hypotheses of the search, 0 for the best path alone; the number of the reader's config if None.

    Raises:
        InputError: the beam is not from 0 to 1,000, or the alternatives are below 0 (``usage=True``).
    """

    alternatives: int = 3
    lm: LanguageModel = True
    beam: int | None = None

    def __post_init__(self) -> None:
        check_kinds(self)
        if self.alternatives < 0:
            raise InputError(f"alternatives must be 0 or more, not {self.alternatives}", usage=True)
        if self.beam is not None:
            check_number("beam", self.beam, 0, MOST_BEAM)


def read(
    reader: HandwritingReaderNetwork, source: Any, options: ReadOptions | None = None, *, name: str | None = None
) -> Reading:
    """The text of a drawing: see `HandwritingReader.read`."""
    options = options or ReadOptions()
    beam = reader.config.beam if options.beam is None else options.beam
    model = cased_words(reader, options.lm) if beam else None
    label = name or (shown(source) if isinstance(source, (str, os.PathLike)) else "")
    lines = [line for line in lines_of(open_strokes(source, name=name)) if np.ptp(np.concatenate(line), axis=0).any()]
    found = []
    for start in range(0, len(lines), _BATCH):
        deadlines.check()
        part = lines[start : start + _BATCH]
        for line, log_probs in zip(part, reader.log_probs(part), strict=True):
            if not _has_stop(line):
                log_probs = _without(reader, log_probs, ".")
            found.append(search(reader, log_probs, beam, model, options.alternatives))
    return _joined(found, options.alternatives, label)


def _has_stop(line: Sequence[np.ndarray]) -> bool:
    """Whether a line has a stroke that can be a full stop: a small one in its lower half.

    Most lines that readers learn from end with one, so that they read one where a line ends.
    """
    y = np.concatenate([stroke[:, 1] for stroke in line])
    height, middle = float(y.std()), float(y.mean())
    return any(
        np.ptp(stroke, axis=0).max() <= _STOP * height and float(stroke[:, 1].mean()) > middle for stroke in line
    )


def _without(reader: HandwritingReaderNetwork, log_probs: np.ndarray, character: str) -> np.ndarray:
    """The outputs [outputs, labels] with a character's probability given to the blank."""
    label = reader.config.alphabet.find(character) + 1
    if not label:
        return log_probs
    made: np.ndarray = log_probs.copy()
    made[:, 0] = np.logaddexp(made[:, 0], made[:, label])
    made[:, label] = _NEVER
    return made


def cased_words(reader: HandwritingReaderNetwork, lm: LanguageModel) -> CasedWords | None:
    """The language model that is meant by ``lm``: see `read`.

    Raises:
        InputError: there is none of that name, or it is another model (``usage=True``).
    """
    from lstm_models.checkpoints import hub
    from lstm_models.ngram.model import NGram

    if isinstance(lm, CasedWords):
        return lm
    if lm is False or (lm is True and not reader.config.language_model):
        return None
    model = hub.load(reader.config.language_model if lm is True else lm) if isinstance(lm, (bool, str)) else lm
    if not isinstance(model, NGram):
        raise InputError(f"{lm} is no n-gram language model", usage=True)
    return CasedWords(model)


def search(
    reader: HandwritingReaderNetwork,
    log_probs: np.ndarray,
    beam: int,
    model: CasedWords | None,
    alternatives: int = 0,
) -> list[Reading]:
    """Readings of one line, best first: one, and up to so many alternatives.

    Args:
        reader: the model.
        log_probs: its outputs [outputs, labels].
        beam: hypotheses; 0 for the best path alone.
        model: the language model, or None.
        alternatives: how many other texts.
    """
    config = reader.config
    if not beam:
        text = " ".join(word.text for word in greedy(log_probs, config.alphabet))
        return [_reading(reader, log_probs, [CTCText(text, 0.0, 0.0)], 0)]
    # A model of sentences knows little of a word by itself, and would rather read another
    alone = len(greedy(log_probs, config.alphabet)) == 1
    weight = config.lm_weight * (_ALONE if alone else 1.0)
    options = SearchOptions(beam=beam, lm_weight=weight, word_bonus=config.word_bonus)
    if model is None:
        options = SearchOptions(beam=beam, lm_weight=0.0, word_bonus=0.0)
    texts = ctc_beam_search(log_probs, config.alphabet, options, model, n_best=max(_AGREEING, alternatives + 1))
    return [_reading(reader, log_probs, texts, number) for number in range(min(len(texts), alternatives + 1))]


def _reading(reader: HandwritingReaderNetwork, log_probs: np.ndarray, texts: Sequence[CTCText], number: int) -> Reading:
    """Text ``number`` of several with the confidences of its characters and words.

    A character is as sure as the highest probability of its label where the text's best alignment has it, times the
    share of the texts, by their scores, that have the word it stands in; a word is as sure as its characters are in
    the geometric mean.
    """
    text = texts[number].text
    labels = reader.encode(text).tolist()
    space = reader.config.alphabet.find(" ") + 1 or -1
    spans = align_labels(log_probs, labels, space)
    if spans is None:  # cannot be: the search found a way
        raise ValueError("a text has no alignment")
    peaks = [
        float(min(1.0, math.exp(log_probs[first : last + 1, label].max())))
        for label, (first, last) in zip(labels, spans, strict=True)
    ]
    fractions = np.exp(np.array([each.score for each in texts]) - max(each.score for each in texts))
    fractions /= fractions.sum()
    listed = [each.text.split(" ") for each in texts]
    words, characters, place = [], [], 0
    for order, word in enumerate(text.split(" ")):
        near = slice(max(0, order - 1), order + 2)  # a word more or less before it
        fraction = min(1.0, math.fsum(s for s, other in zip(fractions, listed, strict=True) if word in other[near]))
        sure = [peak * fraction for peak in peaks[place : place + len(word)]]
        characters += [*sure, *peaks[place + len(word) : place + len(word) + 1]]
        place += len(word) + 1
        if word:
            mean = math.exp(math.fsum(math.log(max(each, 1e-9)) for each in sure) / len(sure))
            words.append(Word(word, mean))
    return Reading(text, tuple(words), tuple(characters), texts[number].score)


def _joined(lines: Sequence[Sequence[Reading]], alternatives: int, source: str) -> Reading:
    """One reading of several lines, with the likeliest others."""
    choices: list[tuple[float, list[Reading]]] = [(0.0, [])]
    for line in lines:
        longer = [(score + each.score, [*before, each]) for score, before in choices for each in line]
        choices = heapq.nlargest(alternatives + 1, longer, key=lambda choice: choice[0])
    made = []
    for score, parts in choices:
        characters = [sure for part in parts for sure in (1.0, *part.characters)][1:]
        made.append(
            Reading(
                "\n".join(part.text for part in parts),
                sum((part.words for part in parts), ()),
                tuple(characters),
                score,
            )
        )
    best, *others = made
    notes = (note,) if (note := _doubt(best)) else ()
    return Reading(best.text, best.words, best.characters, best.score, tuple(others), source, notes)


def _doubt(reading: Reading) -> str:
    """A sentence about a reading that is likely wrong; "" about others."""
    if not reading.text.strip():
        return "No text was read: it may be no handwriting."
    sure = reading.confidence
    if sure is not None and sure < _DOUBTFUL:
        return f"The reader is unsure ({100 * sure:.0f} %): it may be misread, or no handwriting."
    return ""
