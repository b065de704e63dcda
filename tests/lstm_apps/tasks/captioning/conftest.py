"""An untrained captioner and photos for it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from lstm_models.checkpoints import hub
from lstm_models.nn.image_encoder import ImageConfig
from lstm_models.tasks.captioning.config import CaptionerConfig
from lstm_models.tasks.captioning.model import Captioner
from tests.helpers.caption_runs import WORDS, draw


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An untrained captioner; it never ends a sentence by itself, so that captions differ."""
    torch.manual_seed(0)
    image = ImageConfig(backbone="tf_efficientnet_lite0", size=96)
    captioner = Captioner(CaptionerConfig(WORDS, image, word_size=12, hidden_size=16, attention_size=8))
    with torch.no_grad():
        captioner.words.weight *= 8
    return str(hub.save(captioner, tmp_path_factory.mktemp("models") / "tiny", card="A test."))


@pytest.fixture(scope="session")
def captioner(model: str) -> Captioner:
    return hub.load(model)


@pytest.fixture
def loaded(captioner: Captioner, monkeypatch: pytest.MonkeyPatch) -> Captioner:
    """The captioner, loaded once for all tests instead of in each."""
    monkeypatch.setattr(hub, "load_as", lambda kind, name: captioner)
    return captioner


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder "photos" with 0.png to 5.png, in the folder we are in."""
    monkeypatch.chdir(tmp_path)
    return draw(tmp_path / "photos", 6)
