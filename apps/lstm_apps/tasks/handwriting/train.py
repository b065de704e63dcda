"""Trains a handwriting writer.

lstm-models train handwriting --config base --data IAM_ONDB --run runs/writer
lstm-models train handwriting --init writer --data my_lines.json --run runs/mine --training.steps 200
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import torch

from lstm_apps.training.config import TrainingConfig
from lstm_apps.training.fitting import fit, save_trained
from lstm_datasets.handwriting.dataset import WriterLines
from lstm_datasets.handwriting.readers import (
    HandwritingLine,
    alphabet_of,
    clean,
    read_lines,
    read_names,
    split_lines,
    without_text,
)
from lstm_models.checkpoints import hub
from lstm_models.errors import InputError
from lstm_models.tasks.handwriting.config import WriterConfig
from lstm_models.tasks.handwriting.model import HandwritingWriter

__all__ = ["train"]


def train(
    data: str,
    run: str = "runs/writer",
    model: WriterConfig = WriterConfig(),  # noqa: B008 - frozen
    training: TrainingConfig = TrainingConfig(),  # noqa: B008 - frozen
    init: str | None = None,
    suspects: str | None = None,
    validation: str = "testset_v",
    raw: bool = False,
    prediction: bool = False,
    slant: float = 0.0,
    scale: float = 0.0,
    rare: int = 60,
    resume: bool = False,
) -> dict[str, float]:
    """Trains a writer on lines of handwriting and leaves it in RUN/model, ready for ``lstm_models.load``.

    Args:
        data: lines of handwriting: an .npz of IAM-OnDB lines, IAM-OnDB's folder, .json/.jsonl lines, or a folder of
            .svg files with their texts.
        run: folder of the run: checkpoints, logs, the model.
        model: sizes of the writer; an empty alphabet, no styles and unfitted features are taken from the data. With
            init, only its dropout counts.
        training: how it is trained.
        init: a writer to go on from, bundled or a folder; writers it does not know get styles of their own.
        suspects: a text file with names of lines to leave out, one a line.
        validation: the split to validate on; every twentieth line where the data names no splits.
        raw: Graves' setting: every line as it is, no cleaning, to compare likelihoods.
        prediction: leave the texts out (Graves' section 4): the next move from those before it alone.
        slant: largest random slant, as x per y.
        scale: largest random change of size, as a share.
        rare: lines with a character that fewer than this many lines have come up to five times an epoch; 0 for never.
        resume: go on from the run's last checkpoint; the other options are given as they were.

    Returns:
        The figures of the best validation.

    Raises:
        InputError: the data cannot be read or leave nothing to train on; else as ``lstm_apps.training.fitting.fit``.
    """
    lines = read_lines(data)
    learn, held = split_lines(lines, validation)
    if not raw:
        names = read_names(suspects)
        learn = clean(learn, suspects=names)
        held = clean(held)
        if not learn or not held:
            raise InputError(f"{data} holds no clean lines to train and to validate on")
    torch.manual_seed(training.seed)
    writer = _writer(model, init, learn)
    config = writer.config
    if prediction:
        learn, held = without_text(learn), without_text(held)
        rare = 0
    figures = fit(
        writer,
        WriterLines(learn, writer, slant=slant, scale=scale, seed=training.seed),
        WriterLines(held, writer),
        HandwritingWriter.collate,
        training,
        run,
        resume=resume,
        settings={"task": "handwriting", "data": data, "init": init, "raw": raw, "prediction": prediction}
        | {"slant": slant, "scale": scale, "rare": rare}
        | {"model": config, "training": training},
        repeats=repeats_of_rare(learn, rare) if rare else None,
    )
    save_trained(writer, run, _card(data, config, training), figures)
    return figures


def _writer(config: WriterConfig, init: str | None, lines: Sequence[HandwritingLine]) -> HandwritingWriter:
    if init is None:
        return HandwritingWriter(fit_to_data(config, lines))
    found = hub.load_as(HandwritingWriter, init)
    known = found.config.styles
    new = sorted({line.writer for line in lines if line.writer} - set(known)) if found.style is not None else []
    writer = HandwritingWriter(dataclasses.replace(found.config, styles=(*known, *new), dropout=config.dropout))
    weights = found.float().state_dict()
    if new:  # they start as the usual hand
        usual = weights["style.weight"][:1].expand(len(new), -1)
        weights["style.weight"] = torch.cat([weights["style.weight"], usual])
    writer.load_state_dict(weights)
    return writer


def fit_to_data(config: WriterConfig, lines: Sequence[HandwritingLine]) -> WriterConfig:
    changes: dict[str, object] = {}
    if not config.alphabet:
        changes["alphabet"] = alphabet_of(lines, min_count=3 if len(lines) > 1000 else 1)
    if config.style_size and not config.styles:
        changes["styles"] = tuple(sorted({line.writer for line in lines if line.writer}))
    if config.features.std == (1.0, 1.0):
        features = config.features.fitted([line.strokes for line in lines])
        changes["features"] = features
        some = lines[:: max(1, len(lines) // 500)]
        points = sum(len(part) for line in some for part in features.points(line.strokes))
        changes["step"] = min(sum(len(line.text) for line in some) / points, 0.9 * (config.max_step or 1))
    return dataclasses.replace(config, **changes)  # type: ignore[arg-type]


def repeats_of_rare(lines: Sequence[HandwritingLine], rare: int) -> list[int]:
    """A line counts as its rarest character: up to five times an epoch."""
    counts = Counter(character for line in lines for character in set(line.text))
    rarest = (min((counts[character] for character in line.text), default=rare) for line in lines)
    return [min(5, max(1, round((rare / count) ** 0.5))) for count in rarest]


def _card(data: str, config: WriterConfig, training: TrainingConfig) -> str:
    sizes = f"{config.layers} × {config.hidden_size} cells, {config.mixtures} mixtures, {len(config.styles)} styles"
    return f"""# Handwriting writer

A soft-window LSTM that writes text as pen strokes ({sizes}), trained by `lstm-models train handwriting` for
{training.steps} steps on {Path(data).name}. The configuration in effect lies in the run's config.json.
"""
