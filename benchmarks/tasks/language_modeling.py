"""The language model: bits a character beside xz and an n-gram model, and what words cost; on one thread.

    python -m benchmarks.tasks.language_modeling                          # cost alone
    python -m benchmarks.tasks.language_modeling quality --train train.json --data dev.json --limit 100
    python -m benchmarks.tasks.language_modeling speed --quick
    python -m benchmarks.tasks.language_modeling treebank --ptb-train ptb.train.txt --ptb-valid ptb.valid.txt

``quality``: bits a character of texts that were held out, as the bundled model reads them, and as xz -9 packs them;
with ``--train`` (once for each file), a 4-gram model (modified Kneser–Ney, ours, unpruned) of the same word pieces,
estimated from these texts; with ``--learning``, also as the model reads them while it learns from them, which is slow.
``treebank``: the perplexity of 3-gram and 5-gram models (ours) of words on the Penn Treebank, ends of lines counted;
the known figure of 5-grams on the validation part is 148.0.
``cells``: the units that are high inside quotation marks and brackets or that count the pieces of a sentence, found on
every second text that has them, and how well they follow them in the others.
``speed``: processor microseconds a word against the length of a text: scored plainly and with adaptation; by the n-gram
model of words that ships with the recogniser; and milliseconds of a completion.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Sequence
from functools import partial
from statistics import median
from typing import Any

import numpy as np
import torch

from benchmarks.common import interleaved, run_tables, table
from lstm_apps.tasks.language_modeling.metrics import bits_per_character, xz_bits_per_character
from lstm_datasets.language_modeling.readers import read_lines, read_texts
from lstm_models.checkpoints import hub
from lstm_models.ngram.estimation import Estimate, Source, estimate
from lstm_models.tasks.language_modeling.cells import inside, sentence_place, trace, unit_like
from lstm_models.tasks.language_modeling.model import LanguageModel

SENTENCE = "The committee in Berlin said on Tuesday that it had not yet answered the letter of the students ."
LENGTHS = (20, 200, 2000)  # words of a text
ORDER = 4
_BEGIN, _END = 0, 1  # of the n-gram model


def quality(data: str | None, train: Sequence[str], limit: int | None, learning: bool) -> dict[str, float]:
    """Bits a character of texts, the ends counted."""
    if data is None:
        print("without --data: left out")
        return {}
    model, texts = hub.load_as(LanguageModel, "language-model"), list(read_texts(data))[:limit]
    characters = sum(map(len, texts))
    found: dict[str, float] = {}
    for name, adapt in (("LSTM", False), ("LSTM that learns from each text", True))[: 1 + learning]:
        scored = model.score(texts, adapt=adapt)
        log_prob = sum(each.log_prob + each.end_log_prob for each in scored)
        found[name] = bits_per_character(log_prob, characters)
    if train:
        log_prob = ngram_log_prob(ngram(model, [text for path in train for text in read_texts(path)]), model, texts)
        found[f"{ORDER}-gram of the same pieces"] = bits_per_character(log_prob, characters)
    found["xz -9"] = xz_bits_per_character(texts)
    print(table(["", f"bits a character, {characters:,} characters"], [[k, f"{v:.3f}"] for k, v in found.items()]))
    return found


def ngram(model: LanguageModel, texts: Sequence[str]) -> Estimate:
    """A model of the texts' word pieces by our own estimator."""
    return estimate([Source(_line(model, texts))], len(model.vocabulary), ORDER)


def ngram_log_prob(made: Estimate, model: LanguageModel, texts: Sequence[str]) -> float:
    """The log probability of texts, their ends included."""
    return sum_log_probs(made, _line(model, texts))


def sum_log_probs(made: Estimate, tokens: np.ndarray) -> float:
    """The log probability of all tokens but the beginnings of texts, each after those before it in its text."""
    keys = made.keys[-1].dtype
    tokens = tokens.astype(keys)
    beginnings = np.flatnonzero(tokens == _BEGIN)
    since = np.arange(len(tokens)) - np.repeat(beginnings, np.diff([*beginnings, len(tokens)]))
    total = 0.0
    for order in range(2, made.order + 1):
        whole = order == made.order
        places = np.flatnonzero(since >= order - 1 if whole else since == order - 1)
        key = np.zeros(len(places), keys)
        for back in range(order - 1, -1, -1):
            key = key * made.words + tokens[places - back]
        total += float(made.log_prob(key, order).sum())
    return total


def treebank(train: str | None, valid: str | None) -> dict[str, float]:
    """The perplexity of n-gram models of words."""
    if train is None or valid is None:
        print("without --ptb-train and --ptb-valid: left out")
        return {}
    lines = [[line.split() for line in read_lines(path)] for path in (train, valid)]
    numbers = {word: number for number, word in enumerate(sorted({w for line in lines[0] for w in line}), 2)}
    streams = [np.array([n for line in part for n in (_BEGIN, *(numbers[w] for w in line), _END)]) for part in lines]
    found = {}
    for order in (3, 5):
        made = estimate([Source(streams[0])], len(numbers) + 2, order, long_keys=True)
        count = int((streams[1] != _BEGIN).sum())
        found[f"{order}-gram"] = math.exp(-sum_log_probs(made, streams[1]) / count)
    print(
        table(
            ["modified Kneser–Ney, ours", f"perplexity, {count:,} tokens"], [[k, f"{v:.1f}"] for k, v in found.items()]
        )
    )
    return found


def _line(model: LanguageModel, texts: Sequence[str]) -> np.ndarray:
    parts = [[_BEGIN, *ids, _END] for ids in model.vocabulary.encode_batch(list(texts))]
    return np.array([number for part in parts for number in part])


def cells(data: str | None, limit: int | None) -> dict[str, Any]:
    """The units that follow marks and places, and their correlations where they were found and elsewhere."""
    if data is None:
        print("without --data: left out")
        return {}
    model, texts = hub.load_as(LanguageModel, "language-model"), list(read_texts(data))
    found: dict[str, Any] = {}
    for name, opening, closing in (
        ("quotation marks", '"', '"'),
        ("brackets", "(", ")"),
        ("place in the sentence", "", ""),
    ):
        having = [text for text in texts if opening in text and closing in text[text.index(opening) + 1 :]][:limit]
        halves = []
        for half in (having[::2], having[1::2]):
            traces = [trace(model, text) for text in half]
            wanted = partial(inside, opening=opening, closing=closing) if opening else sentence_place
            values = [wanted(text, each.pieces) for text, each in zip(half, traces, strict=True)]
            halves.append((torch.cat([each.cells for each in traces]), torch.cat(values)))
        unit, there = unit_like(*halves[0])
        elsewhere = unit_like(halves[1][0][:, [unit]], halves[1][1])[1]
        found[name] = {"unit": unit, "correlation": there, "in other texts": elsewhere, "texts": len(having)}
    rows = []
    for name, each in found.items():
        correlations = [f"{each[kind]:+.2f}" for kind in ("correlation", "in other texts")]
        rows.append([name, str(each["unit"]), *correlations, str(each["texts"])])
    print(table(["", "unit", "correlation", "in other texts", "texts"], rows))
    return found


def speed(repeats: int, lengths: Sequence[int]) -> dict[str, Any]:
    """Microseconds a word, and milliseconds of a completion."""
    model, words = hub.load_as(LanguageModel, "language-model"), hub.load("words")
    sentence, found = SENTENCE.split(), {}
    for length in lengths:
        parts = (sentence * (length // len(sentence) + 1))[:length]
        text = " ".join(parts)
        runs: dict[str, Callable[[], Any]] = {"LSTM": partial(model.score, text)}
        runs["LSTM that learns"] = partial(model.score, text, adapt=True)
        runs["n-gram of words"] = partial(_score_words, words, [part.lower() for part in parts])
        times = interleaved(runs, repeats)
        found[str(length)] = {name: 1e6 * median(seconds) / length for name, seconds in times.items()}
        ways = interleaved({"completion": partial(model.complete, text, words=5, n_best=3)}, repeats)
        found[str(length)]["completion of 5 words, ms"] = 1e3 * median(ways["completion"])
    names = list(next(iter(found.values())))
    rows = [[f"{int(length):,}", *(f"{figures[name]:,.0f}" for name in names)] for length, figures in found.items()]
    print(table(["words", *(name if name.endswith("ms") else f"{name}, µs a word" for name in names)], rows))
    return found


def _score_words(model: Any, words: Sequence[str]) -> float:
    context, total = model.start, 0.0
    for word in words:
        log_prob, context = model.score(context, word)
        total += log_prob
    return total


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    """Prints the tables that are named, all of them if none is; see the module."""
    options: dict[str, dict[str, Any]] = {
        "data": {"help": "texts that were held out"},
        "train": {"action": "append", "default": [], "help": "texts for the n-gram model"},
        "ptb-train": {"help": "words of the Penn Treebank to learn from"},
        "ptb-valid": {"help": "words of the Penn Treebank to measure on"},
        "learning": {"action": "store_true", "help": "measure the model that learns from the texts, too"},
        "limit": {"type": int, "help": "texts of the data"},
    }
    tables: dict[str, Callable[[argparse.Namespace], Any]] = {
        "quality": lambda given: quality(given.data, given.train, given.limit, given.learning),
        "treebank": lambda given: treebank(given.ptb_train, given.ptb_valid),
        "cells": lambda given: cells(given.data, 4 if given.quick else given.limit),
        "speed": lambda given: speed(1, LENGTHS[:1]) if given.quick else speed(5, LENGTHS),
    }
    return run_tables(__doc__ or "", tables, arguments, options)


if __name__ == "__main__":
    main()
