"""Trains a captioner: from captions, then from the CIDEr-D of its own captions.

lstm-models train captioning --config base --data FLICKR8K --run runs/captioner
lstm-models train captioning --config critical --init runs/captioner/model --data FLICKR8K --run runs/critical
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch

from lstm_apps.training.config import TrainingConfig
from lstm_apps.training.fitting import fit, is_main_process, save_trained
from lstm_apps.training.interpolation import check_interpolation, interpolate, weights_before
from lstm_datasets.captioning.dataset import CaptionData
from lstm_datasets.captioning.feature_cache import photo_features
from lstm_datasets.captioning.readers import CaptionedPhoto, read_captions, split_photos
from lstm_models.checkpoints import hub
from lstm_models.errors import InputError
from lstm_models.tasks.captioning.config import CaptionerConfig
from lstm_models.tasks.captioning.model import Captioner
from lstm_models.text.vocabulary import count_words

__all__ = ["train"]


def train(
    data: str,
    run: str = "runs/captioner",
    model: CaptionerConfig = CaptionerConfig(),  # noqa: B008 - frozen
    training: TrainingConfig = TrainingConfig(),  # noqa: B008 - frozen
    init: str | None = None,
    critical: bool = False,
    validation: str = "dev",
    features: str = "runs/features",
    versions: int = 4,
    min_count: int = 5,
    max_words: int = 20,
    interpolation: float = 1.0,
    resume: bool = False,
) -> dict[str, float]:
    """Trains a captioner on photos with captions and leaves it in RUN/model, ready for ``lstm_models.load``.

    Args:
        data: photos with captions: a folder of WebDataset shards, Flickr8k's, Flickr30k's, COCO's or Karpathy's files,
            or your own folder with captions.csv, captions.jsonl, or a .txt beside each photo.
        run: folder of the run: checkpoints, logs, the model.
        model: sizes of the captioner; an empty vocabulary is taken from the data.
        training: how it is trained; batch_frames are words of the longest captions of the photos of a batch.
        init: a captioner to go on from, bundled or a folder: its sizes are kept, and new words are added to its own.
        critical: self-critical training: raise the CIDEr-D of the captioner's own captions; needs init.
        validation: the split to validate on; every twentieth photo where the data names no splits.
        features: folder that keeps what the frozen part of the image encoder makes of the photos.
        versions: versions of each photo to train on: 1 as it is, 2 mirrored too, more cropped at random.
        min_count: how often a word must come to be learnt.
        max_words: words of a caption that count.
        interpolation: how far the saved weights go from those of ``init`` to the trained ones: below 1 averages both,
            which keeps what the captioner knew before (WiSE-FT, Wortsman et al. 2022, arXiv:2109.01903).
        resume: go on from the run's last checkpoint; the other options are given as they were.

    Returns:
        The figures of the best validation, before averaging: validation/reward is the CIDEr-D (of 10) of captions
        found greedily.

    Raises:
        InputError: the data cannot be read or leave nothing to train on; else as ``lstm_apps.training.fitting.fit``.
    """
    if critical and init is None:
        raise InputError("self-critical training improves a captioner: name it with --init", usage=True)
    check_interpolation(interpolation, init)
    if versions < 1 or min_count < 1 or max_words < 1:
        raise InputError("versions, min_count and max_words must be at least 1", usage=True)
    learn, held = split_photos(read_captions(data), validation)
    torch.manual_seed(training.seed)
    captioner = _captioner(model, init, learn, min_count)
    device = "cuda" if training.accelerator != "cpu" and torch.cuda.is_available() else "cpu"
    sets = []
    for photos, count in ((learn, versions), (held, 1)):
        found = photo_features(
            photos, captioner.encoder, features, versions=count, seed=training.seed, precision=training.precision,
            device=device, progress=_progress,
        )  # fmt: skip
        _report(found.failures)
        sets.append(CaptionData(photos, found, captioner.vocabulary, longest=max_words, seed=training.seed))
    captioner.critical = critical
    before = weights_before(captioner, interpolation)
    captioner.rewards(sets[0].references if critical else None, sets[1].references)
    figures = fit(
        captioner,
        sets[0],
        sets[1],
        Captioner.collate,
        training,
        run,
        resume=resume,
        settings={
            "task": "captioning", "data": data, "init": init, "critical": critical, "validation": validation,
            "interpolation": interpolation, "versions": versions, "min_count": min_count, "max_words": max_words,
            "model": captioner.config, "training": training,
        },
    )  # fmt: skip
    interpolate(captioner, before, interpolation)
    save_trained(captioner, run, _card(data, captioner.config, training, critical), figures)
    return figures


def _report(failures: Mapping[int, str]) -> None:
    """Prints which photos cannot be read."""
    for sentence in list(failures.values())[:5]:
        print(f"left out: {sentence}")
    if len(failures) > 5:
        print(f"left out: {len(failures) - 5} more photos")


def _captioner(config: CaptionerConfig, init: str | None, photos: list[CaptionedPhoto], min_count: int) -> Captioner:
    texts = [caption for photo in photos for caption in photo.captions]
    if init is None:
        words = config.vocabulary or count_words(texts, min_count)
        if not words:
            raise InputError(f"no word comes {min_count} times in the captions: lower --min-count", usage=True)
        captioner = Captioner(dataclasses.replace(config, vocabulary=words))
        captioner.encoder.load_pretrained()
        return captioner
    found = hub.load_as(Captioner, init)
    # How it is trained is this run's, what it is stays
    fields = ("dropout", "weight_dropout", "smoothing", "coverage", "sampling")
    found.config = dataclasses.replace(found.config, **{name: getattr(config, name) for name in fields})
    return found.extended(count_words(texts, min_count)).train()


def _progress(batches: Iterable[range], total: int) -> Iterable[range]:
    from rich.progress import track

    return track(batches, "features of the photos", total=total, disable=not is_main_process() or not total)


def _card(data: str, config: CaptionerConfig, training: TrainingConfig, critical: bool) -> str:
    how = "self-critical training" if critical else "cross-entropy"
    return f"""# Captioner

Describes a photo in a sentence: {config.image.backbone} and an attention LSTM of {config.hidden_size} cells that knows
{len(config.vocabulary)} words, trained by `lstm-models train captioning` ({how}) for {training.steps} steps on
{Path(data).name}. The configuration in effect lies in the run's config.json.
"""
