"""Measures a question answerer: SQuAD's F1 and exact match, how honest its probabilities are, its speed.

lstm-models evaluate question-answering --data squad-dev-v1.1.json.xz --json figures.json
lstm-models evaluate question-answering --data babi.tar.xz:en-10k --without babi.tar.xz --model story-answerer
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from json import dumps
from typing import Any

import numpy as np

from lstm_apps.evaluation.calibration import (
    Calibration,
    CalibrationReport,
    calibration_report,
    check_results,
    diagram,
    fit,
)
from lstm_apps.evaluation.separation import separation
from lstm_apps.evaluation.threads import one_thread
from lstm_apps.tasks.question_answering.evaluate_stories import evaluate_stories
from lstm_apps.tasks.question_answering.metrics import best_threshold, exact_match, f1, strict_threshold
from lstm_datasets.question_answering.readers import AskedPassage, AskedQuestion, read_squad
from lstm_models.checkpoints import hub
from lstm_models.errors import InputError
from lstm_models.io.atomic_write import write_whole
from lstm_models.tasks.question_answering.config import QuestionAnswererConfig
from lstm_models.tasks.question_answering.decoding import spans_of
from lstm_models.tasks.question_answering.features import match_flags, tokenize
from lstm_models.tasks.question_answering.model import QuestionAnswerer
from lstm_models.tasks.question_answering.network import NOWHERE, Item
from lstm_models.tasks.question_answering.stories import StoryAnswerer

__all__ = ["evaluate"]

_FALSE_ANSWERS = (0.2, 0.1, 0.05)  # fractions of false answers whose thresholds are shown
_KINDS = ("what", "who", "how many", "when", "which", "where", "why", "how")


def evaluate(
    data: list[str],
    model: str = "question-answerer",
    without: list[str] = [],  # noqa: B006 - never changed
    limit: int | None = None,
    worst: int = 10,
    json: str | None = None,
    plot: str | None = None,
    calibrate: str | None = None,
    false_answers: float | None = None,
) -> dict[str, Any]:
    """Measures a question answerer on passages with questions, and prints the figures.

    F1 and exact match are SQuAD's: without marks, articles and case; of several references the best counts. Each
    question is also put to another passage of the same article, which should not answer it; whether it gets an answer
    is decided by the probability that the passage has one. The probability that an answer is right is held against
    whether it has an F1 of one half at least, on both kinds; its calibration is fitted on one half of the articles,
    and its expected error (15 bins of equal mass) measured on the other. Questions a second are those
    of one thread. Of a model for stories, the fraction of right answers is measured, by task.

    Args:
        data: files of SQuAD's form; for a model for stories of bAbI's, or an archive or folder of them.
        model: a bundled model, a folder, or the id of one on the Hugging Face hub.
        without: of stories, data whose questions are left out: bAbI's en is a part of its en-10k.
        limit: measure on so many passages of each file, spread over it; of stories, questions of each task.
        worst: wrong answers that the model was most sure of, to print.
        json: a .json file for the figures and every answer.
        plot: a .png, .svg or .pdf file for the calibration plot.
        calibrate: a folder to save the model in with its probabilities and threshold fitted on all these questions.
        false_answers: the fraction of the questions put to another passage that may get an answer at the threshold
            that ``calibrate`` saves. The threshold that tells both kinds of questions apart best if missing.

    Returns:
        The figures, as in the file.

    Raises:
        InputError: the model, the data or an option is not what it should be, or a file cannot be written.
    """
    _check(limit, worst, false_answers, json, plot)
    if isinstance(loaded := hub.load(model), StoryAnswerer):
        return evaluate_stories(loaded, data, without, limit, worst, json)
    answerer = hub.load_as(QuestionAnswerer, model)
    passages = [passage for path in data for passage in _some(read_squad(path), limit)]
    passages = [passage for passage in passages if any(question.answers for question in passage.questions)]
    if not passages:
        raise InputError("the data have no question with an answer")
    config = answerer.config
    now = Calibration(config.temperature, config.calibration_bias)
    presence = Calibration(config.presence_temperature, config.presence_bias)
    started = time.process_time()
    with one_thread():
        rows = _answers(answerer, passages, passages)
        seconds = time.process_time() - started
        nowhere = _answers(answerer, _elsewhere(passages), passages)
    if calibrate is not None:
        kinds = [True] * len(rows) + [False] * len(nowhere)
        presence = _rounded(fit([row["presence"] for row in (*rows, *nowhere)], kinds))
    for row, value in zip([*rows, *nowhere], presence([row["presence"] for row in (*rows, *nowhere)]), strict=True):
        row |= {"presence": round(float(value), 6), "probability": round(float(value) * row["probability"], 6)}
    figures: dict[str, Any] = {"model": model, "data": data, "passages": len(passages), **_scores(rows)}
    figures["by_kind"] = {kind: _scores(part) for kind in (*_KINDS, "other") if (part := _of_kind(rows, kind))}
    figures["questions_a_second"] = round(len(rows) / max(seconds, 1e-9), 1)
    report = _calibration([*rows, *nowhere], now)
    fitted = now if report is None else _rounded(report.fitted_on_all)
    there, other = (np.array([row["presence"] for row in part]) for part in (rows, nowhere))
    figures["nowhere"] = _no_answer(config.threshold, rows, nowhere)
    strict = {fraction: strict_threshold(other, fraction) for fraction in _FALSE_ANSWERS}
    figures["strict"] = {
        f"{fraction:.0%}": _no_answer(threshold, rows, nowhere) for fraction, threshold in strict.items()
    }
    best = best_threshold(there, other) if false_answers is None else strict_threshold(other, false_answers)
    figures["calibration"] = None if report is None else {**dataclasses.asdict(report), "best_threshold": best}
    print(dumps({**figures, "calibration": _short(report, best)}, indent=2, ensure_ascii=False))
    rows.sort(key=lambda row: (row["f1"] > 0, -row["probability"]))
    for row in rows[:worst]:
        print(f"{row['probability']:.2f}  {row['question']}\n      {row['found']}  |  {row['references'][0]}")
    if json is not None:
        write_whole(json, dumps({**figures, "answers": rows}, indent=1, ensure_ascii=False) + "\n")
    if report is not None:
        if plot is not None:
            items = ("an answer", "answers")
            diagram(report, plot, right="fraction of answers that are right", held="held-out articles", items=items)
        if calibrate is not None:
            answerer.config = _with(config, presence, fitted, best)
            hub.save(answerer, calibrate, card=hub.card(model), int8=True)
    return figures


def _check(limit: int | None, worst: int, false_answers: float | None, json: str | None, plot: str | None) -> None:
    if worst < 0 or (limit is not None and limit < 1):
        raise InputError("--limit must be 1 or more, --worst 0 or more", usage=True)
    if false_answers is not None and not 0 <= false_answers <= 1:
        raise InputError(f"--false-answers is a fraction from 0 to 1, not {false_answers:g}", usage=True)
    check_results(json, plot)


def _with(
    config: QuestionAnswererConfig, presence: Calibration, answer: Calibration, threshold: float
) -> QuestionAnswererConfig:
    """The config with other calibrations and another threshold."""
    return dataclasses.replace(
        config,
        presence_temperature=presence.temperature,
        presence_bias=presence.bias,
        temperature=answer.temperature,
        calibration_bias=answer.bias,
        threshold=threshold,
    )


def _some(passages: Sequence[AskedPassage], limit: int | None) -> Sequence[AskedPassage]:
    return passages if limit is None else passages[:: max(1, len(passages) // limit)][:limit]


def _elsewhere(passages: Sequence[AskedPassage]) -> list[AskedPassage]:
    """The passages' questions put to the next passage of the article, or, of the only one, to the next article's."""
    by_title: dict[str, list[AskedPassage]] = {}
    for passage in passages:
        by_title.setdefault(passage.title, []).append(passage)
    made = []
    for number, passage in enumerate(passages):
        near = by_title[passage.title]
        other = near[(near.index(passage) + 1) % len(near)] if len(near) > 1 else passages[(number + 1) % len(passages)]
        made.append(other._replace(title=passage.title))
    return made


def _answers(
    answerer: QuestionAnswerer, texts: Sequence[AskedPassage], questions: Sequence[AskedPassage]
) -> list[dict[str, Any]]:
    """The best answer of each text to the questions of the passage at its place, with the network's probabilities."""
    items, facts = [], []
    for text, source in zip(texts, questions, strict=True):
        tokens = tokenize(text.text)
        read = answerer.numbers.encode([token.text for token in tokens])
        for question in source.questions:
            words = [token.text for token in tokenize(question.text)]
            if not question.answers or not words:
                continue
            encoded = answerer.numbers.encode(words)
            items.append(Item(read, [encoded], [match_flags(read, encoded)], [(NOWHERE, NOWHERE)]))
            facts.append((text, tokens, question, text is source))
    order = sorted(range(len(items)), key=lambda place: len(items[place].passage.words))
    rows: list[dict[str, Any]] = [{} for _ in items]
    found = spans_of(answerer, [items[place] for place in order], 1)
    for place, (spans, _) in zip(order, found, strict=True):
        text, tokens, question, answerable = facts[place]
        best = spans[0]
        answer = text.text[tokens[best.first].start : tokens[best.last].end]
        row = _row(text.title, question, answer, answerable)
        rows[place] = {**row, "probability": best.probability, "presence": best.presence}
    return rows


def _row(title: str, question: AskedQuestion, found: str, answerable: bool) -> dict[str, Any]:
    references = [answer for answer, _ in question.answers]
    scores = {"f1": f1(found, references), "exact": exact_match(found, references)}
    scores = scores if answerable else dict.fromkeys(scores, 0.0)
    row = {"id": question.id, "title": title, "question": question.text, "found": found, "references": references}
    return {**row, **scores}


def _scores(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    means = {name: round(100 * float(np.mean([row[name] for row in rows])), 2) for name in ("f1", "exact")}
    return {"questions": len(rows), "f1": means["f1"], "exact_match": means["exact"]}


def _of_kind(rows: Sequence[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    """The questions of a kind: that of the first question word in them."""

    def kind_of(question: str) -> str:
        words = question.lower().replace("how much", "how many").replace("whom", "who").replace("whose", "who")
        places = {each: words.find(each) for each in _KINDS}
        return min((each for each in _KINDS if places[each] >= 0), key=lambda each: places[each], default="other")

    return [row for row in rows if kind_of(row["question"]) == kind]


def _rounded(calibration: Calibration) -> Calibration:
    """As a model's file holds it."""
    return Calibration(round(calibration.temperature, 4), round(calibration.bias, 4))


def _no_answer(threshold: float, rows: Sequence[dict[str, Any]], nowhere: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """How often the model answers, of questions with an answer and of those without."""
    there, other = (np.array([row["presence"] for row in part]) for part in (rows, nowhere))
    right = np.array([row["f1"] >= 0.5 for row in rows])
    given = there >= threshold
    return {
        "threshold": threshold,
        "answered_where_there": round(float(given.mean()), 4),
        "right_of_those": round(float(right[given].mean()), 4) if given.any() else None,
        "answered_where_not": round(float((other >= threshold).mean()), 4),
        "area_under_roc": round(separation(there, other), 4),
    }


def _calibration(rows: Sequence[dict[str, Any]], now: Calibration) -> CalibrationReport | None:
    """How honest the probabilities are; None where the articles are too few."""
    titles, found, probabilities = ([row[name] for row in rows] for name in ("title", "found", "probability"))
    right = [row["f1"] >= 0.5 for row in rows]
    try:
        return calibration_report(titles, found, probabilities, right, now, called="articles")
    except InputError:
        return None


def _short(report: CalibrationReport | None, threshold: float) -> dict[str, Any] | None:
    """What is printed of it."""
    if report is None:
        return None
    errors = {name: round(getattr(report, name), 4) for name in ("error_before", "error_after", "right")}
    best = report.fitted_on_all
    fitted = {"temperature": round(best.temperature, 4), "bias": round(best.bias, 4)}
    return {"answers": report.words, **errors, "fitted_on_all": fitted, "best_threshold": threshold}
