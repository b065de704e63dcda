"""How legible a writer's lines are, by RapidOCR on pictures and by the package's own reader on strokes.

Part of ``lstm-models evaluate handwriting``.
"""

from __future__ import annotations

import difflib
import io
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from lstm_datasets.handwriting.readers import HandwritingLine
from lstm_models.ink.drawing import Drawing
from lstm_models.tasks.handwriting import reranking
from lstm_models.tasks.handwriting.composition import compose_lines
from lstm_models.tasks.handwriting.line_plan import drawable, planned
from lstm_models.tasks.handwriting.model import HandwritingWriter
from lstm_models.tasks.handwriting.stray_marks import without_stray_offsets
from lstm_models.tasks.handwriting_reader import decoding
from lstm_models.tasks.handwriting_reader.model import HandwritingReader
from lstm_models.text.spelling import spell

__all__ = ["Drawn", "draw", "error_rate", "legible", "recognized", "runaways", "words"]

HEIGHT = 48  # pixels between the 5th and the 95th percentile of the ink, for RapidOCR


class Drawn(NamedTuple):
    """Lines as ``HandwritingWriter.write`` makes them."""

    strokes: list[list[np.ndarray]]
    """Of each line, what comes from a font included."""
    rows: list[np.ndarray]
    """Offsets [points, 3] that the network drew of each."""
    texts: list[str]
    """What the network wrote of each."""
    cut_off: np.ndarray
    """Which of them did not end by themselves [lines]."""


def draw(
    writer: HandwritingWriter,
    texts: Sequence[str],
    legibility: float,
    styles: int,
    seed: int,
    judge: reranking.Reranker | None = None,
) -> Drawn:
    """Each text as a line, the first ``styles`` styles taking turns."""
    names = writer.styles[:styles] or (None,)
    numbers = torch.tensor([writer.style_number(names[number % len(names)]) for number in range(len(texts))])
    alphabets = [writer.writable_in(names[number % len(names)] or "") for number in range(len(texts))]
    plans = [
        planned(spell(text, alphabet, drawable)[0], alphabet) for text, alphabet in zip(texts, alphabets, strict=True)
    ]
    features, bias = writer.config.features, writer.bias(legibility)
    rows = [np.zeros((0, 3), np.float32)] * len(texts)
    places: list[np.ndarray] = [np.zeros(0)] * len(texts)
    strokes: list[list[np.ndarray]] = [[] for _ in texts]
    to_write = [number for number, plan in enumerate(plans) if plan.plain]
    for start in range(0, len(to_write), 100):
        part = to_write[start : start + 100]
        plain, which = [plans[number].plain for number in part], numbers[part]
        trace: list[np.ndarray] = []
        if judge is None:
            *_, found = writer.sample(plain, which, bias=bias, seed=seed + start, trace=trace, tidy=True)
            found = without_stray_offsets(found, plain, features, trace)  # as `write` does
        else:
            made, chosen = reranking.draw_planned(
                writer,
                [plans[number] for number in part],
                which,
                judge,
                [alphabets[number] for number in part],
                bias=bias,
                seed=seed + start,
                trace=trace,
            )
            found = chosen.rows
            for number, plan in zip(part, made, strict=True):
                plans[number] = plan
        for number, row, place in zip(part, found, trace, strict=True):
            rows[number], places[number], strokes[number] = row, place, features.decode(row)
    for number, plan in enumerate(plans):
        if plan.composed:
            drawn_rows = ([rows[number]], [places[number]]) if plan.plain else ([], [])
            strokes[number], _ = compose_lines([plan], *drawn_rows, features, scale=1.0, pitch=0.0, seed=seed + number)
    plain = [plan.plain for plan in plans]
    limits = writer.most_points(torch.tensor([len(text) + 1 for text in plain])).numpy()
    return Drawn(strokes, rows, plain, np.array([len(row) for row in rows]) >= limits)


def runaways(
    writer: HandwritingWriter,
    sentences: Sequence[tuple[str, HandwritingLine]],
    count: int,
    styles: int,
    seed: int,
    checker: reranking.Reranker | None = None,
    judge: reranking.Reranker | None = None,
) -> dict[str, Any]:
    """How many of ``count`` generated lines did not end by themselves, and what the checker misses in them."""
    texts = [sentences[number % len(sentences)][0] for number in range(count)]
    drawn = draw(writer, texts, 0.75, styles, seed, judge)
    rate = np.array([len(row) / max(1, len(text)) for row, text in zip(drawn.rows, drawn.texts, strict=True)])
    counts = {
        "lines": count,
        "cut_off": int(drawn.cut_off.sum()),
        "over_twice_the_points": int((rate > 2 * np.median(rate)).sum()),
        "under_half_the_points": int((rate < 0.5 * np.median(rate)).sum()),
        "points_a_character": float(np.median(rate)),
    }
    return counts if checker is None else {**counts, **words(drawn.strokes, texts, checker)}


def words(strokes: Sequence[Sequence[np.ndarray]], texts: Sequence[str], checker: reranking.Reranker) -> dict[str, Any]:
    """Words that the own reader, without its language model, finds missing or too many.

    A word is missing where the fewest changes from the words of the text to those that were read leave it out. Some
    of these stand there and were read as one word with a neighbour; those of which no letter was read are ``gone``.
    """
    verdicts = checker(strokes, texts)
    missing = [(text, verdict.text) for text, verdict in zip(texts, verdicts, strict=True) if verdict.missing]
    return {
        "own_reader_character_errors": sum(each.errors for each in verdicts) / sum(map(len, texts)),
        "words": sum(any(map(str.isalnum, word)) for text in texts for word in text.split()),
        "words_missing": sum(each.missing for each in verdicts),
        "words_extra": sum(each.extra for each in verdicts),
        "lines_with_a_word_missing": len(missing),
        "words_gone": sum(
            min(each.missing, len(gone(text, each.text))) for text, each in zip(texts, verdicts, strict=True)
        ),
        "missing_in": [list(pair) for pair in missing[:20]],
    }


def gone(text: str, read: str) -> list[str]:
    """Words of the text of whose letters none was read in its place, spaces aside."""
    plain = text.replace(" ", "")
    found = np.zeros(len(plain), bool)
    for start, _, size in difflib.SequenceMatcher(None, plain, read.replace(" ", ""), False).get_matching_blocks():
        found[start : start + size] = True
    ends = np.cumsum([len(word) for word in text.split()])
    return [
        word
        for word, end in zip(text.split(), ends, strict=True)
        if any(map(str.isalnum, word)) and not found[end - len(word) : end].any()
    ]


def legible(
    writer: HandwritingWriter,
    sentences: Sequence[tuple[str, HandwritingLine]],
    settings: Sequence[float],
    styles: int,
    seed: int,
    checker: reranking.Reranker | None = None,
    judge: reranking.Reranker | None = None,
) -> dict[str, Any]:
    """Character error rates of RapidOCR on real and on generated lines, and those of the own reader beside it."""
    texts = [text for text, _ in sentences]
    result: dict[str, Any] = {"lines": len(texts), "reader": "rapidocr-onnxruntime, recogniser"}
    lines = {} if judge is not None else {"real": [line.strokes for _, line in sentences]}
    for setting in settings:
        lines[f"{setting:g}"] = [
            tuple(strokes) for strokes in draw(writer, texts, setting, styles, seed, judge).strokes
        ]
    result |= {name: error_rate(each, texts) for name, each in lines.items()}
    if checker is not None:
        result["own_reader"] = {name: reader_error_rates(checker, each, texts) for name, each in lines.items()}
    return result


def reader_error_rates(
    checker: reranking.Reranker, lines: Sequence[Sequence[np.ndarray]], texts: Sequence[str]
) -> dict[str, float]:
    """Character error rates of the own reader by its best path and with its language model, texts as they are."""
    import jiwer

    reader = checker.reader
    assert isinstance(reader, HandwritingReader)  # the only reader with a language model
    rates = {"best_path": float(jiwer.cer(list(texts), [verdict.text for verdict in checker(lines, texts)]))}
    model = decoding.cased_words(reader, True) if reader.config.beam else None
    if model is not None:
        read = []
        for start in range(0, len(lines), 16):
            for log_probs in reader.log_probs(lines[start : start + 16]):
                read.append(decoding.search(reader, log_probs, reader.config.beam, model)[0].text)
        rates["language_model"] = float(jiwer.cer(list(texts), read))
    return rates


def error_rate(lines: Sequence[Sequence[np.ndarray]], texts: Sequence[str]) -> float:
    """Character error rate of RapidOCR's recogniser on rendered strokes, letters and digits in lower case."""
    import jiwer

    def plain(text: str) -> str:
        return re.sub("[^a-z0-9]", "", text.lower())

    return float(jiwer.cer([plain(text) for text in texts], [plain(text) for text in recognized(lines)]))


def recognized(lines: Sequence[Sequence[np.ndarray]]) -> list[str]:
    """What RapidOCR's recogniser reads in pictures of lines of strokes [points, 2].

    Raises:
        ModuleNotFoundError: it is not installed (the extra ``bench``).
    """
    from PIL import Image
    from rapidocr_onnxruntime import RapidOCR

    reader = RapidOCR(intra_op_num_threads=1, inter_op_num_threads=1)
    read = []
    for strokes in lines:
        points = np.concatenate(strokes)
        low, high = np.percentile(points[:, 1], [5, 95])
        scale = min(HEIGHT / max(high - low, 1e-6), 6000 / max(np.ptp(points[:, 0]), 1e-6))
        drawing = Drawing(tuple((stroke - points.min(0)) * scale for stroke in strokes), "", "", None, ())
        picture = Image.open(io.BytesIO(drawing.png(scale=1, width=4, margin=20, color="black"))).convert("RGB")
        found, _ = reader(np.asarray(picture), use_det=False, use_cls=False, use_rec=True)
        read.append(found[0][0] if found else "")
    return read
