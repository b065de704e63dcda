"""Paths go on."""

from __future__ import annotations

import pytest
import torch

from lstm_models.tasks.video_prediction.paths import PathForecaster


def test_before_training_a_path_goes_straight_on_at_its_pace():
    forecaster = PathForecaster(4)
    places = torch.tensor([[3.0, 5.0, 7.0], [9.0, 8.5, 8.0]])
    expected, spreads = forecaster(places, torch.ones(2, 3), 4, torch.full((2,), 64.0))
    torch.testing.assert_close(expected[0], torch.tensor([3.0, 7.0, 9.0, 11.0, 13.0, 15.0])[[0, 1, 2, 3, 4, 5]])
    torch.testing.assert_close(expected[1], torch.tensor([9.0, 8.0, 7.5, 7.0, 6.5, 6.0]))
    assert not spreads.any()


@pytest.mark.slow
def test_it_learns_that_paths_turn_back():
    torch.manual_seed(0)
    forecaster = PathForecaster(32)
    optimizer = torch.optim.Adam(forecaster.parameters(), 5e-3)

    def turning(count):
        place = torch.rand(count, 1) * 20 + torch.arange(16) * (1.0 + torch.rand(count, 1))
        return 40 - (place % 80 - 40).abs()  # between 0 and 40

    def error(places):
        expected, _ = forecaster(places[:, :8], torch.ones(len(places), 8), 8, torch.full((len(places),), 41.0))
        return (expected[:, 7:] - places[:, 8:]).abs().mean()

    test = turning(100)
    before = float(error(test).detach())
    for _ in range(120):
        optimizer.zero_grad()
        error(turning(64)).backward()
        optimizer.step()
    assert float(error(test).detach()) < 0.7 * before
