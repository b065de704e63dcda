"""Trains a translator.

lstm-models train translation --config base --data multi30k/train --data multi30k/train --data en-de.train.tsv.xz \
    --validation multi30k/val
"""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import torch

from lstm_apps.training.config import TrainingConfig
from lstm_apps.training.fitting import fit, save_trained
from lstm_apps.training.interpolation import check_interpolation, interpolate, weights_before
from lstm_datasets.translation.dataset import TranslationPairs
from lstm_datasets.translation.readers import SentencePair, read_pairs
from lstm_models.checkpoints import hub
from lstm_models.errors import InputError
from lstm_models.tasks.translation.config import TranslatorConfig
from lstm_models.tasks.translation.features import normalize
from lstm_models.tasks.translation.model import Translator
from lstm_models.tasks.translation.network import collate
from lstm_models.text.word_pieces import WordPieces

__all__ = ["train"]

_LONGEST = 100  # pieces of a sentence that is trained on
_LEAST_PIECES = 259


def train(
    data: list[str],
    run: str = "runs/translation",
    model: TranslatorConfig = TranslatorConfig(),  # noqa: B008 - frozen
    training: TrainingConfig = TrainingConfig(),  # noqa: B008 - frozen
    validation: list[str] = [],  # noqa: B006 - never changed
    pieces: int = 8000,
    init: str | None = None,
    interpolation: float = 1.0,
    resume: bool = False,
) -> dict[str, float]:
    """Trains a translator on sentences with their translations and leaves it in RUN/model.

    Args:
        data: pairs of sentences: .tsv (source TAB target), .tmx, "first.txt,second.txt", or the beginning of two names,
            such as corpus for corpus.en and corpus.de; also as .gz and .xz. What is named twice counts twice.
        run: folder of the run: checkpoints, logs, the model.
        model: sizes of the translator and its languages; without pieces, they are learnt from the data.
        training: how it is trained; batch_frames are pieces of the longer side.
        validation: pairs to validate on. Every hundredth pair of the data if missing.
        pieces: size of the vocabulary that both languages share.
        init: a translator to go on from, bundled or a folder: its sizes, languages and pieces are kept.
        interpolation: how far the saved weights go from those of ``init`` to the trained ones: below 1 averages both,
            above 1, to at most 2, goes on in the same direction.
        resume: go on from the run's last checkpoint; the other options are given as they were.

    Returns:
        The figures of the best validation: loss a piece, and pieces a sentence that were the likeliest.

    Raises:
        InputError: the data cannot be read or leave nothing to train on; else as ``lstm_apps.training.fitting.fit``.
    """
    check_interpolation(interpolation, init, most=2)
    if init is not None:
        model = hub.load_as(Translator, init).config
    if pieces < _LEAST_PIECES:
        raise InputError(f"--pieces must be at least {_LEAST_PIECES}, not {pieces}", usage=True)
    named = Counter(data)
    pairs = [(pair, count) for path, count in named.items() for pair in read_pairs(path, model.source, model.target)]
    held = [pair for path in validation for pair in read_pairs(path, model.source, model.target)]
    if not validation:
        held, pairs = [pair for pair, _ in pairs[99::100]], [one for at, one in enumerate(pairs) if at % 100 != 99]
    if not pairs or not held:
        raise InputError(f"the data leave {len(pairs)} pairs to train on and {len(held)} to validate on")
    torch.manual_seed(training.seed)
    if not model.pieces and resume:
        model = dataclasses.replace(model, pieces=_pieces_of(Path(run)))
    if not model.pieces:
        texts = (normalize(text) for pair, count in pairs for text in pair for _ in range(count))
        model = dataclasses.replace(model, pieces=WordPieces.train(texts, pieces).merges)
    translator = Translator(model) if init is None else hub.load_as(Translator, init)
    translator.train()
    before = weights_before(translator, interpolation)
    learn = TranslationPairs(
        [pair for pair, _ in pairs], translator.vocabulary, _LONGEST, [count for _, count in pairs]
    )
    figures = fit(
        translator,
        learn,
        TranslationPairs(held, translator.vocabulary, _LONGEST),
        collate,
        training,
        run,
        resume=resume,
        settings={"task": "translation", "data": data, "validation": validation, "pieces": pieces}
        | {"init": init, "interpolation": interpolation, "model": translator.config, "training": training},
        repeats=learn.counts,
    )
    interpolate(translator, before, interpolation)
    save_trained(translator, run, _card([pair for pair, _ in pairs], translator.config, training), figures, int8=True)
    return figures


def _pieces_of(run: Path) -> str:
    """The pieces that a run began with; "" where its configuration is not there."""
    try:
        return str(json.loads((run / "config.json").read_text(encoding="utf-8"))["model"]["pieces"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _card(pairs: Sequence[SentencePair], config: TranslatorConfig, training: TrainingConfig) -> str:
    return f"""# Translator from {config.source} to {config.target}

An LSTM encoder and decoder with attention that translates from {config.source} to {config.target}, trained by
`lstm-models train translation` for {training.steps} steps on {len(pairs):,} pairs of sentences. The configuration in
effect is in the run's config.json.
"""
