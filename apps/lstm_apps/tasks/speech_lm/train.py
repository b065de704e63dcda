"""Estimates the n-gram language model for the search of a recogniser, and measures one.

lstm-models train speech-lm --text books.jsonl.xz --text talk.txt=2 --data SHARDS --exclude SHARDS --out runs/words
lstm-models evaluate speech-lm --model runs/words --data SHARDS
"""

from __future__ import annotations

import math
import random
import re
import sys
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from json import dumps
from pathlib import Path
from string import ascii_lowercase

import numpy as np

from lstm_apps.tasks.speech.synthesis.sentences import RUN, Excluded, read_texts
from lstm_datasets.speech.readers import read_speech
from lstm_datasets.speech.spoken_sentences import spoken_sentences
from lstm_datasets.speech.text_normalizer import normalize
from lstm_models.checkpoints import hub
from lstm_models.errors import InputError
from lstm_models.io.atomic_write import check_writable, shown, write_whole
from lstm_models.ngram.estimation import Estimate, Losses, Source, estimate
from lstm_models.ngram.model import BEGIN, END, SPECIAL, UNKNOWN, NGram

__all__ = ["evaluate", "perplexity", "train"]

LONGEST = 60.0  # seconds of a recording whose words count
_MOST_WORD = 24  # letters; more is a line of dots or a formula


def train(
    text: list[str] = [],  # noqa: B006 - never changed
    data: list[str] = [],  # noqa: B006 - never changed
    out: str = "runs/words",
    exclude: list[str] = [],  # noqa: B006 - never changed
    order: int = 3,
    vocabulary: int = 45_000,
    rare: int = 0,
    size: float = 3.0,
    data_weight: float = 4.0,
    spelt: float = 0.0,
    arpa: str | None = None,
) -> dict[str, float]:
    """Estimates a word n-gram model from texts and transcripts, for the search of a recogniser.

    Args:
        text: texts, .txt or .jsonl (packed as .xz or not); any number of them. FILE=2 counts each of its words twice.
        data: recordings whose transcripts are learnt: shards or whatever else train speech takes; =2 as for texts.
        out: the folder of the model, for the option --lm of transcribe.
        exclude: evaluation sets: shards, folders of shards (all but those named train-…) or texts with a sentence a
            line. A sentence of theirs is left out, and so is any that shares six words in a row with one.
        order: words of the longest n-gram.
        vocabulary: words that are known with those around them, at most; those that come once are not.
        rare: words beyond these of which only is learnt how often they come, at most.
        size: MiB of the model, at most; what matters least is pruned.
        data_weight: how much more a word of a transcript counts than one of a text.
        spelt: learn each word of the vocabulary spelt letter by letter, too (“p i t t s b u r g h”), and as many codes
            of random letters, every letter with this weight, so that spelt names and codes keep their letters.
        arpa: convert this ARPA file instead of estimating one; texts and recordings are not needed.

    Returns:
        n-grams of each order, words, sentences, and how many were left out.

    Raises:
        InputError: something cannot be read, or there is nothing to learn.
    """
    _check(order, vocabulary, rare, size, data_weight, spelt)
    if arpa is not None:
        if text or data:
            raise InputError("an ARPA file is converted as it is: leave out --text and --data.", usage=True)
        model = NGram.from_arpa(arpa)
        hub.save(model, out, card=_card(model, [Path(arpa).name], 0))
        return _summary(model, out, 0, 0)
    if not text and not data:
        raise InputError("name something to learn from: --text, --data, or both.", usage=True)
    excluded = Excluded.read(exclude) if exclude else Excluded()
    parts = [
        _Part.of(name, spoken_sentences(read_texts([path])), weight, excluded) for name, path, weight in _named(text)
    ]
    for name, path, weight in _named(data):
        spoken = (recording.text for recording in read_speech(path, longest=LONGEST))
        parts.append(_Part.of(name, map(normalize, spoken), weight * data_weight, excluded))
    words, rarely = _vocabulary(parts, vocabulary, rare)
    if spelt:
        letters = [list(word) for word in words if word.isalpha()]
        rng = random.Random(0)
        codes = [rng.choices(ascii_lowercase, k=rng.randint(2, 8)) for _ in letters]
        parts.append(_Part("words and codes spelt letter by letter", letters + codes, spelt, 0))
        words = sorted({*words, *ascii_lowercase})
        rarely = {word: count for word, count in rarely.items() if word not in ascii_lowercase}
    known = set(words)
    unknown = sorted({word for part in parts for sentence in part.sentences for word in sentence if word not in known})
    whole = _estimate(parts, words, order)
    levels = _pruned(whole, words, rarely, size).levels()
    model = NGram.from_ngrams(words, levels, unknown=unknown or words, rare=rarely)
    hub.save(model, out, card=_card(model, [part.name for part in parts], size))
    return _summary(model, out, sum(len(part.sentences) for part in parts), sum(part.left_out for part in parts))


def evaluate(
    model: str,
    data: list[str],
    text: list[str] = [],  # noqa: B006 - never changed
    json: str | None = None,
) -> dict[str, float]:
    """Prints the perplexity of a language model on transcripts or texts, and how many of their words it does not know.

    Args:
        model: bundled, or a folder.
        data: recordings whose transcripts are scored, a line for each.
        text: texts likewise.
        json: a .json file for the figures.

    Returns:
        "NAME/perplexity" (of the known words) and "NAME/unknown" (fraction) for each.

    Raises:
        InputError: something cannot be read, or the model is no language model.
    """
    if json is not None:
        check_writable(json)
    lm = hub.load_as(NGram, model)
    figures: dict[str, float] = {}
    sets = [
        (name, (normalize(r.text).split() for r in read_speech(path, longest=LONGEST)))
        for name, path, _ in _named(data)
    ]
    sets += [(name, (line.split() for line in spoken_sentences(read_texts([path])))) for name, path, _ in _named(text)]
    for name, sentences in sets:
        value, unknown, count = perplexity(lm, sentences)
        figures |= {f"{name}/perplexity": value, f"{name}/unknown": unknown}
        print(f"{name}: perplexity {value:.1f}, {100 * unknown:.2f} % of {count:,} words unknown")
    if json is not None:
        write_whole(json, dumps(figures, indent=2) + "\n")
    return figures


def perplexity(model: NGram, sentences: Iterable[Sequence[str]]) -> tuple[float, float, int]:
    """The perplexity of the words a model knows (no ends of sentences), the fraction it does not, and the words."""
    total, known, count = 0.0, 0, 0
    for words in sentences:
        context = model.start
        for word in words:
            score, context = model.score(context, word)
            count += 1
            if word in model:
                total -= score
                known += 1
    if not known:
        raise InputError("there is no word the model knows.")
    return math.exp(total / known), 1 - known / count, count


@dataclass
class _Part:
    name: str
    sentences: list[list[str]]
    weight: float
    left_out: int

    @classmethod
    def of(cls, name: str, sentences: Iterable[str], weight: float, excluded: Excluded) -> _Part:
        made = cls(name, [], weight, 0)
        for sentence in sentences:
            words = sentence.split()
            if not words:
                continue
            runs = (tuple(words[place : place + RUN]) for place in range(len(words) - RUN + 1))
            if " ".join(words) in excluded.whole or any(run in excluded.runs for run in runs):
                made.left_out += 1
            elif max(map(len, words)) <= _MOST_WORD:
                made.sentences.append(list(map(sys.intern, words)))  # a hundred million words in a gigabyte
        return made


def _named(given: Sequence[str]) -> Iterator[tuple[str, str, float]]:
    """Name, path and weight of each of a list of PATH or PATH=WEIGHT."""
    for each in given:
        found = re.fullmatch(r"(.+)=(\d+(?:\.\d*)?)", each)
        path, weight = (found[1], float(found[2])) if found and not Path(each).exists() else (each, 1.0)
        if not weight > 0:
            raise InputError(f"{shown(each)}: a weight is above 0.", usage=True)
        yield Path(path).name, path, weight


def _vocabulary(parts: Sequence[_Part], most: int, rare: int) -> tuple[list[str], dict[str, float]]:
    """The words that come most, by weight, in alphabetical order; and how often the most frequent others come."""
    counts: Counter[str] = Counter()
    weighted: Counter[str] = Counter()
    for part in parts:
        for word, count in Counter(word for words in part.sentences for word in words).items():
            counts[word] += count
            weighted[word] += count * part.weight  # type: ignore[assignment]
    listed = sorted((word for word in counts if counts[word] > 1), key=lambda word: (-weighted[word], word))
    if not listed:
        raise InputError("there is nothing to learn from: no word comes twice.")
    rarely = sorted(counts.keys() - listed[:most], key=lambda word: (-weighted[word], word))[:rare]
    return sorted(listed[:most]), {word: float(counts[word]) for word in rarely}


def _estimate(parts: Sequence[_Part], words: Sequence[str], order: int) -> Estimate:
    numbers = {word: number for number, word in enumerate(words, len(SPECIAL))}
    sources = []
    for part in parts:
        tokens: list[int] = []
        for sentence in part.sentences:
            tokens.append(BEGIN)
            tokens.extend(numbers.get(word, UNKNOWN) for word in sentence)
            tokens.append(END)
        sources.append(Source(np.array(tokens, np.int64), part.weight))
    return estimate(sources, len(words) + len(SPECIAL), order)


def _pruned(whole: Estimate, words: Sequence[str], rare: Collection[str], size: float) -> Estimate:
    """The model without what matters least, so much of it that the rest is small enough."""
    spelt = sum(len(word) for word in (*words, *rare))
    # Front coding shares about half the letters
    room = size * 2**20 - 0.6 * spelt - 1.5 * len(rare) - 30_000 - 2048 * whole.order

    def fits(counts: Sequence[int]) -> bool:
        return 3 * sum(counts[1:]) + counts[0] + sum(counts[:-1]) + sum(counts) / 4 <= room

    if fits([len(keys) for keys in whole.keys]):
        return whole
    losses = Losses(whole)
    low, high = -300, -60  # thirtieths of the decimal logarithm
    while high - low > 1:
        middle = (low + high) // 2
        if fits(losses.counts(10 ** (middle / 30))):
            high = middle
        else:
            low = middle
    if not fits(losses.counts(10 ** (high / 30))):
        raise InputError(f"{len(words):,} words alone need more than {size:g} MiB: lower --vocabulary.", usage=True)
    return losses.prune(10 ** (high / 30))


def _check(order: int, vocabulary: int, rare: int, size: float, data_weight: float, spelt: float) -> None:
    if not 1 <= order <= 4:
        raise InputError(f"the order is a number of words from 1 to 4, and is {order}.", usage=True)
    if not 1 <= vocabulary <= 65_000:
        raise InputError(f"the vocabulary has 1 to 65,000 words, and is {vocabulary}.", usage=True)
    if not 0 <= rare <= 1_000_000:
        raise InputError(f"rare words are 0 to 1,000,000, and not {rare}.", usage=True)
    if not size > 0:
        raise InputError(f"the size is a number of MiB above 0, and is {size}.", usage=True)
    if not data_weight > 0:
        raise InputError(f"the weight of transcripts is above 0, and is {data_weight}.", usage=True)
    if not spelt >= 0:
        raise InputError(f"the weight of spelt words is 0 or more, and is {spelt}.", usage=True)


def _summary(model: NGram, out: str, sentences: int, left_out: int) -> dict[str, float]:
    counts = {f"{n}-grams": float(count) for n, count in enumerate(model.config.counts, 1)}
    counts |= {"rare words": float(model.config.rare)} if model.config.rare else {}
    print(f"{out}: " + ", ".join(f"{count:,.0f} {name}" for name, count in counts.items()))
    if sentences:
        print(f"from {sentences:,} sentences; {left_out:,} left out that evaluation sets have, too")
    return {**counts, "sentences": float(sentences), "left out": float(left_out)}


def _card(model: NGram, names: Sequence[str], size: float) -> str:
    how = f"estimated with modified Kneser–Ney smoothing and pruned to {size:g} MiB" if size else "converted"
    return f"""# Language model

A {model.config.order}-gram model over {model.config.counts[0] - len(SPECIAL):,} English words for the search of a
recogniser, {how} by `lstm-models train speech-lm`.

Learnt from: {", ".join(names)}.
"""
