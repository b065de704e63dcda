"""Measures a recogniser: error rates by set and by age, cost, delay of the stream, word times, confidences.

lstm-models evaluate speech --data ../shared/data/speech --json recognizer.json
"""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Mapping, Sequence
from json import dumps
from pathlib import Path
from typing import Any

import numpy as np

from lstm_apps.evaluation.calibration import CalibrationReport, calibration_report, check_results, diagram
from lstm_apps.evaluation.error_rates import matches
from lstm_apps.tasks.speech.latency import measure
from lstm_apps.tasks.speech.recognition import Heard, by_set, hear, progress, rates_in_use
from lstm_apps.tasks.speech.report import show
from lstm_datasets.speech.readers import Recording, read_speech
from lstm_datasets.speech.tables import SPLITS
from lstm_models.checkpoints import hub
from lstm_models.errors import InputError
from lstm_models.io.atomic_write import write_whole
from lstm_models.ngram.model import NGram
from lstm_models.tasks.speech.config import RecognizerConfig
from lstm_models.tasks.speech.decoding import calibrations, rescorer, search_options
from lstm_models.tasks.speech.model import Recognizer

__all__ = ["evaluate"]


def evaluate(
    data: list[str],
    model: str = "recognizer",
    split: str = "dev",
    lm: str = "on",
    beam: int | None = None,
    limit: int | None = None,
    timed: int = 40,
    aligner: str | None = None,
    worst: int = 20,
    skip_at_most: float = 0.1,
    json: str | None = None,
    plot: str | None = None,
    calibrate: str | None = None,
    dump: str | None = None,
) -> dict[str, Any]:
    """Measures a recogniser on recordings with known texts, prints tables and returns the figures.

    Word and character error rates are counted by jiwer, in per cent, after lower-casing, letters and apostrophes only,
    for the best path (greedy), the beam without a language model and with it; each recording is heard in one pass. The
    cost is in seconds of the processor a second of sound, on one thread. The delay of a stream is the sound that had to
    be pushed, 100 ms at a time, until a word was first shown, after the word's end by forced alignment. A word's
    confidence is held against whether the word is right: the calibration is fitted on one half of the speakers and its
    expected error (15 bins of equal mass) measured on the other.

    Args:
        data: recordings with texts, as for training; any number of them.
        model: a bundled model, a folder, or the id of one on the Hugging Face hub.
        split: the part of the data to measure on, where the data name splits; “all” for all of it.
        lm: “on” for the language model that the recogniser names, “off” for none, or the name or folder of another.
        beam: hypotheses that the search keeps; the number of the model if None.
        limit: measure on so many recordings of each set, spread over it.
        timed: recordings, spread over the sets, on which cost, delay and word times are measured; 0 leaves this out.
        aligner: a recogniser whose forced alignment counts as the time of a word; the measured one itself if
            None.
        worst: utterances with the highest error rates to print.
        skip_at_most: fraction of recordings that may be unusable.
        json: a .json file for the figures and every utterance.
        plot: a .png, .svg or .pdf file for the calibration plot.
        calibrate: a folder to save the model in with its confidences calibrated on all these recordings.
        dump: a folder for the log probabilities, a file SET.npz a set: arrays logp_0, logp_1, … [outputs, labels] and
            the texts as a JSON list in “texts”.

    Returns:
        The figures, as in the file.

    Raises:
        InputError: the model, the data or an option is not what it should be, or a file cannot be written.
        ModuleNotFoundError: the scorer (the extra ``bench``) is not installed.
    """
    if (beam is not None and beam < 1) or timed < 0 or worst < 0 or (limit is not None and limit < 1):
        raise InputError("beam and limit must be 1 or more, timed and worst 0 or more", usage=True)
    import jiwer  # noqa: F401 - missing, it should be so now and not at the end

    check_results(json, plot)
    recognizer = hub.load_as(Recognizer, model)
    other = None if aligner is None else hub.load_as(Recognizer, aligner)
    used: bool | str = {"on": True, "off": False}.get(lm, lm)
    named = used if isinstance(used, str) else recognizer.config.language_model if used else ""
    language_model = hub.load_as(NGram, named) if named else None
    options = search_options(recognizer.config, beam)
    again = rescorer(recognizer.config) if used is True else None
    notes: list[str] = []
    recordings = _chosen(data, split, limit, skip_at_most, notes)
    heard, log_probs = hear(recognizer, recordings, options, language_model, notes, dump is not None, again)
    if dump is not None:
        _dump(Path(dump), log_probs, recordings)

    figures: dict[str, Any] = {"model": model, "data": [Path(each).name or each for each in data]}
    figures |= {"recordings": len(heard), "seconds": round(sum(each.recording.duration for each in heard), 1)}
    figures |= {"beam": options.beam, "lm": lm if language_model is not None else "off"}
    figures |= {"lm_weight": options.lm_weight, "word_bonus": options.word_bonus}
    figures["error_rates"] = by_set(heard)
    report = calibration(heard, recognizer.config, notes)
    figures["calibration"] = None if report is None else dataclasses.asdict(report)
    if timed:
        chosen = _spread([each.recording for each in heard], timed)
        timings = measure(recognizer, chosen, options, language_model, used, other, notes, progress, again)
        if timings.hypotheses:
            figures["timing"] = timings.figures() | rates_in_use(timings.hypotheses, heard)
    figures["notes"] = notes
    figures["utterances"] = [each.line() for each in heard]
    show(figures, _worst(heard, worst))
    if json is not None:
        write_whole(json, as_json(figures))
    if report is not None and plot is not None:
        diagram(report, plot, right="fraction of words that are right", held="held-out speakers")
    if report is not None and calibrate is not None:
        _save_calibrated(recognizer, report, calibrate, hub.card(model))
    return figures


def _save_calibrated(recognizer: Recognizer, report: CalibrationReport, folder: str, card: str) -> None:
    plain, weighed = (
        tuple(round(number, 4) for number in (1 / best.temperature, best.bias, *best.weights))
        for best in (report.fitted_without_evidence, report.fitted_on_all)
    )
    recognizer.config = dataclasses.replace(
        recognizer.config,
        calibration=(plain[0], plain[1]),
        evidence_calibration=weighed if len(weighed) > len(plain) else (),
    )
    # An encoder's weights came in 8 bits, and the others lose nothing by it that can be measured
    hub.save(recognizer, folder, card=card, int8=recognizer.config.encoder is not None)


def _chosen(
    data: Sequence[str], split: str, limit: int | None, skip_at_most: float, notes: list[str]
) -> list[Recording]:
    skipped: list[str] = []
    everything = read_speech(data, skip_at_most=skip_at_most, skipped=skipped)
    notes += [f"left out: {sentence}" for sentence in skipped]
    if split == "all" or not any(recording.split for recording in everything):
        chosen = everything
    else:
        wanted = SPLITS.get(split, split)
        chosen = [recording for recording in everything if recording.split == wanted]
        if not chosen:
            known = ", ".join(sorted({recording.split for recording in everything if recording.split}))
            raise InputError(f"the data have no split “{split}”; they have {known}, and “all”", usage=True)
    if limit is not None:
        sets = dict.fromkeys(recording.set for recording in chosen)
        chosen = [each for name in sets for each in _evenly([one for one in chosen if one.set == name], limit)]
    return chosen


def _evenly(items: Sequence[Recording], count: int) -> list[Recording]:
    """So many of them, spread over all."""
    count = min(count, len(items))
    return [items[number * len(items) // count] for number in range(count)]


def _spread(recordings: Sequence[Recording], count: int) -> list[Recording]:
    """So many recordings, as many of each set."""
    sets: dict[str, list[Recording]] = {}
    for recording in recordings:
        sets.setdefault(recording.set, []).append(recording)
    return [each for items in sets.values() for each in _evenly(items, max(1, round(count / len(sets))))]


def calibration(heard: Sequence[Heard], config: RecognizerConfig, notes: list[str]) -> CalibrationReport | None:
    """How honest the words' confidences are; None where speakers are too few (then noted)."""
    groups: list[str] = []
    words: list[str] = []
    confidences: list[float] = []
    right: list[bool] = []
    evidence: list[tuple[float, ...]] = []
    for each in heard:
        texts = [word.text for word in each.words]
        hits = {place for _, place in matches(each.recording.text.split(), texts)}
        # A speaker's words must not lie in both halves
        recording = each.recording
        groups += ["/".join(recording.voice) if recording.speaker else recording.key] * len(texts)
        words += texts
        confidences += [word.confidence for word in each.words]
        evidence += [word.evidence for word in each.words]
        right += [place in hits for place in range(len(texts))]
    plain, weighed = calibrations(config)
    known = all(evidence)  # there is none without a language model
    now = weighed if known and weighed is not None else plain
    try:
        return calibration_report(
            groups, words, confidences, right, now, called="speakers", evidence=evidence if known else None
        )
    except InputError as error:
        notes.append(f"calibration: {error}")
        return None


def _worst(heard: Sequence[Heard], count: int) -> list[Heard]:
    """The utterances with the highest word error rates, the longer ones first among equals."""
    return sorted(heard, key=lambda each: (-each.errors[each.best].wer, -each.errors[each.best].words))[:count]


def _dump(folder: Path, log_probs: Mapping[int, np.ndarray], recordings: Sequence[Recording]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder} cannot be written: {(error.strerror or str(error)).lower()}.") from None
    sets: dict[str, list[int]] = {}
    for number in sorted(log_probs):
        sets.setdefault(recordings[number].set, []).append(number)
    for name, numbers in sets.items():
        arrays: dict[str, Any] = {f"logp_{place}": log_probs[number] for place, number in enumerate(numbers)}
        made = io.BytesIO()
        np.savez(made, texts=np.array(dumps([recordings[number].text for number in numbers])), **arrays)
        write_whole(folder / f"{name.replace('/', '_')}.npz", made.getvalue())


def as_json(figures: Mapping[str, Any]) -> str:
    """The figures indented, the utterances a line each."""
    head = dumps({name: value for name, value in figures.items() if name != "utterances"}, indent=1, ensure_ascii=False)
    lines = ",\n".join("  " + dumps(utterance, ensure_ascii=False) for utterance in figures["utterances"])
    return f'{head[:-2]},\n "utterances": [\n{lines}\n ]\n}}\n'
