"""Trains the network that places digits as sentences say; see ``lstm_apps.tasks.image_generation.train``."""

from __future__ import annotations

import dataclasses

import torch

from lstm_apps.training.config import TrainingConfig
from lstm_apps.training.fitting import fit, save_trained
from lstm_datasets.image_generation.digit_scenes import DigitScenes
from lstm_models.errors import InputError
from lstm_models.tasks.image_generation.scene_layout import SceneLayoutConfig, collate
from lstm_models.tasks.image_generation.scenes import VOCABULARY
from lstm_models.tasks.image_generation.sentence_model import SentenceImageGenerator

__all__ = ["train_sentences"]


def train_sentences(
    run: str, layout: SceneLayoutConfig, training: TrainingConfig, scenes: int, held: int, resume: bool
) -> dict[str, float]:
    """Trains on sentences made on the fly and leaves the model in RUN/model; see ``train``.

    Raises:
        InputError: there are fewer than one of the scenes, or the config has other words than the sentences.
    """
    if scenes < 1:
        raise InputError("--scenes must be 1 or more", usage=True)
    layout = dataclasses.replace(layout, words=layout.words or " ".join(VOCABULARY))
    if not set(VOCABULARY) <= set(layout.vocabulary):
        raise InputError("--layout.words lacks words of the sentences that are made", usage=True)
    torch.manual_seed(training.seed)
    model = SentenceImageGenerator(layout).train()
    learn = DigitScenes(layout.vocabulary, grid=layout.grid, count=scenes, seed=training.seed)
    check = DigitScenes(layout.vocabulary, grid=layout.grid, count=held, seed=training.seed + 1, fixed=True)
    settings = {"task": "image-generation", "layout": layout, "scenes": scenes, "training": training}
    figures = fit(model, learn, check, collate, training, run, resume=resume, settings=settings)
    save_trained(model, run, _card(layout, training), figures)
    return figures


def _card(layout: SceneLayoutConfig, training: TrainingConfig) -> str:
    return f"""# Image generator of sentences

Places digits as sentences say, by an LSTM of {layout.decoder_size} units that attends to the words, for
{layout.generator} to draw; trained by `lstm-models train image-generation --config sentences` for {training.steps}
steps. The configuration in effect is in the run's config.json.
"""
