"""Trains a reader of handwriting.

lstm-models train handwriting-reader --config base --data lines.npz --run runs/reader
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import torch

from lstm_apps.training.config import TrainingConfig
from lstm_apps.training.fitting import fit, is_main_process
from lstm_datasets.handwriting.readers import HandwritingLine, alphabet_of, clean, read_lines, read_names, split_lines
from lstm_datasets.handwriting_reader.dataset import InkAugmentation, ReaderLines
from lstm_models.checkpoints import hub
from lstm_models.errors import InputError
from lstm_models.tasks.handwriting_reader.config import HandwritingReaderConfig
from lstm_models.tasks.handwriting_reader.model import HandwritingReader

__all__ = ["train"]


def train(
    data: str,
    run: str = "runs/reader",
    model: HandwritingReaderConfig = HandwritingReaderConfig(),  # noqa: B008 - frozen
    training: TrainingConfig = TrainingConfig(),  # noqa: B008 - frozen
    augmentation: InkAugmentation = InkAugmentation(),  # noqa: B008 - frozen
    suspects: str | None = None,
    validation: str = "testset_v",
    resume: bool = False,
) -> dict[str, float]:
    """Trains a reader on lines of handwriting and leaves it in RUN/model, ready for ``lstm_models.load``.

    Args:
        data: lines of handwriting: an .npz of IAM-OnDB lines, IAM-OnDB's folder, .json/.jsonl lines, or a folder of
            .svg files with their texts.
        run: folder of the run: checkpoints, logs, the model.
        model: sizes of the reader; an empty alphabet is taken from the data.
        training: how it is trained; batch_frames are points.
        augmentation: how the lines are varied.
        suspects: a text file with names of lines to leave out, one a line.
        validation: the split to validate on; every twentieth line where the data names no splits.
        resume: go on from the run's last checkpoint; the other options are given as they were.

    Returns:
        The figures of the best validation: loss a character, edits (characters) a line.

    Raises:
        InputError: the data cannot be read or leave nothing to train on; else as ``lstm_apps.training.fitting.fit``.
    """
    learn, held = split_lines(read_lines(data), validation)
    learn = clean(learn, suspects=read_names(suspects))
    if model.alphabet.strip() == "":
        model = dataclasses.replace(model, alphabet=alphabet_of(learn, min_count=3 if len(learn) > 1000 else 1))
    known = set(model.alphabet)
    learn = [line for line in learn if set(line.text) <= known]
    held = [line for line in clean(held) if set(line.text) <= known]
    if not learn or not held:
        raise InputError(f"{data} leaves {len(learn)} lines to train on and {len(held)} to validate on after cleaning")
    torch.manual_seed(training.seed)
    reader = HandwritingReader(model)
    reader.train()
    figures = fit(
        reader,
        ReaderLines(learn, reader, augmentation, seed=training.seed),
        ReaderLines(held, reader),
        HandwritingReader.collate,
        training,
        run,
        resume=resume,
        settings={"task": "handwriting-reader", "data": data, "suspects": suspects, "validation": validation}
        | {"model": reader.config, "training": training, "augmentation": augmentation},
    )
    if is_main_process():
        folder = hub.save(reader, Path(run) / "model", card=_card(learn, reader.config, training))
        print(f"{folder}: " + ", ".join(f"{name} {value:.4f}" for name, value in figures.items()))
    return figures


def _card(learn: Sequence[HandwritingLine], config: HandwritingReaderConfig, training: TrainingConfig) -> str:
    writers = len({line.writer for line in learn if line.writer})
    return f"""# Handwriting reader

An LSTM that reads lines of pen strokes ({config.layers} layers of {config.hidden_size} features, both directions),
trained by `lstm-models train handwriting-reader` for {training.steps} steps on {len(learn):,} lines of {writers} named
writers. The configuration in effect lies in the run's config.json.
"""
