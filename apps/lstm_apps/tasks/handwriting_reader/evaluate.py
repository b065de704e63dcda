"""Measures a reader of handwriting: character and word error rates, and what it costs.

lstm-models evaluate handwriting-reader --data lines.npz --json reader.json
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from json import dumps
from typing import Any

from lstm_datasets.handwriting.readers import HandwritingLine, clean, read_lines, split_lines
from lstm_models.checkpoints import hub
from lstm_models.errors import InputError
from lstm_models.io.atomic_write import check_writable, write_whole
from lstm_models.tasks.handwriting_reader.decoding import cased_words, search
from lstm_models.tasks.handwriting_reader.model import HandwritingReader
from lstm_models.tasks.handwriting_reader.results import Reading

__all__ = ["evaluate"]

_BATCH = 16
_CAPITALS = re.compile(r"\b[A-Z]{2,}\b")


def evaluate(
    data: str,
    model: str = "reader",
    validation: str = "testset_v",
    lm: str = "on",
    beam: int | None = None,
    limit: int | None = None,
    worst: int = 20,
    json: str | None = None,
) -> dict[str, Any]:
    """Measures a reader on held-out lines, prints the figures and the worst lines.

    Character and word error rates are counted by jiwer, in per cent, of the texts as they are (capitals and punctuation
    count), over all lines that have a text, marks of illegible ink included; over the lines that are left by the
    cleaning that training applies; and over those of them with a word of capitals. Three times: of the best path
    (greedy), of the beam without a language model, and of the beam with it. The cost is in milliseconds of the
    processor a line, for a batch of the network and for each search.

    Args:
        data: lines of handwriting, as for training.
        model: a bundled model, a folder, or the id of one on the Hugging Face hub.
        validation: the split to measure on; every twentieth line where the data names no splits.
        lm: “on” for the language model that the reader names, “off” for none, or the name or folder of another.
        beam: hypotheses that the search keeps; the model's own number if None.
        limit: measure on so many lines, spread over the split.
        worst: lines with the most errors to print.
        json: a .json file for the figures and every line.

    Returns:
        The figures, as in the file.

    Raises:
        InputError: the model, the data or an option is not what it should be, or the file cannot be written.
        ModuleNotFoundError: the scorer (the extra ``train``) is not installed.
    """
    if (beam is not None and beam < 1) or worst < 0 or (limit is not None and limit < 1):
        raise InputError("beam and limit must be 1 or more, worst 0 or more", usage=True)
    import jiwer  # noqa: F401 - missing, it should be so now and not at the end

    if json is not None:
        check_writable(json)
    reader = hub.load_as(HandwritingReader, model)
    words = cased_words(reader, {"on": True, "off": False}.get(lm, lm))
    beam = beam or reader.config.beam or 32
    lines = [line for line in split_lines(read_lines(data), validation)[1] if line.text.strip()]
    if limit is not None:
        lines = lines[:: max(1, len(lines) // limit)][:limit]
    if not lines:
        raise InputError(f"no line of {validation} in {data} has a text")
    searches = {"greedy": (0, None), "beam": (beam, None)} | ({"lm": (beam, words)} if words else {})
    found, seconds = _read(reader, lines, searches)
    whole = {id(line) for line in clean(lines)}
    figures: dict[str, Any] = {"model": model, "validation": validation, "lines": len(lines)}
    figures |= {"clean_lines": len(whole), "hypotheses": beam, "language_model": lm if words else "off"}
    figures |= {"lm_weight": reader.config.lm_weight, "word_bonus": reader.config.word_bonus}
    for name in searches:
        figures[name] = _rates([line.text for line in lines], [reading.text for reading in found[name]])
        kept = [
            (line.text, reading.text) for line, reading in zip(lines, found[name], strict=True) if id(line) in whole
        ]
        capitals = [pair for pair in kept if _CAPITALS.search(pair[0])]
        figures["capital_lines"] = len(capitals)
        for kind, pairs in (("clean", kept), ("capital", capitals)):
            if pairs:
                rates = _rates(*map(list, zip(*pairs, strict=True)))
                figures[name] |= {f"{kind}_{rate}": value for rate, value in rates.items()}
    figures["milliseconds_a_line"] = {name: round(1000 * each / len(lines), 2) for name, each in seconds.items()}
    print(dumps(figures, indent=2, ensure_ascii=False))
    last = list(searches)[-1]
    rows = _rows(lines, found, last)
    for row in rows[:worst]:
        print(f"{row['errors']:3d}  {row['name']}\n     {row['text']}\n     {row[last]}")
    if json is not None:
        write_whole(json, dumps({**figures, "worst_first": rows}, indent=1, ensure_ascii=False) + "\n")
    return figures


def _read(
    reader: HandwritingReader, lines: Sequence[HandwritingLine], searches: dict[str, Any]
) -> tuple[dict[str, list[Reading]], dict[str, float]]:
    """What each search reads, line by line, and the seconds of the processor of the network and of each search."""
    order = sorted(range(len(lines)), key=lambda number: sum(map(len, lines[number].strokes)))
    found: dict[str, dict[int, Reading]] = {name: {} for name in searches}
    seconds = dict.fromkeys(["network", *searches], 0.0)
    for start in range(0, len(order), _BATCH):
        batch = order[start : start + _BATCH]
        begin = time.process_time()
        outputs = reader.log_probs([lines[number].strokes for number in batch])
        seconds["network"] += time.process_time() - begin
        for name, (beam, words) in searches.items():
            begin = time.process_time()
            for number, log_probs in zip(batch, outputs, strict=True):
                found[name][number] = search(reader, log_probs, beam, words)[0]
            seconds[name] += time.process_time() - begin
    return {name: [each[number] for number in range(len(lines))] for name, each in found.items()}, seconds


def _rates(wanted: list[str], read: list[str]) -> dict[str, float]:
    import jiwer

    return {"cer": round(100 * jiwer.cer(wanted, read), 2), "wer": round(100 * jiwer.wer(wanted, read), 2)}


def _rows(lines: Sequence[HandwritingLine], found: dict[str, list[Reading]], last: str) -> list[dict[str, Any]]:
    """Every line with what was read, the most errors of the ``last`` search first."""
    import jiwer

    rows = []
    for number, line in enumerate(lines):
        texts = {name: each[number].text for name, each in found.items()}
        counted = jiwer.process_characters(line.text, texts[last])
        errors = counted.substitutions + counted.deletions + counted.insertions
        confidence = found[last][number].confidence
        sure = None if confidence is None else round(confidence, 4)
        rows.append({"name": line.name, "errors": errors, "confidence": sure, "text": line.text, **texts})
    return sorted(rows, key=lambda row: -row["errors"])
