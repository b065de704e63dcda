"""DRAW: its bound beside the equations written out step by step, and what reproducible means."""

from __future__ import annotations

import math

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from lstm_models.nn.gaussian_attention import gaussian_window, read_window, write_window
from lstm_models.nn.lstm import LSTMState
from lstm_models.tasks.image_generation import decoding
from lstm_models.tasks.image_generation.config import ImageGeneratorConfig
from lstm_models.tasks.image_generation.network import DrawNetwork, Item, collate

CONFIG = ImageGeneratorConfig("a b", 8, 3, 2, 4, 3, 6, 7, 0.0)


@pytest.fixture
def network():
    torch.manual_seed(0)
    return DrawNetwork(CONFIG).eval()


@pytest.fixture
def images():
    return (torch.rand(4, 8, 8, generator=torch.Generator().manual_seed(3)) > 0.6).float()


def step_by_step(network, image, label, noise):
    """log p(x | z), the Gaussians' divergences, and log p(z) − log q(z), from torch.distributions."""
    h, c = network.kind(torch.tensor([label])).chunk(2, 1)
    state, canvas = LSTMState(h.tanh()[None], c[None]), network.canvas[None]
    h = h.tanh()
    looked_h, looked_c = network.overview(image.flatten()[None]).chunk(2, 1)
    looked = LSTMState(looked_h.tanh()[None], looked_c[None])
    kl, log_weight = 0.0, 0.0
    for step in range(CONFIG.glimpses):
        window = gaussian_window(network.read_head(h), 2, 8, 8)
        both = [read_window(each[:, None], window, 2).flatten(1) for each in (image[None], image - canvas.sigmoid())]
        found, looked = network.encoder.step(torch.cat([*both, h], 1), looked)
        mean, log_variance = network.posterior(found).chunk(2, 1)
        q, p = Normal(mean, (log_variance / 2).exp()), Normal(0.0, 1.0)
        z = q.mean + q.stddev * noise[step]
        kl += float(kl_divergence(q, p).sum())
        log_weight += float((p.log_prob(z) - q.log_prob(z)).sum())
        h, state = network.decoder.step(torch.cat([z, network.kind_input(torch.tensor([label]))], 1), state)
        window = gaussian_window(network.write_head(h), 4, 8, 8)
        canvas = canvas + write_window(network.patch(h).view(1, 4, 4), window, 8, 8)
    described = torch.distributions.Bernoulli(logits=canvas[0]).log_prob(image).sum()
    return float(described), kl, log_weight


@torch.no_grad()
def test_the_bound_is_that_of_the_equations(network, images):
    noise = torch.randn(4, 3, 3, generator=torch.Generator().manual_seed(1))
    labels = torch.tensor([0, 1, 2, 0])
    drawn = network(labels, noise, images)
    assert drawn.logits.shape == (4, 3, 8, 8)
    assert drawn.read.shape == drawn.write.shape == (4, 3, 5)
    for row in range(4):
        described, kl, log_weight = step_by_step(network, images[row], int(labels[row]), noise[row])
        found = torch.distributions.Bernoulli(logits=drawn.logits[row, -1]).log_prob(images[row]).sum()
        assert float(found) == pytest.approx(described, abs=1e-3)
        assert float(drawn.kl[row].sum()) == pytest.approx(kl, abs=1e-3)
        assert float(drawn.log_weight[row]) == pytest.approx(log_weight, abs=1e-3)


@torch.no_grad()
def test_the_loss_is_the_bound_and_repeats_itself(network, images):
    batch = collate([Item(image, label) for image, label in zip(images, (0, 1, -1, 0), strict=True)])
    first, second = network.loss(batch), network.loss(batch)
    assert first["loss"] == second["loss"]
    noise = torch.randn(4, 3, 3, generator=torch.Generator().manual_seed(1))
    parts = [step_by_step(network, images[row], (0, 1, 2, 0)[row], noise[row]) for row in range(4)]
    assert float(first["loss"]) == pytest.approx(sum(kl - described for described, kl, _ in parts), rel=1e-4)
    assert float(first["points"]) == 4


def test_the_weight_of_the_gaussians_grows(network, images):
    network.train()
    losses = []
    for weight in (0.0, 1.0):
        torch.manual_seed(5)
        losses.append(float(network.loss(collate([Item(image, 0, weight) for image in images]))["loss"].detach()))
    assert losses[1] > losses[0]


def test_every_parameter_learns(network, images):
    network.train()
    batch = collate([Item(image, label) for image, label in zip(images, (0, 1, -1, 0), strict=True)])
    network.loss(batch)["loss"].backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().sum() > 0, name


@torch.no_grad()
def test_the_bound_is_the_same_in_any_batch_and_below_the_weighted_figure(network, images):
    labels = torch.tensor([0, 1, 2, 0])
    alone = decoding.log_likelihood(network, images, labels, seed=4, samples=20, batch=20)
    at_once = decoding.log_likelihood(network, images, labels, seed=4, samples=20, batch=1000)
    for one, other in zip(alone, at_once, strict=True):
        torch.testing.assert_close(one, other)
    bound, weighted = at_once
    assert (weighted > bound).all()  # Jensen, for all but a few noisy drawings
    assert not torch.equal(bound, decoding.log_likelihood(network, images, labels, seed=5, samples=20)[0])


@torch.no_grad()
def test_the_weighted_figure_nears_the_truth():
    """Where one number is drawn, p(x) is an integral over it, which a grid gives exactly."""
    torch.manual_seed(2)
    network = DrawNetwork(ImageGeneratorConfig("a", 2, 1, 1, 2, 1, 3, 3)).eval()
    z = torch.linspace(-8, 8, 4001)[:, None, None]
    white = network(torch.zeros(4001, dtype=torch.long), z).logits[:, -1].sigmoid().double().prod(2).prod(1)
    density = torch.exp(-(z[:, 0, 0].double() ** 2) / 2) / math.sqrt(2 * math.pi)
    exact = math.log(float((white * density).sum() * (16 / 4000)))
    bound, weighted = decoding.log_likelihood(network, torch.ones(1, 2, 2), torch.zeros(1, dtype=torch.long), 1, 4000)
    assert float(weighted[0]) == pytest.approx(exact, abs=0.01)
    assert float(bound[0]) <= exact + 0.01


def test_a_config_that_cannot_be():
    for bad in ({"glimpses": 0}, {"image_size": 1}, {"label_dropout": 1.5}, {"labels": "a a"}, {"labels": "any b"}):
        with pytest.raises(ValueError, match="model: "):
            ImageGeneratorConfig(**bad)
