"""Trains a reader of handwriting.

lstm-models train handwriting-reader --config base --data lines.npz --run runs/reader
lstm-models train handwriting-reader --config rare --init runs/reader/model --data lines.npz --run runs/rare
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import torch

from lstm_apps.training.config import TrainingConfig
from lstm_apps.training.fitting import fit, save_trained
from lstm_datasets.handwriting.readers import HandwritingLine, alphabet_of, clean, read_lines, read_names, split_lines
from lstm_datasets.handwriting_reader.dataset import InkAugmentation, ReaderLines
from lstm_datasets.handwriting_reader.rare_lines import SIGNS, rare_lines
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
    init: str | None = None,
    rare: int = 0,
    keep: float = 0.0,
    suspects: str | None = None,
    validation: str = "testset_v",
    resume: bool = False,
) -> dict[str, float]:
    """Trains a reader on lines of handwriting and leaves it in RUN/model, ready for ``lstm_models.load``.

    Args:
        data: lines of handwriting: an .npz of IAM-OnDB lines, IAM-OnDB's folder, .json/.jsonl lines, or a folder of
            .svg files with their texts.
        run: folder of the run: checkpoints, logs, the model.
        model: sizes of the reader; an empty alphabet is taken from the data. With init, only its dropout counts.
        training: how it is trained; batch_frames are points.
        augmentation: how the lines are varied.
        init: a reader to go on from, bundled or a folder.
        rare: lines of capitals, numbers and signs to put together from parts of the data's, which the reader that
            training begins with (init) tells apart; their signs join its alphabet.
        keep: how much of init's weights stays in the mean of these and the trained ones that is saved, from 0 to 1: it
            forgets less (Wortsman et al. 2022, arXiv:2109.01903).
        suspects: a text file with names of lines to leave out, one a line.
        validation: the split to validate on; every twentieth line where the data names no splits.
        resume: go on from the run's last checkpoint; the other options are given as they were.

    Returns:
        The figures of the best validation: loss a character, edits (characters) a line.

    Raises:
        InputError: the data cannot be read or leave nothing to train on; else as ``lstm_apps.training.fitting.fit``.
    """
    if rare < 0 or (rare and init is None):
        raise InputError("--rare is a number of lines, and needs a reader that cuts them: --init", usage=True)
    if not 0 <= keep < 1 or (keep and init is None):
        raise InputError("--keep is from 0 to below 1, and needs a reader to keep weights of: --init", usage=True)
    learn, held = split_lines(read_lines(data), validation)
    learn = clean(learn, suspects=read_names(suspects))
    begun = None if init is None else hub.load_as(HandwritingReader, init)
    if begun is not None:
        alphabet = begun.config.alphabet + "".join(sign for sign in SIGNS if rare and sign not in begun.config.alphabet)
        model = dataclasses.replace(begun.config, alphabet=alphabet, dropout=model.dropout)
    elif model.alphabet.strip() == "":
        model = dataclasses.replace(model, alphabet=alphabet_of(learn, min_count=3 if len(learn) > 1000 else 1))
    known = set(model.alphabet)
    learn = [line for line in learn if set(line.text) <= known]
    held = [line for line in clean(held) if set(line.text) <= known]
    if not learn or not held:
        raise InputError(f"{data} leaves {len(learn)} lines to train on and {len(held)} to validate on after cleaning")
    torch.manual_seed(training.seed)
    reader = HandwritingReader(model)
    made: list[HandwritingLine] = []
    if begun is not None:
        begin_from(reader, begun)
        cuttable = [line for line in learn if set(line.text) <= set(begun.config.alphabet)]
        made = rare_lines(cuttable, begun, rare, training.seed) if rare else []
    reader.train()
    figures = fit(
        reader,
        ReaderLines([*learn, *made], reader, augmentation, seed=training.seed),
        ReaderLines(held, reader),
        HandwritingReader.collate,
        training,
        run,
        resume=resume,
        settings={"task": "handwriting-reader", "data": data, "suspects": suspects, "validation": validation}
        | {"init": init, "rare": rare, "keep": keep}
        | {"model": reader.config, "training": training, "augmentation": augmentation},
    )
    if begun is not None and keep:
        mix_with(reader, begun, keep)
    save_trained(reader, run, _card(learn, reader.config, training), figures)
    return figures


def begin_from(reader: HandwritingReader, other: HandwritingReader) -> None:
    """Gives a reader the weights of another, whose alphabet its own goes on from; what is new begins improbable."""
    weights = {name: tensor.float() for name, tensor in other.state_dict().items()}
    bias = reader.head.bias.new_full((reader.labels,), float(weights["head.bias"].min()))
    bias[: other.labels] = weights["head.bias"]
    weight = reader.head.weight.detach().clone()
    weight[: other.labels] = weights["head.weight"]
    reader.load_state_dict({**weights, "head.weight": weight, "head.bias": bias})


def mix_with(reader: HandwritingReader, other: HandwritingReader, fraction: float) -> None:
    """Makes a reader's weights the mean of its own and, by the fraction, another's; characters that the other lacks
    keep their own."""
    mixed = {name: tensor.clone() for name, tensor in reader.state_dict().items()}
    for name, tensor in other.state_dict().items():
        rows = slice(0, len(tensor))
        mixed[name][rows] = (1 - fraction) * mixed[name][rows] + fraction * tensor.to(mixed[name])
    reader.load_state_dict(mixed)


def _card(learn: Sequence[HandwritingLine], config: HandwritingReaderConfig, training: TrainingConfig) -> str:
    writers = len({line.writer for line in learn if line.writer})
    return f"""# Handwriting reader

An LSTM that reads lines of pen strokes ({config.layers} layers of {config.hidden_size} features, both directions),
trained by `lstm-models train handwriting-reader` for {training.steps} steps on {len(learn):,} lines of {writers} named
writers. The configuration in effect lies in the run's config.json.
"""
