"""Measures a handwriting writer: likelihood, legibility by two readers, lines that run on, re-reading, speed.

lstm-models evaluate handwriting --data IAM_ONDB --out writer.json
lstm-models evaluate handwriting --data IAM_ONDB --candidates 4 --plot legibility.png
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from json import dumps
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lstm_apps.tasks.handwriting import diversity
from lstm_apps.tasks.handwriting.metrics import legible, runaways
from lstm_datasets.batching import FrameBatchSampler
from lstm_datasets.handwriting.dataset import WriterLines
from lstm_datasets.handwriting.readers import HandwritingLine, clean, read_lines, split_lines, without_text
from lstm_models.checkpoints import hub
from lstm_models.errors import InputError
from lstm_models.io.atomic_write import write_whole
from lstm_models.tasks.handwriting import reranking
from lstm_models.tasks.handwriting.features import GRAVES
from lstm_models.tasks.handwriting.model import HandwritingWriter
from lstm_models.tasks.handwriting_reader.model import HandwritingReader
from lstm_models.text.spelling import spell

__all__ = ["evaluate"]

SPEED_TEXT = "The quick brown fox jumps over the lazy dog, again."[:50]


def evaluate(
    data: str,
    model: str = "writer",
    validation: str = "testset_v",
    lines: int = 500,
    read: int = 200,
    legibility: tuple[float, ...] = (0.5, 0.75, 1.0),
    styles: int = 9,
    seed: int = 1,
    prediction: bool = False,
    candidates: int = 0,
    reader: str = "reader",
    plot: str | None = None,
    json: str | None = None,
) -> dict[str, Any]:
    """Measures a writer on held-out lines and prints the figures as JSON.

    Likelihood: nats a line over every line of the validation split, pen moves and lifts; for a model of raw points
    this is Graves' measure under the published normalisation, whatever the model's own, and is given once more with
    half a unit of uniform noise on the coordinates. Legibility:
    the character error rate of RapidOCR's recogniser (letters and digits, lower case) on generated lines of held-out
    sentences, and on the real ones: it sees pictures, and has no part in the writing. Runaway: lines that were cut off
    because they did not end. With candidates, the package's reader of strokes measures both, too (texts as they are,
    and words that are missing), and all is given once more for lines that were re-read: those it chose itself, so
    only RapidOCR is independent there.

    Args:
        data: lines of handwriting, as for training.
        model: a bundled model, a folder, or the id of one on the Hugging Face hub.
        validation: the split to measure on.
        lines: generated lines among which runaways are counted; 0 leaves this out.
        read: generated lines that are read at each legibility; 0 leaves this out.
        legibility: the settings at which lines are read.
        styles: the first so many styles of the model take turns.
        seed: of the random numbers.
        prediction: likelihood of the strokes alone, for a model that was trained without texts.
        candidates: of each line, for re-reading; 0 leaves re-reading and the own reader out.
        reader: the own reader: a bundled model, a folder, or the id of one on the Hugging Face hub.
        plot: a picture (.png, .svg or .pdf) of legibility against diversity over the setting; none if missing.
        json: a .json file for the figures, which are printed, too.

    Returns:
        The figures.

    Raises:
        InputError: the model, the data or an option is not what it should be, or ``json`` cannot be written.
        ModuleNotFoundError: lines are to be read, and the reader (the extra ``bench``) is not installed.
    """
    if min(lines, read, styles, seed, candidates) < 0 or not all(0 <= setting <= 1 for setting in legibility):
        raise InputError(
            "lines, read, styles, seed and candidates must be 0 or more, legibility between 0 and 1", usage=True
        )
    if read:
        import jiwer  # noqa: F401 - missing, they should be so now and not at the end
        import rapidocr_onnxruntime  # noqa: F401
    writer = hub.load_as(HandwritingWriter, model)
    if plot is not None and Path(plot).suffix.lower() not in (".png", ".svg", ".pdf"):
        raise InputError(f"{plot} is no picture; a name ending in .png, .svg or .pdf would be right", usage=True)
    for path in filter(None, (json, plot)):
        if not Path(path).resolve().parent.is_dir():
            raise InputError(f"{path} cannot be written: there is no folder {Path(path).resolve().parent}")
        if Path(path).is_dir():
            raise InputError(f"{path} is a folder; name a file in it")
    judge, checker = _judges(reader, candidates) if candidates or plot else (None, None)
    learn, held = split_lines(read_lines(data), validation)
    figures: dict[str, Any] = {"model": model, "validation": validation, "lines": len(held)}
    measured = without_text(held) if prediction else held
    figures["likelihood"] = likelihood(writer, measured)
    if not writer.config.features.resample:
        figures["likelihood"]["dequantised"] = likelihood(writer, measured, noise=seed)
    sentences = held_out_sentences(learn, held, writer.config.alphabet) if lines or read or plot else []
    for again in (None, judge) if judge is not None else (None,):
        part = figures if again is None else figures.setdefault("reread", {"candidates": candidates})
        if lines:
            part["runaway"] = runaways(writer, sentences, lines, styles, seed, checker, again)
        if read:
            chosen = sentences[:: max(1, len(sentences) // read)][:read]
            part["legibility"] = legible(writer, chosen, legibility, styles, seed, checker, again)
        part |= speed(writer, again)
    if plot is not None and checker is not None:
        texts = [text for text, _ in sentences[:: max(1, len(sentences) // 2)][:2]]
        figures["diversity"] = diversity.sweep(writer, texts, styles, checker, judge, seed)
        diversity.plot(figures["diversity"], plot)
    text = dumps(figures, indent=2, ensure_ascii=False)
    if json is not None:
        write_whole(json, text + "\n")
    print(text)
    return figures


@torch.inference_mode()
def likelihood(
    writer: HandwritingWriter, lines: Sequence[HandwritingLine], *, noise: int | None = None
) -> dict[str, float]:
    """Mean negative log likelihood of lines in nats.

    Moves of a model of raw points are measured in units of ``GRAVES.std``, in which likelihoods are published; moves
    of resampled lines in the model's own.

    Args:
        writer: the model.
        lines: what it is measured on.
        noise: seed of uniform noise of half a unit on every coordinate; none if missing.
    """
    if noise is not None:
        generator = np.random.default_rng(noise)
        lines = [
            dataclasses.replace(
                line,
                strokes=tuple(
                    (stroke + generator.uniform(-0.5, 0.5, stroke.shape)).astype(np.float32) for stroke in line.strokes
                ),
            )
            for line in lines
        ]
    data = WriterLines(lines, writer)
    sums: dict[str, float] = {}
    for batch in FrameBatchSampler(data.lengths, max(16_000, *data.lengths)):
        for name, value in writer.loss(HandwritingWriter.collate([data[index] for index in batch])).items():
            sums[name] = sums.get(name, 0.0) + float(value)
    features = writer.config.features
    if not features.resample:
        units = sums["points"] * float(np.log(features.std).sum() - np.log(GRAVES.std).sum())
        sums["moves"] += units
        sums["nats"] += units
    return {
        "nats_a_line": sums["nats"] / sums["lines"],
        "nats_a_point": sums["nats"] / sums["points"],
        "moves_a_line": sums["moves"] / sums["lines"],
        "lifts_a_line": sums["lifts"] / sums["lines"],
        "points_a_line": sums["points"] / sums["lines"],
    }


def held_out_sentences(
    learn: Sequence[HandwritingLine], held: Sequence[HandwritingLine], alphabet: str
) -> list[tuple[str, HandwritingLine]]:
    """Texts of clean held-out lines that no training line has, 15 to 50 characters long, each once."""
    seen = {line.text for line in learn}
    chosen = []
    for line in clean(held):
        if line.text not in seen and 15 <= len(line.text) <= 50 and set(line.text) <= set(alphabet):
            seen.add(line.text)
            chosen.append((line.text, line))
    if not chosen:
        raise InputError("no held-out line has a text of its own, 15 to 50 characters long, to write")
    return chosen


def _judges(name: str, candidates: int) -> tuple[reranking.Reranker | None, reranking.Reranker]:
    """Who chooses among the candidates, if there are any, and who reads what is written."""
    reader = hub.load_as(HandwritingReader, name)
    return reranking.Reranker(reader, candidates) if candidates else None, reranking.Reranker(reader, 1)


def speed(writer: HandwritingWriter, judge: reranking.Reranker | None = None, repeats: int = 5) -> dict[str, float]:
    """Median seconds to write a line of 50 characters at the default setting, to SVG: of the clock, of processors."""
    text = spell(SPEED_TEXT, writer.config.alphabet)[0]
    options: dict[str, Any] = {} if judge is None else {"reader": judge.reader, "candidates": judge.candidates}
    clock, busy = [], []
    for seed in range(repeats):
        start, cpu = time.perf_counter(), time.process_time()
        writer.write(text, seed=seed, **options).svg()
        clock.append(time.perf_counter() - start)
        busy.append(time.process_time() - cpu)
    return {
        "seconds_a_line_of_50_characters": float(np.median(clock)),
        "cpu_seconds_a_line_of_50_characters": float(np.median(busy)),
    }
