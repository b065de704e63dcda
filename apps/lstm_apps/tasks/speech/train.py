"""Trains a recogniser, from nothing or from one there is.

lstm-models train speech --config streaming --data SHARDS --run runs/recognizer
lstm-models train speech --config own --init recognizer --data my.csv --run runs/mine
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from lstm_apps.training.config import TrainingConfig
from lstm_apps.training.fitting import fit, is_main_process, save_trained
from lstm_apps.training.interpolation import check_interpolation, interpolate, weights_before
from lstm_datasets.speech.augmentation import Augmentation
from lstm_datasets.speech.dataset import SpeechData, fitted_features
from lstm_datasets.speech.feature_cache import EncodedSpeech
from lstm_datasets.speech.readers import Recording, read_speech, split_recordings
from lstm_models.checkpoints import hub
from lstm_models.errors import InputError
from lstm_models.nn.dropout import Dropout
from lstm_models.tasks.speech.config import RecognizerConfig
from lstm_models.tasks.speech.model import Recognizer

__all__ = ["train"]


def train(
    data: list[str],
    run: str = "runs/recognizer",
    model: RecognizerConfig = RecognizerConfig(),  # noqa: B008 - frozen
    training: TrainingConfig = TrainingConfig(),  # noqa: B008 - frozen
    augmentation: Augmentation = Augmentation(),  # noqa: B008 - frozen
    init: str | None = None,
    validation: str = "dev",
    oversample: list[str] = [],  # noqa: B006 - never changed
    oversample_times: int = 2,
    min_seconds: float = 0.3,
    max_seconds: float = 17.0,
    skip_at_most: float = 0.05,
    trim: float = 0.0,
    interpolation: float = 1.0,
    encoder: str | None = None,
    frozen: bool = False,
    features: str | None = None,
    versions: int = 2,
    resume: bool = False,
) -> dict[str, float]:
    """Trains a recogniser on recordings with their texts and leaves it in RUN/model, ready for ``lstm_models.load``.

    Args:
        data: recordings with texts; any number of: a folder of WebDataset shards or one of its .tar files, the folders
            of LibriSpeech, LJSpeech, Common Voice, VoxForge or AN4, your own .csv, .tsv or .jsonl of audio files and
            texts, or a folder of audio files with a .txt beside each.
        run: folder of the run: checkpoints, logs, the model.
        model: sizes of the recogniser; with init, only its dropouts count, and convolutions where init has none.
        training: how it is trained; batch_frames are frames of 10 ms.
        augmentation: how the recordings are varied.
        init: a recogniser to go on from: bundled, or a folder.
        validation: the split to validate on; every twentieth recording, or speaker, where the data names no splits.
        oversample: parts of the data (words in the names of their files) that come more than once an epoch.
        oversample_times: how often these come.
        min_seconds: length below which a recording is left out.
        max_seconds: length above which a recording is left out.
        skip_at_most: fraction of recordings that may be left out as missing, unreadable or without a text.
        trim: dB below a recording's loudest frame at which sound counts as silence (60, say), which is cut at both
            ends; 0 to keep it.
        interpolation: how far the saved weights go from those of ``init`` to the trained ones: below 1 averages both,
            which keeps what the recogniser knew before (WiSE-FT, Wortsman et al. 2022, arXiv:2109.01903).
        encoder: weights of the acoustic encoder to begin with, as ``convert_encoder`` writes them; with model.encoder.
        frozen: leave the whole acoustic encoder as it is, and train only what stands on it.
        features: folder in which the output of the encoder's frozen part is kept (6 GiB for 30 hours in two versions);
            RUN/features if None. Runs on the same data may share it.
        versions: kept of each recording: as it is, then with the sound varied; with an acoustic encoder.
        resume: go on from the run's last checkpoint; the other options are given as they were.

    Returns:
        The figures of the best validation, before averaging: loss a character, edits (characters) an utterance; with
        ``init`` the word error rates of the held-out recordings before and after, greedy.

    Raises:
        InputError: the data cannot be read or leave nothing to train on; else as ``lstm_apps.training.fitting.fit``.
    """
    check_interpolation(interpolation, init)
    if oversample_times < 1 or not 0 <= min_seconds < max_seconds:
        raise InputError("oversample_times must be at least 1, and min_seconds below max_seconds", usage=True)
    learn, held = split_recordings(read_speech(data, skip_at_most=skip_at_most, trim=trim), validation)
    learn = [one for one in learn if min_seconds <= one.duration <= max_seconds]
    held = [one for one in held if one.duration <= max_seconds]
    if not learn or not held:
        raise InputError(f"no recording of {min_seconds:g} to {max_seconds:g} seconds is left to train and validate on")
    torch.manual_seed(training.seed)
    recognizer = _recognizer(model, init, learn, encoder)
    before = _word_errors(recognizer, held) if init is not None and is_main_process() else None
    kept = weights_before(recognizer, interpolation)
    recognizer.train()
    sets: tuple[Any, Any]
    if recognizer.encoder is None:
        sets = SpeechData(learn, recognizer, augmentation, seed=training.seed), SpeechData(held, recognizer)
    else:
        recognizer.encoder.requires_grad_(False) if frozen else recognizer.encoder.freeze()
        folder = Path(run) / "features" if features is None else Path(features)
        varied = EncodedSpeech(learn, recognizer, folder, augmentation, versions=versions, seed=training.seed)
        sets = varied, EncodedSpeech(held, recognizer, folder)
    settings: dict[str, Any] = {"task": "speech", "data": data, "init": init, "validation": validation}
    settings |= {"oversample": oversample, "oversample_times": oversample_times, "interpolation": interpolation}
    settings |= {"min_seconds": min_seconds, "max_seconds": max_seconds, "trim": trim}
    settings |= {"encoder": encoder, "frozen": frozen, "features": features, "versions": versions}
    settings |= {"model": recognizer.config, "training": training, "augmentation": augmentation}
    figures = fit(
        recognizer,
        sets[0],
        sets[1],
        recognizer.collate,
        training,
        run,
        resume=resume,
        settings=settings,
        repeats=[oversample_times if any(part in one.source for part in oversample) else 1 for one in learn]
        if oversample
        else None,
    )
    interpolate(recognizer, kept, interpolation)
    save_trained(recognizer, run, _card(learn, recognizer.config, training), figures)
    if before is not None:
        after = _word_errors(recognizer.eval(), held)
        print(f"word error rate of {len(held)} held-out recordings: {before:.1%} before, {after:.1%} after")
        figures = {**figures, "wer_before": before, "wer_after": after}
    return figures


def _recognizer(
    config: RecognizerConfig, init: str | None, learn: Sequence[Recording], encoder: str | None
) -> Recognizer:
    if (encoder is not None) and (init is not None or config.encoder is None):
        raise InputError("--encoder goes with model.encoder, and without --init", usage=True)
    if init is None and config.encoder is not None:
        made = Recognizer(config)
        if encoder is not None:
            _load_encoder(made, Path(encoder))
        return made
    if init is None:
        if config.features.std == (1.0,):
            config = dataclasses.replace(config, features=fitted_features(learn, config.features))
        return Recognizer(config)
    found = hub.load_as(Recognizer, init)
    if config.convolution and not found.config.convolution:
        grown = Recognizer(dataclasses.replace(found.config, convolution=config.convolution))
        grown.load_state_dict(found.state_dict(), strict=False)  # its convolutions begin at zero
        found = grown
    found.config = dataclasses.replace(found.config, dropout=config.dropout, encoder_dropout=config.encoder_dropout)
    for layer in found.layers:
        layer.lstm.dropout = Dropout(input=config.dropout)  # type: ignore[union-attr]
    found.set_encoder_dropout(config.encoder_dropout)
    return found


def _load_encoder(recognizer: Recognizer, path: Path) -> None:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    assert recognizer.encoder is not None
    try:
        recognizer.encoder.load_state_dict({name: value.float() for name, value in load_file(path).items()})
    except (OSError, SafetensorError) as error:
        raise InputError(f"{path} cannot be read as safetensors: {error}") from None
    except RuntimeError:
        raise InputError(f"{path} is no acoustic encoder of these sizes") from None


def _word_errors(recognizer: Recognizer, held: Sequence[Recording]) -> float:
    """Word error rate of the best paths, on what the model has not trained on."""
    import jiwer

    from lstm_models.decoding.ctc_search import greedy

    recognizer.eval()
    order = sorted(held, key=lambda one: one.duration)
    wanted, found = [], []
    for start in range(0, len(order), 16):
        batch = order[start : start + 16]
        for one, log_probs in zip(batch, recognizer.log_probs([one.samples() for one in batch]), strict=True):
            wanted.append(one.text)
            found.append(" ".join(word.text for word in greedy(log_probs, recognizer.config.alphabet)))
    return float(jiwer.wer(wanted, found))


def _card(learn: Sequence[Recording], config: RecognizerConfig, training: TrainingConfig) -> str:
    hours = sum(one.duration for one in learn) / 3600
    speakers = len({one.speaker for one in learn if one.speaker})
    direction = "both directions" if config.bidirectional else "one direction, for recordings and streams"
    return f"""# Speech recogniser

An LSTM that writes down English speech ({config.layers} layers of {config.hidden_size} features, {direction}),
trained by `lstm-models train speech` for {training.steps} steps on {hours:.1f} hours of {speakers} named speakers. The
configuration in effect lies in the run's config.json.
"""
