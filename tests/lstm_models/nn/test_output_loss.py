import pytest
import torch

from lstm_models.nn.output_loss import output_loss


def _inputs(rows, dtype=torch.float32):
    generator = torch.Generator().manual_seed(rows)
    made = [torch.randn(size, generator=generator, dtype=dtype) for size in ((rows, 8), (30, 8), (30,))]
    return [each.requires_grad_() for each in made], torch.randint(0, 30, (rows,), generator=generator)


@pytest.mark.parametrize("rows", [1, 256, 600])  # below, at and above a block
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_it_is_torch_s_cross_entropy_with_its_gradients(rows, smoothing):
    (x, weight, bias), wanted = _inputs(rows)
    ours = output_loss(x, weight, bias, wanted, smoothing)
    logits = torch.nn.functional.linear(x, weight, bias)
    theirs = torch.nn.functional.cross_entropy(logits, wanted, label_smoothing=smoothing, reduction="sum")
    torch.testing.assert_close(ours, theirs)
    for found, right in zip(
        torch.autograd.grad(3 * ours, (x, weight, bias)),
        torch.autograd.grad(3 * theirs, (x, weight, bias)),
        strict=True,
    ):
        torch.testing.assert_close(found, right, atol=1e-4, rtol=1e-4)


def test_in_bfloat16_it_is_as_near_as_that_is():
    (x, weight, bias), wanted = _inputs(300)
    exact = output_loss(x, weight, bias, wanted, 0.1)
    with torch.autocast("cpu", torch.bfloat16):
        rounded = output_loss(x, weight, bias, wanted, 0.1)
    assert rounded.dtype == torch.float32
    torch.testing.assert_close(rounded, exact, rtol=5e-3, atol=0)
    for found, right in zip(
        torch.autograd.grad(rounded, (x, weight)), torch.autograd.grad(exact, (x, weight)), strict=True
    ):
        assert (found - right).norm() < 0.02 * right.norm()


def test_no_rows_have_no_loss():
    (_, weight, bias), _ = _inputs(1)
    assert output_loss(torch.zeros(0, 8), weight, bias, torch.zeros(0, dtype=torch.long)) == 0
