"""Measures a handwriting writer: likelihood, legibility by an independent reader, lines that run on, speed.

lstm-models evaluate handwriting --data IAM_ONDB --out writer.json
"""

from __future__ import annotations

import dataclasses
import io
import json
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lstm_datasets.batching import FrameBatchSampler
from lstm_datasets.strokes import HandwritingLine, WriterLines, clean, read_lines, split_lines, without_text
from lstm_models import hub
from lstm_models.errors import InputError
from lstm_models.files import write_whole
from lstm_models.frontends import GRAVES
from lstm_models.handwriting import HandwritingWriter, batch_lines, spell
from lstm_models.results import Drawing

__all__ = ["evaluate"]

SPEED_TEXT = "The quick brown fox jumps over the lazy dog, again."[:50]
HEIGHT = 48  # pixels between the 5th and the 95th percentile of the ink, for the reader


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
    out: str | None = None,
) -> dict[str, Any]:
    """Measures a writer on held-out lines and prints the figures as JSON.

    Likelihood: nats a line over every line of the validation split, pen moves and lifts; for a model of raw points
    this is Graves' measure under the published normalisation, whatever the model's own, and is given once more with
    half a unit of uniform noise on the coordinates. Legibility:
    the character error rate of RapidOCR's recogniser (letters and digits, lower case) on generated lines of held-out
    sentences, and on the real ones. Runaway: lines that were cut off because they did not end.

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
        out: a .json file for the figures; only printed if missing.

    Returns:
        The figures.

    Raises:
        InputError: the model, the data or an option is not what it should be, or ``out`` cannot be written.
        ModuleNotFoundError: lines are to be read, and the reader (the extra ``bench``) is not installed.
    """
    if min(lines, read, styles, seed) < 0 or not all(0 <= setting <= 1 for setting in legibility):
        raise InputError("lines, read, styles and seed must be 0 or more, legibility between 0 and 1", usage=True)
    if read:
        import jiwer  # noqa: F401 - missing, they should be so now and not at the end
        import rapidocr_onnxruntime  # noqa: F401
    writer = hub.load(model)
    if not isinstance(writer, HandwritingWriter):
        raise InputError(f"{model} is no handwriting writer", usage=True)
    if out is not None and not Path(out).resolve().parent.is_dir():
        raise InputError(f"{out} cannot be written: there is no folder {Path(out).resolve().parent}")
    if out is not None and Path(out).is_dir():
        raise InputError(f"{out} is a folder; name a file in it")
    learn, held = split_lines(read_lines(data), validation)
    figures: dict[str, Any] = {"model": model, "validation": validation, "lines": len(held)}
    measured = without_text(held) if prediction else held
    figures["likelihood"] = likelihood(writer, measured)
    if not writer.config.features.resample:
        figures["likelihood"]["dequantised"] = likelihood(writer, measured, noise=seed)
    sentences = held_out_sentences(learn, held, writer.config.alphabet) if lines or read else []
    if lines:
        figures["runaway"] = runaways(writer, sentences, lines, styles, seed)
    if read:
        chosen = sentences[:: max(1, len(sentences) // read)][:read]
        figures["legibility"] = legible(writer, chosen, legibility, styles, seed)
    figures["seconds_a_line_of_50_characters"] = speed(writer)
    text = json.dumps(figures, indent=2, ensure_ascii=False)
    if out is not None:
        write_whole(out, text + "\n")
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
        for name, value in writer.loss(batch_lines([data[index] for index in batch])).items():
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


def draw(
    writer: HandwritingWriter, texts: Sequence[str], legibility: float, styles: int, seed: int
) -> tuple[list[np.ndarray], np.ndarray]:
    """Offsets of each text, the first ``styles`` styles taking turns, and which of them had to be cut off."""
    names = writer.styles[:styles] or (None,)
    numbers = torch.tensor([writer.style_number(names[number % len(names)]) for number in range(len(texts))])
    rows: list[np.ndarray] = []
    for start in range(0, len(texts), 100):
        part = slice(start, start + 100)
        *_, last = writer.sample(texts[part], numbers[part], bias=writer.bias(legibility), seed=seed + start)
        rows += last
    limits = writer.most_points(torch.tensor([len(text) + 1 for text in texts])).numpy()
    return rows, np.array([len(row) for row in rows]) >= limits


def runaways(
    writer: HandwritingWriter, sentences: Sequence[tuple[str, HandwritingLine]], count: int, styles: int, seed: int
) -> dict[str, Any]:
    """How many of ``count`` generated lines did not end by themselves."""
    texts = [sentences[number % len(sentences)][0] for number in range(count)]
    rows, cut = draw(writer, texts, 0.75, styles, seed)
    rate = np.array([len(row) / len(text) for row, text in zip(rows, texts, strict=True)])
    return {
        "lines": count,
        "cut_off": int(cut.sum()),
        "over_twice_the_points": int((rate > 2 * np.median(rate)).sum()),
        "under_half_the_points": int((rate < 0.5 * np.median(rate)).sum()),
        "points_a_character": float(np.median(rate)),
    }


def legible(
    writer: HandwritingWriter,
    sentences: Sequence[tuple[str, HandwritingLine]],
    settings: Sequence[float],
    styles: int,
    seed: int,
) -> dict[str, Any]:
    """Character error rates of the reader on real and on generated lines."""
    texts = [text for text, _ in sentences]
    result: dict[str, Any] = {"lines": len(texts), "reader": "rapidocr-onnxruntime, recogniser"}
    result["real"] = error_rate([line.strokes for _, line in sentences], texts)
    for setting in settings:
        rows, _ = draw(writer, texts, setting, styles, seed)
        result[f"{setting:g}"] = error_rate([writer.config.features.decode(row) for row in rows], texts)
    return result


def error_rate(lines: Sequence[Sequence[np.ndarray]], texts: Sequence[str]) -> float:
    """Character error rate of RapidOCR's recogniser on rendered strokes, letters and digits in lower case."""
    import jiwer
    from PIL import Image
    from rapidocr_onnxruntime import RapidOCR

    reader = RapidOCR(intra_op_num_threads=1, inter_op_num_threads=1)

    def plain(text: str) -> str:
        return re.sub("[^a-z0-9]", "", text.lower())

    read = []
    for strokes in lines:
        points = np.concatenate(strokes)
        low, high = np.percentile(points[:, 1], [5, 95])
        scale = min(HEIGHT / max(high - low, 1e-6), 6000 / max(np.ptp(points[:, 0]), 1e-6))
        drawing = Drawing(tuple((stroke - points.min(0)) * scale for stroke in strokes), "", "", None, ())
        picture = Image.open(io.BytesIO(drawing.png(scale=1, width=4, margin=20, color="black"))).convert("RGB")
        found, _ = reader(np.asarray(picture), use_det=False, use_cls=False, use_rec=True)
        read.append(plain(found[0][0]) if found else "")
    return float(jiwer.cer([plain(text) for text in texts], read))


def speed(writer: HandwritingWriter, repeats: int = 5) -> float:
    """Median seconds to write a line of 50 characters at the default setting, all the way to SVG."""
    text = spell(SPEED_TEXT, writer.config.alphabet)[0]
    seconds = []
    for seed in range(repeats):
        start = time.perf_counter()
        writer.write(text, seed=seed).svg()
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds))
