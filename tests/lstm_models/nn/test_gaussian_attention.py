"""Windows of Gaussian filters, beside the equations of DRAW's paper (section 3.2) written out in loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from lstm_models.nn.gaussian_attention import (
    GaussianWindow,
    filter_banks,
    gaussian_window,
    read_window,
    widest_window,
    write_window,
)

NUMBERS = torch.tensor([[0.1, -0.3, 0.4, -1.2, 0.7], [-0.8, 0.5, -0.6, -0.4, -0.2]])
SIZE, HEIGHT, WIDTH = 3, 9, 7


def by_hand(numbers, size, height, width):
    """Equations 19 to 26 with A = width, B = height, pixels a = 1..A and b = 1..B, filters i = 1..N."""
    g_x, g_y, log_variance, log_stride, _ = numbers
    center_x, center_y = (width + 1) / 2 * (g_x + 1), (height + 1) / 2 * (g_y + 1)
    stride = (max(width, height) - 1) / (size - 1) * math.exp(log_stride)
    banks = []
    for center, pixels in ((center_y, height), (center_x, width)):
        bank = np.zeros((size, pixels))
        for i in range(1, size + 1):
            mean = center + (i - size / 2 - 0.5) * stride
            for a in range(1, pixels + 1):
                bank[i - 1, a - 1] = math.exp(-((a - mean) ** 2) / (2 * math.exp(log_variance)))
            bank[i - 1] /= bank[i - 1].sum()
        banks.append(bank)
    return banks


def test_filters_are_those_of_the_paper():
    window = gaussian_window(NUMBERS, SIZE, HEIGHT, WIDTH)
    rows, columns = filter_banks(window, SIZE, HEIGHT, WIDTH)
    for number, numbers in enumerate(NUMBERS.tolist()):
        expected_rows, expected_columns = by_hand(numbers, SIZE, HEIGHT, WIDTH)
        np.testing.assert_allclose(rows[number], expected_rows, atol=1e-6)
        np.testing.assert_allclose(columns[number], expected_columns, atol=1e-6)


def test_reading_and_writing_are_products_with_the_filters():
    torch.manual_seed(0)
    window = gaussian_window(NUMBERS, SIZE, HEIGHT, WIDTH)
    images, patch = torch.rand(2, 2, HEIGHT, WIDTH), torch.randn(2, SIZE, SIZE)
    seen, drawn = read_window(images, window, SIZE), write_window(patch, window, HEIGHT, WIDTH)
    assert seen.shape == (2, 2, SIZE, SIZE)
    for number, numbers in enumerate(NUMBERS.tolist()):
        rows, columns = by_hand(numbers, SIZE, HEIGHT, WIDTH)
        gamma = math.exp(numbers[4])
        for channel in range(2):
            expected = gamma * rows @ images[number, channel].numpy() @ columns.T
            np.testing.assert_allclose(seen[number, channel], expected, atol=1e-5)
        np.testing.assert_allclose(drawn[number], rows.T @ patch[number].numpy() @ columns / gamma, atol=1e-5)


def test_a_narrow_window_of_stride_one_reads_the_pixels_themselves():
    image = torch.arange(63.0).view(1, 1, HEIGHT, WIDTH)
    window = GaussianWindow(*torch.tensor([4.0, 5.0, 1.0, 1e-3, 1.0])[:, None])  # fourth column, fifth row, from 1
    torch.testing.assert_close(read_window(image, window, SIZE), image[:, :, 3:6, 2:5])


def test_the_widest_window_covers_the_image():
    window = gaussian_window(torch.tensor([widest_window(5, 28, 28)]), 5, 28, 28)
    rows, _ = filter_banks(window, 5, 28, 28)
    centers = (rows[0] * torch.arange(1.0, 29)).sum(1)
    assert window.stride.item() == pytest.approx(27 / 4)
    torch.testing.assert_close(centers[1:4], torch.tensor([7.75, 14.5, 21.25]), atol=0.2, rtol=0)  # cut off at the rim
    assert (rows[0].sum(0) > 0.05).all()  # no pixel is overlooked


@pytest.mark.parametrize("value", [-200.0, 200.0])
def test_extreme_windows_stay_finite_with_their_gradients(value):
    numbers = torch.full((1, 5), value, requires_grad=True)
    window = gaussian_window(numbers, SIZE, HEIGHT, WIDTH)
    total = read_window(torch.rand(1, 1, HEIGHT, WIDTH), window, SIZE).sum()
    total = total + write_window(torch.randn(1, SIZE, SIZE), window, HEIGHT, WIDTH).sum()
    total.backward()
    assert torch.isfinite(total)
    assert torch.isfinite(numbers.grad).all()


def test_gradients():
    torch.manual_seed(0)

    def run(x, y, stride, variance, intensity, image, patch):
        window = GaussianWindow(x, y, stride, variance, intensity)
        rows, columns = filter_banks(window, SIZE, 5, 4)
        seen = rows @ image @ columns.transpose(1, 2) * intensity[:, None, None]
        return seen, rows.transpose(1, 2) @ patch @ columns / intensity[:, None, None]

    fields = [torch.tensor([each], dtype=torch.float64, requires_grad=True) for each in (2.2, 2.9, 1.1, 0.8, 1.3)]
    inputs = [torch.randn(1, *shape, dtype=torch.float64, requires_grad=True) for shape in ((5, 4), (SIZE, SIZE))]
    assert torch.autograd.gradcheck(run, (*fields, *inputs))
