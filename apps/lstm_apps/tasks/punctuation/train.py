"""Trains a punctuator.

lstm-models train punctuation --config base --data talks.jsonl --data squad.json --data books.jsonl --vectors glove.npz
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import torch

from lstm_apps.tasks.punctuation.metrics import best_offsets
from lstm_apps.training.config import TrainingConfig
from lstm_apps.training.fitting import fit, is_main_process, save_trained
from lstm_datasets.punctuation.dataset import PunctuationPieces, mixed_case_words
from lstm_datasets.punctuation.readers import read_documents
from lstm_datasets.word_vectors import WordVectors, read_vectors
from lstm_models.errors import InputError
from lstm_models.tasks.punctuation.config import PunctuatorConfig
from lstm_models.tasks.punctuation.decoding import log_probs
from lstm_models.tasks.punctuation.features import GROUPS, MARKS, ParsedWord
from lstm_models.tasks.punctuation.model import Punctuator
from lstm_models.tasks.punctuation.network import collate, group_log_probs
from lstm_models.text.word_vocabulary import WordVocabulary

__all__ = ["train"]

Documents = Sequence[Sequence[ParsedWord]]


def train(
    data: list[str],
    run: str = "runs/punctuation",
    model: PunctuatorConfig = PunctuatorConfig(),  # noqa: B008 - frozen
    training: TrainingConfig = TrainingConfig(),  # noqa: B008 - frozen
    vectors: str | None = None,
    validation: str | None = None,
    validation_words: int = 60_000,
    vocabulary_size: int = 30_000,
    piece: int = 100,
    resume: bool = False,
) -> dict[str, float]:
    """Trains a punctuator on texts with marks and capitals and leaves it in RUN/model, for ``lstm_models.load``.

    Args:
        data: files of texts: .txt, .jsonl (of items that name a split, those of “train”), .tsv, SQuAD's .json, each
            also as .xz or .gz. A file named twice counts twice.
        run: folder of the run: checkpoints, logs, the model.
        model: sizes of the punctuator; an empty vocabulary is taken from the data.
        training: how it is trained; batch_frames are words.
        vectors: word vectors to begin with: GloVe's text format, or .npz.
        validation: a file of texts to validate on (of items that name a split, those of “dev”); every fiftieth document
            of the data if missing.
        validation_words: words to validate on while training, at most; the decision is set on all that is held out.
        vocabulary_size: words that get vectors, at most, where the vocabulary is taken from the data.
        piece: words of a training item.
        resume: go on from the run's last checkpoint; the other options are given as they were.

    Returns:
        The figures of the best validation: loss a word, and counts of marks an item.

    Raises:
        InputError: the data cannot be read or leave nothing to train on; else as ``lstm_apps.training.fitting.fit``.
    """
    if piece < 10 or vocabulary_size < 1 or validation_words < piece:
        raise InputError("--piece must be at least 10, --vocabulary-size 1, --validation-words a piece", usage=True)
    files = {path: list(read_documents(path)) for path in dict.fromkeys(data)}
    if validation is None:
        held = [document for documents in files.values() for document in documents[49::50]]
        files = {path: [one for at, one in enumerate(documents) if at % 50 != 49] for path, documents in files.items()}
    else:
        held = list(read_documents(validation, split="dev"))
    words = sum(len(document) for documents in files.values() for document in documents)
    if words < piece or not sum(map(len, held)):
        raise InputError(f"the data leave {words} words to train on and {sum(map(len, held))} to validate on")
    known = read_vectors(vectors) if vectors else None
    model = _with_vocabulary(model, list(files.values()), vocabulary_size)
    torch.manual_seed(training.seed)
    punctuator = Punctuator(model)
    if known is not None:
        _begin_with(punctuator, known)
    punctuator.train()
    pieces = [PunctuationPieces(documents, punctuator, piece, training.seed) for documents in files.values()]
    repeats = [data.count(path) for path, one in zip(files, pieces, strict=True) for _ in range(len(one))]
    files.clear()  # the words of a corpus take more memory than the network
    figures = fit(
        punctuator,
        _Joined(pieces),
        PunctuationPieces(_first_words(held, validation_words), punctuator, piece),
        collate,
        training,
        run,
        resume=resume,
        settings={"task": "punctuation", "data": data, "vectors": vectors, "validation": validation, "piece": piece}
        | {"vocabulary_size": vocabulary_size, "validation_words": validation_words}
        | {"model": punctuator.config, "training": training},
        repeats=repeats,
    )
    if is_main_process():
        punctuator.eval()
        punctuator.config = dataclasses.replace(punctuator.config, offsets=_offsets(punctuator, held))
    save_trained(punctuator, run, _card(words, punctuator.config, training), figures)
    return figures


class _Joined(torch.utils.data.ConcatDataset[dict[str, torch.Tensor]]):
    """The pieces of all files as one data set."""

    def __init__(self, parts: Sequence[PunctuationPieces]) -> None:
        super().__init__(parts)
        self.parts, self.lengths = parts, [length for part in parts for length in part.lengths]

    def set_epoch(self, epoch: int) -> None:
        for part in self.parts:
            part.set_epoch(epoch)


def _first_words(documents: Documents, words: int) -> Documents:
    """Documents from the first on, up to so many words."""
    ends = np.cumsum([len(document) for document in documents])
    return documents[: int(np.searchsorted(ends, words)) + 1]


def _offsets(punctuator: Punctuator, held: Documents) -> tuple[float, float, float]:
    """The offsets of the decision with the highest F1 of all marks on all held-out text."""
    found = [word for document in held for word in document]
    marks, _ = log_probs(punctuator, [word.text for word in found])
    wanted = np.array([GROUPS[MARKS.index(word.mark)] for word in found])
    return best_offsets(group_log_probs(marks).numpy(), wanted)


def _with_vocabulary(model: PunctuatorConfig, files: Sequence[Documents], size: int) -> PunctuatorConfig:
    documents = [document for each in files for document in each]
    if not model.vocabulary.strip():
        texts = (word.text for document in documents for word in document)
        model = dataclasses.replace(model, vocabulary=WordVocabulary.count(texts, size, min_count=2))
    if not model.mixed_case.strip():
        model = dataclasses.replace(model, mixed_case=mixed_case_words(documents))
    return model


def _begin_with(punctuator: Punctuator, vectors: WordVectors) -> None:
    """Puts known vectors into the first layer; their words' clitics and possessives begin as the word does."""
    if vectors.size != punctuator.config.embedding_size:
        sizes = f"{vectors.size} features, but model.embedding_size is {punctuator.config.embedding_size}"
        raise InputError(f"the word vectors have {sizes}", usage=True)
    with torch.no_grad():
        for number, word in enumerate(punctuator.config.vocabulary.split(), 2):
            vector = vectors.get(word)
            if vector is None and "'" in word:
                vector = vectors.get(word.partition("'")[0])
            if vector is not None:
                punctuator.words.weight[number] = torch.from_numpy(vector)


def _card(words: int, config: PunctuatorConfig, training: TrainingConfig) -> str:
    kind = "both directions" if config.lookahead is None else f"one direction, {config.lookahead} words ahead"
    return f"""# Punctuator

An LSTM that puts marks and capitals into text that has none ({config.layers} layers of {config.hidden_size} units,
{kind}), trained by `lstm-models train punctuation` for {training.steps} steps on {words:,} words. The configuration in
effect is in the run's config.json.
"""
