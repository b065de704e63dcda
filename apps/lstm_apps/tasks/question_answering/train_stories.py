"""Trains the network for stories: ``lstm-models train question-answering --config babi --data babi.tar.xz``."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Sequence

import torch

from lstm_apps.training.config import TrainingConfig
from lstm_apps.training.fitting import fit, save_trained
from lstm_datasets.question_answering.stories import Stories, read_babi
from lstm_models.errors import InputError
from lstm_models.tasks.question_answering.stories import (
    Story,
    StoryAnswerer,
    StoryAnswererConfig,
    StoryEncoder,
    collate,
)

__all__ = ["train_stories"]

_SLICE = re.compile(r"(-?\d+)?:(-?\d+)?\]")
_HELD = 20  # every so many-th question is held out


def train_stories(
    data: Sequence[str],
    run: str,
    model: StoryAnswererConfig,
    training: TrainingConfig,
    validation: Sequence[str] = (),
    *,
    resume: bool = False,
) -> dict[str, float]:
    """Trains on all tasks of bAbI together and leaves the model in RUN/model.

    Args:
        data: as ``read_part`` takes it: "archive.tar.xz" is its folder en, with 1,000 questions a task,
            "archive.tar.xz:en-10k" the named one, "archive.tar.xz:en-10k[:-1000]" that without each task's last 1,000.
        run: folder of the run.
        model: sizes of the network; empty words and answers are taken from the data.
        training: how it is trained; batch_frames are sentences.
        validation: likewise; every twentieth question of the data if empty.
        resume: go on from the run's last checkpoint.

    Returns:
        The figures of the best validation: loss, and the fraction of right answers.

    Raises:
        InputError: as ``train``.
    """
    stories = [story for path in data for story in read_part(path)]
    held = [story for path in validation for story in read_part(path)] or stories[_HELD - 1 :: _HELD]
    if not validation:
        stories = [story for number, story in enumerate(stories) if number % _HELD != _HELD - 1]
    if not stories or not held:
        raise InputError(f"the data leave {len(stories)} questions to train on and {len(held)} to validate on")
    if not model.vocabulary.strip():
        texts = (text for story in stories for text in (*story.sentences, story.question))
        words = Counter(word for text in texts for word in StoryEncoder.split(text))
        model = dataclasses.replace(model, vocabulary=" ".join(sorted(words)))
    if not model.answers.strip():
        model = dataclasses.replace(model, answers=" ".join(sorted({story.answer for story in stories})))
    torch.manual_seed(training.seed)
    answerer = StoryAnswerer(model)
    answerer.train()
    learn, check = Stories(stories, answerer.encoder), Stories(held, answerer.encoder)
    settings = {"task": "question-answering", "data": data, "validation": validation, "story": model}
    figures = fit(
        answerer, learn, check, collate, training, run, resume=resume, settings=settings | {"training": training}
    )
    save_trained(answerer, run, _card(stories, training), figures)
    return figures


def read_part(path: str) -> list[Story]:
    """The stories of "archive", of "archive:folder" or of "archive:folder[first:last]".

    The brackets choose questions of each task, counted as Python's slices are: [:-1000] leaves out the last 1,000.

    Raises:
        InputError: the brackets hold no slice; else as ``read_babi``.
    """
    name, _, part = path.partition(":")
    part, bracket, chosen = part.partition("[")
    stories = read_babi(name, part or "en")
    if not bracket:
        return stories
    match = _SLICE.fullmatch(chosen)
    if match is None:
        raise InputError(f"{path}: expected a slice of each task in brackets, as [:1000] or [-1000:]", usage=True)
    wanted = slice(*(int(number) if number else None for number in match.groups()))
    by_task: dict[str, list[Story]] = {}
    for story in stories:
        by_task.setdefault(story.kind, []).append(story)
    return [story for each in by_task.values() for story in each[wanted]]


def _card(stories: Sequence[Story], training: TrainingConfig) -> str:
    return f"""# Story answerer

An LSTM with several looks at the sentences of a short story that answers a question about it, trained by `lstm-models
train question-answering --config babi` for {training.steps} steps on {len(stories):,} questions. The configuration in
effect is in the run's config.json.
"""
