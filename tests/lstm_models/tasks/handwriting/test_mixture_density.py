"""The mixture density: against torch's own Gaussians, against a grid, against its samples, and at its extremes."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from torch.distributions import Categorical, MixtureSameFamily, MultivariateNormal

from lstm_models.tasks.handwriting.mixture_density import MixtureDensityHead, PenDistribution


def head(mixtures: int = 3, *, floor: float = 0.01, seed: int = 0) -> MixtureDensityHead:
    """A head with weights as after some training, in float64."""
    torch.manual_seed(seed)
    module = MixtureDensityHead(6, mixtures, floor=floor).double()
    nn.init.normal_(module.weight, std=0.3)
    nn.init.normal_(module.bias, std=0.5)
    return module


def truth(pen: PenDistribution) -> MixtureSameFamily:
    """The same mixture, built from covariance matrices."""
    x, y = pen.log_std_x.exp(), pen.log_std_y.exp()
    both = pen.correlation * x * y
    covariance = torch.stack([torch.stack([x * x, both], -1), torch.stack([both, y * y], -1)], -2)
    mean = torch.stack([pen.mean_x, pen.mean_y], -1)
    return MixtureSameFamily(Categorical(logits=pen.log_weight), MultivariateNormal(mean, covariance))


def test_log_density_is_that_of_a_gaussian_mixture():
    torch.manual_seed(1)
    pen = head(5)(torch.randn(4, 7, 6, dtype=torch.float64))
    moves = 2 * torch.randn(4, 7, 2, dtype=torch.float64)
    density = pen.log_density(moves)
    assert density.shape == (4, 7)
    torch.testing.assert_close(density, truth(pen).log_prob(moves), rtol=1e-10, atol=1e-10)
    assert pen.lift.shape == pen.stop.shape == (4, 7)


def test_one_component_by_hand():
    """Graves (2013), equations 24 and 25."""
    values = {"mean_x": 1.0, "mean_y": -2.0, "log_std_x": math.log(0.5), "log_std_y": math.log(3.0), "correlation": 0.6}
    fields = {name: torch.tensor([value], dtype=torch.float64) for name, value in values.items()}
    pen = PenDistribution(torch.zeros(1), lift=torch.zeros(()), stop=torch.zeros(()), **fields)
    x, y = (1.5 - 1.0) / 0.5, (1.0 + 2.0) / 3.0
    z = x * x + y * y - 2 * 0.6 * x * y
    expected = math.exp(-z / (2 * (1 - 0.36))) / (2 * math.pi * 0.5 * 3.0 * math.sqrt(1 - 0.36))
    got = pen.log_density(torch.tensor([1.5, 1.0], dtype=torch.float64)).exp()
    assert float(got) == pytest.approx(expected, rel=1e-12)


def test_density_integrates_to_one():
    pen = head(seed=2)(torch.zeros(6, dtype=torch.float64))
    axis = torch.linspace(-14, 14, 1200, dtype=torch.float64)
    grid = torch.cartesian_prod(axis, axis)
    spread = PenDistribution(*(field.expand(len(grid), *field.shape) for field in pen))
    mass = spread.log_density(grid).exp().sum().detach() * float(axis[1] - axis[0]) ** 2
    assert float(mass) == pytest.approx(1, abs=1e-3)


def repeated(pen: PenDistribution, count: int) -> PenDistribution:
    return PenDistribution(*(field.expand(count, *field.shape) for field in pen))


def test_samples_have_the_moments_of_the_mixture():
    pen = head(seed=3)(torch.randn(6, dtype=torch.float64))
    samples = repeated(pen, 200_000).sample(0.0, torch.Generator().manual_seed(0)).detach()
    mixture = truth(pen)
    torch.testing.assert_close(samples.mean(0), mixture.mean, rtol=0, atol=0.02)
    torch.testing.assert_close(samples.var(0), mixture.variance, rtol=0.03, atol=0)
    # The mixed moment: of each component its correlation, between them their means
    weight = pen.log_weight.exp()
    spread = pen.correlation * (pen.log_std_x + pen.log_std_y).exp()
    expected = (weight * (spread + pen.mean_x * pen.mean_y)).sum()
    assert float((samples[:, 0] * samples[:, 1]).mean()) == pytest.approx(float(expected.detach()), abs=0.03)
    # And how often a component is chosen, seen by means that lie far apart
    far = pen._replace(mean_x=torch.tensor([-1e3, 0.0, 1e3], dtype=torch.float64))
    places = repeated(far, 50_000).sample(0.0, torch.Generator().manual_seed(1))[:, 0]
    shares = torch.stack([(places < -500), (places.abs() < 500), (places > 500)]).double().mean(1)
    torch.testing.assert_close(shares, weight, rtol=0, atol=0.01)


def test_bias_sharpens_and_shrinks():
    """Graves (2013), equations 61 and 62."""
    pen = head(1)(torch.zeros(6, dtype=torch.float64))
    stds = []
    for bias in (0.0, 1.0, 3.0):
        samples = repeated(pen, 100_000).sample(bias, torch.Generator().manual_seed(0))
        stds.append(samples.std(0))
        torch.testing.assert_close(samples.mean(0), torch.stack([pen.mean_x, pen.mean_y])[:, 0], rtol=0, atol=0.05)
    torch.testing.assert_close(stds[0] / stds[1], torch.full((2,), math.e, dtype=torch.float64))
    torch.testing.assert_close(stds[0] / stds[2], torch.full((2,), math.e**3, dtype=torch.float64))
    # Weights 0.6 and 0.4 become 0.6³ and 0.4³, at bias 2
    two = PenDistribution(
        torch.tensor([0.6, 0.4]).log(),
        *(torch.tensor([-100.0, 100.0]), torch.zeros(2), torch.zeros(2), torch.zeros(2), torch.zeros(2)),
        *(torch.zeros(()), torch.zeros(())),
    )
    chosen = repeated(two, 50_000).sample(2.0, torch.Generator().manual_seed(0))[:, 0] < 0
    assert float(chosen.double().mean()) == pytest.approx(0.6**3 / (0.6**3 + 0.4**3), abs=0.01)


def test_bias_of_each_row():
    pen = head(1)(torch.zeros(6, dtype=torch.float64))
    bias = torch.tensor([[0.0], [20.0]], dtype=torch.float64).repeat(5000, 1)
    samples = repeated(pen, 10_000).sample(bias, torch.Generator().manual_seed(0))
    assert (samples[0::2].std(0) > 1e6 * samples[1::2].std(0)).all()


def test_samples_follow_the_seed():
    pen = repeated(head()(torch.zeros(6, dtype=torch.float64)), 8)
    one, two, other = (pen.sample(0.5, torch.Generator().manual_seed(seed)) for seed in (4, 4, 5))
    assert torch.equal(one, two)
    assert not torch.equal(one, other)


@pytest.mark.parametrize("floor", [1e-4, 0.01, 0.5])
def test_floor_is_respected(floor):
    module = MixtureDensityHead(6, 4, floor=floor)
    for value in (-1e4, -50.0, 0.0, 5.0):
        pen = module.read(torch.full((3, 26), value))
        assert (pen.log_std_x.exp() >= floor * (1 - 1e-5)).all()
        assert (pen.log_std_y.exp() >= floor * (1 - 1e-5)).all()
    torch.testing.assert_close(
        module.read(torch.full((1, 26), 5.0)).log_std_x.exp(), torch.full((1, 4), math.exp(5) + floor)
    )


@pytest.mark.parametrize("value", [-1e4, -100.0, -20.0, 0.0, 20.0, 80.0])
@pytest.mark.parametrize("move", [0.0, 1.0, 1e4])
def test_extremes_stay_finite(value, move):
    """Whatever the network says and wherever the pen goes: a finite loss and finite gradients, in float32."""
    module = MixtureDensityHead(6, 4, floor=0.001)
    for part in range(7):  # one parameter at a time, and all at once
        output = torch.zeros(2, 26)
        output[:, slice(None) if part == 6 else slice(4 * part, 4 * part + 2)] = value
        output.requires_grad_()
        pen = module.read(output)
        loss = -pen.log_density(torch.full((2, 2), move)).sum()
        loss = loss + nn.functional.binary_cross_entropy_with_logits(pen.lift, torch.ones(2), reduction="sum")
        loss.backward()
        assert torch.isfinite(loss)
        assert torch.isfinite(output.grad).all()
        assert torch.isfinite(pen.sample(0.5)).all()


def test_floor_has_a_gradient():
    """A standard deviation at its floor can still be moved away from it."""
    output = torch.zeros(1, 8)
    output[:, 3:5] = -3.0  # below the floor of 0.5
    output.requires_grad_()
    pen = MixtureDensityHead(6, 1, floor=0.5).read(output)
    (-pen.log_density(torch.tensor([[5.0, 5.0]]))).sum().backward()
    assert (output.grad[0, 3:5] < -0.1).all()


def test_gradients():
    module = head(2)
    moves = torch.randn(3, 2, dtype=torch.float64)
    output = torch.randn(3, 14, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda given: (module.read(given).log_density(moves), *module.read(given)[-2:]), output
    )


def test_float32_whatever_runs_below():
    module = MixtureDensityHead(6, 2)
    with torch.autocast("cpu", torch.bfloat16):
        pen = module(torch.randn(3, 6, dtype=torch.bfloat16))
    assert {field.dtype for field in pen} == {torch.float32}
    assert module.double()(torch.zeros(1, 6, dtype=torch.float64)).lift.dtype == torch.float64


def test_untrained_head_is_wide_and_seldom_lifts():
    torch.manual_seed(0)
    pen = MixtureDensityHead(6, 20)(torch.zeros(1, 6))
    assert torch.sigmoid(pen.lift).item() == torch.sigmoid(pen.stop).item() == pytest.approx(0.047, abs=0.001)
    torch.testing.assert_close(pen.log_std_x.exp(), torch.full((1, 20), 1.01))
    assert pen.mean_x.std().item() > 0.2  # components that start alike would stay alike
    assert pen.log_weight.exp().sum().item() == pytest.approx(1)


@pytest.mark.parametrize("floor", [0.0, -0.1])
def test_floor_of_nothing(floor):
    with pytest.raises(ValueError, match="floor of the standard deviation must be above 0"):
        MixtureDensityHead(6, 2, floor=floor)
