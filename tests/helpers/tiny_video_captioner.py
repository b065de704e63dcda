"""A small video captioner without trained weights, on a small captioner, so that tests need neither bundle nor time."""

from __future__ import annotations

import torch

from lstm_models.nn.image_encoder import ImageConfig
from lstm_models.tasks.captioning.config import CaptionerConfig
from lstm_models.tasks.captioning.model import Captioner
from lstm_models.tasks.video_captioning.config import VideoCaptionerConfig
from lstm_models.tasks.video_captioning.model import VideoCaptioner

WORDS = ("a", "dog", "man", "runs", "sits", "on", "the", "grass", "red", "is")


def captioner(seed: int = 0) -> Captioner:
    """An untrained captioner on EfficientNet-Lite0."""
    torch.manual_seed(seed)
    image = ImageConfig("tf_efficientnet_lite0", size=96)
    return Captioner(CaptionerConfig(WORDS, image, word_size=12, hidden_size=16, attention_size=8)).eval()


def video_captioner(seed: int = 0, **sizes: int) -> VideoCaptioner:
    """An untrained video captioner on it, with two words more."""
    base = captioner(seed)
    config = VideoCaptionerConfig(
        base_words=len(base.vocabulary), place_size=16, word_size=12, decoder_size=16, attention_size=8,
        new_words=("panda", "slicing"), **{"hidden_size": 6, "rank": 3, **sizes},
    )  # fmt: skip
    return VideoCaptioner(config, base).eval()


def disturbed(model: VideoCaptioner, scale: float = 0.3) -> VideoCaptioner:
    """The model with weights as training would change them."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(scale * torch.randn(parameter.shape, generator=generator))
    return model
