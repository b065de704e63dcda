"""From sentences to their translations: beam search, coverage, word alignment, confidences, words that are copied.

- The beam ranks by log p / (pieces + 1)^α. Those it ends with are ranked anew with the coverage penalty of Wu et al.
  2016 (arXiv:1609.08144, equation 14), β · Σ log min(1, attention to a piece of the source over all steps): a part of
  the source that was never looked at costs.
- A glossary's terms are forced within the beam (``lstm_models.decoding.constraints``).
- A target word comes from the source word that its pieces looked at most.
- What the model cannot know is copied, by alignment, as Luong et al. 2015 (arXiv:1410.8206) replace unknown words.
- A sentence with names that the model is not sure of is searched for again with known ones in their place
  (``lstm_models.tasks.translation.names``), one with a rare noun that did not come out with that noun forced
  (``lstm_models.tasks.translation.rare_nouns``).
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np
import torch
from torch import Tensor

from lstm_models.confidence import calibrated
from lstm_models.decoding.beam_search import beam_search
from lstm_models.decoding.options import BeamOptions, check_beam, check_number
from lstm_models.errors import InputError
from lstm_models.field_checks import check_kinds
from lstm_models.tasks.translation.features import (
    END,
    Span,
    encode,
    normalize,
    piece_spans,
    word_spans,
)
from lstm_models.tasks.translation.names import StandIns, are_whole, unknown_names, with_names, with_stand_ins
from lstm_models.tasks.translation.network import Decoding, Source, collate
from lstm_models.tasks.translation.rare_nouns import missing
from lstm_models.tasks.translation.results import Alternative, TranslatedSentence, TranslatedWord
from lstm_models.text.word_pieces import BEGIN, PADDING

if TYPE_CHECKING:
    from lstm_models.tasks.translation.network import TranslationNetwork

__all__ = ["TranslateOptions", "translate_sentences"]

_BATCH_PIECES = 2000  # of the sources searched at once, padding included
_UNSURE = 0.5  # probability of a word below which a rare source word is copied instead
_RARE = 3  # pieces of a source word that is rare
_NO_WORD = re.compile(r"[@#/_\\]|[^\W\d]\w*\d|[^\W\d]\.\w")  # addresses, file names, codes

Terms = tuple[tuple[tuple[int, ...], ...], ...]  # of each term its forms, each as pieces


@dataclass(frozen=True)
class TranslateOptions:
    """How translations are searched for.

    Attributes:
        beam: translations followed at a time (1: the likeliest piece each time).
        n_best: how many translations to give of each sentence; the further ones are its ``alternatives``.
        length_penalty: 0 ranks translations by probability, which favours short ones, 1 by its mean over the pieces.
        coverage: what leaving out parts of the source costs; 0 for nothing.
        glossary: terms of the source, and what they are to be in the target: a mapping or pairs.

    Raises:
        InputError: a number is out of range, or a term of the glossary is empty (``usage=True``).
    """

    beam: int = 5
    n_best: int = 1
    length_penalty: float = 1.0
    coverage: float = 0.1
    glossary: Mapping[str, str] | Sequence[tuple[str, str]] = field(default=())

    def __post_init__(self) -> None:
        check_kinds(self)
        check_beam(self.beam, self.n_best)
        for name in ("length_penalty", "coverage"):
            check_number(name, getattr(self, name), 0)
        pairs = self.glossary.items() if isinstance(self.glossary, Mapping) else self.glossary
        try:
            terms = tuple((normalize(str(source)), normalize(str(target))) for source, target in pairs)
        except (TypeError, ValueError):
            right = "terms with their translations, such as {'lead': 'Blei'}"
            raise InputError(f"the glossary must be {right}, not {self.glossary!r:.60}", usage=True) from None
        for source, target in terms:
            if not source or not target:
                raise InputError(f"the glossary has an empty term beside “{source or target}”", usage=True)
        object.__setattr__(self, "glossary", terms)


class _Rows(NamedTuple):
    """What the search carries: the decoder's ``state`` over rows, and of each row its ``sentence`` in ``source``."""

    state: Decoding
    sentence: Tensor
    source: Source

    def select(self, index: Tensor) -> _Rows:
        """The rows ``index`` [new rows]; sentences without rows leave the source."""
        here, sentence = self.sentence.index_select(0, index).unique_consecutive(return_inverse=True)
        source = self.source if len(here) == len(self.source.keys) else self.source.select(here)
        return _Rows(self.state.select(index), sentence, source)


class Wanted(NamedTuple):
    """A normalized text to translate, the stand-ins it should have as often as its source, and the words, each in its
    forms, that its translation must have."""

    text: str
    stand_ins: tuple[str, ...] = ()
    forced: tuple[tuple[str, ...], ...] = ()


class SourceItem(NamedTuple):
    """A sentence to search for: its place among all, its normalized text, its pieces, the terms it must have, the
    stand-ins it should have as often as its source, the words that must not be parts of others."""

    place: int
    text: str
    pieces: list[int]
    terms: Terms
    stand_ins: tuple[str, ...] = ()
    forced: tuple[tuple[str, ...], ...] = ()


@torch.inference_mode()
def translate_sentences(
    network: TranslationNetwork, sentences: Sequence[str], options: TranslateOptions
) -> list[TranslatedSentence]:
    """The translation of each sentence, in their order; a sentence without a letter stays as it is.

    Raises:
        InputError: the glossary cannot be met.
    """
    texts = [normalize(sentence) for sentence in sentences]
    made = _translated(network, [Wanted(text) for text in texts], options)
    _with_rare_nouns(network, made, options)
    again: dict[int, StandIns] = {}
    for place, sentence in enumerate(made):
        names = unknown_names(sentence, network.vocabulary, network.config.source)
        names = [span for span in names if not _in_glossary(texts[place][slice(*span)], options)]
        if names and (replaced := with_stand_ins(texts[place], names)) is not None:
            again[place] = replaced
    wanted = [Wanted(each.text, tuple(each.names)) for each in again.values()]
    found = _translated(network, wanted, options)
    for (place, replaced), sentence in zip(again.items(), found, strict=True):
        if are_whole(sentence.text, replaced.text, tuple(replaced.names)):
            made[place] = with_names(sentence, texts[place], replaced.names)
    return made


def _with_rare_nouns(network: TranslationNetwork, made: list[TranslatedSentence], options: TranslateOptions) -> None:
    """Searches again where a rare noun was not translated, with the noun forced."""
    if network.config.source != "en":
        return
    for place, sentence in enumerate(made):
        if forms := missing(sentence.source, sentence.text, network.config.target):
            wanted = Wanted(sentence.source, forced=tuple(forms))
            with contextlib.suppress(InputError):  # not together with a glossary's terms
                (made[place],) = _translated(network, [wanted], options)


def _translated(
    network: TranslationNetwork, sentences: Sequence[Wanted], options: TranslateOptions
) -> list[TranslatedSentence]:
    """The translation of each sentence."""
    found: dict[int, TranslatedSentence] = {}
    items = []
    for place, (text, stand_ins, forced) in enumerate(sentences):
        if any(map(str.isalpha, text)):
            pieces = encode(network.vocabulary, text)
            terms = (*_terms(network, text, options), *(_pieces(network, forms) for forms in forced))
            items.append(SourceItem(place, text, pieces, terms, stand_ins, forced))
        else:
            found[place] = _unchanged(text)
    for batch in _batches(items):
        for item, translated in zip(batch, _search(network, batch, options), strict=True):
            found[item.place] = translated
    return [found[place] for place in range(len(sentences))]


def _in_glossary(name: str, options: TranslateOptions) -> bool:
    """Whether a term of the glossary has the name, or is in it."""
    pairs = cast("tuple[tuple[str, str], ...]", options.glossary)
    return any(name.lower() in term.lower() or term.lower() in name.lower() for term, _ in pairs)


def _batches(items: Sequence[SourceItem]) -> list[list[SourceItem]]:
    """Sentences of like length together; those with terms alone, as a search has one set of constraints."""
    batches: list[list[SourceItem]] = []
    longest = 0
    for item in sorted(items, key=lambda each: len(each.pieces)):
        if item.terms:
            batches.insert(0, [item])
            continue
        longest = len(item.pieces)
        if not batches or batches[-1][0].terms or (len(batches[-1]) + 1) * longest > _BATCH_PIECES:
            batches.append([])
        batches[-1].append(item)
    return batches


def _terms(network: TranslationNetwork, text: str, options: TranslateOptions) -> Terms:
    """The pieces of the glossary's terms that a sentence must have, with a small and a capital first letter."""
    wanted: dict[str, None] = {}
    for source, target in cast("tuple[tuple[str, str], ...]", options.glossary):
        if re.search(rf"(?<!\w){re.escape(source)}(?!\w)", text, re.IGNORECASE):
            wanted[target] = None
    return tuple(_pieces(network, [term]) for term in wanted)


def _pieces(network: TranslationNetwork, forms: Sequence[str]) -> tuple[tuple[int, ...], ...]:
    """The pieces of each form of a term, with a small and a capital first letter."""
    both = (each for form in forms for each in (form, form[:1].upper() + form[1:]))
    return tuple({tuple(network.vocabulary.encode(each)): None for each in both})


def _search(
    network: TranslationNetwork, batch: Sequence[SourceItem], options: TranslateOptions
) -> list[TranslatedSentence]:
    device = network.bias.device
    lengths = torch.tensor([len(item.pieces) for item in batch])
    rows = [torch.tensor(item.pieces) for item in batch]
    padded = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=PADDING).to(device)
    source = network.encode(padded, lengths)
    state = _Rows(network.initial(source), torch.arange(len(batch), device=device), source)

    def step(pieces: Tensor, rows: _Rows) -> tuple[Tensor, _Rows]:
        given = rows.source if len(pieces) % len(rows.source.keys) == 0 else rows.source.select(rows.sentence)
        log_p, _, after = network.step(pieces, rows.state, given)
        return log_p, rows._replace(state=after)

    terms = batch[0].terms
    beam = BeamOptions(
        beam=options.beam,
        n_best=options.beam,
        max_length=2 * int(lengths.max()) + 10 + sum(max(map(len, forms)) for forms in terms),
        # Longer results are no better where some must have a term that does not fit
        length_penalty=0 if terms else options.length_penalty,
        include=terms,
        exclude=(PADDING, BEGIN),
        early_stop=True,
    )
    try:
        found = beam_search(step, state, len(batch), start=END, end=END, options=beam, device=device)
    except InputError as error:
        if not terms:
            raise
        raise InputError(f"the glossary cannot be met in “{batch[0].text[:80]}”: {error}") from None
    hypotheses = [[hypothesis.tokens for hypothesis in each if hypothesis.tokens] or [()] for each in found]
    return ranked(network, batch, hypotheses, options)


def ranked(
    network: TranslationNetwork,
    batch: Sequence[SourceItem],
    hypotheses: Sequence[Sequence[tuple[int, ...]]],
    options: TranslateOptions,
) -> list[TranslatedSentence]:
    """The translations of each sentence, ranked with coverage, the best one with its words."""
    pairs = [
        {"source": item.pieces, "target": [*tokens, END]}
        for item, each in zip(batch, hypotheses, strict=True)
        for tokens in each
    ]
    inputs = {name: value.to(network.bias.device) for name, value in collate(pairs).items()}
    log_p, attention = network(inputs["source"], inputs["source_lengths"], inputs["target"])
    log_p = log_p.gather(-1, inputs["target"][..., None])[..., 0].cpu()
    attention = attention.cpu()
    made, row = [], 0
    for item, each in zip(batch, hypotheses, strict=True):
        ranked = []
        for tokens in each:
            logs, looks = log_p[row, : len(tokens) + 1], attention[row, : len(tokens) + 1, : len(item.pieces)]
            covered = looks.sum(0)[:-1].clamp(1e-6, 1).log().sum()  # the end is no part to be translated
            penalty = 0.0 if item.terms else options.length_penalty
            score = logs.sum() / (len(tokens) + 1) ** penalty + options.coverage * covered / len(item.pieces)
            text = network.vocabulary.decode(tokens)
            lost = not (are_whole(text, item.text, item.stand_ins) and all(_has(text, each) for each in item.forced))
            ranked.append(((lost, -float(score), row), tokens, logs, looks))
            row += 1
        ranked.sort(key=lambda entry: entry[0])
        others = [
            Alternative(network.vocabulary.decode(tokens), float(logs.sum()))
            for _, tokens, logs, _ in ranked[1 : options.n_best]
        ]
        _, tokens, logs, looks = ranked[0]
        made.append(_sentence(network, item, tokens, logs, looks.numpy(), tuple(others)))
    return made


def _has(text: str, forms: Sequence[str]) -> bool:
    """Whether one of the forms stands in a text, and not only as the beginning of a word."""
    return re.search(rf"\b(?:{'|'.join(map(re.escape, forms))})\b", text, re.IGNORECASE) is not None


def _sentence(
    network: TranslationNetwork,
    item: SourceItem,
    tokens: Sequence[int],
    logs: Tensor,
    looks: np.ndarray,
    others: tuple[Alternative, ...],
) -> TranslatedSentence:
    """The best translation with its words, their sources and confidences."""
    text = network.vocabulary.decode(tokens)
    pieces = piece_spans(network.vocabulary, item.pieces[:-1])
    source_words, words = word_spans(item.text), word_spans(text)
    columns = _members(source_words, pieces)
    rows = _members(words, piece_spans(network.vocabulary, tokens))
    attention = np.zeros((len(words), len(source_words)), np.float32)
    for number, members in enumerate(rows):
        if members:
            look = looks[members].mean(0)
            attention[number] = [look[column].sum() for column in columns]
            attention[number] /= max(float(attention[number].sum()), 1e-9)
    config = network.config
    sure = [float(calibrated(logs[members].sum(), config.temperature, config.calibration_bias)) for members in rows]
    origins = [int(row.argmax()) if row.size and row.max() > 0 else None for row in attention]
    shown = tuple(item.text[start:end] for start, end in source_words)
    probabilities = [float(logs[members].sum().exp()) for members in rows]
    wanted = [
        number
        for number, origin in enumerate(origins)
        if origin is not None
        and _is_copied(shown, origin, len(columns[origin]), text[slice(*words[number])], probabilities[number])
    ]
    there = {text[start:end] for start, end in words}
    copies = {number: shown[origin] for number, origin in _copied(wanted, origins, attention, words).items()
              if shown[origin] not in there}  # fmt: skip
    kept = [n for n in range(len(words)) if not (n in copies and n - 1 in copies and origins[n] == origins[n - 1])]
    text, made = _with_copies(text, words, sure, origins, copies)
    return TranslatedSentence(item.text, text, shown, made, attention[kept], float(logs.sum()), others)


def _is_copied(words: Sequence[str], origin: int, pieces: int, word: str, probability: float) -> bool:
    """Whether a word of the source stands in the translation as it is, in place of the word that was found for it."""
    source = words[origin]
    if source == word or not any(map(str.isalpha, word)):
        return False
    if _NO_WORD.search(source) or (not source.isascii() and not _is_latin(source)):
        return True
    return origin > 0 and source[:1].isupper() and pieces >= _RARE and probability < _UNSURE


def _copied(
    wanted: Sequence[int], origins: Sequence[int | None], attention: np.ndarray, words: Sequence[Span]
) -> dict[int, int]:
    """The words that a word of the source takes the place of: of those that came from it the one that looked at it
    most, and what is joined to that one without a blank."""
    best: dict[int, int] = {}
    for number in wanted:
        origin = origins[number]
        assert origin is not None
        if origin not in best or attention[number, origin] > attention[best[origin], origin]:
            best[origin] = number
    found: dict[int, int] = {}
    for origin, number in best.items():
        found[number] = origin
        for step in (-1, 1):
            place = number + step
            while place in wanted and origins[place] == origin:
                left, right = sorted((place, place - step))
                if words[left].end != words[right].start:
                    break
                found[place] = origin
                place += step
    return found


def _is_latin(word: str) -> bool:
    return all(not character.isalpha() or ord(character) < 0x250 for character in word)


def _with_copies(
    text: str,
    spans: Sequence[Span],
    sure: Sequence[float],
    origins: Sequence[int | None],
    copies: Mapping[int, str],
) -> tuple[str, tuple[TranslatedWord, ...]]:
    """The text with words copied, and its words; neighbours that are copied from the same word are it once."""
    made, words, before = "", [], 0
    for number, (start, end) in enumerate(spans):
        if number in copies and number - 1 in copies and origins[number] == origins[number - 1]:
            before = end
            continue
        made += text[before:start]
        word = copies.get(number, text[start:end])
        words.append(TranslatedWord(word, sure[number], origins[number], len(made), number in copies))
        made, before = made + word, end
    return made + text[before:], tuple(words)


def _members(words: Sequence[Span], pieces: Sequence[Span]) -> list[list[int]]:
    """The pieces that each word is made of."""
    return [
        [number for number, piece in enumerate(pieces) if piece.start < word.end and word.start < piece.end]
        for word in words
    ]


def _unchanged(text: str) -> TranslatedSentence:
    spans = word_spans(text)
    words = tuple(
        TranslatedWord(text[start:end], 1.0, number, start, True) for number, (start, end) in enumerate(spans)
    )
    shown = tuple(word.text for word in words)
    return TranslatedSentence(text, text, shown, words, np.eye(len(words), dtype=np.float32))
