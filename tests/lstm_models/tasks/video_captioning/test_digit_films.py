"""The captioner of moving digits: its loss beside a plain one, what a user calls, and whatever cannot be."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from lstm_models.errors import InputError
from lstm_models.tasks.video_captioning.digit_films import (
    DigitFilmCaptioner,
    DigitFilmCaptionerConfig,
    DigitFilmItem,
    collate,
)

WORDS = "the digit one two moves up down and"
CONFIG = DigitFilmCaptionerConfig(WORDS, 16, 3, 8, 5, 6, 7, 4)


@pytest.fixture
def captioner():
    torch.manual_seed(0)
    return DigitFilmCaptioner(CONFIG).eval()


@pytest.fixture
def batch():
    films = torch.randint(0, 256, (2, 3, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    return collate([DigitFilmItem(films[0], (2, 3, 4, 6, 0)), DigitFilmItem(films[1], (2, 3, 0))])


@torch.no_grad()
def test_the_loss_is_the_sentences_cross_entropy(captioner, batch):
    found = captioner.loss(batch)
    log_p = captioner(batch["films"] / 255, batch["words"])[0].log_softmax(-1)
    expected = -sum(float(log_p[0, at, word]) for at, word in enumerate((2, 3, 4, 6, 0)))
    expected -= sum(float(log_p[1, at, word]) for at, word in enumerate((2, 3, 0)))
    assert float(found["loss"]) == pytest.approx(expected, rel=1e-4)
    assert int(found["points"]) == 8
    alone = captioner(batch["films"][1:] / 255, batch["words"][1:, :3])[0]
    torch.testing.assert_close(alone, captioner(batch["films"] / 255, batch["words"])[0][1:, :3])
    best = captioner(batch["films"] / 255, batch["words"])[0].argmax(-1)
    exact = {"films": batch["films"], "words": best, "lengths": torch.tensor([5, 5])}
    assert int(captioner.loss(exact)["exact"]) == 2


def test_every_parameter_learns(captioner, batch):
    captioner.train().loss(batch)["loss"].backward()
    for name, parameter in captioner.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        if "attention.key.bias" not in name:
            assert parameter.grad.abs().sum() > 0, name


@torch.no_grad()
def test_sentences_are_the_likeliest_words_one_after_the_other(captioner, batch):
    torch.nn.init.normal_(captioner.output.weight)
    numbers, probabilities, looks = captioner.sentences(batch["films"] / 255)
    assert looks.shape[::2] == (2, 3 * 4)
    for row, (words, given) in enumerate(zip(numbers, probabilities, strict=True)):
        if not words:
            continue
        log_odds, _ = captioner(batch["films"][row : row + 1] / 255, torch.tensor([words]))
        assert log_odds[0].argmax(-1).tolist() == words
        torch.testing.assert_close(log_odds[0].softmax(-1).max(-1).values, torch.tensor(given))


def test_a_film_is_one_scene_with_its_words(captioner):
    captioner.output.bias.data[4] = 50.0  # always "one"
    frames = np.zeros((7, 30, 40, 3), np.uint8)
    frames[:, 10:20, 10:20] = 255
    found = captioner.caption(frames)
    (scene,) = found.scenes
    assert set(scene.caption.lower().split()) == {"one"}
    assert scene.words[0].attention.shape == (2, 2)
    assert len(scene.frame_times) == 3
    assert sum(scene.frame_weights) == pytest.approx(1, rel=1e-4)
    assert found.notes == ()
    inverted = captioner.caption(255 - frames)
    assert "inverted" in inverted.notes[0]
    assert inverted.scenes[0].words[0].confidence == pytest.approx(scene.words[0].confidence, abs=1e-4)


def test_what_is_no_film_is_a_sentence(captioner, tmp_path):
    Image.new("L", (20, 20)).save(tmp_path / "one.png")
    for film, message in ((np.zeros((1, 20, 20, 3), np.uint8), "one frame"), (tmp_path / "no.mp4", "does not exist")):
        with pytest.raises(InputError, match=message):
            captioner.caption(film)


@pytest.mark.parametrize("bad", [{"size": 20}, {"frames": 0}, {"channels": 6}, {"decoder_size": 0}])
def test_a_config_that_cannot_be(bad):
    with pytest.raises(ValueError, match="model: "):
        DigitFilmCaptionerConfig(**bad)
