"""Objects: which one is the first does not matter, mean and variance are those of drawing lots, they are learned."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from lstm_datasets.video_prediction.moving_digits import MovingDigits
from lstm_models.tasks.video_prediction.config import VideoPredictorConfig
from lstm_models.tasks.video_prediction.network import ObjectNetwork, Objects, collate
from tests.helpers import tiny_digits

CONFIG = VideoPredictorConfig(
    given=4, ahead=3, height=32, width=32, object_size=16, stem_channels=8, hidden_channels=8, layers=1, path_size=16,
    appearance_channels=4,
)  # fmt: skip


def network(**changes):
    torch.manual_seed(0)
    return ObjectNetwork(dataclasses.replace(CONFIG, **changes))


def films(count=4):
    data = MovingDigits(tiny_digits.shapes(), count, frames=7, size=(32, 32))
    return [data[number] for number in range(count)]


def test_a_batch():
    batch = collate(films(2), 4)
    assert batch["layers"].shape == (2, 2, 7, 32, 32)
    assert torch.equal(batch["frames"], batch["layers"].amax(1))
    assert "layers" not in collate([film.max(0) for film in films(2)], 4)


def test_which_object_is_the_first_does_not_matter():
    net = network().train()
    losses = []
    for order in (slice(None), slice(None, None, -1)):
        torch.manual_seed(5)
        losses.append(float(net._layer_loss(*inputs(net, order)).detach()))
    assert losses[0] == pytest.approx(losses[1], rel=0.05)  # paths are drilled with noise, in another order


def inputs(net, order):
    batch = collate([np.ascontiguousarray(film[order]) for film in films()], 4)
    frames = batch["frames"].float() / 255
    objects, outlook = net(frames[:, :4], 3)
    return objects, outlook, frames, batch["layers"].float() / 255, 4


def test_only_training_has_more_terms_than_the_squared_error():
    net, batch = network(), collate(films(), 4)
    trained = net.train().loss(batch)
    measured = net.eval().loss(batch)
    assert trained["loss"] > trained["mse"]
    assert measured["loss"] == measured["mse"]
    frames = batch["frames"].float() / 255
    _, outlook = net(frames[:, :4], 3)
    wanted = sum(float(((outlook.frames[:, step] - frames[:, 4 + step]) ** 2).sum().detach()) for step in range(3))
    assert float(measured["mse"].detach()) == pytest.approx(wanted / 3, rel=1e-5)
    assert float(measured["lines"]) == 4


def test_mean_and_variance_are_those_of_drawing_lots():
    torch.manual_seed(2)
    net = network()
    size, lots = CONFIG.object_size, 3000
    torch.nn.init.constant_(net.paths.head.bias[1:], 0.3)
    places = torch.tensor([[12.0, 12.0], [14.0, 18.0]])[None, :, None].expand(1, 2, 4, 2).contiguous()
    looks = torch.rand(1, 2, size, size) * 0.8
    objects = Objects(torch.zeros(0), places, places - size // 2, torch.ones(1, 2, 4), looks)
    with torch.no_grad():
        outlook = net.forecast(objects, 1)
    spread = float(outlook.spreads[0, 0, -1, 0].exp())
    sums = torch.zeros(2, 32, 32)
    for _ in range(lots):
        shown = torch.zeros(2, 64, 64)
        for number in range(2):
            row, column = (places[0, number, -1] - size // 2 + spread * torch.randn(2)).round().long().tolist()
            shown[number, 16 + row : 16 + row + size, 16 + column : 16 + column + size] = looks[0, number]
        film = (1 - (1 - shown).prod(0))[16:48, 16:48]
        sums += torch.stack([film, film**2]) / lots
    torch.testing.assert_close(sums[0], outlook.frames[0, 0], atol=0.04, rtol=0)
    torch.testing.assert_close(sums[1] - sums[0] ** 2, outlook.variance[0, 0], atol=0.02, rtol=0)


@pytest.mark.slow
def test_one_object_on_its_path_is_learned():
    net = network(objects=1).train()
    optimizer = torch.optim.Adam(net.parameters(), 5e-3)
    data = MovingDigits(tiny_digits.shapes(), 400, frames=7, objects=1, size=(32, 32))
    batch = collate([data[number] for number in range(16)], 4)
    black = (batch["frames"][:, 4:].float() / 255).square().sum((2, 3)).mean()
    for step in range(60):
        optimizer.zero_grad()
        given = collate([data[16 + (step * 6 + number) % 384] for number in range(6)], 4)
        (net.loss(given)["loss"] / 6).backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 20.0)
        optimizer.step()
    with torch.no_grad():
        assert float(net.eval().loss(batch)["mse"]) / 16 < 0.4 * float(black)


def test_films_without_known_layers_train_too():
    net = network().train()
    result = net.loss(collate([film.max(0) for film in films()], 4))
    result["loss"].backward()
    assert all(torch.isfinite(weight.grad).all() for weight in net.parameters() if weight.grad is not None)
    assert net.masks.weight.grad.abs().sum() > 0


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"height": 60}, "multiple of 8"),
        ({"objects": 6}, "from 0 to 5"),
        ({"given": 1}, "at least 2"),
        ({"kernel_size": 4}, "odd"),
        ({"spatiotemporal": True}, "only with objects 0"),
        ({"path_size": 0}, "at least 1"),
        ({"sampling_steps": -1}, "0 or more"),
    ],
)
def test_wrong_settings(changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        dataclasses.replace(CONFIG, **changes)
