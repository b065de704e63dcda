"""Trains a question answerer.

lstm-models train question-answering --config base --data squad-train-v1.1.json.xz --vectors glove-6b-100d-30k.npz
lstm-models train question-answering --config babi --data babi.tar.xz
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from typing import Any

import torch

from lstm_apps.tasks.question_answering.train_stories import train_stories
from lstm_apps.training.config import TrainingConfig
from lstm_apps.training.fitting import fit, save_trained
from lstm_datasets.question_answering.dataset import PassageQuestions
from lstm_datasets.question_answering.readers import AskedPassage, read_squad
from lstm_datasets.word_vectors import WordVectors, read_vectors
from lstm_models.checkpoints import hub
from lstm_models.errors import InputError
from lstm_models.tasks.question_answering.config import QuestionAnswererConfig
from lstm_models.tasks.question_answering.features import PADDING, UNKNOWN, tokenize
from lstm_models.tasks.question_answering.model import QuestionAnswerer
from lstm_models.tasks.question_answering.network import collate
from lstm_models.tasks.question_answering.stories import StoryAnswererConfig

__all__ = ["begin_from", "train"]


def train(
    data: list[str],
    run: str = "runs/question-answering",
    model: QuestionAnswererConfig = QuestionAnswererConfig(),  # noqa: B008 - frozen
    training: TrainingConfig = TrainingConfig(),  # noqa: B008 - frozen
    story: StoryAnswererConfig | None = None,
    vectors: str | None = None,
    initial: str | None = None,
    validation: list[str] = [],  # noqa: B006 - never changed
    validation_articles: int = 4,
    vocabulary_size: int = 31_000,
    added_words: int = 1000,
    longest: int = 300,
    others: float = 0.5,
    near: float = 0.5,
    resume: bool = False,
) -> dict[str, float]:
    """Trains a question answerer on passages with questions and leaves it in RUN/model, for ``lstm_models.load``.

    Args:
        data: files of SQuAD's form, .json or .json.xz; with ``story`` of bAbI's form, or the archive or folder of them.
        run: folder of the run: checkpoints, logs, the model.
        model: sizes of the network; an empty vocabulary is that of the vectors, or is taken from the data.
        training: how it is trained; batch_frames are tokens of passages, each read with all its questions.
        story: sizes of the network for stories, which is trained in place of the one for passages (``--config babi``).
        vectors: word vectors to begin with, GloVe's text format or .npz. Drawn at random, and trained, if missing.
        initial: a bundled model, a folder or an id, whose weights the network begins with where both have them alike;
            the vectors of words by word.
        validation: files to validate on. The last articles of the data if missing.
        validation_articles: so many of them.
        vocabulary_size: words that get vectors, at most.
        added_words: the data's most frequent words that the word vectors lack, at most; they come first, and so are
            among ``model.tuned_words``, whose vectors are trained.
        longest: tokens of a passage; what comes after is cut off.
        others: questions of other passages for each passage, on average, from which the network learns to say that
            there is no answer.
        near: fraction of those that are about another passage of the same article.
        resume: go on from the run's last checkpoint; the other options are given as they were.

    Returns:
        The figures of the best validation: loss a question, and answers found to the word.

    Raises:
        InputError: the data cannot be read or leave nothing to train on; else as ``lstm_apps.training.fitting.fit``.
    """
    if min(others, added_words) < 0 or longest < 10 or vocabulary_size < 1 or validation_articles < 1:
        numbers = "--others and --added-words must be 0 or more, --longest 10, --vocabulary-size and -articles 1"
        raise InputError(numbers, usage=True)
    if not 0 <= near <= 1:
        raise InputError(f"--near is a fraction from 0 to 1, not {near:g}", usage=True)
    if story is not None:
        return train_stories(data, run, story, training, validation, resume=resume)
    passages = [passage for path in data for passage in read_squad(path)]
    held = [passage for path in validation for passage in read_squad(path)]
    if not validation:
        last = set(list(dict.fromkeys(passage.title for passage in passages))[-validation_articles:])
        held = [passage for passage in passages if passage.title in last]
        passages = [passage for passage in passages if passage.title not in last]
    known = read_vectors(vectors) if vectors else None
    torch.manual_seed(training.seed)
    answerer = QuestionAnswerer(_with_vocabulary(model, known, passages, vocabulary_size, added_words))
    _begin_with(answerer, known)
    if initial is not None:
        begin_from(answerer, hub.load_as(QuestionAnswerer, initial))
    answerer.train()
    limits: dict[str, Any] = {"longest": longest, "longest_answer": model.longest_answer, "seed": training.seed}
    limits |= {"others": others, "near": near}
    learn = PassageQuestions(passages, answerer.numbers, **limits)
    check = PassageQuestions(held, answerer.numbers, **limits)
    if not len(learn) or not len(check):
        raise InputError(f"the data leave {len(learn)} passages to train on and {len(check)} to validate on")
    settings: dict[str, Any] = {
        "task": "question-answering",
        "data": data,
        "vectors": vectors,
        "initial": initial,
        "validation": validation,
    }
    settings |= {"validation_articles": validation_articles, "longest": longest, "others": others, "near": near}
    settings |= {"model": answerer.config, "training": training}
    figures = fit(answerer, learn, check, collate, training, run, resume=resume, settings=settings)
    save_trained(answerer, run, _card(len(learn.questions), answerer.config, training), figures)
    return figures


def _with_vocabulary(
    model: QuestionAnswererConfig, known: WordVectors | None, passages: Sequence[AskedPassage], size: int, added: int
) -> QuestionAnswererConfig:
    if model.vocabulary.strip():
        return model
    texts = (text for each in passages for text in (each.text, *(question.text for question in each.questions)))
    frequent = Counter(token.text.lower() for text in texts for token in tokenize(text)).most_common()
    words = [word for word, _ in frequent]
    if known is not None:
        if known.size != model.embedding_size:
            sizes = f"{known.size} features, but model.embedding_size is {model.embedding_size}"
            raise InputError(f"the word vectors have {sizes}", usage=True)
        have = [word for word in known.words if word.split() == [word] and word == word.lower()]
        lacking = [word for word, count in frequent if count > 1 and known.get(word) is None]
        words = [*lacking[:added], *have]
    return dataclasses.replace(model, vocabulary=" ".join(list(dict.fromkeys(words))[:size]))


def _begin_with(answerer: QuestionAnswerer, known: WordVectors | None) -> None:
    """Puts known vectors into the first layer; without any, they are trained."""
    weight = answerer.vectors.weight
    if known is None:
        weight.requires_grad_(True)
    with torch.no_grad():
        weight.normal_(std=0.3)
        weight[0] = 0
        for word, number in answerer.numbers.numbers.items():
            vector = None if known is None else known.get(word)
            if vector is not None:
                weight[number] = torch.from_numpy(vector)


def begin_from(answerer: QuestionAnswerer, other: QuestionAnswerer) -> None:
    """Puts the weights of another network in place of those that have its names and shapes, and the vectors of words
    that both know; the words that only this one knows begin as the unknown word."""
    weights = answerer.state_dict()
    for name, value in other.state_dict().items():
        if name in weights and weights[name].shape == value.shape and name not in ("vectors.weight", "tuned.weight"):
            weights[name].copy_(value)
    vectors, tuned = other.vectors.weight.detach().float(), other.tuned.weight.detach().float()
    ours, ours_tuned = weights["vectors.weight"], weights["tuned.weight"]
    if vectors.size(1) != ours.size(1):
        raise InputError(f"the initial model's words have {vectors.size(1)} features, not {ours.size(1)}", usage=True)
    for number, word in enumerate(["", "", *answerer.numbers.numbers]):
        theirs = number if number <= UNKNOWN else other.numbers.numbers.get(word, UNKNOWN)
        learnt = tuned[theirs] if theirs < len(tuned) else tuned[PADDING]
        ours[number] = vectors[theirs]
        if number < len(ours_tuned):
            ours_tuned[number] = learnt
        else:  # no more trained here: what was learnt of it stays
            ours[number] += learnt - tuned[PADDING]


def _card(questions: int, config: QuestionAnswererConfig, training: TrainingConfig) -> str:
    return f"""# Question answerer

An LSTM that finds the answer to an English question in a text, with the probability that it is right
({config.encoder_layers} layers of {config.encoder_size} units and {1 + config.self_attention} of
{config.modeling_size}, in both directions), trained by `lstm-models train question-answering` for {training.steps}
steps on {questions:,} questions. The configuration in effect is in the run's config.json.
"""
