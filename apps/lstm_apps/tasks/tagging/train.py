"""Trains a tagger.

lstm-models train tagging --config base --data train.conllu --data names.conll --validation dev.conllu \
    --validation dev.iob2 --vectors glove.npz
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence

import torch

from lstm_apps.training.config import TrainingConfig
from lstm_apps.training.fitting import fit, save_trained
from lstm_datasets.tagging.dataset import TaggedSentences
from lstm_datasets.tagging.readers import LabeledSentence, merge_labels, read_sentences
from lstm_datasets.word_vectors import WordVectors, read_vectors
from lstm_models.errors import InputError
from lstm_models.tasks.tagging.config import TaggerConfig
from lstm_models.tasks.tagging.model import Tagger
from lstm_models.tasks.tagging.network import collate
from lstm_models.text.word_vocabulary import WordVocabulary, normalize_word

__all__ = ["train"]

_MIN_COUNT = 3  # of a word or character that gets a number of its own


def train(
    data: list[str],
    run: str = "runs/tagging",
    model: TaggerConfig = TaggerConfig(),  # noqa: B008 - frozen
    training: TrainingConfig = TrainingConfig(),  # noqa: B008 - frozen
    vectors: str | None = None,
    validation: list[str] = [],  # noqa: B006 - never changed
    lowercase: float = 0.4,
    resume: bool = False,
) -> dict[str, float]:
    """Trains a tagger on sentences with parts of speech, names or classes and leaves it in RUN/model.

    Args:
        data: files of labelled sentences: .conllu with parts of speech, .iob2 and other column files with names, .tsv
            with a text, a tab and its class a line. A file named twice counts twice.
        run: folder of the run: checkpoints, logs, the model.
        model: sizes of the tagger; an empty vocabulary is taken from the word vectors and the data. Classes that are
            numbers in the data are named by their places in ``classes``.
        training: how it is trained; batch_frames are words.
        vectors: word vectors to begin with: GloVe's text format, or .npz.
        validation: files to validate on; labels of the same sentences are put together. Every twentieth sentence of
            the data if missing.
        lowercase: fraction of sentences that are in lower case, others in each epoch.
        resume: go on from the run's last checkpoint; the other options are given as they were.

    Returns:
        The figures of the best validation: loss a word, and counts of tags and entities a sentence.

    Raises:
        InputError: the data cannot be read or leave nothing to train on; else as ``lstm_apps.training.fitting.fit``.
    """
    if not 0 <= lowercase <= 1:
        raise InputError(f"--lowercase must be from 0 to 1, not {lowercase}", usage=True)
    sentences = [sentence for path in data for sentence in read_sentences(path)]
    held: list[LabeledSentence] = []
    for path in validation:
        found = read_sentences(path)
        words = {sentence.words for sentence in held}
        held = merge_labels(held, found) + [sentence for sentence in found if sentence.words not in words]
    if not validation:
        held, sentences = sentences[19::20], [one for at, one in enumerate(sentences) if at % 20 != 19]
    model, sentences, held = _with_classes(model, sentences, held)
    known = [name for name in ("pos", "names") if any(getattr(one, name) is not None for one in sentences)]
    model = dataclasses.replace(model, labels=" ".join(known))
    if not sentences or not held:
        raise InputError(f"the data leave {len(sentences)} sentences to train on and {len(held)} to validate on")
    first = read_vectors(vectors) if vectors else None
    torch.manual_seed(training.seed)
    tagger = Tagger(_with_vocabulary(model, sentences, first))
    if first is not None:
        _begin_with(tagger, first)
    tagger.train()
    figures = fit(
        tagger,
        TaggedSentences(sentences, tagger, lowercase, seed=training.seed),
        TaggedSentences(held, tagger, lowercase),
        collate,
        training,
        run,
        resume=resume,
        settings={"task": "tagging", "data": data, "vectors": vectors, "validation": validation}
        | {"lowercase": lowercase, "model": tagger.config, "training": training},
    )
    save_trained(tagger, run, _card(sentences, tagger.config, training), figures)
    return figures


def _with_classes(
    model: TaggerConfig, sentences: list[LabeledSentence], held: list[LabeledSentence]
) -> tuple[TaggerConfig, list[LabeledSentence], list[LabeledSentence]]:
    """The config with the classes of the data, and the sentences with theirs by name."""
    labels = sorted({sentence.label for sentence in sentences if sentence.label is not None})
    if not labels:
        return model, sentences, held
    classes = model.classes.split() or labels
    if len(classes) < 2:
        raise InputError(f"all texts of the data are of one class, {classes[0]}")
    numbered = not set(labels) <= set(classes) and all(label.isdecimal() for label in labels)
    names = dict(zip(map(str, range(len(classes))) if numbered else classes, classes, strict=True))
    for sentence in (*sentences, *held):
        if sentence.label is not None and sentence.label not in names:
            raise InputError(f"the class {sentence.label} is not one of {', '.join(names)}")
    learn, check = (
        [one if one.label is None else dataclasses.replace(one, label=names[one.label]) for one in part]
        for part in (sentences, held)
    )
    return dataclasses.replace(model, classes=" ".join(classes)), learn, check


def _with_vocabulary(
    model: TaggerConfig, sentences: Sequence[LabeledSentence], vectors: WordVectors | None
) -> TaggerConfig:
    words = [word for sentence in sentences for word in sentence.words]
    if not model.vocabulary.strip():
        first = [] if vectors is None else [word for word in vectors.words if word == normalize_word(word)]
        size = len(first) + 2000 if first else 30_000
        kept = WordVocabulary.count(words, size, min_count=_MIN_COUNT, first=first)
        model = dataclasses.replace(model, vocabulary=kept)
    if not model.characters:
        counts = Counter("".join(words)) + Counter("".join(words).lower())
        characters = "".join(sorted(each for each, count in counts.items() if count >= _MIN_COUNT))
        model = dataclasses.replace(model, characters=characters)
    return model


def _begin_with(tagger: Tagger, vectors: WordVectors) -> None:
    """Puts known vectors into the first layer."""
    if vectors.size != tagger.config.embedding_size:
        sizes = f"{vectors.size} features, but model.embedding_size is {tagger.config.embedding_size}"
        raise InputError(f"the word vectors have {sizes}", usage=True)
    with torch.no_grad():
        for number, word in enumerate(tagger.config.vocabulary.split(), 2):
            vector = vectors.get(word)
            if vector is not None:
                tagger.words.weight[number] = torch.from_numpy(vector)


def _card(sentences: Sequence[LabeledSentence], config: TaggerConfig, training: TrainingConfig) -> str:
    words = sum(len(sentence.words) for sentence in sentences)
    return f"""# Tagger

An LSTM with conditional random fields that finds the part of speech of every word and the names of people, places and
organisations ({config.layers} layers of {config.hidden_size} units, both directions), trained by
`lstm-models train tagging` for {training.steps} steps on {len(sentences):,} sentences, {words:,} words. The
configuration in effect is in the run's config.json.
"""
