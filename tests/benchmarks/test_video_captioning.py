"""The benchmark of video captioning runs on its shortest film, with a small model."""

from __future__ import annotations

import pytest
import torch

from benchmarks.tasks import video_captioning
from lstm_models.checkpoints import hub
from lstm_models.io.films import read_film
from lstm_models.text.vocabulary import END
from tests.helpers.tiny_video_captioner import disturbed, video_captioner


def test_the_film_is_as_long_as_it_says():
    assert len(read_film(video_captioning.made(2)).times) == 20


@torch.inference_mode()
def test_the_plain_captioner_finds_the_same_sentence():
    model = disturbed(video_captioner(film_strength=0.6), 0.5)
    model.styles["bias"][:, END] -= 4.0  # sentences of some words
    grids = torch.randn(3, 9, 16, generator=torch.Generator().manual_seed(0))
    tokens, total = video_captioning.ours(model, grids)
    expected, other = video_captioning.PlainCaptioner(model).sentence(grids)
    assert tokens == expected
    assert len(tokens) > 1
    assert total == pytest.approx(other, abs=1e-4)


@pytest.mark.slow
def test_it_runs(monkeypatch, capsys):
    model = disturbed(video_captioner(), 0.5)
    monkeypatch.setattr(hub, "load_as", lambda kind, name: model)
    found = video_captioning.main(["--quick"])
    assert set(found["film"]["5 s"]) == {"decoding", "lstm-models", "a caption a second"}
    assert set(found["search"]["1"]) == {"lstm-models", "plain PyTorch", "times as fast"}
    assert "lstm-models, ms" in capsys.readouterr().out
