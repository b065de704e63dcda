"""Products with weights kept laid out: the same numbers, and never those of a weight that has changed."""

from __future__ import annotations

import pytest
import torch

from lstm_models import LSTM
from lstm_models.nn.prepacked_linear import PrepackedLinear, step_product


@pytest.mark.parametrize("rows", [1, 2, 5, 64, 65])
@pytest.mark.parametrize("bias", [True, False])
def test_equals_a_plain_product(rows: int, bias: bool) -> None:
    torch.manual_seed(rows)
    layer = PrepackedLinear(512, 640, bias=bias)
    x = torch.randn(rows, 512)
    expected = torch.nn.functional.linear(x, layer.weight, layer.bias)
    with torch.inference_mode():
        for _ in range(2):
            torch.testing.assert_close(layer(x), expected)
    torch.testing.assert_close(layer(x), expected)  # with gradients
    assert layer(x).requires_grad


def change_in_place(weight: torch.nn.Parameter) -> None:
    with torch.no_grad():
        weight.mul_(2)


def change_one_entry(weight: torch.nn.Parameter) -> None:
    with torch.no_grad():
        weight[3, 7] += 1


def change_data(weight: torch.nn.Parameter) -> None:
    weight.data = weight.data * 2


def change_through_data(weight: torch.nn.Parameter) -> None:
    weight.data.copy_(torch.randn_like(weight))


@pytest.mark.parametrize("change", [change_in_place, change_one_entry, change_data, change_through_data])
def test_a_changed_weight_is_laid_out_anew(change) -> None:
    torch.manual_seed(0)
    weight, x = torch.nn.Parameter(torch.randn(640, 512)), torch.randn(5, 512)
    with torch.no_grad():
        before = step_product(x, weight)
    change(weight)
    with torch.no_grad():
        after = step_product(x, weight)
        torch.testing.assert_close(after, torch.nn.functional.linear(x, weight), atol=1e-4, rtol=1e-4)
    assert not torch.equal(before, after)


def test_a_step_equals_that_with_gradients() -> None:
    torch.manual_seed(0)
    lstm = LSTM(512, 256).eval()
    x, state = torch.randn(5, 512), lstm.initial_state(5)
    expected, (h, c) = lstm.step(x, state)
    with torch.inference_mode():
        for _ in range(2):
            found, after = lstm.step(x, state)
            torch.testing.assert_close(found, expected)
            torch.testing.assert_close(after.c, c)
            torch.testing.assert_close(after.h, h)


def test_under_autocast_the_plain_product_is_used() -> None:
    weight, x = torch.nn.Parameter(torch.randn(640, 512)), torch.randn(5, 512)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        assert step_product(x, weight).dtype == torch.bfloat16
