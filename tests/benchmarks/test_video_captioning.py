"""The benchmark of video captioning runs on its shortest film, with a small model."""

from __future__ import annotations

import pytest

from benchmarks.tasks import video_captioning
from lstm_models.checkpoints import hub
from lstm_models.io.films import read_film
from tests.helpers.tiny_video_captioner import disturbed, video_captioner


def test_the_film_is_as_long_as_it_says():
    assert len(read_film(video_captioning.made(2)).times) == 20


@pytest.mark.slow
def test_it_runs(monkeypatch, capsys):
    model = disturbed(video_captioner(), 0.5)
    monkeypatch.setattr(hub, "load_as", lambda kind, name: model)
    found = video_captioning.main(["--quick"])
    assert set(found["film"]["5 s"]) == {"decoding", "lstm-models", "a caption a second"}
    assert "lstm-models, ms" in capsys.readouterr().out
