"""Measures a story answerer on bAbI: right answers, in per cent, by task."""

from __future__ import annotations

from collections.abc import Sequence
from json import dumps
from typing import Any

import torch

from lstm_apps.evaluation.calibration import expected_calibration_error
from lstm_apps.tasks.question_answering.train_stories import read_part
from lstm_datasets.batching import FrameBatchSampler
from lstm_datasets.question_answering.stories import Stories
from lstm_models.errors import InputError
from lstm_models.io.atomic_write import write_whole
from lstm_models.tasks.question_answering.stories import Story, StoryAnswerer, collate

__all__ = ["evaluate_stories"]

_BATCH = 4000  # sentences


def evaluate_stories(
    answerer: StoryAnswerer,
    data: Sequence[str],
    without: Sequence[str],
    limit: int | None,
    worst: int,
    json: str | None,
) -> dict[str, Any]:
    """Prints the accuracy of each task, in per cent, their mean, and how honest the probabilities are.

    Args:
        answerer: the model.
        data: as for training: "archive.tar.xz" is its folder en, "archive.tar.xz:en-10k" the named one, and
            "archive.tar.xz:en-10k[-1000:]" the last 1,000 questions of each of its tasks.
        without: likewise, data whose questions are left out: those that were trained on.
        limit: questions of each task, from its beginning.
        worst: wrong answers that the model was most sure of, to print.
        json: a file for the figures and every wrong answer.
    """
    seen = {(story.sentences, story.question) for path in without for story in read_part(path)}
    by_kind: dict[str, list[Story]] = {}
    for path in data:
        for story in read_part(path):
            if (story.sentences, story.question) not in seen:
                by_kind.setdefault(story.kind, []).append(story)
    if not by_kind:
        raise InputError("all questions of the data are among those to leave out")
    stories = [story for each in by_kind.values() for story in each[:limit]]
    rows = _answers(answerer, stories)
    figures: dict[str, Any] = {"data": list(data), "without": list(without), "questions": len(rows), "tasks": {}}
    for kind in by_kind:
        right = [row["right"] for row in rows if row["task"] == kind]
        figures["tasks"][kind] = round(100 * sum(right) / len(right), 1)
    figures["mean"] = round(sum(figures["tasks"].values()) / len(figures["tasks"]), 2)
    figures["tasks_of_95"] = sum(value >= 95 for value in figures["tasks"].values())
    error = expected_calibration_error([row["confidence"] for row in rows], [row["right"] for row in rows])
    figures["calibration_error"] = round(error, 4)
    print(dumps(figures, indent=2))
    wrong = sorted((row for row in rows if not row["right"]), key=lambda row: -row["confidence"])
    for row in wrong[:worst]:
        print(f"{row['confidence']:.2f}  task {row['task']}: {row['question']}  {row['found']}  |  {row['answer']}")
    if json is not None:
        write_whole(json, dumps({**figures, "wrong": wrong}, indent=1) + "\n")
    return figures


@torch.no_grad()
def _answers(answerer: StoryAnswerer, stories: Sequence[Story]) -> list[dict[str, Any]]:
    data = Stories(list(stories), answerer.encoder)
    longest = max(data.lengths)
    rows: list[dict[str, Any]] = [{} for _ in stories]
    for batch in FrameBatchSampler(data.lengths, max(_BATCH, longest)).batches():
        found, _ = answerer(collate([data[int(index)] for index in batch]))
        for index, value, number in zip(batch, *(each.tolist() for each in found.exp().max(1)), strict=True):
            story, text = stories[int(index)], answerer.encoder.answers[number]
            rows[int(index)] = {"task": story.kind, "question": story.question, "found": text, "answer": story.answer}
            rows[int(index)] |= {"confidence": value, "right": text == story.answer, "story": list(story.sentences)}
    return rows
