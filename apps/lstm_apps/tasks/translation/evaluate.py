"""Measures a translator: BLEU and chrF by sacrebleu, how honest its confidences are, its speed.

lstm-models evaluate translation --data multi30k/val --model translator-en-de --json figures.json
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from json import dumps
from typing import Any

from lstm_apps.evaluation.calibration import Calibration, CalibrationReport, calibration_report, check_results, diagram
from lstm_apps.evaluation.threads import one_thread
from lstm_apps.tasks.translation.metrics import check_scorer, right_words, translation_scores
from lstm_datasets.translation.readers import read_pairs
from lstm_models.checkpoints import hub
from lstm_models.errors import InputError
from lstm_models.io.atomic_write import write_whole
from lstm_models.tasks.translation.decoding import TranslateOptions, translate_sentences
from lstm_models.tasks.translation.model import Translator
from lstm_models.tasks.translation.results import TranslatedSentence

__all__ = ["evaluate"]


def evaluate(
    data: list[str],
    model: str = "translator-en-de",
    beam: int = 5,
    length_penalty: float = 1.0,
    coverage: float = 0.1,
    limit: int | None = None,
    worst: int = 5,
    json: str | None = None,
    plot: str | None = None,
    calibrate: str | None = None,
) -> dict[str, Any]:
    """Measures a translator on sentences with their translations, file by file, and prints the figures.

    BLEU and chrF are sacrebleu's, with their signatures: they say how texts were split and whether case counts. Of
    sources that come several times all translations are references. A word's confidence is held against whether a
    reference has the word: the calibration is fitted on one half of the sentences, and its expected error (15 bins of
    equal mass) measured on the other. Sentences a second are those of one thread.

    Args:
        data: pairs of sentences, as for training.
        model: a bundled model, a folder, or the id of one on the Hugging Face hub.
        beam: translations followed at a time.
        length_penalty: 0 ranks by probability, 1 by its mean over the pieces.
        coverage: what leaving out parts of the source costs.
        limit: measure on so many sources of each file, from its beginning.
        worst: sentences with the lowest chrF to print.
        json: a .json file for the figures and every translation.
        plot: a .png, .svg or .pdf file for the calibration plot.
        calibrate: a folder to save the model in with its confidences calibrated on all these sentences.

    Returns:
        The figures, as in the file.

    Raises:
        InputError: the model, the data or an option is not what it should be, the scorer (the extra ``train``) is not
            installed, or a file cannot be written.
    """
    if worst < 0 or (limit is not None and limit < 1):
        raise InputError("--limit must be 1 or more, --worst 0 or more", usage=True)
    options = TranslateOptions(beam=beam, length_penalty=length_penalty, coverage=coverage)
    check_scorer()
    check_results(json, plot)
    translator = hub.load_as(Translator, model)
    config = translator.config
    now = Calibration(config.temperature, config.calibration_bias)
    translator.config = dataclasses.replace(config, temperature=1.0, calibration_bias=0.0)
    figures: dict[str, Any] = {"model": model, **dataclasses.asdict(options), "files": {}}
    sentences: list[TranslatedSentence] = []
    references: list[list[str]] = []
    for path in data:
        sources = _sources(path, translator, limit)
        started = time.process_time()
        with one_thread():
            found = translate_sentences(translator, list(sources), options)
        seconds = time.process_time() - started
        scores = translation_scores([each.text for each in found], list(sources.values()))
        scores["references"] = sum(map(len, sources.values()))
        speed = {"sentences_a_second": round(len(sources) / max(seconds, 1e-9), 1)}
        figures["files"][path] = {"sentences": len(sources), **scores, **speed}
        sentences += found
        references += sources.values()
    report = _calibration(sentences, references, now)
    figures["calibration"] = None if report is None else dataclasses.asdict(report)
    print(dumps({**figures, "calibration": _short(report)}, indent=2, ensure_ascii=False))
    rows = _rows(sentences, references)
    for row in rows[:worst]:
        print(f"{row['chrf']:5.1f}  {row['source']}\n       {row['found']}\n       {row['references'][0]}")
    if json is not None:
        write_whole(json, dumps({**figures, "worst_first": rows}, indent=1, ensure_ascii=False) + "\n")
    if report is not None:
        if plot is not None:
            diagram(report, plot, held="held-out sentences")
        if calibrate is not None:
            best = report.fitted_on_all
            temperature, bias = round(best.temperature, 4), round(best.bias, 4)
            translator.config = dataclasses.replace(config, temperature=temperature, calibration_bias=bias)
            hub.save(translator, calibrate, card=hub.card(model), int8=True)
    return figures


def _sources(path: str, translator: Translator, limit: int | None) -> dict[str, list[str]]:
    """The sources of a file, each with its translations."""
    found: dict[str, list[str]] = {}
    for source, target in read_pairs(path, translator.config.source, translator.config.target):
        found.setdefault(source, []).append(target)
    return dict(list(found.items())[:limit])


def _calibration(
    sentences: Sequence[TranslatedSentence], references: Sequence[Sequence[str]], now: Calibration
) -> CalibrationReport | None:
    """How honest the words' probabilities are; None where the sentences are too few."""
    groups, words, probabilities, right = [], [], [], []
    for sentence, each in zip(sentences, references, strict=True):
        known = [word for word in sentence.words if word.confidence is not None]
        groups += [sentence.source] * len(known)
        words += [word.text for word in known]
        probabilities += [word.confidence or 0.0 for word in known]
        right += right_words([word.text for word in known], each)
    try:
        return calibration_report(groups, words, probabilities, right, now, called="sentences")
    except InputError:
        return None


def _short(report: CalibrationReport | None) -> dict[str, Any] | None:
    """What is printed of it."""
    if report is None:
        return None
    errors = {name: round(getattr(report, name), 4) for name in ("error_before", "error_after", "right")}
    return {"words": report.words, **errors, "fitted_on_all": dataclasses.asdict(report.fitted_on_all)}


def _rows(sentences: Sequence[TranslatedSentence], references: Sequence[Sequence[str]]) -> list[dict[str, Any]]:
    """Every sentence with its translation and references, the least alike first."""
    from sacrebleu.metrics.chrf import CHRF

    metric = CHRF()
    rows = []
    for sentence, each in zip(sentences, references, strict=True):
        score = round(metric.sentence_score(sentence.text, list(each)).score, 1)
        rows.append({"chrf": score, "source": sentence.source, "found": sentence.text, "references": list(each)})
    return sorted(rows, key=lambda row: row["chrf"])
