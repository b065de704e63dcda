"""Forecasts of pixels: displacement, reverse scheduled sampling, variance."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from lstm_models.tasks.video_prediction.config import VideoPredictorConfig
from lstm_models.tasks.video_prediction.network import collate
from lstm_models.tasks.video_prediction.pixels import PixelNetwork, displaced
from tests.helpers import tiny_digits

CONFIG = VideoPredictorConfig(
    given=4, ahead=3, height=16, width=24, objects=0, stem_channels=8, hidden_channels=8, layers=1
)


def network(**changes):
    torch.manual_seed(0)
    return PixelNetwork(dataclasses.replace(CONFIG, **changes))


def test_displaced_by_whole_and_half_pixels():
    image = torch.rand(1, 5, 6)
    shift = torch.zeros(1, 2, 5, 6)
    torch.testing.assert_close(displaced(image, shift), image)
    shift[:, 0] = 1.0
    torch.testing.assert_close(displaced(image, shift)[:, :-1], image[:, 1:])
    torch.testing.assert_close(displaced(image, shift)[:, -1], image[:, -1])
    shift[:, 0], shift[:, 1] = 0.0, -0.5
    torch.testing.assert_close(displaced(image, shift)[..., 1:], (image[..., 1:] + image[..., :-1]) / 2)


@pytest.mark.slow
@pytest.mark.parametrize("spatiotemporal", [False, True])
def test_it_learns_a_film(spatiotemporal):
    net = network(spatiotemporal=spatiotemporal).train()
    film = tiny_digits.crossing(7)[:, 4:20, 4:28]
    batch = collate([film], 4)
    first = float(net.loss(batch)["mse"].detach())
    optimizer = torch.optim.Adam(net.parameters(), 3e-3)
    for _ in range(60):
        optimizer.zero_grad()
        net.loss(batch)["loss"].backward()
        optimizer.step()
    result = net.eval().loss(batch)
    assert float(result["mse"].detach()) < 0.5 * first
    made = net(batch["frames"][:, :4].float() / 255, 3)
    wanted = (made.frames - batch["frames"][:, 4:].float() / 255).square().sum((2, 3)).mean()
    assert float(result["mse"].detach()) == pytest.approx(float(wanted.detach()), rel=1e-4)
    assert (made.variance > 0).all()


def test_reverse_scheduled_sampling_goes_from_half_to_what_is_used():
    net = network(sampling_steps=100).train()

    def fraction(step):
        net.trained.fill_(step)
        drawn = net._truth(4000, 7, 4, torch.device("cpu")).float().mean(0)
        return drawn[1:4].mean().item(), drawn[4:].mean().item()

    assert fraction(0) == pytest.approx((0.5, 0.5), abs=0.03)
    assert fraction(50) == pytest.approx((0.75, 0.25), abs=0.03)
    assert fraction(100) == (1.0, 0.0)
    assert fraction(500) == (1.0, 0.0)
    net.trained.fill_(7)
    net._truth(1, 7, 4, torch.device("cpu"))
    assert int(net.trained) == 8
    assert net.eval()._truth(2, 7, 4, torch.device("cpu")).tolist() == [[True] * 4 + [False] * 3] * 2
    assert "trained" in net.state_dict()
