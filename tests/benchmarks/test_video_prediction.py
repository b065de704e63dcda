"""The benchmark of video prediction: its peer computes the same, and its tables run."""

from __future__ import annotations

import torch

from benchmarks.tasks import video_prediction
from lstm_models.nn.conv_lstm import ConvLSTM


def test_the_plain_loop_computes_the_same():
    torch.manual_seed(0)
    lstm = ConvLSTM(3, 4, peepholes=False)
    x = torch.randn(2, 5, 3, 6, 7)
    torch.testing.assert_close(video_prediction.PlainLoop(lstm)(x), lstm(x)[0])


def test_tables(capsys):
    found = video_prediction.main(["--quick"])
    assert set(found) == {"machine", "layer", "forecast"}
    assert all(value > 0 for value in found["forecast"].values())
    assert "plain loop" in capsys.readouterr().out
